import Foundation
import GRDB
import Graph

/// A state folder, opened to run on: locked, migrated, and swept of what a dead run left.
final class RunStore: Sendable {
  let folder: StateFolder
  private let file: String
  private let lock: StateLock
  let queue: DatabaseQueue
  let prior: PriorState
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
      (prior, died) = try queue.write { db in
        let died = try Int64.fetchOne(db, sql: "SELECT id FROM run WHERE state = 'running' ORDER BY id DESC LIMIT 1")
        try db.execute(
          sql: """
            UPDATE run SET state = 'died', ended_at = seen_at, reason = 'the process ended without a word'
            WHERE state = 'running'
            """)
        try db.execute(sql: "DELETE FROM running")
        return (try PriorState.read(db, file: file), died)
      }
    } catch {
      throw StateDatabase.failure(error, folder)
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
            request.memory.bytes, now, now, request.isResume ? prior.lastRun?.id : nil,
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
    guard stage.op.shape == .source else { return }
    for (index, partition) in stage.partitions.enumerated() {
      guard let file = partition.file else { continue }
      try db.execute(
        sql: "INSERT INTO input_file (run, stage, idx, path, bytes, modified) VALUES (?, ?, ?, ?, ?, ?)",
        arguments: [run, stage.number, index, file.path, file.byteCount, file.modified])
    }
  }

  /// Closes the books of a run.
  func end(_ run: Int64, state: String, reason: String?, peakResident: Int, at now: Double) throws {
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
      if state == "done" { try forgetSpills() }
    } catch {
      throw StateDatabase.failure(error, folder)
    }
    // A copy of the one file, without its log, then holds everything; somebody who reads just now may prevent it.
    _ = try? queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA busy_timeout = 100")
      _ = try db.checkpoint(.truncate)
    }
  }

  /// Drops the spill files of this DAG file's runs: everything is done.
  func forgetSpills() throws {
    do {
      try queue.write { db in
        try db.execute(
          sql: "DELETE FROM result WHERE store = 'spill' AND run IN (SELECT id FROM run WHERE file = ?)",
          arguments: [file])
      }
      try sweepSpill()
    } catch {
      throw StateDatabase.failure(error, folder)
    }
  }

  /// Removes spill files that no result on record names: a run that was killed had not yet recorded them.
  func sweepSpill() throws {
    let paths = try queue.read { try Set(String.fetchAll($0, sql: "SELECT path FROM result WHERE store = 'spill'")) }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.spill)) ?? [] {
      let path = folder.spill + "/" + name
      if !paths.contains(path) { unlink(path) }
    }
  }
}
