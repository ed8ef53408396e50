import Graph

/// JSON to be written out, its keys in the order given.
indirect enum JSONText: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral {
  case object([(String, JSONText)])
  case array([JSONText])
  case string(String)
  /// JSON already.
  case raw(String)

  init(stringLiteral value: String) { self = .string(value) }
  init(booleanLiteral value: Bool) { self = .raw(value ? "true" : "false") }
  init(integerLiteral value: Int) { self = .raw("\(value)") }

  static func strings(_ texts: [String]) -> JSONText { .array(texts.map { .string($0) }) }

  /// Indented by two spaces; what holds nothing nested stands on one line.
  func text(indentation: String = "") -> String {
    let inner = indentation + "  "
    switch self {
    case .string(let text): return jsonQuoted(text)
    case .raw(let text): return text
    case .array(let items):
      if items.allSatisfy(\.isSingle) { return "[" + items.map { $0.text() }.joined(separator: ", ") + "]" }
      return "[\n" + items.map { inner + $0.text(indentation: inner) }.joined(separator: ",\n") + "\n\(indentation)]"
    case .object(let members):
      if members.allSatisfy(\.1.isSingle), members.count <= 2 {
        return "{" + members.map { jsonQuoted($0.0) + ": " + $0.1.text() }.joined(separator: ", ") + "}"
      }
      return "{\n"
        + members.map { inner + jsonQuoted($0.0) + ": " + $0.1.text(indentation: inner) }.joined(separator: ",\n")
        + "\n\(indentation)}"
    }
  }

  private var isSingle: Bool {
    switch self {
    case .string, .raw: true
    case .array(let items): items.isEmpty
    case .object(let members): members.isEmpty
    }
  }
}
