import Graph

/// One column as another type, cell by cell in a loop over plain memory.
///
/// A cell casts where its value is the same in the other type, but for the rounding of `float32` and `float64`: a whole
/// number must fit, a number with a fraction is no whole number, flags are 0 and 1. Text is parsed as `ValueParsing` does,
/// and everything becomes text: numbers their shortest, lists JSON. Between dates or timestamps and numbers there is no cast.
struct ColumnCast {
  private let column: Column
  private let type: ColumnType
  /// Whether whole numbers that `float64` does not hold exactly fail.
  private let isExact: Bool

  init(_ column: Column, to type: ColumnType, exact isExact: Bool = false) {
    self.column = column
    self.type = type
    self.isExact = isExact
  }

  /// What users write.
  static let targets: [String: ColumnType] = [
    "int8": .int8, "int32": .int32, "int64": .int64, "float32": .float32, "float64": .float64, "bool": .bool,
    "string": .utf8, "date": .date, "timestamp": .timestamp,
  ]

  static func isPossible(from source: ColumnType, to target: ColumnType) -> Bool {
    if source == target || target == .utf8 || source == .utf8 { return !isList(source) || target == .utf8 }
    switch (source, target) {
    case (.list, _), (_, .list): return false
    case (.date, .timestamp), (.timestamp, .date): return true
    case (.date, _), (.timestamp, _), (_, .date), (_, .timestamp): return false
    default: return true
    }
  }

  private static func isList(_ type: ColumnType) -> Bool { type.isNested }

  /// - Returns: the column, null where a cell does not cast, and the numbers of these rows.
  /// - Throws: `TaskError` with code `.tooLarge` beyond 2³¹ - 1 bytes of text.
  /// - Complexity: O(rows + their bytes).
  func run() throws -> (Column, failed: [Int]) {
    if column.type == type { return (column, []) }
    if column.nullCount == column.count { return (.nulls(of: type, count: column.count), []) }
    if type == .utf8 { return (try texts(), []) }
    switch column.type {
    case .int8: return whole(Int8.self)
    case .int32: return whole(Int32.self)
    case .int64: return whole(Int64.self)
    case .float32: return real(Float.self)
    case .float64: return real(Double.self)
    case .bool: return flags()
    case .date:
      return cells(of: Int32.self, Int64(0)) {
        let (product, overflows) = Int64($0).multipliedReportingOverflow(by: CalendarText.microsecondsPerDay)
        return overflows ? nil : product
      }
    case .timestamp:
      return cells(of: Int64.self, Int32(0)) { Int32(exactly: CalendarText.day(of: $0)) }
    case .utf8: return parsed()
    case .list, .vector, .structure: preconditionFailure("lists and structures become text alone")
    }
  }

  // MARK: - Kernels

  @inline(__always)
  private func whole<T: FixedWidthInteger & BitwiseCopyable>(_ source: T.Type) -> (Column, failed: [Int]) {
    switch type {
    case .int8: return cells(of: T.self, Int8(0)) { Int8(exactly: $0) }
    case .int32: return cells(of: T.self, Int32(0)) { Int32(exactly: $0) }
    case .int64: return cells(of: T.self, Int64(0)) { Int64(exactly: $0) }
    case .float32: return cells(of: T.self, Float(0)) { Float($0) }
    case .float64:
      return isExact ? cells(of: T.self, 0.0) { Double(exactly: $0) } : cells(of: T.self, 0.0) { Double($0) }
    default:
      let values = column.values(as: T.self)
      return bits { values[$0] == 0 ? false : values[$0] == 1 ? true : nil }
    }
  }

  @inline(__always)
  private func real<T: BinaryFloatingPoint & BitwiseCopyable>(_ source: T.Type) -> (Column, failed: [Int]) {
    switch type {
    case .int8: return cells(of: T.self, Int8(0)) { Int8(exactly: $0) }
    case .int32: return cells(of: T.self, Int32(0)) { Int32(exactly: $0) }
    case .int64: return cells(of: T.self, Int64(0)) { Int64(exactly: $0) }
    case .float32:
      return cells(of: T.self, Float(0)) {
        let narrow = Float($0)
        return narrow.isFinite || !$0.isFinite ? narrow : nil
      }
    case .float64: return cells(of: T.self, 0.0) { Double($0) }
    default:
      let values = column.values(as: T.self)
      return bits { values[$0] == 0 ? false : values[$0] == 1 ? true : nil }
    }
  }

  private func flags() -> (Column, failed: [Int]) {
    switch type {
    case .int8: return made(Int8(0)) { column.bit(at: $0) ? 1 : 0 }
    case .int32: return made(Int32(0)) { column.bit(at: $0) ? 1 : 0 }
    case .int64: return made(Int64(0)) { column.bit(at: $0) ? 1 : 0 }
    case .float32: return made(Float(0)) { column.bit(at: $0) ? 1 : 0 }
    default: return made(0.0) { column.bit(at: $0) ? 1 : 0 }
    }
  }

  private func parsed() -> (Column, failed: [Int]) {
    column.withStrings { texts in
      func whole<D: FixedWidthInteger & BitwiseCopyable>(_ zero: D) -> (Column, failed: [Int]) {
        made(zero) { ValueParsing.int64(texts[$0]).flatMap(D.init(exactly:)) }
      }
      switch type {
      case .int8: return whole(Int8(0))
      case .int32: return whole(Int32(0))
      case .int64: return made(Int64(0)) { ValueParsing.int64(texts[$0]) }
      case .float32:
        return made(Float(0)) {
          guard let value = ValueParsing.float64(texts[$0]) else { return nil }
          let narrow = Float(value)
          return narrow.isFinite || !value.isFinite ? narrow : nil
        }
      case .float64: return made(0.0) { ValueParsing.float64(texts[$0]) }
      case .date: return made(Int32(0)) { ValueParsing.date(texts[$0]) }
      case .timestamp: return made(Int64(0)) { ValueParsing.timestamp(texts[$0]) }
      default: return bits { ValueParsing.bool(texts[$0]) }
      }
    }
  }

  @inline(__always)
  private func cells<S: BitwiseCopyable, D: BitwiseCopyable>(
    of source: S.Type, _ zero: D, _ convert: (S) -> D?
  ) -> (Column, failed: [Int]) {
    let values = column.values(as: S.self)
    return made(zero) { convert(values[$0]) }
  }

  /// A column of values, each from its row; asked for only where there is one.
  @inline(__always)
  private func made<D: BitwiseCopyable>(_ zero: D, _ value: (Int) -> D?) -> (Column, failed: [Int]) {
    var out = BufferBuilder(capacity: column.count * MemoryLayout<D>.stride)
    var failed: [Int] = []
    let hasNulls = column.nullCount > 0
    for row in 0..<column.count {
      if hasNulls, column.isNull(row) {
        out.append(zero)
      } else if let value = value(row) {
        out.append(value)
      } else {
        out.append(zero)
        failed.append(row)
      }
    }
    return (finished(.fixed(out.finish()), failed), failed)
  }

  @inline(__always)
  private func bits(_ value: (Int) -> Bool?) -> (Column, failed: [Int]) {
    var out = BufferBuilder(capacity: column.count / 8 + 1)
    var failed: [Int] = []
    var byte: UInt8 = 0
    for row in 0..<column.count {
      if !column.isNull(row) {
        if let value = value(row) {
          if value { byte |= 1 << UInt8(row & 7) }
        } else {
          failed.append(row)
        }
      }
      if row & 7 == 7 {
        out.append(byte)
        byte = 0
      }
    }
    if column.count & 7 > 0 { out.append(byte) }
    return (finished(.fixed(out.finish()), failed), failed)
  }

  /// With the nulls there were, and those of cells that failed.
  private func finished(_ storage: Column.Storage, _ failed: [Int]) -> Column {
    guard !failed.isEmpty else {
      return Column(
        type: type, count: column.count, nullCount: column.nullCount, validity: column.validity, storage: storage)
    }
    let byteCount = (column.count + 7) / 8
    var valid = BufferBuilder(capacity: byteCount)
    valid.appendDirect(most: byteCount) { out in
      if let old = column.validity {
        for index in 0..<byteCount { out[index] = old.bytes[index] }
      } else {
        out.initialize(repeating: 0xFF, count: byteCount)
      }
      for row in failed { out[row >> 3] &= ~(1 << UInt8(row & 7)) }
      return byteCount
    }
    return Column(
      type: type, count: column.count, nullCount: column.nullCount + failed.count, validity: valid.finish(),
      storage: storage)
  }

  // MARK: - Text

  private func texts() throws -> Column {
    var out = StringColumnBuilder(rows: column.count, byteCount: column.count * 8)
    var cell = BufferBuilder()
    let writer = ColumnText(column)
    for row in 0..<column.count {
      if column.isNull(row) {
        try out.appendNull()
      } else {
        cell.removeAll()
        writer.append(row, to: &cell)
        try out.append(cell.bytes.assumingMemoryBound(to: UInt8.self))
      }
    }
    return out.finish()
  }

  /// A cell for messages, not endless.
  static func text(of column: Column, at row: Int) -> String {
    if column.isNull(row) { return "null" }
    var out = BufferBuilder()
    ColumnText(column).append(row, to: &out)
    let text = String(decoding: out.bytes, as: UTF8.self)
    let short = text.unicodeScalars.count <= 80 ? text : String(text.unicodeScalars.prefix(79)) + "…"
    return column.type == .utf8 ? jsonQuoted(short) : short
  }
}

/// Writes cells that are not null as text: strings as they are, numbers their shortest, lists as JSON.
struct ColumnText {
  private let column: Column
  private let lists: JSONRowWriter?

  init(_ column: Column) {
    self.column = column
    if column.type.isNested { lists = JSONRowWriter(Table([("", column)])) } else { lists = nil }
  }

  func append(_ row: Int, to out: inout BufferBuilder) {
    func put(most: Int, _ body: (inout UnsafeMutablePointer<UInt8>) -> Void) {
      out.appendDirect(most: most) { start in
        var at = start
        body(&at)
        return at - start
      }
    }
    switch column.type {
    case .int8: put(most: 8) { $0.put(Int64(column.values(as: Int8.self)[row])) }
    case .int32: put(most: 16) { $0.put(Int64(column.values(as: Int32.self)[row])) }
    case .int64: put(most: 24) { $0.put(column.values(as: Int64.self)[row]) }
    case .float32: put(most: 32) { $0.put(column.values(as: Float.self)[row].description) }
    case .float64: put(most: 32) { $0.put(column.values(as: Double.self)[row].description) }
    case .bool: put(most: 8) { $0.put(column.bit(at: row) ? "true" : "false") }
    case .date:
      put(most: CalendarText.longestDate) { CalendarText.put(date: column.values(as: Int32.self)[row], &$0) }
    case .timestamp:
      put(most: CalendarText.longestTimestamp) {
        CalendarText.put(timestamp: column.values(as: Int64.self)[row], &$0)
      }
    case .utf8: column.withStrings { out.append(UnsafeRawBufferPointer($0[row])) }
    case .list, .vector, .structure: lists?.appendCell(column: 0, row: row, to: &out)
    }
  }
}

extension CalendarText {
  /// The day since 1970-01-01 that a timestamp lies in.
  @inline(__always)
  static func day(of timestamp: Int64) -> Int64 {
    timestamp / microsecondsPerDay - (timestamp % microsecondsPerDay < 0 ? 1 : 0)
  }
}
