/// A configured fit of a model to a bag, in two halves: each partition is packed into a form that can be read many times, then
/// one task goes through all of them as often as it must and gives one value.
///
/// What comes out must not depend on how much memory there is.
public protocol FitOp: Sendable {
  /// - Parameters:
  ///   - inputBytes: size in memory of the partition.
  ///   - memoryLimit: as in `TaskContext`.
  func estimatePack(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate
  /// - Parameters:
  ///   - inputBytes: size of all packed partitions, in memory or on disk.
  ///   - memoryLimit: as in `TaskContext`.
  func estimateFit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate
  /// - Parameters:
  ///   - value: the partition's records.
  ///   - partition: which it is.
  ///   - count: how many there are.
  ///   - context: the task's way to what is outside it.
  /// - Returns: what gives its size as the one of `partByteCounts`.
  func pack(_ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext) throws
    -> any TaskValue
  /// - Parameters:
  ///   - packed: what `pack` gave for each partition, in the bag's order.
  ///   - context: the task's way to what is outside it.
  func fit(_ packed: [any TaskValue], context: any TaskContext) throws -> any TaskValue
}
