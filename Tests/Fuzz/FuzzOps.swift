import Graph

/// Operations of every shape that have parameters of every kind, touch no disk, and make small graphs.
enum FuzzOps {
  static let registry: OpRegistry = {
    let bag = [OpInput("bag", summary: "a bag")]
    let parameters = [
      OpParameter("count", .integer(1...4), default: .integer(2), summary: "partitions"),
      OpParameter("label", .string, isOptional: true, summary: "a text"),
      OpParameter("ratio", .number, isOptional: true, summary: "a number"),
      OpParameter("strict", .boolean, isOptional: true, summary: "a flag"),
      OpParameter("mode", .choice(["fast", "safe"]), isOptional: true, summary: "a word"),
      OpParameter("words", .strings, isOptional: true, summary: "words"),
      OpParameter("files", .files, isOptional: true, summary: "files"),
      OpParameter("folder", .path, default: .string("x"), summary: "a folder"),
      OpParameter("map", .map, isOptional: true, summary: "a mapping"),
      OpParameter("run", .command, isOptional: true, summary: "a command"),
    ]
    var registry = OpRegistry()
    func add(_ name: String, _ inputs: [OpInput], _ maker: OpMaker) {
      registry.register(
        OpDefinition(
          name: name, version: 1, summary: name, inputs: inputs, parameters: parameters, output: "", example: "",
          maker: maker))
    }
    add("made", [], .source { Source(count: $0.require(OpArguments.integer, "count")) })
    add(
      "mixed", [OpInput("inputs", .any, isOptional: true, isRepeated: true, summary: "")], .perPartition { _ in Step() }
    )
    add(
      "scaled", bag + [OpInput("factor", .value, isOptional: true, summary: "a value")], .perPartition { _ in Step() })
    add("summed", bag, .reduction { _ in Sum() })
    add("written", bag, .sink { Sink(folder: $0.require(OpArguments.string, "folder")) })
    return registry
  }()

  private static let nothing = MemoryEstimate(output: 1, scratch: 0)

  private struct Source: SourceOp {
    let count: Int

    func partitions() throws -> Partitions { .numbered(count) }
    func estimate(_ partition: Partition) -> MemoryEstimate { nothing }
    func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue { throw TaskError(.failed, "") }
  }

  private struct Step: PartitionOp {
    func estimate(inputBytes: [Int]) -> MemoryEstimate { nothing }
    func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
      inputs[0]
    }
  }

  private struct Sum: ReductionOp {
    let fanIn = 2
    func estimate(inputBytes: [Int]) -> MemoryEstimate { nothing }
    func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue { values[0] }
  }

  private struct Sink: SinkOp {
    let folder: String

    func paths(for partitions: Partitions) throws -> [String] { partitions.map { "\(folder)/\($0.label)" } }
    func estimate(inputBytes: [Int]) -> MemoryEstimate { nothing }
    func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
      -> Int
    { 0 }
  }
}
