import Foundation
import Graph
import Synchronization

/// Does what `SchedulerState` decides: runs tasks on threads of its own, spills beside them, measures memory.
///
/// Threading: `core` guards the state; every event takes the lock, collects actions, lets go and performs them.
/// Workers, the spilling thread and the ticker only meet there, in `ValueStore` and in `RunWriter`, each of
/// which guards itself.
final class Engine: Sendable {
  struct Settings: Sendable {
    var workers: Int
    var keepsGoing: Bool
    var memoryLimit: Int
    var folder: StateFolder
    /// The DAG file, absolute.
    var file: String
    var residentBytes: @Sendable () -> Int
  }

  struct Result: Sendable {
    var failures: [RunFailure]
    var written: [WrittenFile]
    var rejects: [RejectsFile]
    var snapshot: ProgressSnapshot
  }

  private struct Core {
    var state: SchedulerState
    var startedAt: [TaskID: Double] = [:]
    var rows = 0
    var failures: [RunFailure] = []
    /// Of tasks whose failure the state has not yet settled.
    var errors: [TaskID: TaskError] = [:]
    var spillError: TaskError?
    var written: [WrittenFile] = []
    var rejects: [RejectsFile] = []
    var phase = ProgressSnapshot.Phase.running
  }

  private let plan: RunPlan
  private let settings: Settings
  private let writer: RunWriter
  private let values: ValueStore
  private let core: Mutex<Core>
  private let toRun = BlockingQueue<TaskID>()
  private let toSpill = BlockingQueue<TaskID>()
  private let isStopping = Atomic<Bool>(false)
  private let ended = DispatchSemaphore(value: 0)
  private let observer: @Sendable (ProgressSnapshot) -> Void
  private let beginning = Engine.now()

  init(
    plan: RunPlan, settings: Settings, budget: MemoryBudget, values: ValueStore, writer: RunWriter,
    observer: @escaping @Sendable (ProgressSnapshot) -> Void
  ) {
    self.plan = plan
    self.settings = settings
    self.values = values
    self.writer = writer
    self.observer = observer
    let graph = plan.graph
    var storedBytes: [TaskID: Int] = [:]
    for task in graph.tasks where plan.decision(task) == .reused { storedBytes[task] = plan.stored(task)?.bytes ?? 0 }
    core = Mutex(
      Core(
        state: SchedulerState(
          graph: graph, decisions: plan.decisions, storedBytes: storedBytes, workers: settings.workers,
          keepsGoing: settings.keepsGoing, budget: budget,
          estimate: { task, inputBytes in
            let stage = graph.stage(of: task)
            return stage.body.estimate(stage.role(Int(task - stage.firstTask)), inputBytes: inputBytes)
          })))
  }

  static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Runs everything; returns when nothing runs any more.
  func run() -> Result {
    var threads = (0..<settings.workers).map { number in
      Engine.thread("graphrun-worker-\(number)") { [self] in
        while let task = toRun.pop() { perform(task, worker: number) }
      }
    }
    threads.append(
      Engine.thread("graphrun-spill") { [self] in
        while let task = toSpill.pop() { spill(task) }
      })
    perform(core.withLock { $0.state.start() })
    tick()
    toRun.close()
    toSpill.close()
    for thread in threads { thread.wait() }
    let snapshot = snapshot()
    return core.withLock {
      Result(failures: $0.failures, written: $0.written, rejects: $0.rejects, snapshot: snapshot)
    }
  }

  /// First call: running tasks end, no new ones start. Second call: running tasks are told to stop.
  func interrupt() {
    let isSecond = core.withLock { core in
      defer { core.phase = core.phase == .running ? .draining : .stopping }
      return core.phase != .running
    }
    if isSecond { isStopping.store(true, ordering: .relaxed) }
    send(.drain)
  }

  /// The state file cannot be written any more: nothing new starts.
  func stateFailed() { send(.drain) }

  // MARK: - Events and actions

  private func send(_ event: SchedulerEvent) {
    perform(core.withLock { $0.state.isOver ? [] : $0.state.handle(event) })
  }

  private func perform(_ actions: [SchedulerAction]) {
    for action in actions {
      switch action {
      case .run(let task): toRun.push(task)
      case .spill(let task): toSpill.push(task)
      case .evict(let task): values.evict(task)
      case .release(let task): values.release(task)
      case .refuse(let task, let needed, let capacity, let isStuck):
        refuse(task, needed: needed, capacity: capacity, isStuck: isStuck)
      case .failed(let task, let skipped): record(task, skipped: skipped)
      case .end: ended.signal()
      }
    }
  }

  private func refuse(_ task: TaskID, needed: Int, capacity: Int, isStuck: Bool) {
    core.withLock { core in
      if isStuck, let cause = core.spillError {
        core.errors[task] = TaskError(
          cause.code,
          "it does not fit beside results that could not be spilled to \(settings.folder.spill): \(cause.message)",
          cause: cause.cause)
        return
      }
      let advised = MemoryAdvice.limit(for: needed, idle: core.state.budget.idle)
      core.errors[task] = TaskError(
        .outOfMemory,
        "it needs about \(ByteCount(needed)), and --memory \(ByteCount(settings.memoryLimit)) leaves "
          + "\(ByteCount(capacity)) for tasks; resume with --memory \(advised) or more")
    }
  }

  // MARK: - Workers

  private func perform(_ task: TaskID, worker: Int) {
    let graph = plan.graph
    let key = graph.key(of: task)
    let label = label(of: task)
    let start = Engine.now()
    core.withLock { $0.startedAt[task] = start }
    writer.append(.started(task, label: label, worker: worker, at: start))
    let context = WorkerContext(
      key: key, attempt: 1, inputKeys: { graph.key(of: graph.inputs(of: task)[graph.inputs(of: task).startIndex + $0]) },
      rejectsPath: rejectsPath(of: task, label: label)
    ) { [self] in
      isStopping.load(ordering: .relaxed)
    }
    var attempt = RunWriter.Attempt(
      task: task, outcome: "done", startedAt: start, endedAt: start, worker: worker, cpuSeconds: 0, rows: nil,
      bytesIn: 0,
      bytesOut: 0, estimatedBytes: 0)
    let cpuStart = Engine.threadSeconds()
    do {
      try context.checkCancellation()
      let (bytes, isStored) = try run(task, key, context, label, &attempt)
      attempt.endedAt = Engine.now()
      attempt.cpuSeconds = Engine.threadSeconds() - cpuStart
      writer.append(.ended(attempt))
      core.withLock { $0.startedAt[task] = nil }
      send(.finished(task, bytes: bytes, isStored: isStored))
    } catch {
      context.discardRejects()
      let error = (error as? TaskError) ?? TaskError(.failed, "\(error)")
      attempt.outcome = error.code == .cancelled ? "cancelled" : "failed"
      attempt.endedAt = Engine.now()
      attempt.cpuSeconds = Engine.threadSeconds() - cpuStart
      writer.append(.ended(attempt))
      core.withLock { $0.startedAt[task] = nil }
      if error.code != .cancelled { core.withLock { $0.errors[task] = error } }
      send(error.code == .cancelled ? .cancelled(task) : .failed(task))
    }
  }

  /// Runs the body and stores what is to last.
  /// - Returns: bytes that the result takes in memory, and whether it can be read back already.
  private func run(
    _ task: TaskID, _ key: TaskKey, _ context: WorkerContext, _ label: String?, _ attempt: inout RunWriter.Attempt
  ) throws -> (bytes: Int, isStored: Bool) {
    let stage = plan.graph.stage(of: task)
    let inputs = try plan.graph.inputs(of: task).map { try values.value($0) }
    let sizes = inputs.map(\.byteCount)
    attempt.bytesIn = sizes.reduce(0, +)
    let estimate = stage.body.estimate(key.role, inputBytes: sizes)
    attempt.estimatedBytes = estimate.output + estimate.scratch
    let value = try stage.body.run(key.role, inputs: inputs, context: context)
    attempt.rows = value.rowCount
    attempt.bytesOut = (value as? WrittenFile)?.fileByteCount ?? value.byteCount
    if let rejects = try context.publishRejects() {
      writer.append(.rejects(task, label: label, records: rejects.records, path: rejects.path))
      core.withLock { $0.rejects.append(rejects) }
    }
    let stored = try store(value, of: task, stage)
    if let stored {
      if let location = ValueStore.Location(stored) { values.adopt(task, location) }
      writer.append(.result(task, stored, rows: value.rowCount, at: Engine.now()))
    }
    values.put(task, value)
    core.withLock { core in
      if stage.op.shape == .source { core.rows += value.rowCount ?? 0 }
      if let file = value as? WrittenFile { core.written.append(file) }
    }
    return (value.byteCount, stored.map { ValueStore.Location($0) != nil } ?? false)
  }

  /// Results of at most this size go into the state file.
  private static let inlineBytes = 64 << 10

  /// Stores a result that outlives its last use.
  private func store(_ value: any TaskValue, of task: TaskID, _ stage: Stage) throws -> PriorState.StoredResult? {
    let kind = type(of: value).kind
    if value is WrittenFile {
      return PriorState.StoredResult(
        store: .output, kind: kind, value: try serialized(value),
        path: stage.body.outputPath(plan.graph.role(of: task)),
        bytes: value.byteCount)
    }
    guard plan.graph.isKept(stage) else { return nil }
    if value.byteCount <= Engine.inlineBytes {
      return PriorState.StoredResult(
        store: .inline, kind: kind, value: try serialized(value), path: nil, bytes: value.byteCount)
    }
    let path = "\(settings.folder.results)/\(plan.fingerprints[Int(task)]).value"
    _ = try ValueFile.write(value, to: path, synced: true)
    return PriorState.StoredResult(store: .kept, kind: kind, value: nil, path: path, bytes: value.byteCount)
  }

  private func serialized(_ value: any TaskValue) throws -> Buffer {
    let sink = BufferSink()
    try value.write(to: sink)
    return sink.finish()
  }

  private func spill(_ task: TaskID) {
    guard let value = values.valueInMemory(task) else { return }
    // The number, because two stages may compute the same thing: neither must delete the other's file.
    let path = "\(settings.folder.spill)/\(plan.fingerprints[Int(task)])-\(task).value"
    do {
      let bytes = try ValueFile.write(value, to: path, synced: false)
      values.didSpill(task, path: path, bytes: bytes)
      writer.append(
        .result(
          task,
          PriorState.StoredResult(
            store: .spill, kind: type(of: value).kind, value: nil, path: path, bytes: value.byteCount),
          rows: value.rowCount, at: Engine.now()))
      send(.spilled(task))
    } catch {
      core.withLock { $0.spillError = (error as? TaskError) ?? TaskError(.cannotWrite, "\(error)") }
      writer.append(
        .event(kind: "spill-failed", message: "\(plan.graph.key(of: task)): \(error)", at: Engine.now()))
      send(.spillFailed(task))
    }
  }

  /// A failure is settled: what it was, and what cannot run for it.
  private func record(_ task: TaskID, skipped: [TaskID]) {
    let label = label(of: task)
    let error = core.withLock { core in
      let error = core.errors.removeValue(forKey: task) ?? TaskError(.failed, "it failed")
      core.failures.append(
        RunFailure(
          key: plan.graph.key(of: task), op: plan.graph.stage(of: task).op.name, label: label, error: error,
          skipped: skipped.prefix(RunFailure.namedSkipped).map { plan.graph.key(of: $0) }, skippedCount: skipped.count))
      return error
    }
    writer.append(.failure(task, error, label: label, skipped: skipped.count, at: Engine.now()))
    for dependent in skipped { writer.append(.skipped(dependent)) }
  }

  /// Where a task's rejects go: told apart by DAG file and input path, since two inputs may have one name.
  private func rejectsPath(of task: TaskID, label: String?) -> String {
    let key = plan.graph.key(of: task)
    var source = key.description
    if case .partition(let index) = key.role, let file = plan.graph.stage(of: task).partitions[Int(index)].file {
      source = file.path
    }
    let name = String((label ?? "\(key)").replacing("/", with: "_").unicodeScalars.prefix(40).map(Character.init))
    return "\(settings.folder.rejects)/\(key.stage)/\(name)-\(FileNames.tag(settings.file + "\n" + source)).jsonl"
  }

  private func label(of task: TaskID) -> String? {
    guard case .partition(let index) = plan.graph.role(of: task) else { return nil }
    return plan.graph.stage(of: task).partitions[Int(index)].label
  }

  // MARK: - Watching

  /// Measures memory, reports progress and writes samples until the run is over.
  private func tick() {
    var lastSample = 0.0
    while true {
      let isOver = ended.wait(timeout: .now() + .milliseconds(50)) == .success
      let resident = settings.residentBytes()
      let believed = core.withLock { $0.state.budget.believed }
      if resident > believed + (4 << 20) { ProcessMemory.releaseFreeMemory() }
      send(.measured(resident: settings.residentBytes()))
      let snapshot = snapshot()
      observer(snapshot)
      let now = Engine.now()
      if isOver || now - lastSample >= 0.25 {
        lastSample = now
        writer.append(
          .sample(
            RunWriter.Sample(
              at: now, resident: snapshot.residentBytes, believed: snapshot.believedBytes,
              spilledNow: snapshot.spilledNow,
              spilledTotal: snapshot.spilledTotal, done: snapshot.done, running: snapshot.running.count)))
      }
      if isOver { return }
    }
  }

  private func snapshot() -> ProgressSnapshot {
    let now = Engine.now()
    var snapshot = ProgressSnapshot()
    snapshot.elapsedSeconds = now - beginning
    snapshot.planned = plan.planned
    snapshot.reused = plan.reused
    snapshot.memoryLimit = settings.memoryLimit
    snapshot.residentBytes = settings.residentBytes()
    (snapshot.spilledNow, snapshot.spilledTotal) = values.spilled
    core.withLock { core in
      snapshot.phase = core.phase
      snapshot.done = core.state.done
      snapshot.failed = core.state.failed
      snapshot.skipped = core.state.skipped
      snapshot.rows = core.rows
      snapshot.believedBytes = core.state.budget.believed
      snapshot.running = core.startedAt.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map { task, start in
        ProgressSnapshot.RunningTask(key: plan.graph.key(of: task), label: label(of: task), seconds: now - start)
      }
    }
    return snapshot
  }

  // MARK: - Threads

  private struct RunningThread {
    let done: DispatchSemaphore
    func wait() { done.wait() }
  }

  private static func thread(_ name: String, _ body: @escaping @Sendable () -> Void) -> RunningThread {
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      body()
      done.signal()
    }
    thread.name = name
    thread.stackSize = 4 << 20
    thread.start()
    return RunningThread(done: done)
  }

  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// Collects bytes in memory.
private final class BufferSink: ByteSink {
  private var builder = BufferBuilder()

  func write(_ bytes: UnsafeRawBufferPointer) throws { builder.append(bytes) }

  func finish() -> Buffer {
    var taken = BufferBuilder()
    swap(&taken, &builder)
    return taken.finish()
  }
}
