import Graph

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
    parameters: [OpParameter("column", .string, summary: "the column; lists count item by item"), .splitEvery],
    output: "one column of the same name: every text once, sorted by code point; nulls are left out",
    example: """
      categories:
        op: bag.distinct
        from: papers
        with: {column: main_cat_list}
      """,
    maker: .reduction { try BagDistinct($0) })
}
