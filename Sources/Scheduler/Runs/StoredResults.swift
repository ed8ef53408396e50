import Foundation
import GRDB
import GRDBSQLite
import Graph

/// A result of an earlier run that lies in a file.
struct StoredResult: Sendable {
  enum Store: String, Sendable {
    /// In the spill store, until the run succeeds.
    case spill
    /// In a file of its own that stays.
    case kept
    /// The result is a file of the user's; `value` describes it.
    case output
  }

  var store: Store
  var kind: String
  var value: Buffer?
  /// A file, or an extent of the spill store.
  var path: String?
  var bytes: Int
  var run: Int64
}

/// Which tasks of a graph have results from earlier runs, by fingerprint.
struct StoredResults: Sendable {
  /// By task: the row in `attempt` that holds the result, or 0; empty where no task has one.
  private var rows: [Int64] = []
  private var rowBytes: [Int32] = []
  private(set) var files: [TaskID: StoredResult] = [:]
  /// Rows and runs from these on are recent.
  private var recentRow = Int64.max
  private var recentRun = Int64.max

  init() {}

  func row(of task: TaskID) -> Int64? {
    guard !rows.isEmpty, rows[Int(task)] > 0 else { return nil }
    return rows[Int(task)]
  }

  func bytes(of task: TaskID) -> Int { row(of: task) != nil ? Int(rowBytes[Int(task)]) : files[task]?.bytes ?? 0 }

  /// Whether the result was made since the run that counting began with.
  func isRecent(_ task: TaskID) -> Bool {
    (row(of: task) ?? 0) >= recentRow || (files[task]?.run ?? 0) >= recentRun
  }

  /// Looks all results up that tasks with these fingerprints have.
  ///
  /// - Complexity: O(results on record); memory for the tasks alone.
  init(_ db: Database, fingerprints: [Fingerprint], countingFrom run: Int64? = nil) throws {
    let hasRecords = try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM attempt) OR EXISTS (SELECT 1 FROM result)")
    guard hasRecords == true else { return }
    if let run {
      recentRun = run
      let before = try Int64.fetchOne(db, sql: "SELECT max(id) FROM attempt WHERE run < ?", arguments: [run])
      recentRow = (before ?? 0) + 1
    }
    let index = FingerprintIndex(fingerprints)
    let statement = try db.cachedStatement(
      sql: "SELECT id, fingerprint, bytes_out FROM attempt WHERE fingerprint IS NOT NULL ORDER BY id"
    ).sqliteStatement
    defer { sqlite3_reset(statement) }
    while true {
      let code = sqlite3_step(statement)
      guard code == SQLITE_ROW else {
        guard code == SQLITE_DONE else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        break
      }
      guard sqlite3_column_bytes(statement, 1) == 16, let blob = sqlite3_column_blob(statement, 1) else { continue }
      let fingerprint = Fingerprint(bigEndian: blob)
      index.forEachTask(with: fingerprint, in: fingerprints) { task in
        if rows.isEmpty {
          rows = [Int64](repeating: 0, count: fingerprints.count)
          rowBytes = [Int32](repeating: 0, count: fingerprints.count)
        }
        rows[Int(task)] = sqlite3_column_int64(statement, 0)
        rowBytes[Int(task)] = Int32(clamping: sqlite3_column_int64(statement, 2))
      }
    }
    let results = try Row.fetchCursor(
      db, sql: "SELECT fingerprint, store, kind, value, path, bytes, run FROM result ORDER BY id")
    while let row = try results.next() {
      let bytes: Data? = row[0]
      guard let bytes, let fingerprint = Fingerprint(bytes: bytes), let store = StoredResult.Store(rawValue: row[1])
      else { continue }
      index.forEachTask(with: fingerprint, in: fingerprints) { task in
        // What is in the spill store goes with the run; it never replaces what stays.
        if store == .spill, let before = files[task], before.store != .spill { return }
        files[task] = StoredResult(
          store: store, kind: row[2], value: (row[3] as Data?).map { Buffer($0) }, path: row[4], bytes: row[5],
          run: row[6])
      }
    }
    // Of two results of one task, the newer counts.
    for (task, file) in files {
      guard let row = row(of: task) else { continue }
      let run = try Int64.fetchOne(db, sql: "SELECT run FROM attempt WHERE id = ?", arguments: [row]) ?? 0
      if file.run > run { rows[Int(task)] = 0 } else { files[task] = nil }
    }
  }
}

/// Finds the tasks that have a fingerprint: an open-addressed table of task numbers, 4 to 8 bytes a task.
private struct FingerprintIndex {
  private var slots: [Int32]
  private let mask: Int

  init(_ fingerprints: [Fingerprint]) {
    var size = 16
    while size < fingerprints.count * 3 / 2 { size *= 2 }
    mask = size - 1
    slots = [Int32](repeating: -1, count: size)
    for (task, fingerprint) in fingerprints.enumerated() {
      var slot = Int(truncatingIfNeeded: fingerprint.low) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(task)
    }
  }

  /// Two tasks that compute the same thing have one fingerprint.
  func forEachTask(with fingerprint: Fingerprint, in fingerprints: [Fingerprint], _ body: (TaskID) -> Void) {
    var slot = Int(truncatingIfNeeded: fingerprint.low) & mask
    while slots[slot] >= 0 {
      if fingerprints[Int(slots[slot])] == fingerprint { body(slots[slot]) }
      slot = (slot + 1) & mask
    }
  }
}
