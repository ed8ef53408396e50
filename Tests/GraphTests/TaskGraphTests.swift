import Graph
import TestSupport
import Testing

@Suite struct TaskGraphTests {
  @Test("A task key reads what it writes")
  func keysRoundTrip() {
    for key in [
      TaskKey(stage: "totals"), TaskKey(stage: "papers", role: .partition(12)),
      TaskKey(stage: "totals", role: .combine(level: 2, index: 5)),
    ] {
      #expect(TaskKey(key.description) == key)
    }
    for bad in ["", "[3]", "a[", "a[x]", "a[1.2.3]", "a[]", "a[1"] { #expect(TaskKey(bad) == nil, "\(bad)") }
  }

  @Test(
    "Sizes are read as people write them",
    arguments: [
      ("256MB", 256 << 20), ("1.5 GiB", 3 << 29), ("64k", 64 << 10), ("1048576", 1 << 20), ("2T", 2 << 40), ("7b", 7),
    ])
  func sizes(text: String, bytes: Int) { #expect(ByteCount(text)?.bytes == bytes) }

  @Test("What is no size is refused", arguments: ["", "MB", "-1MB", "1.2.3", "12XB", "nan", "9999999999T"])
  func badSizes(text: String) { #expect(ByteCount(text) == nil) }

  @Test("Sizes are shown with three digits")
  func shownSizes() {
    #expect(ByteCount(0).description == "0 B")
    #expect(ByteCount(1023).description == "1023 B")
    #expect(ByteCount(1536).description == "1.5 KB")
    #expect(ByteCount(256 << 20).description == "256 MB")
    #expect(ByteCount((1 << 30) - 1).description == "1.0 GB")
  }

  //   source[0] source[1] … source[8]
  //      |         |           |
  //   sum[0]    sum[1]  …   sum[8]        level 0
  //      \____ 4 ____/  …    |
  //      sum[1.0] sum[1.1] sum[1.2]       level 1
  //            \      |      /
  //                  sum
  @Test("A reduction of nine partitions by fours is a tree of three levels")
  func treeShape() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("source", TestOps.source, to: &graph, ["partitions": .integer(9)])
    try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["source"])
    let stage = try #require(graph.stage(named: "sum"))
    #expect(stage.levels == [9, 3, 1])
    let whole = try #require(graph.task(TaskKey(stage: "sum")))
    #expect(graph.inputs(of: whole).map { graph.key(of: $0).description } == ["sum[1.0]", "sum[1.1]", "sum[1.2]"])
    let last = try #require(graph.task(TaskKey("sum[1.2]")!))
    #expect(graph.inputs(of: last).map { graph.key(of: $0).description } == ["sum[8]"])
    for task in graph.tasks { #expect(graph.task(graph.key(of: task)) == task) }
  }

  @Test("Stages that do not fit together are refused with a reason")
  func misfits() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("papers", TestOps.source, to: &graph, ["partitions": .integer(3)])
    try RandomGraphs.add("others", TestOps.source, to: &graph, ["partitions": .integer(2)])
    try RandomGraphs.add("sum", TestOps.reduce, to: &graph, from: ["papers"])
    func message(_ body: (inout TaskGraph) throws -> Void) -> String {
      var copy = graph
      do {
        try body(&copy)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(
      message { try RandomGraphs.add("x", TestOps.mix(1), to: &$0, from: ["paper"]) }
        == "task \"x\": \"paper\" is no task; did you mean \"papers\"?")
    #expect(
      message { try RandomGraphs.add("x", TestOps.mix(1), to: &$0, from: ["sum"]) }
        == "task \"x\": test.mix1 wants a bag as \"input0\", but \"sum\" gives one value")
    #expect(
      message { try RandomGraphs.add("x", TestOps.mix(2), to: &$0, from: ["papers", "others"]) }.contains(
        "has 3 partitions and \"others\" 2"))
    #expect(
      message { try RandomGraphs.add("sum", TestOps.mix(1), to: &$0, from: ["papers"]) }.contains("two tasks named"))
    #expect(message { try RandomGraphs.add("x", TestOps.mix(2), to: &$0, from: ["papers"]) }.contains("and got 1"))
  }

  @Test("Names a letter or two away are suggested, others are not")
  func nearest() {
    let names = ["text.tokenize", "text.oneHot", "jsonl.write"]
    #expect(nearestName(to: "text.tokenise", among: names) == "text.tokenize")
    #expect(nearestName(to: "text.onehot", among: names) == "text.oneHot")
    #expect(nearestName(to: "jsnol.write", among: names) == "jsonl.write")
    #expect(nearestName(to: "banana", among: names) == nil)
    #expect(nearestName(to: "", among: names) == nil)
  }
}

@Suite struct OrderTests {
  @Test("Every candidate order is topological and complete on random graphs", arguments: 0..<60)
  func topological(seed: Int) throws {
    let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 12, partitions: 1 + seed % 7)
    var random = SeededRandom(seed: UInt64(seed))
    let lost = Set(graph.tasks.filter { _ in Int.random(in: 0..<3, using: &random) == 0 })
    let included = graph.culled { !lost.contains($0) && seed % 2 == 0 }.map { $0 == .runs }
    let consumers = graph.consumers()
    for order in [graph.ordered(included, consumers: consumers)] + graph.candidateOrders(included).map(\.order) {
      #expect(graph.isTopological(order, included))
    }
  }

  //   papers[i] → prepared[i] → written[i]
  //                         \→ totals[i] → totals
  @Test("A per-file pipeline with a sink and a reduction holds one file at a time")
  func pipelinePressure() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("papers", TestOps.source, to: &graph, ["partitions": .integer(64)])
    try RandomGraphs.add("prepared", TestOps.mix(1), to: &graph, from: ["papers"])
    try RandomGraphs.add("written", TestOps.mix(1), to: &graph, from: ["prepared"])
    try RandomGraphs.add("totals", TestOps.reduce, to: &graph, from: ["prepared"])
    let all = [Bool](repeating: true, count: graph.taskCount)
    let consumers = graph.consumers()
    let order = graph.ordered(all, consumers: consumers)
    // One value under way, and up to three unmerged partial sums on each of three levels.
    #expect(graph.pressure(of: order, all, consumers: consumers).peak <= 10)
  }

  @Test("The order kept is never worse than going by number")
  func neverWorse() throws {
    for seed in 0..<40 {
      let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 15, partitions: 5)
      let all = [Bool](repeating: true, count: graph.taskCount)
      let consumers = graph.consumers()
      let kept = graph.pressure(of: graph.ordered(all, consumers: consumers), all, consumers: consumers)
      #expect(kept <= graph.pressure(of: Array(graph.tasks), all, consumers: consumers))
    }
  }

  @Test("Only what is needed and not there runs")
  func culling() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("papers", TestOps.source, to: &graph, ["partitions": .integer(3)])
    try RandomGraphs.add("prepared", TestOps.mix(1), to: &graph, from: ["papers"])
    try RandomGraphs.add("totals", TestOps.reduce, to: &graph, from: ["prepared"])
    // Partials 0 and 2 are there: only the chain of partition 1 and the total run.
    let there = Set(["totals[0]", "totals[2]"].map { graph.task(TaskKey($0)!)! })
    let decisions = graph.culled { there.contains($0) }
    let running = graph.tasks.filter { decisions[Int($0)] == .runs }.map { graph.key(of: $0).description }
    #expect(running == ["papers[1]", "prepared[1]", "totals[1]", "totals"])
  }

  @Test("Drawings name every stage and every arrow")
  func drawings() throws {
    var graph = TaskGraph()
    try RandomGraphs.add("papers", TestOps.source, to: &graph, ["partitions": .integer(2)])
    try RandomGraphs.add("totals", TestOps.reduce, to: &graph, from: ["papers"])
    #expect(
      graph.drawing(.dot) == """
        digraph graphrun {
          rankdir=LR;
          s0 [label="papers × 2\\ntest.source" shape=cylinder];
          s1 [label="totals\\ntest.reduce" shape=invtrapezium];
          s0 -> s1;
        }

        """)
    #expect(graph.drawing(.mermaid).contains("s0 --> s1"))
    #expect(graph.drawing(.dot, everyTask: true).split(separator: "->").count == 5)
  }
}
