import Graph
import TestSupport
import Testing

@testable import Scheduler

@Suite struct SpillPlanTests {
  private static let megabyte = 1 << 20

  private func graph(_ stages: [(name: String, from: [String], megabytes: Int)]) throws -> TaskGraph {
    var graph = TaskGraph()
    for (name, from, megabytes) in stages {
      let op = from.isEmpty ? TestOps.source : TestOps.mix(from.count)
      try RandomGraphs.add(
        name, op, to: &graph, from: from, keep: false, ["bytes": .integer(megabytes * SpillPlanTests.megabyte)])
    }
    return graph
  }

  @Test("Of what must go, the set with the fewest bytes is written, not what is used last")
  func fewestBytes() {
    var plan = SpillPlan()
    plan.values = [
      SpillPlan.Value(bytes: 8, uses: [2], isUsedLater: false),
      SpillPlan.Value(bytes: 2, uses: [1], isUsedLater: false),
    ]
    plan.steps = [
      SpillPlan.Step(need: 7), SpillPlan.Step(need: 3, inputs: [1]), SpillPlan.Step(need: 9, inputs: [0]),
    ]
    #expect(plan.victims(inMemory: 2, capacity: 16) == [1])
    // Where the large one cannot stay anyway, it is the one to write.
    plan.steps[2] = SpillPlan.Step(need: 13)
    plan.steps.append(SpillPlan.Step(need: 9, inputs: [0]))
    plan.values[0].uses = [3]
    #expect(plan.victims(inMemory: 2, capacity: 16) == [0])
  }

  @Test("No choice of values to keep writes less, as trying them all shows", arguments: 0..<40)
  func optimal(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    var plan = SpillPlan()
    let count = 5
    for _ in 0..<count {
      plan.values.append(
        SpillPlan.Value(bytes: Int.random(in: 1...40, using: &random), uses: [], isUsedLater: false))
    }
    for number in 0..<16 {
      let inputs = (0..<count).shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random)).sorted()
      let own = Int.random(in: 0...30, using: &random)
      plan.steps.append(
        SpillPlan.Step(need: inputs.reduce(own) { $0 + plan.values[$1].bytes }, inputs: inputs))
      for input in inputs { plan.values[input].uses.append(Int32(number)) }
    }
    /// Bytes written if these values are; `nil` if some step does not fit then.
    func cost(_ written: Set<Int>) -> Int? {
      for (number, step) in plan.steps.enumerated() {
        let held = (0..<count).filter {
          !written.contains($0) && !step.inputs.contains($0) && (plan.values[$0].uses.last ?? -1) > Int32(number)
        }
        if held.reduce(step.need, { $0 + plan.values[$1].bytes }) > 120 { return nil }
      }
      return written.reduce(0) { $0 + plan.values[$1].bytes }
    }
    for value in 0..<count where plan.values[value].uses.isEmpty { plan.values[value].bytes = 0 }
    let victims = Set(plan.victims(inMemory: count, capacity: 120))
    let best = (0..<(1 << count)).compactMap { set in cost(Set((0..<count).filter { set >> $0 & 1 == 1 })) }.min()
    #expect(cost(victims) == best)
  }

  //   large ──────────────→ end       16 MB: for c there is one megabyte too little
  //   small ──→ c (7 MB) ──↗
  @Test("A unit that is a little short has little written")
  func littleShort() throws {
    let graph = try graph([
      ("large", [], 8), ("small", [], 2), ("c", [], 7), ("d", ["c", "small"], 0), ("end", ["d", "large"], 0),
    ])
    var simulator = Simulator(graph, workers: 1, capacity: 16 << 20, seed: 1, fuses: false)
    let sizes = bytes(of: graph)
    try simulator.play(bytes: sizes)
    #expect(simulator.state.done == 5)
    #expect(simulator.spilledBytes <= 2 << 20, "\(simulator.spilledBytes)")
  }

  @Test("While another unit runs a unit waits for its memory, a while, and then has results written")
  func patience() throws {
    let graph = try graph([
      ("a", [], 6), ("b", ["a"], 1), ("x", [], 6), ("c", ["a", "x"], 1), ("y", ["x"], 7), ("end", ["c", "y", "b"], 1),
    ])
    var state = SchedulerState(
      graph: graph, decisions: [TaskDecision](repeating: .runs, count: graph.taskCount),
      settings: SchedulerState.Settings(workers: 2, keepsGoing: false, fuses: false),
      budget: MemoryBudget(limit: 18 << 20, idle: 0))
    var running: [TaskID] = []
    var now = 0.0
    var waits = 0
    let sizes = bytes(of: graph)
    while !state.isOver {
      while running.count < 2, let head = state.next() { running.append(head) }
      let toSpill = state.takeEffects().toSpill
      for task in toSpill {
        // Nobody has anything written at once while something runs.
        #expect(running.isEmpty || now > 0)
        state.spilled(task)
      }
      if !toSpill.isEmpty { continue }
      if !running.isEmpty, state.readyCount > 0, running.count < 2, waits < 3 {
        waits += 1
        now += 10
        state.measured(resident: 0, running: [], now: now)
        continue
      }
      let head = running.removeFirst()
      state.finished(head, at: head, bytes: sizes(head), isStored: false)
      #expect(state.verify() == nil)
    }
    #expect(waits > 0)
    #expect(state.done == graph.taskCount)
  }
}
