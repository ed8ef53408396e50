import Foundation
import GRDB
import GRDBSQLite
import Graph
import Synchronization

/// Writes a run's events into the state file: one thread, one transaction a batch.
///
/// Whoever reports an event only appends it to a list; the thread takes the list over every quarter of a second, so
/// what is on disk is never older than half a second, and a million events do not become a million transactions. Who
/// reports faster than the disk takes it waits: what is pending counts against nobody's memory bound.
///
/// Threading: `monitor` guards the list; the database and the per-stage totals belong to the writer's thread.
final class RunWriter: @unchecked Sendable {
  private enum Record: Sendable {
    case attempts(AttemptLog)
    case result(TaskID, Store, kind: String, value: [UInt8]?, path: String?, bytes: Int, rows: Int?, at: Double)
    case skipped([TaskID])
    case again(TaskID, wasPlanned: Bool)
    case failure(TaskID, TaskError, label: String?, skipped: Int, willRetry: Bool, at: Double)
    case rejects(TaskID, label: String?, records: Int, path: String)
    case sample(Sample)
    case event(kind: String, message: String, at: Double)
  }

  typealias Store = StoredResult.Store

  /// One attempt at one task, as its row will be.
  struct Attempt: Sendable {
    /// As the state file stores it.
    enum Outcome: Int32, Sendable {
      case done, failed, cancelled, timedOut
    }

    var task: TaskID
    var number: Int
    var worker: Int
    var startedAt: Double
    var seconds = 0.0
    var cpuSeconds = 0.0
    var outcome = Outcome.done
    var rows: Int?
    var bytesIn = 0
    var bytesOut = 0
    var estimatedBytes = 0
    var scratch = 0
    /// Whether the result lies in this row.
    var isStored = false
    fileprivate var value: Range<Int> = 0..<0
    fileprivate var kind: Int32 = 0

    init(task: TaskID, number: Int, worker: Int, startedAt: Double) {
      self.task = task
      self.number = number
      self.worker = worker
      self.startedAt = startedAt
    }
  }

  /// The attempts of one worker since it last reported, with the results that lie in their rows.
  struct AttemptLog: Sendable {
    fileprivate var attempts: [Attempt] = []
    fileprivate var values: [UInt8] = []
    fileprivate var kinds: [String] = []
    private var pending: (range: Range<Int>, kind: Int32)?

    var isEmpty: Bool { attempts.isEmpty }

    mutating func append(_ attempt: Attempt) {
      var attempt = attempt
      if attempt.isStored, let pending { (attempt.value, attempt.kind) = pending }
      pending = nil
      attempts.append(attempt)
    }

    /// Takes down a value that the next attempt stores.
    mutating func store(_ value: any TaskValue, of kind: String) throws {
      let start = values.count
      let sink = ArraySink(values)
      values = []
      defer { values = sink.bytes }
      try value.write(to: sink)
      if kinds.last != kind { kinds.append(kind) }
      pending = (start..<sink.bytes.count, Int32(kinds.count - 1))
    }

    /// The value that was taken down last.
    func lastValue() -> Buffer { Buffer(values[(pending?.range ?? 0..<0)]) }

    private final class ArraySink: ByteSink {
      var bytes: [UInt8]
      init(_ bytes: consuming [UInt8]) { self.bytes = bytes }
      func write(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
    }
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
  private let plan: RunPlan
  private let graph: TaskGraph
  private let queue: DatabaseQueue
  private let startedAt: Double
  private let monitor = Monitor()
  private var pending: [Record] = []
  private var pendingCount = 0
  private var isClosed = false
  private var error: (any Error)?
  private let finished = DispatchSemaphore(value: 0)
  private let runningTasks: @Sendable () -> [(task: TaskID, worker: Int, start: Double)]
  private let onError: @Sendable () -> Void

  /// Records that may wait before those who report have to.
  private static let mostPending = 65_536
  private static let wakeAt = 16_384

  /// - Parameters:
  ///   - runningTasks: what runs now; asked from the writer's thread.
  ///   - onError: called once, from the writer's thread, when the state file cannot be written any more.
  init(
    run: Int64, plan: RunPlan, queue: DatabaseQueue, startedAt: Double,
    runningTasks: @escaping @Sendable () -> [(task: TaskID, worker: Int, start: Double)],
    onError: @escaping @Sendable () -> Void
  ) {
    self.run = run
    self.plan = plan
    graph = plan.graph
    self.queue = queue
    self.startedAt = startedAt
    self.runningTasks = runningTasks
    self.onError = onError
    let thread = Thread { [self] in work() }
    thread.name = "graphrun-writer"
    thread.start()
  }

  func append(_ log: AttemptLog) { append(.attempts(log), count: RunWriter.weight(log)) }

  /// A log in records, or in kibibytes of results where that is more.
  private static func weight(_ log: AttemptLog) -> Int { max(log.attempts.count, log.values.count >> 10) }

  func result(
    _ task: TaskID, store: Store, kind: String, path: String?, bytes: Int, rows: Int?, at time: Double
  ) {
    append(.result(task, store, kind: kind, value: nil, path: path, bytes: bytes, rows: rows, at: time))
  }

  /// A file of the user's that a task wrote.
  func output(_ task: TaskID, _ file: WrittenFile, rows: Int?, at time: Double) {
    var log = AttemptLog()
    // A written file's own record is a few numbers and a path: writing it to memory does not fail.
    try? log.store(file, of: WrittenFile.kind)
    append(
      .result(
        task, .output, kind: WrittenFile.kind, value: log.values, path: file.path, bytes: file.byteCount, rows: rows,
        at: time))
  }

  func failure(
    _ task: TaskID, _ error: TaskError, label: String?, skipped: [TaskID], willRetry: Bool, at time: Double
  ) {
    append(.failure(task, error, label: label, skipped: skipped.count, willRetry: willRetry, at: time))
    if !skipped.isEmpty { append(.skipped(skipped)) }
  }

  func skipped(_ tasks: [TaskID]) { append(.skipped(tasks)) }

  /// A task runs once more, or although its result was to be reused, because a result was lost.
  func again(_ task: TaskID, wasPlanned: Bool) { append(.again(task, wasPlanned: wasPlanned)) }

  func rejects(_ task: TaskID, label: String?, records: Int, path: String) {
    append(.rejects(task, label: label, records: records, path: path))
  }

  func sample(_ sample: Sample) { append(.sample(sample)) }

  func event(_ kind: String, _ message: String, at time: Double) {
    append(.event(kind: kind, message: message, at: time))
  }

  private func append(_ record: Record, count: Int = 1) {
    monitor.lock()
    while pendingCount >= RunWriter.mostPending, error == nil { monitor.wait() }
    pending.append(record)
    let before = pendingCount
    pendingCount += count
    if before < RunWriter.wakeAt, pendingCount >= RunWriter.wakeAt { monitor.broadcast() }
    monitor.unlock()
  }

  /// Writes what is left and ends the thread.
  /// - Throws: what kept the state file from being written.
  func close() throws {
    monitor.withLock {
      isClosed = true
      monitor.broadcast()
    }
    finished.wait()
    if let error = monitor.withLock({ self.error }) { throw error }
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
    var dirty: [Int] = []
    var hadRunning = false
    /// Tasks that run because results were lost.
    var again: Set<TaskID> = []

    mutating func change(_ stage: Int, _ body: (inout StageTotals) -> Void) {
      if !stages[stage].isDirty {
        stages[stage].isDirty = true
        dirty.append(stage)
      }
      body(&stages[stage])
    }
  }

  private func work() {
    var book = Book(stages: [StageTotals](repeating: StageTotals(), count: graph.stages.count))
    var isOpen = true
    while isOpen {
      monitor.lock()
      if pendingCount < RunWriter.wakeAt, !isClosed { monitor.wait(seconds: 0.25) }
      let records = pending
      pending = []
      isOpen = !isClosed
      let hasFailed = error != nil
      monitor.unlock()
      if !hasFailed {
        do {
          try queue.writeWithoutTransaction { db in
            try db.inTransaction {
              let insert = try AttemptInsert(db)
              for record in records { try write(record, &book, insert, db) }
              try writeTotals(&book, db)
              return .commit
            }
          }
        } catch {
          monitor.withLock { self.error = error }
          onError()
        }
      }
      monitor.withLock {
        // Only now: what is being written takes memory too.
        pendingCount = pending.reduce(0) {
          if case .attempts(let log) = $1 { $0 + RunWriter.weight(log) } else { $0 + 1 }
        }
        monitor.broadcast()
      }
    }
    finished.signal()
  }

  private func write(_ record: Record, _ book: inout Book, _ insert: AttemptInsert, _ db: Database) throws {
    switch record {
    case .attempts(let log):
      try log.values.withUnsafeBytes { values in
        for attempt in log.attempts { try write(attempt, log.kinds, values, &book, insert) }
      }
    case .result(let task, let store, let kind, let value, let path, let bytes, let rows, let at):
      let key = graph.key(of: task)
      let (level, index) = key.role.levelAndIndex
      try db.cachedStatement(
        sql: """
          INSERT INTO result (fingerprint, run, stage, level, idx, store, kind, value, path, bytes, rows, at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        Data(plan.fingerprints[Int(task)].bytes), run, key.stage, level, index, store.rawValue, kind,
        value.map { Data($0) }, path, bytes, rows, at,
      ])
    case .skipped(let tasks): for task in tasks { book.change(graph.stageNumber(of: task)) { $0.skipped += 1 } }
    case .again(let task, let wasPlanned):
      book.again.insert(task)
      let stage = graph.stageNumber(of: task)
      if wasPlanned {
        book.change(stage) { $0.done -= 1 }
      } else {
        try db.execute(
          sql: "UPDATE stage SET planned = planned + 1, reused = max(0, reused - ?) WHERE run = ? AND number = ?",
          arguments: [plan.decision(task) == .reused ? 1 : 0, run, stage])
      }
    case .failure(let task, let error, let label, let skipped, let willRetry, let at):
      let (level, index) = graph.role(of: task).levelAndIndex
      // Not with the attempt: a task that was refused has none.
      if !willRetry { book.change(graph.stageNumber(of: task)) { $0.failed += 1 } }
      try db.execute(
        sql: """
          INSERT INTO failure (run, stage, level, idx, label, code, message, file, record, cause, skipped, at, retried)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          run, graph.stageNumber(of: task), level, index, label, error.code.rawValue, error.message, error.file,
          error.record, error.cause, skipped, at, willRetry,
        ])
    case .rejects(let task, let label, let records, let path):
      let stage = graph.stageNumber(of: task)
      let (level, index) = graph.role(of: task).levelAndIndex
      book.change(stage) { $0.rejects += records }
      try db.execute(
        sql: "INSERT INTO reject (run, stage, level, idx, label, records, path) VALUES (?, ?, ?, ?, ?, ?, ?)",
        arguments: [run, stage, level, index, label, records, path])
    case .sample(let sample):
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

  private func write(
    _ attempt: Attempt, _ kinds: [String], _ values: UnsafeRawBufferPointer, _ book: inout Book,
    _ insert: AttemptInsert
  ) throws {
    let stage = graph.stageNumber(of: attempt.task)
    let first = graph.stages[stage].firstTask
    let (level, index) = graph.stages[stage].role(Int(attempt.task - first)).levelAndIndex
    insert.bind(1, run)
    insert.bind(2, stage)
    insert.bind(3, level)
    insert.bind(4, index)
    insert.bind(5, attempt.number)
    insert.bind(6, Int(attempt.outcome.rawValue))
    let isAgain = !book.again.isEmpty && book.again.contains(attempt.task)
    insert.bind(7, isAgain ? RunReason.lostCode : plan.reasonCode(attempt.task))
    insert.bind(8, microseconds(attempt.startedAt - startedAt))
    insert.bind(9, microseconds(attempt.seconds))
    insert.bind(10, microseconds(attempt.cpuSeconds))
    insert.bind(11, attempt.worker)
    if let rows = attempt.rows { insert.bind(12, rows) } else { insert.bindNull(12) }
    insert.bind(13, attempt.bytesIn)
    insert.bind(14, attempt.bytesOut)
    insert.bind(15, attempt.estimatedBytes)
    insert.bind(16, attempt.scratch)
    if attempt.isStored {
      insert.bind(17, plan.fingerprints[Int(attempt.task)])
      insert.bind(18, kinds[Int(attempt.kind)])
      insert.bind(19, UnsafeRawBufferPointer(rebasing: values[attempt.value]))
    } else {
      for column in Int32(17)...19 { insert.bindNull(column) }
    }
    try insert.step()
    book.change(stage) { totals in
      if attempt.outcome == .done { totals.done += 1 }
      totals.rows += attempt.rows ?? 0
      totals.bytesOut += attempt.bytesOut
      totals.busySeconds += attempt.seconds
      totals.firstStart = min(totals.firstStart ?? .infinity, attempt.startedAt)
      totals.lastEnd = max(totals.lastEnd ?? 0, attempt.startedAt + attempt.seconds)
    }
  }

  private func writeTotals(_ book: inout Book, _ db: Database) throws {
    for number in book.dirty {
      let totals = book.stages[number]
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
    book.dirty.removeAll(keepingCapacity: true)
    let running = runningTasks()
    guard book.hadRunning || !running.isEmpty else { return }
    book.hadRunning = !running.isEmpty
    try db.execute(sql: "DELETE FROM running WHERE run = ?", arguments: [run])
    for (task, worker, start) in running {
      let (level, index) = graph.role(of: task).levelAndIndex
      try db.cachedStatement(
        sql: "INSERT INTO running (run, stage, level, idx, label, started_at, worker) VALUES (?, ?, ?, ?, ?, ?, ?)"
      ).execute(arguments: [run, graph.stageNumber(of: task), level, index, plan.label(of: task), start, worker])
    }
  }
}

/// Inserts rows into `attempt` through SQLite's C interface: a million of them are the most that a run writes, and
/// GRDB's arguments cost more than the insert itself (measured: 1.6 against 0.7 µs a row of 8 columns).
///
/// What is bound is not copied: it has to stay until `step`.
private final class AttemptInsert {
  private let statement: OpaquePointer
  private let connection: OpaquePointer
  private let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 2)
  private var lastText = ""
  private var lastCopy: UnsafeMutablePointer<CChar>?

  deinit {
    sqlite3_clear_bindings(statement)
    words.deallocate()
    free(lastCopy)
  }

  init(_ db: Database) throws {
    let cached = try db.cachedStatement(
      sql: """
        INSERT INTO attempt (run, stage, level, idx, number, outcome, reason, started, duration, cpu, worker, rows,
          bytes_in, bytes_out, estimated, scratch, fingerprint, kind, value)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    statement = cached.sqliteStatement
    connection = db.sqliteConnection!
  }

  func bind(_ column: Int32, _ value: some BinaryInteger) { sqlite3_bind_int64(statement, column, Int64(value)) }

  func bindNull(_ column: Int32) { sqlite3_bind_null(statement, column) }

  func bind(_ column: Int32, _ fingerprint: Fingerprint) {
    words[0] = fingerprint.high.bigEndian
    words[1] = fingerprint.low.bigEndian
    sqlite3_bind_blob(statement, column, words, 16, nil)
  }

  func bind(_ column: Int32, _ text: String) {
    // As a rule it is the same for all rows.
    if text != lastText {
      lastText = text
      free(lastCopy)
      lastCopy = strdup(text)
    }
    sqlite3_bind_text(statement, column, lastCopy, -1, nil)
  }

  /// - Parameter bytes: have to stay where they are until `step` returns.
  func bind(_ column: Int32, _ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else {
      sqlite3_bind_zeroblob(statement, column, 0)
      return
    }
    sqlite3_bind_blob(statement, column, bytes.baseAddress, Int32(bytes.count), nil)
  }

  /// Inserts the row.
  func step() throws {
    let code = sqlite3_step(statement)
    sqlite3_reset(statement)
    guard code == SQLITE_DONE else {
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)))
    }
  }
}

private func microseconds(_ seconds: Double) -> Int64 { Int64((seconds * 1e6).rounded()) }
