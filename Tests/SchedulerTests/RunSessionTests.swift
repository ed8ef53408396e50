import Foundation
import GRDB
import Graph
import TestSupport
import Testing

@testable import Scheduler

/// Runs `graph` on the state folder `folder`.
@discardableResult
func run(
  _ graph: TaskGraph, in folder: String, memory: Int = 1 << 40, workers: Int = 2, keepsGoing: Bool = false
) throws -> RunSummary {
  try RunSession(request(graph, memory: memory, workers: workers, keepsGoing: keepsGoing), in: StateFolder(folder))
    .execute { _ in }
}

func request(_ graph: TaskGraph, memory: Int = 1 << 40, workers: Int = 2, keepsGoing: Bool = false)
  -> RunRequest
{
  var request = RunRequest(
    name: "test", file: "/nowhere/test.yaml", folder: "/nowhere", command: "test", settings: "{}", graph: graph,
    registry: TestOps.registry(), memory: ByteCount(memory), workers: workers, keepsGoing: keepsGoing)
  // Other tests run in this process: what the kernel measures says nothing about this run.
  request.residentBytes = { 0 }
  return request
}

/// The final numbers of all reductions as the state folder has them.
func finals(_ graph: TaskGraph, in folder: String) throws -> [String: UInt64] {
  let reader = try StateReader(StateFolder(folder))
  var numbers: [String: UInt64] = [:]
  for stage in graph.stages where !stage.isBag {
    let value = try reader.result(of: TaskKey(stage: stage.name), file: nil, registry: TestOps.registry())
    numbers[stage.name] = (value as? TestValue)?.number
  }
  return numbers
}

func sql<T: DatabaseValueConvertible>(_ query: String, in folder: String, as type: T.Type = T.self) throws -> T? {
  try DatabaseQueue(path: folder + "/state.sqlite").read { try T.fetchOne($0, sql: query) }
}

//   a[0] a[1] … a[n]
//     \   |      /
//        sum ——→ b[i] = mix(a[i], sum) → total
private func twoPasses(partitions: Int, bytes: Int) throws -> TaskGraph {
  var graph = TaskGraph()
  try RandomGraphs.add("a", TestOps.source, to: &graph, ["bytes": .integer(bytes), "partitions": .integer(partitions)])
  try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
  try RandomGraphs.add("b", TestOps.mix(1, values: 1), to: &graph, from: ["a", "sum"], ["bytes": .integer(bytes)])
  try RandomGraphs.add("total", TestOps.reduce, to: &graph, from: ["b"], ["bytes": .integer(8)])
  return graph
}

@Suite(.serialized) struct RunSessionTests {
  @Test("Random graphs give the numbers worked out without a scheduler, with one worker or four", arguments: 0..<12)
  func randomGraphs(seed: Int) throws {
    try TestFiles.withFolder { folder in
      let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 10, partitions: 5, mostBytes: 1 << 18)
      let summary = try run(graph, in: folder, workers: seed % 2 == 0 ? 1 : 4)
      #expect(summary.outcome == .done)
      let expected = try RandomGraphs.expected(graph)
      for (name, number) in try finals(graph, in: folder) {
        #expect(number == expected[Int(try #require(graph.task(TaskKey(stage: name))))])
      }
      #expect(try sql("SELECT count(*) FROM attempt", in: folder) == graph.taskCount)
      #expect(try run(graph, in: folder).outcome == .upToDate)
    }
  }

  @Test("Random graphs with shuffles give these numbers within little memory and much", arguments: 0..<8)
  func randomShuffles(seed: Int) throws {
    let graph = try RandomGraphs.graph(
      seed: UInt64(seed), stages: 12, partitions: 6, mostBytes: 1 << 20, shuffles: true)
    let expected = try RandomGraphs.expected(graph)
    for memory in [48 << 20, 1 << 40] {
      try TestFiles.withFolder { folder in
        #expect(try run(graph, in: folder, memory: memory, workers: 3).outcome == .done)
        for (name, number) in try finals(graph, in: folder) {
          let task = try #require(graph.task(TaskKey(stage: name)))
          #expect(number == expected[Int(task)], "\(name)")
        }
        #expect(try run(graph, in: folder).outcome == .upToDate)
        #expect(TestFiles.names(in: folder + "/spill").isEmpty)
      }
    }
  }

  @Test("A bound far below the intermediates spills, gives the same numbers and leaves no spill file")
  func spilling() throws {
    try TestFiles.withFolder { folder in
      let graph = try twoPasses(partitions: 60, bytes: 1 << 20)
      let summary = try run(graph, in: folder, memory: 32 << 20)
      #expect(summary.outcome == .done)
      #expect(summary.last.spilledTotal > 25 << 20)
      let expected = try RandomGraphs.expected(graph)
      #expect(try finals(graph, in: folder)["total"] == expected.last)
      #expect(TestFiles.names(in: folder + "/spill").isEmpty)
      #expect(try sql("SELECT spilled_bytes FROM v1_runs", in: folder) == summary.last.spilledTotal)
    }
  }

  //   a[i] ── b[i] ── c[i] ── total, where b asks for more memory in the middle of a unit
  @Test("What comes before a step that asks for more memory is done once, and who cannot have it is named")
  func memoryInTheMiddleOfAUnit() throws {
    func graph(_ reserve: Int) throws -> TaskGraph {
      var graph = TaskGraph()
      try RandomGraphs.add("a", TestOps.source, to: &graph, ["bytes": .integer(1 << 10), "partitions": .integer(40)])
      try RandomGraphs.add(
        "b", TestOps.mix(1), to: &graph, from: ["a"], ["bytes": .integer(1 << 10), "reserve": .integer(reserve)])
      try RandomGraphs.add("c", TestOps.mix(1), to: &graph, from: ["b"], ["bytes": .integer(1 << 10)])
      try RandomGraphs.add("total", TestOps.reduce, to: &graph, from: ["c"], ["bytes": .integer(8)])
      return graph
    }
    try TestFiles.withFolder { folder in
      let (graph, memory) = (try graph(40 << 20), 64 << 20)
      let summary = try run(graph, in: folder, memory: memory, workers: 4)
      #expect(summary.outcome == .done)
      let expected = try #require(try RandomGraphs.expected(graph).last)
      #expect(try finals(graph, in: folder)["total"] == expected)
      #expect(try sql("SELECT count(*) FROM v1_tasks WHERE name = 'a'", in: folder) == 40)
      #expect(try sql("SELECT count(*) FROM v1_tasks WHERE name = 'b'", in: folder) == 40)
      #expect(try sql("SELECT count(*) FROM v1_events WHERE kind = 'memory'", in: folder, as: Int.self)! > 0)
    }
    try TestFiles.withFolder { folder in
      let summary = try run(graph(1 << 30), in: folder, memory: 64 << 20, workers: 1)
      let failure = try #require(summary.failures.first)
      #expect(
        failure.key.stage == "b" && failure.error.record == "line 9" && failure.error.code == .tooLarge, "\(failure)")
    }
  }

  @Test("After a failure only what is left runs, and a failure names task, file, record and what was skipped")
  func resumeAfterFailure() throws {
    try TestFiles.withFolder { folder in
      let flag = folder + "/fail"
      try TestFiles.write("", to: flag)
      var graph = TaskGraph()
      try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(6)])
      try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
      try RandomGraphs.add(
        "b", TestOps.mix(1, values: 1), to: &graph, from: ["a", "sum"], keep: true, ["fail": .string(flag)])
      let state = folder + "/state"
      let first = try run(graph, in: state, keepsGoing: true)
      #expect(first.outcome == .failed)
      #expect(first.failures.count == 6)
      #expect(first.failures[0].error.description == "input.txt: record line 7: told to fail")
      #expect(try sql("SELECT state FROM v1_runs", in: state) == "failed")
      #expect(try sql("SELECT record FROM v1_failures", in: state) == "line 7")
      try FileManager.default.removeItem(atPath: flag)
      let second = try run(graph, in: state)
      #expect(second.outcome == .done)
      // The sum and its partial results were stored: only the sources, whose results were not kept, run again.
      #expect(try sql("SELECT count(*) FROM attempt WHERE run = 2 AND stage = 1", in: state) == 0)
      #expect(try sql("SELECT count(*) FROM attempt WHERE run = 2 AND stage = 2", in: state) == 6)
      #expect(try run(graph, in: state).outcome == .upToDate)
    }
  }

  @Test("Spilled values of a run that failed are used again; damaged ones are not")
  func adoptsSpills() throws {
    try TestFiles.withFolder { folder in
      let flag = folder + "/fail"
      try TestFiles.write("", to: flag)
      func graph() throws -> TaskGraph {
        var graph = TaskGraph()
        try RandomGraphs.add("a", TestOps.source, to: &graph, ["bytes": .integer(1 << 20), "partitions": .integer(40)])
        try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
        try RandomGraphs.add(
          "b", TestOps.mix(1, values: 1), to: &graph, from: ["a", "sum"], ["bytes": .integer(8), "fail": .string(flag)])
        return graph
      }
      let state = folder + "/state"
      _ = try run(try graph(), in: state, memory: 24 << 20, workers: 1)
      let spilled = try #require(
        try sql("SELECT count(*) FROM v1_results WHERE store = 'spill'", in: state, as: Int.self))
      #expect(spilled > 5)
      #expect(TestFiles.names(in: state + "/spill").count == 1)
      // One bit flips on disk, in one of the values.
      let path = try #require(try sql("SELECT path FROM v1_results WHERE store = 'spill'", in: state, as: String.self))
      let extent = try #require(SpillExtent(path))
      let damaged = URL(fileURLWithPath: state + "/spill/" + extent.fileName)
      var bytes = try Data(contentsOf: damaged)
      bytes[extent.offset + extent.byteCount / 2] ^= 1
      try bytes.write(to: damaged)
      try FileManager.default.removeItem(atPath: flag)
      #expect(try run(try graph(), in: state).outcome == .done)
      let sourcesAgain: Int? = try sql("SELECT count(*) FROM attempt WHERE run = 2 AND stage = 0", in: state)
      #expect(sourcesAgain == 40 - (spilled - 1))
      #expect(try sql("SELECT count(*) FROM v1_events WHERE kind = 'spill-damaged'", in: state) == 1)
    }
  }

  //   a[i] ─┐                          two stages that compute the same thing, both held and spilled
  //   c[i] ─┴─ sums ── b[i] = mix(a[i], c[i], sum, sum)
  @Test("Stages that compute the same thing do not delete each other's spill files, nor after a failure")
  func sameFingerprints() throws {
    try TestFiles.withFolder { folder in
      let flag = folder + "/fail"
      func graph() throws -> TaskGraph {
        var graph = TaskGraph()
        let settings: [String: ParameterValue] = ["bytes": .integer(1 << 20), "partitions": .integer(20)]
        try RandomGraphs.add("a", TestOps.source, to: &graph, settings)
        try RandomGraphs.add("c", TestOps.source, to: &graph, settings)
        try RandomGraphs.add("left", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
        try RandomGraphs.add("right", TestOps.reduce, to: &graph, from: ["c"], ["bytes": .integer(8)])
        try RandomGraphs.add(
          "b", TestOps.mix(2, values: 2), to: &graph, from: ["a", "c", "left", "right"],
          ["bytes": .integer(8), "fail": .string(flag)])
        return graph
      }
      try TestFiles.write("", to: flag)
      #expect(try run(graph(), in: folder + "/state", memory: 24 << 20).outcome == .failed)
      #expect(TestFiles.names(in: folder + "/state/spill").count == 1)
      try FileManager.default.removeItem(atPath: flag)
      #expect(try run(graph(), in: folder + "/state", memory: 24 << 20).outcome == .done)
      #expect(TestFiles.names(in: folder + "/state/spill").isEmpty)
    }
  }

  @Test("A kept result is evicted without being written twice, and is there after a failure")
  func keptAndEvicted() throws {
    try TestFiles.withFolder { folder in
      let flag = folder + "/fail"
      try TestFiles.write("", to: flag)
      func graph() throws -> TaskGraph {
        var graph = TaskGraph()
        try RandomGraphs.add(
          "a", TestOps.source, to: &graph, keep: true, ["bytes": .integer(1 << 20), "partitions": .integer(30)])
        try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
        try RandomGraphs.add(
          "b", TestOps.mix(1, values: 1), to: &graph, from: ["a", "sum"], ["bytes": .integer(8), "fail": .string(flag)])
        return graph
      }
      let first = try run(graph(), in: folder + "/state", memory: 20 << 20)
      #expect(first.outcome == .failed)
      #expect(first.last.spilledTotal == 0)
      try FileManager.default.removeItem(atPath: flag)
      #expect(try run(graph(), in: folder + "/state", memory: 20 << 20).outcome == .done)
      #expect(try sql("SELECT count(*) FROM attempt WHERE run = 2 AND stage = 0", in: folder + "/state") == 0)
    }
  }

  @Test("A reader that keeps the state file open does not keep a run from ending")
  func busyReader() throws {
    try TestFiles.withFolder { folder in
      var graph = TaskGraph()
      try RandomGraphs.add("a", TestOps.source, to: &graph)
      try run(graph, in: folder)
      var configuration = Configuration()
      configuration.allowsUnsafeTransactions = true
      let reader = try DatabaseQueue(path: folder + "/state.sqlite", configuration: configuration)
      try reader.inDatabase { try $0.execute(sql: "BEGIN; SELECT count(*) FROM v1_runs") }
      try RandomGraphs.add("b", TestOps.mix(1), to: &graph, from: ["a"])
      #expect(try run(graph, in: folder).outcome == .done)
      try reader.inDatabase { try $0.execute(sql: "COMMIT") }
    }
  }

  @Test("A side file that another run writes is left alone, and one of a dead run is taken over")
  func sideFiles() throws {
    try TestFiles.withFolder { folder in
      let path = folder + "/out.json"
      try TestFiles.write("left by a dead run, and longer than what comes", to: FilePublisher.sidePath(of: path))
      _ = try FilePublisher.publish(path, synced: true) { sink, _ in
        try sink.write("mine")
        #expect(throws: TaskError.self) {
          _ = try FilePublisher.publish(path, synced: true) { other, _ in try other.write("theirs") }
        }
      }
      #expect(try TestFiles.text(path) == "mine")
      let long = folder + "/" + String(repeating: "ü", count: 120) + ".json"
      _ = try FilePublisher.publish(long, synced: false) { sink, _ in try sink.write("long") }
      #expect(try TestFiles.text(long) == "long")
      #expect(TestFiles.names(in: folder).count == 2)
    }
  }

  @Test("A changed parameter reruns what it reaches, and the plan says why")
  func reasons() throws {
    try TestFiles.withFolder { folder in
      func graph(seed: Int) throws -> TaskGraph {
        var graph = TaskGraph()
        try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(3)])
        try RandomGraphs.add("left", TestOps.reduce, to: &graph, from: ["a"])
        try RandomGraphs.add("b", TestOps.mix(1), to: &graph, from: ["a"], ["seed": .integer(seed)])
        try RandomGraphs.add("right", TestOps.reduce, to: &graph, from: ["b"])
        return graph
      }
      try run(graph(seed: 1), in: folder)
      let changed = try graph(seed: 2)
      let plan = try StateReader(StateFolder(folder)).plan(changed, file: "/nowhere/test.yaml")
      let reasons = plan.reasons()
      func reason(_ key: String) -> String? { changed.task(TaskKey(key)!).flatMap { reasons[Int($0)]?.description } }
      #expect(reason("left") == nil)
      #expect(reason("b[1]") == "its parameters changed: seed was 1, is 2")
      #expect(reason("a[1]") == "b[1] needs it, and its result was not kept")
      #expect(reason("right[2]") == "its input b[2] changes")
      #expect(reason("right") == "its input right[0] changes")
      #expect(try run(changed, in: folder).last.done == plan.planned)
    }
  }

  @Test("A second process on the folder is refused with the first one's id")
  func locked() throws {
    try TestFiles.withFolder { folder in
      var graph = TaskGraph()
      try RandomGraphs.add("a", TestOps.source, to: &graph)
      let first = try RunSession(request(graph), in: StateFolder(folder))
      #expect(StateFolder(folder).runningProcess() == Int(getpid()))
      #expect { try RunSession(request(graph), in: StateFolder(folder)) } throws: { error in
        (error as? SchedulerError)?.code == .locked && "\(error)".contains("process \(getpid())")
      }
      _ = try first.execute { _ in }
    }
  }

  @Test("A run whose process is gone counts as died and is gone on with")
  func diedRun() throws {
    try TestFiles.withFolder { folder in
      let graph = try twoPasses(partitions: 4, bytes: 1024)
      try run(graph, in: folder)
      try DatabaseQueue(path: folder + "/state.sqlite").write { db in
        try db.execute(
          sql:
            "UPDATE run SET state = 'running', ended_at = NULL; UPDATE attempt SET fingerprint = NULL, value = NULL WHERE stage = 3"
        )
      }
      let session = try RunSession(request(graph), in: StateFolder(folder))
      #expect(session.died == 1)
      #expect(try session.execute { _ in }.outcome == .done)
      #expect(try sql("SELECT state FROM run WHERE id = 1", in: folder) == "died")
    }
  }

  @Test("A newer schema, a file that is no database and a bound that is too small are said clearly")
  func refusals() throws {
    try TestFiles.withFolder { folder in
      var graph = TaskGraph()
      try RandomGraphs.add("a", TestOps.source, to: &graph, ["bytes": .integer(64 << 20)])
      #expect { try run(graph, in: folder + "/x", memory: 32 << 20) } throws: { error in
        (error as? SchedulerError)?.code == .memory && "\(error)".contains("a[0] (part-0) needs about 64.0 MB")
      }
      try run(graph, in: folder + "/y")
      try DatabaseQueue(path: folder + "/y/state.sqlite").write { try $0.execute(sql: "PRAGMA user_version = 99") }
      #expect { try run(graph, in: folder + "/y") } throws: { "\($0)".contains("newer graphrun (schema 99") }
      try TestFiles.write("this is no database, and quite long at that", to: folder + "/z/state.sqlite")
      #expect { try run(graph, in: folder + "/z") } throws: { ($0 as? SchedulerError)?.code == .state }
    }
  }

  @Test("Fingerprints tell op, parameters, files and inputs apart, and nothing else")
  func fingerprints() throws {
    func graph(seed: Int, name: String) throws -> TaskGraph {
      var graph = TaskGraph()
      try RandomGraphs.add(name, TestOps.source, to: &graph, ["seed": .integer(seed), "partitions": .integer(2)])
      try RandomGraphs.add("m", TestOps.mix(1), to: &graph, from: [name])
      return graph
    }
    let one = Fingerprint.all(of: try graph(seed: 1, name: "a"))
    #expect(one == Fingerprint.all(of: try graph(seed: 1, name: "renamed")))
    #expect(Set(one).isDisjoint(with: Fingerprint.all(of: try graph(seed: 2, name: "a"))))
    #expect(Set(one).count == 4)
    #expect(Fingerprint(bytes: one[0].bytes) == one[0])
  }
}
