import Graph

/// Splits the rows of a table into shards by a hash of key columns.
///
/// A few megabytes of rows at a time are sorted by shard, stably, and each shard's become a small table in the piece that is
/// written. Who gathers a shard puts its tables behind one another, in the order of the partitions and pieces, which is the
/// order of the records. Neither depends on how much is written at a time, so what is gathered is the same however much
/// memory there is.
struct RowShards {
  /// Where rows go whose key is null in some column.
  enum NullKeys {
    /// To the shard of their key, as all others.
    case together
    /// To all shards in turn: they belong to no other row.
    case spread
    /// Nowhere.
    case dropped
  }

  let shardCount: Int
  let nullKeys: NullKeys

  /// What splitting takes in memory beside the table.
  func scratchBytes(inputBytes: Int, memoryLimit: Int) -> Int {
    let window = min(inputBytes, ShardWriter.gatheredBytes(limit: memoryLimit))
    // The rows' order, each shard's table and all of them together; and what describes the tables.
    return window * 5 / 2 + shardCount * 1024 + (64 << 10)
  }

  /// - Parameters:
  ///   - table: what is split.
  ///   - keys: columns of it that make the key; none of lists or structures.
  ///   - count: how many partitions are split.
  ///   - header: what is the same for all shards.
  ///   - context: the task that splits.
  func split(
    _ table: Table, by keys: [Column], of count: Int, header: Buffer, context: any TaskContext
  ) throws -> ShardSet {
    var writer = ShardWriter(shardCount: shardCount, inputCount: count, context: context)
    let pieces = PieceBuilder()
    guard table.count > 0 else {
      return try writer.finish(pieces.builder, [Int](repeating: 0, count: shardCount + 1), header: header)
    }
    let batch = KeyBatch(keys)
    let window = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    var start = 0
    while true {
      let end = RowShards.end(of: window, in: table, from: start)
      let offsets = try write(table, start..<end, batch, to: pieces, context)
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
    _ table: Table, _ rows: Range<Int>, _ batch: KeyBatch, to pieces: PieceBuilder, _ context: any TaskContext
  ) throws -> [Int] {
    pieces.builder.removeAll()
    // A counting sort: it is stable, so that a shard's rows keep their order.
    var starts = [Int32](repeating: 0, count: shardCount + 1)
    let shards = [Int32](unsafeUninitializedCapacity: rows.count) { shards, count in
      starts.withUnsafeMutableBufferPointer { starts in
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: KeyBatch.mostRows) {
          let loaded = first..<min(first + KeyBatch.mostRows, rows.upperBound)
          batch.load(loaded)
          for index in 0..<loaded.count {
            let shard = shard(of: batch, index)
            shards[first - rows.lowerBound + index] = Int32(truncatingIfNeeded: shard)
            if shard >= 0 { starts[shard + 1] += 1 }
          }
        }
        for shard in 0..<shardCount { starts[shard + 1] += starts[shard] }
      }
      count = rows.count
    }
    var next = starts
    let order = [Int32](unsafeUninitializedCapacity: rows.count) { order, count in
      next.withUnsafeMutableBufferPointer { next in
        for (position, shard) in shards.enumerated() where shard >= 0 {
          order[Int(next[Int(shard)])] = Int32(truncatingIfNeeded: rows.lowerBound + position)
          next[Int(shard)] += 1
        }
        count = Int(starts[shardCount])
      }
    }
    var offsets = [0]
    offsets.reserveCapacity(shardCount + 1)
    try order.withUnsafeBufferPointer { order in
      for shard in 0..<shardCount {
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

  /// -1 for a row that goes nowhere.
  @inline(__always)
  private func shard(of batch: KeyBatch, _ index: Int) -> Int {
    if batch.nulls[index] != 0 {
      switch nullKeys {
      case .together: break
      case .spread: return (batch.rows.lowerBound + index) % shardCount
      case .dropped: return -1
      }
    }
    return StableHash.shard(of: batch.hashes[index], count: shardCount)
  }

  /// Goes through a shard's small tables, in the order of its records, with one of them in memory.
  static func forEachTable(
    of shard: Int, in sets: [ShardSet], _ context: any TaskContext, _ body: (Table) throws -> Void
  ) throws {
    try ShardReader(shard: shard, sets: sets).forEachPiece { bytes in
      try context.checkCancellation()
      try body(Table(contentsOf: bytes))
    }
  }
}

extension ShardSet {
  /// What the first half of a shuffle gave for each partition.
  ///
  /// - Throws: `TaskError` with code `.wrongType` for what is none, or has not that many shards.
  static func all(_ values: [any TaskValue], count: Int? = nil) throws -> [ShardSet] {
    try values.map { value in
      guard let set = value as? ShardSet, count == nil || set.shardCount == count else {
        throw TaskError(.wrongType, "the input is a \(type(of: value).kind), and no shards of this operation")
      }
      return set
    }
  }
}

/// Collects tables that are written one behind the other.
final class PieceBuilder: ByteSink {
  var builder = BufferBuilder()

  func write(_ bytes: UnsafeRawBufferPointer) throws { builder.append(bytes) }

  /// Makes the next table begin where one can be read.
  func align() { while builder.count % 8 != 0 { builder.append(UInt8(0)) } }

  /// What was written; nothing is in it any more.
  func taken() -> Buffer {
    var other = BufferBuilder()
    swap(&builder, &other)
    return other.finish()
  }
}
