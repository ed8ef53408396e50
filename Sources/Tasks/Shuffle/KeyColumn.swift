import Graph

/// The column that says which ID a record belongs to.
struct KeyColumn {
  let column: Column

  /// Of records that have no ID: they are one ID.
  private static let ofNull = StableHash.combine(1, 0)

  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  init(_ table: Table, _ name: String, file: String?) throws {
    column = try table.column(name, file: file)
    switch column.type {
    case .list, .structure:
      throw TaskError(
        .wrongType,
        "column \"\(name)\" holds \(column.type), and an ID is a string, a number or a flag; name another column",
        file: file)
    default: break
    }
  }

  /// Gives each row's hash, the same in every process. IDs that are equal have one hash: of numbers -0 and 0 are equal,
  /// and so is all that is no number; strings are compared by their bytes.
  @inline(__always)
  func forEachHash(in rows: Range<Int>, _ body: (_ row: Int, _ hash: UInt64) -> Void) {
    switch column.type {
    case .int8: each(rows, of: column.values(as: Int8.self), body) { UInt64(bitPattern: Int64($0)) }
    case .int32, .date: each(rows, of: column.values(as: Int32.self), body) { UInt64(bitPattern: Int64($0)) }
    case .int64, .timestamp: each(rows, of: column.values(as: Int64.self), body) { UInt64(bitPattern: $0) }
    case .float32: each(rows, of: column.values(as: Float.self), body) { KeyColumn.word(Double($0)) }
    case .float64: each(rows, of: column.values(as: Double.self), body) { KeyColumn.word($0) }
    case .bool:
      for row in rows {
        body(row, column.isNull(row) ? KeyColumn.ofNull : StableHash.of(column.bit(at: row) ? 1 : 0 as UInt64))
      }
    case .utf8:
      column.withStrings { cells in
        for row in rows {
          body(row, column.isNull(row) ? KeyColumn.ofNull : StableHash.of(UnsafeRawBufferPointer(cells[row])))
        }
      }
    case .list, .structure: preconditionFailure("a list or structure is no ID")
    }
  }

  @inline(__always)
  private static func word(_ number: Double) -> UInt64 {
    number == 0 ? 0 : number.isNaN ? Double.nan.bitPattern : number.bitPattern
  }

  @inline(__always)
  private func each<T: BitwiseCopyable>(
    _ rows: Range<Int>, of values: UnsafeBufferPointer<T>, _ body: (Int, UInt64) -> Void, _ word: (T) -> UInt64
  ) {
    for row in rows { body(row, column.isNull(row) ? KeyColumn.ofNull : StableHash.of(word(values[row]))) }
  }

  /// The ID of a row for people, a long one cut.
  func text(at row: Int) -> String {
    if column.isNull(row) { return "null" }
    switch column.type {
    case .utf8:
      let text = column.string(at: row) ?? ""
      return text.count > 60 ? jsonQuoted(String(text.prefix(60))) + "…" : jsonQuoted(text)
    case .bool: return column.bit(at: row) ? "true" : "false"
    case .float32: return "\(column.values(as: Float.self)[row])"
    case .float64: return "\(column.values(as: Double.self)[row])"
    case .date, .timestamp: return column.calendarText(at: row) ?? ""
    default: return column.integer(at: row).map { "\($0)" } ?? ""
    }
  }
}
