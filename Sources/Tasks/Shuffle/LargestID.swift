import Graph

// Finds the ID with the most bytes in a shard that does not fit into memory, in little memory itself: a first time through,
// bytes are added up by some bits of the hash; a second time, ID by ID, for the heaviest of these buckets alone. Where one of
// those IDs has more than any bucket that was left out, it is the largest; else the heaviest left out bounds them all.

/// Looks through a shard for the ID that has the most.
struct LargestID {
  let text: String
  private(set) var bytes = 0
  private(set) var rows = 0

  private static let bucketBits: UInt64 = 14
  private static let lookedInto = 64

  /// What finding it takes in memory, beside a piece.
  static let byteCount = (8 << bucketBits) + (1 << 20)

  /// - Returns: the largest ID, where it is certain; and what none has more than.
  static func find(
    _ key: String, of shard: Int, in sets: [ShardSet], _ context: any TaskContext
  ) throws -> (id: LargestID?, most: Int) {
    var buckets = [Int](repeating: 0, count: 1 << bucketBits)
    try forEachRow(key, of: shard, in: sets, context) { hash, bytes, _, _ in buckets[bucket(of: hash)] += bytes }
    let heaviest = buckets.indices.sorted { (buckets[$0], $1) > (buckets[$1], $0) }
    let chosen = Set(heaviest.prefix(lookedInto))
    var found: [UInt64: LargestID] = [:]
    try forEachRow(key, of: shard, in: sets, context) { hash, bytes, ids, row in
      guard chosen.contains(bucket(of: hash)) else { return }
      found[hash, default: LargestID(text: ids.text(at: row))].add(bytes)
    }
    let bound = buckets[heaviest[lookedInto]]
    guard let largest = found.values.max(by: { ($0.bytes, $1.text) < ($1.bytes, $0.text) }) else { return (nil, bound) }
    return largest.bytes >= bound ? (largest, largest.bytes) : (nil, bound)
  }

  private mutating func add(_ more: Int) {
    bytes += more
    rows += 1
  }

  /// Other bits than those that decided about the shard.
  private static func bucket(of hash: UInt64) -> Int { Int(StableHash.of(hash) >> (64 - bucketBits)) }

  private static func forEachRow(
    _ key: String, of shard: Int, in sets: [ShardSet], _ context: any TaskContext,
    _ body: (_ hash: UInt64, _ bytes: Int, _ ids: KeyColumn, _ row: Int) -> Void
  ) throws {
    var sizes: [Int] = []
    try RowShards.forEachTable(of: shard, in: sets, context) { table in
      sizes = [Int](repeating: 0, count: table.count)
      sizes.withUnsafeMutableBufferPointer { table.addByteCounts(to: $0) }
      let ids = try KeyColumn(table, key, file: nil)
      let batch = KeyBatch([ids.column])
      for start in stride(from: 0, to: table.count, by: KeyBatch.mostRows) {
        let rows = start..<min(start + KeyBatch.mostRows, table.count)
        batch.load(rows)
        for (index, row) in rows.enumerated() { body(batch.hashes[index], sizes[row], ids, row) }
      }
    }
  }
}
