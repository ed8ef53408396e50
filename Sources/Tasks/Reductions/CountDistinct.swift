import Graph

/// `bag.countDistinct`: how many different values columns have.
///
/// A partial result has the different values themselves, column by column from the top, and nulls below where a column has
/// less of them than another.
struct CountDistinct: ReductionOp {
  private let columns: [String]
  let fanIn: Int

  init(_ arguments: OpArguments) throws {
    columns = arguments.require(OpArguments.strings, "columns")
    fanIn = arguments.require(OpArguments.integer, "split_every")
    guard !columns.isEmpty else { throw ParameterError("columns", "name at least one column") }
    if columns.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
  }

  /// How many values differ is not to be foreseen.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    return MemoryEstimate(output: all / 16 + (16 << 10), scratch: all / 4 + (64 << 10))
  }

  private func groups(_ name: String, _ type: ColumnType, _ context: any TaskContext) -> ValueGroups {
    // Each column is looked up by itself, and all are stored.
    ValueGroups(
      [type],
      ValueGroups.Limit(
        memory: context.memoryLimit, fanIn: min(fanIn, 1024) * columns.count, what: "column \"\(name)\"",
        remedy:
          "count them by table.distinct (columns: \(name)) and bag.count behind it, which keep on disk what does not "
          + "fit, or give more memory"))
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    // A partition without records may say nothing about its columns.
    if table.count == 0, table.names.isEmpty { return try self.table(columns.map { _ in .nulls(of: .utf8, count: 0) }) }
    return try self.table(
      columns.map { name in
        let column = try table.countable(name, for: "bag.countDistinct", file: file)
        let groups = groups(name, column.type, context)
        try groups.take([column], context: context)
        return try groups.result(of: context, areCounted: false).values[0]
      })
  }

  private func table(_ values: [Column]) throws -> Table {
    let count = values.map(\.count).max() ?? 0
    let even = try values.map { column in
      if column.count == count { return column }
      let longer = ColumnAppender(column.type)
      try longer.append(column)
      longer.appendNulls(count - column.count)
      return longer.finish()
    }
    return Table(names: columns, columns: even, count: count)
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let tables = try values.map { try Table.from($0) }
    if tables.count == 1 { return tables[0] }
    var union = TableUnion(fillsMissing: false)
    for (index, table) in tables.enumerated() { try union.add(table, source: "\(context.inputKey(index))") }
    let fitted = try tables.enumerated().map { try union.fitted($1, source: "\(context.inputKey($0))") }
    return try self.table(
      zip(columns, union.types).enumerated().map { place, column in
        let groups = groups(column.0, column.1, context)
        for table in fitted where table.count > 0 {
          try groups.take([try table.columns[place].conformed(to: column.1)], context: context)
        }
        return try groups.result(of: context, areCounted: false).values[0]
      })
  }

  func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue {
    let table = try Table.from(value)
    return Table(
      zip(table.names, table.columns).map { name, values in
        var count = FixedColumnBuilder<Int64>(capacity: 1)
        count.append(Int64(values.count - values.nullCount))
        return (name, count.finish())
      })
  }

  static let definition = OpDefinition(
    name: "bag.countDistinct", version: 1,
    summary: "counts the different values of columns over all partitions, exactly",
    inputs: [OpInput("table", summary: "a table with the columns that are named")],
    parameters: [
      OpParameter("columns", .strings, summary: "the columns, each counted by itself; lists item by item"),
      .splitEvery,
    ],
    output: "one record with a count per column, int64; nulls are left out. The values have to fit into memory",
    example: """
      visitors:
        op: bag.countDistinct
        from: records
        with: {columns: [visitor]}
      """,
    maker: .reduction { try CountDistinct($0) })
}
