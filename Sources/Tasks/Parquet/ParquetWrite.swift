import CArrow
import Graph

/// `parquet.write`: one Parquet file for every partition.
struct ParquetWrite: SinkOp {
  let names: OutputNames
  /// `nil`: all of the table's.
  let columns: [String]?
  let compression: String
  let rowGroupRows: Int

  init(_ arguments: OpArguments) throws {
    names = try OutputNames(arguments)
    columns = arguments.strings("columns")
    compression = arguments.require(OpArguments.string, "compression")
    rowGroupRows = arguments.require(OpArguments.integer, "row_group_rows")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
    _ = try ArrowLibrary.load()
  }

  func paths(for partitions: Partitions) throws -> [String] { try names.paths(for: partitions) }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    // Of one column's row group, the packed pages wait for its dictionary; the rest is what packing takes.
    MemoryEstimate(output: 256, scratch: (12 << 20) + inputBytes[0] / 4)
  }

  /// What Arrow writes to. Callbacks cannot throw: what went wrong is kept here.
  private final class Target {
    let sink: any ByteSink
    let context: any TaskContext
    var failure: (any Error)?

    init(_ sink: any ByteSink, _ context: any TaskContext) {
      self.sink = sink
      self.context = context
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
      // Once it failed, nothing is written any more, whatever Arrow tries at its end.
      guard failure == nil else { return false }
      do {
        try context.checkCancellation()
        try sink.write(bytes)
        return true
      } catch {
        failure = error
        return false
      }
    }
  }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let file = partition.file?.path
    let whole = try Table.from(value, file: file)
    let table = try columns.map { try whole.selecting($0, file: file) } ?? whole
    if let empty = zip(table.names, table.columns).first(where: { ParquetWrite.hasEmptyStructure($1.type) }) {
      throw TaskError(
        .wrongType, "column \"\(empty.0)\" has a structure without fields, which Parquet does not have", file: file)
    }
    guard !table.columns.isEmpty else {
      throw TaskError(.badInput, "the table has no columns, and a Parquet file has at least one", file: file)
    }
    let target = Target(sink, context)
    var schema = ArrowSchema(table)
    var array = ArrowArray(table)
    var message = pq_message()
    let functions = try ArrowLibrary.load().functions.pointee
    let result = compression.withCString { compression in
      // Not the library's version: the same records give the same bytes. Readers parse this form.
      "graphrun version 1.0 (build 1)".withCString { name in
        var options = pq_write_options(
          created_by: name, compression: compression, row_group_rows: Int64(rowGroupRows))
        return functions.write(
          &options, &schema, &array, Unmanaged.passUnretained(target).toOpaque(),
          { context, bytes, count in
            Unmanaged<Target>.fromOpaque(context!).takeUnretainedValue()
              .write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
          }, &message)
      }
    }
    withExtendedLifetime(target) {}
    if let failure = target.failure { throw failure }
    guard result == PQ_DONE else {
      throw TaskError(
        result == PQ_NO_MEMORY ? .outOfMemory : .failed,
        "the records cannot be written as Parquet" + (result == PQ_NO_MEMORY ? ": there is no memory" : ""), file: file,
        cause: text(of: message))
    }
    return table.count
  }

  private static func hasEmptyStructure(_ type: ColumnType) -> Bool {
    switch type {
    case .list(let item): hasEmptyStructure(item)
    case .structure(let fields): fields.isEmpty || fields.contains { hasEmptyStructure($0.type) }
    default: false
    }
  }

  static let definition = OpDefinition(
    name: "parquet.write", version: 1,
    summary: "writes every partition to a Parquet file of its own, with statistics and checksums",
    inputs: [OpInput("table", summary: "the records to write")],
    parameters: [
      OutputNames.directory, OutputNames.name,
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
