import Foundation

/// Ops that throw, take too long, or take the process with them.
extension Scenario {
  /// A good branch beside one that goes wrong:
  ///
  ///     bag → good
  ///     base → bad
  private static func graph(
    _ random: inout TortureRandom, bad op: DebugGraph.Op, keys: [String] = []
  ) -> (graph: DebugGraph, bad: Int) {
    func seed() -> UInt64 { UInt64.random(in: 0..<(1 << 53), using: &random) }
    var graph = DebugGraph(name: "failing")
    let bag = graph.add("bag", .bytes(partitions: 8), seed: seed(), bytes: 4096)
    graph.add("good", .reduce(splitEvery: 3), seed: seed(), bytes: 512, from: [bag])
    let base = graph.add("base", .bytes(partitions: nil), seed: seed(), bytes: 4096, keep: true)
    let bad = graph.add("bad", op, from: [base], keys: keys)
    return (graph, bad)
  }

  private static func attempts(_ bench: Bench, _ task: String, _ outcome: String) throws -> Int {
    try bench.look()?.attempts.count { $0.task == task && $0.outcome == outcome } ?? 0
  }

  /// Four attempts are needed, a run makes two: it fails and says where, and one resume ends it.
  static func throwing(_ bench: Bench, _ random: inout TortureRandom) throws -> String {
    let (graph, _) = graph(&random, bad: .other("debug.fail", parameters: "times: 3"), keys: ["retries: 1"])
    try bench.write(graph)
    let failed = try bench.finish(bench.start(bench.runArguments() + ["--keep-going"]))
    bench.expect(failed.ending == .exited(1), "a task that fails twice with one retry: \(failed.said)")
    bench.expect(failed.output.contains("bad"), "the failed task is not named: \(failed.said)")
    bench.expect(try attempts(bench, "bad", "failed") == 2, "the first run must try twice")
    let before = try bench.look()
    let resumed = try bench.run("resume", bench.dagFile)
    bench.expect(resumed.isDone, "the third and fourth attempt: \(resumed.said)", kind: .lost)
    bench.expect(try attempts(bench, "bad", "failed") == 3, "the resume must fail once more")
    bench.expect(try attempts(bench, "bad", "done") == 1, "and then succeed")
    if let before, let after = try bench.look() {
      let again = before.ranAgain(in: after)
      bench.expect(again.isEmpty, "ran again, though on record: \(again)", kind: .computedAgain)
    }
    try bench.expectClean()
    try bench.expectResults(of: graph)
    return "failed after two attempts, done after four"
  }

  /// A minute's sleep with a second's patience.
  static func timeout(_ bench: Bench, _ random: inout TortureRandom) throws -> String {
    let (slow, bad) = graph(&random, bad: .other("debug.sleep", parameters: "seconds: 60"), keys: ["timeout: 1"])
    var graph = slow
    try bench.write(graph)
    let failed = try bench.finish(bench.start(bench.runArguments() + ["--keep-going", "--json"]))
    bench.expect(failed.ending == .exited(1), "a task past its timeout: \(failed.said)")
    bench.expect(failed.seconds < 10, "it took \(failed.seconds) s to notice a timeout of 1 s")
    let failures = try json(failed)["failures"] as? [[String: Any]] ?? []
    bench.expect(
      failures.contains { $0["task"] as? String == "bad" && $0["code"] as? String == "timeout" },
      "no failure of \"bad\" with code timeout: \(failed.said)")
    graph.replace(bad, with: .other("debug.sleep", parameters: "seconds: 1"), keys: ["timeout: 30"])
    try bench.write(graph)
    let mended = try bench.run("resume", bench.dagFile)
    bench.expect(mended.isDone, "with more patience: \(mended.said)", kind: .lost)
    try bench.expectClean()
    try bench.expectResults(of: graph)
    return "failed after \(CampaignReport.text(failed.seconds))"
  }

  /// The op kills the process that runs it, at the first try and at the second; then it is replaced.
  static func crash(_ bench: Bench, _ random: inout TortureRandom) throws -> String {
    let (fatal, bad) = graph(&random, bad: .other("debug.crash", parameters: ""))
    var graph = fatal
    try bench.write(graph)
    let died = try bench.finish(bench.start(bench.runArguments()))
    bench.expect(
      ![.exited(0), .exited(1), .exited(2)].contains(died.ending), "a process that an op kills: \(died.said)")
    let again = try bench.run("resume", bench.dagFile)
    bench.expect(again.errors.contains("run 1 died"), "resume does not report the death: \(again.said)")
    let before = try bench.look()
    bench.expect(
      before?.integrity == "ok", "integrity check: \(before?.integrity ?? "no state file")", kind: .integrity)
    bench.expect(
      before?.runs.first?.state == "died", "the first run is on record as \(before?.runs.first?.state ?? "nothing")")
    graph.replace(bad, with: .other("debug.noop", parameters: ""))
    try bench.write(graph)
    let mended = try bench.run("resume", bench.dagFile)
    bench.expect(mended.isDone, "with another op: \(mended.said)", kind: .lost)
    if let before, let after = try bench.look() {
      let again = before.ranAgain(in: after).filter { $0 != "bad" }
      bench.expect(again.isEmpty, "ran again, though on record: \(again)", kind: .computedAgain)
    }
    try bench.expectClean()
    try bench.expectResults(of: graph)
    return "died with \(died.ending), reported, and done once the op was another"
  }
}
