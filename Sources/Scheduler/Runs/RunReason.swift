import Graph

/// Why a task runs.
public enum RunReason: Hashable, Sendable, CustomStringConvertible {
  case neverRan
  case opChanged(from: String, to: String)
  case parametersChanged([Change])
  case inputsRenamed
  case fileIsNew(String)
  case fileChanged(String)
  case inputChanged(TaskKey)
  case outputMissing(String)
  case outputChanged(String)
  case resultLost(String)
  case neededBy(TaskKey)
  case notFinished(run: Int64)
  /// The user asked for it.
  case forced

  public struct Change: Hashable, Sendable {
    public let name: String
    public let from: String?
    public let to: String?
  }

  /// Whether the result differs from last time's, so that whatever uses it runs for that reason.
  var changesResult: Bool {
    switch self {
    case .neverRan, .opChanged, .parametersChanged, .inputsRenamed, .fileIsNew, .fileChanged, .inputChanged,
      .forced:
      true
    case .outputMissing, .outputChanged, .resultLost, .neededBy, .notFinished: false
    }
  }

  /// All words that `code` gives. The state file holds their places: new ones come last.
  static let codes = [
    "never-ran", "op-changed", "parameters-changed", "inputs-renamed", "file-new", "file-changed", "input-changed",
    "output-missing", "output-changed", "result-lost", "needed", "not-finished", "forced",
  ]

  /// The place of `code` in `codes`.
  var codeNumber: Int { RunReason.codes.firstIndex(of: code) ?? 0 }

  static let lostCode = 9
  static let neededCode = 10

  /// A word for grouping.
  public var code: String {
    switch self {
    case .neverRan: "never-ran"
    case .opChanged: "op-changed"
    case .parametersChanged: "parameters-changed"
    case .inputsRenamed: "inputs-renamed"
    case .fileIsNew: "file-new"
    case .fileChanged: "file-changed"
    case .inputChanged: "input-changed"
    case .outputMissing: "output-missing"
    case .outputChanged: "output-changed"
    case .resultLost: "result-lost"
    case .neededBy: "needed"
    case .notFinished: "not-finished"
    case .forced: "forced"
    }
  }

  public var description: String {
    switch self {
    case .neverRan: "it has never run"
    case .opChanged(let from, let to): "its op was \(from) and is \(to)"
    case .parametersChanged(let changes):
      "its parameters changed: "
        + changes.map { "\($0.name) was \($0.from ?? "not given"), is \($0.to ?? "not given")" }.joined(separator: "; ")
    case .inputsRenamed: "its \"from\" names other tasks"
    case .fileIsNew(let path): "\(path) is new"
    case .fileChanged(let path): "\(path) has changed"
    case .inputChanged(let key): "its input \(key) changes"
    case .outputMissing(let path): "\(path) is missing"
    case .outputChanged(let path): "\(path) was changed by someone else"
    case .resultLost(let path): "its stored result \(path) is missing or damaged"
    case .neededBy(let key): "\(key) needs it, and its result was not kept"
    case .forced: "it was asked for with --force or --from"
    case .notFinished(let run): "run \(run) did not finish it"
    }
  }
}
