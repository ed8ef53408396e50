import Yams

// Nodes of YAML as what a DAG file can hold, with complaints about the rest.

extension StructureReader {
  func place(_ mark: Mark?) -> Position { Position(mark).inFile(file) }

  /// The mapping's keys and values; a key that is no word, or a second time there, is reported and left out.
  func pairs(
    of mapping: Node.Mapping, subject: String = "",
    repeated: (String) -> String = { "the key \(shown($0)) stands twice" }
  ) -> [(key: Word, value: Node)] {
    var first: [String: Position] = [:]
    return mapping.compactMap { key, value in
      guard case .scalar(let scalar) = key else {
        mistakes.add(.structure, at: place(key.mark), "\(subject)a key is a word, and this is \(kind(of: key))")
        return nil
      }
      let word = Word(text: tree.text(ofKey: scalar), position: place(scalar.mark))
      if let earlier = first[word.text] {
        mistakes.add(
          .duplicateName, at: word.position, "\(subject)\(repeated(word.text)): the first is on line \(earlier.line)")
        return nil
      }
      first[word.text] = word.position
      return (word, value)
    }
  }

  func rawValue(_ node: Node, subject: String) -> RawValue {
    let position = place(node.mark)
    switch node {
    case .scalar(let scalar): return rawScalar(scalar, subject: subject).map { .scalar($0) } ?? .broken(position)
    case .mapping(let mapping):
      let items = pairs(of: mapping, subject: "\(subject): ").map { key, value in
        (name: key, value: rawValue(value, subject: "\(subject): \(shown(key.text))"))
      }
      return .mapping(items, position)
    case .alias: return .broken(position)
    case .sequence(let sequence):
      let before = mistakes.count
      let items = sequence.compactMap { item -> RawScalar? in
        guard case .scalar(let scalar) = item else {
          mistakes.add(
            .structure, at: place(item.mark), "\(subject) is a list of \(kind(of: item)): put a single value here")
          return nil
        }
        let raw = rawScalar(scalar, subject: subject)
        if let raw, raw.isNull {
          mistakes.add(.badValue, at: raw.position, "\(subject) has an item without a value")
        }
        return raw
      }
      return mistakes.count == before ? .list(items, position) : .broken(position)
    }
  }

  func rawScalar(_ scalar: Node.Scalar, subject: String) -> RawScalar? {
    let tag = scalar.tag.rawValue
    guard tag.isEmpty || tag == "!" || tag.hasPrefix("tag:yaml.org,2002:") else {
      mistakes.add(
        .structure, at: place(scalar.mark), "\(subject): \(shown(tag)) is read as a YAML tag: put it in quotes")
      return nil
    }
    return RawScalar(text: scalar.string, isQuoted: scalar.style != .plain, position: place(scalar.mark))
  }

  func string(_ node: Node, of subject: String) -> String? {
    guard case .scalar(let scalar) = node else {
      mistakes.add(.structure, at: place(node.mark), "\(subject) wants a text, and this is \(kind(of: node))")
      return nil
    }
    guard let raw = rawScalar(scalar, subject: subject) else { return nil }
    guard !raw.isNull, !raw.text.isEmpty else {
      mistakes.add(.badValue, at: raw.position, "\(subject) has no value")
      return nil
    }
    return raw.text
  }

  func isNull(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
    return RawScalar(text: scalar.string, isQuoted: false, position: .start).isNull
  }

  func kind(of node: Node) -> String {
    switch node {
    case .scalar(let scalar): isNull(node) ? "empty" : "the text \(shown(scalar.string))"
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  func reportUnknownKey(_ key: Word, among keys: [String], of what: String, subject: String) {
    let remedy =
      key.text == "<<"
      ? "; YAML's merge is not read: write the keys out"
      : mistakes.nearest(to: key.text, among: keys).map { suggestion($0) }
        ?? "; \(what) has the keys \(listed(keys, limit: 20))"
    mistakes.add(.unknownKey, at: key.position, "\(subject)\(shown(key.text)) is no key of \(what)\(remedy)")
  }

  func checkName(_ name: Word, of what: String) {
    guard !isName(name.text) else { return }
    mistakes.add(
      .badName, at: name.position,
      "\(shown(name.text)) cannot name \(what): use letters, digits, \"_\" and \"-\", beginning with a letter or \"_\"")
  }
}

/// Whether task keys and `${…}` can hold the name: ASCII letters, digits, `_` and `-`, a letter or `_` first.
func isName(_ text: String) -> Bool {
  func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || byte == 0x5F }
  guard let first = text.utf8.first, isLetter(first) else { return false }
  return text.utf8.allSatisfy { isLetter($0) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D }
}
