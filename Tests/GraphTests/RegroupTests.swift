import Graph
import TestSupport
import Testing

@Suite struct RegroupTests {
  private struct Regroup: RegroupOp {
    var agrees: Bool
    var into: Int?
    func plan(_ bags: [Partitions]) throws -> RegroupPlan {
      into.map { .repartitioned(bags[0].count, into: $0) } ?? .joined(bags)
    }
    func estimate(_ group: PartitionGroup, inputBytes: [Int]) -> MemoryEstimate {
      MemoryEstimate(output: inputBytes.reduce(0, +), scratch: inputBytes.count)
    }
    func agreement(on firsts: [any TaskValue], context: any TaskContext) throws -> any TaskValue { firsts[0] }
    func regroup(
      _ members: [any TaskValue], as group: PartitionGroup, agreement: (any TaskValue)?, partition: Partition,
      context: any TaskContext
    ) throws -> any TaskValue { members[0] }
  }

  private func definition(agrees: Bool, into: Int? = nil) -> OpDefinition {
    OpDefinition(
      name: "test.regroup", version: 1, summary: "regroups",
      inputs: [OpInput("any", .any, isRepeated: true, summary: "any")],
      output: "any", example: "", maker: .regroup { _ in Regroup(agrees: agrees, into: into) })
  }

  private func graph(_ definition: OpDefinition, from inputs: [String]) throws -> TaskGraph {
    var graph = TaskGraph()
    try RandomGraphs.add("old", TestOps.source, to: &graph, ["partitions": .integer(2)])
    try RandomGraphs.add("new", TestOps.source, to: &graph, ["partitions": .integer(1)])
    try RandomGraphs.add("total", TestOps.reduce, to: &graph, from: ["old"])
    try graph.addStage("all", op: definition, arguments: OpArguments([:], for: definition), from: inputs)
    return graph
  }

  private func inputs(_ key: String, _ graph: TaskGraph) throws -> [String] {
    let task = try #require(TaskKey(key).flatMap { graph.task($0) })
    return graph.inputs(of: task).map { graph.key(of: $0).description }
  }

  //   old[0] ─┬───────────────────── all[0]
  //           ├── all.agreement ──┬─ all[0] … all[3]
  //   new[0] ─┴───────────────────┴─ all[2]
  @Test func `Bags stand behind one another, each partition beside what all agree on`() throws {
    let graph = try graph(definition(agrees: true), from: ["old", "new", "total"])
    #expect(try inputs("all.agreement", graph) == ["old[0]", "new[0]", "total"])
    #expect(try inputs("all[1]", graph) == ["all.agreement", "old[1]"])
    #expect(try inputs("all[2]", graph) == ["all.agreement", "new[0]"])
    #expect(try inputs("all[3]", graph) == ["all.agreement", "total"])
    let all = try #require(graph.stage(named: "all"))
    #expect(all.partitions.map(\.index) == [0, 1, 2, 3])
    #expect(all.partitions.map(\.label) == ["part-0", "part-1", "part-0", "3"])
    #expect(try !graph.isKept(#require(graph.stage(named: "all.agreement"))))
    let last = try #require(graph.task(TaskKey(stage: "all", role: .partition(3))))
    // What all agree on is not counted among the members.
    let estimate = all.body.estimate(graph.role(of: last), inputBytes: [1000, 7], memoryLimit: .max)
    #expect(estimate == MemoryEstimate(output: 7, scratch: 1))
  }

  @Test func `Neighbours are put together, and partitions are cut`() throws {
    let fewer = try graph(definition(agrees: false, into: 1), from: ["old"])
    #expect(try inputs("all[0]", fewer) == ["old[0]", "old[1]"])
    let more = try graph(definition(agrees: false, into: 5), from: ["old"])
    #expect(
      try (0..<5).map { try inputs("all[\($0)]", more)[0] } == ["old[0]", "old[0]", "old[1]", "old[1]", "old[1]"])
    let stage = try #require(more.stage(named: "all"))
    #expect(Set(stage.tasks.map { stage.body.identity(more.role(of: $0)) }).count == 5)
    #expect(more.drawing(.dot).contains("shape=trapezium"))
  }

  @Test func `A name that the agreement would take is refused`() throws {
    var graph = try graph(definition(agrees: false), from: ["old"])
    let agreeing = definition(agrees: true)
    try RandomGraphs.add("x.agreement", TestOps.reduce, to: &graph, from: ["old"])
    let before = graph.taskCount
    let error = #expect(throws: GraphError.self) {
      try graph.addStage("x", op: agreeing, arguments: OpArguments([:], for: agreeing), from: ["old"])
    }
    #expect(error?.message.contains("would be called \"x.agreement\"") == true)
    #expect(graph.taskCount == before)
  }

  @Test func `Operations of another family are suggested by what they do`() {
    var registry = OpRegistry()
    for name in ["table.filter", "table.select", "text.read", "jsonl.read", "arxiv.read", "csv.read", "sql"] {
      registry.register(
        OpDefinition(name: name, version: 1, summary: "", output: "", example: "", maker: .program(.source)))
    }
    #expect(registry.suggestions(for: "table.fliter") == ["table.filter"])
    #expect(registry.suggestions(for: "filter") == ["table.filter"])
    #expect(registry.suggestions(for: "fliter") == ["table.filter"])
    #expect(registry.suggestions(for: "bag.select") == ["table.select"])
    #expect(registry.suggestions(for: "read") == ["arxiv.read", "csv.read", "jsonl.read"])
    #expect(registry.suggestions(for: "frobnicate").isEmpty)
    #expect(registry.suggestions(for: "").isEmpty)
  }

  @Test func `A reduction that looks at the first partitions has no tasks for the others`() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("old", TestOps.source, to: &graph, ["partitions": .integer(9)])
    struct Leading: ReductionOp {
      let fanIn = 2
      let leadingPartitions: Int? = 3
      func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 0, scratch: 0) }
      func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue { values[0] }
    }
    let definition = OpDefinition(
      name: "test.leading", version: 1, summary: "", inputs: [OpInput("bag", summary: "")], output: "", example: "",
      maker: .reduction { _ in Leading() })
    try graph.addStage("first", op: definition, arguments: OpArguments([:], for: definition), from: ["old"])
    #expect(graph.stage(named: "first")?.taskCount == 3 + 2 + 1)
    #expect(try inputs("first[2]", graph) == ["old[2]"])
  }
}
