import Graph

// How a table lies in a file.
//
//   0   magic, 8 bytes
//   8   Int64  columns
//  16   Int64  records
//  24   Int64  bytes of the directory that follows
//  32   directory: for each column its name (Int64 length, bytes), then its description
//   …   buffers, each at a multiple of 64 bytes from the start
//
// A description is Int64 type code, Int64 cells, Int64 nulls, then a place (Int64 offset, Int64 length) for each
// of: validity (length 0 without), then values; or offsets and bytes; or offsets, followed by the description of
// the items; or nothing, followed by Int64 fields and for each of them its name and description; or, of vectors, nothing,
// followed by Int64 width, Int64 1 where the front is padded, Int64 what with, and the description of the lists. Everything
// is little-endian, as Arrow is on every machine this runs on.
//
// Reading makes columns that are slices of the file's buffer. Nothing in the file is believed: counts are held
// against the file's length before they are used, places must lie inside it and be aligned, offsets must start at
// zero or above, never fall, and end inside what they cut. A damaged file is an error or, where only text or
// numbers are hit, another valid table; it never reads outside the buffer.

private let tableMagic: [UInt8] = Array("GRtable1".utf8)
private let alignment = 64
/// Deeper lists and structures than this no operation makes; it bounds the recursion on a damaged file.
let greatestNesting = 8
/// More records without a column than this no file has lines.
private let greatestBareCount = 1 << 32

extension Table {
  public func write(to sink: any ByteSink) throws {
    var directory = BufferBuilder()
    var buffers: [Buffer] = []
    // The directory's size must be known before places are, so they are noted as numbers of buffers first.
    var places: [Int] = []
    for (name, column) in zip(names, columns) {
      directory.append(Int64(name.utf8.count))
      directory.append(name)
      column.describe(into: &directory, places: &places, buffers: &buffers)
    }
    var offset = aligned(32 + directory.count)
    var starts: [Int] = []
    for buffer in buffers {
      starts.append(offset)
      offset = aligned(offset + buffer.count)
    }
    for (number, place) in places.enumerated() {
      (directory.base + place).storeBytes(of: Int64(starts[number]), as: Int64.self)
    }

    var head = BufferBuilder()
    tableMagic.withUnsafeBytes { head.append($0) }
    head.append(Int64(columns.count))
    head.append(Int64(count))
    head.append(Int64(directory.count))
    head.append(directory.bytes)
    try sink.write(head.bytes)

    let zeros = [UInt8](repeating: 0, count: alignment)
    var written = head.count
    for (buffer, start) in zip(buffers, starts) {
      try zeros.withUnsafeBytes {
        if start > written { try sink.write(UnsafeRawBufferPointer(rebasing: $0[..<(start - written)])) }
      }
      if buffer.count > 0 { try sink.write(buffer.bytes) }
      written = start + buffer.count
    }
  }

  public init(contentsOf buffer: Buffer) throws {
    var reader = DirectoryReader(buffer: buffer)
    guard buffer.count >= 32, buffer.bytes[..<8].elementsEqual(tableMagic) else {
      throw corrupt("it does not begin as one")
    }
    guard Int(bitPattern: buffer.base) % 8 == 0 else { throw corrupt("its bytes are not aligned") }
    let columnCount = try reader.number(at: 8)
    let rowCount = try reader.number(at: 16)
    let directoryCount = try reader.number(at: 24)
    guard directoryCount <= buffer.count - 32, columnCount <= directoryCount / 16 else {
      throw corrupt("its directory is longer than the file")
    }
    reader.end = 32 + directoryCount

    var names: [String] = []
    var columns: [Column] = []
    for _ in 0..<columnCount {
      names.append(try reader.text())
      let column = try reader.column(depth: 0)
      guard column.count == rowCount else { throw corrupt("its columns have different lengths") }
      columns.append(column)
    }
    guard reader.position == reader.end else { throw corrupt("its directory has more in it than its columns") }
    guard names.firstRepeated == nil else { throw corrupt("two columns have one name") }
    // Nothing else in the file bears witness to how many records without columns there are.
    guard columnCount > 0 || rowCount <= greatestBareCount else { throw corrupt("it holds an impossible number") }
    self.init(names: names, columns: columns, count: rowCount)
  }
}

private func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }

private func corrupt(_ why: String) -> TaskError {
  TaskError(.corruptValue, "these bytes are no table: \(why); delete the file and run again")
}

extension ColumnType {
  fileprivate var code: Int64 {
    switch self {
    case .int8: 1
    case .int32: 2
    case .int64: 3
    case .float64: 4
    case .bool: 5
    case .utf8: 6
    case .list: 7
    case .float32: 8
    case .date: 9
    case .timestamp: 10
    case .structure: 11
    case .vector: 12
    }
  }
}

extension Column {
  fileprivate func describe(into directory: inout BufferBuilder, places: inout [Int], buffers: inout [Buffer]) {
    func place(_ buffer: Buffer) {
      places.append(directory.count)
      buffers.append(buffer)
      directory.append(Int64(0))
      directory.append(Int64(buffer.count))
    }
    directory.append(type.code)
    directory.append(Int64(count))
    directory.append(Int64(nullCount))
    place(validity ?? Buffer([]))
    switch storage {
    case .fixed(let values): place(values)
    case .strings(let offsets, let bytes):
      place(offsets)
      place(bytes)
    case .lists(let offsets, let items):
      place(offsets)
      items.describe(into: &directory, places: &places, buffers: &buffers)
    case .padded(let padded):
      directory.append(Int64(padded.width))
      directory.append(Int64(padded.padding.side == .pre ? 1 : 0))
      directory.append(Int64(UInt32(bitPattern: padded.padding.value)))
      padded.lists.describe(into: &directory, places: &places, buffers: &buffers)
    case .structures(let columns):
      guard case .structure(let fields) = type else { preconditionFailure("a column of \(type) has no fields") }
      directory.append(Int64(fields.count))
      for (field, column) in zip(fields, columns) {
        directory.append(Int64(field.name.utf8.count))
        directory.append(field.name)
        column.describe(into: &directory, places: &places, buffers: &buffers)
      }
    }
  }
}

/// Walks the directory of a table's file and checks what it says.
private struct DirectoryReader {
  let buffer: Buffer
  var position = 32
  var end = 32

  init(buffer: Buffer) { self.buffer = buffer }

  /// A count or length: never negative, never beyond what any file holds.
  func number(at offset: Int) throws -> Int {
    let value = buffer.bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self)
    guard value >= 0, value < 1 << 48 else { throw corrupt("it holds an impossible number") }
    return Int(value)
  }

  mutating func number() throws -> Int {
    guard end - position >= 8 else { throw corrupt("its directory ends early") }
    position += 8
    return try number(at: position - 8)
  }

  mutating func text() throws -> String {
    let length = try number()
    guard length <= end - position else { throw corrupt("a name is longer than the directory") }
    position += length
    return String(decoding: buffer.bytes[(position - length)..<position], as: UTF8.self)
  }

  mutating func place() throws -> Buffer {
    let start = try number()
    let length = try number()
    guard start % alignment == 0, start <= buffer.count, length <= buffer.count - start else {
      throw corrupt("a column lies outside the file")
    }
    return buffer.slice(start..<(start + length))
  }

  mutating func column(depth: Int) throws -> Column {
    let code = try number()
    let count = try number()
    let nullCount = try number()
    let validity = try place()
    guard nullCount <= count else { throw corrupt("a column has more nulls than cells") }
    if nullCount > 0 {
      guard validity.count == (count + 7) / 8, setBits(validity, count) == count - nullCount else {
        throw corrupt("a column's nulls do not add up")
      }
    }
    func column(_ type: ColumnType, _ storage: Column.Storage) -> Column {
      Column(type: type, count: count, nullCount: nullCount, validity: nullCount > 0 ? validity : nil, storage: storage)
    }
    let fixed: [Int: ColumnType] = [
      1: .int8, 2: .int32, 3: .int64, 4: .float64, 5: .bool, 8: .float32, 9: .date, 10: .timestamp,
    ]
    if let type = fixed[code] {
      let values = try place()
      guard values.count == type.byteCount(cells: count) else { throw corrupt("a column has another length") }
      return column(type, .fixed(values))
    }
    switch code {
    case 6:
      let offsets = try place()
      let bytes = try place()
      try check(offsets, count: count, end: bytes.count)
      return column(.utf8, .strings(offsets: offsets, bytes: bytes))
    case 7:
      guard depth < greatestNesting else { throw corrupt("its lists are too deep") }
      let offsets = try place()
      let items = try self.column(depth: depth + 1)
      try check(offsets, count: count, end: items.count)
      return column(.list(items.type), .lists(offsets: offsets, items: items))
    case 11:
      guard depth < greatestNesting else { throw corrupt("its structures are too deep") }
      let fieldCount = try number()
      guard fieldCount <= (end - position) / 16 else { throw corrupt("a structure has more fields than there is room") }
      var fields: [ColumnType.Field] = []
      var columns: [Column] = []
      for _ in 0..<fieldCount {
        let name = try text()
        let field = try self.column(depth: depth + 1)
        guard field.count == count else { throw corrupt("a structure's fields have different lengths") }
        fields.append(ColumnType.Field(name, field.type))
        columns.append(field)
      }
      guard fields.map(\.name).firstRepeated == nil else { throw corrupt("two fields have one name") }
      return column(.structure(fields), .structures(columns))
    case 12:
      guard depth < greatestNesting else { throw corrupt("its vectors are too deep") }
      let width = try number()
      guard (1...PaddedLists.greatestWidth).contains(width) else { throw corrupt("a vector has an impossible width") }
      let side: PaddedLists.Side = try number() == 1 ? .pre : .post
      let value = Int32(bitPattern: UInt32(truncatingIfNeeded: try number()))
      let lists = try self.column(depth: depth + 1)
      guard lists.type == .list(.int32), lists.count == count, lists.items?.nullCount == 0,
        lists.withOffsets({ offsets in
          (0..<count).allSatisfy { Int(offsets[$0 + 1] - offsets[$0]) <= width }
        })
      else { throw corrupt("a vector is longer than it can be") }
      let padding = PaddedLists.Padding(side: side, value: value)
      return column(.vector(.int32, width: width), .padded(PaddedLists(lists: lists, width: width, padding: padding)))
    default: throw corrupt("a column has an unknown type")
    }
  }

  /// Offsets that start at zero or above, never fall, and end inside what they cut.
  private func check(_ offsets: Buffer, count: Int, end: Int) throws {
    guard offsets.count == (count + 1) * 4 else { throw corrupt("a column has another number of offsets") }
    let values = offsets.elements(of: Int32.self)
    var falls = false
    for index in 0..<count { falls = falls || values[index] > values[index + 1] }
    guard !falls, values[0] >= 0, Int(values[count]) <= end else { throw corrupt("offsets point outside a column") }
  }

  private func setBits(_ bits: Buffer, _ count: Int) -> Int {
    var total = 0
    for index in 0..<(count / 8) { total += bits.bytes[index].nonzeroBitCount }
    if count % 8 > 0 { total += (bits.bytes[count / 8] & UInt8((1 << (count % 8)) - 1)).nonzeroBitCount }
    return total
  }
}
