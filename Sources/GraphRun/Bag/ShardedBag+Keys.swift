import Graph
import Tasks

// What is made of the items of each key, shard by shard: a shard once where what is held of it fits, else some of its buckets
// at a time. What comes out is ordered by shard, bucket and first occurrence.

/// Goes through some shards, each as often as memory asks for.
@usableFromInline
final class ShardPasses<Item: Codable & Sendable> {
  @usableFromInline let reading: ShardReading<Item>
  private let end: Int
  private let allowance: Int
  private let expansion: Int
  private var shard: Int
  private var bucket = 0
  /// Buckets of one time through; 0 where it is to be found out.
  private var width = 0

  /// - Parameter expansion: bytes in memory for each on disk, as far as one can tell before; 0 to begin with all buckets.
  @usableFromInline
  init(_ shards: ShardedBag<Item>, _ range: Range<Int>, _ scope: ReadScope, expansion: Int) {
    reading = ShardReading(shards, scope, end: range.upperBound)
    shard = range.lowerBound
    end = range.upperBound
    allowance = scope.allowance
    self.expansion = expansion
  }

  /// The next time through; `nil` at the end.
  @usableFromInline
  func pass() -> (shard: Int, buckets: Range<Int>)? {
    guard shard < end else { return nil }
    if width == 0 {
      width = HashBuckets.width(forBytes: reading.byteCount(ofShard: shard) * expansion, allowance: allowance)
    }
    return (shard, bucket..<Swift.min(bucket + width, HashBuckets.count))
  }

  /// That was too much: the next time half as many.
  @usableFromInline
  func retry(_ buckets: Range<Int>) { width = (buckets.count + 1) / 2 }

  @usableFromInline
  func finish(_ buckets: Range<Int>) {
    bucket = buckets.upperBound
    guard bucket == HashBuckets.count else { return }
    (bucket, width) = (0, 0)
    shard += 1
  }

  /// Items of a shard, if they are of one size.
  @usableFromInline
  func itemCount(_ shard: Int) -> Int {
    reading.byteCount(ofShard: shard) / Swift.max(MemoryLayout<Item>.stride, 1)
  }
}

extension ShardedBag {
  /// The items of some shards, folded by key. Where a table of values grows too large, half as many buckets are tried.
  ///
  /// - Parameters:
  ///   - first: a key's first value.
  ///   - next: folds another item in; values do not grow with their number.
  @inlinable
  func folded<Key: Hashable & Codable & Sendable, Value, Output>(
    shards: Range<Int>, _ scope: ReadScope, hash: KeyHash<Key>, key: @escaping (Item) throws -> Key,
    first: @escaping (Item) throws -> Value, next: @escaping (inout Value, Item) throws -> Void,
    finish: @escaping (Key, consuming Value) throws -> Output, expansion: Int = 4
  ) throws -> BlockReader<Output> {
    let allowance = scope.allowance
    let passes = ShardPasses(self, shards, scope, expansion: expansion)
    var keys = ContiguousArray<Key>()
    var values = ContiguousArray<Value>()
    var order: [Int32] = []
    var position = 0
    return {
      while position == order.count {
        guard let (shard, buckets) = passes.pass() else { return nil }
        let isAll = buckets.count == HashBuckets.count
        // Local, so that the loop over elements is free of what captured variables cost.
        // Of items as many as a shard's there may be as many keys; as a rule each comes some times.
        let most = allowance / 2 / (MemoryLayout<Key>.stride + MemoryLayout<Value>.stride + 40)
        var table = FoldTable<Key, Value>(hash, expecting: isAll ? Swift.min(passes.itemCount(shard) / 2, most) : 0)
        var isTooLarge = false
        let read = passes.reading.blocks(ofShard: shard)
        while !isTooLarge, let block = try read() {
          for item in block {
            let itemKey = try key(item)
            let hashOfKey = hash(itemKey)
            if !isAll, !buckets.contains(HashBuckets.bucket(of: hashOfKey)) { continue }
            try table.fold(itemKey, hashed: hashOfKey, first: { try first(item) }, next: { try next(&$0, item) })
          }
          isTooLarge = buckets.count > 1 && table.isLarger(than: allowance)
        }
        if isTooLarge {
          passes.retry(buckets)
          continue
        }
        passes.finish(buckets)
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

  /// All items of each key in some shards, in their order: they are counted first, and then put into their places.
  ///
  /// - Throws: when read, what `tooLarge` makes of a key and its items, for the one that has the most of a bucket that does
  ///   not fit.
  @inlinable
  func grouped<Key: Hashable & Codable & Sendable, Output>(
    shards: Range<Int>, _ scope: ReadScope, hash: KeyHash<Key>, key: @escaping (Item) throws -> Key,
    finish: @escaping (Key, [Item]) throws -> Output,
    tooLarge: @escaping (Key, ContiguousArray<Item>) -> TaskError
  ) throws -> BlockReader<Output> {
    let allowance = scope.allowance
    let passes = ShardPasses(self, shards, scope, expansion: 3)
    var groups = ItemGroups<Key, Item>()
    var order: [Int32] = []
    var position = 0
    return {
      while position == order.count {
        guard let (shard, buckets) = passes.pass() else { return nil }
        let isAll = buckets.count == HashBuckets.count
        var table = FoldTable<Key, UInt32>(hash)
        var items = ContiguousArray<Item>()
        var owners = ContiguousArray<UInt32>()
        if isAll, _isPOD(Item.self) {
          items.reserveCapacity(passes.itemCount(shard))
          owners.reserveCapacity(passes.itemCount(shard))
        }
        var held = 0
        let read = passes.reading.blocks(ofShard: shard)
        while let block = try read() {
          let before = items.count
          for item in block {
            let itemKey = try key(item)
            if !isAll, !buckets.contains(HashBuckets.bucket(of: hash(itemKey))) { continue }
            let new = UInt32(truncatingIfNeeded: table.count)
            var owner = new
            table.fold(itemKey, first: { new }, next: { owner = $0 })
            items.append(item)
            owners.append(owner)
          }
          held += ElementCodec.byteCount(isAll ? block : ContiguousArray(items[before...]))
          // Whoever takes a bucket at a time cannot take less.
          if held > 2 * allowance {
            var counts = ContiguousArray(repeating: 0, count: table.count)
            for owner in owners { counts[Int(owner)] += 1 }
            let largest = counts.indices.max { counts[$0] < counts[$1] } ?? 0
            // Only those: memory is short.
            var own = ContiguousArray<Item>()
            for (item, owner) in zip(items, owners) where Int(owner) == largest { own.append(item) }
            throw tooLarge(table.takeEntries().keys[largest], own)
          }
        }
        passes.finish(buckets)
        let all = table.takeEntries()
        order = HashBuckets.order(all.hashes)
        groups = ItemGroups(all.keys, items, owners)
        position = 0
      }
      let end = Swift.min(position + blockLength, order.count)
      defer { position = end }
      return try ContiguousArray(mapping: ContiguousArray(order[position..<end])) {
        try finish(groups.keys[Int($0)], groups[Int($0)])
      }
    }
  }
}

/// Items, those of one key behind one another.
@usableFromInline
struct ItemGroups<Key, Item> {
  @usableFromInline let keys: ContiguousArray<Key>
  @usableFromInline let items: ContiguousArray<Item>
  /// Where each key's begin, and the end of the last.
  @usableFromInline let starts: ContiguousArray<Int>

  @inlinable
  init() { (keys, items, starts) = ([], [], [0]) }

  /// - Parameter owners: which key each item has.
  @inlinable
  init(_ keys: ContiguousArray<Key>, _ items: ContiguousArray<Item>, _ owners: ContiguousArray<UInt32>) {
    self.keys = keys
    var starts = ContiguousArray(repeating: 0, count: keys.count + 1)
    for owner in owners { starts[Int(owner) + 1] += 1 }
    for key in keys.indices { starts[key + 1] += starts[key] }
    var next = starts
    self.starts = starts
    self.items = ContiguousArray(unsafeUninitializedCapacity: items.count) { sorted, count in
      next.withUnsafeMutableBufferPointer { next in
        for (item, owner) in zip(items, owners) {
          (sorted.baseAddress! + next[Int(owner)]).initialize(to: item)
          next[Int(owner)] &+= 1
        }
      }
      count = items.count
    }
  }

  /// A key's items, in their order.
  @inlinable
  subscript(key: Int) -> [Item] { Array(items[starts[key]..<starts[key + 1]]) }
}
