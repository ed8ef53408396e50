// A sink that writes all partitions to one file becomes two stages: one that renders each partition, and one task that
// puts them behind one another. The first bears the stage's name with ".parts" behind it.

extension TaskGraph {
  /// The name of a joined sink's first half.
  public static func partsName(of name: String) -> String { name + ".parts" }

  /// Adds both stages of a sink that writes one file.
  ///
  /// - Parameter sources: what is written; behind it single values that each partition is rendered with.
  mutating func addJoinedSink(
    _ name: String, op definition: OpDefinition, _ op: any JoinedSinkOp, arguments: OpArguments, of sources: [Stage],
    keep: Bool?, policy: TaskPolicy
  ) throws {
    let (source, others) = (sources[0], sources.dropFirst())
    let parts = TaskGraph.partsName(of: name)
    try checkFree(parts, of: name)
    let rendering = OpDefinition(
      name: definition.name, version: definition.version, summary: definition.summary, inputs: definition.inputs,
      parameters: definition.parameters, output: "the partition as it will stand in the file",
      example: definition.example, maker: .program(.perPartition))
    try addStage(
      parts, op: rendering, arguments: arguments, body: PartBody(op: op, partitions: source.partitions),
      layout: source.isBag ? .bag(source.partitions) : .single, inputs: sources.map(\.number), keep: false,
      policy: policy
    ) { index, inputs in
      inputs.append(source.results.lowerBound + TaskID(index))
      inputs += others.map(\.results.lowerBound)
    }
    let rendered = stages[stages.count - 1]
    try addStage(
      name, op: definition, arguments: arguments, body: JoinBody(op: op), layout: .single, inputs: [rendered.number],
      keep: keep, policy: policy
    ) { _, inputs in inputs += rendered.tasks }
  }
}

/// Renders one partition.
private struct PartBody: TaskBody {
  let op: any JoinedSinkOp
  let partitions: Partitions

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimatePart(inputBytes: inputBytes.reduce(0, +), memoryLimit: memoryLimit)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.part(
      inputs[0], with: Array(inputs.dropFirst()), partition: partitions[role.partitionIndex], of: partitions.count,
      context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "half", value: "part")] }
}

/// Puts the rendered partitions behind one another.
private struct JoinBody: TaskBody {
  let op: any JoinedSinkOp

  var touchesFiles: Bool { true }
  var hasSmallResults: Bool { true }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateJoin(inputBytes: inputBytes.reduce(0, +), memoryLimit: memoryLimit)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try context.writeFile(at: op.path) { sink in try op.join(inputs, to: sink, context: context) }
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    [.text(name: "half", value: "join"), .text(name: "path", value: op.path)]
  }

  func outputPath(_ role: TaskRole) -> String? { op.path }
}
