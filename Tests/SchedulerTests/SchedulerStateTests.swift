import Graph
import TestSupport
import Testing

@testable import Scheduler

/// Plays workers, disk and kernel for a `SchedulerState`: everything it asks for happens, in a seeded random order.
private struct Simulator {
  var state: SchedulerState
  var random: SeededRandom
  var running: [TaskID] = []
  var spilling: [TaskID] = []
  var ran: [TaskID] = []
  var spills = 0
  var ended = false
  var refused: [TaskID] = []
  var skipped: [TaskID] = []
  var mostUsed = 0

  init(
    _ graph: TaskGraph, workers: Int, capacity: Int, seed: UInt64, keepsGoing: Bool = false,
    decisions: [TaskDecision]? = nil
  ) {
    // A limit whose slack leaves just `capacity`.
    let budget = MemoryBudget(limit: capacity + (2 << 20), idle: 0)
    state = SchedulerState(
      graph: graph, decisions: decisions ?? [TaskDecision](repeating: .runs, count: graph.taskCount), storedBytes: [:],
      workers: workers, keepsGoing: keepsGoing, budget: budget
    ) { task, inputs in
      let stage = graph.stage(of: task)
      return stage.body.estimate(graph.role(of: task), inputBytes: inputs)
    }
    random = SeededRandom(seed: seed)
  }

  mutating func take(_ actions: [SchedulerAction]) throws {
    for action in actions {
      switch action {
      case .run(let task):
        for input in state.graph.inputs(of: task) {
          let residence = state.residence[Int(input)]
          try #require(residence != .nowhere && residence != .disk, "an input of a running task is not in memory")
        }
        running.append(task)
        ran.append(task)
      case .spill(let task):
        spilling.append(task)
        spills += 1
      case .refuse(let task, _, _, _): refused.append(task)
      case .failed(_, let tasks): skipped += tasks
      case .end: ended = true
      case .evict, .release: break
      }
    }
    mostUsed = max(mostUsed, state.budget.used)
    if let problem = state.verify() { Issue.record("\(problem)") }
  }

  mutating func play(bytes: (TaskID) -> Int, fails: Set<TaskID> = [], spillFails: Bool = false) throws {
    try take(state.start())
    while !ended {
      try #require(!running.isEmpty || !spilling.isEmpty, "the scheduler hangs")
      if !spilling.isEmpty, running.isEmpty || Bool.random(using: &random) {
        let task = spilling.remove(at: Int.random(in: 0..<spilling.count, using: &random))
        try take(state.handle(spillFails ? .spillFailed(task) : .spilled(task)))
      } else {
        let task = running.remove(at: Int.random(in: 0..<running.count, using: &random))
        try take(
          state.handle(fails.contains(task) ? .failed(task) : .finished(task, bytes: bytes(task), isStored: false)))
      }
    }
  }
}

private func bytes(of graph: TaskGraph) -> (TaskID) -> Int {
  { task in
    guard case .integer(let bytes)? = graph.stage(of: task).parameters["bytes"] else { return 0 }
    return bytes / 8 * 8
  }
}

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
    #expect(simulator.ran.map { graph.key(of: $0).description } == ["a[0]", "beside[0]"])
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
    try simulator.take(simulator.state.start())
    #expect(simulator.running.count == 2)
    try simulator.take(simulator.state.handle(.drain))
    #expect(!simulator.ended)
    for task in simulator.running {
      try simulator.take(simulator.state.handle(.finished(task, bytes: 8, isStored: false)))
    }
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
    try simulator.take(simulator.state.handle(.measured(resident: 1 << 40)))
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
    try simulator.take(simulator.state.start())
    let first = simulator.running.count
    let sources = simulator.running
    simulator.running = []
    for task in sources {
      try simulator.take(simulator.state.handle(.finished(task, bytes: 4 << 20, isStored: false)))
    }
    #expect(first == 8)
    #expect(simulator.running.filter { graph.stage(of: $0).name == "a" }.count <= 4)
  }

  @Test("The ready queue gives ranks in order")
  func readyQueue() {
    var queue = ReadyQueue()
    var random = SeededRandom(seed: 5)
    let ranks = (0..<500).map { Int32($0) }.shuffled(using: &random)
    for rank in ranks { queue.insert(rank) }
    #expect((0..<500).map { _ in queue.removeFirst() } == ranks.sorted())
    #expect(queue.isEmpty)
  }
}
