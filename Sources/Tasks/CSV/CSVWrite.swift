import Graph

/// `csv.write`: a CSV file for every partition, or one for all.
struct CSVWrite: SinkOp {
  private let names: OutputNames?
  private let rows: CSVRows
  let placed: (any PlacedSinkOp)?

  init(_ arguments: OpArguments) throws {
    let columns = arguments.strings("columns")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
    let delimiter = arguments.require(OpArguments.string, "delimiter")
    rows = CSVRows(
      columns: columns, delimiter: try CSVFormat.byte(delimiter, "delimiter"),
      hasHeader: arguments.require(OpArguments.boolean, "header"))
    if let path = try OutputNames.joinedPath(arguments) {
      names = nil
      placed = CSVPlaced(path: path, rows: rows)
    } else {
      names = try OutputNames(arguments)
      placed = nil
    }
  }

  func paths(for partitions: Partitions) throws -> [String] { try names?.paths(for: partitions) ?? [] }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 256, scratch: CSVRows.scratchByteCount) }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let table = try rows.table(value, file: partition.file?.path)
    if rows.hasHeader {
      let header = try rows.header(table.names)
      try withExtendedLifetime(header) { try sink.write(header.bytes) }
    }
    try rows.write(table, file: partition.file?.path, context) { try sink.write($0) }
    return table.count
  }

  static let definition = OpDefinition(
    name: "csv.write", version: 2, summary: "writes CSV: a file for every partition, or one for all",
    inputs: [OpInput("table", .any, summary: "the records to write")],
    parameters: [
      OutputNames.path, OutputNames.directoryOrNot, OutputNames.name,
      OpParameter(
        "columns", .strings, isOptional: true, summary: "which columns and in which order; all if left out"),
      OpParameter(
        "delimiter", .string, default: .string(","), summary: "what stands between fields: one character, or tab"),
      OpParameter("header", .boolean, default: .boolean(true), summary: "whether the columns' names come first"),
    ],
    output: """
      the files' paths, sizes and record counts; UTF-8, lines end with \\n, text in quotes only where it has to be, nothing \
      for null and "" for an empty text; lists of int32, and vectors, as one text with commas. One file for all is written by all \
      workers at once
      """,
    example: """
      written:
        op: csv.write
        from: totals
        with: {path: out/totals.csv}
      """,
    maker: .sink { try CSVWrite($0) })
}

/// What stands in a file and how.
private struct CSVRows {
  /// `nil`: all of the table's.
  let columns: [String]?
  let delimiter: UInt8
  let hasHeader: Bool

  /// Bytes handed on at a time.
  private static let blockByteCount = 256 << 10
  static let scratchByteCount = blockByteCount * 2 + 65_536

  func table(_ value: any TaskValue, file: String?) throws -> Table {
    let whole = try Table.from(value, file: file)
    return try columns.map { try whole.selecting($0, file: file) } ?? whole
  }

  func header(_ names: [String]) throws -> Buffer {
    var out = BufferBuilder()
    try CSVRowWriter.appendHeader(names, delimiter: delimiter, to: &out)
    return out.finish()
  }

  func write(
    _ table: Table, file: String?, _ context: any TaskContext, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let writer = try CSVRowWriter(table, delimiter: delimiter, file: file)
    var block = BufferBuilder(capacity: CSVRows.blockByteCount + 16_384)
    for row in 0..<table.count {
      writer.append(row: row, to: &block)
      if block.count >= CSVRows.blockByteCount {
        try context.checkCancellation()
        try sink(block.bytes)
        block.removeAll()
      }
    }
    if block.count > 0 { try sink(block.bytes) }
  }

  /// What `write` writes, in bytes.
  func byteCount(_ table: Table, file: String?, _ context: any TaskContext) throws -> Int {
    let writer = try CSVRowWriter(table, delimiter: delimiter, file: file)
    if let bytes = writer.byteCountOfLists() { return bytes }
    var bytes = 0
    try write(table, file: file, context) { bytes += $0.count }
    return bytes
  }
}

/// All partitions in one file, each straight to its place: its lines are made twice, first for their length.
private struct CSVPlaced: PlacedSinkOp {
  let path: String
  let rows: CSVRows

  func headByteCount(form: String) -> Int { rows.hasHeader ? form.utf8.count : 0 }

  /// The form is the header's line.
  func size(of value: any TaskValue, partition: Partition, context: any TaskContext) throws -> PlacedSize {
    let file = partition.file?.path
    let table = try rows.table(value, file: file)
    let header = try rows.header(table.names)
    let form = withExtendedLifetime(header) { String(decoding: header.bytes, as: UTF8.self) }
    return PlacedSize(records: table.count, bytes: try rows.byteCount(table, file: file, context), form: form)
  }

  func mismatch(of partition: Partition, form: String, others: String) -> String {
    "partition \(partition.label) has the columns \(form.dropLast()), and those before it have \(others.dropLast()); name "
      + "those to write: columns, or give directory in place of path"
  }

  func estimate(inputBytes: Int) -> MemoryEstimate { MemoryEstimate(output: 256, scratch: CSVRows.scratchByteCount) }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws {
    let file = partition.file?.path
    try rows.write(rows.table(value, file: file), file: file, context) { try sink.write($0) }
  }

  func head(records: Int, form: String) -> [UInt8] { rows.hasHeader ? Array(form.utf8) : [] }
}
