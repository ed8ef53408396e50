import Graph

/// `text.read`: lines of text as a table of one column, or two.
struct TextRead: SourceOp {
  /// Made with the op: its partitions and what is read for each must be of one listing.
  let plan: TextFilePlan
  /// Lines of each file that are read; `nil` for all.
  private let linesPerFile: Int?

  init(_ arguments: OpArguments) throws {
    let format = TextFileFormat(
      compression: TextFileFormat.Compression(rawValue: arguments.require(OpArguments.string, "compression"))
        ?? .infer,
      encoding: arguments.require(OpArguments.string, "encoding"),
      errors: TextFileFormat.DecodingErrors(rawValue: arguments.require(OpArguments.string, "errors")) ?? .strict,
      delimiter: arguments.string("delimiter"), keepsLineEnds: arguments.require(OpArguments.boolean, "keep_ends"),
      includesPath: arguments.require(OpArguments.boolean, "include_path"))
    linesPerFile = arguments.integer("lines_per_file")
    if linesPerFile != nil, arguments.string("blocksize") != nil {
      throw ParameterError("lines_per_file", "it does not go with blocksize, which cuts files; give only one of them")
    }
    plan = try TextFilePlan(
      arguments.require(OpArguments.strings, "files"), format: format, splitting: try TextRead.splitting(arguments))
  }

  private static func splitting(_ arguments: OpArguments) throws -> TextFileSplitting {
    switch (arguments.string("blocksize"), arguments.integer("files_per_partition")) {
    case (nil, nil): return .byFile
    case (nil, let count?): return .filesPerPartition(count)
    case (let size?, nil):
      guard let bytes = ByteCount(size)?.bytes, bytes >= 1 else {
        throw ParameterError("blocksize", "\"\(size)\" is no size; write for example 64MB")
      }
      return .blocksOrFiles(bytes)
    case (_?, _?):
      throw ParameterError("blocksize", "it does not go with files_per_partition; give only one of them")
    }
  }

  func partitions() throws -> Partitions { plan.partitions }

  func identity(of partition: Partition) -> [IdentityPart] { plan.identity(of: partition) }

  func estimate(_ partition: Partition) -> MemoryEstimate {
    let bytes = plan.expectedByteCount(of: partition)
    // Four bytes of offset a line, and where paths are wanted, a path a line; lines of 64 bytes are taken to be usual.
    var output = bytes + bytes / 16 + 16_384
    if plan.format.includesPath { output += bytes / 64 * ((partition.file?.path.utf8.count ?? 64) + 4) }
    return MemoryEstimate(output: output, scratch: LineSplitter.windowByteCount * 2)
  }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let reader = plan.lineReader(partition, context: context)
    var texts = StringColumnBuilder(byteCount: 4096)
    var paths = StringColumnBuilder()
    let (includesPath, most) = (plan.format.includesPath, linesPerFile ?? .max)
    if linesPerFile == nil {
      try reader.forEachLine { line in
        try texts.append(line)
        if includesPath { try paths.append(reader.path) }
      }
    } else {
      while let line = try reader.next() {
        if reader.lineNumber <= most {
          try texts.append(line)
          if includesPath { try paths.append(reader.path) }
        }
        if reader.lineNumber >= most { reader.skipRestOfFile() }
      }
    }
    let text = (name: "text", column: texts.finish())
    let path = (name: "path", column: paths.finish())
    return Table(includesPath ? [text, path] : [text])
  }

  static let definition = OpDefinition(
    name: "text.read", version: 1,
    summary: "reads lines of text, one partition per file, per so many files or per block of a file",
    parameters: [
      OpParameter(
        "files", .files, isIdentity: false, summary: "files, folders or glob patterns; one partition per file"),
      OpParameter(
        "blocksize", .string, isOptional: true, isIdentity: false,
        summary:
          "cut files into blocks of about this size, such as 64MB, one partition per block; a compressed file stays whole"
      ),
      OpParameter(
        "files_per_partition", .integer(1...(.max)), isOptional: true, isIdentity: false,
        summary: "read so many files into one partition"),
      OpParameter(
        "lines_per_file", .integer(0...(.max)), isOptional: true,
        summary: "read only so many first lines of each file; not with blocksize"),
      OpParameter(
        "compression", .choice(TextFileFormat.Compression.allCases.map(\.rawValue)), default: .string("infer"),
        summary: "how the files are packed; infer goes by their endings .gz, .zst and .zstd"),
      OpParameter(
        "encoding", .string, default: .string("utf-8"),
        summary: "the files' encoding, by iconv's name for it or Python's; utf-8-sig passes over a byte order mark"),
      OpParameter(
        "errors", .choice(TextFileFormat.DecodingErrors.allCases.map(\.rawValue)), default: .string("strict"),
        summary: "what to do with bytes that are no text: fail the task, replace them by U+FFFD, or ignore them"),
      OpParameter(
        "delimiter", .string, isOptional: true,
        summary: "what ends a line; \\n, \\r\\n and \\r all do if left out"),
      OpParameter(
        "keep_ends", .boolean, default: .boolean(false),
        summary: "whether a line keeps its end; \\r\\n and \\r become \\n where no delimiter is given"),
      OpParameter(
        "include_path", .boolean, default: .boolean(false), summary: "add a column \"path\" with each line's file"),
    ],
    output: "a record per line: text (string), and path (string) if include_path is set",
    example: """
      lines:
        op: text.read
        with: {files: "logs/*.txt", blocksize: 64MB}
      """,
    maker: .source { try TextRead($0) })
}
