import Graph

/// `csv.write`: a CSV file for every partition, or one for all.
struct CSVWrite: SinkOp {
  private let names: OutputNames?
  private let rows: CSVRows
  let joined: (any JoinedSinkOp)?

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
      joined = CSVJoined(path: path, rows: rows)
    } else {
      names = try OutputNames(arguments)
      joined = nil
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
    name: "csv.write", version: 1, summary: "writes CSV: a file for every partition, or one for all",
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
      for null and "" for an empty text
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
}

/// All partitions in one file: their lines are made where they are, and put behind one another.
private struct CSVJoined: JoinedSinkOp {
  let path: String
  let rows: CSVRows

  func estimatePart(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    let gathered = ShardWriter.gatheredBytes(limit: memoryLimit)
    return MemoryEstimate(
      output: min(inputBytes, 64 << 10), scratch: CSVRows.scratchByteCount + min(inputBytes * 2, gathered * 3 / 2))
  }

  func estimateJoin(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: 256, scratch: ShardWriter.gatheredBytes(limit: memoryLimit) * 2)
  }

  func part(
    _ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try rows.table(value, file: file)
    var writer = ShardWriter(shardCount: 1, inputCount: count, context: context)
    var gathered = BufferBuilder()
    let most = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    try rows.write(table, file: file, context) { bytes in
      gathered.append(bytes)
      if gathered.count >= most {
        try writer.write(gathered, [0, gathered.count])
        gathered.removeAll()
      }
    }
    return try writer.finish(gathered, [0, gathered.count], header: header(of: table, partition))
  }

  /// Records, columns, and where the partition is from.
  private func header(of table: Table, _ partition: Partition) throws -> Buffer {
    var out = BufferBuilder()
    out.append(Int64(table.count))
    let names = try rows.header(table.names)
    out.append(Int64(names.count))
    withExtendedLifetime(names) { out.append(names.bytes) }
    out.append(partition.label)
    return out.finish()
  }

  func join(_ parts: [any TaskValue], to sink: any ByteSink, context: any TaskContext) throws -> Int {
    var records = 0
    var first: (columns: Buffer, label: String)?
    for part in parts {
      guard let set = part as? ShardSet, set.header.count >= 16 else {
        throw TaskError(.wrongType, "the input is a \(type(of: part).kind), and no part of a file")
      }
      records += Int(set.header.bytes.loadUnaligned(as: Int64.self))
      let end = 16 + Int(set.header.bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
      guard (16...set.header.count).contains(end) else {
        throw TaskError(.corruptValue, "stored parts are damaged; resume computes them again")
      }
      let columns = set.header.slice(16..<end)
      let label = String(decoding: set.header.bytes[end...], as: UTF8.self)
      if let first {
        guard first.columns.bytes.elementsEqual(columns.bytes) else {
          func shown(_ buffer: Buffer) -> String { String(decoding: buffer.bytes.dropLast(), as: UTF8.self) }
          throw TaskError(
            .badInput,
            "partition \(label) has the columns \(shown(columns)), and \(first.label) has \(shown(first.columns)); name "
              + "those to write: columns, or give directory in place of path")
        }
      } else {
        first = (columns, label)
        if rows.hasHeader { try withExtendedLifetime(columns) { try sink.write(columns.bytes) } }
      }
      for piece in 0..<set.pieceCount {
        try context.checkCancellation()
        guard let bytes = try set.bytes(ofShards: 0..<1, inPiece: piece) else { continue }
        try withExtendedLifetime(bytes) { try sink.write(bytes.bytes) }
      }
    }
    return records
  }
}
