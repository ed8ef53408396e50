/// A configured join: records of a left side with those of a right side that have the same key.
///
/// Either the right side becomes one table that every partition of the left reads, or both sides are split by key, and each
/// partition that comes out is made of shards of both. A value among the inputs counts as a bag of one partition.
public protocol JoinOp: Sendable {
  /// How it is done where so many partitions go in.
  func strategy(left: Int, right: Int) -> JoinStrategy

  // The right side as one table.

  /// - Parameter inputBytes: size in memory of each partition of the right side.
  func estimateTable(inputBytes: [Int]) -> MemoryEstimate
  /// What helps, beside more memory, where the right side does not fit as one table: a clause.
  var tableRemedy: String { get }
  /// Makes all partitions of the right side one value that can be looked into.
  func table(_ right: [any TaskValue], context: any TaskContext) throws -> any TaskValue
  /// - Parameter inputBytes: size in memory of the left partition.
  func estimateLookup(inputBytes: Int) -> MemoryEstimate
  /// - Parameters:
  ///   - left: a partition of the left side.
  ///   - table: what `table` gave.
  ///   - partition: what the result is to be.
  ///   - context: the task's way to what is outside it.
  func lookup(_ left: any TaskValue, in table: any TaskValue, partition: Partition, context: any TaskContext) throws
    -> any TaskValue

  // Both sides split.

  /// As in `ShuffleOp`, for either side.
  func estimateSplit(_ side: JoinSide, inputBytes: Int, memoryLimit: Int) -> MemoryEstimate
  /// - Parameters:
  ///   - value: the partition's records.
  ///   - side: whose partition it is.
  ///   - partition: the one that is split.
  ///   - count: how many partitions of this side are split.
  ///   - shardCount: how many shards to make, one for each partition that comes out.
  ///   - context: the task's way to what is outside it.
  /// - Returns: what gives its shards' sizes as `partByteCounts`.
  func split(
    _ value: any TaskValue, _ side: JoinSide, partition: Partition, of count: Int, into shardCount: Int,
    context: any TaskContext
  ) throws -> any TaskValue
  /// - Parameters:
  ///   - inputBytes: size of the partition's shards of both sides, in memory or on disk.
  ///   - memoryLimit: bytes that the run may take.
  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate
  /// What comes out must not depend on how much memory there is.
  ///
  /// - Parameters:
  ///   - left: what `split` gave for each partition of the left side, in its order.
  ///   - right: the same of the right side.
  ///   - partition: the one that comes out.
  ///   - count: how many come out.
  ///   - context: the task's way to what is outside it.
  func gather(
    left: [any TaskValue], right: [any TaskValue], partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue
}

/// Whose records they are in a join.
public enum JoinSide: String, Sendable, CaseIterable {
  case left, right
}

/// How a join is done.
public enum JoinStrategy: Hashable, Sendable {
  /// The right side becomes one table, and the partitions are the left's.
  case broadcast
  /// Both sides are split by key into so many partitions, at least 1.
  case partitioned(Int)
}
