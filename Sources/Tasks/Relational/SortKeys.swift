import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What records are sorted by: columns, each upwards or downwards, and where nulls go.
struct SortOrder: Hashable, Sendable {
  struct Key: Hashable, Sendable {
    let column: String
    let isDescending: Bool
  }

  let keys: [Key]
  let nullsFirst: Bool

  init(keys: [Key], nullsFirst: Bool) {
    self.keys = keys
    self.nullsFirst = nullsFirst
  }

  /// - Parameters:
  ///   - texts: names of columns, each with " asc" or " desc" behind it or nothing.
  ///   - isDescending: whether nothing stands for "desc".
  /// - Throws: `ParameterError` for none, or a column that is named twice.
  init(_ texts: [String], isDescending usually: Bool = false, nullsFirst: Bool, parameter: String) throws {
    self.nullsFirst = nullsFirst
    keys = texts.map { text in
      for (ending, isDescending) in [(" desc", true), (" asc", false)] where text.lowercased().hasSuffix(ending) {
        return Key(column: String(text.dropLast(ending.count)), isDescending: isDescending)
      }
      return Key(column: text, isDescending: usually)
    }
    guard !keys.isEmpty else { throw ParameterError(parameter, "name at least one column") }
    if let name = keys.map(\.column).firstRepeated {
      throw ParameterError(parameter, "column \"\(name)\" is named twice")
    }
  }
}

/// Rows' keys as bytes that compare as the rows do.
///
/// A byte says whether there is a value, and where nulls go; then come eight bytes, the highest first, or the bytes of a text
/// with zeros made two and two at its end. Downwards, they are inverted.
struct SortKeys: ~Copyable {
  private var bytes = BufferBuilder()
  private var ends: [Int] = []

  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  init(_ table: Table, _ order: SortOrder, rows: Range<Int>, file: String?) throws {
    let columns = try order.keys.map { key in
      let column = try table.column(key.column, file: file)
      guard !column.type.isNested else {
        throw TaskError(
          .wrongType, "column \"\(key.column)\" holds \(column.type), which has no order; sort by another", file: file)
      }
      return (column, key.isDescending)
    }
    ends.reserveCapacity(rows.count)
    for row in rows {
      for (column, isDescending) in columns {
        guard !column.isNull(row) else {
          bytes.append(UInt8(order.nullsFirst ? 0 : 2))
          continue
        }
        bytes.append(UInt8(1))
        if column.type == .utf8 {
          column.withStrings { SortKeys.put($0[row], isDescending, &bytes) }
        } else {
          let word = UInt64(bitPattern: SortKeys.rank(column, row)) ^ (1 << 63)
          bytes.append((isDescending ? ~word : word).bigEndian)
        }
      }
      ends.append(bytes.count)
    }
  }

  private static func rank(_ column: Column, _ row: Int) -> Int64 {
    guard column.type == .float32 || column.type == .float64 else { return column.integer(at: row) ?? 0 }
    let number = column.number(at: row) ?? 0
    // -0 and 0 are equal, and what is no number is the greatest.
    let bits = Int64(bitPattern: number == 0 ? 0 : number.isNaN ? Double.nan.bitPattern : number.bitPattern)
    return bits >= 0 ? bits : bits ^ .max
  }

  private static func put(_ text: UnsafeBufferPointer<UInt8>, _ isDescending: Bool, _ out: inout BufferBuilder) {
    let flip: UInt8 = isDescending ? 0xFF : 0
    out.reserve(text.count * 2 + 2)
    for byte in text {
      out.append(byte ^ flip)
      if byte == 0 { out.append(0xFF ^ flip) }
    }
    out.append(flip)
    out.append(flip)
  }

  var count: Int { ends.count }

  /// Bytes of memory they take.
  var byteCount: Int { bytes.count + ends.count * 8 }

  subscript(index: Int) -> UnsafeRawBufferPointer {
    let start = index == 0 ? 0 : ends[index - 1]
    return UnsafeRawBufferPointer(start: bytes.base + start, count: ends[index] - start)
  }

  /// The rows' numbers in their order; those that are equal keep theirs.
  func order() -> [Int32] {
    struct Entry {
      let prefix: UInt64
      let row: Int32
    }
    let base = UnsafeRawPointer(bytes.base)
    var entries = (0..<count).map { row in
      let key = self[row]
      var prefix: UInt64 = 0
      for index in 0..<min(8, key.count) { prefix |= UInt64(key[index]) << UInt64(56 - index * 8) }
      return Entry(prefix: prefix, row: Int32(truncatingIfNeeded: row))
    }
    ends.withUnsafeBufferPointer { ends in
      func key(_ row: Int32) -> UnsafeRawBufferPointer {
        let start = row == 0 ? 0 : ends[Int(row) - 1]
        return UnsafeRawBufferPointer(start: base + start, count: ends[Int(row)] - start)
      }
      entries.sort { a, b in
        if a.prefix != b.prefix { return a.prefix < b.prefix }
        let order = SortKeys.compare(key(a.row), key(b.row))
        return order != 0 ? order < 0 : a.row < b.row
      }
    }
    return entries.map(\.row)
  }

  /// Less than 0, 0 or more, as the keys' order is.
  static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let common = min(a.count, b.count)
    let order = common == 0 ? 0 : memcmp(a.baseAddress!, b.baseAddress!, common)
    return order != 0 ? Int(order) : a.count - b.count
  }
}
