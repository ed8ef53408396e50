import Graph

// What a partition's groups became, on their way to the partitions that come out. Each shard's piece is a row of tables, each
// behind the number of its stream and its length: stream 0 has states, the others have the different values of a column.

/// Collects tables for each shard, and writes them when they are some megabytes.
final class StateShardWriter {
  private var writer: ShardWriter
  private let pieces: [PieceBuilder]
  private let most: Int
  private let context: any TaskContext

  init(shardCount: Int, inputCount: Int, context: any TaskContext) {
    writer = ShardWriter(shardCount: shardCount, inputCount: inputCount, context: context)
    pieces = (0..<shardCount).map { _ in PieceBuilder() }
    most = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    self.context = context
  }

  var shardCount: Int { pieces.count }

  /// Appends a table of groups to each shard.
  ///
  /// - Parameters:
  ///   - groups: numbers of groups by shard; `starts` says where each shard's begin, and where the last's end.
  ///   - columns: the columns of the groups of those numbers.
  func append(
    stream: Int, _ groups: [Int32], starts: [Int], columns: (UnsafeBufferPointer<Int32>) throws -> [Column]
  ) throws {
    try context.checkCancellation()
    try groups.withUnsafeBufferPointer { groups in
      for shard in pieces.indices where starts[shard] < starts[shard + 1] {
        let columns = try columns(UnsafeBufferPointer(rebasing: groups[starts[shard]..<starts[shard + 1]]))
        let piece = pieces[shard]
        // Small tables need no padding to the lines of a cache.
        try piece.appendTable(Table(columns.enumerated().map { ("c\($0)", $1) }), stream: stream)
      }
    }
    if pieces.reduce(0, { $0 + $1.builder.count }) >= most { try write() }
  }

  private func write() throws {
    try writer.write(pieces.map { $0.builder.bytes })
    for piece in pieces { piece.builder.removeAll() }
  }

  func finish(header: Buffer) throws -> ShardSet {
    var all = BufferBuilder()
    var offsets = [0]
    for piece in pieces {
      all.append(piece.builder.bytes)
      offsets.append(all.count)
    }
    return try writer.finish(all, offsets, header: header)
  }
}

extension PieceBuilder {
  /// Appends a table behind its stream's number and its length.
  func appendTable(_ table: Table, stream: Int) throws {
    builder.append(Int64(stream))
    let place = builder.count
    builder.append(Int64(0))
    try table.write(to: self)
    align()
    (builder.base + place).storeBytes(of: Int64(builder.count - place - 8), as: Int64.self)
  }
}

/// Goes through a shard's tables in the order of the partitions they are from.
func forEachStateTable(
  of shard: Int, in sets: [ShardSet], _ context: any TaskContext, _ body: (_ stream: Int, Table) throws -> Void
) throws {
  try ShardReader(shard: shard, sets: sets).forEachPiece { bytes in
    try context.checkCancellation()
    var place = 0
    while place < bytes.count {
      guard bytes.count - place >= 16 else { throw damagedStates() }
      let stream = Int(bytes.bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
      let length = Int(bytes.bytes.loadUnaligned(fromByteOffset: place + 8, as: Int64.self))
      guard length >= 0, length <= bytes.count - place - 16 else { throw damagedStates() }
      try body(stream, Table(contentsOf: bytes.slice(place + 16..<place + 16 + length)))
      place += 16 + length
    }
  }
}

func damagedStates() -> TaskError {
  TaskError(.corruptValue, "stored shards are damaged; resume computes them again")
}

extension Column {
  /// This column, or where it is null throughout, one of that type.
  ///
  /// - Throws: `TaskError` with code `.wrongType`.
  func conformed(to wanted: ColumnType) throws -> Column {
    if type == wanted { return self }
    guard nullCount == count else {
      throw TaskError(.wrongType, "a column of \(type) cannot stand behind one of \(wanted)")
    }
    return .nulls(of: wanted, count: count)
  }
}
