import Graph

/// `parquet.write` to one file: partitions wait on disk as tables, cut into what becomes a row group, and one task writes
/// them, a row group at a time.
///
/// A row group is never of two partitions, and its size depends on nothing but the records: the same records give the same
/// bytes, whatever the memory.
struct ParquetJoined: JoinedSinkOp {
  let path: String
  let columns: [String]?
  let options: ParquetOptions

  /// Bytes that a row group takes in memory, about, at most.
  private static let rowGroupBytes = 16 << 20

  func estimatePart(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    let gathered = ShardWriter.gatheredBytes(limit: memoryLimit) + ParquetJoined.rowGroupBytes
    return MemoryEstimate(
      output: min(inputBytes, 64 << 10), scratch: min(inputBytes * 2, gathered * 2) + (64 << 10))
  }

  func estimateJoin(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    // What is read at a time, and beside it what Arrow takes.
    MemoryEstimate(
      output: 256,
      scratch: ShardWriter.gatheredBytes(limit: memoryLimit) + ParquetJoined.rowGroupBytes * 5 / 4 + (12 << 20))
  }

  func part(
    _ value: any TaskValue, with others: [any TaskValue], partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    let file = partition.file?.path
    let whole = try Table.from(value, file: file)
    let table = try columns.map { try whole.selecting($0, file: file) } ?? whole
    let header = try ShardSchema(table, source: partition.file?.name ?? "partition \(partition.index)").encoded()
    var writer = ShardWriter(shardCount: 1, inputCount: count, context: context)
    let bytes = max(table.byteCount(ofRows: 0..<table.count), 1)
    let rows = max(
      min(options.rowGroupRows, Int(Double(ParquetJoined.rowGroupBytes) * Double(table.count) / Double(bytes))), 1)
    let most = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    let pieces = PieceBuilder()
    for start in stride(from: 0, to: table.count, by: rows) {
      try context.checkCancellation()
      try pieces.appendTable(table.rows(in: start..<min(start + rows, table.count)), stream: 0)
      guard pieces.builder.count >= most else { continue }
      try writer.write(pieces.builder, [0, pieces.builder.count])
      pieces.builder.removeAll()
    }
    return try writer.finish(pieces.builder, [0, pieces.builder.count], header: header)
  }

  func join(_ parts: [any TaskValue], to sink: any ByteSink, context: any TaskContext) throws -> Int {
    let sets = try parts.map { part in
      guard let set = part as? ShardSet else {
        throw TaskError(.wrongType, "the input is a \(type(of: part).kind), and no part of a file")
      }
      return set
    }
    let schema = try ShardSchema.common(to: sets)
    let empty = TableAppender(names: schema.names, types: schema.types).finish()
    let writer = try ParquetWriter(columns: empty, options, to: sink, context: context, file: path)
    var records = 0
    try forEachStateTable(of: 0, in: sets, context) { _, table in
      let columns = try zip(schema.names, schema.types).map { try table.column($0).conformed(to: $1) }
      try writer.write(Table(names: schema.names, columns: columns, count: table.count))
      records += table.count
    }
    // Readers expect a row group.
    if records == 0 { try writer.write(empty) }
    try writer.finish()
    return records
  }
}
