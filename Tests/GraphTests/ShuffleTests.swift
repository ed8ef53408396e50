import Graph
import TestSupport
import Testing

@Suite struct ShuffleTests {
  private func graph(keep: Bool? = nil, policy: TaskPolicy = TaskPolicy()) throws -> TaskGraph {
    var graph = TaskGraph()
    try RandomGraphs.add("papers", TestOps.source, to: &graph, ["partitions": .integer(2)])
    try graph.addStage(
      "byID", op: TestOps.shuffle, arguments: OpArguments(["partitions": .integer(3)], for: TestOps.shuffle),
      from: ["papers"], keep: keep, policy: policy)
    try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["byID"])
    return graph
  }

  //   papers[0] ── byID.split[0] ──┬── byID[0]
  //                                ┼── byID[1] ── …
  //   papers[1] ── byID.split[1] ──┴── byID[2]
  @Test func `A shuffle is two stages, the second of which reads all of the first`() throws {
    var policy = TaskPolicy()
    policy.retries = 3
    let graph = try graph(keep: true, policy: policy)
    #expect(graph.stages.map(\.name) == ["papers", "byID.split", "byID", "sum"])
    func inputs(_ key: String) throws -> [String] {
      let task = try #require(TaskKey(key).flatMap { graph.task($0) })
      return graph.inputs(of: task).map { graph.key(of: $0).description }
    }
    #expect(try inputs("byID.split[1]") == ["papers[1]"])
    for partition in 0..<3 { #expect(try inputs("byID[\(partition)]") == ["byID.split[0]", "byID.split[1]"]) }
    #expect(try inputs("sum[2]") == ["byID[2]"])
    let (split, gather) = (graph.stages[1], graph.stages[2])
    #expect(split.op.shape == .shuffle && gather.op.shape == .shuffle)
    #expect(split.policy == policy && gather.policy == policy)
    #expect(split.keep == false && gather.keep == true)
    #expect(!graph.isKept(split) && graph.isKept(gather))
    #expect(split.parameters == gather.parameters && gather.parameters["partitions"] == .integer(3))
    // The labels of what is split are those of what it was made of.
    #expect(split.partitions.map(\.label) == ["part-0", "part-1"])
    #expect(gather.partitions.map(\.label) == ["0", "1", "2"])
  }

  @Test func `The halves' identities differ, and partitions of the second by their numbers`() throws {
    let graph = try graph()
    let identities = graph.tasks.filter { graph.stage(of: $0).op.shape == .shuffle }.map { task in
      graph.stage(of: task).body.identity(graph.role(of: task))
    }
    #expect(identities[0] == identities[1])
    #expect(Set(identities).count == 4)
  }

  @Test func `A name that is taken is refused, and the graph stays as it was`() throws {
    var graph = try graph()
    let before = graph.taskCount
    func message(_ name: String) -> String {
      do {
        try RandomGraphs.add(name, TestOps.shuffle, to: &graph, from: ["papers"])
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(message("byID").contains("two tasks named \"byID\""))
    try RandomGraphs.add("x.split", TestOps.mix(1), to: &graph, from: ["papers"])
    #expect(
      message("x")
        == "task \"x\": its first half would be called \"x.split\", as another task is; rename one of them")
    #expect(graph.taskCount == before + 2 && graph.stage(named: "x") == nil)
  }

  @Test func `More connections than a graph can have are refused`() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("papers", TestOps.source, to: &graph, ["partitions": .integer(50_000)])
    #expect(throws: GraphError.self) {
      try RandomGraphs.add("byID", TestOps.shuffle, to: &graph, from: ["papers"], ["partitions": .integer(50_000)])
    }
    #expect(graph.stages.count == 1)
  }

  @Test func `What is gathered is a unit of its own, even of one part`() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("papers", TestOps.source, to: &graph)
    try RandomGraphs.add("byID", TestOps.shuffle, to: &graph, from: ["papers"])
    let fused = graph.fused([true, true, true], consumers: graph.consumers())
    #expect(fused.isInner(1) && !fused.isInner(2))
  }

  @Test func `Drawings show both halves`() throws {
    let graph = try graph()
    let dot = graph.drawing(.dot)
    #expect(dot.contains("s1 [label=\"byID.split × 2\\ntest.shuffle\" shape=hexagon];"))
    #expect(dot.contains("s1 -> s2;") && dot.contains("s2 -> s3;"))
    #expect(graph.drawing(.mermaid).contains("s2{{\"byID × 3<br/>test.shuffle\"}}"))
    #expect(graph.drawing(.dot, everyTask: true).split(separator: "->").count == 1 + 2 + 6 + 6)
  }
}
