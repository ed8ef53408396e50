import Graph
import TestSupport
import Testing

@testable import Scheduler

/// Plays workers, disk and kernel for a `SchedulerState`: everything it asks for happens, in a seeded random order.
struct Simulator {
  var state: SchedulerState
  var random: SeededRandom
  var running: [TaskID] = []
  var spilling: [TaskID] = []
  /// All tasks in the order in which they began.
  var ran: [TaskID] = []
  var spills = 0
  var spilledBytes = 0
  var ended: Bool { state.isOver }
  var refused: [TaskID] = []
  var skipped: [TaskID] = []
  var recomputed: [TaskID] = []
  /// Units that found no room for what they needed beyond their estimates, as often as they did.
  var lacked: [TaskID] = []
  var mostUsed = 0
  var now = 0.0
  let workers: Int
  /// Whether the books are looked at after every step, which takes a look at every task.
  var verifies = true

  init(
    _ graph: TaskGraph, workers: Int, capacity: Int, seed: UInt64, keepsGoing: Bool = false,
    decisions: [TaskDecision]? = nil, fuses: Bool = true
  ) {
    // A limit whose slack leaves just `capacity`.
    let budget = MemoryBudget(limit: capacity + (2 << 20), idle: 0)
    state = SchedulerState(
      graph: graph, decisions: decisions ?? [TaskDecision](repeating: .runs, count: graph.taskCount),
      settings: SchedulerState.Settings(workers: workers, keepsGoing: keepsGoing, fuses: fuses), budget: budget)
    random = SeededRandom(seed: seed)
    self.workers = workers
  }

  /// Lets workers take what they can, and looks at what the state wants done.
  mutating func take() throws {
    while running.count < workers, let head = state.next(now: now) {
      for input in state.graph.inputs(of: head) {
        let residence = state.residence[Int(input)]
        try #require(residence != .nowhere && residence != .disk, "an input of a running task is not in memory")
      }
      running.append(head)
      var task: TaskID? = head
      while let step = task {
        ran.append(step)
        task = state.fused.next(after: step)
      }
    }
    let effects = state.takeEffects()
    spilling += effects.toSpill
    spills += effects.toSpill.count
    for task in effects.toSpill { spilledBytes += state.bytes[Int(task)] }
    refused += effects.refused.map(\.task)
    for failure in effects.failures { skipped += failure.skipped }
    recomputed += effects.again.map(\.task)
    skipped += effects.skipped
    mostUsed = max(mostUsed, state.budget.used)
    if verifies, let problem = state.verify() { Issue.record("\(problem)") }
  }

  mutating func finish(_ head: TaskID, bytes: Int) throws {
    running.removeAll { $0 == head }
    state.finished(head, at: state.fused.last(of: head), bytes: bytes, isStored: false)
    try take()
  }

  /// - Parameters:
  ///   - loses: whether a unit finds its first input, which was read back, damaged.
  ///   - extra: what a unit's first task asks for beyond its estimate.
  mutating func play(
    bytes: (TaskID) -> Int, fails: Set<TaskID> = [], spillFails: Bool = false, loses: (TaskID) -> Bool = { _ in false },
    extra: (TaskID) -> Int = { _ in 0 }
  ) throws {
    try take()
    while !ended {
      if running.isEmpty, spilling.isEmpty {
        now = try #require(state.nextAttempt, "the scheduler hangs")
        try take()
        continue
      }
      if !spilling.isEmpty, running.isEmpty || Bool.random(using: &random) {
        let task = spilling.remove(at: Int.random(in: 0..<spilling.count, using: &random))
        if spillFails { state.spillFailed(task) } else { state.spilled(task) }
      } else {
        let head = running.remove(at: Int.random(in: 0..<running.count, using: &random))
        var steps = [head]
        while let next = state.fused.next(after: steps.last!) { steps.append(next) }
        if let input = state.graph.inputs(of: head).first, state.residence[Int(input)] == .both, loses(head) {
          state.lost(input, for: head)
        } else if case let more = extra(head), more > 0, !state.reserve(more: more, for: head) {
          lacked.append(head)
          state.lacked(head, at: head, extraBytes: more)
        } else if let failing = steps.first(where: fails.contains) {
          state.failed(head, at: failing, now: now)
        } else {
          state.finished(head, at: steps.last!, bytes: bytes(steps.last!), isStored: false)
        }
      }
      try take()
    }
  }
}

func bytes(of graph: TaskGraph) -> (TaskID) -> Int {
  { task in
    guard case .integer(let bytes)? = graph.stage(of: task).parameters["bytes"] else { return 0 }
    return bytes / 8 * 8
  }
}
