import Graph
import TestSupport
import Testing

@testable import Scheduler

/// Producers do not run ahead of their consumers: what is held does not grow with the number of partitions.
@Suite struct ThrottlingTests {
  private static let partitionCounts = [100, 1000, 10_000]
  private static let valueBytes = 1 << 20

  //   a[i] ──→ b[i] = mix(a[i], one) ──→ total
  //   one ───↗
  private func graph(partitions: Int, pool: LimitName? = nil) throws -> TaskGraph {
    var graph = TaskGraph()
    var policy = TaskPolicy()
    if let pool {
      graph.setLimit(pool, to: 1)
      policy.takes = [pool: 1]
    }
    let bytes = ThrottlingTests.valueBytes
    try RandomGraphs.add(
      "a", TestOps.source, to: &graph, ["bytes": .integer(bytes), "partitions": .integer(partitions)])
    // Two inputs, so that producer and consumer are no unit.
    try RandomGraphs.add("none", TestOps.source, to: &graph, ["bytes": .integer(8)])
    try RandomGraphs.add("one", TestOps.reduce, to: &graph, from: ["none"], ["bytes": .integer(8)])
    let mix = TestOps.mix(1, values: 1)
    try graph.addStage(
      "b", op: mix, arguments: OpArguments(["bytes": .integer(8)], for: mix), from: ["a", "one"], policy: policy)
    try RandomGraphs.add("total", TestOps.reduce, to: &graph, from: ["b"], ["bytes": .integer(8)])
    return graph
  }

  /// Plays `graph` with consumers that are slower than their producers: of what runs, producers end first.
  /// - Returns: the most bytes that results and reservations took.
  private func peak(_ graph: TaskGraph, workers: Int, capacity: Int) throws -> Int {
    var simulator = Simulator(graph, workers: workers, capacity: capacity, seed: 1)
    simulator.verifies = graph.taskCount < 1000
    let sizes = bytes(of: graph)
    try simulator.take()
    while !simulator.ended {
      let next = simulator.running.first { graph.inputs(of: $0).isEmpty } ?? simulator.running.first
      guard let head = next else {
        Issue.record("nothing runs: something was to be spilled")
        return .max
      }
      try simulator.finish(head, bytes: sizes(simulator.state.fused.last(of: head)))
    }
    #expect(simulator.state.done == graph.taskCount)
    #expect(simulator.spills == 0)
    return simulator.mostUsed
  }

  @Test("Without a bound the order alone keeps producers beside their consumers")
  func byOrder() throws {
    for workers in [1, 2, 8] {
      let peaks = try ThrottlingTests.partitionCounts.map {
        try peak(try graph(partitions: $0), workers: workers, capacity: 1 << 40)
      }
      #expect(peaks.allSatisfy { $0 <= (workers + 1) * ThrottlingTests.valueBytes }, "\(peaks)")
      #expect(peaks.max()! <= peaks[0] * 11 / 10, "\(peaks)")
    }
  }

  @Test("Consumers that wait for a pool let producers pass, up to the bound and no further; nothing is spilled")
  func byBound() throws {
    let capacity = 16 * ThrottlingTests.valueBytes
    let peaks = try ThrottlingTests.partitionCounts.map {
      try peak(try graph(partitions: $0, pool: LimitName(.pool, "slow")), workers: 4, capacity: capacity)
    }
    // They do run ahead: else this would test the order again.
    #expect(peaks.allSatisfy { $0 > capacity / 2 && $0 <= capacity }, "\(peaks)")
    #expect(peaks.max()! <= peaks[0] * 11 / 10, "\(peaks)")
  }
}
