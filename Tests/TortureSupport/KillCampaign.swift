import Foundation

/// Random graphs, killed at random moments and resumed until they are done.
///
/// After every kill the state file must pass SQLite's integrity check, and nothing that stands under a final name may
/// be half-written. At the end every result that has to stay must be what the harness worked out by itself, no result
/// that was on record may have been computed again, and the spill folder must be empty.
public final class KillCampaign {
  public struct Settings: Sendable {
    public var program: String
    public var folder: String
    public var seed: UInt64
    public var kills = 500
    /// Stop here even if the kills are not reached.
    public var seconds = Double.infinity
    /// Only this round: to repeat one that failed.
    public var round: Int?
    public var recipe = DebugGraph.Recipe()
    public var keepsFolders = false

    public init(program: String, folder: String, seed: UInt64) {
      (self.program, self.folder, self.seed) = (program, folder, seed)
    }
  }

  /// Every how many rounds papers are written instead of a random graph.
  private static let papersEvery = 8

  private let settings: Settings
  private let progress: (CampaignReport) -> Void
  private var report: CampaignReport
  private var plan: KillPlan
  private var papers: Papers?
  private let start = ContinuousClock.now

  /// - Parameter progress: called after every kill and every round.
  public init(_ settings: Settings, progress: @escaping (CampaignReport) -> Void = { _ in }) {
    self.settings = settings
    self.progress = progress
    report = CampaignReport(seed: settings.seed, wantedKills: settings.kills)
    plan = KillPlan(random: TortureRandom(seed: settings.seed, part: 0))
  }

  public func run() throws -> CampaignReport {
    if let round = settings.round {
      try runRound(round)
    } else {
      var round = 0
      while report.kills < settings.kills, elapsed < settings.seconds {
        round += 1
        try runRound(round)
      }
    }
    report.seconds = elapsed
    return report
  }

  private var elapsed: Double { ChildProcess.seconds(since: start) }

  private func workload(_ round: Int, seed: UInt64) throws -> any Workload {
    guard round % KillCampaign.papersEvery == 0 else { return DebugGraph.random(seed: seed, recipe: settings.recipe) }
    if papers == nil {
      papers = try Papers(
        program: settings.program, folder: settings.folder + "/papers", items: 8000, files: 40, seed: settings.seed)
    }
    return papers!
  }

  private func runRound(_ round: Int) throws {
    let seed = TortureRandom.seed(settings.seed, part: UInt64(round))
    var random = TortureRandom(seed: seed)
    let folder = "\(settings.folder)/round-\(round)"
    try? FileManager.default.removeItem(atPath: folder)
    let bench = try Bench(program: settings.program, folder: folder)
    report.round = round
    report.rounds += 1
    do {
      let workload = try workload(round, seed: seed)
      // The first round of a campaign is left alone first, to learn how long things take.
      if report.rounds == 1 { try learn(workload, round: round) }
      try runRound(workload, on: bench, random: &random)
    } catch {
      bench.report(.lost, "\(error)")
    }
    report.peakBytes = max(report.peakBytes, bench.peakBytes)
    report.problems += bench.problems.map { .init(round: round, folder: folder, problem: $0) }
    if bench.problems.isEmpty, !settings.keepsFolders { try? FileManager.default.removeItem(atPath: folder) }
    report.seconds = elapsed
    progress(report)
  }

  private func learn(_ workload: any Workload, round: Int) throws {
    let bench = try Bench(program: settings.program, folder: "\(settings.folder)/undisturbed")
    defer { try? FileManager.default.removeItem(atPath: bench.folder) }
    try workload.prepare(bench)
    let child = try bench.start(bench.runArguments())
    let outcome = try bench.finish(child)
    guard outcome.isDone else { throw ChildProcess.Failure(description: "undisturbed: \(outcome.said)") }
    let begun = try bench.look()?.runs.last?.startedAt ?? 0
    plan.learn(
      seconds: outcome.seconds, work: workload.work, startUp: begun - child.startedAt.timeIntervalSince1970)
  }

  private func runRound(_ workload: any Workload, on bench: Bench, random: inout TortureRandom) throws {
    try workload.prepare(bench)
    let memory = ["48MB", "56MB", "64MB"].randomElement(using: &random)!
    let arguments = bench.runArguments(memory: memory, workers: Int.random(in: 1...3, using: &random))
    report.memoryLimit = max(report.memoryLimit, (Int(memory.dropLast(2)) ?? 0) << 20)
    var killsLeft = Int.random(in: 2...12, using: &random)
    var before = try bench.look()
    while true {
      let hasRun = before?.runs.isEmpty == false
      let left = workload.work * leftOver(before)
      let (phase, moment) = plan.next(work: left)
      // A moment that is watched for needs the folders to be there.
      var watch: FolderWatch?
      if case .at = moment, killsLeft > 0 { watch = try FolderWatch(state: bench.state) }
      let child = try bench.start(hasRun ? ["resume", bench.dagFile] : arguments)
      if killsLeft > 0 { aim(at: moment, child, watch) } else { child.wait(until: bench.patience) }
      if killsLeft > 0, !child.hasEnded { child.kill() }
      let outcome = try bench.finish(child)
      let after = try bench.look()
      check(after, since: before, bench)
      learn(from: child, outcome, before: before, after: after, work: left, isResume: hasRun)
      guard outcome.ending == .killed(SIGKILL) else {
        if outcome.isDone {
          if hasRun { report.lastResumes.append(outcome.seconds) }
          break
        }
        return bench.report(.lost, "\(hasRun ? "resume" : "run") ended with \(outcome.said)")
      }
      killsLeft -= 1
      report.noteKill(phase, landed: landed(before: before, after: after))
      try workload.checkAfterKill(bench)
      progress(report)
      before = after
    }
    try bench.expectClean()
    try workload.checkEnd(bench)
    let again = try bench.finish(bench.start(arguments + ["--json"]))
    bench.expect(
      again.isDone && again.output.contains("up-to-date"), "a run of what is done does something: \(again.said)",
      kind: .computedAgain)
  }

  /// Waits for the moment; the child may end before.
  private func aim(at moment: KillPlan.Moment, _ child: ChildProcess, _ watch: FolderWatch?) {
    switch moment {
    case .after(let seconds): child.wait(until: seconds)
    case .at(let targets, let count, let from, let latest):
      guard let watch else { return }
      let latest = min(latest, 120)
      var left = count
      while !child.hasEnded, child.seconds < latest {
        let seen = watch.next()
        if child.seconds < from { continue }
        left -= seen.count { targets.contains($0) }
        if left <= 0 { return }
      }
    }
  }

  private func check(_ after: StateLook?, since before: StateLook?, _ bench: Bench) {
    guard let after else {
      if before != nil { bench.report(.lost, "the state file was there before, and is gone") }
      return
    }
    report.integrityChecks += 1
    bench.expect(after.integrity == "ok", "integrity check: \(after.integrity)", kind: .integrity)
    guard let before else { return }
    let again = before.ranAgain(in: after)
    bench.expect(
      again.isEmpty, "ran again, though on record: \(again.prefix(5).joined(separator: ", "))", kind: .computedAgain)
    let gone = before.durable.subtracting(after.durable)
    bench.expect(gone.isEmpty, "no longer on record: \(gone.sorted().prefix(5).joined(separator: ", "))", kind: .lost)
  }

  /// The share of the work that is still to be done, guessed from the last run's tasks.
  private func leftOver(_ look: StateLook?) -> Double {
    guard let run = look?.runs.last, run.tasks > 0 else { return 1 }
    return min(1, max(0.02, Double(run.planned - run.done) / Double(run.tasks)))
  }

  private func learn(
    from child: ChildProcess, _ outcome: ChildProcess.Outcome, before: StateLook?, after: StateLook?, work: Double,
    isResume: Bool
  ) {
    guard let run = after?.runs.last, run.id > before?.lastRun ?? 0 else { return }
    let startUp = run.startedAt - child.startedAt.timeIntervalSince1970
    if isResume { report.resumeStarts.append(startUp) }
    if outcome.isDone {
      plan.learn(seconds: outcome.seconds, work: work, startUp: startUp)
    } else if run.done > 20, run.planned > 0 {
      plan.learn(seconds: outcome.seconds, work: work * Double(run.done) / Double(run.planned), startUp: startUp)
    }
  }

  private func landed(before: StateLook?, after: StateLook?) -> CampaignReport.Landing {
    guard let run = after?.runs.last, run.id > before?.lastRun ?? 0 else { return .beforeTheRun }
    guard run.planned > 0, run.done < run.planned else { return .allDone }
    switch Double(run.done) / Double(run.planned) {
    case 0: return .nothingDone
    case ..<0.25: return .firstQuarter
    case ..<0.75: return .middle
    default: return .lastQuarter
    }
  }
}
