import GRDBSQLite
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A table that SQLite reads where it lies, as a virtual table: nothing is copied but what a query takes from it.
///
/// Whole numbers and flags are INTEGER, others REAL, with NaN as NULL, which SQLite makes of it; strings, dates and
/// timestamps are TEXT in ISO 8601, lists JSON. A column's declared type tells who reads a result what it was.
///
/// SQLite has no index for a virtual table, and would go through all of it for each record of another. So a column that
/// is looked up more than once for equality gets one here: chains of rows with one hash, in their order. SQLite compares
/// again, so that a chain may hold more than was looked for.
final class SQLTable {
  let names: [String]
  let count: Int
  fileprivate let cells: [Cells]
  private let table: Table
  fileprivate var indices: [RowIndex?]
  /// How often each column was looked up.
  fileprivate var lookups: [Int]

  fileprivate struct Cells {
    enum Kind {
      case int8(UnsafePointer<Int8>)
      case int32(UnsafePointer<Int32>)
      case int64(UnsafePointer<Int64>)
      case float32(UnsafePointer<Float>)
      case float64(UnsafePointer<Double>)
      case bits(UnsafePointer<UInt8>)
      case text(StringCells)
      /// Dates, timestamps, lists.
      case written(ColumnText)
    }

    let kind: Kind
    let validity: UnsafePointer<UInt8>?

    @inline(__always)
    func isNull(_ row: Int) -> Bool {
      guard let validity else { return false }
      return validity[row >> 3] & (1 << UInt8(row & 7)) == 0
    }
  }

  init(_ table: Table) {
    self.table = table
    names = table.names
    count = table.count
    cells = table.columns.map(SQLTable.cells)
    indices = Array(repeating: nil, count: table.columns.count)
    lookups = Array(repeating: 0, count: table.columns.count)
  }

  /// The table keeps the buffers.
  private static func cells(_ column: Column) -> Cells {
    func base<T: BitwiseCopyable>(_ type: T.Type) -> UnsafePointer<T> {
      guard case .fixed(let values) = column.storage else { preconditionFailure("no fixed width") }
      return values.base.assumingMemoryBound(to: type)
    }
    let kind: Cells.Kind =
      switch column.type {
      case .int8: .int8(base(Int8.self))
      case .int32: .int32(base(Int32.self))
      case .int64: .int64(base(Int64.self))
      case .float32: .float32(base(Float.self))
      case .float64: .float64(base(Double.self))
      case .bool: .bits(base(UInt8.self))
      case .utf8: .text(column.withStrings { $0 })
      case .date, .timestamp, .list, .vector, .structure: .written(ColumnText(column))
      }
    return Cells(kind: kind, validity: column.validity?.base.assumingMemoryBound(to: UInt8.self))
  }

  /// `CREATE TABLE` as SQLite wants to know it.
  fileprivate var declaration: String {
    // A table without columns still has records.
    if names.isEmpty { return "CREATE TABLE t(\"none\" HIDDEN)" }
    let columns = zip(names, table.columns).map { name, column in
      "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\" "
        + SQLTable.declaredType(column.type)
    }
    return "CREATE TABLE t(" + columns.joined(separator: ", ") + ")"
  }

  /// The words decide how SQLite compares: INT, REAL and TEXT are what it looks for in them.
  private static func declaredType(_ type: ColumnType) -> String {
    switch type {
    case .int8: "INT8"
    case .int32: "INT32"
    case .int64: "INTEGER"
    case .bool: "BOOL INT"
    case .float32: "REAL32"
    case .float64: "REAL"
    case .date: "DATE TEXT"
    case .timestamp: "TIMESTAMP TEXT"
    case .utf8: "TEXT"
    case .list, .vector, .structure: "LIST TEXT"
    }
  }

  /// The type of a result's column that is one of these as it is.
  static func type(declared: String) -> ColumnType? {
    switch declared {
    case "INT8": .int8
    case "INT32": .int32
    case "INTEGER": .int64
    case "BOOL INT": .bool
    case "REAL32": .float32
    case "REAL": .float64
    case "DATE TEXT": .date
    case "TIMESTAMP TEXT": .timestamp
    case "TEXT", "LIST TEXT": .utf8
    default: nil
    }
  }

  fileprivate func put(_ column: Int, _ row: Int, _ result: OpaquePointer?) {
    let cells = cells[column]
    if cells.isNull(row) { return sqlite3_result_null(result) }
    switch cells.kind {
    case .int8(let values): sqlite3_result_int64(result, Int64(values[row]))
    case .int32(let values): sqlite3_result_int64(result, Int64(values[row]))
    case .int64(let values): sqlite3_result_int64(result, values[row])
    case .float32(let values): sqlite3_result_double(result, Double(values[row]))
    case .float64(let values): sqlite3_result_double(result, values[row])
    case .bits(let bits): sqlite3_result_int64(result, bits[row >> 3] & (1 << UInt8(row & 7)) == 0 ? 0 : 1)
    case .text(let texts):
      // The text stays where it is as long as the query runs.
      let start = Int(texts.offsets[row])
      let bytes = UnsafeRawPointer(texts.bytes + start).assumingMemoryBound(to: CChar.self)
      sqlite3_result_text(result, bytes, texts.offsets[row + 1] - texts.offsets[row], nil)
    case .written(let writer):
      var text = BufferBuilder()
      writer.append(row, to: &text)
      sqlite3_result_text(
        result, text.base.assumingMemoryBound(to: CChar.self), Int32(text.count), SQLTable.transient)
    }
  }

  /// Tells SQLite to copy what it is given.
  private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  /// The rows that may equal `value` in a column, in an index; `nil` where all have to be looked at.
  fileprivate func chain(_ column: Int, _ value: OpaquePointer) -> RowIndex.Chain? {
    let hash: UInt64
    switch (cells[column].kind, sqlite3_value_type(value)) {
    case (_, SQLITE_NULL): return RowIndex.Chain.empty
    case (.text, SQLITE_TEXT), (.written, SQLITE_TEXT):
      hash = RowIndex.hash(sqlite3_value_text(value), Int(sqlite3_value_bytes(value)))
    case (.text, _), (.written, _): return nil
    case (_, SQLITE_INTEGER), (_, SQLITE_FLOAT): hash = RowIndex.hash(sqlite3_value_double(value))
    default: return nil
    }
    lookups[column] += 1
    // One look costs less than an index.
    guard lookups[column] > 1 else { return nil }
    if indices[column] == nil { indices[column] = RowIndex(count: count) { self.hash(column, $0) } }
    return indices[column]!.chain(hash)
  }

  private func hash(_ column: Int, _ row: Int) -> UInt64? {
    let cells = cells[column]
    if cells.isNull(row) { return nil }
    switch cells.kind {
    case .int8(let values): return RowIndex.hash(Double(values[row]))
    case .int32(let values): return RowIndex.hash(Double(values[row]))
    case .int64(let values): return RowIndex.hash(Double(values[row]))
    case .float32(let values): return RowIndex.hash(Double(values[row]))
    case .float64(let values): return RowIndex.hash(values[row])
    case .bits(let bits): return RowIndex.hash(bits[row >> 3] & (1 << UInt8(row & 7)) == 0 ? 0 : 1)
    case .text(let texts):
      let text = texts[row]
      return RowIndex.hash(text.baseAddress, text.count)
    case .written(let writer):
      var text = BufferBuilder()
      writer.append(row, to: &text)
      return RowIndex.hash(text.base.assumingMemoryBound(to: UInt8.self), text.count)
    }
  }
}

// MARK: - What SQLite calls

private struct VirtualTable {
  var base: sqlite3_vtab
  var source: Unmanaged<SQLTable>
}

private struct Cursor {
  var base: sqlite3_vtab_cursor
  var source: Unmanaged<SQLTable>
  /// The row it stands on; behind the last, or negative behind the last of a chain.
  var row: Int
  var chain: RowIndex.Chain?
}

extension SQLTable {
  /// - Note: `nonisolated(unsafe)` holds because it is filled once, before anyone sees it, and then only read.
  nonisolated(unsafe) static let module: UnsafePointer<sqlite3_module> = {
    let module = UnsafeMutablePointer<sqlite3_module>.allocate(capacity: 1)
    module.initialize(to: sqlite3_module())
    // Without xCreate the module's name is the name of its one table.
    module.pointee.xConnect = { database, source, _, _, out, message in
      let table = Unmanaged<SQLTable>.fromOpaque(source!)
      let status = sqlite3_declare_vtab(database, table.takeUnretainedValue().declaration)
      guard status == SQLITE_OK else {
        // Copied, since SQLite frees it.
        if let why = sqlite3_errmsg(database), let copy = sqlite3_malloc64(UInt64(strlen(why) + 1)) {
          message?.pointee = strcpy(copy.assumingMemoryBound(to: CChar.self), why)
        }
        return status
      }
      let made = UnsafeMutablePointer<VirtualTable>.allocate(capacity: 1)
      made.initialize(to: VirtualTable(base: sqlite3_vtab(), source: table))
      out?.pointee = UnsafeMutableRawPointer(made).assumingMemoryBound(to: sqlite3_vtab.self)
      return SQLITE_OK
    }
    module.pointee.xDisconnect = { table in
      table.map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: VirtualTable.self).deallocate() }
      return SQLITE_OK
    }
    module.pointee.xBestIndex = { table, info in SQLTable.plan(table!, info!) }
    module.pointee.xOpen = { table, out in
      let source = UnsafeMutableRawPointer(table!).assumingMemoryBound(to: VirtualTable.self).pointee.source
      let cursor = UnsafeMutablePointer<Cursor>.allocate(capacity: 1)
      cursor.initialize(to: Cursor(base: sqlite3_vtab_cursor(), source: source, row: 0, chain: nil))
      out?.pointee = UnsafeMutableRawPointer(cursor).assumingMemoryBound(to: sqlite3_vtab_cursor.self)
      return SQLITE_OK
    }
    module.pointee.xClose = { cursor in
      let cursor = SQLTable.cursor(cursor)
      cursor.deinitialize(count: 1)
      cursor.deallocate()
      return SQLITE_OK
    }
    module.pointee.xFilter = { cursor, column, _, count, values in
      let cursor = SQLTable.cursor(cursor)
      cursor.pointee.chain = nil
      cursor.pointee.row = 0
      if column > 0, count == 1, let value = values?[0] {
        let source = cursor.pointee.source.takeUnretainedValue()
        cursor.pointee.chain = source.chain(Int(column) - 1, value)
        if let chain = cursor.pointee.chain { cursor.pointee.row = chain.first }
      }
      return SQLITE_OK
    }
    module.pointee.xNext = { cursor in
      let cursor = SQLTable.cursor(cursor)
      if let chain = cursor.pointee.chain {
        cursor.pointee.row = chain.next(after: cursor.pointee.row)
      } else {
        cursor.pointee.row += 1
      }
      return SQLITE_OK
    }
    module.pointee.xEof = { cursor in
      let cursor = SQLTable.cursor(cursor)
      let row = cursor.pointee.row
      return row < 0 || row >= cursor.pointee.source._withUnsafeGuaranteedRef({ $0.count }) ? 1 : 0
    }
    module.pointee.xColumn = { cursor, result, column in
      let cursor = SQLTable.cursor(cursor)
      cursor.pointee.source._withUnsafeGuaranteedRef { source in
        if Int(column) < source.names.count {
          source.put(Int(column), cursor.pointee.row, result)
        } else {
          sqlite3_result_null(result)
        }
      }
      return SQLITE_OK
    }
    module.pointee.xRowid = { cursor, out in
      out?.pointee = Int64(SQLTable.cursor(cursor).pointee.row) + 1
      return SQLITE_OK
    }
    return UnsafePointer(module)
  }()

  private static func cursor(_ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> UnsafeMutablePointer<Cursor> {
    UnsafeMutableRawPointer(cursor!).assumingMemoryBound(to: Cursor.self)
  }

  /// Chooses one column that is compared for equality, if there is one; its number from 1 on is the plan.
  private static func plan(
    _ table: UnsafeMutablePointer<sqlite3_vtab>, _ info: UnsafeMutablePointer<sqlite3_index_info>
  ) -> Int32 {
    let source = UnsafeMutableRawPointer(table).assumingMemoryBound(to: VirtualTable.self).pointee.source
      .takeUnretainedValue()
    let count = Double(source.count)
    info.pointee.idxNum = 0
    info.pointee.estimatedCost = count + 1
    info.pointee.estimatedRows = Int64(source.count)
    for number in 0..<Int(info.pointee.nConstraint) {
      let constraint = info.pointee.aConstraint[number]
      guard constraint.usable != 0, Int32(constraint.op) == SQLITE_INDEX_CONSTRAINT_EQ, constraint.iColumn >= 0,
        Int(constraint.iColumn) < source.names.count,
        String(cString: sqlite3_vtab_collation(info, Int32(number))).uppercased() == "BINARY"
      else { continue }
      info.pointee.aConstraintUsage[number].argvIndex = 1
      info.pointee.idxNum = constraint.iColumn + 1
      info.pointee.estimatedCost = 10
      info.pointee.estimatedRows = max(1, Int64(count.squareRoot()))
      break
    }
    return SQLITE_OK
  }
}
