import Graph

/// `table.select` and `table.drop`.
struct ChooseColumns: PartitionOp {
  let columns: [String]
  let keeps: Bool

  init(_ arguments: OpArguments, keeps: Bool) throws {
    columns = arguments.require(OpArguments.strings, "columns")
    self.keeps = keeps
    guard !columns.isEmpty else { throw ParameterError("columns", "name at least one column") }
    guard columns.firstRepeated == nil else { throw ParameterError("columns", "a column is named twice") }
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: inputBytes[0], scratch: 0) }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    return keeps ? try table.selecting(columns, file: file) : try table.dropping(columns, file: file)
  }

  static let select = OpDefinition(
    name: "table.select", version: 1, summary: "keeps the named columns, in the order they are named",
    inputs: [OpInput("table", summary: "any table")],
    parameters: [OpParameter("columns", .strings, summary: "which columns and in which order")],
    output: "the named columns",
    example: """
      slim:
        op: table.select
        from: papers
        with: {columns: [id, abstract]}
      """,
    maker: .perPartition { try ChooseColumns($0, keeps: true) })

  static let drop = OpDefinition(
    name: "table.drop", version: 1, summary: "takes the named columns out",
    inputs: [OpInput("table", summary: "any table")],
    parameters: [OpParameter("columns", .strings, summary: "the columns to take out")],
    output: "all other columns, in their order",
    example: """
      slim:
        op: table.drop
        from: papers
        with: {columns: [title, authors]}
      """,
    maker: .perPartition { try ChooseColumns($0, keeps: false) })
}
