import Graph

/// `table.shuffle`: the records of all partitions in an order that depends on the seed.
///
/// Each record goes to a partition by chance, and within each the records are put in an order by chance: all orders are as
/// likely as if the whole lay in memory. What chance says depends on the seed, the partition's number and the record's place
/// in it, and on nothing else.
struct ShuffleRows: ShuffleOp {
  private let seed: UInt64
  private let partitions: Int?

  init(_ arguments: OpArguments) {
    // Other numbers than those of other operations with this seed.
    seed = StableHash.combine(UInt64(bitPattern: Int64(arguments.require(OpArguments.integer, "seed"))), 0x5AFF1E)
    partitions = arguments.integer("partitions")
  }

  var dependsOnIndex: Bool { true }

  func partitionCount(of inputCount: Int) -> Int { partitions ?? min(inputCount, PartitionByID.mostPartitions) }

  private func shards(of inputCount: Int) -> RowShards {
    RowShards(shardCount: partitionCount(of: inputCount), nullKeys: .together)
  }

  func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(
      output: 16 << 10,
      scratch: shards(of: 1024).scratchBytes(inputBytes: inputBytes, memoryLimit: memoryLimit)
        + inputBytes)
  }

  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    let read = ShardReader.bytesAhead + ShardWriter.gatheredBytes(limit: memoryLimit) + (64 << 10)
    // What is too large is only said to be.
    guard inputBytes <= PartitionByID.allowance(memoryLimit) else { return MemoryEstimate(output: 0, scratch: read) }
    return MemoryEstimate(output: inputBytes, scratch: inputBytes * 3 / 2 + read)
  }

  func split(
    _ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    let table = try Table.from(value, file: partition.file?.path)
    let header = try ShardSchema(table, source: partition.file?.name ?? "partition \(partition.index)").encoded()
    var random = SampleRandom(seed: seed, part: partition.index)
    var chances = FixedColumnBuilder<Int64>(capacity: table.count)
    for _ in 0..<table.count { chances.append(Int64(bitPattern: random.next())) }
    return try shards(of: count).split(table, by: [chances.finish()], of: count, header: header, context: context)
  }

  func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let sets = try ShardSet.all(shards, count: partitionCount(of: shards.count))
    let bytes = sets.reduce(0) { $0 + $1.byteCount(ofShard: partition.index) }
    guard bytes <= PartitionByID.allowance(context.memoryLimit) else {
      throw TaskError(
        .tooLarge,
        "partition \(partition.index) takes \(ByteCount(bytes)), and may take "
          + "\(ByteCount(PartitionByID.allowance(context.memoryLimit))), a third of --memory; set \"partitions\" to more"
      )
    }
    let schema = try ShardSchema.common(to: sets)
    var tables = TableAppender(names: schema.names, types: schema.types)
    try RowShards.forEachTable(of: partition.index, in: sets, context) { try tables.append($0) }
    let table = tables.finish()
    // Other chances than those that chose the partition.
    var random = SampleRandom(seed: ~seed, part: partition.index)
    var order = (0..<table.count).map { Int32(truncatingIfNeeded: $0) }
    random.shuffle(&order)
    return try order.withUnsafeBufferPointer { try table.rows(at: $0) }
  }

  static let definition = OpDefinition(
    name: "table.shuffle", version: 1, summary: "puts the records of all partitions in a random order, out of core",
    inputs: [OpInput("table", summary: "any table; the same columns in all partitions")],
    parameters: [
      OpParameter("seed", .integer(Int.min...Int.max), default: .integer(1), summary: "another seed, another order"),
      OpParameter(
        "partitions", .integer(1...PartitionByID.mostPartitions), isOptional: true,
        summary: "how many partitions come out; as many as go in if left out"),
    ],
    output: "all records in another order; the same for the same seed and partitions, however much memory there is",
    example: """
      mixed:
        op: table.shuffle
        from: names
        with: {seed: 7}
      """,
    maker: .shuffle { ShuffleRows($0) })
}
