import CArrow
import Graph

/// How records stand in a Parquet file.
struct ParquetOptions: Sendable {
  let compression: String
  /// Records in a row group at most.
  let rowGroupRows: Int
}

/// A Parquet file on its way to a sink: tables of the same columns, behind one another.
final class ParquetWriter {
  private let functions: pq_functions
  private let target: Target
  private var writer: OpaquePointer?
  private let file: String?

  /// What Arrow writes to. Callbacks cannot throw: what went wrong is kept here.
  private final class Target {
    let sink: any ByteSink
    let context: any TaskContext
    /// Once it is set, nothing is written any more, whatever Arrow tries at its end.
    var failure: (any Error)?

    init(_ sink: any ByteSink, _ context: any TaskContext) {
      self.sink = sink
      self.context = context
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
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

  /// - Parameters:
  ///   - columns: the names and types of all tables to come; its records do not count.
  ///   - file: what the records are from, for messages.
  /// - Throws: `TaskError` with code `.wrongType` or `.badInput` for columns that Parquet does not have.
  init(
    columns: Table, _ options: ParquetOptions, to sink: any ByteSink, context: any TaskContext, file: String?
  ) throws {
    if let empty = zip(columns.names, columns.columns).first(where: { ParquetWriter.hasEmptyStructure($1.type) }) {
      throw TaskError(
        .wrongType, "column \"\(empty.0)\" has a structure without fields, which Parquet does not have", file: file)
    }
    guard !columns.columns.isEmpty else {
      throw TaskError(.badInput, "the table has no columns, and a Parquet file has at least one", file: file)
    }
    functions = try ArrowLibrary.load().functions.pointee
    target = Target(sink, context)
    self.file = file
    var schema = ArrowSchema(columns)
    var message = pq_message()
    let result = options.compression.withCString { compression in
      // Not the library's version: the same records give the same bytes. Readers parse this form.
      "graphrun version 1.0 (build 1)".withCString { name in
        var options = pq_write_options(
          created_by: name, compression: compression, row_group_rows: Int64(options.rowGroupRows))
        return functions.open_writer(
          &options, &schema, Unmanaged.passUnretained(target).toOpaque(),
          { context, bytes, count in
            Unmanaged<Target>.fromOpaque(context!).takeUnretainedValue()
              .write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
          }, &writer, &message)
      }
    }
    try check(result, message)
  }

  deinit {
    guard let writer else { return }
    target.failure = target.failure ?? CancellationError()
    functions.close_writer(writer)
  }

  /// Writes records, in row groups of their own.
  func write(_ table: Table) throws {
    // Vectors are filled in for Arrow: of those, a few megabytes at a time.
    let width = table.columns.reduce(0) { sum, column in
      if case .vector(_, let width) = column.type { sum + width * 4 } else { sum }
    }
    guard width > 0 else { return try write(try ArrowArray(table)) }
    let rows = max(ParquetWriter.filledBytes / width, 1)
    var start = 0
    while start < table.count {
      let numbers = Array(Int32(start)..<Int32(min(start + rows, table.count)))
      try write(try ArrowArray(try numbers.withUnsafeBufferPointer { try table.rows(at: $0) }))
      start += rows
    }
  }

  private static let filledBytes = 4 << 20

  private func write(_ table: ArrowArray) throws {
    var array = table
    var message = pq_message()
    try check(functions.write(writer, &array, &message), message)
  }

  /// Writes what stands at a file's end; to be called once.
  func finish() throws {
    var message = pq_message()
    try check(functions.finish_writer(writer, &message), message)
  }

  private func check(_ result: pq_result, _ message: pq_message) throws {
    if let failure = target.failure { throw failure }
    guard result == PQ_DONE else {
      throw TaskError(
        result == PQ_NO_MEMORY ? .outOfMemory : .failed,
        "the records cannot be written as Parquet" + (result == PQ_NO_MEMORY ? ": there is no memory" : ""), file: file,
        cause: text(of: message))
    }
  }

  private static func hasEmptyStructure(_ type: ColumnType) -> Bool {
    switch type {
    case .list(let item), .vector(let item, _): hasEmptyStructure(item)
    case .structure(let fields): fields.isEmpty || fields.contains { hasEmptyStructure($0.type) }
    default: false
    }
  }
}
