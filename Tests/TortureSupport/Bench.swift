import Foundation

/// Where one round or scenario happens: a folder, the program under test, and what it was found to do wrong.
public final class Bench {
  public let program: String
  public let folder: String
  /// Seconds that a command may take before it counts as hanging.
  public let patience: Double
  public private(set) var problems: [Problem] = []
  /// The most memory that any command took, in bytes.
  private(set) var peakBytes = 0

  public init(program: String, folder: String, patience: Double = 120) throws {
    self.program = program
    self.folder = folder
    self.patience = patience
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  /// The state folder beside the DAG file.
  var state: String { folder + "/.graphrun" }
  var dagFile: String { folder + "/dag.yaml" }

  func write(_ graph: DebugGraph) throws { try write(graph.text) }

  func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: dagFile)) }

  func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ChildProcess {
    try ChildProcess([program] + arguments, in: folder, environment: environment)
  }

  func finish(_ child: ChildProcess) throws -> ChildProcess.Outcome {
    let outcome = try child.finish(within: patience)
    peakBytes = max(peakBytes, outcome.peakBytes)
    return outcome
  }

  @discardableResult
  func run(_ arguments: String..., environment: [String: String] = [:]) throws -> ChildProcess.Outcome {
    try finish(try start(arguments, environment: environment))
  }

  /// `run` with the bound and the workers that the campaign uses.
  func runArguments(memory: String = "48MB", workers: Int = 2) -> [String] {
    ["run", dagFile, "--memory", memory, "--workers", "\(workers)"]
  }

  func look() throws -> StateLook? { try StateLook(state) }

  // MARK: - What is expected

  func report(_ kind: Problem.Kind, _ message: String) { problems.append(Problem(kind: kind, message: message)) }

  @discardableResult
  func expect(_ condition: Bool, _ message: @autoclosure () -> String, kind: Problem.Kind = .other) -> Bool {
    if !condition { report(kind, message()) }
    return condition
  }

  /// The run on record must have ended well and left nothing behind.
  func expectClean() throws {
    if let look = try look() {
      expect(look.integrity == "ok", "integrity check: \(look.integrity)", kind: .integrity)
    } else {
      report(.lost, "there is no state file")
    }
    let left = Files.names(in: state + "/spill")
    expect(left.isEmpty, "spill files are left: \(left.prefix(3).joined(separator: ", "))", kind: .leftOver)
  }

  /// The results that have to stay are there, with the identities that were worked out here.
  ///
  /// - Parameter most: of a bag's partitions, which all went the same way, so many are asked for: each costs a process.
  func expectResults(of graph: DebugGraph, told: [String: DebugGraph.Result] = [:], most: Int = 8) throws {
    for (key, expected) in graph.surviving(told: told, most: most) {
      let outcome = try run("result", key, "--file", dagFile, "--json")
      guard outcome.isDone, let result = Bench.result(outcome.output) else {
        report(.lost, "no result of \(key): \(outcome.said)")
        continue
      }
      expect(
        result == expected,
        "\(key) is \(Bench.hex(result.identity)) with \(result.bytes) bytes, and must be "
          + "\(Bench.hex(expected.identity)) with \(expected.bytes) bytes", kind: .wrong)
    }
  }

  /// An entry's one result, as the program tells it.
  func result(of name: String) throws -> DebugGraph.Result? {
    Bench.result(try run("result", name, "--file", dagFile, "--json").output)
  }

  private static func result(_ json: String) -> DebugGraph.Result? {
    guard let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
      let text = object["identity"] as? String, text.hasPrefix("0x"), let bytes = object["bytes"] as? Int,
      let identity = UInt64(text.dropFirst(2), radix: 16)
    else { return nil }
    return DebugGraph.Result(identity: identity, bytes: bytes)
  }

  static func hex(_ identity: UInt64) -> String {
    let digits = String(identity, radix: 16)
    return "0x" + String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// Something that must never happen, and did.
public struct Problem: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// A result, or the way to it: a run that cannot be resumed, that hangs, a value that is not there.
    case lost
    /// A result that is not what it must be.
    case wrong
    /// The state file is damaged.
    case integrity
    /// A durable result was computed again.
    case computedAgain = "computed again"
    /// Spill files after success.
    case leftOver = "left over"
    case other
  }

  public var kind: Kind
  public var message: String

  public var description: String { "\(kind.rawValue): \(message)" }
}

/// Small helpers for files.
enum Files {
  static func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  /// Every visible file of a folder with its bytes.
  static func contents(of folder: String) -> [String: Data] {
    names(in: folder).filter { !$0.hasPrefix(".") }.reduce(into: [:]) {
      $0[$1] = FileManager.default.contents(atPath: folder + "/" + $1)
    }
  }
}
