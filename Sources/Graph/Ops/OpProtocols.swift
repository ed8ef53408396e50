/// Memory a task will need, as its operation foresees it, in bytes.
public struct MemoryEstimate: Hashable, Sendable {
  /// The result, for as long as someone needs it.
  public var output: Int
  /// Working memory on top, until the task ends.
  public var scratch: Int

  public init(output: Int, scratch: Int) {
    self.output = output
    self.scratch = scratch
  }
}

/// A configured source: it knows its partitions before anything is read.
public protocol SourceOp: Sendable {
  /// - Throws: `ParameterError` where there is nothing to read: an empty glob, a missing file.
  func partitions() throws -> Partitions
  /// Whether it gives one value, not a bag; its one partition then only stands for the value.
  var isSingle: Bool { get }
  func estimate(_ partition: Partition) -> MemoryEstimate
  /// What tells this partition's result from another's beyond op and parameters: its file, unless the op knows better.
  func identity(of partition: Partition) -> [IdentityPart]
  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue
}

extension SourceOp {
  public var isSingle: Bool { false }

  public func identity(of partition: Partition) -> [IdentityPart] {
    [partition.file.map(IdentityPart.file) ?? .text(name: "partition", value: partition.label)]
  }
}

/// A configured per-partition operation. Where all its inputs are single values, it runs once and gives one.
public protocol PartitionOp: Sendable {
  /// - Parameter inputBytes: size in memory of each input.
  func estimate(inputBytes: [Int]) -> MemoryEstimate
  /// - Parameters:
  ///   - inputs: one value for each of `from:`, in its order.
  ///   - partition: what the result is to be.
  ///   - context: the task's way to what is outside it.
  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue
  /// How many partitions it gives where no input is a bag; `nil` for one value.
  var partitionCount: Int? { get }
  /// Whether its results can be kept after the run; what lies on disk for the run alone cannot.
  var outlivesRun: Bool { get }
  /// Whether a partition's place in the bag makes its result another.
  var dependsOnIndex: Bool { get }
  /// Whether the names of the tasks it reads make its result another.
  var dependsOnInputNames: Bool { get }
}

extension PartitionOp {
  public var partitionCount: Int? { nil }
  public var outlivesRun: Bool { true }
  public var dependsOnIndex: Bool { false }
  public var dependsOnInputNames: Bool { false }
}

/// A configured reduction of a bag to one value, as a tree.
///
/// `combine` must be associative over neighbours and must not depend on how the tree is cut.
public protocol ReductionOp: Sendable {
  /// How many partial results one combining task takes, at least 2.
  var fanIn: Int { get }
  /// Whether `partial` does anything; without, the tree's lowest tasks combine the bag's own partitions.
  var mapsPartitions: Bool { get }
  /// Whether what it gives, on the way too, is small beside a partition: a few figures.
  var hasSmallResults: Bool { get }
  /// How many of the bag's first partitions it looks at, at least 1; `nil` for all. The others do not run for it.
  var leadingPartitions: Int? { get }
  func estimate(inputBytes: [Int]) -> MemoryEstimate
  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue
  /// - Parameters:
  ///   - values: at least one partial or combined result, in the bag's order.
  ///   - context: the task's way to what is outside it.
  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue
  func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue
}

extension ReductionOp {
  public var mapsPartitions: Bool { true }
  public var hasSmallResults: Bool { false }
  public var leadingPartitions: Int? { nil }

  public func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    value
  }

  public func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue { value }
}

/// A configured shuffle of a bag into another, in two halves: each partition is split into shards, one for each partition
/// that comes out, and each of these is gathered from its shards.
///
/// What is gathered must not depend on how much memory there is.
public protocol ShuffleOp: Sendable {
  /// How many partitions come out, at least 1, where so many go in.
  func partitionCount(of inputCount: Int) -> Int
  /// Whether a partition's place in the bag makes what is split of it another.
  var dependsOnIndex: Bool { get }
  /// - Parameters:
  ///   - inputBytes: size in memory of the partition.
  ///   - memoryLimit: as in `TaskContext`.
  func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate
  /// - Parameters:
  ///   - inputBytes: size of the partition's shards, in memory or on disk.
  ///   - memoryLimit: bytes that the run may take.
  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate
  /// - Parameters:
  ///   - value: the partition's records.
  ///   - partition: the one that is split.
  ///   - count: how many partitions are split.
  ///   - context: the task's way to what is outside it.
  /// - Returns: what gives its shards' sizes as `partByteCounts`.
  func split(_ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext) throws
    -> any TaskValue
  /// - Parameters:
  ///   - shards: what `split` gave for each partition, in the bag's order.
  ///   - partition: the one that comes out.
  ///   - context: the task's way to what is outside it.
  func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue
}

extension ShuffleOp {
  public var dependsOnIndex: Bool { false }
}

/// A configured sink: writes each partition to a file of its own, or all to one.
public protocol SinkOp: Sendable {
  /// What does it instead where all partitions go to one file; `nil` otherwise.
  var joined: (any JoinedSinkOp)? { get }
  /// What does it instead where all partitions go to one file, each straight to its place; `nil` otherwise.
  var placed: (any PlacedSinkOp)? { get }
  /// The absolute final path for each partition, in order.
  /// - Throws: `ParameterError` where two would be the same, or one is an input.
  func paths(for partitions: Partitions) throws -> [String]
  func estimate(inputBytes: [Int]) -> MemoryEstimate
  /// Writes to a file that appears under its final name only when this returns and all bytes are on disk.
  /// - Returns: how many records were written.
  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
}

extension SinkOp {
  public var joined: (any JoinedSinkOp)? { nil }
  public var placed: (any PlacedSinkOp)? { nil }
}

/// A configured sink of one file, in two halves: each partition is rendered by itself, then one task puts what came out
/// behind one another.
public protocol JoinedSinkOp: Sendable {
  /// The file's absolute final path.
  var path: String { get }
  /// - Parameters:
  ///   - inputBytes: size in memory of the partition.
  ///   - memoryLimit: as in `TaskContext`.
  func estimatePart(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate
  /// - Parameters:
  ///   - inputBytes: size in memory of what all partitions became.
  ///   - memoryLimit: as in `TaskContext`.
  func estimateJoin(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate
  /// - Parameters:
  ///   - value: the partition's records.
  ///   - others: the operation's further inputs, single values.
  ///   - partition: which it is.
  ///   - count: how many there are.
  ///   - context: the task's way to what is outside it.
  func part(
    _ value: any TaskValue, with others: [any TaskValue], partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue
  /// Writes a file that appears under its final name only when this returns and all bytes are on disk.
  /// - Parameters:
  ///   - parts: what `part` gave for each partition, in the bag's order.
  ///   - sink: takes the file's bytes.
  ///   - context: the task's way to what is outside it.
  /// - Returns: how many records were written.
  func join(_ parts: [any TaskValue], to sink: any ByteSink, context: any TaskContext) throws -> Int
}

/// A configured sink of one file in which a partition's size is known before it is written: all are written at once, each
/// at its place.
public protocol PlacedSinkOp: Sendable {
  /// The file's absolute final path.
  var path: String { get }
  /// Bytes in front of the first partition's, whatever the number of records.
  func headByteCount(form: String) throws -> Int
  /// - Parameters:
  ///   - value: the partition's records.
  ///   - partition: which it is.
  ///   - context: the task's way to what is outside it.
  /// - Returns: how many records it has, how many bytes they take in the file, and what all partitions must have in common.
  func size(of value: any TaskValue, partition: Partition, context: any TaskContext) throws -> PlacedSize
  /// How to say that a partition and those before it do not go together.
  func mismatch(of partition: Partition, form: String, others: String) -> String
  /// - Parameter inputBytes: size in memory of the partition.
  func estimate(inputBytes: Int) -> MemoryEstimate
  /// Writes a partition.
  ///
  /// - Parameters:
  ///   - value: the partition's records.
  ///   - partition: which it is.
  ///   - sink: takes as many bytes as `size` said, which go to the partition's place.
  ///   - context: the task's way to what is outside it.
  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
  /// What stands in front of all partitions: `headByteCount` bytes.
  ///
  /// - Parameters:
  ///   - records: of all partitions.
  ///   - form: what they have in common.
  func head(records: Int, form: String) throws -> [UInt8]
}

/// What a partition takes in a file that others stand in too.
public struct PlacedSize: Hashable, Sendable {
  public var records: Int
  public var bytes: Int
  /// What all partitions of a file must have in common.
  public var form: String

  public init(records: Int, bytes: Int, form: String) {
    self.records = records
    self.bytes = bytes
    self.form = form
  }
}

/// What a running task may ask of the engine.
public protocol TaskContext: Sendable {
  var key: TaskKey { get }
  /// How often the task was tried, this time included, from 1; attempts of earlier runs that failed count.
  var attempt: Int { get }
  /// Whose result the input at `position` is, for messages.
  func inputKey(_ position: Int) -> TaskKey
  /// The file that belongs to this task's messages: what a program it runs writes to its standard output and error.
  var logPath: String { get }
  /// Bytes that the run may take in memory, the program itself included.
  var memoryLimit: Int { get }
  /// Where the task may put what later tasks of this run read.
  /// - Throws: `TaskError` if the run has no folder for it.
  func scratch() throws -> any ScratchStorage
  /// Tells how much working memory the task uses outside this process, so that it counts against the bound.
  func used(scratch bytes: Int)
  /// Reserves memory beyond what the operation estimated, before the task takes it; it counts until the task ends.
  ///
  /// Where there is no room for it now, this attempt ends here, uncounted, and the task begins again when there is: what is
  /// thrown is to be let through. Asked again, it asks for as much.
  ///
  /// - Parameters:
  ///   - bytes: how many more; calls add up. Called on the task's own thread.
  ///   - problem: names what is larger than foreseen: the failure, where the bound can never leave so much.
  func reserve(more bytes: Int, for problem: @autoclosure () throws -> TaskError) throws
  /// Call it every few thousand records, and at least ten times a second.
  /// - Throws: `TaskError` with code `.cancelled`, or `.timeout`.
  func checkCancellation() throws
  /// Writes a file aside, syncs it and gives it its final name.
  func writeFile(at path: String, _ body: (any ByteSink) throws -> Int) throws -> WrittenFile
  /// Writes at a place of a file that other tasks of this run write at theirs. It has no final name yet.
  ///
  /// - Parameters:
  ///   - path: the final name, absolute.
  ///   - place: from which byte to which.
  ///   - body: writes as many bytes as the place has.
  /// - Throws: what `body` throws; `TaskError` if it writes more or less.
  func writePart(of path: String, at place: Range<Int>, _ body: (any ByteSink) throws -> Void) throws
  /// Puts the head in front of a file whose parts were written, syncs it and gives it its final name.
  ///
  /// - Parameters:
  ///   - path: the final name, absolute.
  ///   - head: what stands before the first part.
  ///   - byteCount: what all take together: the file ends there.
  ///   - records: how many it holds.
  func publishParts(of path: String, head: [UInt8], byteCount: Int, records: Int) throws -> WrittenFile
  /// Lets `body` make a file aside, whatever writes it; then syncs it and gives it its final name.
  ///
  /// - Parameters:
  ///   - path: the final name, absolute.
  ///   - body: gets the path to write to. It lies in the same folder, ends like `path`, and nothing is there.
  /// - Throws: what `body` throws; `TaskError` if `body` leaves no regular file there.
  func publishFile(at path: String, _ body: (_ aside: String) throws -> Void) throws -> WrittenFile
  /// Sets a bad record aside: it is appended to this task's rejects file and counted.
  func reject(_ record: RejectedRecord) throws
}

extension TaskContext {
  /// Where nobody keeps books, each call has the whole bound.
  public func reserve(more bytes: Int, for problem: @autoclosure () throws -> TaskError) throws {
    guard bytes <= memoryLimit else { throw try problem() }
  }

  public func writePart(of path: String, at place: Range<Int>, _ body: (any ByteSink) throws -> Void) throws {
    throw TaskError(.failed, "files cannot be written in parts here", file: path)
  }

  public func publishParts(of path: String, head: [UInt8], byteCount: Int, records: Int) throws -> WrittenFile {
    throw TaskError(.failed, "files cannot be written in parts here", file: path)
  }
}

/// A record that could not be used, as it goes to the side file.
public struct RejectedRecord: Sendable {
  public let file: String
  /// An id, or "line 17".
  public let record: String
  public let reason: String
  /// The record's own text, if it can be had.
  public let text: String?

  public init(file: String, record: String, reason: String, text: String?) {
    self.file = file
    self.record = record
    self.reason = reason
    self.text = text
  }
}
