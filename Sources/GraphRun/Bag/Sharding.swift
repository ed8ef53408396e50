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

extension ShardedBag {
  /// The items of some shards, folded by key; what comes out is ordered by shard, bucket and first occurrence.
  ///
  /// - Parameters:
  ///   - first: a key's first value.
  ///   - next: folds another item in.
  ///   - expansion: bytes in memory for each on disk, as far as one can tell before; 0 to begin with all buckets at once.
  ///     Where a table of values of one size grows too large, half as many buckets are tried.
  ///   - heldBytes: what items take that are held; `nil` where values do not grow with their number.
  ///   - tooLarge: the error for a single bucket that does not fit, from all keys and values.
  @inlinable
  func folded<Key: Hashable & Codable & Sendable, Value, Output>(
    shards: Range<Int>, _ scope: ReadScope, hash: KeyHash<Key>, key: @escaping (Item) throws -> Key,
    first: @escaping (Item) throws -> Value, next: @escaping (inout Value, Item) throws -> Void,
    finish: @escaping (Key, consuming Value) throws -> Output, expansion: Int = 4,
    heldBytes: ((ContiguousArray<Item>) -> Int)? = nil,
    tooLarge: ((ContiguousArray<Key>, ContiguousArray<Value>) -> TaskError)? = nil
  ) throws -> BlockReader<Output> {
    let allowance = scope.allowance
    let reading = ShardReading(self, scope, end: shards.upperBound)
    var shard = shards.lowerBound
    var bucket = 0
    var width = 0
    var keys = ContiguousArray<Key>()
    var values = ContiguousArray<Value>()
    var order: [Int32] = []
    var position = 0
    return {
      while position == order.count {
        guard shard < shards.upperBound else { return nil }
        if width == 0 {
          width = HashBuckets.width(
            forBytes: reading.byteCount(ofShard: shard) * expansion, allowance: allowance)
        }
        let buckets = bucket..<Swift.min(bucket + width, HashBuckets.count)
        let isAll = buckets.count == HashBuckets.count
        // Local, so that the loop over elements is free of what captured variables cost.
        // Of items as many as a shard's there may be as many keys; as a rule each comes some times.
        let items = reading.byteCount(ofShard: shard) / Swift.max(MemoryLayout<Item>.stride, 1)
        var table = FoldTable<Key, Value>(hash, expecting: isAll ? items / 2 : 0)
        var held = 0
        var isTooLarge = false
        let read = reading.blocks(ofShard: shard)
        while !isTooLarge, let block = try read() {
          var taken = ContiguousArray<Item>()
          for item in block {
            let itemKey = try key(item)
            let hashOfKey = hash(itemKey)
            if !isAll, !buckets.contains(HashBuckets.bucket(of: hashOfKey)) { continue }
            try table.fold(itemKey, hashed: hashOfKey, first: { try first(item) }, next: { try next(&$0, item) })
            if heldBytes != nil { taken.append(item) }
          }
          if let heldBytes {
            held += heldBytes(taken)
            // Whoever takes a bucket at a time cannot take less.
            if held > 2 * allowance, let tooLarge {
              let all = table.takeEntries()
              throw tooLarge(all.keys, all.values)
            }
          } else {
            isTooLarge = buckets.count > 1 && table.isLarger(than: allowance)
          }
        }
        if isTooLarge {
          width = (buckets.count + 1) / 2
          continue
        }
        bucket = buckets.upperBound
        if bucket == HashBuckets.count {
          (bucket, width) = (0, 0)
          shard += 1
        }
        let all = table.takeEntries()
        order = HashBuckets.order(all.hashes)
        keys = all.keys
        values = all.values
        position = 0
      }
      let end = Swift.min(position + blockLength, order.count)
      defer { position = end }
      return try ContiguousArray(mapping: ContiguousArray(order[position..<end])) {
        try finish(keys[Int($0)], values[Int($0)])
      }
    }
  }
}
