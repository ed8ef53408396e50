// A shuffle is two stages. `NAME.split` has one task for each partition of the bag; `NAME` has one for each partition that
// comes out, and each of its tasks reads all of the first stage's:
//
//   papers[0] ── byID.split[0] ──┬── byID[0]
//                              ╳
//   papers[1] ── byID.split[1] ──┴── byID[1]
//
// The first stage's results are for the second only: they lie on disk as long as the run goes on, and nothing keeps them.

extension TaskGraph {
  /// What the first half of a shuffle is called.
  public static func splitName(of name: String) -> String { name + ".split" }

  mutating func addShuffle(
    _ name: String, op definition: OpDefinition, _ op: any ShuffleOp, arguments: OpArguments, of source: Stage,
    keep: Bool?, policy: TaskPolicy
  ) throws {
    let split = TaskGraph.splitName(of: name)
    try checkFree(split, of: name)
    let parts = source.partitions
    let count = max(op.partitionCount(of: parts.count), 1)
    try checkEdges(from: parts.count, to: count, stage: name)
    let first = source.firstTask
    try addStage(
      split, op: definition, arguments: arguments, body: SplitBody(op: op, partitions: parts), layout: .bag(parts),
      inputs: [source.number], keep: false, policy: policy
    ) { index, inputs in inputs.append(first + TaskID(index)) }
    let halves = stages[stages.count - 1]
    try addStage(
      name, op: definition, arguments: arguments, body: GatherBody(op: op, count: count),
      layout: .bag(.numbered(count)), inputs: [halves.number], keep: keep, policy: policy
    ) { _, inputs in inputs += halves.tasks }
  }
}

extension TaskGraph {
  /// Nothing may be called like a part of the stage `name`.
  func checkFree(_ part: String, as what: String = "its first half", of name: String) throws {
    guard stage(named: part) == nil else {
      throw GraphError(
        .duplicateName, "\(what) would be called \"\(part)\", as another task is; rename one of them", stage: name)
    }
  }

  /// Each of `count` tasks may be connected with each of `others`.
  func checkEdges(from count: Int, to others: Int, stage: String) throws {
    let edges = count.multipliedReportingOverflow(by: others)
    guard !edges.overflow, inputList.count + count + edges.partialValue <= Int32.max else {
      throw GraphError(
        .wrongInputs,
        "\(count) partitions into \(others) are more connections than a graph can have; take fewer, larger partitions",
        stage: stage)
    }
  }
}

/// Splits one partition into shards.
struct SplitBody: TaskBody {
  let op: any ShuffleOp
  let partitions: Partitions

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateSplit(inputBytes: inputBytes.reduce(0, +), memoryLimit: memoryLimit)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.split(inputs[0], partition: partitions[role.partitionIndex], of: partitions.count, context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    [.text(name: "half", value: "split")] + (op.dependsOnIndex ? [.number(role.partitionIndex)] : [])
  }
}

/// Makes one partition of its shards.
struct GatherBody: TaskBody {
  let op: any ShuffleOp
  let count: Int

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateGather(inputBytes: inputBytes.reduce(0, +), memoryLimit: memoryLimit)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let index = role.partitionIndex
    return try op.gather(inputs, partition: Partition(index: index, label: "\(index)"), context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    [.text(name: "half", value: "gather"), .number(role.partitionIndex)]
  }
}
