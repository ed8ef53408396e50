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
      typeName: "shards \(shardCount) of \(String(reflecting: Item.self))",
      dependencies: { partition, _ in [Node.Reference(node: input, partition: partition)] },
      memory: { _, _, _ in MemoryEstimate(output: 4 << 10, scratch: 3 * ShardWriter.gatheredBytes) },
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

  /// Bytes of a shard on disk.
  @usableFromInline
  func byteCount(ofShard shard: Int, _ scope: ReadScope) -> Int {
    (0..<node.count).reduce(0) { $0 + (scope.result(of: node, $1) as! ShardSet).byteCount(ofShard: shard) }
  }

  /// A shard's items, in the bag's order.
  @usableFromInline
  func blocks(ofShard shard: Int, _ scope: ReadScope) throws -> BlockReader<Item> {
    var partition = 0
    var piece = 0
    var buffer: Buffer?
    var position = 0
    return { [node] in
      while true {
        if let bytes = buffer {
          if position < bytes.count {
            var reader = BinaryReader(UnsafeRawBufferPointer(rebasing: bytes.bytes[position...]))
            let block = try ElementCodec.decode(Item.self, from: &reader)
            position += reader.position
            return block
          }
          buffer = nil
        }
        guard partition < node.count else { return nil }
        try scope.context.checkCancellation()
        let shards = scope.result(of: node, partition) as! ShardSet
        guard piece < shards.pieceCount else {
          partition += 1
          piece = 0
          continue
        }
        buffer = try shards.piece(piece, ofShard: shard)
        position = 0
        piece += 1
      }
    }
  }
}

/// Gathers items by shard and writes them when there are enough.
@usableFromInline
struct Sharder<Item: Codable & Sendable> {
  @usableFromInline var buckets: [ContiguousArray<Item>]
  private var writer: ShardWriter
  @usableFromInline var gathered = 0
  private let isPlain = _isPOD(Item.self)

  init(shardCount: Int, inputCount: Int, context: any TaskContext) {
    buckets = Array(repeating: [], count: shardCount)
    writer = ShardWriter(shardCount: shardCount, inputCount: inputCount, context: context)
  }

  @inlinable @inline(__always)
  mutating func append(_ item: Item, hashed hash: UInt64) {
    buckets[StableHash.shard(of: hash, count: buckets.count)].append(item)
    gathered &+= MemoryLayout<Item>.stride
  }

  /// To be called now and then, with the items that came since: writes what was gathered if it is much.
  ///
  @usableFromInline
  mutating func settle(_ items: ContiguousArray<Item>) throws {
    if !isPlain { gathered += ElementCodec.byteCount(items) - items.count * MemoryLayout<Item>.stride }
    guard gathered >= ShardWriter.gatheredBytes else { return }
    var builder = BufferBuilder()
    let offsets = try encode(to: &builder)
    try writer.write(builder.pieces(offsets))
  }

  mutating func finish() throws -> ShardSet {
    var builder = BufferBuilder()
    let offsets = try encode(to: &builder)
    return try writer.finish(builder.pieces(offsets))
  }

  private mutating func encode(to builder: inout BufferBuilder) throws -> [Int] {
    var offsets = [0]
    for shard in buckets.indices {
      if !buckets[shard].isEmpty { try ElementCodec.encode(buckets[shard], to: &builder) }
      buckets[shard].removeAll(keepingCapacity: true)
      offsets.append(builder.count)
    }
    gathered = 0
    return offsets
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
  ///   - expansion: bytes in memory for each on disk, of what the table keeps of an item whose key is new.
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
        if bucket == 0 {
          width = HashBuckets.width(
            forBytes: self.byteCount(ofShard: shard, scope) * expansion, allowance: allowance)
        }
        let buckets = bucket..<Swift.min(bucket + width, HashBuckets.count)
        let isAll = buckets.count == HashBuckets.count
        // Local, so that the loop over elements is free of what captured variables cost.
        var table = FoldTable<Key, Value>(hash)
        var held = 0
        let read = try self.blocks(ofShard: shard, scope)
        while let block = try read() {
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
            if held > 2 * allowance, let tooLarge { throw tooLarge(table.keys, table.values) }
          }
        }
        bucket = buckets.upperBound
        if bucket == HashBuckets.count {
          bucket = 0
          shard += 1
        }
        order = HashBuckets.order(table.hashes)
        keys = table.keys
        values = table.values
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
