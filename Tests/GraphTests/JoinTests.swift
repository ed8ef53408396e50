import Graph
import TestSupport
import Testing

@Suite struct JoinTests {
  private func graph(_ parameters: [String: ParameterValue], leftIsValue: Bool = false) throws -> TaskGraph {
    var graph = TaskGraph()
    try RandomGraphs.add("visits", TestOps.source, to: &graph, ["partitions": .integer(2)])
    try RandomGraphs.add("all", TestOps.reduce, to: &graph, from: ["visits"])
    try RandomGraphs.add("pages", TestOps.source, to: &graph, ["partitions": .integer(3)])
    try RandomGraphs.add("both", TestOps.join, to: &graph, from: [leftIsValue ? "all" : "visits", "pages"], parameters)
    return graph
  }

  private func inputs(_ graph: TaskGraph, _ key: String) throws -> [String] {
    let task = try #require(TaskKey(key).flatMap { graph.task($0) })
    return graph.inputs(of: task).map { graph.key(of: $0).description }
  }

  //   pages[0…2] ── both.table ─┬─ both[0]
  //   visits[0] ────────────────┘
  @Test func `A small right side is one task, which every partition of the left reads`() throws {
    let graph = try graph(["splits": .boolean(false)])
    #expect(graph.stages.map(\.name) == ["visits", "all", "pages", "both.table", "both"])
    #expect(try inputs(graph, "both.table") == ["pages[0]", "pages[1]", "pages[2]"])
    for part in 0..<2 { #expect(try inputs(graph, "both[\(part)]") == ["visits[\(part)]", "both.table"]) }
    #expect(graph.stages[4].partitions.map(\.label) == ["part-0", "part-1"])
    #expect(graph.stages[3].body.memoryRemedy == "do something else" && graph.stages[4].body.memoryRemedy == nil)
    #expect(!graph.isKept(graph.stages[3]) && graph.isKept(graph.stages[4]))
  }

  @Test func `Both sides split are two stages, all of whose tasks each partition reads`() throws {
    let graph = try graph(["splits": .boolean(true), "partitions": .integer(2)])
    #expect(graph.stages.map(\.name) == ["visits", "all", "pages", "both.left", "both.right", "both"])
    #expect(try inputs(graph, "both.left[1]") == ["visits[1]"])
    #expect(try inputs(graph, "both.right[2]") == ["pages[2]"])
    for part in 0..<2 {
      #expect(
        try inputs(graph, "both[\(part)]")
          == ["both.left[0]", "both.left[1]", "both.right[0]", "both.right[1]", "both.right[2]"])
    }
    let identities = graph.stages[3...].map { $0.body.identity($0.role(0)) }
    #expect(Set(identities).count == 3)
  }

  @Test func `A value is a side of one partition`() throws {
    let small = try graph(["splits": .boolean(false)], leftIsValue: true)
    #expect(try inputs(small, "both") == ["all", "both.table"])
    let split = try graph(["splits": .boolean(true), "partitions": .integer(2)], leftIsValue: true)
    #expect(try inputs(split, "both.left[0]") == ["all"])
    #expect(try inputs(split, "both[1]").count == 4)
  }

  @Test func `Names of its parts must be free`() throws {
    for (taken, splits) in [("both.table", false), ("both.left", true), ("both.right", true)] {
      var graph = TaskGraph()
      try RandomGraphs.add("visits", TestOps.source, to: &graph, ["partitions": .integer(2)])
      try RandomGraphs.add(taken, TestOps.source, to: &graph, ["partitions": .integer(2)])
      let error = #expect(throws: GraphError.self) {
        try RandomGraphs.add(
          "both", TestOps.join, to: &graph, from: ["visits", "visits"], ["splits": .boolean(splits)])
      }
      #expect(error?.code == .duplicateName && error?.message.contains("\"\(taken)\"") == true)
    }
  }
}
