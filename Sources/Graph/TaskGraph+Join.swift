// A join is two stages where the right side is small, and three where both sides are split. Small:
//
//   pages[0] ─┬─ titled.table ─┬─ titled[0] ── visits[0]
//   pages[1] ─┘                └─ titled[1] ── visits[1]
//
// Split:
//
//   left[0]  ── orders.left[0]  ──┬── orders[0]
//   left[1]  ── orders.left[1]  ──┤
//                               ╳
//   right[0] ── orders.right[0] ──┴── orders[1]
//
// The first stages' results are for the last only, and nothing keeps them.

extension TaskGraph {
  /// What the stage is called that makes a join's small side one table.
  public static func tableName(of name: String) -> String { name + ".table" }

  /// What the stage is called that splits one side of a join.
  public static func splitName(of name: String, _ side: JoinSide) -> String { "\(name).\(side.rawValue)" }

  mutating func addJoin(
    _ name: String, op definition: OpDefinition, _ op: any JoinOp, arguments: OpArguments, left: Stage, right: Stage,
    keep: Bool?, policy: TaskPolicy
  ) throws {
    switch op.strategy(left: left.results.count, right: right.results.count) {
    case .broadcast:
      try addLookup(
        name, op: definition, op, arguments: arguments, left: left, right: right, keep: keep, policy: policy)
    case .partitioned(let count):
      try addPartitionedJoin(
        name, op: definition, op, arguments: arguments, left: left, right: right, count: max(count, 1), keep: keep,
        policy: policy)
    }
  }

  private mutating func addLookup(
    _ name: String, op definition: OpDefinition, _ op: any JoinOp, arguments: OpArguments, left: Stage, right: Stage,
    keep: Bool?, policy: TaskPolicy
  ) throws {
    let part = TaskGraph.tableName(of: name)
    try checkFree(part, as: "its right side's table", of: name)
    try addStage(
      part, op: definition, arguments: arguments, body: JoinTableBody(op: op), layout: .single,
      inputs: [right.number], keep: false, policy: policy
    ) { _, inputs in inputs += right.results }
    let table = stages[stages.count - 1]
    try addStage(
      name, op: definition, arguments: arguments, body: LookupBody(op: op, partitions: left.resultPartitions),
      layout: left.isBag ? .bag(left.partitions) : .single, inputs: [left.number, table.number], keep: keep,
      policy: policy
    ) { index, inputs in
      inputs.append(left.results.lowerBound + TaskID(index))
      inputs.append(table.firstTask)
    }
  }

  private mutating func addPartitionedJoin(
    _ name: String, op definition: OpDefinition, _ op: any JoinOp, arguments: OpArguments, left: Stage, right: Stage,
    count: Int, keep: Bool?, policy: TaskPolicy
  ) throws {
    for side in JoinSide.allCases {
      try checkFree(TaskGraph.splitName(of: name, side), as: "its \(side.rawValue) side", of: name)
    }
    try checkEdges(from: left.results.count + right.results.count, to: count, stage: name)
    var halves: [Stage] = []
    for (side, source) in [(JoinSide.left, left), (.right, right)] {
      let part = TaskGraph.splitName(of: name, side)
      try addStage(
        part, op: definition, arguments: arguments,
        body: JoinSplitBody(op: op, side: side, partitions: source.resultPartitions, count: count),
        layout: .bag(source.resultPartitions), inputs: [source.number], keep: false, policy: policy
      ) { index, inputs in inputs.append(source.results.lowerBound + TaskID(index)) }
      halves.append(stages[stages.count - 1])
    }
    try addStage(
      name, op: definition, arguments: arguments,
      body: JoinGatherBody(op: op, leftCount: halves[0].taskCount, count: count), layout: .bag(.numbered(count)),
      inputs: halves.map(\.number), keep: keep, policy: policy
    ) { _, inputs in for half in halves { inputs += half.tasks } }
  }
}

/// Makes the right side one table.
private struct JoinTableBody: TaskBody {
  let op: any JoinOp

  var memoryRemedy: String? { op.tableRemedy }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateTable(inputBytes: inputBytes)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.table(inputs, context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "half", value: "table")] }
}

/// Joins one partition of the left with the right side's table.
private struct LookupBody: TaskBody {
  let op: any JoinOp
  let partitions: Partitions

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateLookup(inputBytes: inputBytes.first ?? 0)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.lookup(inputs[0], in: inputs[1], partition: partitions[role.partitionIndex], context: context)
  }
}

/// Splits one partition of one side into shards.
private struct JoinSplitBody: TaskBody {
  let op: any JoinOp
  let side: JoinSide
  let partitions: Partitions
  let count: Int

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateSplit(side, inputBytes: inputBytes.reduce(0, +), memoryLimit: memoryLimit)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.split(
      inputs[0], side, partition: partitions[role.partitionIndex], of: partitions.count, into: count,
      context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    [.text(name: "half", value: side.rawValue), .number(count)]
  }
}

/// Makes one partition of shards of both sides.
private struct JoinGatherBody: TaskBody {
  let op: any JoinOp
  let leftCount: Int
  let count: Int

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateGather(inputBytes: inputBytes.reduce(0, +), memoryLimit: memoryLimit)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let index = role.partitionIndex
    return try op.gather(
      left: Array(inputs.prefix(leftCount)), right: Array(inputs.dropFirst(leftCount)),
      partition: Partition(index: index, label: "\(index)"), of: count, context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    [.text(name: "half", value: "gather"), .number(role.partitionIndex), .number(count)]
  }
}
