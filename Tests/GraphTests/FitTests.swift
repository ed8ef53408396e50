import Graph
import TestSupport
import Testing

@Suite struct FitTests {
  private func graph() throws -> TaskGraph {
    var graph = TaskGraph()
    try RandomGraphs.add("visits", TestOps.source, to: &graph, ["partitions": .integer(3)])
    try RandomGraphs.add("model", TestOps.fit, to: &graph, from: ["visits"])
    try RandomGraphs.add("scored", TestOps.mix(1, values: 1), to: &graph, from: ["visits", "model"])
    return graph
  }

  private func inputs(_ graph: TaskGraph, _ key: String) throws -> [String] {
    let task = try #require(TaskKey(key).flatMap { graph.task($0) })
    return graph.inputs(of: task).map { graph.key(of: $0).description }
  }

  //   visits[0…2] ── model.packed[0…2] ── model ── scored[0…2]
  @Test func `A fit packs each partition, and one task reads them all`() throws {
    let graph = try graph()
    #expect(graph.stages.map(\.name) == ["visits", "model.packed", "model", "scored"])
    #expect(try inputs(graph, "model.packed[1]") == ["visits[1]"])
    #expect(try inputs(graph, "model") == ["model.packed[0]", "model.packed[1]", "model.packed[2]"])
    #expect(try inputs(graph, "scored[2]") == ["visits[2]", "model"])
    // A model is dear: it stays, also where somebody reads it. What was packed does not.
    #expect(graph.isKept(graph.stages[2]) && !graph.isKept(graph.stages[1]))
    let identities = graph.stages[1...2].map { $0.body.identity($0.role(0)) }
    #expect(Set(identities).count == 2)
  }

  @Test func `The name of its first half must be free`() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("visits", TestOps.source, to: &graph, ["partitions": .integer(2)])
    try RandomGraphs.add("model.packed", TestOps.source, to: &graph, ["partitions": .integer(2)])
    let error = #expect(throws: GraphError.self) {
      try RandomGraphs.add("model", TestOps.fit, to: &graph, from: ["visits"])
    }
    #expect(error?.code == .duplicateName && error?.message.contains("model.packed") == true)
  }
}
