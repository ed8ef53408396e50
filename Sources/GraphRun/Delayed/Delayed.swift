import Graph

/// A value that is computed when it is asked for: Dask's delayed, typed.
///
/// Made from a value, from a closure over other delayed values (`delayed(_:_:)`), or by a reduction of a `Bag`. Computing
/// several that share inputs computes those once: `compute(_:options:)`.
public struct Delayed<Value: Codable & Sendable>: Sendable {
  @usableFromInline let node: Node
  @usableFromInline let get: @Sendable (ReadScope) throws -> Value

  init(node: Node, get: @escaping @Sendable (ReadScope) throws -> Value) {
    self.node = node
    self.get = get
  }

  /// What the stage that `node` becomes leaves.
  init(node: Node) {
    self.init(node: node) { scope in (scope.result(of: node, 0) as! ScalarValue<Value>).value }
  }

  /// A value that is at hand; an earlier run's results are taken over if it is encoded to the same bytes.
  public init(value: Value) {
    self.init(
      label: "value", inputs: [], identity: .parameters(""), cost: .view,
      partitionIdentity: { _ in
        var builder = BufferBuilder()
        do {
          try ElementCodec.encode([value], to: &builder)
          return [.text(name: "value", value: String(StableHash.of(builder.bytes), radix: 16))]
        } catch {
          return [.text(name: "value", value: Program.nonce)]
        }
      }
    ) { _ in value }
  }

  init(
    label: String, inputs: [Node], identity: Node.Identity, cost: Node.Cost = .stage,
    partitionIdentity: @escaping @Sendable (Int) -> [IdentityPart] = { _ in [] },
    memory: @escaping Node.MemoryNeed = Node.memoryOfElements, arePartsOfIt: Bool = false,
    compute: @escaping @Sendable (ReadScope) throws -> Value
  ) {
    let references = inputs.flatMap { input in (0..<input.count).map { Node.Reference(node: input, partition: $0) } }
    let node = Node(
      label: label, layout: .single, inputs: inputs.map { Node.Input(node: $0, isPart: arePartsOfIt) },
      identity: identity, cost: cost,
      valueTypes: [ScalarValue<Value>.self], typeName: TypeName.of(Value.self),
      dependencies: { _, _ in references }, partitionIdentity: partitionIdentity, memory: memory,
      run: { _, scope in ScalarValue(try compute(scope)) })
    if cost == .view {
      self.init(node: node, get: compute)
    } else {
      self.init(node: node)
    }
  }

  /// What `transform` makes of the value, as a task of its own.
  public func map<Output>(_ transform: @escaping @Sendable (Value) throws -> Output) -> Delayed<Output> {
    Delayed<Output>(label: "map", inputs: [node], identity: .closure("")) { try transform($0.value(of: self)) }
  }

  /// Many delayed values as one array, in order.
  ///
  /// - Complexity: O(values); memory: all of them.
  public static func gather<Element>(_ values: [Delayed<Element>]) -> Delayed<[Element]> where Value == [Element] {
    Delayed<[Element]>(label: "gather", inputs: values.map(\.node), identity: .parameters("\(values.count)")) { scope in
      try values.map { try scope.value(of: $0) }
    }
  }
}

/// A task: what `body` makes of the values of others, of any types.
///
///     let total = delayed(price, count) { $0 * Double($1) }
///
/// - Parameters:
///   - inputs: what the task needs; they are computed before it.
///   - body: runs on a worker's thread, and again if an attempt is repeated. What it throws makes the task fail.
public func delayed<each Input: Codable & Sendable, Value>(
  _ inputs: repeat Delayed<each Input>, body: @escaping @Sendable (repeat each Input) throws -> Value
) -> Delayed<Value> {
  var nodes: [Node] = []
  for input in repeat each inputs { nodes.append(input.node) }
  let all = (repeat each inputs)
  return Delayed<Value>(label: "task", inputs: nodes, identity: .closure("")) { scope in
    try body(repeat try scope.value(of: each all))
  }
}

extension Delayed {
  /// A task that gives several values, each of which can be used by itself: Dask's `nout`.
  ///
  ///     let (train, test) = rows.unpack { rows in (Array(rows.prefix(80)), Array(rows.dropFirst(80))) }
  ///
  /// - Parameter body: gives a tuple; it runs once, whatever number of its values is asked for.
  public func unpack<each Output: Codable & Sendable>(
    _ body: @escaping @Sendable (Value) throws -> (repeat each Output)
  ) -> (repeat Delayed<each Output>) {
    let input = node
    let whole = Node(
      label: "unpack", layout: .single, inputs: [Node.Input(node: input)], identity: .closure(""), cost: .stage,
      valueTypes: [PartsValue.self], typeName: TypeName.of((repeat each Output).self),
      dependencies: { _, _ in [Node.Reference(node: input, partition: 0)] },
      run: { _, scope in
        let values = try body(scope.value(of: self))
        var parts = PartsValue()
        for value in repeat each values { try parts.append(value) }
        return parts
      })
    var position = -1
    func part<Part: Codable & Sendable>(_ type: Part.Type) -> Delayed<Part> {
      position += 1
      let number = position
      return Delayed<Part>(
        label: "part", inputs: [whole], identity: .parameters("\(number)"), cost: .view, arePartsOfIt: true
      ) { scope in
        try (scope.result(of: whole, 0) as! PartsValue).part(number)
      }
    }
    return (repeat part((each Output).self))
  }
}

/// The values of a task that gives several, each encoded by itself.
struct PartsValue: TaskValue {
  static let kind = "parts"
  private var parts: [[UInt8]] = []

  init() {}

  mutating func append<Part: Codable>(_ part: Part) throws {
    var builder = BufferBuilder()
    try ElementCodec.encode([part], to: &builder)
    parts.append(Array(builder.bytes))
  }

  func part<Part: Codable>(_ number: Int) throws -> Part {
    try parts[number].withUnsafeBytes { bytes in
      var reader = BinaryReader(bytes)
      return try ElementCodec.decode(Part.self, from: &reader)[0]
    }
  }

  var byteCount: Int { parts.reduce(64) { $0 + $1.count + 48 } }

  func write(to sink: any ByteSink) throws {
    var builder = BufferBuilder()
    parts.encode(to: &builder)
    try sink.write(builder.bytes)
  }

  init(contentsOf buffer: Buffer) throws {
    var reader = BinaryReader(buffer.bytes)
    parts = try [[UInt8]](from: &reader)
  }

  func preview(limit: Int) -> ValuePreview {
    ValuePreview(columns: ["parts"], rows: [["\(parts.count)"]], rowCount: 1, json: "\(parts.count)")
  }
}

// MARK: - Order

/// A value, `true`, that is there when all of `others` is computed: Dask's `checkpoint`.
public func checkpoint(_ others: any Awaitable...) -> Delayed<Bool> {
  let done = Delayed<Bool>(label: "checkpoint", inputs: [], identity: .parameters("")) { _ in true }
  return Delayed(node: done.node.after(others.map(\.awaited.node)))
}

/// What a task can be made to wait for: a `Bag` or a `Delayed`.
public protocol Awaitable: Sendable {
  /// What is waited for.
  var awaited: AwaitedStep { get }
}

/// A step that others wait for.
public struct AwaitedStep: Sendable {
  let node: Node
}

extension Delayed: Awaitable {
  /// The task that gives the value.
  public var awaited: AwaitedStep { AwaitedStep(node: node) }

  /// The same value, whose task starts only after all of `others` are computed: Dask's `bind`, for this task alone.
  public func bind(to others: any Awaitable...) -> Delayed { Delayed(node: node.after(others.map(\.awaited.node))) }
}

extension Bag: Awaitable {
  /// The step that makes the bag.
  public var awaited: AwaitedStep { AwaitedStep(node: node) }

  /// The same bag, whose tasks start only after all of `others` are computed: Dask's `bind`, for this step alone.
  public func bind(to others: any Awaitable...) -> Bag { Bag(node: node.after(others.map(\.awaited.node)), open: open) }

  /// One delayed array for each partition.
  ///
  /// - Complexity: O(partitions); memory, when computed: a partition a value.
  public func toDelayed() -> [Delayed<[Element]>] {
    let bag = self
    return (0..<partitionCount).map { partition in
      let reference = Node.Reference(node: bag.node, partition: partition)
      return Delayed<[Element]>(
        node: Node(
          label: "toDelayed", layout: .single, inputs: [Node.Input(node: bag.node)],
          identity: .parameters("\(partition)"), cost: .stage, valueTypes: [ScalarValue<[Element]>.self],
          typeName: TypeName.of([Element].self), dependencies: { _, _ in [reference] },
          run: { _, scope in
            let next = try scope.blocks(of: bag, partition)
            return ScalarValue(Array(try Bag.collect(next, scope).joined()))
          }))
    }
  }
}

// MARK: - Options of the task

extension Delayed {
  private func with(_ change: (inout TaskOptions) -> Void) -> Delayed {
    let changed = node.with(change)
    // A view stays one: there is no task to treat otherwise.
    return node.cost == .view ? Delayed(node: changed, get: get) : Delayed(node: changed)
  }

  /// Names the task, so that a later run of the program can take over its result.
  ///
  /// The name, with the version, stands for the closure of this task alone; those before it have names of their own. A
  /// task without a name is never adopted from an earlier run.
  ///
  /// - Parameters:
  ///   - name: unique in the program's computation; what `status` shows.
  ///   - version: raise it whenever the closure gives another result.
  public func named(_ name: String, version: Int = 1) -> Delayed {
    with {
      $0.name = name
      $0.version = version
    }
  }

  /// Tries the task again after a failure; see `Bag.retries(_:delay:)`.
  public func retries(_ count: Int, delay: Double = 1) -> Delayed {
    with {
      $0.policy.retries = max(count, 0)
      $0.policy.retryDelay = delay
    }
  }

  /// Among tasks that can start, those of higher priority start first; what such a task needs inherits it.
  public func priority(_ priority: Int) -> Delayed { with { $0.policy.priority = priority } }

  /// Seconds after which an attempt counts as failed, looked at when the closure has returned.
  public func timeout(_ seconds: Double) -> Delayed { with { $0.policy.timeout = seconds } }

  /// Working memory that the task needs, beyond its inputs and its result.
  public func memory(_ bytes: ByteCount) -> Delayed { with { $0.policy.memory = bytes.bytes } }

  /// Takes slots of a pool while it runs; see `ComputeOptions.pools`.
  public func pool(_ name: String, slots: Int = 1) -> Delayed {
    with { $0.policy.takes[LimitName(.pool, name)] = slots }
  }

  /// Takes units of a resource while it runs; see `ComputeOptions.resources`.
  public func resource(_ name: String, _ amount: Int = 1) -> Delayed {
    with { $0.policy.takes[LimitName(.resource, name)] = amount }
  }

  /// Keeps the result in the state folder after the run, or (`false`) does not. Without, what is asked for is kept, and
  /// reductions are.
  public func keep(_ keep: Bool = true) -> Delayed { with { $0.keep = keep } }
}
