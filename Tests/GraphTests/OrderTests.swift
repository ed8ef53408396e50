import Graph
import TestSupport
import Testing

/// Inputs of each task, by number.
private typealias Shape = [[Int]]

/// What the order of a run holds on shapes that are hard to order, beside what Dask's static order holds on the same
/// shape: `dask.order.order` of Dask 2026.8.0, measured by `TaskGraph.Pressure`'s definition.
@Suite struct OrderShapeTests {
  //   0   1   2   3   4   5   6     every second-row task reads three neighbours; whoever starts in the middle
  //    \ | / \ | /                  has two ends to hold
  //      7   8   9  10  11
  private static let windows: Shape = sources(14) + (0..<12).map { [$0, $0 + 1, $0 + 2] }

  //     0     1     2     3         four groups of leaves, chained by the leaves that two groups share
  //   / | \ / | \ / | \ / | \
  private static let sharedLeaves: Shape =
    sources(4) + (0..<4).flatMap { [[$0], [$0]] } + (0..<3).map { [$0, $0 + 1] }

  //   u[i]   v[i]          squares and products of pairs, each added up as a tree of fan-in 4:
  //   |   \ /   |          finishing one tree alone holds every pair
  //   uu  uv   vv
  //   ↓    ↓    ↓
  //  sum  sum  sum
  private static let threeSums: Shape = {
    var shape = sources(128)
    let products = (0..<64).map { pair in
      shape += [[2 * pair], [2 * pair, 2 * pair + 1], [2 * pair + 1]]
      return shape.count - 3
    }
    for kind in 0..<3 { addTree(over: products.map { $0 + kind }, fanIn: 4, to: &shape) }
    return shape
  }()

  //   x[g][i] ────→ x - mean[g] ──→ sum over g of [i]     means over groups, taken off and summed across groups
  //        \→ mean[g] ─↗
  private static let anomalies: Shape = {
    var shape = sources(48)
    for group in 0..<6 { shape.append((0..<8).map { group * 8 + $0 }) }
    for value in 0..<48 { shape.append([value, 48 + value / 8]) }
    for place in 0..<8 { shape.append((0..<6).map { 54 + $0 * 8 + place }) }
    return shape
  }()

  //   0 → 1..8 → two joins of four → join, eight times, all joined at the end
  private static let forksAndJoins: Shape = {
    var shape: Shape = []
    var joins: [Int] = []
    for _ in 0..<8 {
      let root = shape.count
      shape += [[]] + (0..<8).map { _ in [root] }
      shape += [(1...4).map { root + $0 }, (5...8).map { root + $0 }, [root + 9, root + 10]]
      joins.append(shape.count - 1)
    }
    return shape + [joins]
  }()

  //   s[i] → a[i] → written[i]
  //             \→ tree of fan-in 8
  private static let pipeline: Shape = {
    var shape = sources(64) + (0..<64).map { [$0] } + (64..<128).map { [$0] }
    addTree(over: Array(64..<128), fanIn: 8, to: &shape)
    return shape
  }()

  //   0 → 1 → … → 7 ──→ join     a long and many short ways to one task, and a task that reads both ends
  //    \→ 8, \→ 9, …  ──↗
  private static let longAndShort: Shape =
    [[]] + (0..<7).map { [$0] } + (0..<5).map { _ in [0] } + [[7, 8, 9, 10, 11, 12], [0, 7]]

  //   0 → 1 → … → 4999
  private static let chain: Shape = (0..<5000).map { $0 == 0 ? [] : [$0 - 1] }

  private static let shapes: [(name: String, shape: Shape, dask: Int)] = [
    ("windows", windows, 3), ("shared leaves", sharedLeaves, 2),
    ("three sums", threeSums, 29), ("anomalies", anomalies, 54),
    ("forks and joins", forksAndJoins, 12), ("pipeline", pipeline, 15),
    ("long and short", longAndShort, 7), ("chain", chain, 1),
  ]

  @Test("No shape takes more than Dask's order, however its tasks are numbered", arguments: 0..<shapes.count)
  func noWorseThanDask(index: Int) throws {
    let (name, shape, dask) = Self.shapes[index]
    var random = SeededRandom(seed: UInt64(index))
    for round in 0..<6 {
      let numbered = round == 0 ? shape : Self.renumbered(shape, using: &random)
      #expect(try Self.ordered(numbered).peak <= dask, "\(name), numbering \(round)")
    }
  }

  @Test("A tree is ordered as Sethi and Ullman do: log₂ of its leaves and one", arguments: [1, 3, 6, 9])
  func binaryTree(height: Int) throws {
    var shape = Self.sources(1 << height)
    Self.addTree(over: Array(shape.indices), fanIn: 2, to: &shape)
    var random = SeededRandom(seed: 1)
    #expect(try Self.ordered(Self.renumbered(shape, using: &random)).peak == height + 1)
  }

  @Test("An input taken twice is held once")
  func doubledInput() throws {
    let found = try Self.ordered([[], [0, 0], [1, 1, 0], [2, 2]])
    #expect(found.peak == 2 && found.sum == 4)
  }

  @Test("Random layers take less than depth first, breadth first and number order", arguments: 0..<4)
  func layers(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    var shape = Self.layers(width: 100, depth: 40, using: &random)
    if seed % 2 == 1 { shape = Self.renumbered(shape, using: &random) }
    let graph = try Self.graph(shape)
    let found = try Self.ordered(shape)
    for order in [Self.depthFirst(shape), Self.breadthFirst(shape), Array(shape.indices)] {
      #expect(found < Self.pressure(of: order, graph))
    }
    #expect(found.peak < 115)  // Dask's order: 282 to 322
  }

  @Test("On random graphs every rule is topological, and none beats the order that is kept", arguments: 0..<40)
  func rules(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let shape = Self.anyShape(tasks: 1 + seed * 4, using: &random)
    let graph = try Self.graph(shape)
    let all = [Bool](repeating: true, count: graph.taskCount)
    let kept = try Self.ordered(shape)
    for (rule, order) in graph.candidateOrders(all) {
      #expect(graph.isTopological(order, all), "\(rule)")
      #expect(kept <= Self.pressure(of: order.map(Int.init), graph), "\(rule)")
    }
    for order in [Self.depthFirst(shape), Self.breadthFirst(shape), Array(shape.indices)] {
      #expect(kept <= Self.pressure(of: order, graph))
    }
  }

  @Test("Running free tasks at once never holds more than the order it is done to", arguments: 0..<40)
  func freeTasks(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let graph = try Self.graph(Self.anyShape(tasks: 60, using: &random))
    let all = [Bool](repeating: true, count: graph.taskCount)
    let played = try #require(graph.candidateOrders(all).first { $0.rule == .byNumber }).order
    let plain = Self.pressure(of: graph.tasks.map(Int.init), graph)
    let eager = Self.pressure(of: played.map(Int.init), graph)
    #expect(eager.peak <= plain.peak && eager.sum <= plain.sum)
  }

  @Test("Only included tasks are ordered, and what they read from others is not held", arguments: 0..<30)
  func parts(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let graph = try Self.graph(Self.anyShape(tasks: 50, using: &random))
    let included = graph.tasks.map { _ in Int.random(in: 0..<3, using: &random) > 0 }
    let order = graph.ordered(included, consumers: graph.consumers())
    #expect(graph.isTopological(order, included))
    #expect(graph.ordered([Bool](repeating: false, count: 50), consumers: graph.consumers()).isEmpty)
  }

  // MARK: - Shapes

  private static func sources(_ count: Int) -> Shape { Shape(repeating: [], count: count) }

  private static func addTree(over tasks: [Int], fanIn: Int, to shape: inout Shape) {
    var level = tasks
    while level.count > 1 {
      level = stride(from: 0, to: level.count, by: fanIn).map { start in
        shape.append(Array(level[start..<min(start + fanIn, level.count)]))
        return shape.count - 1
      }
    }
  }

  private static func layers(width: Int, depth: Int, using random: inout SeededRandom) -> Shape {
    (0..<width * depth).map { task in
      guard task >= width else { return [] }
      let above = (task / width - 1) * width
      return Set((0..<3).map { _ in above + Int.random(in: 0..<width, using: &random) }).sorted()
    }
  }

  /// Any earlier tasks as inputs, up to three, mostly near ones.
  private static func anyShape(tasks: Int, using random: inout SeededRandom) -> Shape {
    (0..<tasks).map { task in
      let from = max(0, task - (Bool.random(using: &random) ? 12 : tasks))
      return (0..<Int.random(in: 0...3, using: &random)).compactMap { _ in
        task == 0 ? nil : Int.random(in: from..<task, using: &random)
      }
    }
  }

  /// The same shape, its tasks numbered in another topological order.
  private static func renumbered(_ shape: Shape, using random: inout SeededRandom) -> Shape {
    var missing = shape.map(\.count)
    var ready = shape.indices.filter { missing[$0] == 0 }
    var number = [Int](repeating: 0, count: shape.count)
    var result: Shape = []
    let consumers = consumers(shape)
    while !ready.isEmpty {
      ready.swapAt(Int.random(in: ready.indices, using: &random), ready.count - 1)
      let task = ready.removeLast()
      number[task] = result.count
      result.append(shape[task].map { number[$0] })
      for consumer in consumers[task] {
        missing[consumer] -= 1
        if missing[consumer] == 0 { ready.append(consumer) }
      }
    }
    return result
  }

  private static func consumers(_ shape: Shape) -> [[Int]] {
    var consumers = Shape(repeating: [], count: shape.count)
    for (task, inputs) in shape.enumerated() { for input in inputs { consumers[input].append(task) } }
    return consumers
  }

  private static func graph(_ shape: Shape) throws -> TaskGraph {
    var graph = TaskGraph()
    for (task, inputs) in shape.enumerated() {
      let op = inputs.isEmpty ? TestOps.source : TestOps.mix(inputs.count)
      try RandomGraphs.add("t\(task)", op, to: &graph, from: inputs.map { "t\($0)" })
    }
    return graph
  }

  // MARK: - Orders

  /// The pressure of the order of a run, which is checked to be one.
  private static func ordered(_ shape: Shape) throws -> TaskGraph.Pressure {
    let graph = try graph(shape)
    let all = [Bool](repeating: true, count: graph.taskCount)
    let order = graph.ordered(all, consumers: graph.consumers())
    #expect(graph.isTopological(order, all))
    return pressure(of: order.map(Int.init), graph)
  }

  private static func pressure(of order: [Int], _ graph: TaskGraph) -> TaskGraph.Pressure {
    let all = [Bool](repeating: true, count: graph.taskCount)
    return graph.pressure(of: order.map(TaskID.init), all, consumers: graph.consumers())
  }

  private static func depthFirst(_ shape: Shape) -> [Int] {
    var order: [Int] = []
    var seen = Set<Int>()
    func visit(_ task: Int) {
      guard seen.insert(task).inserted else { return }
      shape[task].forEach(visit)
      order.append(task)
    }
    for (task, consumers) in consumers(shape).enumerated() where consumers.isEmpty { visit(task) }
    return order
  }

  /// What becomes ready first runs first.
  private static func breadthFirst(_ shape: Shape) -> [Int] {
    var missing = shape.map(\.count)
    var order = shape.indices.filter { missing[$0] == 0 }
    let consumers = consumers(shape)
    var next = 0
    while next < order.count {
      for consumer in consumers[order[next]] {
        missing[consumer] -= 1
        if missing[consumer] == 0 { order.append(consumer) }
      }
      next += 1
    }
    return order
  }
}
