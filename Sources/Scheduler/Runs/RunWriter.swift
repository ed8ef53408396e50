import Foundation
import GRDB
import Graph
import Synchronization

/// Writes a run's events into the state file: one thread, one transaction a batch.
///
/// Whoever reports an event only appends it to a list; the thread takes the list over every quarter of a
/// second, so what is on disk is never older than half a second, and a million events do not become a million
/// transactions.
///
/// Threading: `Mutex` guards the list; the database and the per-stage totals belong to the writer's thread.
final class RunWriter: Sendable {
  enum Record: Sendable {
    case started(TaskID, label: String?, worker: Int, at: Double)
    case ended(Attempt)
    case result(TaskID, PriorState.StoredResult, rows: Int?, at: Double)
    case skipped(TaskID)
    case failure(TaskID, TaskError, label: String?, skipped: Int, at: Double)
    case rejects(TaskID, label: String?, records: Int, path: String)
    case sample(Sample)
    case event(kind: String, message: String, at: Double)
  }

  struct Attempt: Sendable {
    var task: TaskID
    var outcome: String
    var startedAt: Double
    var endedAt: Double
    var worker: Int
    var cpuSeconds: Double
    var rows: Int?
    var bytesIn: Int
    var bytesOut: Int
    var estimatedBytes: Int
  }

  struct Sample: Sendable {
    var at: Double
    var resident: Int
    var believed: Int
    var spilledNow: Int
    var spilledTotal: Int
    var done: Int
    var running: Int
  }

  let run: Int64
  private let graph: TaskGraph
  private let fingerprints: [Fingerprint]
  private let reasons: [RunReason?]
  private let queue: DatabaseQueue
  private let pending = Mutex<Pending>(Pending())
  private let wake = DispatchSemaphore(value: 0)
  private let finished = DispatchSemaphore(value: 0)
  private let onError: @Sendable () -> Void

  private struct Pending {
    var records: [Record] = []
    var isClosed = false
    var error: (any Error)?
  }

  /// - Parameter onError: called once, from the writer's thread, when the state file cannot be written any more.
  init(
    run: Int64, plan: RunPlan, queue: DatabaseQueue, onError: @escaping @Sendable () -> Void
  ) {
    self.run = run
    graph = plan.graph
    fingerprints = plan.fingerprints
    reasons = plan.reasons()
    self.queue = queue
    self.onError = onError
    let thread = Thread { [self] in work() }
    thread.name = "graphrun-writer"
    thread.start()
  }

  func append(_ record: Record) {
    let count = pending.withLock {
      $0.records.append(record)
      return $0.records.count
    }
    if count == 20_000 { wake.signal() }
  }

  /// Writes what is left and ends the thread.
  /// - Throws: what kept the state file from being written.
  func close() throws {
    pending.withLock { $0.isClosed = true }
    wake.signal()
    finished.wait()
    if let error = pending.withLock({ $0.error }) { throw error }
  }

  // MARK: - The writer's thread

  private struct StageTotals {
    var done = 0
    var failed = 0
    var skipped = 0
    var rejects = 0
    var rows = 0
    var bytesOut = 0
    var busySeconds = 0.0
    var firstStart: Double?
    var lastEnd: Double?
    var isDirty = false
  }

  private struct Book {
    var stages: [StageTotals]
    var running: [TaskID: (label: String?, worker: Int, at: Double)] = [:]
    var runningChanged = false
    var peakResident = 0
  }

  private func work() {
    var book = Book(stages: [StageTotals](repeating: StageTotals(), count: graph.stages.count))
    var isOpen = true
    while isOpen {
      _ = wake.wait(timeout: .now() + .milliseconds(250))
      let (records, isClosed, hasFailed) = pending.withLock { pending in
        let taken = (pending.records, pending.isClosed, pending.error != nil)
        pending.records = []
        return taken
      }
      isOpen = !isClosed
      if hasFailed { continue }
      do {
        try queue.writeWithoutTransaction { db in
          try db.inTransaction {
            for record in records { try write(record, &book, db) }
            try writeTotals(&book, db)
            return .commit
          }
        }
      } catch {
        pending.withLock { $0.error = error }
        onError()
      }
    }
    finished.signal()
  }

  private func write(_ record: Record, _ book: inout Book, _ db: Database) throws {
    switch record {
    case .started(let task, let label, let worker, let at):
      let stage = graph.stageNumber(of: task)
      book.running[task] = (label, worker, at)
      book.runningChanged = true
      if book.stages[stage].firstStart == nil { book.stages[stage].firstStart = at }
      book.stages[stage].isDirty = true
    case .ended(let attempt): try write(attempt, &book, db)
    case .result(let task, let result, let rows, let at):
      let key = graph.key(of: task)
      let (level, index) = key.role.levelAndIndex
      try db.cachedStatement(
        sql: """
          INSERT INTO result (fingerprint, run, stage, level, idx, store, kind, value, path, bytes, rows, at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        Data(fingerprints[Int(task)].bytes), run, key.stage, level, index, result.store.rawValue, result.kind,
        result.value.map { Data($0.bytes) }, result.path, result.bytes, rows, at,
      ])
    case .skipped(let task):
      let stage = graph.stageNumber(of: task)
      book.stages[stage].skipped += 1
      book.stages[stage].isDirty = true
    case .failure(let task, let error, let label, let skipped, let at):
      let (level, index) = graph.role(of: task).levelAndIndex
      // Not with the attempt: a task that was refused has none.
      book.stages[graph.stageNumber(of: task)].failed += 1
      book.stages[graph.stageNumber(of: task)].isDirty = true
      try db.execute(
        sql: """
          INSERT INTO failure (run, stage, level, idx, label, code, message, file, record, cause, skipped, at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          run, graph.stageNumber(of: task), level, index, label, error.code.rawValue, error.message, error.file,
          error.record, error.cause, skipped, at,
        ])
    case .rejects(let task, let label, let records, let path):
      let stage = graph.stageNumber(of: task)
      let (level, index) = graph.role(of: task).levelAndIndex
      book.stages[stage].rejects += records
      book.stages[stage].isDirty = true
      try db.execute(
        sql: "INSERT INTO reject (run, stage, level, idx, label, records, path) VALUES (?, ?, ?, ?, ?, ?, ?)",
        arguments: [run, stage, level, index, label, records, path])
    case .sample(let sample):
      book.peakResident = max(book.peakResident, sample.resident)
      try db.cachedStatement(
        sql: """
          INSERT INTO sample (run, at, rss, believed, spilled_now, spilled_total, done, running)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        run, sample.at, sample.resident, sample.believed, sample.spilledNow, sample.spilledTotal, sample.done,
        sample.running,
      ])
      try db.cachedStatement(
        sql: "UPDATE run SET seen_at = ?, rss = ?, peak_rss = max(peak_rss, ?), spilled_bytes = ? WHERE id = ?"
      ).execute(arguments: [sample.at, sample.resident, sample.resident, sample.spilledTotal, run])
    case .event(let kind, let message, let at):
      try db.execute(
        sql: "INSERT INTO event (run, at, kind, message) VALUES (?, ?, ?, ?)", arguments: [run, at, kind, message])
    }
  }

  private func write(_ attempt: Attempt, _ book: inout Book, _ db: Database) throws {
    let stage = graph.stageNumber(of: attempt.task)
    let (level, index) = graph.role(of: attempt.task).levelAndIndex
    try db.cachedStatement(
      sql: """
        INSERT INTO attempt (run, stage, level, idx, outcome, reason, started_at, ended_at, worker, cpu_seconds, rows,
          bytes_in, bytes_out, estimated_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      run, stage, level, index, attempt.outcome, reasons[Int(attempt.task)]?.code ?? "", attempt.startedAt,
      attempt.endedAt, attempt.worker, attempt.cpuSeconds, attempt.rows, attempt.bytesIn, attempt.bytesOut,
      attempt.estimatedBytes,
    ])
    book.running[attempt.task] = nil
    book.runningChanged = true
    if attempt.outcome == "done" { book.stages[stage].done += 1 }
    book.stages[stage].rows += attempt.rows ?? 0
    book.stages[stage].bytesOut += attempt.bytesOut
    book.stages[stage].busySeconds += attempt.endedAt - attempt.startedAt
    book.stages[stage].lastEnd = max(book.stages[stage].lastEnd ?? 0, attempt.endedAt)
    book.stages[stage].isDirty = true
  }

  private func writeTotals(_ book: inout Book, _ db: Database) throws {
    for (number, totals) in book.stages.enumerated() where totals.isDirty {
      try db.cachedStatement(
        sql: """
          UPDATE stage SET done = ?, failed = ?, skipped = ?, rejects = ?, rows = ?, bytes_out = ?, busy_seconds = ?,
            first_start = ?, last_end = ? WHERE run = ? AND number = ?
          """
      ).execute(arguments: [
        totals.done, totals.failed, totals.skipped, totals.rejects, totals.rows, totals.bytesOut, totals.busySeconds,
        totals.firstStart, totals.lastEnd, run, number,
      ])
      book.stages[number].isDirty = false
    }
    guard book.runningChanged else { return }
    book.runningChanged = false
    try db.execute(sql: "DELETE FROM running WHERE run = ?", arguments: [run])
    for (task, entry) in book.running {
      let (level, index) = graph.role(of: task).levelAndIndex
      try db.cachedStatement(
        sql: "INSERT INTO running (run, stage, level, idx, label, started_at, worker) VALUES (?, ?, ?, ?, ?, ?, ?)"
      ).execute(arguments: [run, graph.stageNumber(of: task), level, index, entry.label, entry.at, entry.worker])
    }
  }
}
