import Graph
import Synchronization

// What `Bag` and `Delayed` are made of: a graph of nodes that describe, lazily, what is to be computed. `Lowering` turns
// the nodes that a target needs into stages of a `TaskGraph`; a bag that only one stage reads becomes part of that
// stage, so that its elements stream through without ever lying in memory all at once.

/// One step, before it is known whether it becomes a stage of its own.
@usableFromInline
final class Node: Sendable {
  /// What the step does, in Dask's words: `map`, `foldby`.
  let label: String
  let layout: Stage.Layout
  /// The nodes it reads.
  let inputs: [Input]
  /// What is read for one partition, or for the one value (partition 0): empty where nothing is.
  let dependencies: @Sendable (_ partition: Int, _ node: Node) -> [Reference]
  /// Does the step, for a task of its own.
  let run: @Sendable (TaskRole, ReadScope) throws -> any TaskValue
  let identity: Identity
  /// What tells one partition from another beyond its inputs, such as the file it is read from.
  let partitionIdentity: @Sendable (Int) -> [IdentityPart]
  let outputPath: (@Sendable (Int) -> String)?
  let cost: Cost
  let valueTypes: [any TaskValue.Type]
  let memory: MemoryNeed
  let options: TaskOptions
  /// The element of a bag, or the value, of this type.
  let typeName: String
  /// Whether it reads or writes files of the user's: then identity and output path name them.
  let touchesFiles: Bool
  /// Tells steps of one process apart; an object's address may be used again.
  let serial = Node.count.add(1, ordering: .relaxed).newValue

  private static let count = Atomic<Int>(0)

  /// What a task of the partition needs, within the run's limit.
  typealias MemoryNeed = @Sendable (_ partition: Int, _ inputBytes: [Int], _ limit: Int) -> MemoryEstimate

  struct Input: Sendable {
    let node: Node
    /// Whether one of its partitions may be read by several tasks of this node.
    var isShared = false
    /// Whether it has to be computed although nothing of it is read.
    var isAwaited = false
    /// Whether it belongs to the same step of the user's, whose name then stands for its closures too.
    var isPart = false
  }

  /// One partition of a bag, or one value (partition 0).
  struct Reference: Sendable {
    let node: Node
    let partition: Int
  }

  /// Whether the result is worth a stage of its own.
  enum Cost: Sendable {
    /// It is only a view of what lies elsewhere, or cheaper to make than to keep: never, unless asked for.
    case view
    /// If more than one stage reads it.
    case elements
    /// Always.
    case stage
  }

  /// What tells this step's result from another's that reads the same.
  enum Identity: Sendable {
    /// The label and these parameters say all.
    case parameters(String)
    /// A closure of the user's, which nobody can compare: it is what its name and version say, and without a name its
    /// results are never taken over from another process.
    case closure(String)
  }

  init(
    label: String, layout: Stage.Layout, inputs: [Input] = [], identity: Identity, cost: Cost,
    valueTypes: [any TaskValue.Type], typeName: String, options: TaskOptions = TaskOptions(),
    touchesFiles: Bool = false,
    dependencies: @escaping @Sendable (Int, Node) -> [Reference] = { _, _ in [] },
    partitionIdentity: @escaping @Sendable (Int) -> [IdentityPart] = { _ in [] },
    outputPath: (@Sendable (Int) -> String)? = nil,
    memory: @escaping MemoryNeed = Node.memoryOfElements,
    run: @escaping @Sendable (TaskRole, ReadScope) throws -> any TaskValue
  ) {
    self.label = label
    self.layout = layout
    self.inputs = inputs
    self.identity = identity
    self.cost = cost
    self.valueTypes = valueTypes
    self.typeName = typeName
    self.options = options
    self.touchesFiles = touchesFiles
    self.dependencies = dependencies
    self.partitionIdentity = partitionIdentity
    self.outputPath = outputPath
    self.memory = memory
    self.run = run
  }

  /// The same step with other options.
  func with(_ change: (inout TaskOptions) -> Void) -> Node {
    var options = options
    change(&options)
    return Node(
      label: label, layout: layout, inputs: inputs, identity: identity, cost: cost, valueTypes: valueTypes,
      typeName: typeName, options: options, touchesFiles: touchesFiles, dependencies: dependencies,
      partitionIdentity: partitionIdentity,
      outputPath: outputPath, memory: memory, run: run)
  }

  /// The same step, which also waits for others.
  func after(_ others: [Node]) -> Node {
    let dependencies = dependencies
    return Node(
      label: label, layout: layout, inputs: inputs + others.map { Input(node: $0, isAwaited: true) },
      identity: identity, cost: .stage,
      valueTypes: valueTypes, typeName: typeName, options: options, touchesFiles: touchesFiles,
      dependencies: { partition, node in
        dependencies(partition, node)
          + others.flatMap { other in (0..<other.count).map { Reference(node: other, partition: $0) } }
      }, partitionIdentity: partitionIdentity, outputPath: outputPath, memory: memory, run: run)
  }

  /// Partitions of a bag; 1 for a value.
  var count: Int {
    switch layout {
    case .single, .tree: 1
    case .bag(let partitions): partitions.count
    }
  }

  var isBag: Bool { if case .bag = layout { true } else { false } }

  /// As much as what it reads, and room for the blocks that pass through.
  static let memoryOfElements: MemoryNeed = { _, inputBytes, _ in
    MemoryEstimate(output: max(inputBytes.reduce(0, +), 64 << 10), scratch: 512 << 10)
  }

  /// Little comes out, whatever goes in.
  static let memoryOfSummary: MemoryNeed = { _, _, _ in
    MemoryEstimate(output: 4 << 10, scratch: 512 << 10)
  }
}

extension Node {
  /// What a task may hold of a table or of groups, of the run's limit.
  static func allowance(_ limit: Int) -> Int { Swift.max(limit / 8, 1 << 20) }

  /// A table as large as it may be, and little that comes out.
  static let memoryOfTable: MemoryNeed = { _, _, limit in
    MemoryEstimate(output: 64 << 10, scratch: allowance(limit))
  }
}

/// How a step is named and treated.
@usableFromInline
struct TaskOptions: Sendable {
  var name: String?
  var version = 1
  var policy = TaskPolicy()
  var keep: Bool?

  /// Name and version, as they stand for a closure.
  var identity: String? { name.map { "\"\($0)\" \(version) " } }

  /// Whether the step must be a stage of its own for these to mean anything.
  var wantStage: Bool { keep != nil || policy != TaskPolicy() }
}

/// What a running task reads from: results of earlier stages, and bags and values that became part of it.
@usableFromInline
final class ReadScope {
  @usableFromInline let context: any TaskContext
  /// The task's own node and partition.
  let node: Node
  private let inputs: [any TaskValue]
  private var places: [Place: Int] = [:]

  private struct Place: Hashable {
    let node: ObjectIdentifier
    let partition: Int
  }

  init(node: Node, references: [Node.Reference], inputs: [any TaskValue], context: any TaskContext) {
    self.node = node
    self.inputs = inputs
    self.context = context
    places.reserveCapacity(references.count)
    for (position, reference) in references.enumerated() {
      places[Place(node: ObjectIdentifier(reference.node), partition: reference.partition)] = position
    }
  }

  /// A combining task's inputs, which are its own stage's results.
  init(node: Node, combining inputs: [any TaskValue], context: any TaskContext) {
    self.node = node
    self.inputs = inputs
    self.context = context
  }

  /// A stage's result for a partition; `nil` where the node is part of this task.
  func result(of node: Node, _ partition: Int) -> (any TaskValue)? {
    places[Place(node: ObjectIdentifier(node), partition: partition)].map { inputs[$0] }
  }

  /// What is combined, in order.
  var combined: [any TaskValue] { inputs }

  /// Bytes that a table or groups may take before the task has to do without all at once.
  @usableFromInline var allowance: Int { Node.allowance(context.memoryLimit) }

  @usableFromInline
  func blocks<Element>(of bag: Bag<Element>, _ partition: Int) throws -> BlockReader<Element> {
    guard let result = result(of: bag.node, partition) else { return try bag.open(partition, self) }
    return ReadScope.reader(of: (result as! PartitionValue<Element>).blocks)
  }

  @usableFromInline
  func value<Value>(of delayed: Delayed<Value>) throws -> Value {
    guard let result = result(of: delayed.node, 0) else { return try delayed.get(self) }
    return (result as! ScalarValue<Value>).value
  }

  @usableFromInline
  static func reader<Element>(of blocks: [ContiguousArray<Element>]) -> BlockReader<Element> {
    var next = 0
    return {
      guard next < blocks.count else { return nil }
      defer { next += 1 }
      return blocks[next]
    }
  }
}

/// Gives a partition's elements block by block; `nil` at the end. A block may be empty.
public typealias BlockReader<Element> = () throws -> ContiguousArray<Element>?

/// How many elements pass through at a time where nothing else decides.
@usableFromInline let blockLength = 4096
