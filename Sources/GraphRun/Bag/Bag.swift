import Graph

/// A collection in partitions, computed lazily and out of core: Dask's bag, typed.
///
/// A bag is a description. Nothing is read or computed before `compute(_:)` and its kin are called on it or on what was
/// made from it. Elements stream through steps that go from partition to partition; whole partitions lie in memory only
/// where several steps read them, and there they can be spilled.
///
/// Elements may be of any type that is `Codable` and `Sendable`. Trivially copyable types are spilled as they are,
/// `BinaryCodable` ones (numbers, strings, arrays, …) in a compact form, others as JSON.
///
/// Closures may run on several threads at once and more than once for an element, as after a crash.
///
/// **Errors.** What a closure throws makes its task fail, and `compute(_:)` throws a `ComputeError` that names the task.
/// So do the errors that an operation has "when computed".
///
/// **Complexity.** Making a bag from another costs O(1), whatever is in it. Computing an operation is O(elements) calls of
/// its closure, and a task holds a block of elements, unless the operation says otherwise.
public struct Bag<Element: Codable & Sendable>: Sendable {
  @usableFromInline let node: Node
  @usableFromInline let open: @Sendable (_ partition: Int, _ scope: ReadScope) throws -> BlockReader<Element>

  /// How many partitions the bag has.
  public var partitionCount: Int { node.count }

  init(node: Node, open: @escaping @Sendable (Int, ReadScope) throws -> BlockReader<Element>) {
    self.node = node
    self.open = open
  }

  /// A bag whose every partition is made by `open`.
  init(
    label: String, partitions: Partitions, inputs: [Node.Input] = [], identity: Node.Identity,
    cost: Node.Cost = .elements, options: TaskOptions = TaskOptions(), touchesFiles: Bool = false,
    valueTypes: [any TaskValue.Type] = [],
    dependencies: @escaping @Sendable (Int, Node) -> [Node.Reference] = { _, _ in [] },
    partitionIdentity: @escaping @Sendable (Int) -> [IdentityPart] = { _ in [] },
    memory: @escaping Node.MemoryNeed = Node.memoryOfElements,
    open: @escaping @Sendable (Int, ReadScope) throws -> BlockReader<Element>
  ) {
    self.init(
      node: Node(
        label: label, layout: .bag(partitions), inputs: inputs, identity: identity, cost: cost,
        valueTypes: [PartitionValue<Element>.self] + valueTypes, typeName: TypeName.of(Element.self),
        options: options, touchesFiles: touchesFiles, dependencies: dependencies, partitionIdentity: partitionIdentity,
        memory: memory,
        run: { role, scope in
          let next = try open(role.partition, scope)
          return PartitionValue(try Bag.collect(next, scope))
        }),
      open: open)
  }

  /// A step that makes each partition from the same one of this bag.
  ///
  /// - Parameter isNumbered: whether the partition's number changes what comes out.
  @usableFromInline
  func step<Output>(
    _ label: String, _ identity: StepIdentity = .closure, isNumbered: Bool = false,
    _ transform:
      @escaping @Sendable (_ next: @escaping BlockReader<Element>, _ partition: Int) throws -> BlockReader<
        Output
      >
  ) -> Bag<Output> {
    let input = node
    return Bag<Output>(
      label: label, partitions: partitions, inputs: [Node.Input(node: input)], identity: identity.value,
      dependencies: { partition, _ in [Node.Reference(node: input, partition: partition)] },
      partitionIdentity: { isNumbered ? [.number($0)] : [] }
    ) { partition, scope in
      try transform(scope.blocks(of: self, partition), partition)
    }
  }

  var partitions: Partitions {
    if case .bag(let partitions) = node.layout { partitions } else { .numbered(1) }
  }

  static func collect(_ next: BlockReader<Element>, _ scope: ReadScope) throws -> [ContiguousArray<Element>] {
    var blocks: [ContiguousArray<Element>] = []
    while let block = try next() {
      try scope.context.checkCancellation()
      guard !block.isEmpty else { continue }
      // Short blocks, as a filter leaves them, lie together.
      if let last = blocks.indices.last, blocks[last].count + block.count <= blockLength {
        blocks[last].append(contentsOf: block)
      } else {
        blocks.append(block)
      }
    }
    return blocks
  }
}

extension TaskRole {
  /// The partition of a task that works on one; 0 for a single value.
  var partition: Int { if case .partition(let index) = self { Int(index) } else { 0 } }
}

/// What tells a step from another, as code that is inlined into other modules can say it.
@usableFromInline
struct StepIdentity: Sendable {
  let value: Node.Identity

  @usableFromInline static var closure: StepIdentity { StepIdentity(value: .closure("")) }
  @usableFromInline static func closure(_ parameters: String) -> StepIdentity {
    StepIdentity(value: .closure(parameters))
  }
  @usableFromInline static func parameters(_ text: String) -> StepIdentity {
    StepIdentity(value: .parameters(text))
  }
}

// MARK: - Options of the step

extension Bag {
  private func with(_ change: (inout TaskOptions) -> Void) -> Bag { Bag(node: node.with(change), open: open) }

  /// Names the step that makes this bag, so that a later run of the program can take over its results.
  ///
  /// The name, with the version, stands for the closures of this step alone; steps before it have names of their own.
  /// A step without a name is never adopted from an earlier run.
  ///
  /// - Parameters:
  ///   - name: unique in the program's computation; what `status` shows of a step that is a stage of its own.
  ///   - version: raise it whenever the closure gives other results.
  public func named(_ name: String, version: Int = 1) -> Bag {
    with {
      $0.name = name
      $0.version = version
    }
  }

  /// Tries each of the step's tasks again after a failure.
  ///
  /// - Parameters:
  ///   - count: further attempts; fewer than 0 are none.
  ///   - delay: seconds before the first of them; doubled with each, less up to half of it by chance.
  public func retries(_ count: Int, delay: Double = 1) -> Bag {
    with {
      $0.policy.retries = Swift.max(count, 0)
      $0.policy.retryDelay = delay
    }
  }

  /// Among tasks that can start, those of higher priority start first; what such a task needs inherits it.
  public func priority(_ priority: Int) -> Bag { with { $0.policy.priority = priority } }

  /// Seconds after which an attempt counts as failed. A closure that does not return cannot be stopped: the timeout is
  /// looked at between blocks of elements.
  public func timeout(_ seconds: Double) -> Bag { with { $0.policy.timeout = seconds } }

  /// Working memory that one of the step's tasks needs, beyond its inputs and its result.
  public func memory(_ bytes: ByteCount) -> Bag { with { $0.policy.memory = bytes.bytes } }

  /// Lets only as many of the step's tasks run at once as the pool has slots; see `ComputeOptions.pools`.
  public func pool(_ name: String, slots: Int = 1) -> Bag {
    with { $0.policy.takes[LimitName(.pool, name)] = slots }
  }

  /// Takes so many units of a resource for each running task; see `ComputeOptions.resources`.
  public func resource(_ name: String, _ amount: Int = 1) -> Bag {
    with { $0.policy.takes[LimitName(.resource, name)] = amount }
  }

  /// Keeps the partitions in the state folder after the run, or (`false`) does not.
  ///
  /// Without, what is asked for is kept, and reductions are. Means nothing without a state folder.
  public func keep(_ keep: Bool = true) -> Bag { with { $0.keep = keep } }
}
