import Foundation
import GRDBSQLite

/// A connection to a state file, with SQLite's own library and no more between.
final class StateConnection {
  struct Failure: Error, CustomStringConvertible {
    let code: Int32
    let description: String
  }

  private var handle: OpaquePointer?

  init(_ path: String, isReadOnly: Bool = false) throws {
    let flags = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
    let code = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_FULLMUTEX, nil)
    guard code == SQLITE_OK else {
      let message = String(cString: sqlite3_errmsg(handle))
      sqlite3_close_v2(handle)
      handle = nil
      throw Failure(code: code, description: "\(path): \(message)")
    }
    sqlite3_busy_timeout(handle, 10_000)
  }

  deinit { sqlite3_close_v2(handle) }

  /// All rows, every value as text; `nil` for NULL.
  @discardableResult
  func rows(_ sql: String) throws -> [[String?]] {
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else { throw failure(sql) }
    defer { sqlite3_finalize(statement) }
    var rows: [[String?]] = []
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW:
        rows.append(
          (0..<sqlite3_column_count(statement)).map { column in
            sqlite3_column_text(statement, column).map { String(cString: $0) }
          })
      case SQLITE_DONE: return rows
      default: throw failure(sql)
      }
    }
  }

  func texts(_ sql: String) throws -> [String] { try rows(sql).compactMap { $0[0] } }

  func number(_ sql: String) throws -> Double? { try texts(sql).first.flatMap(Double.init) }

  private func failure(_ sql: String) -> Failure {
    Failure(
      code: sqlite3_extended_errcode(handle), description: "\(String(cString: sqlite3_errmsg(handle))) in: \(sql)")
  }
}

/// What a state file says at one moment.
///
/// It is read from a copy: looking at the file itself would write its log back into it, and so mend what the next
/// `resume` has to mend.
struct StateLook {
  struct Run {
    var id: Int
    var state: String
    var startedAt: Double
    var tasks: Int
    var planned: Int
    var done: Int
  }

  /// `ok`, or what SQLite's integrity check found.
  var integrity = "ok"
  var runs: [Run] = []
  /// Tasks whose results are to outlive the run: values in the state file, kept files, written files.
  var durable: Set<String> = []
  /// Tasks whose results lie in spill files.
  var spilled: Set<String> = []
  var events: [(run: Int, kind: String, message: String)] = []

  /// - Returns: `nil` if there is no state file yet, or nothing in it.
  init?(_ stateFolder: String) throws {
    let files = ["state.sqlite", "state.sqlite-wal"].filter {
      FileManager.default.fileExists(atPath: "\(stateFolder)/\($0)")
    }
    guard files.contains("state.sqlite") else { return nil }
    let copy = stateFolder + "-look"
    try? FileManager.default.removeItem(atPath: copy)
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: copy) }
    for file in files { try FileManager.default.copyItem(atPath: "\(stateFolder)/\(file)", toPath: "\(copy)/\(file)") }

    let database: StateConnection
    do {
      database = try StateConnection(copy + "/state.sqlite")
      integrity = try database.texts("PRAGMA integrity_check").joined(separator: "; ")
    } catch let failure as StateConnection.Failure {
      integrity = failure.description
      return
    }
    guard integrity == "ok" else { return }
    guard try database.number("SELECT count(*) FROM sqlite_master WHERE name = 'v1_events'") == 1 else { return nil }
    try fill(from: database)
  }

  private mutating func fill(from database: StateConnection) throws {
    runs = try database.rows("SELECT run, state, started_at, tasks, planned, done FROM v1_runs ORDER BY run").map {
      Run(
        id: $0[0].flatMap { Int($0) } ?? 0, state: $0[1] ?? "", startedAt: $0[2].flatMap(Double.init) ?? 0,
        tasks: $0[3].flatMap { Int($0) } ?? 0, planned: $0[4].flatMap { Int($0) } ?? 0,
        done: $0[5].flatMap { Int($0) } ?? 0)
    }
    durable = try Set(database.texts("SELECT task FROM v1_results WHERE store IN ('inline', 'kept', 'output')"))
    spilled = try Set(database.texts("SELECT task FROM v1_results WHERE store = 'spill'"))
    events = try database.rows("SELECT run, kind, message FROM v1_events").map {
      (run: $0[0].flatMap { Int($0) } ?? 0, kind: $0[1] ?? "", message: $0[2] ?? "")
    }
    attempts = try database.rows("SELECT run, task, outcome FROM v1_tasks").map {
      (run: $0[0].flatMap { Int($0) } ?? 0, task: $0[1] ?? "", outcome: $0[2] ?? "")
    }
  }

  /// Every attempt on record.
  var attempts: [(run: Int, task: String, outcome: String)] = []

  var lastRun: Int { runs.last?.id ?? 0 }

  /// Tasks that ran after this look, though their results were on record.
  func ranAgain(in later: StateLook) -> [String] {
    Set(later.attempts.filter { $0.run > lastRun && durable.contains($0.task) }.map(\.task)).sorted()
  }
}
