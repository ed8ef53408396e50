import Graph

/// A partition that was sorted, in blocks of rows that can be read each by itself, with the first key of each.
struct SortedRun: TaskValue {
  static let kind = "sorted run"

  private let blocks: ShardSet
  /// Partitions that its rows will go to.
  private let partCount: Int

  // The header: Int64 partitions, Int64 blocks, Int64 rows, Int64 rows a block, Int64 length of the schema, the schema,
  // padding to 8, for each block the Int64 end of its first key, and the keys.
  private static let headerStart = 40

  fileprivate init(blocks: ShardSet, partCount: Int) {
    self.blocks = blocks
    self.partCount = partCount
  }

  /// - Parameters:
  ///   - firstKeys: of each block.
  ///   - schema: of the partition's columns.
  static func header(
    partCount: Int, rowCount: Int, blockRows: Int, firstKeys: [[UInt8]], schema: Buffer
  ) -> Buffer {
    var out = BufferBuilder()
    for number in [partCount, firstKeys.count, rowCount, blockRows, schema.count] { out.append(Int64(number)) }
    withExtendedLifetime(schema) { out.append(schema.bytes) }
    while out.count % 8 != 0 { out.append(UInt8(0)) }
    var end = 0
    for key in firstKeys {
      end += key.count
      out.append(Int64(end))
    }
    for key in firstKeys { key.withUnsafeBytes { out.append($0) } }
    return out.finish()
  }

  init(_ blocks: ShardSet) throws {
    guard blocks.header.count >= SortedRun.headerStart else { throw SortedRun.damaged() }
    self.init(blocks: blocks, partCount: Int(blocks.header.bytes.loadUnaligned(as: Int64.self)))
    let (start, keys) = (indexStart, keysStart)
    guard partCount >= 1, blockCount >= 0, rowCount >= 0, blockRows >= 1, schemaCount >= 0,
      blockCount <= blocks.header.count / 8, start <= keys, keys <= blocks.header.count,
      blockCount == 0 || keys + keyEnd(blockCount - 1) <= blocks.header.count,
      (0..<max(blockCount - 1, 0)).allSatisfy({ keyEnd($0) <= keyEnd($0 + 1) }), blockCount == 0 || keyEnd(0) >= 0,
      blockCount == (rowCount + blockRows - 1) / blockRows
    else { throw SortedRun.damaged() }
  }

  static func damaged() -> TaskError {
    TaskError(.corruptValue, "a stored run is damaged; resume computes it again")
  }

  private func number(_ place: Int) -> Int {
    Int(blocks.header.bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
  }

  var blockCount: Int { number(8) }
  var rowCount: Int { number(16) }
  var blockRows: Int { number(24) }
  private var schemaCount: Int { number(32) }
  private var indexStart: Int { (SortedRun.headerStart + schemaCount + 7) / 8 * 8 }
  private var keysStart: Int { indexStart + blockCount * 8 }
  private func keyEnd(_ block: Int) -> Int { number(indexStart + block * 8) }

  /// The columns, as a table without rows has them.
  var schema: Buffer { blocks.header.slice(SortedRun.headerStart..<SortedRun.headerStart + schemaCount) }

  /// The key of the block's first row; valid as long as the run is.
  func firstKey(_ block: Int) -> UnsafeRawBufferPointer {
    let start = keysStart + (block == 0 ? 0 : keyEnd(block - 1))
    return UnsafeRawBufferPointer(rebasing: blocks.header.bytes[start..<keysStart + keyEnd(block)])
  }

  /// The block's rows.
  func table(_ block: Int) throws -> Table {
    for piece in 0..<blocks.pieceCount {
      if let bytes = try blocks.bytes(ofShards: block..<block + 1, inPiece: piece) {
        return try Table(contentsOf: bytes)
      }
    }
    throw SortedRun.damaged()
  }

  var storedByteCount: Int { (0..<blocks.shardCount).reduce(0) { $0 + blocks.byteCount(ofShard: $1) } }

  /// About as many bytes for each partition.
  var partByteCounts: [Int]? { Array(repeating: storedByteCount / max(partCount, 1), count: partCount) }
  var byteCount: Int { blocks.byteCount }
  var isSpillable: Bool { blocks.isSpillable }
  func write(to sink: any ByteSink) throws { try blocks.write(to: sink) }
  init(contentsOf buffer: Buffer) throws { try self.init(ShardSet(contentsOf: buffer)) }
  func preview(limit: Int) -> ValuePreview { blocks.preview(limit: limit) }
}
