import Graph

/// `partition.byID`: all records of an ID in one partition, in their original order.
///
/// Each partition is split by a hash of the key, and who gathers a shard puts its rows behind one another: see `RowShards`.
struct PartitionByID: ShuffleOp {
  let key: String
  private let partitionCount: Int

  /// With more, what describes a shard's small tables would take more room than their rows.
  static let mostPartitions = 10_000

  init(_ arguments: OpArguments) {
    key = arguments.require(OpArguments.string, "key")
    partitionCount = arguments.require(OpArguments.integer, "partitions")
  }

  func partitionCount(of inputCount: Int) -> Int { partitionCount }

  private var shards: RowShards { RowShards(shardCount: partitionCount, nullKeys: .together) }

  /// What one partition may take: less than half of the memory, so that another table can be made of it.
  static func allowance(_ memoryLimit: Int) -> Int { memoryLimit / 3 }

  func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(
      output: 16 << 10, scratch: shards.scratchBytes(inputBytes: inputBytes, memoryLimit: memoryLimit))
  }

  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    let piece = min(inputBytes, ShardWriter.gatheredBytes(limit: memoryLimit)) + (64 << 10)
    // What is too large is only looked through, to say why.
    guard inputBytes <= PartitionByID.allowance(memoryLimit) else {
      return MemoryEstimate(output: 0, scratch: piece + LargestID.byteCount)
    }
    return MemoryEstimate(output: inputBytes, scratch: piece)
  }

  // MARK: - Splitting

  func split(
    _ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    let header = try ShardSchema(table, source: partition.file?.name ?? "partition \(partition.index)").encoded()
    let keys = table.count == 0 ? [] : [try KeyColumn(table, key, file: file).column]
    return try shards.split(table, by: keys, of: count, header: header, context: context)
  }

  // MARK: - Gathering

  func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let sets = try ShardSet.all(shards, count: partitionCount)
    let bytes = sets.reduce(0) { $0 + $1.byteCount(ofShard: partition.index) }
    guard bytes <= PartitionByID.allowance(context.memoryLimit) else {
      throw try tooLarge(partition.index, bytes, of: sets, context)
    }
    let schema = try ShardSchema.common(to: sets)
    var tables = TableAppender(names: schema.names, types: schema.types)
    try RowShards.forEachTable(of: partition.index, in: sets, context) { try tables.append($0) }
    return tables.finish()
  }

  private func tooLarge(
    _ shard: Int, _ bytes: Int, of sets: [ShardSet], _ context: any TaskContext
  ) throws -> TaskError {
    let allowance = PartitionByID.allowance(context.memoryLimit)
    let memory = ByteCount((bytes * 3 / (1 << 20) + 1) << 20)
    var message =
      "partition \(shard) of \(partitionCount) takes \(ByteCount(bytes)), and may take \(ByteCount(allowance)), a third "
      + "of --memory: "
    let found = try LargestID.find(key, of: shard, in: sets, context)
    if let largest = found.id {
      let records = largest.rows == 1 ? "1 record" : "\(largest.rows) records"
      message += "its largest ID, \(largest.text) in column \"\(key)\", has \(ByteCount(largest.bytes)) in \(records); "
      message +=
        largest.bytes > allowance
        ? "more partitions do not divide an ID, so give --memory \(memory) or more"
        : "set \"partitions\" to more than \(partitionCount), or give --memory \(memory) or more"
    } else {
      message +=
        "none of its IDs has more than \(ByteCount(found.most)); set \"partitions\" to more than \(partitionCount), or "
        + "give --memory \(memory) or more"
    }
    return TaskError(.tooLarge, message)
  }

  static let definition = OpDefinition(
    name: "partition.byID", version: 1, summary: "brings all records of an ID into one partition, in their order",
    inputs: [OpInput("table", summary: "a table with the key's column; the same columns in all partitions")],
    parameters: [
      OpParameter(
        "key", .string, summary: "the column of IDs: strings, numbers or flags; records where it is null are one ID"),
      OpParameter("partitions", .integer(1...mostPartitions), summary: "how many partitions come out"),
    ],
    output: "a bag of so many partitions: every record once, with all its columns",
    example: """
      byAuthor:
        op: partition.byID
        from: records
        with: {key: author, partitions: 16}
      """,
    maker: .shuffle { PartitionByID($0) })
}
