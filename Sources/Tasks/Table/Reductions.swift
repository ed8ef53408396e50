import Graph

/// `bag.sum`: totals of columns over all partitions, as a table of one row.
///
/// Whole numbers and flags add up in `Int64`, exactly; numbers in `Double`, from the bag's first partition to its
/// last within each combining task.
struct BagSum: ReductionOp {
  /// `nil`: all columns of numbers.
  let columns: [String]?
  let fanIn: Int

  init(_ arguments: OpArguments) throws {
    columns = arguments.strings("columns")
    fanIn = arguments.require(OpArguments.integer, "split_every")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 4096, scratch: 8192) }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    var totals = Totals()
    for name in columns ?? zip(table.names, table.columns).filter({ $1.type.isNumeric }).map(\.0) {
      let column = try table.column(name, file: file)
      try totals.add(name, try total(of: column, name: name, file: file), file: file)
    }
    return totals.table()
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    var totals = Totals()
    for value in values {
      let table = try Table.from(value)
      for (name, column) in zip(table.names, table.columns) {
        try totals.add(name, try total(of: column, name: name, file: nil), file: nil)
      }
    }
    return totals.table()
  }

  private func total(of column: Column, name: String, file: String?) throws -> Total {
    func overflow() -> TaskError {
      TaskError(.tooLarge, "the total of column \"\(name)\" is beyond 2⁶³ - 1; make it a column of float64", file: file)
    }
    func whole<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws -> Total {
      let values = column.values(as: type)
      var sum: Int64 = 0
      var overflows = false
      for row in 0..<column.count where column.nullCount == 0 || !column.isNull(row) {
        let (next, didOverflow) = sum.addingReportingOverflow(Int64(truncatingIfNeeded: values[row]))
        sum = next
        overflows = overflows || didOverflow
      }
      if overflows { throw overflow() }
      return .whole(sum)
    }
    switch column.type {
    case .int8: return try whole(Int8.self)
    case .int32: return try whole(Int32.self)
    case .int64: return try whole(Int64.self)
    case .bool:
      var sum: Int64 = 0
      for row in 0..<column.count where !column.isNull(row) && column.bit(at: row) { sum += 1 }
      return .whole(sum)
    case .float32:
      let values = column.values(as: Float.self)
      var sum = 0.0
      for row in 0..<column.count where column.nullCount == 0 || !column.isNull(row) { sum += Double(values[row]) }
      return .number(sum)
    case .float64:
      let values = column.values(as: Double.self)
      var sum = 0.0
      for row in 0..<column.count where column.nullCount == 0 || !column.isNull(row) { sum += values[row] }
      return .number(sum)
    case .date, .timestamp, .utf8, .list, .structure:
      throw TaskError(
        .wrongType, "column \"\(name)\" holds \(column.type), which cannot be added up; name columns of numbers",
        file: file)
    }
  }

  private enum Total {
    case whole(Int64)
    case number(Double)

    var asDouble: Double {
      switch self {
      case .whole(let value): Double(value)
      case .number(let value): value
      }
    }
  }

  /// Totals in the order in which their columns turned up.
  private struct Totals {
    private var totals: [(name: String, total: Total)] = []
    private var places: [ByteText: Int] = [:]

    mutating func add(_ name: String, _ total: Total, file: String?) throws {
      guard let place = places[ByteText(name)] else {
        places[ByteText(name)] = totals.count
        totals.append((name, total))
        return
      }
      let before = totals[place].total
      if case .whole(let a) = before, case .whole(let b) = total {
        let (sum, overflows) = a.addingReportingOverflow(b)
        guard !overflows else {
          throw TaskError(
            .tooLarge, "the total of column \"\(name)\" is beyond 2⁶³ - 1; make it a column of float64", file: file)
        }
        totals[place].total = .whole(sum)
      } else {
        totals[place].total = .number(before.asDouble + total.asDouble)
      }
    }

    func table() -> Table {
      Table(
        totals.map { name, total in
          switch total {
          case .whole(let value):
            var column = FixedColumnBuilder<Int64>(capacity: 1)
            column.append(value)
            return (name, column.finish())
          case .number(let value):
            var column = FixedColumnBuilder<Double>(capacity: 1)
            column.append(value)
            return (name, column.finish())
          }
        })
    }
  }

  static let splitEvery = OpParameter(
    "split_every", .integer(2...Int.max), default: .integer(8), isIdentity: false,
    summary: "how many partial results one combining task takes")

  static let definition = OpDefinition(
    name: "bag.sum", version: 1, summary: "adds columns up over all partitions",
    inputs: [OpInput("table", summary: "a table with columns of numbers")],
    parameters: [
      OpParameter(
        "columns", .strings, isOptional: true,
        summary: "which columns and in which order; all columns of numbers in the order of appearance if left out"),
      // Part of the identity here: totals of float64 round differently when the tree is cut differently.
      OpParameter(
        "split_every", .integer(2...Int.max), default: .integer(8),
        summary: "how many partial results one combining task takes"),
    ],
    output:
      "one record with a total per column: int64 for whole numbers and flags, float64 for numbers; nulls count as 0",
    example: """
      totals:
        op: bag.sum
        from: prepared
        with: {columns: [Mathematics, Physics]}
      """,
    maker: .reduction { try BagSum($0) })
}

/// `bag.count`: how many records a bag has.
struct BagCount: ReductionOp {
  let fanIn: Int

  init(_ arguments: OpArguments) throws { fanIn = arguments.require(OpArguments.integer, "split_every") }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 512, scratch: 512) }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    guard let count = value.rowCount else {
      throw TaskError(
        .wrongType, "a \(type(of: value).kind) has no records to count", file: partition.file?.path)
    }
    return BagCount.table(Int64(count))
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    BagCount.table(try values.reduce(0) { $0 + (try Table.from($1).column("count").integer(at: 0) ?? 0) })
  }

  private static func table(_ count: Int64) -> Table {
    var column = FixedColumnBuilder<Int64>(capacity: 1)
    column.append(count)
    return Table([("count", column.finish())])
  }

  static let definition = OpDefinition(
    name: "bag.count", version: 1, summary: "counts the records of all partitions",
    inputs: [OpInput("table", summary: "any table")],
    parameters: [BagSum.splitEvery],
    output: "one record: count, int64",
    example: """
      papers_read:
        op: bag.count
        from: papers
      """,
    maker: .reduction { try BagCount($0) })
}

/// `bag.distinct`: the different values of a column.
struct BagDistinct: ReductionOp {
  let column: String
  let fanIn: Int

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    fanIn = arguments.require(OpArguments.integer, "split_every")
  }

  /// How many values differ is not to be foreseen; texts that all differ come out as large as they went in.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    return MemoryEstimate(output: all / 64 + 16_384, scratch: all / 32 + 32_768)
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    return try distinct([try table.texts(column, for: "bag.distinct", file: file)], context: context)
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try distinct(values.map { try Table.from($0).column(column) }, context: context)
  }

  private func distinct(_ columns: [Column], context: any TaskContext) throws -> Table {
    var found = StringTable()
    for column in columns {
      let rows = column.items == nil ? nil : column
      let texts = column.items ?? column
      try texts.withStrings { cells in
        for row in 0..<column.count {
          if row % 4096 == 4095 { try context.checkCancellation() }
          if column.isNull(row) { continue }
          let items = rows?.withOffsets { Int($0[row])..<Int($0[row + 1]) } ?? row..<(row + 1)
          for item in items { _ = found.insert(cells[item]) }
        }
      }
    }
    var sorted = StringColumnBuilder(rows: found.count)
    for number in found.sorted() { try sorted.append(found.text(number)) }
    return Table([(column, sorted.finish())])
  }

  static let definition = OpDefinition(
    name: "bag.distinct", version: 1, summary: "lists the different texts of a column over all partitions",
    inputs: [OpInput("table", summary: "a table with a column of strings or of lists of strings")],
    parameters: [OpParameter("column", .string, summary: "the column; lists count item by item"), BagSum.splitEvery],
    output: "one column of the same name: every text once, sorted by code point; nulls are left out",
    example: """
      categories:
        op: bag.distinct
        from: papers
        with: {column: main_cat_list}
      """,
    maker: .reduction { try BagDistinct($0) })
}
