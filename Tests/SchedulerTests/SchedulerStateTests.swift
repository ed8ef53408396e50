import Graph
import TestSupport
import Testing

@testable import Scheduler

@Suite struct SchedulerStateTests {
  @Test("Every task runs once and after its inputs, whatever the workers and the budget", arguments: 0..<80)
  func completeness(seed: Int) throws {
    let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 12, partitions: 1 + seed % 6, mostBytes: 1 << 20)
    for (workers, capacity) in [(1, 6 << 20), (3, 8 << 20), (2, 1 << 40)] {
      var simulator = Simulator(graph, workers: workers, capacity: capacity, seed: UInt64(seed))
      try simulator.play(bytes: bytes(of: graph))
      #expect(simulator.refused.isEmpty)
      #expect(simulator.ran.count == graph.taskCount)
      #expect(graph.isTopological(simulator.ran, [Bool](repeating: true, count: graph.taskCount)))
      #expect(simulator.state.budget.used == 0)
      #expect(simulator.mostUsed <= simulator.state.budget.capacity)
      if capacity > 1 << 30 { #expect(simulator.spills == 0) }
    }
  }

  //   a[0] a[1] … a[31]
  //     \   |      /
  //        sum ——→ b[i] = mix(a[i], sum)      every a is needed again after the sum
  @Test("What does not fit is spilled, and only as much as needed")
  func spills() throws {
    var graph = TaskGraph()
    let megabyte: [String: ParameterValue] = ["bytes": .integer(1 << 20), "partitions": .integer(32)]
    try RandomGraphs.add("a", TestOps.source, to: &graph, megabyte)
    try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
    try RandomGraphs.add("b", TestOps.mix(1, values: 1), to: &graph, from: ["a", "sum"], megabyte)
    var simulator = Simulator(graph, workers: 2, capacity: 10 << 20, seed: 1)
    try simulator.play(bytes: bytes(of: graph))
    #expect(simulator.ran.count == graph.taskCount)
    #expect((22...31).contains(simulator.spills), "\(simulator.spills)")
  }

  @Test("A task that fits nowhere is refused, and what depends on it is skipped")
  func refusal() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("a", TestOps.source, to: &graph, ["bytes": .integer(1 << 20)])
    try RandomGraphs.add("huge", TestOps.mix(1), to: &graph, from: ["a"], ["bytes": .integer(64 << 20)])
    try RandomGraphs.add("after", TestOps.mix(1), to: &graph, from: ["huge"])
    try RandomGraphs.add("beside", TestOps.mix(1), to: &graph, from: ["a"])
    var simulator = Simulator(graph, workers: 2, capacity: 8 << 20, seed: 3, keepsGoing: true)
    try simulator.play(bytes: bytes(of: graph))
    #expect(simulator.refused.map { graph.key(of: $0).description } == ["huge[0]"])
    #expect(simulator.state.skipped == 1)
    #expect(Set(simulator.ran.map { graph.key(of: $0).description }) == ["a[0]", "beside[0]"])
  }

  @Test("A unit that needs more than foreseen gets it, or begins again when there is room", arguments: 0..<60)
  func moreThanForeseen(seed: Int) throws {
    let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 10, partitions: 1 + seed % 6, mostBytes: 1 << 20)
    var random = SeededRandom(seed: UInt64(seed))
    var extra: [TaskID: Int] = [:]
    for task in graph.tasks where Int.random(in: 0..<4, using: &random) == 0 {
      extra[task] = Int.random(in: 1...(4 << 20), using: &random)
    }
    for (workers, capacity) in [(1, 12 << 20), (3, 14 << 20), (3, 1 << 40)] {
      var simulator = Simulator(graph, workers: workers, capacity: capacity, seed: UInt64(seed))
      try simulator.play(bytes: bytes(of: graph), extra: { extra[$0] ?? 0 })
      #expect(simulator.refused.isEmpty)
      #expect(simulator.state.done == graph.taskCount)
      #expect(simulator.state.failed + simulator.state.retried == 0, "it is no failure")
      #expect(Set(simulator.lacked).count == simulator.lacked.count, "the second time it is reserved")
      #expect(simulator.lacked.allSatisfy { simulator.state.attemptNumber($0) == 1 })
      #expect(simulator.mostUsed <= simulator.state.budget.capacity)
      #expect(simulator.state.budget.used == 0)
      #expect(simulator.state.extraBytes.isEmpty)
      if workers == 1, capacity < 1 << 30 { #expect(simulator.ran.count >= graph.taskCount) }
      if capacity > 1 << 30 { #expect(simulator.lacked.isEmpty) }
    }
  }

  @Test("A unit that needs more than there can ever be is refused at once")
  func moreThanThereCanBe() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("a", TestOps.source, to: &graph, ["bytes": .integer(1 << 20), "partitions": .integer(4)])
    try RandomGraphs.add("b", TestOps.mix(1), to: &graph, from: ["a"])
    var simulator = Simulator(graph, workers: 2, capacity: 8 << 20, seed: 3, keepsGoing: true)
    let large = graph.stages[0].firstTask + 1
    try simulator.play(bytes: bytes(of: graph), extra: { $0 == large ? 64 << 20 : 0 })
    #expect(simulator.refused == [large])
    #expect(simulator.lacked == [large])
    #expect(simulator.state.done == graph.taskCount - 2)
    #expect(simulator.state.skipped == 1)
  }

  @Test("With keep-going all that does not depend on a failure runs", arguments: 0..<40)
  func keepGoing(seed: Int) throws {
    let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 10, partitions: 4, mostBytes: 1 << 16)
    var random = SeededRandom(seed: UInt64(seed))
    let failing = Set((0..<3).map { _ in graph.tasks.randomElement(using: &random)! })
    var simulator = Simulator(graph, workers: 2, capacity: 4 << 20, seed: UInt64(seed), keepsGoing: true)
    // Inputs have lower numbers than their consumers.
    let lost = graph.tasks.reduce(into: failing) { lost, task in
      if graph.inputs(of: task).contains(where: lost.contains) { lost.insert(task) }
    }
    try simulator.play(bytes: bytes(of: graph), fails: failing)
    #expect(simulator.state.done == graph.taskCount - lost.count)
    #expect(simulator.state.failed + simulator.state.skipped == lost.count)
    #expect(simulator.skipped.count == Set(simulator.skipped).count, "a task is skipped once")
    #expect(simulator.skipped.count == simulator.state.skipped)
    #expect(simulator.state.budget.used == 0)
  }

  @Test("Without keep-going nothing starts after a failure")
  func failFast() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(10)])
    var simulator = Simulator(graph, workers: 1, capacity: 4 << 20, seed: 1)
    try simulator.play(bytes: bytes(of: graph), fails: [simulator.state.order[3]])
    #expect(simulator.ran.count == 4)
  }

  @Test("Draining lets running tasks end and starts none")
  func draining() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(10)])
    var simulator = Simulator(graph, workers: 2, capacity: 4 << 20, seed: 1)
    try simulator.take()
    #expect(simulator.running.count == 2)
    simulator.state.drain()
    #expect(!simulator.ended)
    for task in simulator.running { try simulator.finish(task, bytes: 8) }
    #expect(simulator.ended)
    #expect(simulator.ran.count == 2)
  }

  @Test("A spill that fails leaves the value in memory, and the run ends instead of hanging", arguments: 0..<10)
  func failedSpills(seed: Int) throws {
    var graph = TaskGraph()
    let megabyte: [String: ParameterValue] = ["bytes": .integer(1 << 20), "partitions": .integer(16)]
    try RandomGraphs.add("a", TestOps.source, to: &graph, megabyte)
    try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
    try RandomGraphs.add("b", TestOps.mix(1, values: 1), to: &graph, from: ["a", "sum"], megabyte)
    var simulator = Simulator(graph, workers: 2, capacity: 6 << 20, seed: UInt64(seed))
    try simulator.play(bytes: bytes(of: graph), spillFails: true)
    #expect(!simulator.refused.isEmpty)
  }

  @Test("Memory beyond what was reserved holds new work back, but not for ever")
  func overdraft() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(8), "bytes": .integer(1 << 20)])
    var simulator = Simulator(graph, workers: 4, capacity: 16 << 20, seed: 1)
    simulator.state.measured(resident: 1 << 40, running: [])
    try simulator.take()
    #expect(simulator.running.count == 1)
    try simulator.play(bytes: bytes(of: graph))
    #expect(simulator.state.done == 8)
  }

  @Test("A tiny partition that ends first does not make the large ones look small")
  func tinyFirst() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("tiny", TestOps.source, to: &graph, ["bytes": .integer(8)])
    try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(12), "bytes": .integer(4 << 20)])
    try RandomGraphs.add("b", TestOps.mix(1), to: &graph, from: ["a"], ["bytes": .integer(4 << 20)])
    var simulator = Simulator(graph, workers: 8, capacity: 20 << 20, seed: 1)
    let sizes = bytes(of: graph)
    try simulator.play(bytes: { task in graph.role(of: task) == .partition(0) ? 8 : sizes(task) })
    #expect(simulator.mostUsed <= 20 << 20)
    #expect(simulator.state.done == graph.taskCount)
  }

  @Test("Results larger than estimated raise later estimates")
  func correction() throws {
    var graph = TaskGraph()
    let settings: [String: ParameterValue] = [
      "partitions": .integer(12), "bytes": .integer(4 << 20), "estimate": .integer(25),
    ]
    try RandomGraphs.add("a", TestOps.source, to: &graph, settings)
    try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["a"], ["bytes": .integer(8)])
    var simulator = Simulator(graph, workers: 8, capacity: 20 << 20, seed: 1)
    try simulator.take()
    let first = simulator.running.count
    let sources = simulator.running
    for task in sources { try simulator.finish(task, bytes: 4 << 20) }
    #expect(first == 8)
    #expect(simulator.running.filter { graph.stage(of: $0).name == "a" }.count <= 4)
  }

  //   a[i] ── b[i] ── c[i]      one unit each
  @Test("A chain runs as one unit, and a failure inside it names its own task")
  func fusion() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("a", TestOps.source, to: &graph, ["partitions": .integer(4)])
    try RandomGraphs.add("b", TestOps.mix(1), to: &graph, from: ["a"])
    try RandomGraphs.add("c", TestOps.mix(1), to: &graph, from: ["b"])
    var simulator = Simulator(graph, workers: 1, capacity: 4 << 20, seed: 1, keepsGoing: true)
    #expect(simulator.state.fused.fusedCount == 8)
    #expect(simulator.state.order.count == 4)
    let failing = try #require(graph.task(TaskKey("b[2]")!))
    try simulator.play(bytes: bytes(of: graph), fails: [failing])
    #expect(simulator.state.status[Int(failing)] == .failed)
    #expect(simulator.state.status[Int(try #require(graph.task(TaskKey("a[2]")!)))] == .done)
    #expect(simulator.skipped.map { graph.key(of: $0).description } == ["c[2]"])
    #expect(simulator.state.done == 10)
  }

  @Test("Fused or not, the same tasks run, and a bound far below is kept", arguments: 0..<30)
  func fusionChangesNothing(seed: Int) throws {
    let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 12, partitions: 4, mostBytes: 1 << 20)
    for fuses in [true, false] {
      var simulator = Simulator(graph, workers: 2, capacity: 8 << 20, seed: UInt64(seed), fuses: fuses)
      try simulator.play(bytes: bytes(of: graph))
      #expect(simulator.state.done == graph.taskCount)
      #expect(simulator.mostUsed <= 8 << 20)
    }
  }

  @Test("A task with retries is tried again, later and later, and fails for good after the last", arguments: [1, 3])
  func retries(allowed: Int) throws {
    var graph = TaskGraph()
    var policy = TaskPolicy()
    policy.retries = allowed
    try graph.addStage("a", op: TestOps.source, arguments: OpArguments([:], for: TestOps.source), policy: policy)
    try RandomGraphs.add("b", TestOps.mix(1), to: &graph, from: ["a"])
    var simulator = Simulator(graph, workers: 1, capacity: 4 << 20, seed: 1)
    try simulator.play(bytes: bytes(of: graph), fails: [0])
    #expect(simulator.ran == [TaskID](repeating: 0, count: allowed + 1))
    #expect(simulator.state.retried == allowed)
    #expect(simulator.state.failed == 1)
    #expect(simulator.now == (1...allowed).reduce(0) { $0 + Double(1 << ($1 - 1)) })
    #expect(policy.delay(beforeAttempt: 40, jitter: 0) == TaskPolicy.longestRetryDelay)
    #expect(policy.delay(beforeAttempt: 2, jitter: 1) == 0.5)
  }

  @Test("No more tasks of a pool run than it has slots, and others pass them")
  func pools() throws {
    var graph = TaskGraph()
    let pool = LimitName(.pool, "disk")
    graph.setLimit(pool, to: 2)
    var policy = TaskPolicy()
    policy.takes = [pool: 1]
    let many: [String: ParameterValue] = ["partitions": .integer(6)]
    try graph.addStage("a", op: TestOps.source, arguments: OpArguments(many, for: TestOps.source), policy: policy)
    try RandomGraphs.add("b", TestOps.source, to: &graph, many)
    var simulator = Simulator(graph, workers: 5, capacity: 4 << 20, seed: 1)
    try simulator.take()
    while !simulator.ended {
      let pooled = simulator.running.count { graph.stage(of: $0).name == "a" }
      #expect(pooled <= 2)
      #expect(simulator.running.count == min(5, pooled + simulator.running.count - pooled))
      try simulator.finish(simulator.running[0], bytes: 8)
    }
    #expect(simulator.state.done == 12)
  }

  @Test("Tasks of higher priority start first, and what they need with them")
  func priorities() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("low", TestOps.source, to: &graph, ["partitions": .integer(4)])
    try RandomGraphs.add("needed", TestOps.source, to: &graph)
    var policy = TaskPolicy()
    policy.priority = 5
    try graph.addStage(
      "high", op: TestOps.mix(1), arguments: OpArguments([:], for: TestOps.mix(1)), from: ["needed"], policy: policy)
    var simulator = Simulator(graph, workers: 1, capacity: 4 << 20, seed: 1)
    try simulator.play(bytes: bytes(of: graph))
    #expect(simulator.ran.prefix(2).map { graph.stage(of: $0).name } == ["needed", "high"])
  }

  @Test("What was damaged on disk is computed again, with all that it needs", arguments: 0..<40)
  func recovery(seed: Int) throws {
    let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 12, partitions: 5, mostBytes: 1 << 20)
    var simulator = Simulator(graph, workers: 2, capacity: 8 << 20, seed: UInt64(seed))
    var left = 5
    try simulator.play(
      bytes: bytes(of: graph),
      loses: { _ in
        left -= 1
        return left >= 0
      })
    #expect(simulator.state.done == graph.taskCount)
    #expect(simulator.state.budget.used == 0)
  }

  @Test("The rank queue gives ranks in order", arguments: [1, 64, 65, 5000])
  func rankQueue(count: Int) {
    var queue = RankQueue(capacity: count)
    var random = SeededRandom(seed: 5)
    let ranks = (0..<Int32(count)).shuffled(using: &random)
    for rank in ranks { queue.insert(rank) }
    queue.insert(ranks[0])
    #expect(queue.count == count)
    let removed = ranks.prefix(count / 3)
    for rank in removed { queue.remove(rank) }
    #expect(
      (0..<(count - removed.count)).compactMap { _ in queue.removeFirst() } == ranks.dropFirst(count / 3).sorted())
    #expect(queue.isEmpty)
    #expect(queue.first == nil)
  }
}

extension SchedulerStateTests {
  //   a ─┬─ b
  //      └─ c      both find a's stored copy damaged, one long after the other
  @Test("A second reader of a damaged result does not drop the one that was computed again")
  func lostTwice() throws {
    var graph = TaskGraph()
    let bytes: [String: ParameterValue] = ["bytes": .integer(1 << 20)]
    try RandomGraphs.add("a", TestOps.source, to: &graph, bytes)
    try RandomGraphs.add("b", TestOps.mix(1), to: &graph, from: ["a"], bytes)
    try RandomGraphs.add("c", TestOps.mix(1), to: &graph, from: ["a"], bytes)
    var state = SchedulerState(
      graph: graph, decisions: [.runs, .runs, .runs],
      settings: SchedulerState.Settings(workers: 2, keepsGoing: false),
      budget: MemoryBudget(limit: 64 << 20, idle: 0))
    var started = state.next()
    #expect(started == 0)
    state.finished(0, at: 0, bytes: 1 << 20, isStored: true)
    let readers: [TaskID] = [1, 2]
    for _ in readers { _ = state.next() }
    #expect(state.running == 2)
    state.lost(0, for: readers[0])
    var effects = state.takeEffects()
    #expect(effects.again.map(\.task) == [0])
    started = state.next()
    #expect(started == 0)
    state.finished(0, at: 0, bytes: 1 << 20, isStored: false)
    _ = state.takeEffects()
    state.lost(0, for: readers[1])
    effects = state.takeEffects()
    #expect(!effects.released.contains(0))
    #expect(state.verify() == nil)
    while let reader = state.next() {
      state.finished(reader, at: reader, bytes: 1 << 20, isStored: false)
    }
    #expect(state.isOver && state.done == 3 && state.budget.used == 0)
  }
}

extension SchedulerStateTests {
  //   a[0] ── b.split[0] ──┬── b[0]
  //                        ┼── b[1]      parts of 1, 2 and 3 MB, twice
  //   a[1] ── b.split[1] ──┴── b[2]
  @Test("Who gathers parts reserves what its own take, however much is in the others")
  func reservesParts() throws {
    var graph = TaskGraph()
    let settings: [String: ParameterValue] = ["bytes": .integer(8), "partitions": .integer(2)]
    try RandomGraphs.add("a", TestOps.source, to: &graph, settings)
    try RandomGraphs.add(
      "b", TestOps.shuffle, to: &graph, from: ["a"], settings.merging(["partitions": .integer(3)]) { $1 })
    var state = SchedulerState(
      graph: graph, decisions: [TaskDecision](repeating: .runs, count: graph.taskCount),
      settings: SchedulerState.Settings(workers: 1, keepsGoing: false), budget: MemoryBudget(limit: 64 << 20, idle: 0))
    for _ in 0..<2 {
      let started = state.next()
      let head = try #require(started)
      state.finished(
        head, at: state.fused.last(of: head), bytes: 0, parts: [1 << 20, 2 << 20, 3 << 20], isStored: false)
    }
    for (index, task) in graph.stages[2].tasks.enumerated() {
      let started = state.next()
      #expect(started == task)
      #expect(state.budget.used == (index + 1) * (2 << 20))
      state.finished(task, at: task, bytes: 0, isStored: false)
      _ = state.takeEffects()
    }
    #expect(state.isOver && state.verify() == nil)
  }

  @Test("Graphs with shuffles come to their end too, whatever the budget", arguments: 0..<20)
  func shuffles(seed: Int) throws {
    let graph = try RandomGraphs.graph(
      seed: UInt64(seed), stages: 12, partitions: 1 + seed % 6, mostBytes: 1 << 18, shuffles: true)
    for (workers, capacity) in [(1, 8 << 20), (3, 16 << 20), (2, 1 << 40)] {
      var simulator = Simulator(graph, workers: workers, capacity: capacity, seed: UInt64(seed))
      try simulator.play(bytes: bytes(of: graph))
      #expect(simulator.ran.count == graph.taskCount && simulator.state.budget.used == 0)
    }
  }
}
