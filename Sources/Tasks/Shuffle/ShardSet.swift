import Graph

// The two phases of a shuffle. In the first, each input partition is cut into shards by a hash of its records' ids; what it
// gathered of all shards goes to disk in one piece whenever that is some megabytes, so that there are never as many files
// as shards times partitions. In the second, whoever works on a shard reads its pieces, input partition by input partition
// and piece by piece: that is the records' original order, and nothing but one piece need lie in memory.
//
// Source of the idea: MapReduce's map output files, one a mapper and sorted by reducer.

/// One input partition cut into shards: where each shard's pieces lie.
public struct ShardSet: TaskValue {
  public static let kind = "shards"

  /// What is the same for all shards, such as the names of columns; small.
  public let header: Buffer
  /// Bytes of each shard's pieces.
  private let shardBytes: [Int]
  private let runs: [Run]

  public var shardCount: Int { shardBytes.count }

  private enum Run: Sendable {
    /// Small ones stay in memory; shard s is the bytes between two offsets.
    case memory(Buffer, offsets: [Int])
    case disk(any ScratchExtent)
  }

  fileprivate init(header: Buffer, memory: Buffer, offsets: [Int]) {
    self.header = header
    shardBytes = zip(offsets, offsets.dropFirst()).map { $1 - $0 }
    runs = [.memory(memory, offsets: offsets)]
  }

  fileprivate init(header: Buffer, shardCount: Int, extents: [any ScratchExtent]) {
    self.header = header
    // One extent's own array, where there is one, and no other.
    shardBytes =
      extents.count == 1
      ? extents[0].pieceBytes : (0..<shardCount).map { shard in extents.reduce(0) { $0 + $1.pieceBytes[shard] } }
    runs = extents.map { .disk($0) }
  }

  /// Bytes of a shard's pieces.
  public func byteCount(ofShard shard: Int) -> Int { shardBytes[shard] }

  public var partByteCounts: [Int]? { shardBytes }

  /// How many pieces there are of each shard.
  public var pieceCount: Int { runs.count }

  /// Bytes of a shard in one of the pieces.
  public func byteCount(ofShard shard: Int, inPiece piece: Int) -> Int {
    switch runs[piece] {
    case .memory(_, let offsets): offsets[shard + 1] - offsets[shard]
    case .disk(let extent): extent.pieceBytes[shard]
    }
  }

  /// The bytes of neighbouring shards in one of the pieces, one shard behind the other; `nil` where there are none.
  public func bytes(ofShards shards: Range<Int>, inPiece piece: Int) throws -> Buffer? {
    switch runs[piece] {
    case .memory(let buffer, let offsets):
      let range = offsets[shards.lowerBound]..<offsets[shards.upperBound]
      return range.isEmpty ? nil : buffer.slice(range)
    case .disk(let extent):
      return extent.pieceBytes[shards].allSatisfy { $0 == 0 } ? nil : try extent.read(shards)
    }
  }

  /// Reads a shard's bytes in one of the pieces to a place that has room for them.
  func read(shard: Int, inPiece piece: Int, into place: UnsafeMutableRawPointer) throws {
    switch runs[piece] {
    case .memory(let buffer, let offsets):
      place.copyMemory(from: buffer.base + offsets[shard], byteCount: offsets[shard + 1] - offsets[shard])
    case .disk(let extent): try extent.read(shard..<shard + 1, into: place)
    }
  }

  /// 0 for what lies on disk: spilling that would free nothing.
  public var byteCount: Int {
    runs.reduce(0) { total, run in
      if case .memory(let buffer, let offsets) = run {
        total + header.count + buffer.count + offsets.count * 8
      } else {
        total
      }
    }
  }

  public var isSpillable: Bool {
    if case .memory? = runs.first { runs.count == 1 } else { false }
  }

  public func write(to sink: any ByteSink) throws {
    guard case .memory(let buffer, let offsets)? = runs.first, runs.count == 1 else {
      throw TaskError(.cannotWrite, "the shards of a shuffle lie on disk already and cannot be kept after the run")
    }
    try sink.write(value: shardCount)
    try sink.write(value: header.count)
    try offsets.withUnsafeBytes { try sink.write($0) }
    try sink.write(buffer.bytes)
    try sink.write(header.bytes)
  }

  public init(contentsOf buffer: Buffer) throws {
    let wrong = TaskError(.corruptValue, "stored shards are damaged; resume computes them again")
    guard buffer.count >= 16 else { throw wrong }
    let count = buffer.bytes.loadUnaligned(as: Int.self)
    let headerCount = buffer.bytes.loadUnaligned(fromByteOffset: 8, as: Int.self)
    guard (1...1 << 24).contains(count), (0...buffer.count).contains(headerCount) else { throw wrong }
    // The header lies last: pieces are aligned, and it need not be.
    let (start, end) = (16 + (count + 1) * 8, buffer.count - headerCount)
    guard start <= end else { throw wrong }
    let offsets = (0...count).map { buffer.bytes.loadUnaligned(fromByteOffset: 16 + $0 * 8, as: Int.self) }
    guard offsets[0] == 0, offsets[count] == end - start, zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw wrong }
    self.init(header: Buffer(buffer.bytes[end...]), memory: buffer.slice(start..<end), offsets: offsets)
  }

  public func preview(limit: Int) -> ValuePreview {
    let bytes = (0..<shardCount).reduce(0) { $0 + byteCount(ofShard: $1) }
    return ValuePreview(
      columns: ["shards", "bytes"], rows: [["\(shardCount)", "\(bytes)"]], rowCount: 1,
      json: #"{"shards":\#(shardCount),"bytes":\#(bytes)}"#)
  }
}

/// Collects one input partition's shards.
public struct ShardWriter {
  /// What a task gathers of all shards, in bytes of memory, before it writes them.
  ///
  /// - Parameter limit: bytes that the run may take in memory.
  public static func gatheredBytes(limit: Int) -> Int { min(16 << 20, max(limit / 16, 1 << 20)) }

  private let shardCount: Int
  private let mostInMemory: Int
  private let context: any TaskContext
  private var extents: [any ScratchExtent] = []

  /// - Parameters:
  ///   - shardCount: how many shards there are.
  ///   - inputCount: partitions that are cut; of each, so little stays in memory that all together are small.
  ///   - context: the task that cuts; has the place on disk.
  public init(shardCount: Int, inputCount: Int, context: any TaskContext) {
    self.shardCount = shardCount
    mostInMemory = min(64 << 20, context.memoryLimit / 16) / max(inputCount, 1)
    self.context = context
  }

  /// Writes what was gathered: a piece for each shard, empty where there is nothing.
  ///
  /// - Parameters:
  ///   - pieces: all of them, one behind the other.
  ///   - offsets: where each piece begins in the builder, and the end of the last.
  public mutating func write(_ pieces: borrowing BufferBuilder, _ offsets: [Int]) throws {
    let base = UnsafeRawPointer(pieces.base)
    try write(zip(offsets, offsets.dropFirst()).map { UnsafeRawBufferPointer(start: base + $0, count: $1 - $0) })
  }

  /// Writes what was gathered, each shard's piece from where it lies.
  public mutating func write(_ pieces: [UnsafeRawBufferPointer]) throws {
    extents.append(try context.scratch().write(pieces))
  }

  /// The set, with what was gathered last, and what is the same for all shards.
  ///
  /// - Parameters:
  ///   - last: the pieces that were not written yet.
  ///   - offsets: as for `write`.
  ///   - header: what is the same for all shards.
  public mutating func finish(
    _ last: borrowing BufferBuilder, _ offsets: [Int], header: Buffer = Buffer([])
  ) throws -> ShardSet {
    let count = offsets[shardCount]
    if extents.isEmpty, count <= mostInMemory {
      return ShardSet(
        header: header, memory: Buffer(UnsafeRawBufferPointer(start: last.base, count: count)), offsets: offsets)
    }
    if count > 0 { try write(last, offsets) }
    return ShardSet(header: header, shardCount: shardCount, extents: extents)
  }

  /// A set of one piece of each shard, on disk however small it is.
  static func written(
    _ pieces: borrowing BufferBuilder, _ offsets: [Int], header: Buffer = Buffer([]), context: any TaskContext
  ) throws -> ShardSet {
    var writer = ShardWriter(shardCount: offsets.count - 1, inputCount: 1, context: context)
    try writer.write(pieces, offsets)
    return ShardSet(header: header, shardCount: offsets.count - 1, extents: writer.extents)
  }

  /// As `finish(_:_:header:)`, without a copy of what stays in memory.
  public mutating func finish(owning last: consuming BufferBuilder, _ offsets: [Int]) throws -> ShardSet {
    guard extents.isEmpty, last.count <= mostInMemory else { return try finish(last, offsets) }
    return ShardSet(header: Buffer([]), memory: last.finish(), offsets: offsets)
  }
}
