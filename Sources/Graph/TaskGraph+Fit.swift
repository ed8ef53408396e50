// A fit is two stages: `NAME.packed` has one task for each partition of the bag, and `NAME` is one task that reads what all of
// them packed, many times over. The first stage's results are for the second only, the second's is kept: it was dear.

extension TaskGraph {
  /// What the first half of a fit is called.
  public static func packedName(of name: String) -> String { name + ".packed" }

  mutating func addFit(
    _ name: String, op definition: OpDefinition, _ op: any FitOp, arguments: OpArguments, of source: Stage,
    keep: Bool?, policy: TaskPolicy
  ) throws {
    let packed = TaskGraph.packedName(of: name)
    try checkFree(packed, of: name)
    let parts = source.resultPartitions
    let first = source.results.lowerBound
    try addStage(
      packed, op: definition, arguments: arguments, body: PackBody(op: op, partitions: parts), layout: .bag(parts),
      inputs: [source.number], keep: false, policy: policy
    ) { index, inputs in inputs.append(first + TaskID(index)) }
    let halves = stages[stages.count - 1]
    try addStage(
      name, op: definition, arguments: arguments, body: FitBody(op: op), layout: .single, inputs: [halves.number],
      keep: keep ?? true, policy: policy
    ) { _, inputs in inputs += halves.tasks }
  }
}

/// Packs one partition.
private struct PackBody: TaskBody {
  let op: any FitOp
  let partitions: Partitions

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimatePack(inputBytes: inputBytes.reduce(0, +), memoryLimit: memoryLimit)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.pack(inputs[0], partition: partitions[role.partitionIndex], of: partitions.count, context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "half", value: "pack")] }
}

/// Fits to all packed partitions.
private struct FitBody: TaskBody {
  let op: any FitOp

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateFit(inputBytes: inputBytes.reduce(0, +), memoryLimit: memoryLimit)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.fit(inputs, context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "half", value: "fit")] }
}
