import Foundation

/// One thing that goes wrong in a way that can be arranged, and what graphrun has to make of it.
public enum Scenario: String, CaseIterable, Sendable {
  case diskFullSpill = "disk-full-spill"
  case diskFullKept = "disk-full-kept"
  case diskFullState = "disk-full-state"
  case diskFullOutput = "disk-full-output"
  case bitFlip = "bit-flip"
  case truncation = "truncation"
  case databaseLocked = "database-locked"
  case stopAndContinue = "stop-and-continue"
  case clockBackwards = "clock-backwards"
  case throwing = "throwing-op"
  case timeout = "timeout"
  case crash = "crash"

  public var summary: String {
    switch self {
    case .diskFullSpill: "the disk of the spill folder fills up, then there is room"
    case .diskFullKept: "the disk of the kept results fills up, then there is room"
    case .diskFullState: "the disk of the whole state folder fills up, then there is room"
    case .diskFullOutput: "the disk of the output files fills up, then there is room"
    case .bitFlip: "bits of spilled values flip before a resume"
    case .truncation: "spill files are cut before a resume"
    case .databaseLocked: "another process reads and locks the state file for seconds"
    case .stopAndContinue: "SIGSTOP, seconds later SIGCONT"
    case .clockBackwards: "the clock jumps an hour, back and ahead"
    case .throwing: "an op throws more often than it is retried"
    case .timeout: "an op takes longer than its timeout"
    case .crash: "an op kills the process"
    }
  }

  public enum Verdict: Sendable {
    /// What was seen, in a few words.
    case passed(String)
    case skipped(String)
    case failed([Problem])
  }

  public struct Outcome: Sendable {
    public var scenario: Scenario
    public var verdict: Verdict
    public var seconds: Double
    public var folder: String

    public var hasFailed: Bool { if case .failed = verdict { true } else { false } }
    public var problems: [Problem] { if case .failed(let problems) = verdict { problems } else { [] } }

    /// A row of the summary.
    public var line: String {
      let words =
        switch verdict {
        case .passed(let note): "passed   \(note)"
        case .skipped(let why): "skipped  \(why)"
        case .failed(let problems): "FAILED   " + problems.map(\.description).joined(separator: "; ")
        }
      return scenario.rawValue.padding(toLength: 19, withPad: " ", startingAt: 0) + words
    }
  }

  /// Why a scenario cannot be arranged on this machine.
  struct Skip: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  /// Runs it in a folder of its own below `folder`, which is removed if all is well.
  public func run(program: String, folder: String, seed: UInt64, keepsFolder: Bool = false) -> Outcome {
    let start = ContinuousClock.now
    let own = "\(folder)/\(rawValue)"
    let number = UInt64(Scenario.allCases.firstIndex(of: self)!)
    var random = TortureRandom(seed: seed, part: 1_000_000 + number)
    let verdict: Verdict
    do {
      try? FileManager.default.removeItem(atPath: own)
      let bench = try Bench(program: program, folder: own)
      var note = ""
      do {
        note = try perform(bench, &random)
      } catch let skip as Skip {
        try? FileManager.default.removeItem(atPath: own)
        return Outcome(scenario: self, verdict: .skipped(skip.reason), seconds: 0, folder: own)
      } catch {
        bench.report(.other, "\(error)")
      }
      verdict = bench.problems.isEmpty ? .passed(note) : .failed(bench.problems)
      if bench.problems.isEmpty, !keepsFolder { try? FileManager.default.removeItem(atPath: own) }
    } catch {
      verdict = .failed([Problem(kind: .other, message: "\(error)")])
    }
    return Outcome(scenario: self, verdict: verdict, seconds: ChildProcess.seconds(since: start), folder: own)
  }

  /// - Returns: what was seen, in a few words.
  private func perform(_ bench: Bench, _ random: inout TortureRandom) throws -> String {
    switch self {
    case .diskFullSpill: try Scenario.diskFull(bench, below: "spill", megabytes: 8, &random)
    case .diskFullKept: try Scenario.diskFull(bench, below: "results", megabytes: 6, &random)
    case .diskFullState: try Scenario.diskFull(bench, below: nil, megabytes: 10, &random)
    case .diskFullOutput: try Scenario.outputDiskFull(bench, &random)
    case .bitFlip: try Scenario.spillDamage(bench, &random) { try Damage.flipBit(in: $0, random: &$1) }
    case .truncation: try Scenario.spillDamage(bench, &random) { places, _ in try Damage.cut(places) }
    case .databaseLocked: try Scenario.databaseLocked(bench, &random)
    case .stopAndContinue: try Scenario.stopAndContinue(bench, &random)
    case .clockBackwards: try Scenario.clockJumps(bench, &random)
    case .throwing: try Scenario.throwing(bench, &random)
    case .timeout: try Scenario.timeout(bench, &random)
    case .crash: try Scenario.crash(bench, &random)
    }
  }

  /// A graph whose bag must be held as a whole, so that it spills under a tight bound:
  ///
  ///     bag ──┬─────────────────────→ mixed → sum
  ///           └→ mean ─(→ nap)───────↗
  ///
  /// - Parameter nap: seconds that a sleep between the reduction and its use takes; its identity is asked for later.
  static func holdingGraph(
    _ random: inout TortureRandom, partitions: Int = 48, bytes: Int = 1 << 20, keepsMixed: Bool = false,
    nap: Int? = nil,
    napKeys: [String] = []
  ) -> DebugGraph {
    func seed() -> UInt64 { UInt64.random(in: 0..<(1 << 53), using: &random) }
    var graph = DebugGraph(name: "holding")
    let bag = graph.add("bag", .bytes(partitions: partitions), seed: seed(), bytes: bytes)
    var value = graph.add("mean", .reduce(splitEvery: 4), seed: seed(), bytes: 800, from: [bag])
    if let nap {
      value = graph.add(
        "nap", .other("debug.sleep", parameters: "seconds: \(nap)"), from: [value], keep: true, keys: napKeys)
    }
    let mixed = graph.add("mixed", .mix, seed: seed(), bytes: bytes / 2, from: [bag, value], keep: keepsMixed)
    graph.add("sum", .reduce(splitEvery: 4), seed: seed(), bytes: 64, from: [mixed])
    return graph
  }

  /// What only the program can tell is asked for, and then all else must follow from it.
  static func expectResults(of graph: DebugGraph, _ bench: Bench) throws {
    var told: [String: DebugGraph.Result] = [:]
    for entry in graph.entries {
      guard case .other = entry.op, entry.keeps else { continue }
      told[entry.name] = try bench.result(of: entry.name)
      bench.expect(told[entry.name] != nil, "no result of \(entry.name)", kind: .lost)
    }
    try bench.expectResults(of: graph, told: told)
  }
}
