import Foundation
import GRDB
import Graph

/// Reads a state folder without taking part in its runs.
public struct StateReader: Sendable {
  public let folder: StateFolder
  private let queue: DatabaseQueue

  /// - Throws: `SchedulerError` if there is no state, or it is of a newer version, or no database.
  public init(_ folder: StateFolder) throws {
    self.folder = folder
    guard folder.exists else {
      throw SchedulerError(.notFound, "there is no state in \(folder.path): nothing has run there yet")
    }
    queue = try StateDatabase.open(folder, readOnly: true)
  }

  /// What a run of `graph`, made from the DAG file at `file`, would do.
  public func plan(_ graph: TaskGraph, file: String, selection: RunSelection = RunSelection()) throws -> RunPlan {
    try queue.read {
      try RunPlan(graph: graph, selection: selection, $0, file: file, spillFolder: folder.spill)
    }
  }

  /// What a run of `graph` would do on a folder where nothing has run.
  ///
  /// - Throws: `SchedulerError` with code `.notFound` if the selection names what is not there.
  public static func freshPlan(_ graph: TaskGraph, selection: RunSelection = RunSelection()) throws -> RunPlan {
    try RunPlan(graph: graph, selection: selection)
  }

  /// - Parameter file: of this DAG file; `nil` for whichever ran last.
  public func lastRun(of file: String? = nil) throws -> RunRecord? {
    try queue.read { try RunRecord.last(in: $0, of: file) }
  }

  /// The newest stored result of a task, of the given DAG file's runs if they have one.
  /// - Returns: `nil` if none is on record.
  /// - Throws: `TaskError` if it is on record and cannot be read.
  public func result(of key: TaskKey, file: String?, registry: OpRegistry) throws -> (any TaskValue)? {
    let (level, index) = key.role.levelAndIndex
    // The newest of either kind, and a row of this DAG file's runs before any other's.
    let row = try queue.read { db in
      try Row.fetchOne(
        db,
        sql: """
          SELECT kind, value, path, store FROM (
            SELECT kind, value, path, store, run, at FROM result WHERE stage = ?1 AND level = ?2 AND idx = ?3
            UNION ALL
            SELECT a.kind, a.value, NULL, 'inline', a.run, r.started_at + (a.started + a.duration) / 1e6
            FROM attempt a JOIN run r ON r.id = a.run
            WHERE a.value IS NOT NULL AND a.level = ?2 AND a.idx = ?3
              AND EXISTS (SELECT 1 FROM stage s WHERE s.run = a.run AND s.number = a.stage AND s.name = ?1))
          ORDER BY run IN (SELECT id FROM run WHERE file = ?4) DESC, run DESC, at DESC LIMIT 1
          """, arguments: [key.stage, level, index, file])
    }
    return try row.flatMap { try value(of: $0, registry) }
  }

  /// The newest stored result with this fingerprint: what a run takes over that finds its task done.
  ///
  /// - Returns: `nil` if none is on record.
  /// - Throws: `TaskError` if it is on record and cannot be read.
  public func result(with fingerprint: Fingerprint, registry: OpRegistry) throws -> (any TaskValue)? {
    let row = try queue.read { db in
      try Row.fetchOne(
        db,
        sql: """
          SELECT kind, value, path, store, run FROM result WHERE fingerprint = ?1 AND store <> 'spill'
          UNION ALL
          SELECT kind, value, NULL, 'inline', run FROM attempt WHERE fingerprint = ?1 AND value IS NOT NULL
          ORDER BY run DESC LIMIT 1
          """, arguments: [Data(fingerprint.bytes)])
    }
    return try row.flatMap { try value(of: $0, registry) }
  }

  /// - Parameter row: kind, value, path, store.
  private func value(of row: Row, _ registry: OpRegistry) throws -> (any TaskValue)? {
    if let value = row[1] as Data? { return try registry.readValue(kind: row[0], from: Buffer(value)) }
    guard let path = row[2] as String? else { return nil }
    guard row[3] as String == StoredResult.Store.spill.rawValue else {
      return try ValueFile.read(path, registry: registry)
    }
    return nil
  }

  /// The file that what a task's program printed goes to.
  /// - Parameters:
  ///   - key: the task.
  ///   - file: the DAG file, absolute.
  public func logPath(of key: TaskKey, file: String) -> String {
    TaskFiles.log(of: key, file: file, folder: folder.logs)
  }

  /// Names of a run's stages, in order.
  public func stageNames(of run: Int64) throws -> [String] {
    try queue.read {
      try String.fetchAll($0, sql: "SELECT name FROM stage WHERE run = ? ORDER BY number", arguments: [run])
    }
  }
}

extension TaskRole {
  /// What `levelAndIndex` gives.
  init(level: Int, index: Int) {
    switch level {
    case -1: self = .whole
    case 0: self = .partition(Int32(index))
    default: self = .combine(level: Int32(level), index: Int32(index))
    }
  }

  /// As the state file stores it: level -1 is the whole, 0 the partitions.
  var levelAndIndex: (level: Int, index: Int) {
    switch self {
    case .whole: (-1, 0)
    case .partition(let index): (0, Int(index))
    case .combine(let level, let index): (Int(level), Int(index))
    }
  }
}

/// Opens the state file.
enum StateDatabase {
  static func open(_ folder: StateFolder, readOnly: Bool) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "state"
    configuration.readonly = readOnly
    configuration.busyMode = .timeout(30)
    configuration.prepareDatabase { db in
      if !readOnly {
        try db.execute(sql: "PRAGMA journal_mode = WAL")
        try db.execute(sql: "PRAGMA synchronous = NORMAL")
      }
      try db.execute(sql: "PRAGMA cache_size = -2000")
    }
    do {
      let queue = try DatabaseQueue(path: folder.database, configuration: configuration)
      let version = try queue.read { db in try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0 }
      guard version <= Schema.version else {
        throw SchedulerError(
          .newerState,
          "the state in \(folder.path) was written by a newer graphrun (schema \(version), this program knows \(Schema.version)); "
            + "use that version, or name another folder with --state")
      }
      if !readOnly { try Schema.migrator.migrate(queue) }
      return queue
    } catch {
      throw failure(error, folder)
    }
  }

  /// What an error of SQLite's means for the user.
  static func failure(_ error: any Error, _ folder: StateFolder) -> SchedulerError {
    guard let error = error as? DatabaseError else {
      return (error as? SchedulerError) ?? SchedulerError(.state, "\(folder.database): \(error)")
    }
    let said = error.message ?? "SQLite error \(error.resultCode.rawValue)"
    switch error.resultCode {
    case .SQLITE_FULL:
      return SchedulerError(
        .state, "the disk that holds \(folder.path) is full; free space there, then resume")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      return SchedulerError(
        .state,
        "the state file \(folder.database) is damaged (\(said)); remove its folder and run again")
    default:
      return SchedulerError(.state, "the state file \(folder.database) cannot be used: \(said)")
    }
  }
}
