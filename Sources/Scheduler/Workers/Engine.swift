import Foundation
import Graph
import Synchronization

// Does what `SchedulerState` decides: runs units on threads of its own, spills beside them, measures memory.
//
// Threading: `monitor` guards `core`: the state and the results in memory. A worker holds it to report what it has run
// and to take what it runs next, with the inputs; it lets go to run. What the state wants done beside that (files, rows,
// memory given back) is done after letting go. The spilling thread and the ticker meet the workers only there, in
// `ValueStore` and in `RunWriter`, each of which guards itself.
//
// A task that takes a microsecond cannot afford a lock for itself: of operations whose tasks have been quick, a worker
// takes several at once. Since it takes them in the run's order, and since quick tasks block nobody for long, the order
// of starting stays as it was decided.

final class Engine: Sendable {
  struct Settings: Sendable {
    var workers: Int
    var memoryLimit: Int
    /// `nil` for a run that leaves nothing behind.
    var folder: StateFolder?
    /// The DAG file, absolute.
    var file: String
    var residentBytes: @Sendable () -> Int
    /// Whether results that are far dearer to compute than to write are written at once.
    var keepsDearResults = true
  }

  struct Result: Sendable {
    var failures: [RunFailure]
    var written: [WrittenFile]
    var rejects: [RejectsFile]
    var snapshot: ProgressSnapshot
    /// The most that this process and its tasks' programs were seen to occupy together; 0 where there were none.
    var peakWithPrograms: Int
  }

  struct Core: ~Copyable {
    var state: SchedulerState
    /// Results in memory, by task.
    var values: ResultSlots
    /// Workers that wait for something to do.
    var idle = 0
    /// Results to write to the spill store.
    var toSpill = TaskQueue()
    var rows = 0
    var failures: [RunFailure] = []
    /// Of tasks whose failure the state has not yet settled.
    var errors: [TaskID: TaskError] = [:]
    /// By unit: what was larger than foreseen.
    var shortages: [TaskID: TaskError] = [:]
    var spillError: TaskError?
    var written: [WrittenFile] = []
    var rejects: [RejectsFile] = []
    var phase = ProgressSnapshot.Phase.running
    var hasEnded = false
    /// By operation: how long its tasks take.
    var pace: [OpPace]
    var costs = RecomputeCosts()
    var peakWithPrograms = 0
  }

  let plan: RunPlan
  let settings: Settings
  let clock: RunClock
  let writer: RunWriter?
  let store: ValueStore
  let spills: SpillStore?
  /// Where tasks put what others read; `nil` for a run without files.
  let scratch: ScratchStore?
  let placedFiles = PlacedFiles()
  let monitor = Monitor()
  let departures = Departures()
  /// Tells the spilling thread of work.
  private let spillWork = DispatchSemaphore(value: 0)
  /// Behind a pointer, so that each of the many accesses needs no check of its own.
  /// - Note: `nonisolated(unsafe)`: what it points at is read and written only while holding `monitor`.
  nonisolated(unsafe) let core: UnsafeMutablePointer<Core>
  /// By stage: which operation it has, as an index into `pace`.
  let opNumbers: [Int]
  let current: [CurrentTask]
  private let isStopping = Atomic<Bool>(false)
  /// Signalled when nothing runs any more.
  let ended = DispatchSemaphore(value: 0)
  let observer: @Sendable (ProgressSnapshot) -> Void

  init(
    plan: RunPlan, settings: Settings, scheduling: SchedulerState.Settings, budget: MemoryBudget, store: ValueStore,
    spills: SpillStore?, writer: RunWriter?, clock: RunClock, observer: @escaping @Sendable (ProgressSnapshot) -> Void
  ) {
    self.plan = plan
    self.settings = settings
    self.store = store
    self.spills = spills
    scratch = spills.map { spills in
      ScratchStore(folder: spills.folder, limit: spills.limit) { spills.bytesOnDisk }
    }
    self.writer = writer
    self.clock = clock
    self.observer = observer
    var numbers: [String: Int] = [:]
    opNumbers = plan.graph.stages.map { stage in
      numbers[stage.op.name] = numbers[stage.op.name] ?? numbers.count
      return numbers[stage.op.name]!
    }
    current = (0..<settings.workers).map { _ in CurrentTask() }
    core = .allocate(capacity: 1)
    core.initialize(
      to: Core(
        state: SchedulerState(
          graph: plan.graph, decisions: plan.decisions, storedBytes: { plan.storedBytes($0) }, settings: scheduling,
          budget: budget),
        values: ResultSlots(count: plan.graph.taskCount), pace: Array(repeating: OpPace(), count: numbers.count)))
  }

  deinit {
    core.deinitialize(count: 1)
    core.deallocate()
  }

  /// Runs everything; returns when nothing runs any more.
  func run() -> Result {
    var threads = (0..<settings.workers).map { number in
      WorkerThread("graphrun-worker-\(number)") { [self] in
        var worker = Worker(number, self)
        worker.work()
      }
    }
    threads.append(WorkerThread("graphrun-spill") { [self] in spillUntilEnd() })
    watch()
    for thread in threads { thread.wait() }
    let snapshot = snapshot()
    defer {
      scratch?.close()
      placedFiles.close()
    }
    return monitor.withLock {
      core.pointee.values = ResultSlots(count: 0)
      return Result(
        failures: core.pointee.failures, written: core.pointee.written, rejects: core.pointee.rejects,
        snapshot: snapshot, peakWithPrograms: core.pointee.peakWithPrograms)
    }
  }

  /// First call: running tasks end, no new ones start. Second call: running tasks are told to stop.
  func interrupt() {
    monitor.withLock {
      if core.pointee.phase == .running {
        core.pointee.phase = .draining
      } else {
        core.pointee.phase = .stopping
        isStopping.store(true, ordering: .relaxed)
      }
    }
    drain()
  }

  /// The state file cannot be written any more: nothing new starts.
  func stateFailed() { drain() }

  private func drain() {
    settle { $0.state.drain() }
    monitor.broadcast()
  }

  var stops: Bool { isStopping.load(ordering: .relaxed) }

  // MARK: - Effects

  /// Changes the core, then does what follows.
  func settle(_ change: (inout Core) -> Void) {
    monitor.lock()
    change(&core.pointee)
    let (effects, garbage) = collect()
    wakeWorkers()
    monitor.unlock()
    departures.finish(consume garbage)
    perform(effects)
  }

  /// Takes the effects, and the values that are to go, out of the core. To be called while holding `monitor`; then tell
  /// `departures` to finish with the values.
  func collect() -> (SchedulerEffects, [ResultBox]) {
    var garbage: [ResultBox] = []
    for task in core.pointee.state.effects.released {
      core.pointee.values.drop(task, &garbage)
      core.pointee.costs.remove(task)
    }
    for task in core.pointee.state.effects.evicted { core.pointee.values.drop(task, &garbage) }
    departures.begin(garbage)
    let effects: SchedulerEffects
    if core.pointee.state.effects.isEmpty {
      core.pointee.state.effects.released.removeAll(keepingCapacity: true)
      core.pointee.state.effects.evicted.removeAll(keepingCapacity: true)
      effects = SchedulerEffects()
    } else {
      effects = core.pointee.state.takeEffects()
      core.pointee.toSpill.append(contentsOf: effects.toSpill)
    }
    return (effects, garbage)
  }

  /// Wakes who can go on: a worker where something can start, everybody at the end. To be called holding `monitor`.
  func wakeWorkers() {
    if core.pointee.state.isOver, !core.pointee.hasEnded {
      core.pointee.hasEnded = true
      ended.signal()
      spillWork.signal()
      monitor.broadcast()
    } else if core.pointee.idle > 0,
      core.pointee.state.readyCount > 0 || core.pointee.state.nextAttempt.map({ $0 <= clock.now }) == true
    {
      monitor.signal()
    }
  }

  func perform(_ effects: SchedulerEffects) {
    guard !effects.isEmpty else { return }
    if !effects.toSpill.isEmpty { spillWork.signal() }
    for task in effects.damaged { recordDamage(task) }
    for task in effects.forgotten { store.forget(task) }
    for task in effects.wantedAgain {
      if let location = plan.location(of: task) { store.addBorrowed(task, at: location) }
    }
    for (task, wasPlanned) in effects.again { writer?.again(task, wasPlanned: wasPlanned) }
    for refusal in effects.refused { refuse(refusal) }
    for (task, skipped) in effects.failures { record(task, skipped: skipped) }
    for (task, attempt, at) in effects.retries { recordRetry(task, attempt: attempt, at: at) }
    if !effects.skipped.isEmpty { writer?.skipped(effects.skipped) }
  }

  private func recordDamage(_ task: TaskID) {
    var isSpilled = false
    if case .spill? = store.location(of: task) { isSpilled = true }
    writer?.event(
      isSpilled ? "spill-damaged" : "result-damaged",
      "the \(isSpilled ? "spilled" : "stored") result of \(plan.graph.key(of: task)) was damaged; it is computed again",
      at: clock.now)
  }

  private func refuse(_ refusal: (task: TaskID, needed: Int, capacity: Int, isStuck: Bool)) {
    monitor.withLock {
      if refusal.isStuck, let cause = core.pointee.spillError {
        core.pointee.errors[refusal.task] = TaskError(
          cause.code, "it does not fit beside results that could not be spilled: \(cause.message)", file: cause.file,
          cause: cause.cause)
        return
      }
      let shortage = core.pointee.shortages.removeValue(forKey: refusal.task)
      let advised = MemoryAdvice.limit(for: refusal.needed, idle: core.pointee.state.budget.idle)
      core.pointee.errors[refusal.task] = TaskError(
        shortage?.code ?? .outOfMemory,
        (shortage.map { "\($0.message): " } ?? "")
          + "it needs about \(ByteCount(refusal.needed)), and --memory \(ByteCount(settings.memoryLimit)) leaves "
          + "\(ByteCount(refusal.capacity)) for tasks; resume with --memory \(advised) or more"
          + (plan.graph.stage(of: refusal.task).body.memoryRemedy.map { ", or \($0)" } ?? ""),
        file: shortage?.file, record: shortage?.record)
    }
  }

  /// A failure is settled: what it was, and what cannot run for it.
  private func record(_ task: TaskID, skipped: [TaskID]) {
    let error = monitor.withLock {
      let error = core.pointee.errors.removeValue(forKey: task) ?? TaskError(.failed, "it failed")
      core.pointee.failures.append(RunFailure(task, of: plan.graph, error, skipped: skipped))
      return error
    }
    writer?.failure(task, error, label: plan.label(of: task), skipped: skipped, willRetry: false, at: clock.now)
  }

  private func recordRetry(_ task: TaskID, attempt: Int, at: Double) {
    let error = monitor.withLock { core.pointee.errors.removeValue(forKey: task) } ?? TaskError(.failed, "it failed")
    let now = clock.now
    writer?.failure(task, error, label: plan.label(of: task), skipped: [], willRetry: true, at: now)
    let wait = String(Int(((at - now) * 10).rounded()))
    writer?.event(
      "retry",
      "\(plan.graph.key(of: task)) failed at attempt \(attempt) (\(error)); the next begins in "
        + "\(wait.dropLast().isEmpty ? "0" : String(wait.dropLast())).\(wait.last ?? "0") s", at: now)
  }

  // MARK: - Spilling

  /// The spilling thread: writes what the state wants out of memory, as much at once as there is.
  private func spillUntilEnd() {
    while true {
      spillWork.wait()
      // A group at a time: what is held here cannot leave memory, whatever the books say.
      while case let group = nextGroup(), !group.isEmpty { spill(group: group) }
      let isOver = monitor.withLock { core.pointee.hasEnded }
      spills?.trim()
      if isOver { return }
    }
  }

  private func nextGroup() -> [(task: TaskID, value: any TaskValue)] {
    monitor.withLock {
      var group: [(task: TaskID, value: any TaskValue)] = []
      var bytes = 0
      while bytes < Engine.spillGroupBytes, let task = core.pointee.toSpill.popFirst() {
        guard let result = core.pointee.values[task] else {
          preconditionFailure("a result that is to be spilled is not in memory")
        }
        group.append((task, result.value))
        bytes += result.bytes
      }
      return group
    }
  }

  private static let spillGroupBytes = 4 << 20

  /// - Parameter group: held no longer than it takes to write it: once the state knows of that, the room is promised.
  private func spill(group: consuming [(task: TaskID, value: any TaskValue)]) {
    guard let spills else {
      let tasks = group.map(\.task)
      return settle { for task in tasks { $0.state.spillFailed(task) } }
    }
    let records = group.map {
      (task: $0.task, kind: type(of: $0.value).kind, bytes: $0.value.byteCount, rows: $0.value.rowCount)
    }
    let results = spills.write(
      group.map { SpillStore.Item(fingerprint: store.fingerprint($0.task), value: $0.value) })
    _ = consume group
    var failure: TaskError?
    for (record, result) in zip(records, results) {
      switch result {
      case .success(let extent):
        store.add(record.task, at: .spill(extent))
        writer?.result(
          record.task, store: .spill, kind: record.kind, path: extent.description, bytes: record.bytes,
          rows: record.rows, at: clock.now)
      case .failure(let error):
        failure = error
        writer?.event("spill-failed", "\(plan.graph.key(of: record.task)): \(error)", at: clock.now)
      }
    }
    settle { core in
      if let failure { core.spillError = failure }
      for (record, result) in zip(records, results) {
        switch result {
        case .success: core.state.spilled(record.task)
        case .failure: core.state.spillFailed(record.task)
        }
      }
    }
  }
}
