import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// Keys of several columns, in a form that hashing and comparing a row costs a few loads: every cell of fixed width is a
// word of 64 bits, and one word a row says which cells are null. What changes lies behind pointers: stored properties of
// classes are checked at every access.

/// A batch of rows' key cells, ready to be compared.
final class KeyBatch {
  /// Rows in a batch at most.
  static let mostRows = 2048

  let columns: [KeyBatchColumn]
  let hashes: UnsafeMutablePointer<UInt64>
  /// A bit a column: whether the cell is null.
  let nulls: UnsafeMutablePointer<UInt64>
  private let range = UnsafeMutablePointer<Range<Int>>.allocate(capacity: 1)

  /// Those that are loaded.
  @inline(__always)
  var rows: Range<Int> { range.pointee }

  /// More columns than a word has bits.
  static let mostColumns = 64

  /// Whether any cell of the columns is null.
  let hasNulls: Bool

  init(_ columns: [Column]) {
    hasNulls = columns.contains { $0.nullCount > 0 }
    precondition(columns.count <= KeyBatch.mostColumns, "too many key columns")
    self.columns = columns.map(KeyBatchColumn.init)
    hashes = .allocate(capacity: KeyBatch.mostRows)
    nulls = .allocate(capacity: KeyBatch.mostRows)
    range.initialize(to: 0..<0)
  }

  deinit {
    hashes.deallocate()
    nulls.deallocate()
    range.deallocate()
  }

  /// Makes ready the rows, at most `mostRows`.
  func load(_ rows: Range<Int>) {
    range.pointee = rows
    nulls.update(repeating: 0, count: rows.count)
    for (number, column) in columns.enumerated() {
      column.load(rows, bit: 1 << UInt64(number), nulls: nulls)
      column.hash(rows, isFirst: number == 0, nulls: nulls, bit: 1 << UInt64(number), into: hashes)
    }
    if columns.isEmpty { hashes.update(repeating: 0, count: rows.count) }
  }
}

/// One key column of a batch.
final class KeyBatchColumn {
  let column: Column
  /// Of a column of strings.
  let cells: StringCells?
  /// Cells of fixed width: equal if and only if the values are. -0 and 0 are equal, and so is all that is no number.
  let words: UnsafeMutablePointer<UInt64>

  init(_ column: Column) {
    self.column = column
    // The column keeps the memory alive.
    cells = column.type == .utf8 ? column.withStrings { $0 } : nil
    words = .allocate(capacity: cells == nil ? KeyBatch.mostRows : 1)
  }

  deinit { words.deallocate() }

  private static let ofNull = StableHash.combine(1, 0)

  fileprivate func load(_ rows: Range<Int>, bit: UInt64, nulls: UnsafeMutablePointer<UInt64>) {
    switch column.type {
    case .int8: put(rows, column.values(as: Int8.self)) { UInt64(bitPattern: Int64($0)) }
    case .int32, .date: put(rows, column.values(as: Int32.self)) { UInt64(bitPattern: Int64($0)) }
    case .int64, .timestamp: put(rows, column.values(as: UInt64.self)) { $0 }
    case .float32: put(rows, column.values(as: Float.self)) { KeyBatchColumn.word(Double($0)) }
    case .float64: put(rows, column.values(as: Double.self)) { KeyBatchColumn.word($0) }
    case .bool: for (index, row) in rows.enumerated() { words[index] = column.bit(at: row) ? 1 : 0 }
    case .utf8: break
    case .list, .vector, .structure: preconditionFailure("a list is no key")
    }
    guard column.nullCount > 0, let validity = column.validity else { return }
    let bits = validity.base.assumingMemoryBound(to: UInt8.self)
    for (index, row) in rows.enumerated() where bits[row >> 3] & (1 << UInt8(row & 7)) == 0 {
      nulls[index] |= bit
      if cells == nil { words[index] = 0 }
    }
  }

  @inline(__always)
  private func put<T: BitwiseCopyable>(
    _ rows: Range<Int>, _ values: UnsafeBufferPointer<T>, _ word: (T) -> UInt64
  ) {
    let base = values.baseAddress! + rows.lowerBound
    for index in 0..<rows.count { words[index] = word(base[index]) }
  }

  @inline(__always)
  private static func word(_ number: Double) -> UInt64 {
    number == 0 ? 0 : number.isNaN ? Double.nan.bitPattern : number.bitPattern
  }

  fileprivate func hash(
    _ rows: Range<Int>, isFirst: Bool, nulls: UnsafeMutablePointer<UInt64>, bit: UInt64,
    into hashes: UnsafeMutablePointer<UInt64>
  ) {
    if let cells {
      for (index, row) in rows.enumerated() {
        let own =
          nulls[index] & bit == 0 ? StableHash.of(UnsafeRawBufferPointer(cells[row])) : KeyBatchColumn.ofNull
        hashes[index] = isFirst ? own : StableHash.combine(hashes[index], own)
      }
    } else if column.nullCount == 0 {
      if isFirst {
        for index in 0..<rows.count { hashes[index] = StableHash.of(words[index]) }
      } else {
        for index in 0..<rows.count { hashes[index] = StableHash.combine(hashes[index], words[index]) }
      }
    } else {
      for index in 0..<rows.count {
        let isNull = nulls[index] & bit != 0
        let own = isNull ? KeyBatchColumn.ofNull : isFirst ? StableHash.of(words[index]) : words[index]
        hashes[index] = isFirst ? own : StableHash.combine(hashes[index], own)
      }
    }
  }
}
