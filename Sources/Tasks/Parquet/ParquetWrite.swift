import Graph

/// `parquet.write`: a Parquet file for every partition, or one for all.
struct ParquetWrite: SinkOp {
  private let names: OutputNames?
  /// `nil`: all of the table's.
  private let columns: [String]?
  private let options: ParquetOptions
  let joined: (any JoinedSinkOp)?

  init(_ arguments: OpArguments) throws {
    let columns = arguments.strings("columns")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
    self.columns = columns
    options = ParquetOptions(
      compression: arguments.require(OpArguments.string, "compression"),
      rowGroupRows: arguments.require(OpArguments.integer, "row_group_rows"))
    if let path = try OutputNames.joinedPath(arguments) {
      names = nil
      joined = ParquetJoined(path: path, columns: columns, options: options)
    } else {
      names = try OutputNames(arguments)
      joined = nil
    }
    _ = try ArrowLibrary.load()
  }

  func paths(for partitions: Partitions) throws -> [String] { try names?.paths(for: partitions) ?? [] }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    // Of one column's row group, the packed pages wait for its dictionary; the rest is what packing takes.
    MemoryEstimate(output: 256, scratch: (12 << 20) + inputBytes[0] / 4)
  }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let file = partition.file?.path
    let whole = try Table.from(value, file: file)
    let table = try columns.map { try whole.selecting($0, file: file) } ?? whole
    let writer = try ParquetWriter(columns: table, options, to: sink, context: context, file: file)
    try writer.write(table)
    try writer.finish()
    return table.count
  }

  static let definition = OpDefinition(
    name: "parquet.write", version: 1,
    summary: "writes Parquet, with statistics and checksums: a file for every partition, or one for all",
    inputs: [OpInput("table", .any, summary: "the records to write")],
    parameters: [
      OutputNames.path, OutputNames.directoryOrNot, OutputNames.name,
      OpParameter(
        "columns", .strings, isOptional: true, summary: "which columns and in which order; all if left out"),
      OpParameter(
        "compression", .choice(["zstd", "snappy", "gzip", "none"]), default: .string("zstd"),
        summary: "how the files' pages are packed"),
      OpParameter(
        "row_group_rows", .integer(1...(1 << 30)), default: .integer(131_072),
        summary: "how many records a row group has at most: what readers read at once"),
    ],
    output: "the files' paths, sizes and record counts; the same records give the same bytes",
    example: """
      written:
        op: parquet.write
        from: prepared
        with: {directory: out, name: "{stem}.parquet"}
      """,
    maker: .sink { try ParquetWrite($0) })
}
