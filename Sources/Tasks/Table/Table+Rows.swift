import Graph

// Rows of a table picked by number, and what rows take. Columns are gone through one after the other, each in one or two
// loops over plain memory: nothing is allocated for a row.

extension Table {
  /// The rows of those numbers, in that order; a row may be named more than once.
  ///
  /// - Throws: `TaskError` with code `.tooLarge` beyond 2³¹ - 1 bytes of text, or list items, in a column.
  /// - Complexity: O(rows + their bytes).
  public func rows(at numbers: UnsafeBufferPointer<Int32>) throws -> Table {
    Table(names: names, columns: try columns.map { try $0.cells(at: numbers) }, count: numbers.count)
  }

  /// Bytes that rows take in memory, without names and padding.
  ///
  /// - Complexity: O(columns).
  func byteCount(ofRows rows: Range<Int>) -> Int { columns.reduce(0) { $0 + $1.byteCount(ofCells: rows) } }

  /// The same for rows picked by number; a row may be named more than once.
  ///
  /// - Complexity: O(rows · columns of texts and lists).
  func byteCount(ofRows numbers: UnsafeBufferPointer<Int32>) -> Int {
    columns.reduce(0) { $0 + $1.byteCount(ofCells: numbers) }
  }

  /// Adds to `sums` what each row takes in memory, flags and validity left out.
  func addByteCounts(to sums: UnsafeMutableBufferPointer<Int>) {
    for column in columns { column.addByteCounts(to: sums) }
  }
}

extension Column {
  func cells(at numbers: UnsafeBufferPointer<Int32>) throws -> Column {
    let (validity, nullCount) = validity(at: numbers)
    func made(_ storage: Storage) -> Column {
      Column(type: type, count: numbers.count, nullCount: nullCount, validity: validity, storage: storage)
    }
    switch storage {
    case .fixed(let buffer):
      switch type.byteCount(cells: 8) {
      case 1: return made(.fixed(buffer.bits(at: numbers)))
      case 8: return made(.fixed(picked(values(as: Int8.self), at: numbers)))
      case 32: return made(.fixed(picked(values(as: Int32.self), at: numbers)))
      default: return made(.fixed(picked(values(as: Int64.self), at: numbers)))
      }
    case .strings(_, let bytes):
      return try withOffsets { offsets in
        let (newOffsets, total) = try cut(offsets, at: numbers, what: "bytes of text")
        var text = BufferBuilder(capacity: total)
        for number in numbers {
          let start = Int(offsets[Int(number)])
          text.append(
            UnsafeRawBufferPointer(start: bytes.base + start, count: Int(offsets[Int(number) + 1]) - start))
        }
        return made(.strings(offsets: newOffsets, bytes: text.finish()))
      }
    case .lists(_, let items):
      return try withOffsets { offsets in
        let (newOffsets, total) = try cut(offsets, at: numbers, what: "list items")
        var inside = BufferBuilder(capacity: total * 4)
        for number in numbers {
          for item in offsets[Int(number)]..<offsets[Int(number) + 1] { inside.append(item) }
        }
        let itemNumbers = inside.finish()
        return try withExtendedLifetime(itemNumbers) {
          made(.lists(offsets: newOffsets, items: try items.cells(at: itemNumbers.elements(of: Int32.self))))
        }
      }
    case .padded(let padded): return made(.padded(padded.with(try padded.lists.cells(at: numbers))))
    case .structures(let fields): return made(.structures(try fields.map { try $0.cells(at: numbers) }))
    }
  }

  private func validity(at numbers: UnsafeBufferPointer<Int32>) -> (Buffer?, nullCount: Int) {
    guard let validity else { return (nil, 0) }
    let bits = validity.bits(at: numbers)
    var set = 0
    for byte in bits.bytes { set += byte.nonzeroBitCount }
    return (bits, numbers.count - set)
  }

  private func picked<T: BitwiseCopyable>(
    _ values: UnsafeBufferPointer<T>, at numbers: UnsafeBufferPointer<Int32>
  ) -> Buffer {
    var out = BufferBuilder(capacity: numbers.count * MemoryLayout<T>.stride)
    for number in numbers { out.append(values[Int(number)]) }
    return out.finish()
  }

  /// Offsets of the picked cells, from 0, and their end.
  private func cut(
    _ offsets: UnsafePointer<Int32>, at numbers: UnsafeBufferPointer<Int32>, what: String
  ) throws -> (Buffer, Int) {
    var out = BufferBuilder(capacity: (numbers.count + 1) * 4)
    out.append(Int32(0))
    var end = 0
    for number in numbers {
      end += Int(offsets[Int(number) + 1] - offsets[Int(number)])
      out.append(Int32(truncatingIfNeeded: end))
    }
    _ = try checkedOffset(end, of: what)
    return (out.finish(), end)
  }

  fileprivate func byteCount(ofCells cells: Range<Int>) -> Int {
    let own = validity == nil ? 0 : (cells.count + 7) / 8
    switch storage {
    case .fixed: return own + (type.byteCount(cells: cells.count) ?? 0)
    case .strings:
      return withOffsets { own + cells.count * 4 + Int($0[cells.upperBound] - $0[cells.lowerBound]) }
    case .lists(_, let items):
      return withOffsets {
        own + cells.count * 4 + items.byteCount(ofCells: Int($0[cells.lowerBound])..<Int($0[cells.upperBound]))
      }
    case .padded(let padded): return own + padded.lists.byteCount(ofCells: cells)
    case .structures(let fields): return fields.reduce(own) { $0 + $1.byteCount(ofCells: cells) }
    }
  }

  /// Cells picked by number; items of lists of text as if all were of one size.
  func byteCount(ofCells numbers: UnsafeBufferPointer<Int32>) -> Int {
    let own = validity == nil ? 0 : (numbers.count + 7) / 8
    switch storage {
    case .fixed: return own + (type.byteCount(cells: numbers.count) ?? 0)
    case .strings: return withOffsets { own + numbers.count * 4 + Column.total(numbers, $0) }
    case .lists(_, let items):
      let each = items.byteCount(ofCells: 0..<items.count) / max(items.count, 1) + 1
      return withOffsets { own + numbers.count * 4 + Column.total(numbers, $0) * each }
    case .padded(let padded): return own + padded.lists.byteCount(ofCells: numbers)
    case .structures(let fields): return fields.reduce(own) { $0 + $1.byteCount(ofCells: numbers) }
    }
  }

  private static func total(_ numbers: UnsafeBufferPointer<Int32>, _ offsets: UnsafePointer<Int32>) -> Int {
    var total = 0
    for number in numbers { total += Int(offsets[Int(number) + 1] - offsets[Int(number)]) }
    return total
  }

  fileprivate func addByteCounts(to sums: UnsafeMutableBufferPointer<Int>) {
    switch storage {
    case .fixed:
      let width = type.byteCount(cells: 8)! / 8
      for row in 0..<count { sums[row] += width }
    case .strings:
      withOffsets { offsets in for row in 0..<count { sums[row] += 4 + Int(offsets[row + 1] - offsets[row]) } }
    case .lists(_, let items):
      withOffsets { offsets in
        for row in 0..<count {
          sums[row] += 4 + items.byteCount(ofCells: Int(offsets[row])..<Int(offsets[row + 1]))
        }
      }
    case .padded(let padded): padded.lists.addByteCounts(to: sums)
    case .structures(let fields): for field in fields { field.addByteCounts(to: sums) }
    }
  }
}

extension Buffer {
  /// Single bits, lowest first; those behind the last are 0.
  fileprivate func bits(at numbers: UnsafeBufferPointer<Int32>) -> Buffer {
    var out = BufferBuilder(capacity: (numbers.count + 7) / 8)
    let source = bytes
    var byte: UInt8 = 0
    var filled: UInt8 = 0
    for number in numbers {
      byte |= (source[Int(number) >> 3] >> UInt8(number & 7) & 1) << filled
      filled += 1
      if filled == 8 {
        out.append(byte)
        (byte, filled) = (0, 0)
      }
    }
    if filled > 0 { out.append(byte) }
    return out.finish()
  }
}
