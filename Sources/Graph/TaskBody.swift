/// What a stage's tasks do, in the one form the scheduler knows.
public protocol TaskBody: Sendable {
  /// - Parameters:
  ///   - role: which of the stage's tasks.
  ///   - inputBytes: size in memory of each input; of one that was split, of the task's part.
  ///   - memoryLimit: bytes that the run may take.
  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate
  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue
  /// What tells this task's result from another's beyond op, parameters and inputs.
  func identity(_ role: TaskRole) -> [IdentityPart]
  /// The file whose presence, unchanged, is the result.
  func outputPath(_ role: TaskRole) -> String?
  /// Whether a task may read or write a file of the user's: then `identity` and `outputPath` name it.
  var touchesFiles: Bool { get }
  /// Whether results are so small beside others, such as a count, that it does not matter how long they are held.
  var hasSmallResults: Bool { get }
  /// Whether results can be kept after the run.
  var outlivesRun: Bool { get }
  /// What helps, beside more memory, where a task does not fit into it: a clause.
  var memoryRemedy: String? { get }
}

extension TaskBody {
  public func identity(_ role: TaskRole) -> [IdentityPart] { [] }
  public func outputPath(_ role: TaskRole) -> String? { nil }
  public var touchesFiles: Bool { false }
  public var hasSmallResults: Bool { false }
  public var outlivesRun: Bool { true }
  public var memoryRemedy: String? { nil }
}

/// One named part of a task's own identity.
public enum IdentityPart: Hashable, Sendable {
  case file(FileIdentity)
  case text(name: String, value: String)
  /// The partition's number, where that is all there is to it.
  case number(Int)
}

extension TaskRole {
  /// The partition this task works on; the one task of a single value stands for partition 0.
  var partitionIndex: Int {
    switch self {
    case .partition(let index): Int(index)
    case .whole: 0
    case .combine: preconditionFailure("\(self) is no partition task")
    }
  }
}

struct SourceBody: TaskBody {
  let op: any SourceOp
  let partitions: Partitions

  var touchesFiles: Bool { partitions.mayHaveFiles }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimate(partitions[role.partitionIndex])
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.read(partitions[role.partitionIndex], context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    // What comes from nowhere is told apart by its number: the role says it.
    guard partitions.mayHaveFiles else {
      if case .partition(let index) = role { return [.number(Int(index))] }
      return []
    }
    return op.identity(of: partitions[role.partitionIndex])
  }
}

struct PartitionBody: TaskBody {
  let op: any PartitionOp
  let partitions: Partitions
  let inputNames: [String]

  var outlivesRun: Bool { op.outlivesRun }

  /// Without inputs, only the number tells one partition's result from another's.
  func identity(_ role: TaskRole) -> [IdentityPart] {
    var parts: [IdentityPart] = []
    if op.partitionCount != nil || op.dependsOnIndex, case .partition(let index) = role {
      parts.append(.number(Int(index)))
    }
    if op.dependsOnInputNames { parts += inputNames.map { .text(name: "input", value: $0) } }
    return parts
  }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimate(inputBytes: inputBytes)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.apply(inputs, partition: partitions[role.partitionIndex], context: context)
  }
}

struct SinkBody: TaskBody {
  let op: any SinkOp
  let partitions: Partitions
  let paths: [String]

  var touchesFiles: Bool { true }
  var hasSmallResults: Bool { true }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimate(inputBytes: inputBytes)
  }

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
  let partitions: Partitions

  var hasSmallResults: Bool { op.hasSmallResults }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimate(inputBytes: inputBytes)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    switch role {
    case .partition(let index): try op.partial(inputs[0], partition: partitions[Int(index)], context: context)
    case .combine: try op.combine(inputs, context: context)
    case .whole: try op.finish(op.combine(inputs, context: context), context: context)
    }
  }
}
