import Foundation
import Graph
import Synchronization

/// What to run, and how.
public struct RunRequest: Sendable {
  /// The pipeline's name.
  public var name: String
  /// Absolute path of the DAG file.
  public var file: String
  /// Where the command was given.
  public var folder: String
  /// As typed.
  public var command: String
  /// JSON that `resume` reads back.
  public var settings: String
  public var graph: TaskGraph
  public var registry: OpRegistry
  public var memory: ByteCount
  public var workers: Int
  /// Finish everything that does not depend on a failure.
  public var keepsGoing: Bool
  public var isResume: Bool
  public var selection: RunSelection
  /// The most that spilled results may take on disk; `nil` for no limit.
  public var spillLimit: ByteCount?
  /// Whether a result that is far dearer to compute than to write is written at once.
  public var keepsDearResults = true
  /// Bytes that the process occupies; tests pass their own.
  var residentBytes: @Sendable () -> Int = ProcessMemory.resident

  public init(
    name: String, file: String, folder: String, command: String, settings: String, graph: TaskGraph,
    registry: OpRegistry,
    memory: ByteCount, workers: Int, keepsGoing: Bool = false, isResume: Bool = false,
    selection: RunSelection = RunSelection(), spillLimit: ByteCount? = nil
  ) {
    self.name = name
    self.file = file
    self.folder = folder
    self.command = command
    self.settings = settings
    self.graph = graph
    self.registry = registry
    self.memory = memory
    self.workers = workers
    self.keepsGoing = keepsGoing
    self.isResume = isResume
    self.selection = selection
    self.spillLimit = spillLimit
  }
}

/// One task's failure and what it cost.
public struct RunFailure: Sendable {
  /// The task's name.
  public let key: TaskKey
  /// Its operation's name; of a Swift program's step `swift.` and its kind.
  public let op: String
  /// The partition's label, as a rule a file name.
  public let label: String?
  /// Why its last attempt failed. What a closure threw, if it was no `TaskError`, is the message of one with code
  /// `.failed`.
  public let error: TaskError
  /// The first of the tasks that could not run because of it, at most `namedSkipped`.
  public let skipped: [TaskKey]
  /// How many could not.
  public let skippedCount: Int

  static let namedSkipped = 20

  init(_ task: TaskID, of graph: TaskGraph, _ error: TaskError, skipped: [TaskID]) {
    key = graph.key(of: task)
    op = graph.stage(of: task).op.name
    label = graph.label(of: task)
    self.error = error
    self.skipped = skipped.prefix(RunFailure.namedSkipped).map { graph.key(of: $0) }
    skippedCount = skipped.count
  }
}

/// Records that one task set aside.
public struct RejectsFile: Hashable, Sendable {
  public let path: String
  public let records: Int
}

/// How a run ended.
public struct RunSummary: Sendable {
  /// How it ended.
  public enum Outcome: String, Sendable {
    /// Everything that was to be done is done.
    case done
    /// A task failed.
    case failed
    /// It was told to stop.
    case interrupted
    /// Everything was there already.
    case upToDate
  }

  /// The run's number in the state file; `nil` if there was nothing to do, or there is no state file.
  public let run: Int64?
  /// How it ended.
  public let outcome: Outcome
  /// What failed.
  public let failures: [RunFailure]
  /// Files that this run published.
  public let written: [WrittenFile]
  /// Records that were set aside, a file for each task that had any.
  public let rejects: [RejectsFile]
  /// How it stood at its end.
  public let last: ProgressSnapshot
  /// The most that the process has occupied, in bytes.
  public let peakResident: Int
}

/// One run on a state folder, from its plan to its end.
public final class RunSession: Sendable {
  public let plan: RunPlan
  /// The run whose process died, if the last one did.
  public let died: Int64?
  private let request: RunRequest
  private let store: RunStore
  private let engine: Late<Engine>
  /// Calls of `interrupt` before there was an engine to take them.
  private let earlyInterrupts = Mutex(0)

  /// Locks the folder and plans.
  /// - Throws: `SchedulerError` if another run holds the folder, or it cannot be used.
  public init(_ request: RunRequest, in folder: StateFolder) throws {
    self.request = request
    store = try RunStore(folder, file: request.file)
    died = store.died
    plan = try store.plan(request.graph, selection: request.selection)
    engine = Late()
  }

  /// Runs what the plan says.
  ///
  /// - Parameters:
  ///   - willRun: called once with the run's number before the first task starts.
  ///   - observer: called about twenty times a second from a thread of the engine.
  /// - Throws: `SchedulerError` if the memory bound is too small for a source, or the state file cannot be written.
  public func execute(
    willRun: (Int64) -> Void = { _ in }, observer: @escaping @Sendable (ProgressSnapshot) -> Void
  ) throws -> RunSummary {
    guard plan.planned > 0 else {
      try store.forgetSpills()
      return RunSummary(
        run: nil, outcome: .upToDate, failures: [], written: [], rejects: [], last: ProgressSnapshot(),
        peakResident: ProcessMemory.peakResident())
    }
    ProcessMemory.releaseFreeMemory()
    let budget = MemoryBudget(limit: request.memory.bytes, idle: request.residentBytes() + RunSession.startingBytes)
    try checkSourcesFit(budget)

    let spills = SpillStore(folder: store.folder.spill, limit: request.spillLimit?.bytes)
    let plan = plan
    let values = ValueStore(
      registry: request.registry, spills: spills, fingerprint: { plan.fingerprints[Int($0)] },
      readRecorded: try store.recordReader())
    let adopted = try adoptResults(values, spills)

    let clock = RunClock()
    let run = try store.begin(request, plan: plan, at: clock.start)
    let engine = engine
    let writer = RunWriter(
      run: run, plan: plan, queue: store.queue, startedAt: clock.start,
      runningTasks: { engine.value?.runningTasks() ?? [] }, onError: { engine.value?.stateFailed() })
    var earlierFailures: [TaskID: Int] = [:]
    for (key, count) in plan.prior.failures { if let task = plan.graph.task(key) { earlierFailures[task] = count } }
    engine.set(
      Engine(
        plan: plan,
        settings: Engine.Settings(
          workers: request.workers, memoryLimit: request.memory.bytes, folder: store.folder, file: request.file,
          residentBytes: request.residentBytes, keepsDearResults: request.keepsDearResults),
        scheduling: SchedulerState.Settings(
          workers: request.workers, keepsGoing: request.keepsGoing, earlierFailures: earlierFailures),
        budget: budget, store: values, spills: spills, writer: writer, clock: clock, observer: observer))
    deliverEarlyInterrupts()
    if let died { writer.event("resumed", "run \(died) had died", at: clock.now) }
    for (task, reason) in plan.lostSpills {
      writer.event("spill-damaged", "\(plan.graph.key(of: task)): \(reason); it is computed again", at: clock.now)
    }
    willRun(run)
    let result = engine.value!.run()
    do {
      try writer.close()
      let outcome = RunSession.outcome(result.snapshot, failures: result.failures)
      let reason = result.failures.first.map { "\($0.key): \($0.error)" }
      let peak = max(ProcessMemory.peakResident(), result.peakWithPrograms)
      let keepsSpills = outcome != .done || (plan.leavesWork && adopted > 0)
      if !keepsSpills { spills.removeAll() }
      try store.end(
        run, state: outcome.rawValue, reason: reason, peakResident: peak, keepsSpills: keepsSpills, at: clock.now)
      return RunSummary(
        run: run, outcome: outcome, failures: result.failures, written: result.written, rejects: result.rejects,
        last: result.snapshot, peakResident: peak)
    } catch {
      throw StateDatabase.failure(error, store.folder)
    }
  }

  /// Makes the results of earlier runs that this one reads readable, and frees the spill store of all others.
  ///
  /// - Returns: how many places in the spill store are taken over.
  private func adoptResults(_ values: ValueStore, _ spills: SpillStore) throws -> Int {
    var adopted: Set<String> = []
    for extent in plan.spillsSetAside() where spills.adopt(extent) { adopted.insert(extent.description) }
    for task in plan.graph.tasks where plan.decision(task) == .reused {
      guard let location = plan.location(of: task) else { continue }
      if case .spill(let extent) = location {
        guard spills.adopt(extent) else { continue }
        adopted.insert(extent.description)
        // The next run may read it, too.
        if plan.leavesWork {
          values.addBorrowed(task, at: location)
          continue
        }
      }
      values.add(task, at: location)
    }
    try store.forgetSpills(except: adopted)
    spills.sweep(keeping: try store.spillFilesOfOthers())
    return adopted.count
  }

  /// First call: running tasks end, no new ones start. Second call: running tasks are told to stop.
  ///
  /// A call that comes before anything can run, say while the order is being made, counts as soon as it could.
  public func interrupt() {
    let running = earlyInterrupts.withLock { early in
      let running = engine.value
      if running == nil { early += 1 }
      return running
    }
    running?.interrupt()
  }

  private func deliverEarlyInterrupts() {
    // Under the lock there is an engine now: no later call is counted as an early one.
    for _ in 0..<earlyInterrupts.withLock({ $0 }) { engine.value?.interrupt() }
  }

  /// Threads, the database's pages and the engine's own books, once they are all in use.
  static let startingBytes = 4 << 20

  static func outcome(_ last: ProgressSnapshot, failures: [RunFailure]) -> RunSummary.Outcome {
    if !failures.isEmpty { return .failed }
    return last.done == last.planned ? .done : .interrupted
  }

  /// A source that cannot fit is known before anything runs.
  private func checkSourcesFit(_ budget: MemoryBudget) throws {
    var worst: (task: TaskID, need: Int)?
    for stage in plan.graph.stages where stage.op.shape == .source {
      for task in stage.tasks where plan.decision(task) == .runs {
        let estimate = stage.body.estimate(
          stage.role(Int(task - stage.firstTask)), inputBytes: [], memoryLimit: budget.limit)
        let need = estimate.output + estimate.scratch
        if need > worst?.need ?? 0 { worst = (task, need) }
      }
    }
    guard let worst else {
      guard budget.capacity > 0 else { throw tooSmall(budget, needed: 1 << 20) }
      return
    }
    guard worst.need > budget.capacity else { return }
    guard budget.capacity > 0 else { throw tooSmall(budget, needed: worst.need) }
    let stage = plan.graph.stage(of: worst.task)
    let partition = stage.partitions[Int(worst.task - stage.firstTask)]
    throw SchedulerError(
      .memory,
      "\(plan.graph.key(of: worst.task)) (\(partition.label)) needs about \(ByteCount(worst.need)), and --memory "
        + "\(request.memory) leaves \(ByteCount(budget.capacity)) for tasks; "
        + "give --memory \(MemoryAdvice.limit(for: worst.need, idle: budget.idle)) or more")
  }

  private func tooSmall(_ budget: MemoryBudget, needed: Int) -> SchedulerError {
    SchedulerError(
      .memory,
      "--memory \(request.memory) is less than the program itself takes (\(ByteCount(budget.idle))); "
        + "give --memory \(MemoryAdvice.limit(for: needed, idle: budget.idle)) or more")
  }
}
