import Graph

/// For each record of a table whether a condition is true, false, or, with neither bit set, unknown: SQL's third value,
/// what a comparison with null gives.
///
/// 64 records a word. `and`, `or` and `not` are those of SQL, and need no branch: unknown and false is false, because one
/// false bit is enough, and unknown or true is true.
struct Truth {
  private(set) var yes: [UInt64]
  private(set) var no: [UInt64]
  let count: Int

  /// The same for all records; `nil` for unknown.
  init(_ value: Bool?, count: Int) {
    let ones = Truth.words(count) { _ in ~0 }
    let zeros = [UInt64](repeating: 0, count: ones.count)
    yes = value == true ? ones : zeros
    no = value == false ? ones : zeros
    self.count = count
  }

  /// Asks `test` for each record, 64 at a time: a word with the bit of each that it holds for.
  init(count: Int, _ test: (_ firstRow: Int, _ count: Int) throws -> UInt64) rethrows {
    self.count = count
    let wordCount = (count + 63) / 64
    yes = []
    no = []
    yes.reserveCapacity(wordCount)
    no.reserveCapacity(wordCount)
    for word in 0..<wordCount {
      let rows = min(64, count - word * 64)
      let mask = rows == 64 ? ~0 : (UInt64(1) << UInt64(rows)) - 1
      let bits = try test(word * 64, rows) & mask
      yes.append(bits)
      no.append(~bits & mask)
    }
  }

  private static func words(_ count: Int, _ word: (Int) -> UInt64) -> [UInt64] {
    (0..<(count + 63) / 64).map { index in
      let rows = min(64, count - index * 64)
      return word(index) & (rows == 64 ? ~0 : (UInt64(1) << UInt64(rows)) - 1)
    }
  }

  /// Whether a cell is null; never unknown.
  init(isNull column: Column) {
    yes = Truth.words(column.count) { ~column.validWord($0) }
    no = Truth.words(column.count) { column.validWord($0) }
    count = column.count
  }

  /// Makes unknown what was compared with a null of `column`.
  mutating func mask(by column: Column) {
    guard column.nullCount > 0 else { return }
    for word in yes.indices {
      let valid = column.validWord(word)
      yes[word] &= valid
      no[word] &= valid
    }
  }

  /// Makes unknown what is false: not in a list with null in it.
  mutating func forgetFalse() { no = [UInt64](repeating: 0, count: no.count) }

  mutating func and(_ other: Truth) {
    for word in yes.indices {
      yes[word] &= other.yes[word]
      no[word] |= other.no[word]
    }
  }

  mutating func or(_ other: Truth) {
    for word in yes.indices {
      yes[word] |= other.yes[word]
      no[word] &= other.no[word]
    }
  }

  mutating func negate() { swap(&yes, &no) }

  /// How many records the condition is true for.
  var trueCount: Int { yes.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// The numbers of these records, as `Table.rows(at:)` takes them.
  func trueRows() -> Buffer {
    var out = BufferBuilder(capacity: trueCount * 4)
    for (index, word) in yes.enumerated() {
      var rest = word
      while rest != 0 {
        out.append(Int32(truncatingIfNeeded: index * 64 + rest.trailingZeroBitCount))
        rest &= rest - 1
      }
    }
    return out.finish()
  }
}

extension Column {
  /// Of 64 cells from `word` · 64 on those that hold a value, lowest bit first; bits behind the last cell mean nothing.
  @inline(__always)
  fileprivate func validWord(_ word: Int) -> UInt64 {
    guard let validity else { return ~0 }
    let start = word * 8
    if start + 8 <= validity.count {
      return UInt64(littleEndian: validity.base.loadUnaligned(fromByteOffset: start, as: UInt64.self))
    }
    var bits: UInt64 = 0
    for byte in start..<validity.count { bits |= UInt64(validity.bytes[byte]) << UInt64((byte - start) * 8) }
    return bits
  }
}
