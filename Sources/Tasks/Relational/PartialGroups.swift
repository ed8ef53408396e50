import Graph

/// The small table of the first half: gathers rows by key and gives its states away when it is full.
final class PartialGroups {
  /// Bytes of a full table.
  static let mostBytes = 4 << 20
  private static let mostGroups = 1 << 16
  /// So many rows are looked at before the table is judged.
  private static let trial = 1 << 14

  private let stream: Int
  private let batch: KeyBatch
  /// Of the columns that choose the shard: all, or all but the last.
  private let shardBatch: KeyBatch?
  private let shardHashes = Box<UInt64>()
  private let table: GroupTable
  private let accumulators: [(any Accumulator, Column?)]
  private let writer: StateShardWriter
  private let found = UnsafeMutablePointer<Int32>.allocate(capacity: KeyBatch.mostRows)
  /// Rows since the table was empty.
  private var taken = 0
  /// Whether nearly every row has a key of its own, so that looking for others is in vain.
  private var passesThrough = false
  /// Rows that pass through as they are.
  private var passing = 0..<0

  /// - Parameters:
  ///   - keys: the columns that make the key; a null in the last one leaves the row out if it does not choose the shard.
  ///   - keyCount: how many of them choose the shard.
  init(
    stream: Int, keys: [Column], keyCount: Int, accumulators: [(any Accumulator, Column?)], writer: StateShardWriter
  ) {
    self.stream = stream
    batch = KeyBatch(keys)
    shardBatch = keyCount < keys.count ? KeyBatch(Array(keys.prefix(keyCount))) : nil
    table = GroupTable(keys.map(\.type))
    self.accumulators = accumulators
    self.writer = writer
  }

  deinit { found.deallocate() }

  /// Takes up rows, at most `KeyBatch.mostRows`.
  func take(_ rows: Range<Int>) throws {
    if passesThrough, accumulators.isEmpty {
      passing = (passing.isEmpty ? rows.lowerBound : passing.lowerBound)..<rows.upperBound
      if passing.count >= PartialGroups.mostGroups { try pass() }
      return
    }
    batch.load(rows)
    let known = table.count
    if passesThrough { table.addAll(batch, into: found) } else { table.find(batch, into: found) }
    for (accumulator, column) in accumulators {
      accumulator.grow(to: table.count)
      accumulator.update(column, rows, found)
    }
    if let shardBatch {
      shardBatch.load(rows)
      shardHashes.grow(to: table.count, 0)
      for index in 0..<rows.count where Int(found[index]) >= known {
        shardHashes.base[Int(found[index])] = shardBatch.hashes[index]
      }
    }
    taken += rows.count
    if !passesThrough, taken >= PartialGroups.trial, taken < PartialGroups.trial * 2, table.count > taken / 4 * 3 {
      passesThrough = true
      try flush()
    } else if table.count >= PartialGroups.mostGroups || byteCount >= PartialGroups.mostBytes {
      try flush()
    }
  }

  private var byteCount: Int { accumulators.reduce(table.byteCount) { $0 + $1.0.byteCount } }

  /// Gives away what was gathered.
  func flush() throws {
    try pass()
    guard table.count > 0 else { return }
    let count = writer.shardCount
    let (order, starts) =
      shardBatch == nil
      ? table.ordered(by: count) { _, hash in StableHash.shard(of: hash, count: count) }
      : table.ordered(by: count) { group, _ in StableHash.shard(of: self.shardHashes.base[group], count: count) }
    try writer.append(stream: stream, order, starts: starts) { groups in
      try accumulators.reduce(into: table.keys.columns(groups)) { $0 += try $1.0.states(groups) }
    }
    table.removeAll()
    shardHashes.removeAll()
    for (accumulator, _) in accumulators { accumulator.removeAll() }
    taken = passesThrough ? PartialGroups.trial * 2 : 0
  }

  /// Gives away rows as they are.
  private func pass() throws {
    guard !passing.isEmpty else { return }
    let count = writer.shardCount
    let batch = shardBatch ?? batch
    var starts = [Int](repeating: 0, count: count + 1)
    var shards = [Int32](repeating: 0, count: passing.count)
    for start in stride(from: passing.lowerBound, to: passing.upperBound, by: KeyBatch.mostRows) {
      let rows = start..<min(start + KeyBatch.mostRows, passing.upperBound)
      batch.load(rows)
      for index in 0..<rows.count {
        let shard = StableHash.shard(of: batch.hashes[index], count: count)
        shards[start - passing.lowerBound + index] = Int32(truncatingIfNeeded: shard)
        starts[shard + 1] += 1
      }
    }
    for shard in 0..<count { starts[shard + 1] += starts[shard] }
    var next = starts
    var order = [Int32](repeating: 0, count: passing.count)
    for (place, shard) in shards.enumerated() {
      order[next[Int(shard)]] = Int32(truncatingIfNeeded: passing.lowerBound + place)
      next[Int(shard)] += 1
    }
    let keys = self.batch.columns.map(\.column)
    try writer.append(stream: stream, order, starts: starts) { rows in try keys.map { try $0.cells(at: rows) } }
    passing = 0..<0
  }
}
