import Graph

/// Puts tables behind one another, into one with the names and types it is made with.
///
/// A large column grows in place, where the kernel can remap it: in memory is what was appended, and not that twice.
struct TableAppender {
  private let names: [String]
  private let columns: [ColumnAppender]
  private(set) var count = 0

  init(names: [String], types: [ColumnType]) {
    self.names = names
    columns = types.map(ColumnAppender.init)
  }

  /// Adds the rows of a table that has the columns, in any order, each of its type or null throughout.
  ///
  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`; with `.tooLarge` beyond 2³¹ - 1 bytes of text, or list
  ///   items, in a column.
  /// - Complexity: O(bytes appended).
  mutating func append(_ table: Table) throws {
    for (position, name) in names.enumerated() {
      let isThere = position < table.names.count && table.names[position].utf8.elementsEqual(name.utf8)
      try columns[position].append(isThere ? table.columns[position] : table.column(name))
    }
    count += table.count
  }

  /// The table; nothing can be appended any more.
  consuming func finish() -> Table {
    Table(names: names, columns: columns.map { $0.finish() }, count: count)
  }
}

/// Grows one column, and in it that of its items, or those of its fields.
final class ColumnAppender {
  private let type: ColumnType
  private(set) var count = 0
  private var nullCount = 0
  /// Cells, or offsets; flags are in `flags`.
  private var values = BufferBuilder()
  private var text = BufferBuilder()
  private var flags = BitAppender()
  private var validity = BitAppender()
  /// Of lists, their items; of vectors, the lists that are padded.
  private let items: ColumnAppender?
  /// Of the vectors that came first.
  private var padding: PaddedLists.Padding?
  private let fields: [ColumnAppender]

  init(_ type: ColumnType) {
    self.type = type
    switch type {
    case .list(let item): (items, fields) = (ColumnAppender(item), [])
    case .vector(let item, _): (items, fields) = (ColumnAppender(.list(item)), [])
    case .structure(let fields): (items, self.fields) = (nil, fields.map { ColumnAppender($0.type) })
    default: (items, fields) = (nil, [])
    }
    switch type {
    case .utf8, .list: values.append(Int32(0))
    default: break
    }
  }

  /// Makes room for cells that are going to come, so that the column does not have to grow.
  ///
  /// - Parameters:
  ///   - rows: cells that come.
  ///   - textBytes: of strings, about as many as they have bytes.
  func reserve(rows: Int, textBytes: Int) {
    if type == .utf8 { text.reserve(textBytes) }
    values.reserve(type.byteCount(cells: rows) ?? rows * 4)
  }

  /// Adds the cells of a column of the type, or of one that is null throughout.
  ///
  /// - Throws: `TaskError` with code `.wrongType`; with `.tooLarge` beyond 2³¹ - 1 bytes of text, or list items.
  func append(_ column: Column) throws {
    guard column.type == type else {
      guard column.nullCount == column.count else {
        throw TaskError(.wrongType, "a column of \(column.type) cannot stand behind one of \(type)")
      }
      return appendNulls(column.count)
    }
    if let bits = column.validity {
      validity.append(bits.bytes, count: column.count)
    } else {
      validity.append(repeating: true, count: column.count)
    }
    nullCount += column.nullCount
    count += column.count
    switch column.storage {
    case .fixed(let buffer):
      if type == .bool {
        flags.append(buffer.bytes, count: column.count)
      } else {
        values.append(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<type.byteCount(cells: column.count)!]))
      }
    case .strings(_, let bytes):
      let used = try appendOffsets(of: column, behind: text.count, what: "bytes of text")
      text.append(UnsafeRawBufferPointer(rebasing: bytes.bytes[used]))
    case .lists(_, let other):
      let used = try appendOffsets(of: column, behind: items!.count, what: "list items")
      guard used.count < other.count else { return try items!.append(other) }
      // Only a damaged file that is a table all the same holds items that are in no list.
      let numbers = Buffer.numbers(used)
      try items!.append(withExtendedLifetime(numbers) { try other.cells(at: numbers.elements(of: Int32.self)) })
    case .padded(let padded):
      if padding == nil { padding = padded.padding }
      try items!.append(padding == padded.padding ? padded.lists : try padded.filled())
    case .structures(let columns):
      for (field, column) in zip(fields, columns) { try field.append(column) }
    }
  }

  func appendNulls(_ more: Int) {
    validity.append(repeating: false, count: more)
    nullCount += more
    count += more
    if type == .bool { return flags.append(repeating: false, count: more) }
    if case .vector = type { return items!.appendNulls(more) }
    if case .structure = type { return fields.forEach { $0.appendNulls(more) } }
    if let bytes = type.byteCount(cells: more) {
      values.appendDirect(most: bytes) {
        $0.initialize(repeating: 0, count: bytes)
        return bytes
      }
    } else {
      let last = Int32(truncatingIfNeeded: items?.count ?? text.count)
      for _ in 0..<more { values.append(last) }
    }
  }

  /// - Returns: which bytes, or items, the column's cells are made of.
  private func appendOffsets(of column: Column, behind end: Int, what: String) throws -> Range<Int> {
    try column.withOffsets { offsets in
      let first = offsets[0]
      let used = Int(first)..<Int(offsets[column.count])
      let shift = try checkedOffset(end + used.count, of: what) - Int32(used.count) - first
      values.appendDirect(most: column.count * 4) { place in
        place.withMemoryRebound(to: Int32.self, capacity: column.count) {
          for row in 0..<column.count { $0[row] = offsets[row + 1] + shift }
        }
        return column.count * 4
      }
      return used
    }
  }

  func finish() -> Column {
    let storage: Column.Storage =
      switch type {
      case .bool: .fixed(flags.finish())
      case .utf8: .strings(offsets: values.taken(), bytes: text.taken())
      case .list: .lists(offsets: values.taken(), items: items!.finish())
      case .vector(_, let width):
        .padded(PaddedLists(lists: items!.finish(), width: width, padding: padding ?? PaddedLists.Padding()))
      case .structure: .structures(fields.map { $0.finish() })
      default: .fixed(values.taken())
      }
    return Column(
      type: type, count: count, nullCount: nullCount, validity: nullCount > 0 ? validity.finish() : nil,
      storage: storage)
  }
}

/// Single bits behind one another, lowest first. Takes no memory while all are set.
private struct BitAppender: ~Copyable {
  private var bytes = BufferBuilder()
  private var count = 0
  private var isWritten = false

  /// What lies behind the last bit is not looked at.
  mutating func append(_ bits: UnsafeRawBufferPointer, count more: Int) {
    guard more > 0 else { return }
    write()
    let shift = UInt8(count & 7)
    let length = (more + 7) / 8
    if shift == 0 {
      bytes.append(UnsafeRawBufferPointer(rebasing: bits[..<length]))
    } else {
      for index in 0..<length {
        bytes.base.assumingMemoryBound(to: UInt8.self)[bytes.count - 1] |= bits[index] << shift
        bytes.append(bits[index] >> (8 - shift))
      }
    }
    count += more
    trim()
  }

  mutating func append(repeating bit: Bool, count more: Int) {
    if bit, !isWritten {
      count += more
      return
    }
    write()
    fill(bit, more)
  }

  /// Makes what all were set so far bytes.
  private mutating func write() {
    guard !isWritten else { return }
    isWritten = true
    let more = count
    count = 0
    fill(true, more)
  }

  private mutating func fill(_ bit: Bool, _ more: Int) {
    let shift = count & 7
    if bit, shift > 0, more > 0 {
      bytes.base.assumingMemoryBound(to: UInt8.self)[bytes.count - 1] |= 0xFF << UInt8(shift)
    }
    count += more
    let missing = (count + 7) / 8 - bytes.count
    if missing > 0 {
      bytes.appendDirect(most: missing) {
        $0.initialize(repeating: bit ? 0xFF : 0, count: missing)
        return missing
      }
    }
    trim()
  }

  /// Drops bytes too many, and clears what lies behind the last bit.
  private mutating func trim() {
    bytes.truncate(to: (count + 7) / 8)
    if count & 7 > 0 {
      bytes.base.assumingMemoryBound(to: UInt8.self)[bytes.count - 1] &= (1 << UInt8(count & 7)) - 1
    }
  }

  mutating func finish() -> Buffer {
    write()
    return bytes.taken()
  }
}

extension BufferBuilder {
  /// What was written, as a buffer; the builder is empty then.
  fileprivate mutating func taken() -> Buffer {
    var other = BufferBuilder()
    swap(&self, &other)
    return other.finish()
  }
}

extension Buffer {
  fileprivate static func numbers(_ range: Range<Int>) -> Buffer {
    var out = BufferBuilder(capacity: range.count * 4)
    for number in range { out.append(Int32(number)) }
    return out.finish()
  }
}
