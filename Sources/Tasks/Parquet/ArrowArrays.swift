import CArrow
import Graph

/// Cells that came over the Arrow C data interface; given back with its owner.
///
/// - Note: `@unchecked Sendable` holds because what it points to is never written after `init`.
final class ArrowCells: @unchecked Sendable {
  private var array: ArrowArray

  init(_ array: ArrowArray) { self.array = array }

  deinit { array.release?(&array) }

  var count: Int { Int(array.length) }

  /// All cells as a column that shares their memory where it can.
  ///
  /// - Throws: `ArrowValueError` for a value that has no place in the column.
  func column(_ type: ColumnType, _ decoding: ArrowDecoding, approximate: Bool) throws -> Column {
    try ArrowDecoder(owner: self, approximate: approximate)
      .column(array, 0..<Int(array.length), type, decoding)
  }
}

/// A value that has no place in the column it goes to.
struct ArrowValueError: Error {
  /// The row, counted from where the cells begin.
  var row: Int
  let why: String
}

/// Makes columns of Arrow's arrays; what need not change is shared.
struct ArrowDecoder {
  let owner: ArrowCells
  /// Whether timestamps may lose what is finer than a microsecond.
  let approximate: Bool

  /// - Parameters:
  ///   - array: as the C data interface has it.
  ///   - cells: which of its cells, counted from its offset.
  func column(
    _ array: ArrowArray, _ cells: Range<Int>, _ type: ColumnType, _ decoding: ArrowDecoding
  ) throws -> Column {
    let start = Int(array.offset) + cells.lowerBound
    if decoding == .nulls { return Column.nulls(of: type, count: cells.count) }
    let (validity, nullCount) = validity(array, start, cells.count)
    func made(_ storage: Column.Storage) -> Column {
      Column(type: type, count: cells.count, nullCount: nullCount, validity: validity, storage: storage)
    }
    func isNull(_ row: Int) -> Bool {
      nullCount > 0 && validity!.bytes[row >> 3] & (1 << UInt8(row & 7)) == 0
    }
    switch decoding {
    case .same:
      let width = type.byteCount(cells: 1)!
      return made(.fixed(shared(array, 1, from: start * width, count: cells.count * width)))
    case .bits: return made(.fixed(bits(array.buffers[1], from: start, count: cells.count)))
    case .integers, .halves, .milliseconds, .timestamps, .decimals:
      let values = shared(array, 1, from: 0, count: 0).base
      return made(
        .fixed(
          try ArrowNumbers(approximate: approximate)
            .converted(values, from: start, count: cells.count, decoding, isNull: isNull)))
    case .strings, .largeStrings, .stringViews:
      let (offsets, bytes) = try texts(array, start, cells.count, decoding)
      let column = made(.strings(offsets: offsets, bytes: bytes))
      try checkUTF8(column)
      return column
    case .lists(let item, let itemType):
      let offsets = shared(array, 1, from: start * 4, count: (cells.count + 1) * 4)
      return made(try lists(offsets, of: array, cells.count, item, itemType))
    case .largeLists(let item, let itemType):
      let offsets = try narrowed(array, start, cells.count, "list items")
      return made(try lists(offsets, of: array, cells.count, item, itemType))
    case .fixedLists(let length, let item, let itemType):
      var offsets = BufferBuilder(capacity: (cells.count + 1) * 4)
      for row in 0...cells.count { offsets.append(try checkedOffset((start + row) * length, of: "list items")) }
      return made(try lists(offsets.finish(), of: array, cells.count, item, itemType))
    case .structures(let decodings):
      guard case .structure(let fields) = type, array.n_children == fields.count else { throw mismatch() }
      return made(
        .structures(
          try fields.indices.map { number in
            try column(child(array, number), start..<(start + cells.count), fields[number].type, decodings[number])
          }))
    case .dictionary(let indices, let decoding):
      return try picked(array, start, cells.count, indices, type, decoding, isNull: isNull)
    case .nulls: return Column.nulls(of: type, count: cells.count)
    }
  }

  private func mismatch() -> TaskError { TaskError(.failed, "Arrow gave other columns than it said") }

  private func child(_ array: ArrowArray, _ number: Int) throws -> ArrowArray {
    guard array.n_children > number, let child = array.children[number] else { throw mismatch() }
    return child.pointee
  }

  /// A part of one of the array's buffers, which may be absent where it is empty.
  private func shared(_ array: ArrowArray, _ buffer: Int, from start: Int, count: Int) -> Buffer {
    guard let base = array.buffers[buffer] else { return Buffer([]) }
    let owner = owner
    return Buffer(base: base + start, count: count) { withExtendedLifetime(owner) {} }
  }

  private func validity(_ array: ArrowArray, _ start: Int, _ count: Int) -> (Buffer?, nullCount: Int) {
    guard array.null_count != 0, let base = array.buffers[0] else { return (nil, 0) }
    let bits = bits(base, from: start, count: count)
    var set = 0
    for byte in bits.bytes[..<(count / 8)] { set += byte.nonzeroBitCount }
    if count % 8 > 0 { set += (bits.bytes[count / 8] & UInt8((1 << (count % 8)) - 1)).nonzeroBitCount }
    return set == count ? (nil, 0) : (bits, count - set)
  }

  private func bits(_ base: UnsafeRawPointer?, from start: Int, count: Int) -> Buffer {
    guard let base, count > 0 else { return Buffer([]) }
    let (first, shift) = (start / 8, UInt8(start % 8))
    let length = (count + 7) / 8
    if shift == 0 {
      let owner = owner
      return Buffer(base: base + first, count: length) { withExtendedLifetime(owner) {} }
    }
    let source = base.assumingMemoryBound(to: UInt8.self) + first
    let last = (start % 8 + count - 1) / 8
    var out = BufferBuilder(capacity: length)
    for index in 0..<length {
      let next = index < last ? source[index + 1] << (8 - shift) : 0
      out.append(source[index] >> shift | next)
    }
    return out.finish()
  }

  // MARK: - Strings

  private func texts(
    _ array: ArrowArray, _ start: Int, _ count: Int, _ decoding: ArrowDecoding
  ) throws -> (offsets: Buffer, bytes: Buffer) {
    if decoding == .stringViews { return try views(array, start, count) }
    let offsets =
      decoding == .strings
      ? shared(array, 1, from: start * 4, count: (count + 1) * 4)
      : try narrowed(array, start, count, "bytes of text")
    guard offsets.count > 0 else { return (ArrowDecoder.zeroOffsets(count), Buffer([])) }
    if decoding == .largeStrings {
      let wide = shared(array, 1, from: start * 8, count: (count + 1) * 8).elements(of: Int64.self)
      return (offsets, shared(array, 2, from: Int(wide[0]), count: Int(wide[count] - wide[0])))
    }
    return (offsets, shared(array, 2, from: 0, count: Int(offsets.elements(of: Int32.self)[count])))
  }

  private static func zeroOffsets(_ count: Int) -> Buffer {
    Buffer([UInt8](repeating: 0, count: (count + 1) * 4))
  }

  /// Offsets of 64 bits, counted from the first.
  private func narrowed(_ array: ArrowArray, _ start: Int, _ count: Int, _ what: String) throws -> Buffer {
    let wide = shared(array, 1, from: start * 8, count: (count + 1) * 8).elements(of: Int64.self)
    guard wide.count > 0 else { return ArrowDecoder.zeroOffsets(count) }
    var out = BufferBuilder(capacity: (count + 1) * 4)
    for row in 0...count { out.append(try checkedOffset(Int(wide[row] - wide[0]), of: what)) }
    return out.finish()
  }

  /// Sixteen bytes a string: its length, then its bytes where they are at most twelve, else four of them and where they lie.
  private func views(_ array: ArrowArray, _ start: Int, _ count: Int) throws -> (Buffer, Buffer) {
    var offsets = BufferBuilder(capacity: (count + 1) * 4)
    var bytes = BufferBuilder()
    offsets.append(Int32(0))
    let views = shared(array, 1, from: start * 16, count: count * 16)
    let isValid = array.buffers[0].map { $0.assumingMemoryBound(to: UInt8.self) }
    for row in 0..<count {
      let view = views.base + row * 16
      if let isValid, isValid[(start + row) >> 3] & (1 << UInt8((start + row) & 7)) == 0 {
        offsets.append(Int32(bytes.count))
        continue
      }
      let length = Int(view.load(as: Int32.self))
      if length <= 12 {
        bytes.append(UnsafeRawBufferPointer(start: view + 4, count: length))
      } else {
        let buffer = Int(view.load(fromByteOffset: 8, as: Int32.self))
        let place = Int(view.load(fromByteOffset: 12, as: Int32.self))
        bytes.append(UnsafeRawBufferPointer(start: array.buffers[2 + buffer]! + place, count: length))
      }
      offsets.append(try checkedOffset(bytes.count, of: "bytes of text"))
    }
    return (offsets.finish(), bytes.finish())
  }

  /// Files say that their strings are UTF-8, and need not be right.
  private func checkUTF8(_ column: Column) throws {
    try column.withStrings { cells in
      let first = Int(cells.offsets[0])
      let all = UnsafeBufferPointer(start: cells.bytes + first, count: Int(cells.offsets[cells.count]) - first)
      var isSplit = false
      for row in 1..<max(cells.count, 1) {
        let at = Int(cells.offsets[row])
        isSplit = isSplit || (at - first < all.count && cells.bytes[at] & 0xC0 == 0x80)
      }
      guard isSplit || UTF8Scan.firstIllFormed(all) < all.count else { return }
      for row in 0..<cells.count {
        let bad = UTF8Scan.firstIllFormed(cells[row])
        if bad < cells[row].count {
          throw ArrowValueError(row: row, why: "its text is not valid UTF-8 from its byte \(bad + 1) on")
        }
      }
    }
  }

  // MARK: - Nested

  private func lists(
    _ offsets: Buffer, of array: ArrowArray, _ count: Int, _ decoding: ArrowDecoding, _ type: ColumnType
  ) throws -> Column.Storage {
    let items = try child(array, 0)
    let starts = offsets.count > 0 ? offsets : ArrowDecoder.zeroOffsets(count)
    defer { withExtendedLifetime(starts) {} }
    let values = starts.elements(of: Int32.self)
    let used = Int(values[0])..<Int(values[count])
    do {
      let column = try column(items, used, type, decoding)
      guard used.lowerBound > 0 else { return .lists(offsets: starts, items: column) }
      var moved = BufferBuilder(capacity: (count + 1) * 4)
      for row in 0...count { moved.append(values[row] - values[0]) }
      return .lists(offsets: moved.finish(), items: column)
    } catch var error as ArrowValueError {
      let item = used.lowerBound + error.row
      error.row = (0..<count).first { Int(values[$0 + 1]) > item } ?? 0
      throw error
    }
  }

  private func picked(
    _ array: ArrowArray, _ start: Int, _ count: Int, _ indices: ArrowInteger, _ type: ColumnType,
    _ decoding: ArrowDecoding, isNull: (Int) -> Bool
  ) throws -> Column {
    guard let dictionary = array.dictionary?.pointee else { throw mismatch() }
    let values = try column(dictionary, 0..<Int(dictionary.length), type, decoding)
    guard count > 0 else { return Column.nulls(of: type, count: 0) }
    let wide = try ArrowNumbers.indices(shared(array, 1, from: 0, count: 0).base, from: start, count: count, indices)
    // Nulls take a cell behind the dictionary's, which is null.
    let extended = ColumnAppender(type)
    try extended.append(values)
    extended.appendNulls(1)
    let all = extended.finish()
    var numbers = BufferBuilder(capacity: count * 4)
    for row in 0..<count {
      if isNull(row) {
        numbers.append(Int32(values.count))
      } else if wide[row] >= 0, wide[row] < values.count {
        numbers.append(Int32(wide[row]))
      } else {
        throw ArrowValueError(row: row, why: "it points outside its dictionary")
      }
    }
    let buffer = numbers.finish()
    return try withExtendedLifetime(buffer) { try all.cells(at: buffer.elements(of: Int32.self)) }
  }
}
