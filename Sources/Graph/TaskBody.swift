/// What a stage's tasks do, in the one form the scheduler knows.
public protocol TaskBody: Sendable {
  func estimate(_ role: TaskRole, inputBytes: [Int]) -> MemoryEstimate
  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue
  /// What tells this task's result from another's beyond op, parameters and inputs.
  func identity(_ role: TaskRole) -> [IdentityPart]
  /// The file whose presence, unchanged, is the result.
  func outputPath(_ role: TaskRole) -> String?
}

extension TaskBody {
  public func identity(_ role: TaskRole) -> [IdentityPart] { [] }
  public func outputPath(_ role: TaskRole) -> String? { nil }
}

/// One named part of a task's own identity.
public enum IdentityPart: Hashable, Sendable {
  case file(FileIdentity)
  case text(name: String, value: String)
}

extension TaskRole {
  /// The partition this task works on. Only for the partition tasks of a stage.
  var partitionIndex: Int {
    guard case .partition(let index) = self else { preconditionFailure("\(self) is no partition task") }
    return Int(index)
  }
}

struct SourceBody: TaskBody {
  let op: any SourceOp
  let partitions: [Partition]

  func estimate(_ role: TaskRole, inputBytes: [Int]) -> MemoryEstimate { op.estimate(partitions[role.partitionIndex]) }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.read(partitions[role.partitionIndex], context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    let partition = partitions[role.partitionIndex]
    guard let file = partition.file else { return [.text(name: "partition", value: partition.label)] }
    return [.file(file)]
  }
}

struct PartitionBody: TaskBody {
  let op: any PartitionOp
  let partitions: [Partition]

  func estimate(_ role: TaskRole, inputBytes: [Int]) -> MemoryEstimate { op.estimate(inputBytes: inputBytes) }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.apply(inputs, partition: partitions[role.partitionIndex], context: context)
  }
}

struct SinkBody: TaskBody {
  let op: any SinkOp
  let partitions: [Partition]
  let paths: [String]

  func estimate(_ role: TaskRole, inputBytes: [Int]) -> MemoryEstimate { op.estimate(inputBytes: inputBytes) }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let index = role.partitionIndex
    return try context.writeFile(at: paths[index]) { sink in
      try op.write(inputs[0], partition: partitions[index], to: sink, context: context)
    }
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "path", value: paths[role.partitionIndex])] }
  func outputPath(_ role: TaskRole) -> String? { paths[role.partitionIndex] }
}

struct ReductionBody: TaskBody {
  let op: any ReductionOp
  let partitions: [Partition]

  func estimate(_ role: TaskRole, inputBytes: [Int]) -> MemoryEstimate { op.estimate(inputBytes: inputBytes) }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    switch role {
    case .partition(let index): try op.partial(inputs[0], partition: partitions[Int(index)], context: context)
    case .combine: try op.combine(inputs, context: context)
    case .whole: try op.finish(op.combine(inputs, context: context), context: context)
    }
  }
}
