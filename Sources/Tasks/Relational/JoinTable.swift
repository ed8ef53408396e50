import Graph

/// The right side of a join in memory: its records, and an index from keys to them.
///
/// Open addressing, as in `GroupTable`: a slot holds the upper half of the hash and one more than the number of the first
/// record with a key; from there, each record says which is the next one with the same.
final class JoinTable: TaskValue {
  static let kind = "join table"

  /// The records, and behind them one of nulls.
  let records: Table
  /// Names of the columns that make the key, in the order of the join's.
  let keys: [String]
  /// How many records there are.
  let count: Int
  private let keyColumns: [JoinKeyColumn]
  private let slots: Buffer
  /// -1 behind the last.
  private let next: Buffer
  private let mask: Int

  /// What records become beside themselves, with what making it takes, in bytes.
  ///
  /// - Parameter keys: types of the key's columns.
  static func indexBytes(count: Int, keys: [ColumnType]) -> Int {
    count * (24 + 4 + 8 + 8 * keys.count { $0 != .utf8 })
  }

  private static let upperHalf: UInt64 = 0xFFFF_FFFF_0000_0000

  /// A record of nulls, which stands behind the others.
  static func nullRecord(_ names: [String], _ types: [ColumnType]) -> Table {
    Table(names: names, columns: types.map { Column.nulls(of: $0, count: 1) }, count: 1)
  }

  /// - Parameters:
  ///   - records: the last one of nulls.
  ///   - keys: names of columns of no lists or structures.
  /// - Throws: `TaskError` with code `.missingColumn`.
  init(records: Table, keys: [String]) throws {
    self.records = records
    self.keys = keys
    let count = records.count - 1
    self.count = count
    let columns = try keys.map { try records.column($0) }
    let batch = KeyBatch(columns)
    let words = columns.map { _ in PieceBuilder() }
    var hashes = BufferBuilder(capacity: count * 8)
    // Records without a key are not found.
    var hasKey = [Bool](repeating: true, count: columns.contains { $0.nullCount > 1 } ? count : 0)
    for start in stride(from: 0, to: count, by: KeyBatch.mostRows) {
      let rows = start..<min(start + KeyBatch.mostRows, count)
      batch.load(rows)
      for (number, column) in batch.columns.enumerated() where column.cells == nil {
        words[number].builder.append(UnsafeRawBufferPointer(start: column.words, count: rows.count * 8))
      }
      hashes.append(UnsafeRawBufferPointer(start: batch.hashes, count: rows.count * 8))
      if !hasKey.isEmpty { for (index, row) in rows.enumerated() { hasKey[row] = batch.nulls[index] == 0 } }
    }
    var capacity = 16
    while capacity * 2 < count * 3 { capacity *= 2 }
    let mask = capacity - 1
    let keyColumns = zip(columns, words).map { JoinKeyColumn($0, words: $1.taken()) }
    let hashesOfAll = hashes.finish()
    self.mask = mask
    self.keyColumns = keyColumns
    (slots, next) = withExtendedLifetime(hashesOfAll) {
      JoinTable.index(
        hashesOfAll.elements(of: UInt64.self).baseAddress!, count: count, mask: mask, hasKey: hasKey, keyColumns)
    }
  }

  /// Puts the records in from the last to the first, so that each stands before those that were there.
  private static func index(
    _ hashes: UnsafePointer<UInt64>, count: Int, mask: Int, hasKey: [Bool], _ keys: [JoinKeyColumn]
  ) -> (slots: Buffer, next: Buffer) {
    var slots = BufferBuilder(capacity: (mask + 1) * 8)
    slots.appendDirect(most: (mask + 1) * 8) {
      $0.initialize(repeating: 0, count: (mask + 1) * 8)
      return (mask + 1) * 8
    }
    var next = BufferBuilder(capacity: count * 4)
    next.appendDirect(most: count * 4) {
      $0.initialize(repeating: 0xFF, count: count * 4)
      return count * 4
    }
    let table = slots.base.assumingMemoryBound(to: UInt64.self)
    let followers = next.base.assumingMemoryBound(to: Int32.self)
    for row in stride(from: count - 1, through: 0, by: -1) where hasKey.isEmpty || hasKey[row] {
      let high = hashes[row] & upperHalf
      var place = Int(truncatingIfNeeded: hashes[row]) & mask
      while table[place] != 0 {
        if table[place] & upperHalf == high {
          let other = Int(table[place] & 0xFFFF_FFFF) - 1
          if keys.allSatisfy({ $0.equals(row, other) }) {
            followers[row] = Int32(truncatingIfNeeded: other)
            break
          }
        }
        place = (place + 1) & mask
      }
      table[place] = high | UInt64(row + 1)
    }
    return (slots.finish(), next.finish())
  }

  // MARK: - Looking up

  /// Finds for each row of the batch the first record with its key, or -1.
  ///
  /// Most are found where they are looked for first: for all rows at once, so that loads do not wait for each other.
  func find(_ batch: KeyBatch, into found: UnsafeMutablePointer<Int32>) {
    let slots = slots.elements(of: UInt64.self).baseAddress!
    let hashes = batch.hashes
    for row in 0..<batch.rows.count {
      let slot = slots[Int(truncatingIfNeeded: hashes[row]) & mask]
      let isLikely = (slot ^ hashes[row]) & JoinTable.upperHalf == 0
      found[row] = slot == 0 ? -1 : isLikely ? Int32(truncatingIfNeeded: Int(slot & 0xFFFF_FFFF) - 1) : -2
    }
    if batch.hasNulls { for row in 0..<batch.rows.count where batch.nulls[row] != 0 { found[row] = -1 } }
    for (column, own) in zip(batch.columns, keyColumns) { own.dropUnequal(column, batch.rows, found) }
    for row in 0..<batch.rows.count where found[row] == -2 { found[row] = find(batch, row, slots) }
  }

  private func find(_ batch: KeyBatch, _ row: Int, _ slots: UnsafePointer<UInt64>) -> Int32 {
    let high = batch.hashes[row] & JoinTable.upperHalf
    var place = Int(truncatingIfNeeded: batch.hashes[row]) & mask
    while slots[place] != 0 {
      if slots[place] & JoinTable.upperHalf == high {
        let record = Int(slots[place] & 0xFFFF_FFFF) - 1
        let isEqual = zip(batch.columns, keyColumns).allSatisfy { column, own in
          own.equals(record, column, batch.rows.lowerBound + row, row)
        }
        if isEqual { return Int32(truncatingIfNeeded: record) }
      }
      place = (place + 1) & mask
    }
    return -1
  }

  /// For each record the next one with its key, or -1.
  func withFollowers<R>(_ body: (UnsafePointer<Int32>) throws -> R) rethrows -> R {
    try withExtendedLifetime(next) { try body(UnsafePointer(next.base.assumingMemoryBound(to: Int32.self))) }
  }

  // MARK: - As a value

  var byteCount: Int { records.byteCount + slots.count + next.count + keyColumns.reduce(0) { $0 + $1.byteCount } }
  var rowCount: Int? { count }

  // In a file: Int64 keys, each as Int64 length and bytes, padding to 64 bytes, the records. The index is made anew.

  func write(to sink: any ByteSink) throws {
    var head = BufferBuilder()
    head.append(Int64(keys.count))
    for key in keys {
      head.append(Int64(key.utf8.count))
      head.append(key)
    }
    while head.count % 64 != 0 { head.append(UInt8(0)) }
    try sink.write(head.bytes)
    try records.write(to: sink)
  }

  convenience init(contentsOf buffer: Buffer) throws {
    let damaged = TaskError(.corruptValue, "a stored table of a join is damaged; resume computes it again")
    var place = 0
    func number() throws -> Int {
      guard place <= buffer.count - 8 else { throw damaged }
      defer { place += 8 }
      return Int(buffer.bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
    }
    let keyCount = try number()
    guard (1..<KeyBatch.mostColumns).contains(keyCount) else { throw damaged }
    var keys: [String] = []
    for _ in 0..<keyCount {
      let length = try number()
      guard length >= 0, length <= buffer.count - place else { throw damaged }
      keys.append(String(decoding: buffer.bytes[place..<place + length], as: UTF8.self))
      place += length
    }
    place = (place + 63) / 64 * 64
    guard place <= buffer.count else { throw damaged }
    let records = try Table(contentsOf: buffer.slice(place..<buffer.count))
    guard records.count >= 1, keys.allSatisfy({ records[$0]?.type.isNested == false }) else { throw damaged }
    try self.init(records: records, keys: keys)
  }

  func preview(limit: Int) -> ValuePreview { records.preview(limit: min(limit, count)) }
}

/// One key column of a join's right side: text as it lies in the records, all else as words. Nothing changes any more what
/// its pointers lead to.
private struct JoinKeyColumn: @unchecked Sendable {
  private let column: Column
  private let cells: StringCells?
  private let words: Buffer

  init(_ column: Column, words: Buffer) {
    self.column = column
    // The column keeps the memory alive.
    cells = column.type == .utf8 ? column.withStrings { $0 } : nil
    self.words = words
  }

  var byteCount: Int { words.count }

  @inline(__always)
  private var base: UnsafePointer<UInt64> { UnsafePointer(words.base.assumingMemoryBound(to: UInt64.self)) }

  /// Whether two records have the same value; neither is null.
  @inline(__always)
  func equals(_ record: Int, _ other: Int) -> Bool {
    if let cells { sameBytes(cells[record], cells[other]) } else { base[record] == base[other] }
  }

  /// Whether a record has the value of a batch's row, which is at `index` in it.
  @inline(__always)
  func equals(_ record: Int, _ column: KeyBatchColumn, _ row: Int, _ index: Int) -> Bool {
    if let cells { sameBytes(cells[record], column.cells![row]) } else { base[record] == column.words[index] }
  }

  /// Makes those records -2 that have another value than the batch's row.
  func dropUnequal(_ column: KeyBatchColumn, _ rows: Range<Int>, _ found: UnsafeMutablePointer<Int32>) {
    if cells == nil {
      let (own, words) = (base, column.words)
      for row in 0..<rows.count where found[row] >= 0 && own[Int(found[row])] != words[row] { found[row] = -2 }
    } else {
      for row in 0..<rows.count where found[row] >= 0 {
        if !equals(Int(found[row]), column, rows.lowerBound + row, row) { found[row] = -2 }
      }
    }
  }
}
