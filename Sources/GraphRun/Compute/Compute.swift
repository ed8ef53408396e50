import Graph
import Scheduler

// Where laziness ends.

/// Computes several values at once, each step that they share only once.
///
///     let (total, most) = try await compute(prices.sum(), prices.max())
///
/// - Throws: `ComputeError` if a task failed, with all failures; `CancellationError` if the Swift task was cancelled;
///   `SchedulerError` if the memory bound is too small or the state folder cannot be used; `GraphError` if two steps have
///   one name.
public func compute<each Value: Codable & Sendable>(
  _ values: repeat Delayed<each Value>, options: ComputeOptions = ComputeOptions()
) async throws -> (repeat each Value) {
  var nodes: [Node] = []
  for value in repeat each values { nodes.append(value.node) }
  let results = try await Computation(nodes, options).values()
  var position = -1
  func next<One: Codable & Sendable>(_ type: One.Type) -> One {
    position += 1
    return (results[position][0] as! ScalarValue<One>).value
  }
  return (repeat next((each Value).self))
}

extension Delayed {
  /// Computes the value, with all that it needs.
  ///
  /// - Throws: as `compute(_:options:)`.
  public func compute(_ options: ComputeOptions = ComputeOptions()) async throws -> Value {
    try await GraphRun.compute(self, options: options)
  }

  /// Computes the value within a memory bound for the whole process; see `ComputeOptions`.
  ///
  /// - Throws: as `compute(_:options:)`.
  public func compute(memory: ByteCount, workers: Int? = nil, state: String? = nil) async throws -> Value {
    try await compute(ComputeOptions(memory: memory, workers: workers, state: state))
  }

  /// The graph of tasks that computing it would run, in Graphviz's language.
  ///
  /// - Throws: `GraphError` if two steps have one name.
  public func visualize() throws -> String { try Lowering([node]).graph.drawing(.dot) }
}

extension Bag {
  /// Computes all elements, in order: they must fit into memory.
  ///
  /// - Throws: as `compute(_:options:)`.
  public func compute(_ options: ComputeOptions = ComputeOptions()) async throws -> [Element] {
    Array(try await computePartitions(options).joined())
  }

  /// Computes all elements within a memory bound for the whole process, which they are part of; see `ComputeOptions`.
  ///
  /// - Throws: as `compute(_:options:)`.
  public func compute(memory: ByteCount, workers: Int? = nil, state: String? = nil) async throws -> [Element] {
    try await compute(ComputeOptions(memory: memory, workers: workers, state: state))
  }

  /// Computes all elements, partition by partition: they must fit into memory.
  ///
  /// - Throws: as `compute(_:options:)`.
  public func computePartitions(_ options: ComputeOptions = ComputeOptions()) async throws -> [[Element]] {
    try await Computation([node], options).values()[0].map {
      Array(($0 as! PartitionValue<Element>).blocks.joined())
    }
  }

  /// The graph of tasks that computing it would run, in Graphviz's language.
  ///
  /// - Throws: `GraphError` if two steps have one name.
  public func visualize() throws -> String { try Lowering([node]).graph.drawing(.dot) }
}
