import Graph

/// `bag.frequencies`: how often each value of a column is there, or each combination of several columns' values.
struct Frequencies: ReductionOp {
  private let columns: [String]
  private let top: Int?
  let fanIn: Int

  private static let countName = "count"

  init(_ arguments: OpArguments) throws {
    columns = arguments.require(OpArguments.strings, "columns")
    top = arguments.integer("top")
    fanIn = arguments.require(OpArguments.integer, "split_every")
    guard !columns.isEmpty else { throw ParameterError("columns", "name at least one column") }
    if let name = (columns + [Frequencies.countName]).firstRepeated {
      throw ParameterError(
        "columns",
        name == Frequencies.countName
          ? "\"count\" is what the column of frequencies is called; give yours another name before, with table.rename"
          : "column \"\(name)\" is named twice")
    }
    guard columns.count <= KeyBatch.mostColumns else {
      throw ParameterError("columns", "at most \(KeyBatch.mostColumns) columns can be combined")
    }
  }

  /// How many values differ is not to be foreseen.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    return MemoryEstimate(output: all / 16 + (16 << 10), scratch: all / 4 + (64 << 10))
  }

  private func limit(_ context: any TaskContext) -> ValueGroups.Limit {
    let names = columns.map { "\"\($0)\"" }.joined(separator: ", ")
    return ValueGroups.Limit(
      memory: context.memoryLimit, fanIn: min(fanIn, 1024),
      what: columns.count == 1 ? "column \(names)" : "columns \(names)",
      remedy:
        "count them with group.aggregate (by: the columns, {count: {count: \"*\"}}) and sort them with table.sort, "
        + "which keep on disk what does not fit, or give more memory")
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    // A partition without records may say nothing about its columns.
    if table.count == 0, table.names.isEmpty {
      return Table(
        names: columns + [Frequencies.countName],
        columns: columns.map { _ in .nulls(of: .utf8, count: 0) } + [.nulls(of: .int64, count: 0)], count: 0)
    }
    let keys: [Column]
    if columns.count == 1 {
      keys = [try table.countable(columns[0], for: "bag.frequencies", file: file)]
    } else {
      keys = try columns.map { name in
        let column = try table.column(name, file: file)
        guard !column.type.isNested else {
          throw TaskError(
            .wrongType,
            "column \"\(name)\" holds \(column.type), which counts item by item only if it is the one column named",
            file: file)
        }
        return column
      }
    }
    let groups = ValueGroups(keys.map(\.type), limit(context))
    try groups.take(keys, context: context)
    return try self.table(of: groups, context)
  }

  private func table(of groups: ValueGroups, _ context: any TaskContext) throws -> Table {
    let (values, counts) = try groups.result(of: context, areCounted: true)
    return Table(names: columns + [Frequencies.countName], columns: values + [counts], count: counts.count)
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let tables = try values.map { try Table.from($0) }
    if tables.count == 1 { return tables[0] }
    var union = TableUnion(fillsMissing: false)
    for (index, table) in tables.enumerated() { try union.add(table, source: "\(context.inputKey(index))") }
    let types = union.types
    let groups = ValueGroups(Array(types.dropLast()), limit(context))
    for (index, table) in tables.enumerated() where table.count > 0 {
      let fitted = try union.fitted(table, source: "\(context.inputKey(index))").columns
      try groups.take(Array(fitted.dropLast()), rowCounts: fitted[columns.count], context: context)
    }
    return try self.table(of: groups, context)
  }

  func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue {
    let table = try Table.from(value)
    let order = SortOrder(
      keys: [SortOrder.Key(column: Frequencies.countName, isDescending: true)]
        + columns.map { SortOrder.Key(column: $0, isDescending: false) }, nullsFirst: false)
    let rows = try SortKeys(table, order, rows: 0..<table.count, file: nil).order()
    return try rows.withUnsafeBufferPointer {
      try table.rows(at: UnsafeBufferPointer(rebasing: $0.prefix(top ?? $0.count)))
    }
  }

  static let definition = OpDefinition(
    name: "bag.frequencies", version: 1, summary: "counts how often each value is there, the most frequent first",
    inputs: [OpInput("table", summary: "a table with the columns that are named")],
    parameters: [
      OpParameter(
        "columns", .strings,
        summary: "the column whose values are counted, lists item by item; of several, their combinations are"),
      OpParameter(
        "top", .integer(1...Int(Int32.max)), isOptional: true,
        summary: "how many of the most frequent come out; all if left out"),
      .splitEvery,
    ],
    output: """
      a record for each value: the columns, and count, int64; the most frequent first, those that are equally frequent in \
      the order of their values; nulls are left out
      """,
    example: """
      pages:
        op: bag.frequencies
        from: records
        with: {columns: page, top: 100}
      """,
    maker: .reduction { try Frequencies($0) })
}
