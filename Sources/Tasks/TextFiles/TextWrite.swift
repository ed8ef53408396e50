import Graph

/// `text.write`: one text file for every partition, one line for every record.
struct TextWrite: SinkOp {
  let names: OutputNames
  let column: String
  let format: TextOutputFormat

  init(_ arguments: OpArguments) throws {
    names = try OutputNames(arguments)
    column = arguments.require(OpArguments.string, "column")
    format = TextOutputFormat(
      compression: TextFileFormat.Compression(rawValue: arguments.require(OpArguments.string, "compression"))
        ?? .infer,
      encoding: arguments.require(OpArguments.string, "encoding"),
      lastLineEnds: arguments.require(OpArguments.boolean, "last_line_ends"))
    _ = try TextEncoding(format.encoding)
  }

  func paths(for partitions: Partitions) throws -> [String] {
    let paths = try names.paths(for: partitions)
    for path in paths { _ = try format.compression.resolved(for: path, parameter: "compression") }
    return paths
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    // Blocks, and what packing takes.
    MemoryEstimate(output: 256, scratch: TextFileWriter.blockByteCount * 2 + (4 << 20))
  }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let file = partition.file?.path
    let texts = try Table.from(value, file: file).column(column, file: file)
    guard texts.type == .utf8 else {
      throw TaskError(
        .wrongType, "column \"\(column)\" holds \(texts.type), but lines are strings; name another column", file: file)
    }
    // A file without records has no line that could end.
    var format = format
    if texts.count == 0 { format.lastLineEnds = false }
    let path = try names.path(of: partition)
    let writer = try TextFileWriter(to: sink, path: path, format: format)
    try texts.withStrings { cells in
      for row in 0..<cells.count {
        if row % 4096 == 0 { try context.checkCancellation() }
        try writer.write(texts.isNull(row) ? UnsafeBufferPointer(start: nil, count: 0) : cells[row])
      }
    }
    return try writer.finish()
  }

  static let definition = OpDefinition(
    name: "text.write", version: 1,
    summary: "writes every partition to a text file of its own, one line per record",
    inputs: [OpInput("table", summary: "the lines to write")],
    parameters: [
      OpParameter("column", .string, default: .string("text"), summary: "the column of strings that holds the lines"),
      OutputNames.directory, OutputNames.name,
      OpParameter(
        "compression", .choice(TextFileFormat.Compression.allCases.map(\.rawValue)), default: .string("infer"),
        summary: "how the files are packed; infer goes by their names' endings .gz, .zst and .zstd"),
      OpParameter(
        "encoding", .string, default: .string("utf-8"),
        summary: "the files' encoding, by iconv's name for it or Python's"),
      OpParameter(
        "last_line_ends", .boolean, default: .boolean(true),
        summary: "whether the last line is ended as all others are"),
    ],
    output: "the files' paths, sizes and record counts; a null is an empty line",
    example: """
      written:
        op: text.write
        from: lines
        with: {directory: out, name: "{stem}.txt.gz"}
      """,
    maker: .sink { try TextWrite($0) })
}
