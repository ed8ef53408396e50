import Graph

/// Seeded graphs of test operations.
public enum RandomGraphs {
  /// Adds a stage of a test operation.
  public static func add(
    _ name: String, _ op: OpDefinition, to graph: inout TaskGraph, from inputs: [String] = [], keep: Bool? = nil,
    _ values: [String: ParameterValue] = [:]
  ) throws {
    try graph.addStage(name, op: op, arguments: OpArguments(values, for: op), from: inputs, keep: keep)
  }

  /// Stages that read up to three earlier ones each; bags and reductions mixed, values of up to `mostBytes` bytes.
  ///
  /// - Parameter shuffles: whether some of the stages are shuffles, joins and fits.
  public static func graph(
    seed: UInt64, stages: Int, partitions: Int, mostBytes: Int = 4096, shuffles: Bool = false
  ) throws -> TaskGraph {
    var random = SeededRandom(seed: seed)
    var graph = TaskGraph()
    var bags: [String] = []
    var values: [String] = []
    for number in 0..<stages {
      let name = "s\(number)"
      let settings: [String: ParameterValue] = [
        "seed": .integer(Int.random(in: 0..<1000, using: &random)),
        "bytes": .integer(Int.random(in: 1...max(1, mostBytes / 8), using: &random) * 8),
        "partitions": .integer(partitions),
      ]
      switch Int.random(in: 0..<(shuffles ? 16 : 10), using: &random) {
      case 15 where !bags.isEmpty:
        try add(name, TestOps.fit, to: &graph, from: [bags.randomElement(using: &random)!], settings)
        values.append(name)
      case 13... where !bags.isEmpty:
        let sides = (0..<2).map { _ in (bags + values).randomElement(using: &random)! }
        // A join of a value with a small side is a value; who reads it would have to be told.
        let left = bags.contains(sides[0]) ? sides[0] : bags[0]
        try add(
          name, TestOps.join, to: &graph, from: [left, sides[1]],
          settings.merging(["splits": .boolean(Bool.random(using: &random))]) { $1 })
        bags.append(name)
      case 10... where !bags.isEmpty:
        try add(name, TestOps.shuffle, to: &graph, from: [bags.randomElement(using: &random)!], settings)
        bags.append(name)
      case 0..<3 where !bags.isEmpty:
        try add(name, TestOps.reduce, to: &graph, from: [bags.randomElement(using: &random)!], settings)
        values.append(name)
      case 3..<8 where !bags.isEmpty:
        let chosen = (0..<Int.random(in: 1...3, using: &random)).map { _ in bags.randomElement(using: &random)! }
        let value = values.isEmpty || Bool.random(using: &random) ? [] : [values.randomElement(using: &random)!]
        try add(name, TestOps.mix(chosen.count, values: value.count), to: &graph, from: chosen + value, settings)
        bags.append(name)
      default:
        try add(name, TestOps.source, to: &graph, settings)
        bags.append(name)
      }
    }
    return graph
  }

  /// The numbers that all tasks' values must have, worked out without the scheduler.
  public static func expected(_ graph: TaskGraph) throws -> [UInt64] {
    var numbers: [UInt64] = []
    for task in graph.tasks {
      let stage = graph.stage(of: task)
      guard case .integer(let seed)? = stage.parameters["seed"] else { return [] }
      let inputs = graph.inputs(of: task).map { numbers[Int($0)] }
      switch (stage.op.shape, graph.role(of: task)) {
      case (.source, .partition(let index)): numbers.append(TestOps.mixed(UInt64(seed), UInt64(index)))
      case (.perPartition, _): numbers.append(inputs.reduce(UInt64(seed), TestOps.mixed))
      case (.shuffle, _) where stage.name.hasSuffix(".split"): numbers.append(TestOps.mixed(UInt64(seed), inputs[0]))
      case (.shuffle, .partition(let index)): numbers.append(inputs.reduce(UInt64(index), TestOps.mixed))
      case (.join, _) where stage.name.hasSuffix(".table"): numbers.append(inputs.reduce(UInt64(seed), TestOps.mixed))
      case (.join, _) where stage.name.hasSuffix(".left"): numbers.append(TestOps.mixed(1, inputs[0]))
      case (.join, _) where stage.name.hasSuffix(".right"): numbers.append(TestOps.mixed(2, inputs[0]))
      case (.join, .partition(let index)):
        let splits = stage.parameters["splits"] == .boolean(true)
        numbers.append(splits ? inputs.reduce(UInt64(index), TestOps.mixed) : TestOps.mixed(inputs[0], inputs[1]))
      case (.fit, .partition): numbers.append(TestOps.mixed(UInt64(seed), inputs[0]))
      case (.fit, _): numbers.append(inputs.reduce(UInt64(seed), TestOps.mixed))
      case (.reduction, .partition(let index)): numbers.append(TestOps.mixed(inputs[0], UInt64(index)))
      default: numbers.append(inputs.reduce(0, &+))
      }
    }
    return numbers
  }
}
