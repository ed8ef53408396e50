import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Turns a table's records into lines of CSV.
///
/// Text stands in quotes where it has to: where it holds the delimiter, a quote or a line end, begins or ends with a space,
/// or is empty, for nothing at all is null. Numbers have their shortest text that reads back as the same, dates and
/// timestamps that of `CalendarText`; lists of whole numbers stand in quotes, commas between them.
struct CSVRowWriter {
  /// Keeps the memory alive that `cells` point into.
  private let table: Table
  /// And that what pads its lists stands in.
  private let fillings: [Buffer]
  private let cells: [Cells]
  private let delimiter: UInt8
  /// By byte: whether a text that holds it stands in quotes.
  private let isSpecial: [Bool]

  private struct Cells {
    let validity: UnsafePointer<UInt8>?
    let kind: CSVKind
    let values: UnsafeRawPointer
    let text: StringCells?
    var lists: IntegerLists?
  }

  /// - Throws: `TaskError` with code `.wrongType` for a column of structures, or of lists but of int32.
  init(_ table: Table, delimiter: UInt8, file: String?) throws {
    self.table = table
    self.delimiter = delimiter
    let fillings = table.columns.map { IntegerLists.filling(of: $0) }
    self.fillings = fillings
    cells = try zip(zip(table.names, table.columns), fillings).map { named, filling in
      let (name, column) = named
      let validity = column.validity?.base.assumingMemoryBound(to: UInt8.self)
      switch column.storage {
      case .fixed(let values):
        return Cells(validity: validity, kind: CSVKind(column.type), values: values.base, text: nil)
      case .strings(let offsets, _):
        return Cells(validity: validity, kind: .utf8, values: offsets.base, text: column.withStrings { $0 })
      case .lists, .padded, .structures:
        if let lists = IntegerLists(column, filling: filling) {
          return Cells(validity: validity, kind: .skipped, values: lists.items, text: nil, lists: lists)
        }
        throw TaskError(
          .wrongType,
          "column \"\(name)\" holds \(column.type), which has no place in CSV; leave it out with table.drop, or write JSON "
            + "lines or Parquet", file: file)
      }
    }
    var isSpecial = [Bool](repeating: false, count: 256)
    for byte in [delimiter, UInt8(ascii: "\""), CSVFormat.newline, CSVFormat.carriageReturn] {
      isSpecial[Int(byte)] = true
    }
    self.isSpecial = isSpecial
  }

  /// Appends the columns' names as a line.
  static func appendHeader(_ names: [String], delimiter: UInt8, to out: inout BufferBuilder) throws {
    var column = StringColumnBuilder()
    for name in names { try column.append(name) }
    let finished = column.finish()
    let writer = try CSVRowWriter(Table([("name", finished)]), delimiter: delimiter, file: nil)
    finished.withStrings { cells in
      for index in names.indices {
        if index > 0 { out.append(delimiter) }
        out.appendDirect(most: cells[index].count * 2 + 2) { start in
          var at = start
          writer.put(cells[index], &at)
          return at - start
        }
      }
    }
    out.append(CSVFormat.newline)
  }

  /// Bytes of all lines, where there are only lists: their length is found without writing them.
  func byteCountOfLists() -> Int? {
    guard !cells.isEmpty, cells.allSatisfy({ $0.lists != nil }) else { return nil }
    // Between fields and behind the last there is one byte each.
    var bytes = table.count * cells.count
    for cell in cells {
      for row in 0..<table.count {
        if let validity = cell.validity, validity[row >> 3] & (1 << UInt8(row & 7)) == 0 { continue }
        bytes += cell.lists!.textByteCount(row) + 2
      }
    }
    return bytes
  }

  /// Appends the record as a line.
  func append(row: Int, to out: inout BufferBuilder) {
    var room = 1
    for cell in cells {
      if let text = cell.text {
        room += (Int(text.offsets[row + 1]) - Int(text.offsets[row])) * 2 + 3
      } else if let lists = cell.lists {
        room += lists.mostText(row) + 3
      } else {
        room += CalendarText.longestTimestamp + 1
      }
    }
    out.appendDirect(most: room) { start in
      var at = start
      for (index, cell) in cells.enumerated() {
        if index > 0 { at.put(delimiter) }
        if let validity = cell.validity, validity[row >> 3] & (1 << UInt8(row & 7)) == 0 { continue }
        if let lists = cell.lists {
          at.put(UInt8(ascii: "\""))
          lists.putText(row, &at)
          at.put(UInt8(ascii: "\""))
        } else {
          put(cell, row, &at)
        }
      }
      at.put(CSVFormat.newline)
      return at - start
    }
  }

  private func put(_ cell: Cells, _ row: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    func value<T: BitwiseCopyable>(_ type: T.Type) -> T { cell.values.assumingMemoryBound(to: type)[row] }
    switch cell.kind {
    case .int8: at.put(Int64(value(Int8.self)))
    case .int32: at.put(Int64(value(Int32.self)))
    case .int64: at.put(value(Int64.self))
    case .float32: at.put(value(Float.self).description)
    case .float64: at.put(value(Double.self))
    case .bool:
      at.put(cell.values.assumingMemoryBound(to: UInt8.self)[row >> 3] & (1 << UInt8(row & 7)) == 0 ? "false" : "true")
    case .date: CalendarText.put(date: value(Int32.self), &at)
    case .timestamp: CalendarText.put(timestamp: value(Int64.self), &at)
    case .utf8: put(cell.text![row], &at)
    case .skipped: break
    }
  }

  private func put(_ text: UnsafeBufferPointer<UInt8>, _ at: inout UnsafeMutablePointer<UInt8>) {
    guard let base = text.baseAddress, text.count > 0 else { return at.put("\"\"") }
    var needsQuotes = base[0] == 0x20 || base[text.count - 1] == 0x20
    for index in 0..<text.count where isSpecial[Int(base[index])] { needsQuotes = true }
    guard needsQuotes else {
      memcpy(at, base, text.count)
      at += text.count
      return
    }
    at.put(UInt8(ascii: "\""))
    for index in 0..<text.count {
      if base[index] == UInt8(ascii: "\"") { at.put(UInt8(ascii: "\"")) }
      at.put(base[index])
    }
    at.put(UInt8(ascii: "\""))
  }
}
