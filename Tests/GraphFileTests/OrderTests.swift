import Graph
import Testing

@testable import GraphFile

@Suite struct OrderTests {
  @Test func `A file in order keeps its order, and any other order gives a graph that fits`() throws {
    let entries = [
      "a: {op: numbers.make}", "b: {op: numbers.double, from: a}", "c: {op: numbers.sum, from: b}",
      "d: {op: numbers.scale, from: [b, c, a]}", "e: {op: numbers.write, from: [d], with: {directory: x}}",
    ]
    func names(_ entries: [String]) throws -> [String] {
      try build("tasks:\n" + entries.map { "  \($0)\n" }.joined()).graph.stages.map(\.name)
    }
    #expect(try names(entries) == ["a", "b", "c", "d", "e"])
    var random = SplitMix(seed: 7)
    for _ in 0..<50 {
      let order = try names(entries.shuffled(using: &random))
      #expect(order == ["a", "b", "c", "d", "e"])
    }
    let graph = try build("tasks:\n" + entries.reversed().map { "  \($0)\n" }.joined()).graph
    for task in graph.tasks { #expect(graph.inputs(of: task).allSatisfy { $0 < task }) }
  }

  @Test(arguments: [
    ("  a: {op: numbers.double, from: a}\n", ["2:33: these tasks wait for each other: a → a"]),
    (
      "  a: {op: numbers.double, from: c}\n  b: {op: numbers.double, from: a}\n  c: {op: numbers.double, from: b}\n",
      ["2:33: these tasks wait for each other: a → b → c → a"]
    ),
    (
      // c → b → d → c, met from a, which only hangs on it.
      "  a: {op: numbers.double, from: b}\n  b: {op: numbers.double, from: c}\n"
        + "  c: {op: numbers.double, from: d}\n  d: {op: numbers.double, from: b}\n",
      ["3:33: these tasks wait for each other: b → d → c → b"]
    ),
    (
      "  a: {op: numbers.double, from: b}\n  b: {op: numbers.double, from: a}\n"
        + "  c: {op: numbers.double, from: d}\n  d: {op: numbers.double, from: c}\n",
      ["2:33: these tasks wait for each other: a → b → a", "4:33: these tasks wait for each other: c → d → c"]
    ),
  ])
  func `A circle is answered with its path`(tasks: String, messages: [String]) {
    #expect(complaints("tasks:\n" + tasks) == messages)
  }

  @Test func `A long circle is shown by its ends`() {
    let tasks = (0..<100).map { "  t\($0): {op: numbers.double, from: t\(($0 + 99) % 100)}\n" }.joined()
    #expect(
      complaints("tasks:\n" + tasks) == [
        "2:34: these tasks wait for each other: "
          + "t0 → t1 → t2 → t3 → t4 → t5 → … 90 more … → t96 → t97 → t98 → t99 → t0"
      ])
  }

  @Test func `A dense knot of circles ends in an answer`() {
    let all = (0..<100).map { "t\($0)" }.joined(separator: ", ")
    let tasks = (0..<100).map { "  t\($0): {op: numbers.scale, from: [\(all)]}\n" }.joined()
    #expect(complaints("tasks:\n" + tasks).count == 20)
  }

  @Test(arguments: [
    (
      "x: {op: numbers.sum}",
      "4:11: task \"x\": numbers.sum needs \"from\" to name numbers (bag), and \"from\" names 0"
    ),
    (
      "x: {op: numbers.make, from: a}",
      "4:25: task \"x\": numbers.make is a source and takes no \"from\", and \"from\" names 1"
    ),
    (
      "x: {op: numbers.scale, from: [a]}",
      "4:26: task \"x\": numbers.scale needs \"from\" to name numbers (bag), factor (value) "
        + "and mask (bag, optional), and \"from\" names 1"
    ),
    (
      "x: {op: numbers.sum, from: s}",
      "4:30: task \"x\": numbers.sum wants a bag as \"numbers\", but \"s\" gives one value"
    ),
    (
      "x: {op: numbers.sum, from: w}\n  w: {op: numbers.write, from: a, with: {directory: x}}",
      "4:30: task \"x\": \"w\" writes files: only a command can read it"
    ),
    (
      "x: {op: numbers.sum, from: [b]}", "4:31: task \"x\": \"from\" names \"b\", which is no task; did you mean \"a\"?"
    ),
  ])
  func `What from names must fit the operation`(task: String, message: String) {
    let text = "tasks:\n  a: {op: numbers.make}\n  s: {op: numbers.sum, from: a}\n  \(task)\n"
    #expect(complaints(text) == [message])
    #expect(checkComplaints(text) == [message])
  }

  @Test func `Whether an operation gives a bag or a value may depend on its data: build says it`() throws {
    let text = "tasks:\n  a: {op: numbers.make}\n  x: {op: numbers.scale, from: [a, a]}\n"
    #expect(
      complaints(text) == [
        "3:36: task \"x\": numbers.scale wants a value as \"factor\", but \"a\" gives a bag of 2 partitions"
      ])
    #expect(checkComplaints(text) == [])
  }

  @Test func `A chain of ten thousand tasks, backwards, and ten thousand wide are built quickly`() throws {
    let count = 10_000
    let chain = (0..<count).reversed().map {
      $0 == 0 ? "  t0: {op: numbers.make}\n" : "  t\($0): {op: numbers.double, from: t\($0 - 1)}\n"
    }
    let clock = ContinuousClock()
    var graph = TaskGraph()
    let elapsed = try clock.measure { graph = try build("tasks:\n" + chain.joined()).graph }
    #expect(graph.stages.count == count)
    #expect(graph.stages.last?.name == "t9999")
    // A second without optimisation on a slow machine; what is quadratic takes minutes.
    #expect(elapsed < .seconds(30))
    let wide = (1..<count).map { "  t\($0): {op: numbers.sum, from: t0, with: }\n" }
    #expect(try build("tasks:\n  t0: {op: numbers.make}\n" + wide.joined()).graph.stages.count == count)
    let wrong = (1..<count).map { "  t\($0): {op: numbers.sun, from: s0, wiht: {}}\n" }
    #expect(complaints("tasks:\n  t0: {op: numbers.make}\n" + wrong.joined()).count == 20)
  }
}

/// A small random source with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
