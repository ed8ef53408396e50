import Graph

/// `table.rename`.
struct RenameColumns: PartitionOp {
  let names: [String: String]

  init(_ arguments: OpArguments) throws {
    names = arguments.require(OpArguments.map, "columns")
    guard !names.isEmpty else { throw ParameterError("columns", "name at least one column, as {old: new}") }
    if let twice = names.values.sorted().firstRepeated {
      throw ParameterError("columns", "two columns would be called \"\(twice)\"")
    }
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: inputBytes[0], scratch: 0) }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let new = Dictionary(uniqueKeysWithValues: names.map { (ByteText($0), $1) })
    for name in names.keys.sorted() { _ = try table.column(name, file: file) }
    let renamed = table.names.map { new[ByteText($0)] ?? $0 }
    if let twice = renamed.firstRepeated {
      throw TaskError(
        .invalidParameter,
        "two columns would be called \"\(twice)\": one is there and keeps its name; rename or drop that one too",
        file: file
      )
    }
    return Table(names: renamed, columns: table.columns, count: table.count)
  }

  static let definition = OpDefinition(
    name: "table.rename", version: 1, summary: "gives columns other names",
    inputs: [OpInput("table", .any, summary: "any table")],
    parameters: [
      OpParameter("columns", .map, summary: "the new name of each column, as {old: new}; two may swap their names")
    ],
    output: "all columns in their order, renamed where asked for",
    example: """
      named:
        op: table.rename
        from: visits
        with: {columns: {cust: customer_id, ts: timestamp}}
      """,
    maker: .perPartition { try RenameColumns($0) })
}
