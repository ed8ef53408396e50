import Graph

/// A partition that was sorted, in blocks of rows that can be read each by itself, with the first key of each.
struct SortedRun: TaskValue {
  static let kind = "sorted run"

  /// Its blocks in the order of the rows; the last of these has the header.
  private let windows: [ShardSet]
  /// The first block of each of them, and how many blocks there are.
  private let starts: [Int]
  private let header: Buffer
  /// Partitions that its rows will go to.
  private let partCount: Int

  // The header: Int64 partitions, Int64 blocks, Int64 rows, Int64 rows a block, Int64 length of the schema, the schema,
  // padding to 8, for each block the Int64 end of its first key, and the keys.
  private static let headerStart = 40

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

  /// - Parameter windows: blocks as they were written, at least one; the last with the header.
  init(_ windows: [ShardSet]) throws {
    header = windows[windows.count - 1].header
    guard header.count >= SortedRun.headerStart else { throw SortedRun.damaged() }
    self.windows = windows
    starts = windows.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.shardCount) }
    partCount = Int(header.bytes.loadUnaligned(as: Int64.self))
    let (start, keys) = (indexStart, keysStart)
    guard partCount >= 1, blockCount >= 0, rowCount >= 0, blockRows >= 1, schemaCount >= 0,
      blockCount <= header.count / 8, start <= keys, keys <= header.count,
      blockCount == 0 || keys + keyEnd(blockCount - 1) <= header.count,
      (0..<max(blockCount - 1, 0)).allSatisfy({ keyEnd($0) <= keyEnd($0 + 1) }), blockCount == 0 || keyEnd(0) >= 0,
      blockCount == (rowCount + blockRows - 1) / blockRows, starts[windows.count] == max(blockCount, 1)
    else { throw SortedRun.damaged() }
  }

  static func damaged() -> TaskError {
    TaskError(.corruptValue, "a stored run is damaged; resume computes it again")
  }

  private func number(_ place: Int) -> Int {
    Int(header.bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
  }

  var blockCount: Int { number(8) }
  var rowCount: Int { number(16) }
  var blockRows: Int { number(24) }
  private var schemaCount: Int { number(32) }
  private var indexStart: Int { (SortedRun.headerStart + schemaCount + 7) / 8 * 8 }
  private var keysStart: Int { indexStart + blockCount * 8 }
  private func keyEnd(_ block: Int) -> Int { number(indexStart + block * 8) }

  /// The columns, as a table without rows has them.
  var schema: Buffer { header.slice(SortedRun.headerStart..<SortedRun.headerStart + schemaCount) }

  /// The key of the block's first row; valid as long as the run is.
  func firstKey(_ block: Int) -> UnsafeRawBufferPointer {
    let start = keysStart + (block == 0 ? 0 : keyEnd(block - 1))
    return UnsafeRawBufferPointer(rebasing: header.bytes[start..<keysStart + keyEnd(block)])
  }

  /// The rows of some blocks, read together.
  func tables(_ blocks: ClosedRange<Int>) throws -> [(block: Int, table: Table)] {
    var tables: [(Int, Table)] = []
    for (number, window) in windows.enumerated() {
      let wanted = Range(blocks).clamped(to: starts[number]..<starts[number + 1])
      guard !wanted.isEmpty else { continue }
      let first = starts[number]
      guard let bytes = try window.bytes(ofShards: wanted.lowerBound - first..<wanted.upperBound - first, inPiece: 0)
      else { throw SortedRun.damaged() }
      var place = 0
      for block in wanted {
        let count = window.byteCount(ofShard: block - first)
        tables.append((block, try Table(contentsOf: bytes.slice(place..<place + count))))
        place += count
      }
    }
    guard tables.count == blocks.count else { throw SortedRun.damaged() }
    return tables
  }

  var storedByteCount: Int {
    windows.reduce(0) { total, window in (0..<window.shardCount).reduce(total) { $0 + window.byteCount(ofShard: $1) } }
  }

  /// About as many bytes for each partition.
  var partByteCounts: [Int]? { Array(repeating: storedByteCount / max(partCount, 1), count: partCount) }
  var byteCount: Int { windows.reduce(0) { $0 + $1.byteCount } }
  var isSpillable: Bool { windows.count == 1 && windows[0].isSpillable }

  func write(to sink: any ByteSink) throws {
    guard windows.count == 1 else {
      throw TaskError(.cannotWrite, "a sorted run lies on disk already and cannot be kept after the run")
    }
    try windows[0].write(to: sink)
  }

  init(contentsOf buffer: Buffer) throws { try self.init([ShardSet(contentsOf: buffer)]) }
  func preview(limit: Int) -> ValuePreview { windows[windows.count - 1].preview(limit: limit) }
}
