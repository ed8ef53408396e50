import Graph

/// `parquet.read`: row groups of Parquet files as tables.
struct ParquetRead: SourceOp {
  /// Made with the op: its partitions and what is read for each must be of one listing.
  let plan: ParquetPlan
  let approximate: Bool

  init(_ arguments: OpArguments) throws {
    let columns = arguments.strings("columns")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
    let size = arguments.require(OpArguments.string, "partition_size")
    guard let bytes = ByteCount(size)?.bytes, bytes >= 1 else {
      throw ParameterError("partition_size", "\"\(size)\" is no size; write for example 32MB")
    }
    approximate = arguments.require(OpArguments.boolean, "approximate")
    plan = try ParquetPlan(
      arguments.require(OpArguments.strings, "files"), columns: columns, partitionBytes: bytes,
      approximate: approximate)
  }

  func partitions() throws -> Partitions { plan.partitions }

  func identity(of partition: Partition) -> [IdentityPart] {
    let piece = plan.pieces[partition.index]
    return [
      .file(piece.file), .text(name: "row groups", value: "\(piece.groups.lowerBound)..<\(piece.groups.upperBound)"),
      // Of a column that is null throughout, and of a key, the type is the other files' say.
      .text(name: "types", value: plan.outputs.map { "\($0.name): \($0.type)" }.joined(separator: ", ")),
    ]
  }

  func estimate(_ partition: Partition) -> MemoryEstimate {
    let piece = plan.pieces[partition.index]
    // Pages and dictionaries on their way, and what a column grows by at its end.
    return MemoryEstimate(output: piece.bytes + 16_384, scratch: (6 << 20) + piece.largestColumn / 8)
  }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let piece = plan.pieces[partition.index]
    let file = try ParquetFile(piece.file)
    let columns = try file.withColumns { schemas in
      try plan.outputs.map { output -> Column in
        if output.isKey {
          let value = piece.keys.last { ByteText($0.name) == ByteText(output.name) }?.value
          return try ParquetRead.repeated(value, output.type, count: piece.rows)
        }
        guard
          let position = schemas.firstIndex(where: {
            ByteText($0.name.map { String(cString: $0) } ?? "") == ByteText(output.name)
          })
        else { throw file.changed() }
        return try file.read(
          ArrowColumn(schemas[position], approximate: approximate), at: position, groups: piece.groups,
          type: output.type, approximate: approximate, context: context)
      }
    }
    try file.checkUnchanged()
    return Table(names: plan.outputs.map(\.name), columns: columns, count: piece.rows)
  }

  private static func repeated(_ value: String?, _ type: ColumnType, count: Int) throws -> Column {
    guard let value else { return Column.nulls(of: type, count: count) }
    if type == .int64, let number = Int64(value) {
      var out = FixedColumnBuilder<Int64>(capacity: count)
      for _ in 0..<count { out.append(number) }
      return out.finish()
    }
    var out = StringColumnBuilder(rows: count, byteCount: count * value.utf8.count)
    for _ in 0..<count { try out.append(value) }
    return out.finish()
  }

  static let definition = OpDefinition(
    name: "parquet.read", version: 1,
    summary: "reads Parquet files, one partition per row group or per several small ones",
    parameters: [
      OpParameter(
        "files", .files, isIdentity: false,
        summary: "files, folders or glob patterns; folders named key=value below a folder become columns"),
      OpParameter(
        "columns", .strings, isOptional: true,
        summary: "which columns and in which order, and nothing else is read; all of the first file's if left out"),
      OpParameter(
        "partition_size", .string, default: .string("32MB"), isIdentity: false,
        summary: "join row groups of a file into one partition up to this size in memory"),
      OpParameter(
        "approximate", .boolean, default: .boolean(false),
        summary: "take decimals as float64, and cut timestamps of nanoseconds down to microseconds"),
    ],
    output: """
      the files' records. Whole numbers (int8, int32 or int64, whichever holds them), float32 and float64, bool, date, \
      timestamp (in UTC where the file has a time zone), strings, lists and structures; a column that is null throughout \
      in all files counts as strings
      """,
    example: """
      trips:
        op: parquet.read
        with: {files: "trips/*.parquet", columns: [started, distance]}
      """,
    maker: .source { try ParquetRead($0) })
}
