import Graph

/// `partition.byID`: all records of an ID in one partition, in their original order.
///
/// Each partition is cut by a hash of the key into shards, a few megabytes of rows at a time: the rows are sorted by shard,
/// stably, and each shard's become a small table in the piece that is written. Who gathers a shard puts its tables behind
/// one another, in the order of the partitions and pieces, which is the order of the records. Neither depends on how much
/// is written at a time, so the result is the same however much memory there is.
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

  /// What one partition may take: less than half of the memory, so that another table can be made of it.
  static func allowance(_ memoryLimit: Int) -> Int { memoryLimit / 3 }

  func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    let window = min(inputBytes, ShardWriter.gatheredBytes(limit: memoryLimit))
    // The rows' order, each shard's table and all of them together; and what describes the tables.
    return MemoryEstimate(output: 16 << 10, scratch: window * 5 / 2 + partitionCount * 1024 + (64 << 10))
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
    var writer = ShardWriter(shardCount: partitionCount, inputCount: count, context: context)
    let pieces = PieceBuilder()
    guard table.count > 0 else {
      return try writer.finish(
        pieces.builder, [Int](repeating: 0, count: partitionCount + 1), header: header)
    }
    let ids = try KeyColumn(table, key, file: file)
    let window = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    var start = 0
    while true {
      let end = PartitionByID.end(of: window, in: table, from: start)
      let offsets = try write(table, start..<end, ids, to: pieces, context)
      if end == table.count { return try writer.finish(pieces.builder, offsets, header: header) }
      try writer.write(pieces.builder, offsets)
      start = end
    }
  }

  /// The end of the rows from `start` on that take at most so many bytes, with what sorting them takes; at least one row.
  private static func end(of bytes: Int, in table: Table, from start: Int) -> Int {
    func fits(_ end: Int) -> Bool { table.byteCount(ofRows: start..<end) + (end - start) * 8 <= bytes }
    if fits(table.count) { return table.count }
    var (low, high) = (start, table.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if fits(middle) { low = middle } else { high = middle }
    }
    return max(low, start + 1)
  }

  /// Writes some rows as one table for each shard that has any.
  ///
  /// - Returns: where each shard's begins, and the end of the last.
  private func write(
    _ table: Table, _ rows: Range<Int>, _ ids: KeyColumn, to pieces: PieceBuilder, _ context: any TaskContext
  ) throws -> [Int] {
    pieces.builder.removeAll()
    // A counting sort: it is stable, so that a shard's rows keep their order.
    var starts = [Int32](repeating: 0, count: partitionCount + 1)
    let shards = [Int32](unsafeUninitializedCapacity: rows.count) { shards, count in
      starts.withUnsafeMutableBufferPointer { starts in
        ids.forEachHash(in: rows) { row, hash in
          let shard = StableHash.shard(of: hash, count: partitionCount)
          shards[row - rows.lowerBound] = Int32(truncatingIfNeeded: shard)
          starts[shard + 1] += 1
        }
        for shard in 0..<partitionCount { starts[shard + 1] += starts[shard] }
      }
      count = rows.count
    }
    var next = starts
    let order = [Int32](unsafeUninitializedCapacity: rows.count) { order, count in
      next.withUnsafeMutableBufferPointer { next in
        for (position, shard) in shards.enumerated() {
          order[Int(next[Int(shard)])] = Int32(truncatingIfNeeded: rows.lowerBound + position)
          next[Int(shard)] += 1
        }
      }
      count = rows.count
    }
    var offsets = [0]
    offsets.reserveCapacity(partitionCount + 1)
    try order.withUnsafeBufferPointer { order in
      for shard in 0..<partitionCount {
        if starts[shard] < starts[shard + 1] {
          try context.checkCancellation()
          let numbers = UnsafeBufferPointer(rebasing: order[Int(starts[shard])..<Int(starts[shard + 1])])
          try table.rows(at: numbers).write(to: pieces)
          pieces.align()
        }
        offsets.append(pieces.builder.count)
      }
    }
    return offsets
  }

  // MARK: - Gathering

  func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let sets = try shards.map { value in
      guard let set = value as? ShardSet, set.shardCount == partitionCount else {
        throw TaskError(.wrongType, "the input is a \(type(of: value).kind), and no shards of this operation")
      }
      return set
    }
    let bytes = sets.reduce(0) { $0 + $1.byteCount(ofShard: partition.index) }
    guard bytes <= PartitionByID.allowance(context.memoryLimit) else {
      throw try tooLarge(partition.index, bytes, of: sets, context)
    }
    let schema = try ShardSchema.common(to: sets)
    var tables = TableAppender(names: schema.names, types: schema.types)
    try PartitionByID.forEachTable(of: partition.index, in: sets, context) { try tables.append($0) }
    return tables.finish()
  }

  /// Goes through a shard's small tables, in the order of its records, with one of them in memory.
  static func forEachTable(
    of shard: Int, in sets: [ShardSet], _ context: any TaskContext, _ body: (Table) throws -> Void
  ) throws {
    for set in sets {
      for piece in 0..<set.pieceCount {
        guard let bytes = try set.bytes(ofShards: shard..<shard + 1, inPiece: piece) else { continue }
        try context.checkCancellation()
        try body(Table(contentsOf: bytes))
      }
    }
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

/// Collects tables that are written one behind the other.
final class PieceBuilder: ByteSink {
  var builder = BufferBuilder()

  func write(_ bytes: UnsafeRawBufferPointer) throws { builder.append(bytes) }

  /// Makes the next table begin where one can be read.
  func align() { while builder.count % 8 != 0 { builder.append(UInt8(0)) } }
}
