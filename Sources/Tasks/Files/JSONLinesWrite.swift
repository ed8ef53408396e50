import Graph

/// `jsonl.write`: one file of JSON lines for every partition.
struct JSONLinesWrite: SinkOp {
  let names: OutputNames
  /// `nil`: all of the table's.
  let columns: [String]?

  /// Bytes handed to the file at a time.
  private static let blockByteCount = 256 << 10

  init(_ arguments: OpArguments) throws {
    names = try OutputNames(arguments)
    columns = arguments.strings("columns")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil {
      throw ParameterError("columns", "a column is named twice")
    }
  }

  func paths(for partitions: Partitions) throws -> [String] { try names.paths(for: partitions) }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    // Blocks, and one record's text in the worst case.
    MemoryEstimate(output: 256, scratch: JSONLinesWrite.blockByteCount * 2 + 65_536)
  }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let whole = try Table.from(value, file: partition.file?.path)
    let table = try columns.map { try whole.selecting($0, file: partition.file?.path) } ?? whole
    let writer = JSONRowWriter(table)
    var block = BufferBuilder(capacity: JSONLinesWrite.blockByteCount + 16_384)
    for row in 0..<table.count {
      writer.append(row: row, to: &block)
      block.append(UInt8(ascii: "\n"))
      if block.count >= JSONLinesWrite.blockByteCount {
        try context.checkCancellation()
        try sink.write(block.bytes)
        block.removeAll()
      }
    }
    if block.count > 0 { try sink.write(block.bytes) }
    return table.count
  }

  static let definition = OpDefinition(
    name: "jsonl.write", version: 1,
    summary: "writes every partition to a file of its own, one JSON object per line",
    inputs: [OpInput("table", summary: "the records to write")],
    parameters: [
      OutputNames.directory, OutputNames.name,
      OpParameter(
        "columns", .strings, isOptional: true, summary: "which columns and in which order; all if left out"),
    ],
    output: "the files' paths, sizes and record counts; a file holds UTF-8, int8 as 0 and 1, nulls as null",
    example: """
      written:
        op: jsonl.write
        from: prepared
        with: {directory: out, name: "{stem}.jsonl"}
      """,
    maker: .sink { try JSONLinesWrite($0) })
}
