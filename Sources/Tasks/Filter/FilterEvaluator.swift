import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Evaluates a condition on a table, one column after the other.
struct FilterEvaluator {
  let table: Table
  let file: String?
  let context: any TaskContext

  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  func evaluate(_ expression: FilterExpression) throws -> Truth {
    switch expression {
    case .literal(.bool(let value)): return Truth(value, count: table.count)
    case .literal: return Truth(nil, count: table.count)
    case .column(let name):
      let column = try column(name)
      guard column.type == .bool else {
        throw wrong("column \"\(name)\" holds \(column.type), and alone it is no condition; compare it with something")
      }
      return Truth(column, .key(.equal, 1))
    case .not(let inner):
      var truth = try evaluate(inner)
      truth.negate()
      return truth
    case .and(let parts): return try joined(parts) { $0.and($1) }
    case .or(let parts): return try joined(parts) { $0.or($1) }
    case .isNull(.column(let name)): return Truth(isNull: try column(name))
    case .isNull(.literal(let literal)): return Truth(literal == .null, count: table.count)
    case .isNull(let condition): return try evaluate(condition).unknown()
    case .comparison(let comparison, let left, .literal(let literal)):
      return try compared(comparison, left, literal)
    case .comparison(let comparison, let left, let right): return try compared(comparison, left, right)
    case .isIn(let operand, let items, let hasNull):
      var truth = try isIn(operand, items)
      if hasNull { truth.forgetFalse() }
      return truth
    case .like(let operand, let pattern):
      return try texts(operand, "like") { column in
        column.withStrings { cells in Truth(column) { pattern.matches(cells[$0]) } }
      }
    case .matches(let operand, let expression):
      return try texts(operand, "matches") { column in
        let matcher = try RegularExpression.Matcher(expression)
        return try column.withStrings { cells in
          try Truth(column) { row in
            if row & 0xFFF == 0xFFF { try context.checkCancellation() }
            do {
              return column.nullCount == 0 || !column.isNull(row) ? try matcher.matches(cells[row]) : false
            } catch let problem as RegularExpression.Problem {
              throw TaskError(
                .failed, "the pattern '\(expression.pattern)' cannot be matched: \(problem); make it simpler",
                file: file,
                record: "\(row + 1)")
            }
          }
        }
      }
    }
  }

  private func column(_ name: String) throws -> Column {
    try context.checkCancellation()
    return try table.column(name, file: file)
  }

  private func wrong(_ message: String) -> TaskError { TaskError(.wrongType, message, file: file) }

  private func joined(_ parts: [FilterExpression], _ join: (inout Truth, Truth) -> Void) throws -> Truth {
    var truth = try evaluate(parts[0])
    for part in parts.dropFirst() { join(&truth, try evaluate(part)) }
    return truth
  }

  private func texts(_ operand: FilterExpression, _ word: String, _ body: (Column) throws -> Truth) throws -> Truth {
    guard case .column(let name) = operand else {
      throw wrong("\"\(word)\" needs a column of strings on its left side")
    }
    let column = try column(name)
    if column.nullCount == column.count { return Truth(nil, count: table.count) }
    guard column.type == .utf8 else {
      throw wrong(
        "column \"\(name)\" holds \(column.type), and \"\(word)\" takes strings; cast it with table.cast before")
    }
    return try body(column)
  }

  // MARK: - With a value

  private func compared(
    _ comparison: ComparisonOperator, _ left: FilterExpression, _ literal: FilterLiteral
  ) throws -> Truth {
    guard case .column(let name) = left else { preconditionFailure("values are compared when they are read") }
    let column = try column(name)
    if column.nullCount == column.count { return Truth(nil, count: table.count) }
    if column.type == .utf8, case .text(var text) = literal {
      return text.withUTF8 { value in
        column.withStrings { cells in Truth(column) { comparison.holds(byteOrder(cells[$0], value)) } }
      }
    }
    return Truth(column, try test(comparison, column, name, literal))
  }

  /// A column's comparison with a value, in keys of the column's type.
  private func test(
    _ comparison: ComparisonOperator, _ column: Column, _ name: String, _ literal: FilterLiteral
  ) throws -> ComparisonTest {
    switch (column.type, literal) {
    case (.int8, .integer(let value)), (.int32, .integer(let value)), (.int64, .integer(let value)):
      return .key(comparison, value)
    case (.int8, .number(let value)), (.int32, .number(let value)), (.int64, .number(let value)):
      return .wholeNumbers(comparison, value)
    case (.float32, .integer(let value)), (.float64, .integer(let value)): return .numbers(comparison, value)
    case (.float32, .number(let value)), (.float64, .number(let value)): return .key(comparison, OrderedKey.of(value))
    case (.bool, .bool(let value)): return .key(comparison, value ? 1 : 0)
    case (.date, .date(let value)): return .key(comparison, Int64(value))
    case (.date, .timestamp(let value)): return .dates(comparison, timestamp: value)
    case (.timestamp, .timestamp(let value)): return .key(comparison, value)
    case (.timestamp, .date(let value)): return .timestamps(comparison, date: value)
    case (.date, .text(var text)):
      if let value = text.withUTF8({ ValueParsing.date($0) }) { return .key(comparison, Int64(value)) }
      if let value = text.withUTF8({ ValueParsing.timestamp($0) }) { return .dates(comparison, timestamp: value) }
      throw wrong("column \"\(name)\" holds date, and \(literal.description) is none; write it as '2024-01-31'")
    case (.timestamp, .text(var text)):
      if let value = text.withUTF8({ ValueParsing.timestamp($0) }) { return .key(comparison, value) }
      throw wrong(
        "column \"\(name)\" holds timestamp, and \(literal.description) is none; write it as '2024-01-31 23:59:59'")
    case (.list, _):
      throw wrong("column \"\(name)\" holds \(column.type), which cannot be compared; use the op sql with json_each")
    case (.bool, _):
      throw wrong("column \"\(name)\" holds bool: compare it with true or false, not with \(literal.kind)")
    case (.utf8, .integer), (.utf8, .number):
      throw wrong(
        "column \"\(name)\" holds string, and \(literal.description) is a number; cast the column with table.cast before, or "
          + "write '\(literal.description)'")
    case (_, .text) where column.type.isNumeric:
      throw wrong(
        "column \"\(name)\" holds \(column.type), and \(literal.description) is a text; write a number without quotes, or cast "
          + "the column to string with table.cast before")
    default:
      throw wrong(
        "column \"\(name)\" holds \(column.type), which is not compared with \(literal.kind); cast it with table.cast before"
      )
    }
  }

  private func isIn(_ operand: FilterExpression, _ items: [FilterLiteral]) throws -> Truth {
    guard case .column(let name) = operand else { preconditionFailure("a list is compared with a column") }
    let column = try column(name)
    if column.nullCount == column.count { return Truth(nil, count: table.count) }
    if column.type == .utf8, items.allSatisfy({ $0.kind == FilterLiteral.text("").kind }) {
      let wanted = Set(items).compactMap { item -> [UInt8]? in
        if case .text(let text) = item { Array(text.utf8) } else { nil }
      }.sorted { $0.count != $1.count ? $0.count < $1.count : $0.lexicographicallyPrecedes($1) }
      return column.withStrings { cells in Truth(column) { contains(wanted, cells[$0]) } }
    }
    var keys: [Int64] = []
    for item in items {
      // What lies between two keys is equal to none.
      if case .key(_, let key) = try test(.equal, column, name, item) { keys.append(key) }
    }
    keys.sort()
    return Truth(column, in: keys)
  }

  /// - Parameter sorted: by length, then by bytes.
  private func contains(_ sorted: [[UInt8]], _ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      let count = sorted[middle].count
      let order =
        count != text.count
        ? count - text.count : count == 0 ? 0 : Int(memcmp(sorted[middle], text.baseAddress!, count))
      if order == 0 { return true }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return false
  }

  // MARK: - Of two columns

  private func compared(
    _ comparison: ComparisonOperator, _ left: FilterExpression, _ right: FilterExpression
  ) throws -> Truth {
    guard case .column(let name) = left, case .column(let other) = right else {
      preconditionFailure("values are compared when they are read")
    }
    let (a, b) = (try column(name), try column(other))
    if a.nullCount == a.count || b.nullCount == b.count { return Truth(nil, count: table.count) }
    func isWhole(_ type: ColumnType) -> Bool { type == .int8 || type == .int32 || type == .int64 }
    func isReal(_ type: ColumnType) -> Bool { type == .float32 || type == .float64 }
    switch (a.type, b.type) {
    case (.utf8, .utf8):
      return a.withStrings { left in
        b.withStrings { right in
          var truth = Truth(a) { comparison.holds(byteOrder(left[$0], right[$0])) }
          truth.mask(by: b)
          return truth
        }
      }
    case (.date, .timestamp): return Truth(a, b) { comparison.holds(OrderedKey.order(date: $0, timestamp: $1)) }
    case (.timestamp, .date): return Truth(a, b) { comparison.holds(-OrderedKey.order(date: $1, timestamp: $0)) }
    case (let x, let y) where isWhole(x) && isReal(y):
      return Truth(a, b) { comparison.holds(OrderedKey.order($0, OrderedKey.number($1))) }
    case (let x, let y) where isReal(x) && isWhole(y):
      return Truth(a, b) { comparison.holds(-OrderedKey.order($1, OrderedKey.number($0))) }
    case (let x, let y)
    where x != .utf8 && (x == y || (isWhole(x) && isWhole(y)) || (isReal(x) && isReal(y))) && !isList(x):
      return Truth(a, b) { comparison.holds($0 < $1 ? -1 : $0 == $1 ? 0 : 1) }
    default:
      throw wrong(
        "column \"\(name)\" holds \(a.type) and \"\(other)\" \(b.type), which are not compared; make them one type with "
          + "table.cast before")
    }
  }

  private func isList(_ type: ColumnType) -> Bool { type.isNested }
}

/// How one text is to another by bytes, which is by code points; negative for less.
@inline(__always)
func byteOrder(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Int {
  let common = min(a.count, b.count)
  let order = common == 0 ? 0 : Int(memcmp(a.baseAddress!, b.baseAddress!, common))
  return order != 0 ? order : a.count - b.count
}

// 64 cells at a time: their keys first, then all comparisons, each a loop over plain memory.
extension Truth {
  /// Of a column's keys with one value.
  fileprivate init(_ column: Column, _ test: ComparisonTest) {
    guard case .key(let comparison, let key) = test else {
      self.init(test == .constant(true), count: column.count)
      mask(by: column)
      return
    }
    switch comparison {
    case .equal: self.init(keysOf: column) { $0 == key }
    case .notEqual: self.init(keysOf: column) { $0 != key }
    case .less: self.init(keysOf: column) { $0 < key }
    case .lessOrEqual: self.init(keysOf: column) { $0 <= key }
    case .greater: self.init(keysOf: column) { $0 > key }
    case .greaterOrEqual: self.init(keysOf: column) { $0 >= key }
    }
  }

  /// Whether a column's keys are among some, which are sorted.
  fileprivate init(_ column: Column, in keys: [Int64]) {
    self.init(keysOf: column) { key in
      var (low, high) = (0, keys.count)
      while low < high {
        let middle = (low + high) / 2
        if keys[middle] < key { low = middle + 1 } else { high = middle }
      }
      return low < keys.count && keys[low] == key
    }
  }

  @inline(__always)
  private init(keysOf column: Column, _ test: (Int64) -> Bool) {
    self = withUnsafeTemporaryAllocation(of: Int64.self, capacity: 64) { keys in
      var truth = Truth(count: column.count) { first, count in
        OrderedKey.fill(keys.baseAddress!, from: column, first, count)
        var word: UInt64 = 0
        for row in 0..<count { word |= (test(keys[row]) ? 1 : 0) << UInt64(row) }
        return word
      }
      truth.mask(by: column)
      return truth
    }
  }

  /// Of the keys of two columns.
  @inline(__always)
  fileprivate init(_ a: Column, _ b: Column, _ test: (Int64, Int64) -> Bool) {
    self = withUnsafeTemporaryAllocation(of: Int64.self, capacity: 128) { keys in
      var truth = Truth(count: a.count) { first, count in
        OrderedKey.fill(keys.baseAddress!, from: a, first, count)
        OrderedKey.fill(keys.baseAddress! + 64, from: b, first, count)
        var word: UInt64 = 0
        for row in 0..<count { word |= (test(keys[row], keys[row + 64]) ? 1 : 0) << UInt64(row) }
        return word
      }
      truth.mask(by: a)
      truth.mask(by: b)
      return truth
    }
  }

  /// Asks for each row; what is said of nulls does not count.
  @inline(__always)
  fileprivate init(_ column: Column, _ test: (Int) throws -> Bool) rethrows {
    try self.init(count: column.count) { first, count in
      var word: UInt64 = 0
      for row in 0..<count { word |= (try test(first + row) ? 1 : 0) << UInt64(row) }
      return word
    }
    mask(by: column)
  }

  /// Where it is neither true nor false.
  fileprivate func unknown() -> Truth {
    let (yes, no) = (yes, no)
    return Truth(count: count) { first, _ in ~(yes[first / 64] | no[first / 64]) }
  }
}
