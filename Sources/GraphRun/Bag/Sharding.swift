import Graph
import Tasks

// Bags cut by key, out of core; see `ShardSet` for the two phases.
//
// Whoever needs a table of a shard's keys, or all records of each, goes through the shard once if that fits, else several
// times: keys are cut once more by other bits of their hash, into 1024 buckets, and each time through takes as many
// neighbouring buckets as fit. What comes out is ordered by bucket, and within it by when a key was first seen; so it is
// the same however much memory there is.

/// A bag's elements, or what was made of them, cut into shards.
@usableFromInline
struct ShardedBag<Item: Codable & Sendable>: Sendable {
  /// A stage with one `ShardSet` for each partition of the bag.
  let node: Node
  @usableFromInline let shardCount: Int

  /// Cuts a bag.
  ///
  /// - Parameter fill: goes through a partition and gives each item to the sharder.
  @usableFromInline
  init<Element>(
    _ bag: Bag<Element>, label: String, identity: StepIdentity, shardCount: Int,
    fill: @escaping @Sendable (BlockReader<Element>, inout Sharder<Item>) throws -> Void
  ) {
    let input = bag.node
    self.shardCount = shardCount
    node = Node(
      label: label, layout: .bag(.numbered(bag.partitionCount)), inputs: [Node.Input(node: input)],
      identity: identity.value, cost: .stage, valueTypes: [ShardSet.self],
      typeName: "shards \(shardCount) of \(TypeName.of(Item.self))",
      dependencies: { partition, _ in [Node.Reference(node: input, partition: partition)] },
      memory: { _, _, limit in MemoryEstimate(output: 4 << 10, scratch: 3 * ShardWriter.gatheredBytes(limit: limit)) },
      run: { role, scope in
        let next = try scope.blocks(of: bag, role.partition)
        var sharder = Sharder<Item>(shardCount: shardCount, inputCount: bag.partitionCount, context: scope.context)
        try fill(
          {
            try scope.context.checkCancellation()
            return try next()
          }, &sharder)
        return try sharder.finish()
      })
  }

  /// What a task that reads a shard depends on: all partitions.
  @Sendable func dependencies() -> [Node.Reference] {
    (0..<node.count).map { Node.Reference(node: node, partition: $0) }
  }

  /// A shard's items, in the bag's order.
  @usableFromInline
  func blocks(ofShard shard: Int, _ scope: ReadScope) throws -> BlockReader<Item> {
    ShardReading(self, scope).blocks(ofShard: shard)
  }
}

/// Reads shards one after the other. Small ones are read together with those behind them: the disk is asked once for
/// each partition, not once for each shard.
@usableFromInline
final class ShardReading<Item: Codable & Sendable> {
  private let sets: [ShardSet]
  private let scope: ReadScope
  private let end: Int
  private let most: Int
  private let format = ElementFormat(of: Item.self)
  /// What was read ahead: the shards, and for each piece of each partition their bytes.
  private var ahead = 0..<0
  private var buffers: [Buffer?] = []

  /// - Parameter end: the first shard that is not going to be read.
  @usableFromInline
  init(_ shards: ShardedBag<Item>, _ scope: ReadScope, end: Int? = nil) {
    sets = (0..<shards.node.count).map { scope.result(of: shards.node, $0) as! ShardSet }
    self.scope = scope
    self.end = end ?? 0
    most = scope.allowance / 4
  }

  /// Bytes of a shard as it is stored.
  @usableFromInline
  func byteCount(ofShard shard: Int) -> Int { sets.reduce(0) { $0 + $1.byteCount(ofShard: shard) } }

  /// A shard's items, in the bag's order.
  @usableFromInline
  func blocks(ofShard shard: Int) -> BlockReader<Item> {
    var set = 0
    var piece = 0
    var place = 0
    var bytes: Buffer?
    var position = 0
    var isAhead: Bool?
    return { [self] in
      if isAhead == nil { isAhead = try readAhead(from: shard) }
      while true {
        if let buffer = bytes {
          if position < buffer.count {
            var reader = BinaryReader(UnsafeRawBufferPointer(rebasing: buffer.bytes[position...]))
            let block = try ElementCodec.decode(Item.self, as: format, from: &reader)
            position += reader.position
            return block
          }
          bytes = nil
        }
        guard set < sets.count else { return nil }
        guard piece < sets[set].pieceCount else {
          set += 1
          piece = 0
          continue
        }
        if isAhead == true {
          let count = sets[set].byteCount(ofShard: shard, inPiece: piece)
          if count > 0 {
            let start = start(shard, set, piece)
            bytes = buffers[place]!.slice(start..<start + count)
          }
        } else {
          try scope.context.checkCancellation()
          bytes = try sets[set].bytes(ofShards: shard..<shard + 1, inPiece: piece)
        }
        position = 0
        piece += 1
        place += 1
      }
    }
  }

  /// Where a shard begins in what was read ahead of a piece.
  private func start(_ shard: Int, _ set: Int, _ piece: Int) -> Int {
    (ahead.lowerBound..<shard).reduce(0) { $0 + sets[set].byteCount(ofShard: $1, inPiece: piece) }
  }

  /// Reads the shard with as many behind it as are small together.
  /// - Returns: false where it is too large for that by itself.
  private func readAhead(from shard: Int) throws -> Bool {
    if ahead.contains(shard) { return true }
    var bytes = byteCount(ofShard: shard)
    guard bytes <= most else { return false }
    var last = shard + 1
    while last < end, bytes + byteCount(ofShard: last) <= most {
      bytes += byteCount(ofShard: last)
      last += 1
    }
    ahead = shard..<last
    buffers.removeAll(keepingCapacity: true)
    for set in sets {
      try scope.context.checkCancellation()
      for piece in 0..<set.pieceCount { buffers.append(try set.bytes(ofShards: ahead, inPiece: piece)) }
    }
    return true
  }
}

/// Cuts keys once more, for those who cannot hold a shard's table at once.
@usableFromInline
enum HashBuckets {
  @inlinable static var count: Int { 1024 }

  @inlinable @inline(__always)
  static func bucket(of hash: UInt64) -> Int { Int(truncatingIfNeeded: StableHash.of(hash) >> 54) }

  /// How many buckets one time through takes.
  ///
  /// - Parameters:
  ///   - bytes: what all buckets would take in memory.
  @usableFromInline
  static func width(forBytes bytes: Int, allowance: Int) -> Int {
    Swift.max(1, count / Swift.max(1, (bytes + allowance - 1) / allowance))
  }

  /// Indices of entries by bucket, and within a bucket in their order.
  @usableFromInline
  static func order(_ hashes: ContiguousArray<UInt64>) -> [Int32] {
    if hashes.count < 64 {
      let buckets = hashes.map { bucket(of: $0) }
      return hashes.indices.sorted { (buckets[$0], $0) < (buckets[$1], $1) }.map { Int32($0) }
    }
    var starts = [Int32](repeating: 0, count: count + 1)
    for hash in hashes { starts[bucket(of: hash) + 1] += 1 }
    for bucket in 0..<count { starts[bucket + 1] += starts[bucket] }
    var order = [Int32](repeating: 0, count: hashes.count)
    for (index, hash) in hashes.enumerated() {
      let bucket = bucket(of: hash)
      order[Int(starts[bucket])] = Int32(index)
      starts[bucket] += 1
    }
    return order
  }
}
