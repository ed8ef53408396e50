import CArrow
import Graph

/// An open Parquet file: its footer, and columns of its row groups.
final class ParquetFile {
  let identity: FileIdentity
  private let library: ArrowLibrary
  private let source: Source
  private let file: OpaquePointer

  /// What Arrow reads from. Callbacks cannot throw: what went wrong is kept here.
  private final class Source {
    let file: InputFile
    var failure: (any Error)?

    init(_ identity: FileIdentity) throws { file = try InputFile(identity) }

    func read(_ offset: Int64, _ place: UnsafeMutableRawPointer, _ count: Int64) -> Int64 {
      do {
        var filled = 0
        while filled < Int(count) {
          let got = try file.read(at: Int(offset) + filled, into: place + filled, most: Int(count) - filled)
          if got == 0 { break }
          filled += got
        }
        return Int64(filled)
      } catch {
        failure = error
        return -1
      }
    }
  }

  /// Reads the footer.
  ///
  /// - Throws: `TaskError` with code `.cannotRead` if the file cannot be read or has changed, `.badInput` if it is no
  ///   Parquet, `.failed` if this program has none.
  init(_ identity: FileIdentity) throws {
    self.identity = identity
    library = try ArrowLibrary.load()
    source = try Source(identity)
    var opened: OpaquePointer?
    var message = pq_message()
    let result = library.functions.pointee.open(
      Unmanaged.passUnretained(source).toOpaque(),
      { context, offset, place, count in
        Unmanaged<Source>.fromOpaque(context!).takeUnretainedValue().read(offset, place!, count)
      }, Int64(identity.byteCount), &opened, &message)
    guard result == PQ_DONE, let opened else {
      throw ParquetFile.error(result, message, source.failure, identity, record: nil)
    }
    file = opened
  }

  deinit { library.functions.pointee.close(file) }

  private static func error(
    _ result: pq_result, _ message: pq_message, _ failure: (any Error)?, _ identity: FileIdentity, record: String?
  ) -> any Error {
    let cause = text(of: message)
    switch result {
    case PQ_CALLBACK: if let failure { return failure }
    case PQ_NO_MEMORY:
      return TaskError(
        .outOfMemory, "there is no memory to read the file; give the run more with --memory", file: identity.path,
        record: record, cause: cause)
    default: break
    }
    return TaskError(
      .badInput, "the file is no Parquet, or damaged; write or copy it again", file: identity.path, record: record,
      cause: cause)
  }

  private func error(_ result: pq_result, _ message: pq_message, record: String? = nil) -> any Error {
    ParquetFile.error(result, message, source.failure, identity, record: record)
  }

  /// Calls `body` with the schema of each column, in the file's order.
  func withColumns<R>(_ body: ([ArrowSchema]) throws -> R) throws -> R {
    var schema = ArrowSchema()
    var message = pq_message()
    let result = library.functions.pointee.schema(file, &schema, &message)
    guard result == PQ_DONE else { throw error(result, message) }
    defer { schema.release?(&schema) }
    return try body((0..<Int(schema.n_children)).compactMap { schema.children[$0]?.pointee })
  }

  var rowGroupCount: Int { Int(library.functions.pointee.row_group_count(file)) }

  func rowCount(_ group: Int) -> Int { Int(library.functions.pointee.row_count(file, Int32(group))) }

  /// Bytes that a column takes in memory, as far as the footer tells.
  func decodedBytes(_ group: Int, column: Int) -> Int {
    max(0, Int(library.functions.pointee.decoded_bytes(file, Int32(group), Int32(column))))
  }

  /// Bytes that are decoded before they go to their column: what stays in the processor's cache is not paid for twice.
  private static let batchByteCount = 256 << 10

  /// Rows decoded at a time of a column that takes so many bytes.
  static func batchRows(rows: Int, bytes: Int) -> Int {
    guard rows > 0 else { return 1024 }
    return min(max(batchByteCount / max(bytes / rows, 1), 64), 65_536)
  }

  /// Reads one column of row groups that follow each other.
  ///
  /// - Parameters:
  ///   - column: as the schema says.
  ///   - position: of the column in the schema.
  ///   - groups: which row groups.
  ///   - type: what the column is to be; another type than its own only where it says nothing about it.
  ///   - approximate: whether timestamps may lose what is finer than a microsecond.
  ///   - context: asked now and then whether to go on.
  func read(
    _ column: ArrowColumn, at position: Int, groups: Range<Int>, type: ColumnType, approximate: Bool,
    context: any TaskContext
  ) throws -> Column {
    let rows = groups.reduce(0) { $0 + rowCount($1) }
    let firstRow = (0..<groups.lowerBound).reduce(1) { $0 + rowCount($1) }
    let place = "column \"\(column.name)\", rows \(firstRow) to \(firstRow + rows - 1)"
    if column.isNull { return Column.nulls(of: type, count: rows) }
    let bytes = groups.reduce(0) { $0 + decodedBytes($1, column: position) }
    var opened: OpaquePointer?
    var message = pq_message()
    let functions = library.functions.pointee
    let result = functions.open_column(
      file, Int32(groups.lowerBound), Int32(groups.count), Int32(position),
      Int64(ParquetFile.batchRows(rows: rows, bytes: bytes)), &opened, &message)
    guard result == PQ_DONE, let opened else { throw error(result, message, record: place) }
    defer { functions.close_column(opened) }

    let appender = ColumnAppender(type)
    // A damaged footer may say anything.
    let likely = min(rows, max(bytes, 0))
    appender.reserve(rows: likely, textBytes: max(bytes - likely * 4, 0))
    while true {
      try context.checkCancellation()
      var array = ArrowArray()
      let result = functions.next_batch(opened, &array, &message)
      if result == PQ_END { break }
      guard result == PQ_DONE else { throw error(result, message, record: place) }
      do {
        try appender.append(ArrowCells(array).column(type, column.decoding, approximate: approximate))
      } catch let error as ArrowValueError {
        throw TaskError(
          .badRecord, "column \"\(column.name)\": \(error.why)", file: identity.path,
          record: "row \(firstRow + appender.count + error.row)")
      }
    }
    guard appender.count == rows else {
      throw TaskError(
        .badInput,
        "the file is damaged: there are \(appender.count) cells where \(rows) should be; write or copy it again",
        file: identity.path, record: place)
    }
    return appender.finish()
  }

  /// - Throws: `TaskError` with code `.cannotRead` if the file is no longer the one that was planned with.
  func checkUnchanged() throws { try source.file.checkUnchanged() }

  func changed() -> TaskError { source.file.changed() }
}
