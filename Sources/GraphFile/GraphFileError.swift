import Graph

/// What is wrong with a DAG file and those it includes: every mistake found, file by file in the order of the lines.
public struct GraphFileError: Error, Sendable, CustomStringConvertible {
  /// More than these are not worth reading at once.
  static let limit = 20

  /// The first mistakes, by file and line; never empty.
  public let mistakes: [Mistake]
  /// How many further ones are not listed.
  public let omittedCount: Int

  init(_ found: [Mistake], omittedCount: Int = 0) {
    mistakes = found
    self.omittedCount = omittedCount
  }

  /// The first mistake's code.
  public var code: Code { mistakes[0].code }

  /// One line a mistake, `file.yaml:12:7: message`.
  public var description: String {
    var lines = mistakes.map(\.description)
    if omittedCount > 0 { lines.append("… and \(omittedCount) more") }
    return lines.joined(separator: "\n")
  }

  /// One mistake and where it stands.
  public struct Mistake: Sendable, Hashable, CustomStringConvertible {
    public let code: Code
    /// What is wrong and what helps, in one line.
    public let message: String
    /// The file as the caller named it; an included one from where the including one lies.
    public let file: String
    /// From 1; `nil` where the mistake is not in the file's text: the file is missing, an override is unknown.
    public let line: Int?
    /// From 1, counted in Unicode scalars.
    public let column: Int?
    /// The line's text.
    public let excerpt: String?

    public var description: String {
      guard let line, let column else { return "\(file): \(message)" }
      return "\(file):\(line):\(column): \(message)"
    }
  }

  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The file is missing, cannot be read, or is no UTF-8 text.
    public static let unreadable = Code(rawValue: "unreadable")
    /// Not YAML.
    public static let syntax = Code(rawValue: "syntax")
    /// YAML, but not laid out as a DAG file.
    public static let structure = Code(rawValue: "structure")
    public static let unknownVersion = Code(rawValue: "unknown-version")
    public static let unknownKey = Code(rawValue: "unknown-key")
    public static let duplicateName = Code(rawValue: "duplicate-name")
    public static let badName = Code(rawValue: "bad-name")
    public static let missingOp = Code(rawValue: "missing-op")
    public static let unknownOp = Code(rawValue: "unknown-op")
    public static let unknownParameter = Code(rawValue: "unknown-parameter")
    public static let missingParameter = Code(rawValue: "missing-parameter")
    /// A value of the wrong kind, out of range, or one that the operation refuses.
    public static let badValue = Code(rawValue: "bad-value")
    /// `${…}` that names nothing, is not closed, or stands where it cannot.
    public static let badReference = Code(rawValue: "bad-reference")
    public static let unknownInput = Code(rawValue: "unknown-input")
    /// `from` does not fit the operation.
    public static let wrongInputs = Code(rawValue: "wrong-inputs")
    public static let cycle = Code(rawValue: "cycle")
    /// A file cannot be included.
    public static let badInclude = Code(rawValue: "bad-include")
    /// `foreach` or `matrix` gives no tasks, too many, or two of one name.
    public static let badExpansion = Code(rawValue: "bad-expansion")
    /// `from` names a task that is switched off.
    public static let switchedOff = Code(rawValue: "switched-off")
    /// An override names no parameter of the file.
    public static let unknownOverride = Code(rawValue: "unknown-override")
  }
}

/// A place in the text of one of the files that were read, from 1:1; columns are Unicode scalars, as YAML counts them.
struct Position: Hashable, Comparable, Sendable {
  /// The file's place among those that were read, 0 for the one that was asked for.
  var file = 0
  var line: Int
  var column: Int

  static let start = Position(line: 1, column: 1)

  func inFile(_ file: Int) -> Position { Position(file: file, line: line, column: column) }

  static func < (a: Position, b: Position) -> Bool { (a.file, a.line, a.column) < (b.file, b.line, b.column) }
}

/// Gathers mistakes while a file is read and its graph is built, so that one run shows all of them.
final class Mistakes {
  struct Found: Sendable {
    let code: GraphFileError.Code
    let position: Position?
    let message: String
  }

  private(set) var found: [Found]
  /// Looking for the nearest among ten thousand names costs milliseconds: only for those likely to be shown.
  private var suggestionsLeft = 2 * GraphFileError.limit

  init(_ found: [Found] = []) { self.found = found }

  var count: Int { found.count }

  func add(_ code: GraphFileError.Code, at position: Position?, _ message: String) {
    found.append(Found(code: code, position: position, message: onOneLine(message)))
  }

  /// The nearest name, if there is one and mistakes are still few.
  func nearest(to name: String, among names: some Sequence<String>) -> String? {
    guard suggestionsLeft > 0 else { return nil }
    suggestionsLeft -= 1
    return nearestName(to: String(name.prefix(100)), among: names)
  }

  /// What `OpRegistry.suggestions` gives, while mistakes are still few.
  func nearestOps(to name: String, in registry: OpRegistry) -> [String] {
    guard suggestionsLeft > 0 else { return [] }
    suggestionsLeft -= 1
    return registry.suggestions(for: String(name.prefix(100)))
  }

  /// All of them as one error, with the lines they stand on.
  func error(in sources: [SourceFile]) -> GraphFileError {
    let sorted = found.enumerated().sorted {
      ($0.element.position ?? .start, $0.offset) < ($1.element.position ?? .start, $1.offset)
    }
    var lines: [Int: SourceLines] = [:]
    let shown = sorted.prefix(GraphFileError.limit).map { _, found in
      let file = found.position?.file ?? 0
      let text = lines[file] ?? SourceLines(sources[file].text)
      lines[file] = text
      let position = found.position.map(text.clamped)
      return GraphFileError.Mistake(
        code: found.code, message: found.message, file: sources[file].path, line: position?.line,
        column: position?.column, excerpt: position.map { text[$0.line] })
    }
    return GraphFileError(Array(shown), omittedCount: max(0, found.count - GraphFileError.limit))
  }

  /// Takes back what was found since there were `count` mistakes, except what `isNew` says is worth telling.
  func filter(since count: Int, _ isNew: (Found) -> Bool) {
    let kept = found[count...].filter(isNew)
    found.replaceSubrange(count..., with: kept)
  }
}

/// Without what would break the line or steer the terminal: an operation may quote a value as it stands.
private func onOneLine(_ message: String) -> String {
  func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && !(0x2028...0x2029).contains(scalar.value)
  }
  guard !message.unicodeScalars.allSatisfy(isPlain) else { return message }
  return message.unicodeScalars.reduce(into: "") { line, scalar in
    if isPlain(scalar) {
      line.unicodeScalars.append(scalar)
    } else {
      line += scalar == "\n" ? "\\n" : "\u{FFFD}"
    }
  }
}

/// `; did you mean "x"?`, or nothing.
func suggestion(_ name: String?) -> String { name.map { "; did you mean \(shown($0))?" } ?? "" }

/// `; did you mean "x", "y" or "z"?`, or nothing.
func suggestion(_ names: [String]) -> String {
  names.isEmpty ? "" : "; did you mean \(alternatives(names.map(shown)))?"
}

/// A word of the file as messages show it: quoted, on one line, not endless.
func shown(_ text: String) -> String {
  jsonQuoted(text.unicodeScalars.count <= 80 ? text : String(text.unicodeScalars.prefix(79)) + "…")
}

/// `a, b and c`.
func listed(_ words: [String], limit: Int = 12) -> String {
  if words.count > limit {
    return words.prefix(limit).joined(separator: ", ") + " and \(words.count - limit) more"
  }
  guard let last = words.last, words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " and " + last
}
