import Foundation
import Graph
import TestSupport
import Testing

@testable import Scheduler

/// What was lost is computed again, what was kept for others stays, and the totals say what happened.
@Suite(.serialized) struct RecoveryTests {
  //   a[i] ── m[i] (kept) ─┬── sum ──┐
  //                        └─────────┴→ b[i] = mix(m[i], sum), which fails in the first run
  @Test("A kept result of an earlier run that is damaged is computed again within the run, with what it needs")
  func damagedKeptResult() throws {
    try TestFiles.withFolder { folder in
      let flag = folder + "/fail"
      try TestFiles.write("", to: flag)
      var graph = TaskGraph()
      try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(6)])
      try RandomGraphs.add("m", TestOps.mix(1), to: &graph, from: ["a"], keep: true, ["bytes": .integer(1 << 20)])
      try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["m"], ["bytes": .integer(8)])
      try RandomGraphs.add(
        "b", TestOps.mix(1, values: 1), to: &graph, from: ["m", "sum"], ["bytes": .integer(8), "fail": .string(flag)])
      try RandomGraphs.add("total", TestOps.reduce, to: &graph, from: ["b"], ["bytes": .integer(8)])
      let state = folder + "/state"
      #expect(try run(graph, in: state).outcome == .failed)
      try FileManager.default.removeItem(atPath: flag)
      let expected = try RandomGraphs.expected(graph)
      let kept = TestFiles.names(in: state + "/results").filter { $0.hasSuffix(".value") }
      #expect(kept.count == 6)
      for name in kept.prefix(2) {
        let path = URL(fileURLWithPath: state + "/results/" + name)
        var bytes = try Data(contentsOf: path)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: path)
      }
      let second = try run(graph, in: state)
      #expect(second.outcome == .done, "\(second.failures.map(\.error))")
      #expect(second.last.done == second.last.planned)
      #expect(try finals(graph, in: state)["total"] == expected.last)
      #expect(try sql("SELECT count(*) FROM v1_events WHERE kind = 'result-damaged'", in: state) == 2)
      for (stage, count) in [(0, 2), (1, 2), (2, 0), (3, 6)] {
        #expect(try sql("SELECT count(*) FROM attempt WHERE run = 2 AND stage = \(stage)", in: state) == count)
      }
      #expect(try sql("SELECT count(*) FROM v1_tasks WHERE run = 2 AND reason = 'result-lost'", in: state) == 4)
      #expect(try sql("SELECT done = planned FROM v1_runs WHERE run = 2", in: state) == true)
      // What was computed again is kept again.
      #expect(try run(graph, in: state).outcome == .upToDate)
    }
  }

  //   a[i] ─┬─ sum ─┬──────────→ b[i] = mix(a[i], sum)
  //         └───────│───────────↗
  //         d ──────┴→ bad = mix(d, sum), which runs first and fails
  @Test("What other tasks had spilled outlives a run of the failed ones only")
  func onlyFailed() throws {
    try TestFiles.withFolder { folder in
      let flag = folder + "/fail"
      try TestFiles.write("", to: flag)
      var graph = TaskGraph()
      try RandomGraphs.add("a", TestOps.source, to: &graph, ["bytes": .integer(1 << 20), "partitions": .integer(40)])
      try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
      try RandomGraphs.add("d", TestOps.source, to: &graph)
      let mix = TestOps.mix(1, values: 1)
      var policy = TaskPolicy()
      policy.priority = 1
      try graph.addStage(
        "bad", op: mix, arguments: OpArguments(["fail": .string(flag)], for: mix), from: ["d", "sum"], policy: policy)
      try RandomGraphs.add("b", mix, to: &graph, from: ["a", "sum"], ["bytes": .integer(8)])
      let state = folder + "/state"
      #expect(try run(graph, in: state, memory: 24 << 20, workers: 1).outcome == .failed)
      let spilled = try #require(
        try sql("SELECT count(*) FROM v1_results WHERE store = 'spill'", in: state, as: Int.self))
      #expect(spilled > 5)
      try FileManager.default.removeItem(atPath: flag)
      var only = request(graph, memory: 24 << 20, workers: 1)
      only.selection = RunSelection(onlyFailed: true)
      #expect(try RunSession(only, in: StateFolder(state)).execute { _ in }.outcome == .done)
      #expect(try sql("SELECT count(*) FROM attempt WHERE run = 2 AND stage = 0", in: state) == 0)
      #expect(try run(graph, in: state, memory: 24 << 20, workers: 1).outcome == .done)
      #expect(try sql("SELECT count(*) FROM attempt WHERE run = 3 AND stage = 0", in: state) == 40 - spilled)
      #expect(try sql("SELECT count(*) FROM v1_events WHERE kind = 'spill-damaged'", in: state) == 0)
      #expect(TestFiles.names(in: state + "/spill").isEmpty)
    }
  }

  @Test("An interrupt that comes before anything can run counts: nothing starts")
  func earlyInterrupt() throws {
    try TestFiles.withFolder { folder in
      var graph = TaskGraph()
      try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(8)])
      // In a scope of its own: it holds the folder's lock.
      do {
        let session = try RunSession(request(graph), in: StateFolder(folder))
        session.interrupt()
        #expect(try session.execute { _ in }.outcome == .interrupted)
      }
      #expect(try sql("SELECT count(*) FROM attempt", in: folder) == 0)
      #expect(try run(graph, in: folder).outcome == .done)
    }
  }

  @Test("A task whose value cannot be stored at first counts its rejects, rows and files once")
  func storedAtSecondAttempt() throws {
    try TestFiles.withFolder { folder in
      var graph = TaskGraph()
      var policy = TaskPolicy()
      policy.retries = 1
      policy.retryDelay = 0.01
      let op = RejectingOp.definition(results: StateFolder(folder).results)
      try graph.addStage("a", op: op, arguments: OpArguments([:], for: op), keep: true, policy: policy)
      let summary = try run(graph, in: folder)
      #expect(summary.outcome == .done, "\(summary.failures.map(\.error))")
      #expect(summary.last.retried == 1)
      #expect(summary.rejects.map(\.records) == [1])
      #expect(try sql("SELECT rejects FROM v1_ops", in: folder) == 1)
      #expect(try sql("SELECT count(*) FROM v1_rejects", in: folder) == 1)
      #expect(summary.last.rows == RejectingOp.rowCount)
      #expect(try sql("SELECT rows FROM v1_ops", in: folder) == RejectingOp.rowCount)
    }
  }

  //   a ─┬─ b     a's stored copy is damaged: b finds it, then c does; meanwhile a fails for good
  //      └─ c
  @Test("Who waits for a result that cannot be computed again counts as skipped", arguments: [false, true])
  func readersOfWhatCannotBeRecomputed(isDelayed: Bool) throws {
    var graph = TaskGraph()
    let bytes: [String: ParameterValue] = ["bytes": .integer(1 << 20)]
    try RandomGraphs.add("a", TestOps.source, to: &graph, bytes)
    try RandomGraphs.add("b", TestOps.mix(1), to: &graph, from: ["a"], bytes)
    var policy = TaskPolicy()
    policy.retries = 1
    let mix = TestOps.mix(1)
    try graph.addStage("c", op: mix, arguments: OpArguments(bytes, for: mix), from: ["a"], policy: policy)
    try RandomGraphs.add("d", TestOps.mix(1), to: &graph, from: ["c"], bytes)
    var state = SchedulerState(
      graph: graph, decisions: [.runs, .runs, .runs, .runs],
      settings: SchedulerState.Settings(workers: 2, keepsGoing: true, fuses: false),
      budget: MemoryBudget(limit: 64 << 20, idle: 0))
    #expect(state.next() == 0)
    state.finished(0, at: 0, bytes: 1 << 20, isStored: true)
    for _ in 0..<2 { _ = state.next() }
    if isDelayed { state.failed(2, at: 2, now: 0) }
    state.lost(0, for: 1)
    #expect(state.next() == 0)
    state.failed(0, at: 0)
    if !isDelayed { state.lost(0, for: 2) }
    #expect(state.next(now: 1000) == nil)
    #expect(state.isOver)
    #expect((state.done, state.failed, state.skipped) == (0, 1, 3))
    let effects = state.takeEffects()
    #expect(Set(effects.failures.flatMap(\.skipped) + effects.skipped) == [1, 2, 3])
    #expect(state.verify() == nil && state.budget.used == 0)
  }

  @Test("What computing cost is counted until the result is on disk to stay, and forgotten with the result")
  func recomputeCosts() {
    var costs = RecomputeCosts()
    func add(_ task: TaskID, _ seconds: Double, _ bytes: Int, from: [TaskID], onDisk: Set<TaskID> = []) -> Bool {
      costs.add(
        task, seconds: seconds, bytes: bytes, inputs: from, mayKeep: true, isOnDisk: { onDisk.contains($0) })
    }
    #expect(add(0, 5, 0, from: []))
    // Its place is given up with its last use: what was made of it is dear too.
    #expect(add(1, 0, 1 << 20, from: [0]))
    // It stays for others: this one is cheap.
    #expect(!add(2, 0, 8, from: [0], onDisk: [0]))
    // Along a chain a twentieth of what computing took is spent on writing, and no more: 5 s pay for 0.25 s.
    var last: TaskID = 1
    let written = (3..<TaskID(100)).count { task in
      defer { last = task }
      return add(task, 0, 10 << 20, from: [last])
    }
    #expect(written == 11)
    for task in 0..<TaskID(100) { costs.remove(task) }
    #expect(costs.count == 0)
  }
}

/// A source that sets one record aside, and whose result cannot be stored at its first attempt.
private struct RejectingOp: SourceOp {
  static let rowCount = 16 << 10
  /// The folder that results go to: a file stands there while the first attempt runs.
  let results: String

  static func definition(results: String) -> OpDefinition {
    OpDefinition(
      name: "test.rejecting", version: 1, summary: "sets a record aside", parameters: [], output: "a number",
      example: "", maker: .source { _ in RejectingOp(results: results) })
  }

  func partitions() throws -> Partitions { Partitions([Partition(index: 0, label: "only")]) }

  func estimate(_ partition: Partition) -> MemoryEstimate { MemoryEstimate(output: 1 << 17, scratch: 0) }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    try context.reject(RejectedRecord(file: "input.txt", record: "line 3", reason: "bad", text: nil))
    try FileManager.default.removeItem(atPath: results)
    if context.attempt == 1 {
      try TestFiles.write("in the way", to: results)
    } else {
      try FileManager.default.createDirectory(atPath: results, withIntermediateDirectories: true)
    }
    return TestValue(number: 1, byteCount: RejectingOp.rowCount * 8)
  }
}
