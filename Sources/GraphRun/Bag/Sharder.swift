import Graph
import Tasks

/// Gathers items by shard and writes them when there are enough.
///
/// Trivially copyable items are put down as they come, each with its shard's number, and sorted when they are written:
/// growing hundreds of arrays costs more than the sorting. They lie in pieces that the allocator has at hand; one array
/// that grows would take fresh pages from the kernel again and again.
@usableFromInline
struct Sharder<Item: Codable & Sendable> {
  @usableFromInline let shardCount: Int
  /// Of trivially copyable items: those that came last, and each one's shard.
  @usableFromInline var items = ContiguousArray<Item>()
  @usableFromInline var shards = ContiguousArray<UInt32>()
  /// Pieces before these.
  private var pieces: [(items: ContiguousArray<Item>, shards: ContiguousArray<UInt32>)] = []
  /// Of others: what is gathered of each shard.
  @usableFromInline var buckets: [ContiguousArray<Item>]
  private var writer: ShardWriter
  @usableFromInline var gathered = 0
  private let format = ElementFormat(of: Item.self)
  /// What is gathered, in bytes of memory, before it is written.
  @usableFromInline let mostGathered: Int

  init(shardCount: Int, inputCount: Int, context: any TaskContext) {
    self.shardCount = shardCount
    buckets = _isPOD(Item.self) ? [] : Array(repeating: [], count: shardCount)
    mostGathered = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    writer = ShardWriter(shardCount: shardCount, inputCount: inputCount, context: context)
  }

  @inlinable @inline(__always)
  mutating func append(_ item: Item, hashed hash: UInt64) {
    let shard = StableHash.shard(of: hash, count: shardCount)
    if _isPOD(Item.self) {
      items.append(item)
      shards.append(UInt32(truncatingIfNeeded: shard))
      if items.count == 2 * blockLength { startPiece() }
    } else {
      buckets[shard].append(item)
    }
    gathered &+= MemoryLayout<Item>.stride
  }

  @usableFromInline @inline(never)
  mutating func startPiece() {
    pieces.append((items, shards))
    (items, shards) = ([], [])
    items.reserveCapacity(2 * blockLength)
    shards.reserveCapacity(2 * blockLength)
  }

  /// To be called now and then, with the items that came since: writes what was gathered if it is much.
  @usableFromInline
  mutating func settle(_ items: ContiguousArray<Item>) throws {
    if !_isPOD(Item.self) { gathered += ElementCodec.byteCount(items) - items.count * MemoryLayout<Item>.stride }
    guard gathered >= mostGathered else { return }
    var builder = BufferBuilder()
    let offsets = try encode(to: &builder)
    try writer.write(builder, offsets)
  }

  mutating func finish() throws -> ShardSet {
    var builder = BufferBuilder()
    let offsets = try encode(to: &builder)
    return try writer.finish(owning: builder, offsets)
  }

  private mutating func encode(to builder: inout BufferBuilder) throws -> [Int] {
    gathered = 0
    if _isPOD(Item.self) { return encodePlain(to: &builder) }
    var offsets = [0]
    offsets.reserveCapacity(shardCount + 1)
    for shard in buckets.indices {
      if !buckets[shard].isEmpty { try ElementCodec.encode(buckets[shard], as: format, to: &builder) }
      buckets[shard].removeAll(keepingCapacity: true)
      offsets.append(builder.count)
    }
    return offsets
  }

  /// Sorts the items into their places by counting: those of a shard keep their order.
  private mutating func encodePlain(to builder: inout BufferBuilder) -> [Int] {
    pieces.append((items, shards))
    (items, shards) = ([], [])
    defer { pieces.removeAll(keepingCapacity: true) }
    var counts = [Int](repeating: 0, count: shardCount)
    for piece in pieces { for shard in piece.shards { counts[Int(shard)] += 1 } }
    let layout = pieces[0].items.first.map { format.layout(of: $0) } ?? ""
    let stride = MemoryLayout<Item>.stride
    var offsets = [0]
    offsets.reserveCapacity(shardCount + 1)
    builder.reserve(counts.reduce(0, +) * stride + shardCount * ElementCodec.headerBytes(layout: layout))
    // Where the next item of each shard goes.
    var places = [Int](repeating: 0, count: shardCount)
    for shard in 0..<shardCount {
      if counts[shard] > 0 {
        ElementCodec.encodeHeader(.raw, count: counts[shard], layout: layout, to: &builder)
        places[shard] = builder.count
        builder.appendDirect(most: counts[shard] * stride) { _ in counts[shard] * stride }
      }
      offsets.append(builder.count)
    }
    for piece in pieces {
      piece.items.withUnsafeBytes { Scattering.scatter($0, of: stride, to: builder.base, &places, piece.shards) }
    }
    return offsets
  }
}

/// Copies items to where the next of their shard goes; apart from `Sharder`, so that it is made for no type but numbers.
private enum Scattering {
  static func scatter(
    _ items: UnsafeRawBufferPointer, of stride: Int, to target: UnsafeMutableRawPointer, _ places: inout [Int],
    _ shards: ContiguousArray<UInt32>
  ) {
    guard let source = items.baseAddress else { return }
    places.withUnsafeMutableBufferPointer { places in
      shards.withUnsafeBufferPointer { shards in
        switch stride {
        case 8: scatter(UInt64.self, source, target, places, shards)
        case 16: scatter(SIMD2<UInt64>.self, source, target, places, shards)
        default:
          for (index, shard) in shards.enumerated() {
            (target + places[Int(shard)]).copyMemory(from: source + index * stride, byteCount: stride)
            places[Int(shard)] += stride
          }
        }
      }
    }
  }

  @inline(__always)
  private static func scatter<Word: BitwiseCopyable>(
    _ word: Word.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
    _ places: UnsafeMutableBufferPointer<Int>, _ shards: UnsafeBufferPointer<UInt32>
  ) {
    let stride = MemoryLayout<Word>.stride
    for (index, shard) in shards.enumerated() {
      let place = places[Int(shard)]
      target.storeBytes(
        of: source.loadUnaligned(fromByteOffset: index &* stride, as: word), toByteOffset: place, as: word)
      places[Int(shard)] = place &+ stride
    }
  }
}
