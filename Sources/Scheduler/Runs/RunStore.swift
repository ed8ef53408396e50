import Foundation
import GRDB
import Graph

/// A state folder, opened to run on: locked, migrated, and swept of what a dead run left.
final class RunStore: Sendable {
  let folder: StateFolder
  private let file: String
  private let lock: StateLock
  let queue: DatabaseQueue
  /// The run that was under way when its process died, if there was one.
  let died: Int64?

  /// - Throws: `SchedulerError`: locked, not writable, damaged or newer.
  /// - Parameter file: the DAG file, absolute.
  init(_ folder: StateFolder, file: String) throws {
    self.folder = folder
    self.file = file
    try folder.create()
    lock = try StateLock(folder.lockFile)
    do {
      queue = try StateDatabase.open(folder, readOnly: false)
      // With the lock in hand, a run that says it is running is a dead one.
      died = try queue.write { db in
        let died = try Int64.fetchOne(db, sql: "SELECT id FROM run WHERE state = 'running' ORDER BY id DESC LIMIT 1")
        try db.execute(
          sql: """
            UPDATE run SET state = 'died', ended_at = seen_at, reason = 'the process ended without a word'
            WHERE state = 'running'
            """)
        try db.execute(sql: "DELETE FROM running")
        return died
      }
    } catch {
      throw StateDatabase.failure(error, folder)
    }
  }

  /// What a run of `graph` has to do. Damaged values of the spill store are found.
  func plan(_ graph: TaskGraph, selection: RunSelection) throws -> RunPlan {
    do {
      return try queue.read {
        try RunPlan(
          graph: graph, selection: selection, $0, file: file, spillFolder: folder.spill, verifying: true)
      }
    } catch {
      throw StateDatabase.failure(error, folder)
    }
  }

  /// Reads the result that lies in an attempt's row; on a connection of its own, so that nobody waits for the writer.
  func recordReader() throws -> @Sendable (Int64) throws -> (kind: String, Buffer) {
    let reader = try StateDatabase.open(folder, readOnly: true)
    return { row in
      let found = try reader.read { db in
        try Row.fetchOne(db, sql: "SELECT kind, value FROM attempt WHERE id = ?", arguments: [row])
      }
      guard let found, let value = found[1] as Data? else {
        throw TaskError(.corruptValue, "a result is missing in the state file; resume computes it again")
      }
      return (found[0], Buffer(value))
    }
  }

  /// Adds the run with its stages and input files.
  func begin(_ request: RunRequest, plan: RunPlan, at now: Double) throws -> Int64 {
    do {
      return try queue.write { db in
        try db.execute(
          sql: """
            INSERT INTO run (name, file, folder, command, settings, state, pid, workers, memory_limit, started_at,
              seen_at, resumes) VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            request.name, request.file, request.folder, request.command, request.settings, Int(getpid()),
            request.workers,
            request.memory.bytes, now, now, request.isResume ? plan.prior.lastRun?.id : nil,
          ])
        let run = db.lastInsertedRowID
        for stage in plan.graph.stages { try add(stage, of: run, plan: plan, db) }
        return run
      }
    } catch {
      throw StateDatabase.failure(error, folder)
    }
  }

  private func add(_ stage: Stage, of run: Int64, plan: RunPlan, _ db: Database) throws {
    let decisions = plan.decisions[Int(stage.firstTask)..<Int(stage.tasks.upperBound)]
    try db.execute(
      sql: """
        INSERT INTO stage (run, number, name, op, op_version, shape, parameters, inputs, tasks, planned, reused)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        run, stage.number, stage.name, stage.op.name, stage.op.version, stage.op.shape.rawValue,
        PriorState.parametersText(stage.parameters),
        "[" + stage.inputs.map { jsonQuoted(plan.graph.stages[$0].name) }.joined(separator: ",") + "]",
        stage.taskCount, decisions.count { $0 == .runs }, decisions.count { $0 == .reused },
      ])
    guard stage.op.shape == .source || stage.op.shape == .command, stage.body.touchesFiles else { return }
    var seen: Set<FileIdentity> = []
    for role in 0..<stage.taskCount {
      for case .file(let file) in stage.body.identity(stage.role(role)) where seen.insert(file).inserted {
        try db.execute(
          sql: "INSERT INTO input_file (run, stage, idx, path, bytes, modified) VALUES (?, ?, ?, ?, ?, ?)",
          arguments: [run, stage.number, seen.count - 1, file.path, file.byteCount, file.modified])
      }
    }
  }

  /// Closes the books of a run.
  ///
  /// - Parameter keepsSpills: whether what is in the spill store is for the run that goes on.
  func end(_ run: Int64, state: String, reason: String?, peakResident: Int, keepsSpills: Bool, at now: Double) throws {
    do {
      try queue.write { db in
        try db.execute(
          sql: """
            UPDATE run SET state = ?, reason = ?, ended_at = ?, seen_at = ?, peak_rss = max(peak_rss, ?) WHERE id = ?
            """, arguments: [state, reason, now, now, peakResident, run])
        try db.execute(sql: "DELETE FROM running WHERE run = ?", arguments: [run])
      }
      guard access(folder.database, F_OK) == 0 else {
        throw SchedulerError(
          .state,
          "the state folder \(folder.path) was removed while the run went on; what it wrote is there, but not on record"
        )
      }
      if !keepsSpills { try forgetSpills() }
    } catch {
      throw StateDatabase.failure(error, folder)
    }
    // A copy of the one file, without its log, then holds everything; somebody who reads just now may prevent it.
    _ = try? queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA busy_timeout = 100")
      _ = try db.checkpoint(.truncate)
    }
  }

  /// Drops what this DAG file's runs have in the spill store: everything is done.
  func forgetSpills() throws {
    do {
      try queue.write { db in
        try db.execute(
          sql: "DELETE FROM result WHERE store = 'spill' AND run IN (SELECT id FROM run WHERE file = ?)",
          arguments: [file])
      }
      SpillStore.sweep(folder.spill, keeping: try spillFilesOfOthers())
    } catch {
      throw StateDatabase.failure(error, folder)
    }
  }

  /// Forgets what this DAG file's dead runs had in the spill store and nobody reads any more.
  ///
  /// - Parameter extents: what the coming run reads.
  func forgetSpills(except extents: Set<String>) throws {
    do {
      try queue.write { db in
        let rows = try Row.fetchAll(
          db,
          sql: """
            SELECT id, path FROM result WHERE store = 'spill' AND run IN (SELECT id FROM run WHERE file = ?)
            """, arguments: [file])
        for row in rows where !extents.contains(row[1]) {
          try db.execute(sql: "DELETE FROM result WHERE id = ?", arguments: [row[0] as Int64])
        }
      }
    } catch {
      throw StateDatabase.failure(error, folder)
    }
  }

  /// The spill files that other DAG files' unfinished runs have.
  func spillFilesOfOthers() throws -> Set<Int> {
    do {
      let paths = try queue.read {
        try String.fetchAll(
          $0,
          sql: "SELECT path FROM result WHERE store = 'spill' AND run NOT IN (SELECT id FROM run WHERE file = ?)",
          arguments: [file])
      }
      return Set(paths.compactMap { SpillExtent($0)?.file })
    } catch {
      throw StateDatabase.failure(error, folder)
    }
  }
}
