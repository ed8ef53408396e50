import Graph

/// A DAG file made into a graph.
public struct Pipeline: Sendable {
  public let name: String
  /// The DAG file, absolute.
  public let path: String
  /// In the file's order, with overrides applied.
  public let parameters: [Parameter]
  public let graph: TaskGraph
  /// The line on which each stage's entry begins, in the file that holds it.
  public let lines: [String: Int]
  /// How many entries the files have; `foreach` and `matrix` make several stages of one, and `when` none.
  public let entryCount: Int
  /// What `when` has switched off.
  public let switchedOff: [String]
  /// The DAG file and those it includes, absolute.
  public let files: [String]

  public struct Parameter: Hashable, Sendable {
    public let name: String
    /// The value as JSON text: a number only where JSON would write it as the file does.
    public let json: String
  }
}

extension Value {
  var json: String {
    switch self {
    case .scalar(let text): text.json
    case .list(let texts, _): "[" + texts.map(\.json).joined(separator: ",") + "]"
    case .mapping, .broken: "null"  // neither can be a parameter of a file
    }
  }
}

extension Text {
  fileprivate var json: String {
    !isQuoted && (isJSONNumber || text == "true" || text == "false") ? text : jsonQuoted(text)
  }

  /// "0704.0001" and "1." are numbers to YAML, but not to JSON.
  private var isJSONNumber: Bool {
    let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
    guard text.utf8.count - digits.count <= 1, let first = digits.first, first >= 0x30, first <= 0x39,
      coreNumber(text) != nil
    else { return false }
    let whole = digits.prefix { $0 >= 0x30 && $0 <= 0x39 }
    guard whole.count == 1 || first != 0x30 else { return false }
    guard let next = digits.dropFirst(whole.count).first else { return true }
    guard next == UInt8(ascii: ".") else { return next | 0x20 == UInt8(ascii: "e") }
    return digits.dropFirst(whole.count + 1).first.map { $0 >= 0x30 && $0 <= 0x39 } ?? false
  }
}
