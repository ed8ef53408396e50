import GRDBSQLite
import Graph

/// A database in memory that can only be asked: no file is opened, nothing is written, and what depends on time or chance is
/// refused. Used on one thread.
final class SQLConnection {
  /// Why SQLite would not, as far as it is known better than from its message.
  final class Control {
    let context: (any TaskContext)?
    var error: (any Error)?
    var refusal: String?

    init(_ context: (any TaskContext)?) { self.context = context }
  }

  let handle: OpaquePointer
  private let system: SealedFileSystem
  let control: Control
  private var tables: [(name: String, source: SQLTable)] = []

  /// - Parameter context: of the task; `nil` where queries are only checked.
  init(_ context: (any TaskContext)?) throws {
    guard let system = SealedFileSystem() else {
      throw TaskError(.outOfMemory, "there is no memory for a database")
    }
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX
    guard sqlite3_open_v2(":memory:", &opened, flags, system.name) == SQLITE_OK, let opened else {
      let why = String(cString: sqlite3_errmsg(opened))
      sqlite3_close(opened)
      throw TaskError(.failed, "SQLite cannot open a database in memory", cause: why)
    }
    handle = opened
    self.system = system
    control = Control(context)
    // A name in double quotes that is none is a mistake, not a text.
    _disableDoubleQuotedStringLiterals(handle)
    guard sqlite3_exec(handle, "PRAGMA temp_store = MEMORY", nil, nil, nil) == SQLITE_OK else {
      throw TaskError(.failed, "SQLite cannot be set up", cause: String(cString: sqlite3_errmsg(handle)))
    }
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, Int32(clamping: min(context?.memoryLimit ?? .max, 1_000_000_000)))
    sqlite3_limit(handle, SQLITE_LIMIT_WORKER_THREADS, 0)
    let pointer = Unmanaged.passUnretained(control).toOpaque()
    sqlite3_set_authorizer(handle, SQLConnection.authorize, pointer)
    if context != nil { sqlite3_progress_handler(handle, 10_000, SQLConnection.progress, pointer) }
  }

  deinit { sqlite3_close_v2(handle) }

  /// Offers a table under a name. The table's buffers stay as long as the connection.
  ///
  /// - Throws: `TaskError` where another has the name.
  func add(_ source: SQLTable, as name: String) throws {
    guard !tables.contains(where: { $0.name.lowercased() == name.lowercased() }) else {
      throw TaskError(
        .invalidParameter, "two inputs are called \"\(name)\" where SQL does not tell capitals; rename one of the tasks"
      )
    }
    tables.append((name, source))
    let pointer = Unmanaged.passUnretained(source).toOpaque()
    guard sqlite3_create_module_v2(handle, name, SQLTable.module, pointer, nil) == SQLITE_OK else {
      throw TaskError(.failed, "SQLite does not take table \"\(name)\"", cause: String(cString: sqlite3_errmsg(handle)))
    }
  }

  /// - Throws: `TaskError`, with the place of the mistake in the query.
  func prepare(_ query: String) throws -> SQLStatement {
    var statement: OpaquePointer?
    control.refusal = nil
    guard sqlite3_prepare_v2(handle, query, -1, &statement, nil) == SQLITE_OK, let statement else {
      throw error(query)
    }
    guard sqlite3_stmt_readonly(statement) != 0, sqlite3_column_count(statement) > 0 else {
      sqlite3_finalize(statement)
      throw TaskError(.invalidParameter, "the query is no SELECT")
    }
    return SQLStatement(handle: statement, connection: self)
  }

  /// What went wrong, with the remedy where there is one.
  func error(_ query: String) -> any Error {
    if let error = control.error { return error }
    let message = String(cString: sqlite3_errmsg(handle))
    let offset = Int(sqlite3_error_offset(handle))
    let place = offset >= 0 ? " (\(TextPlace(in: query, at: offset)))" : ""
    if let refusal = control.refusal { return TaskError(.invalidParameter, refusal + place) }
    if system.wasAskedForTime { return SQLConnection.timeError }
    func named(_ prefix: String) -> String? {
      message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : nil
    }
    if let name = named("no such column: ") {
      let columns = tables.flatMap(\.source.names)
      let bare = name.split(separator: ".").last.map(String.init) ?? name
      let near = nearestName(to: bare, among: columns).map { "; did you mean \"\($0)\"?" } ?? ""
      var seen: Set<ByteText> = []
      let all = columns.filter { seen.insert(ByteText($0)).inserted }
      let there = all.isEmpty ? "the tables have none" : "there are " + all.joined(separator: ", ")
      return TaskError(
        .missingColumn, "the query names a column \"\(name)\" that is not there\(near) (\(there))" + place)
    }
    if let name = named("no such table: ") {
      let near = nearestName(to: name, among: tables.map(\.name)).map { "; did you mean \"\($0)\"?" } ?? ""
      return TaskError(
        .invalidParameter,
        "the query names a table \"\(name)\" that is not there\(near) (there are "
          + tables.map(\.name).joined(separator: ", ") + ")" + place)
    }
    switch sqlite3_errcode(handle) {
    case SQLITE_NOMEM:
      return TaskError(.outOfMemory, "there is no memory for the query; make smaller partitions, or give more --memory")
    case SQLITE_TOOBIG:
      return TaskError(.tooLarge, "the query makes a text that is larger than --memory or 1 GB")
    default: return TaskError(.invalidParameter, "the query cannot be run: \(message)" + place)
    }
  }

  /// Whether a failed query may be right once there are tables.
  var lacksTables: Bool {
    let message = String(cString: sqlite3_errmsg(handle))
    return control.refusal == nil && (message.hasPrefix("no such table") || message.hasPrefix("no such column"))
  }

  /// - Throws: `TaskError` if the query asked for the time of day.
  func checkClock() throws { if system.wasAskedForTime { throw SQLConnection.timeError } }

  private static var timeError: TaskError {
    TaskError(
      .invalidParameter,
      "the query asks for the time of day, and a result must not depend on when it is made; put the time in as a parameter"
    )
  }

  // MARK: - Callbacks

  private static let refused: Set<String> = ["random", "randomblob", "load_extension"]

  private static let authorize:
    @convention(c) (
      UnsafeMutableRawPointer?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?,
      UnsafePointer<CChar>?
    ) -> Int32 = { pointer, action, first, second, _, _ in
      let control = Unmanaged<Control>.fromOpaque(pointer!).takeUnretainedValue()
      switch action {
      case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: return SQLITE_OK
      // SQLite notes virtual tables there when a query names them first; a statement that writes is none that is run.
      case SQLITE_UPDATE where first.map { String(cString: $0) } == "sqlite_master": return SQLITE_OK
      case SQLITE_FUNCTION:
        let name = second.map { String(cString: $0).lowercased() } ?? ""
        guard refused.contains(name) else { return SQLITE_OK }
        control.refusal =
          name == "load_extension"
          ? "the query may not load extensions"
          : "\(name)() gives something else each time, and a result must not; use the op table.sample to take some records"
        return SQLITE_DENY
      default:
        control.refusal =
          "the query may only read: no PRAGMA, no ATTACH, and nothing that makes, changes or deletes tables or records"
        return SQLITE_DENY
      }
    }

  private static let progress: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { pointer in
    let control = Unmanaged<Control>.fromOpaque(pointer!).takeUnretainedValue()
    guard let context = control.context else { return 0 }
    do {
      try context.checkCancellation()
      guard sqlite3_memory_used() <= context.memoryLimit else {
        throw TaskError(
          .tooLarge, "the query takes more than --memory to sort, group or join; make smaller partitions, or give more")
      }
      return 0
    } catch {
      control.error = error
      return 1
    }
  }
}

/// A query that can be stepped through.
struct SQLStatement: ~Copyable {
  let handle: OpaquePointer
  let connection: SQLConnection

  deinit { sqlite3_finalize(handle) }
}
