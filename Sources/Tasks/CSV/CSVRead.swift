import Graph

/// `csv.read`: CSV files as a table.
struct CSVRead: SourceOp {
  /// Made with the op: its partitions and what is read for each must be of one listing.
  let plan: CSVPlan
  let onError: OnError

  init(_ arguments: OpArguments) throws {
    onError = OnError(arguments)
    let columns = arguments.strings("columns")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
    let names = arguments.strings("names")
    if names?.firstRepeated != nil { throw ParameterError("names", "a name stands there twice") }
    plan = try CSVPlan(
      files: arguments.require(OpArguments.strings, "files"), format: try CSVFormat(arguments),
      compression: TextFileFormat.Compression(rawValue: arguments.require(OpArguments.string, "compression")) ?? .infer,
      blocksize: try FileBlocks.blocksize(arguments), names: names,
      chosen: columns,
      types: try CSVRead.types(arguments.map("types") ?? [:]))
  }

  private static func types(_ names: [String: String]) throws -> [String: ColumnType] {
    try names.mapValues { name in
      guard let type = ColumnType.csvTypes[name] else {
        let near =
          nearestName(to: name, among: Array(ColumnType.csvTypes.keys)).map { "; did you mean \"\($0)\"?" } ?? ""
        throw ParameterError(
          "types",
          "\"\(name)\" is no type\(near) (there are \(ColumnType.csvTypes.keys.sorted().joined(separator: ", ")))")
      }
      return type
    }
  }

  func partitions() throws -> Partitions { plan.partitions }

  func identity(of partition: Partition) -> [IdentityPart] { plan.identity(of: partition) }

  func estimate(_ partition: Partition) -> MemoryEstimate {
    MemoryEstimate(
      output: plan.expectedByteCount(of: partition), scratch: CSVTableReader.windowByteCount + CSVBorders.proofByteCount
    )
  }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    try plan.read(partition, onError: onError, context: context)
  }

  static let definition = OpDefinition(
    name: "csv.read", version: 2,
    summary: "reads CSV files, cut at records into partitions; columns come from the header, types from the records",
    parameters: [
      OpParameter("files", .files, isIdentity: false, summary: "files, folders or glob patterns"),
      OpParameter(
        "columns", .strings, isOptional: true, isIdentity: false,
        summary: "which columns and in which order; all if left out. Others are not even parsed"),
      OpParameter(
        "types", .map, isOptional: true, isIdentity: false,
        summary:
          "types by column: int8, int32, int64, float32, float64, bool, string, date, timestamp; learnt from the "
          + "first records where left out"),
      OpParameter(
        "names", .strings, isOptional: true, isIdentity: false,
        summary: "the columns' names, where there is no header or in its stead"),
    ] + CSVFormat.parameters + [
      OpParameter(
        "nulls", .strings, isOptional: true, isIdentity: false,
        summary: "what stands for null, beside nothing at all; in quotes it is text"),
      OpParameter(
        "skip_lines", .integer(0...(.max)), default: .integer(0), isIdentity: false,
        summary: "lines to pass over at the beginning of each file"),
      FileBlocks.parameter(", as packed ones always are"),
      OpParameter(
        "compression", .choice(TextFileFormat.Compression.allCases.map(\.rawValue)), default: .string("infer"),
        isIdentity: false, summary: "how the files are packed; infer goes by their endings .gz, .zst and .zstd"),
      OnError.parameter,
    ],
    output: """
      a record per line, or per quoted record of several: RFC 4180, UTF-8. Learnt types are bool, int64, float64, date, \
      timestamp (ISO 8601, an offset from UTC is taken off) and string; an empty field is null, "" an empty text
      """,
    example: """
      visits:
        op: csv.read
        with: {files: "visits/*.csv", types: {customer_id: string}}
      """,
    maker: .source { try CSVRead($0) })
}
