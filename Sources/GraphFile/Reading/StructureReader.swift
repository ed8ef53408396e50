import Graph
import Yams

/// Walks the tree of a DAG file and takes down what it says, complaining of what has no place in it.
struct StructureReader {
  private(set) var name: String?
  private(set) var parameters: [FileParameter] = []
  private(set) var entries: [Entry] = []
  private let tree: YamlTree
  private let mistakes: Mistakes

  /// How much there is of each pool and resource.
  private(set) var limits: [LimitName: Int] = [:]

  static let fileKeys = ["version", "name", "description", "parameters", "pools", "resources", "tasks"]
  static let entryKeys = [
    "op", "from", "with", "keep", "retries", "retryDelay", "timeout", "priority", "pool", "resources", "memory",
    "description",
  ]

  /// - Throws: `YamlProblem` if there is no mapping to walk.
  init(_ tree: YamlTree, mistakes: Mistakes) throws {
    self.tree = tree
    self.mistakes = mistakes
    guard case .mapping(let top) = tree.root else {
      throw YamlProblem(
        [Position(tree.root.mark)],
        "a DAG file is a mapping with the key \"tasks\", and this is \(kind(of: tree.root))",
        code: .structure)
    }
    var hasTasks = false
    var hasUnknownKey = false
    for (key, node) in pairs(of: top) {
      switch key.text {
      case "version": checkVersion(node)
      case "name": name = string(node, of: "\"name\"")
      case "description": _ = string(node, of: "\"description\"")
      case "parameters": readParameters(node)
      case "pools":
        for (name, most) in amounts(node, subject: "\"pools\"") { limits[LimitName(.pool, name)] = most }
      case "resources":
        for (name, most) in amounts(node, subject: "\"resources\"") { limits[LimitName(.resource, name)] = most }
      case "tasks":
        hasTasks = true
        readTasks(node, key: key)
      default:
        hasUnknownKey = true
        reportUnknownKey(key, among: StructureReader.fileKeys, of: "a DAG file", subject: "")
      }
    }
    if !hasTasks, !hasUnknownKey { mistakes.add(.structure, at: .start, "the file has no \"tasks\"") }
  }

  private func checkVersion(_ node: Node) {
    guard let text = string(node, of: "\"version\""), Int(text) != DAGFile.version else { return }
    mistakes.add(
      .unknownVersion, at: Position(node.mark),
      "version \(shown(text)) of the DAG file format is not known: this program reads version \(DAGFile.version)")
  }

  // MARK: - Parameters

  private mutating func readParameters(_ node: Node) {
    guard !isNull(node) else { return }
    guard case .mapping(let mapping) = node else {
      mistakes.add(
        .structure, at: Position(node.mark), "\"parameters\" maps names to values, and this is \(kind(of: node))")
      return
    }
    for (key, value) in pairs(of: mapping) {
      checkName(key, of: "a parameter")
      let raw = rawValue(value, subject: "parameter \(shown(key.text))")
      if case .mapping(_, let position) = raw {
        mistakes.add(
          .structure, at: position,
          "parameter \(shown(key.text)) is a mapping: only a text, a number, true, false "
            + "or a list of these can be a parameter")
        parameters.append(FileParameter(name: key, value: .broken(position)))
      } else {
        parameters.append(FileParameter(name: key, value: raw))
      }
    }
  }

  // MARK: - Tasks

  private mutating func readTasks(_ node: Node, key: Word) {
    guard case .mapping(let mapping) = node else {
      let position = Position(node.mark)
      if isNull(node) {
        mistakes.add(.structure, at: key.position, "\"tasks\" is empty: the file needs at least one task")
      } else {
        mistakes.add(.structure, at: position, "\"tasks\" maps names to tasks, and this is \(kind(of: node))")
      }
      return
    }
    for (key, value) in pairs(of: mapping, repeated: { "there are two tasks named \(shown($0))" }) {
      checkName(key, of: "a task")
      entries.append(entry(key, value))
    }
    if mapping.isEmpty {
      mistakes.add(.structure, at: key.position, "\"tasks\" is empty: the file needs at least one task")
    }
  }

  private func entry(_ name: Word, _ node: Node) -> Entry {
    var entry = Entry(name: name)
    guard case .mapping(let mapping) = node else {
      entry.isIncomplete = true
      let found = isNull(node) ? "it is empty" : "this is \(kind(of: node))"
      mistakes.add(
        .structure, at: isNull(node) ? name.position : Position(node.mark),
        "task \(shown(name.text)) needs the key \"op\", and \(found)")
      return entry
    }
    let before = mistakes.count
    var harmless = 0
    for (key, value) in pairs(of: mapping, subject: "task \(shown(name.text)): ") {
      let countBefore = mistakes.count
      let subject = "task \(shown(name.text)): \"\(key.text)\""
      switch key.text {
      case "op": entry.op = string(value, of: subject).map { Word(text: $0, position: Position(value.mark)) }
      case "from":
        entry.fromPosition = key.position
        entry.from = inputs(value, subject: subject)
      case "with": entry.arguments = arguments(value, task: name)
      case "keep":
        entry.keep = boolean(value, subject: subject)
        harmless += mistakes.count - countBefore
      case "retries", "retryDelay", "timeout", "priority", "pool", "resources", "memory":
        readPolicy(key.text, value, subject: subject, into: &entry.policy)
        if key.text == "pool" || key.text == "resources" { entry.limitPosition = Position(value.mark) }
        harmless += mistakes.count - countBefore
      case "description":
        _ = string(value, of: subject)
        harmless += mistakes.count - countBefore
      default:
        reportUnknownKey(
          key, among: StructureReader.entryKeys, of: "a task", subject: "task \(shown(name.text)): ")
      }
    }
    entry.isIncomplete = mistakes.count > before + harmless
    if entry.op == nil, !entry.isIncomplete {
      entry.isIncomplete = true
      mistakes.add(.missingOp, at: name.position, "task \(shown(name.text)) has no \"op\"")
    }
    return entry
  }

  private func readPolicy(_ key: String, _ node: Node, subject: String, into policy: inout TaskPolicy) {
    switch key {
    case "retries": policy.retries = integer(node, subject: subject, in: 0...1000) ?? 0
    case "retryDelay": policy.retryDelay = seconds(node, subject: subject) ?? policy.retryDelay
    case "timeout": policy.timeout = seconds(node, subject: subject)
    case "priority": policy.priority = integer(node, subject: subject, in: -1_000_000...1_000_000) ?? 0
    case "pool":
      if let name = string(node, of: subject) { policy.takes[LimitName(.pool, name)] = 1 }
    case "resources":
      for (name, amount) in amounts(node, subject: subject) { policy.takes[LimitName(.resource, name)] = amount }
    default:
      guard let text = string(node, of: subject) else { return }
      policy.memory = ByteCount(text)?.bytes
      if policy.memory == nil {
        mistakes.add(
          .badValue, at: Position(node.mark), "\(subject) wants a size such as 64MB, and got \(shown(text))")
      }
    }
  }

  /// Names with whole numbers of at least 1.
  private func amounts(_ node: Node, subject: String) -> [(name: String, amount: Int)] {
    guard case .mapping(let mapping) = node else {
      mistakes.add(
        .structure, at: Position(node.mark), "\(subject) maps names to numbers, and this is \(kind(of: node))")
      return []
    }
    return pairs(of: mapping, subject: "\(subject): ").compactMap { key, value in
      checkName(key, of: "a pool or resource")
      return integer(value, subject: "\(subject): \(shown(key.text))", in: 1...1_000_000).map { (key.text, $0) }
    }
  }

  private func integer(_ node: Node, subject: String, in range: ClosedRange<Int>) -> Int? {
    guard let text = string(node, of: subject) else { return nil }
    if case .value(let number) = coreInteger(text), range.contains(number) { return number }
    mistakes.add(
      .badValue, at: Position(node.mark),
      "\(subject) wants an integer, \(range.lowerBound) to \(range.upperBound), and got \(shown(text))")
    return nil
  }

  private func seconds(_ node: Node, subject: String) -> Double? {
    guard let text = string(node, of: subject) else { return nil }
    if let number = coreNumber(text), number.isFinite, number > 0 { return number }
    mistakes.add(
      .badValue, at: Position(node.mark), "\(subject) wants a number of seconds above 0, and got \(shown(text))")
    return nil
  }

  private func inputs(_ node: Node, subject: String) -> [Word] {
    let items: [Node]
    if case .sequence(let sequence) = node { items = Array(sequence) } else { items = [node] }
    return items.compactMap { item in
      guard case .scalar = item else {
        mistakes.add(
          .structure, at: Position(item.mark),
          "\(subject) names a task, or a list of tasks, and this is \(kind(of: item))")
        return nil
      }
      return string(item, of: subject).map { Word(text: $0, position: Position(item.mark)) }
    }
  }

  private func arguments(_ node: Node, task: Word) -> [(name: Word, value: RawValue)] {
    guard !isNull(node) else { return [] }
    guard case .mapping(let mapping) = node else {
      mistakes.add(
        .structure, at: Position(node.mark),
        "task \(shown(task.text)): \"with\" maps parameters to values, and this is \(kind(of: node))")
      return []
    }
    return pairs(of: mapping, subject: "task \(shown(task.text)): ").map { key, value in
      (key, rawValue(value, subject: "task \(shown(task.text)): parameter \(shown(key.text))"))
    }
  }

  // MARK: - Nodes

  /// The mapping's keys and values; a key that is no word, or a second time there, is reported and left out.
  private func pairs(
    of mapping: Node.Mapping, subject: String = "",
    repeated: (String) -> String = { "the key \(shown($0)) stands twice" }
  ) -> [(key: Word, value: Node)] {
    var first: [String: Position] = [:]
    return mapping.compactMap { key, value in
      guard case .scalar(let scalar) = key else {
        mistakes.add(.structure, at: Position(key.mark), "\(subject)a key is a word, and this is \(kind(of: key))")
        return nil
      }
      let word = Word(text: tree.text(ofKey: scalar), position: Position(scalar.mark))
      if let earlier = first[word.text] {
        mistakes.add(
          .duplicateName, at: word.position, "\(subject)\(repeated(word.text)): the first is on line \(earlier.line)")
        return nil
      }
      first[word.text] = word.position
      return (word, value)
    }
  }

  private func rawValue(_ node: Node, subject: String) -> RawValue {
    let position = Position(node.mark)
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
            .structure, at: Position(item.mark), "\(subject) is a list of \(kind(of: item)): put a single value here")
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

  private func rawScalar(_ scalar: Node.Scalar, subject: String) -> RawScalar? {
    let tag = scalar.tag.rawValue
    guard tag.isEmpty || tag == "!" || tag.hasPrefix("tag:yaml.org,2002:") else {
      mistakes.add(
        .structure, at: Position(scalar.mark), "\(subject): \(shown(tag)) is read as a YAML tag: put it in quotes")
      return nil
    }
    return RawScalar(text: scalar.string, isQuoted: scalar.style != .plain, position: Position(scalar.mark))
  }

  private func string(_ node: Node, of subject: String) -> String? {
    guard case .scalar(let scalar) = node else {
      mistakes.add(.structure, at: Position(node.mark), "\(subject) wants a text, and this is \(kind(of: node))")
      return nil
    }
    guard let raw = rawScalar(scalar, subject: subject) else { return nil }
    guard !raw.isNull, !raw.text.isEmpty else {
      mistakes.add(.badValue, at: raw.position, "\(subject) has no value")
      return nil
    }
    return raw.text
  }

  private func boolean(_ node: Node, subject: String) -> Bool {
    guard let text = string(node, of: subject) else { return false }
    if text != "true", text != "false" {
      mistakes.add(.badValue, at: Position(node.mark), "\(subject) wants true or false, and got \(shown(text))")
    }
    return text == "true"
  }

  private func isNull(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
    return RawScalar(text: scalar.string, isQuoted: false, position: .start).isNull
  }

  private func kind(of node: Node) -> String {
    switch node {
    case .scalar(let scalar): isNull(node) ? "empty" : "the text \(shown(scalar.string))"
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  private func reportUnknownKey(_ key: Word, among keys: [String], of what: String, subject: String) {
    let remedy =
      key.text == "<<"
      ? "; YAML's merge is not read: write the keys out"
      : mistakes.nearest(to: key.text, among: keys).map { suggestion($0) }
        ?? "; \(what) has the keys \(listed(keys))"
    mistakes.add(.unknownKey, at: key.position, "\(subject)\(shown(key.text)) is no key of \(what)\(remedy)")
  }

  private func checkName(_ name: Word, of what: String) {
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
