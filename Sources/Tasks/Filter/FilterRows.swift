import Graph

/// `table.filter`: the records that a condition is true for.
struct FilterRows: PartitionOp {
  private let condition: FilterExpression

  init(_ arguments: OpArguments) throws {
    let source = arguments.require(OpArguments.string, "where")
    do {
      condition = try FilterParser.parse(source)
    } catch let mistake as FilterSyntaxError {
      throw ParameterError("where", "\(mistake.message) (\(TextPlace(in: source, at: mistake.offset)))")
    }
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0], scratch: inputBytes[0] / 2 + 16_384)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let truth = try FilterEvaluator(table: table, file: file, context: context).evaluate(condition)
    if truth.trueCount == table.count { return table }
    let rows = truth.trueRows()
    return try withExtendedLifetime(rows) { try table.rows(at: rows.elements(of: Int32.self)) }
  }

  static let definition = OpDefinition(
    name: "table.filter", version: 1, summary: "keeps the records that a condition is true for",
    inputs: [OpInput("table", .any, summary: "any table")],
    parameters: [
      OpParameter(
        "where", .string,
        summary:
          "the condition, as in SQL: = != < <= > >=, in, between, like, matches (a regular expression), is null, "
          + "and, or, not; texts in single quotes, odd column names in double ones")
    ],
    output: "all columns; the records in their order. Where the condition is unknown, as a comparison with null is, a "
      + "record is left out",
    example: """
      wanted:
        op: table.filter
        from: visits
        with: {where: "amount > 0 and page in ('/a', '/b') and not (name is null)"}
      """,
    maker: .perPartition { try FilterRows($0) })
}
