import Graph

// What `foreach` and `matrix` make of an entry: one instance for each item, or for each combination of items.
//
// An instance is called `entry@key`. The key is the item's text, with a `-` for every run of what cannot stand in a
// name; a mapping's own key; and of a matrix these joined by `-`. So the name comes from what the instance is, and not
// from its place: adding an item renames nobody.

/// How many instances all entries together may be made into.
private let mostInstances = 100_000

struct InstanceMaker {
  let parameters: [Parameters]
  let mistakes: Mistakes
  private var made = 0

  init(parameters: [Parameters], mistakes: Mistakes) {
    self.parameters = parameters
    self.mistakes = mistakes
  }

  private struct Item {
    let key: String
    let value: Value
  }

  /// - Returns: `nil` if something is wrong, which is reported.
  mutating func scopes(of entry: Entry, in unit: Int) -> [Scope]? {
    guard let expansion = entry.expansion else { return nil }
    var lists: [[Item]] = []
    var product = 1
    for axis in expansion.axes {
      guard let list = items(of: axis, expansion, entry, parameters[unit]) else { return nil }
      lists.append(list)
      let (count, overflow) = product.multipliedReportingOverflow(by: list.count)
      product = overflow ? .max : count
    }
    guard product <= mostInstances - made else {
      refuse(
        entry, expansion, at: expansion.position,
        "makes \(product == .max ? "far too many" : "\(product)") tasks\(made > 0 ? ", and others make \(made)" : ""): "
          + "all of a pipeline may make \(mostInstances); let a task work on more, such as a bag of many partitions")
      return nil
    }
    guard let exclusions = exclusions(of: expansion, lists, entry, parameters[unit]) else { return nil }
    let scopes = product == 0 ? [] : combinations(of: lists, product, expansion, without: exclusions)
    guard !scopes.isEmpty else {
      refuse(entry, expansion, at: expansion.position, "leaves no combination: everything is excluded")
      return nil
    }
    guard areDistinct(scopes, entry, expansion) else { return nil }
    made += scopes.count
    return scopes
  }

  private func refuse(
    _ entry: Entry, _ expansion: Expansion, _ axis: Expansion.Axis? = nil, at position: Position, _ message: String
  ) {
    let list = expansion.kind == .matrix ? axis.map { ": \(shown($0.name.text))" } ?? "" : ""
    mistakes.add(
      .badExpansion, at: position, "task \(shown(entry.name.text)): \"\(expansion.kind.rawValue)\"\(list) \(message)")
  }

  // MARK: - Items

  private func items(
    of axis: Expansion.Axis, _ expansion: Expansion, _ entry: Entry, _ parameters: Parameters
  ) -> [Item]? {
    let subject = Parameters.Subject(
      "task \(shown(entry.name.text)): \"\(expansion.kind.rawValue)\""
        + (expansion.kind == .matrix ? ": \(shown(axis.name.text))" : ""))
    var items: [Item] = []
    if case .mapping(let named, _) = axis.items {
      for (name, raw) in named {
        guard instanceKey(name.text) == name.text, isSpeaking(name.text) else {
          refuse(
            entry, expansion, axis, at: name.position,
            "cannot name a task \(shown(name.text)): use letters, digits, \"_\", \"-\" and \".\"")
          return nil
        }
        let value = parameters.resolve(raw, subject: subject)
        guard isWhole(value, name.text, entry, expansion, axis, at: raw.position) else { return nil }
        items.append(Item(key: name.text, value: value))
      }
    } else {
      let texts: [Text]
      switch parameters.resolve(axis.items, subject: subject) {
      case .scalar(let text): texts = [text]
      case .list(let list, _): texts = list
      case .mapping, .broken: return nil
      }
      for text in texts {
        guard let more = self.items(of: text, axis, expansion, entry) else { return nil }
        items += more
        guard items.count <= mostInstances else {
          refuse(entry, expansion, axis, at: axis.items.position, "has more than \(mostInstances) items")
          return nil
        }
      }
    }
    guard !items.isEmpty else {
      refuse(entry, expansion, axis, at: axis.items.position, "is empty: it needs at least one item")
      return nil
    }
    return items
  }

  private func isWhole(
    _ value: Value, _ name: String, _ entry: Entry, _ expansion: Expansion, _ axis: Expansion.Axis,
    at position: Position
  ) -> Bool {
    switch value {
    case .broken: return false
    case .scalar(let text) where text.isNull:
      refuse(entry, expansion, axis, at: position, "has no value for \(shown(name))")
      return false
    case .scalar, .list: return true
    case .mapping(let parts):
      guard !parts.isEmpty else {
        refuse(entry, expansion, axis, at: position, "has no value for \(shown(name))")
        return false
      }
      return parts.allSatisfy { isWhole($0.value, $0.name, entry, expansion, axis, at: position) }
    }
  }

  /// One item, or those of a range.
  private func items(
    of text: Text, _ axis: Expansion.Axis, _ expansion: Expansion, _ entry: Entry
  ) -> [Item]? {
    let position = axis.items.position
    guard !text.isNull else {
      refuse(entry, expansion, axis, at: position, "has an item without a value")
      return nil
    }
    if let range = Range(text.text) {
      guard range.first <= range.last else {
        refuse(entry, expansion, axis, at: position, "runs backwards in \(shown(text.text))")
        return nil
      }
      let (distance, overflow) = range.last.subtractingReportingOverflow(range.first)
      guard !overflow, distance < mostInstances else {
        refuse(entry, expansion, axis, at: position, "has more than \(mostInstances) items in \(shown(text.text))")
        return nil
      }
      return (range.first...range.last).map { number in
        var item = text
        item.text = range.text(of: number)
        return Item(key: item.text, value: .scalar(item))
      }
    }
    let key = instanceKey(text.text)
    guard isSpeaking(key) else {
      refuse(
        entry, expansion, axis, at: position,
        "cannot name a task after \(shown(text.text)): give it a name, as in {name: value}")
      return nil
    }
    return [Item(key: key, value: .scalar(text))]
  }

  /// `2019..2024`; `01..12` keeps its zeros.
  private struct Range {
    let first: Int
    let last: Int
    private let width: Int

    init?(_ text: String) {
      guard let dots = text.firstIndex(of: "."), text[dots...].hasPrefix("..") else { return nil }
      let (low, high) = (text[..<dots], text[dots...].dropFirst(2))
      func number(_ text: Substring) -> Int? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text
        return digits.isEmpty || !digits.allSatisfy { $0.isASCII && $0.isNumber } ? nil : Int(text)
      }
      guard let first = number(low), let last = number(high) else { return nil }
      (self.first, self.last) = (first, last)
      let isPadded = [low, high].contains { $0.count > 1 && $0.hasPrefix("0") }
      width = isPadded ? max(low.count, high.count) : 0
    }

    func text(of number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: number < 0 ? 0 : max(0, width - digits.count)) + digits
    }
  }

  /// Whether a key says anything, and leaves room for the rest of a file's name.
  private func isSpeaking(_ key: String) -> Bool {
    key.utf8.count <= 100 && key.contains { $0.isLetter || $0.isNumber }
  }

  // MARK: - Combinations

  /// All, the last list's items changing first.
  private func combinations(
    of lists: [[Item]], _ count: Int, _ expansion: Expansion, without exclusions: [[(axis: Int, key: String)]]
  ) -> [Scope] {
    if expansion.kind == .foreach {
      return lists[0].map { Scope(kind: .foreach, key: $0.key, value: $0.value) }
    }
    var scopes: [Scope] = []
    scopes.reserveCapacity(count)
    var places = [Int](repeating: 0, count: lists.count)
    for _ in 0..<count {
      let items = lists.indices.map { lists[$0][places[$0]] }
      if !exclusions.contains(where: { $0.allSatisfy { items[$0.axis].key == $0.key } }) {
        let values = zip(expansion.axes, items).map { ($0.name.text, $1.value) }
        scopes.append(
          Scope(kind: .matrix, key: items.map(\.key).joined(separator: "-"), value: .mapping(values)))
      }
      for axis in lists.indices.reversed() {
        places[axis] += 1
        guard places[axis] == lists[axis].count else { break }
        places[axis] = 0
      }
    }
    return scopes
  }

  /// By the axis and the item's key; `nil` if something is wrong, which is reported.
  private func exclusions(
    of expansion: Expansion, _ lists: [[Item]], _ entry: Entry, _ parameters: Parameters
  ) -> [[(axis: Int, key: String)]]? {
    var exclusions: [[(axis: Int, key: String)]] = []
    for exclusion in expansion.exclusions {
      var parts: [(axis: Int, key: String)] = []
      for (name, raw) in exclusion {
        guard let axis = expansion.axes.firstIndex(where: { $0.name.text == name.text }) else { return nil }
        let subject = Parameters.Subject("task \(shown(entry.name.text)): \"matrix\": \"exclude\"")
        guard case .scalar(let text) = parameters.resolve(.scalar(raw), subject: subject) else { return nil }
        let key = instanceKey(text.text)
        let isFixed = !expansion.axes[axis].items.contains { $0.text.utf8.contains(UInt8(ascii: "$")) }
        // What a list from a parameter holds differs from run to run.
        guard !isFixed || lists[axis].contains(where: { $0.key == key }) else {
          let near = mistakes.nearest(to: key, among: lists[axis].map(\.key))
          refuse(
            entry, expansion, at: raw.position,
            "excludes \(shown(text.text)), which \(shown(name.text)) does not have\(suggestion(near))")
          return nil
        }
        parts.append((axis, key))
      }
      exclusions.append(parts)
    }
    return exclusions
  }

  private func areDistinct(_ scopes: [Scope], _ entry: Entry, _ expansion: Expansion) -> Bool {
    var first: [String: Scope] = [:]
    for scope in scopes {
      guard let other = first.updateValue(scope, forKey: scope.key) else { continue }
      let (one, two) = (describe(other), describe(scope))
      let name = shown("\(entry.name.text)@\(scope.key)")
      refuse(
        entry, expansion, at: expansion.position,
        one == two
          ? "has \(one) twice: two tasks would be called \(name)"
          : "makes two tasks called \(name), of \(one) and \(two): give names, as in {name: value}")
      return false
    }
    return true
  }

  private func describe(_ scope: Scope) -> String {
    func text(_ value: Value) -> String {
      if case .scalar(let text) = value { shown(text.text) } else { "…" }
    }
    guard scope.kind == .matrix, case .mapping(let items) = scope.value else { return text(scope.value) }
    return items.map { "\($0.name) \(text($0.value))" }.joined(separator: ", ")
  }
}

/// A text as it stands behind the `@` of an instance's name: letters and digits of any script, `_`, `-` and `.` stay, and
/// each run of anything else becomes one `-`.
func instanceKey(_ text: String) -> String {
  func isPlain(_ byte: UInt8) -> Bool {
    (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x5F || byte == 0x2D
      || byte == 0x2E
  }
  if text.utf8.allSatisfy(isPlain) { return text }
  var key = ""
  var isGap = false
  for character in text {
    if character.isLetter || character.isNumber || "_-.".contains(character) {
      key.append(character)
      isGap = false
    } else if !isGap {
      key.append("-")
      isGap = true
    }
  }
  return key
}
