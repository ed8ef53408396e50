import Foundation

/// What a campaign of kills has come to, at any moment of it.
public struct CampaignReport: Sendable {
  /// How far a run had come when it was killed, as the state file has it.
  public enum Landing: String, CaseIterable, Sendable {
    case beforeTheRun = "before the run was on record"
    case nothingDone = "nothing done on record"
    case firstQuarter = "first quarter"
    case middle = "middle"
    case lastQuarter = "last quarter"
    case allDone = "all tasks done"
  }

  public struct Finding: Sendable {
    public var round: Int
    public var folder: String
    public var problem: Problem
  }

  public let seed: UInt64
  public let wantedKills: Int
  public internal(set) var kills = 0
  public internal(set) var rounds = 0
  /// The number of the round that goes on.
  public internal(set) var round = 0
  public internal(set) var seconds = 0.0
  public internal(set) var integrityChecks = 0
  public internal(set) var landings: [Landing: Int] = [:]
  var phases: [KillPlan.Phase: Int] = [:]
  public internal(set) var problems: [Finding] = []
  /// Seconds from the start of a `resume` until its run is on record.
  public internal(set) var resumeStarts: [Double] = []
  /// Seconds of each `resume` that came to its end.
  public internal(set) var lastResumes: [Double] = []
  public internal(set) var peakBytes = 0
  public internal(set) var memoryLimit = 0

  init(seed: UInt64, wantedKills: Int) { (self.seed, self.wantedKills) = (seed, wantedKills) }

  mutating func noteKill(_ phase: KillPlan.Phase, landed: Landing) {
    kills += 1
    phases[phase, default: 0] += 1
    landings[landed, default: 0] += 1
  }

  public func count(_ kind: Problem.Kind) -> Int { problems.count { $0.problem.kind == kind } }

  /// One line while it goes on.
  public var line: String {
    let bad = problems.isEmpty ? "nothing lost, nothing wrong" : "\(problems.count) PROBLEMS"
    return "kills \(kills) of \(wantedKills) · round \(round) · \(Int(seconds)) s · \(bad)"
  }

  /// The table at the end.
  public var table: [String] {
    func list<Key: Hashable & CaseIterable & RawRepresentable>(_ counts: [Key: Int]) -> String
    where Key.RawValue == String {
      Key.allCases.compactMap { key in counts[key].map { "\(key.rawValue) \($0)" } }.joined(separator: ", ")
    }
    var rows = [
      ("kills", "\(kills) in \(rounds) rounds, \(Int(seconds)) s"),
      ("aimed at", list(phases)),
      ("landed", list(landings)),
      ("integrity", "\(integrityChecks) checks, \(count(.integrity)) failed"),
    ]
    for kind in Problem.Kind.allCases where kind != .integrity { rows.append((kind.rawValue, "\(count(kind))")) }
    if let start = resumeStarts.median, let last = lastResumes.median {
      rows.append(
        ("resume", "median \(CampaignReport.text(start)) until work goes on, \(CampaignReport.text(last)) to the end"))
    }
    rows.append(("peak memory", "\(peakBytes >> 20) MB at most, of up to \(memoryLimit >> 20) MB allowed"))
    return rows.map { $0.padding(toLength: 16, withPad: " ", startingAt: 0) + $1 }
  }

  static func text(_ seconds: Double) -> String {
    seconds < 1 ? "\(Int((seconds * 1000).rounded())) ms" : String(format: "%.1f s", seconds)
  }
}

extension [Double] {
  var median: Double? { isEmpty ? nil : sorted()[count / 2] }
}
