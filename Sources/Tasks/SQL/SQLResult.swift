import GRDBSQLite
import Graph

/// One column of a query's result, which learns its type from its values.
///
/// SQLite types each value, not the column. Whole numbers give `int64`, numbers `float64`, both together `float64`, texts
/// `string`; nothing but nulls, the type of the column that is selected, or `string`. A column that is selected as it is
/// keeps its type, so that it is the same in all partitions.
final class SQLResultColumn {
  let name: String
  private let declared: ColumnType?
  private var integers: FixedColumnBuilder<Int64>?
  private var numbers: FixedColumnBuilder<Double>?
  private var texts: StringColumnBuilder?
  private var count = 0
  /// Bytes so far, roughly.
  private(set) var byteCount = 0

  init(_ statement: OpaquePointer, _ column: Int32) {
    name = String(cString: sqlite3_column_name(statement, column))
    declared = sqlite3_column_decltype(statement, column).flatMap { SQLTable.type(declared: String(cString: $0)) }
  }

  /// - Throws: `TaskError` with code `.wrongType` for texts among numbers, and for blobs.
  func append(_ statement: OpaquePointer, _ column: Int32) throws {
    byteCount += 9
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER:
      let value = sqlite3_column_int64(statement, column)
      if numbers != nil {
        numbers!.append(Double(value))
      } else {
        if integers == nil { try start(isText: false) { integers = FixedColumnBuilder<Int64>() } }
        integers!.append(value)
      }
    case SQLITE_FLOAT:
      if numbers == nil { try widen() }
      numbers!.append(sqlite3_column_double(statement, column))
    case SQLITE_TEXT:
      if texts == nil { try start(isText: true) { texts = StringColumnBuilder() } }
      let bytes = sqlite3_column_text(statement, column)
      let length = Int(sqlite3_column_bytes(statement, column))
      byteCount += length
      try texts!.append(UnsafeBufferPointer(start: bytes, count: length))
    case SQLITE_NULL: try appendNull()
    default:
      throw TaskError(
        .wrongType, "column \"\(name)\" of the result holds a blob; make it text with CAST(… AS TEXT) or hex(…)")
    }
    count += 1
  }

  private func appendNull() throws {
    if integers != nil {
      integers!.appendNull()
    } else if numbers != nil {
      numbers!.appendNull()
    } else if texts != nil {
      try texts!.appendNull()
    }
  }

  /// Settles the type at the first value; before it were nulls.
  private func start(isText: Bool, _ make: () -> Void) throws {
    guard isText ? integers == nil && numbers == nil : texts == nil else {
      throw TaskError(
        .wrongType,
        "column \"\(name)\" of the result holds texts and numbers; make it one type with CAST(… AS TEXT) or CAST(… AS REAL)",
        record: "\(count + 1)")
    }
    make()
    for _ in 0..<count { try appendNull() }
  }

  private func widen() throws {
    guard let whole = integers.take()?.finish() else {
      return try start(isText: false) { numbers = FixedColumnBuilder<Double>() }
    }
    var wider = FixedColumnBuilder<Double>(capacity: whole.count)
    for row in 0..<whole.count {
      if let value = whole.integer(at: row) { wider.append(Double(value)) } else { wider.appendNull() }
    }
    numbers = consume wider
  }

  func finish() throws -> Column {
    let found: Column
    if let column = integers.take()?.finish() {
      found = column
    } else if let column = numbers.take()?.finish() {
      found = column
    } else if let column = texts.take()?.finish() {
      found = column
    } else {
      return .nulls(of: declared ?? .utf8, count: count)
    }
    guard let declared, declared != found.type, ColumnCast.isPossible(from: found.type, to: declared),
      isSelectedAs(declared, found)
    else { return found }
    let (cast, failed) = try ColumnCast(found, to: declared, exact: true).run()
    // Where other values are in it than the column's own, as behind UNION, these decide.
    return failed.isEmpty ? cast : found
  }

  private func isSelectedAs(_ declared: ColumnType, _ found: Column) -> Bool {
    switch (declared, found.type) {
    case (.int8, .int64), (.int32, .int64), (.bool, .int64), (.float64, .int64), (.date, .utf8), (.timestamp, .utf8):
      return true
    case (.float32, .float64):
      let values = found.values(as: Double.self)
      return (0..<found.count).allSatisfy { found.isNull($0) || Double(Float(values[$0])) == values[$0] }
    default: return false
    }
  }
}
