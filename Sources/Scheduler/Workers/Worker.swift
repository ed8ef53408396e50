import Foundation
import Graph

/// One thread that runs units: takes some, runs them, reports them.
///
/// Move-only: it belongs to its thread.
struct Worker: ~Copyable {
  private let number: Int
  private let engine: Engine
  private let graph: TaskGraph
  private let context: WorkerContext
  private let current: CurrentTask
  /// What was taken and is to be run.
  private var batch: [Unit] = []
  /// The inputs of all units in `batch`, one behind the other; `nil` where one has to be read from disk.
  private var inputs: [ResultBox?] = []
  /// What was run and is to be reported.
  private var outcomes: [Outcome] = []
  private var log: RunWriter.AttemptLog
  private var written: [WrittenFile] = []
  private var rejects: [RejectsFile] = []
  private var rows = 0
  /// What a task gets, kept for its capacity.
  private var arguments: [any TaskValue] = []
  private var sizes: [Int] = []
  /// By stage: whether a task's result outlives the run.
  private let isKept: [Bool]
  /// By stage: whether another stage reads it.
  private let isRead: [Bool]
  private let fused: FusedTasks
  private let earlierFailures: [TaskID: Int]
  private let tracks: Bool

  private struct Unit {
    let head: TaskID
    let last: TaskID
    let attempt: Int
    let firstInput: Int
    let inputCount: Int
  }

  private struct Outcome {
    let head: TaskID
    /// Where it ended: the unit's last task, unless it ended early or something went wrong.
    let task: TaskID
    var seconds: Double
    /// The last task's result; `nil` if something went wrong.
    var result: ResultBox?
    /// What there is to say beside that, as a rule nothing.
    let remark: Remark?
  }

  private final class Remark {
    enum Kind {
      /// The result can be read back from there.
      case stored(ValueStore.Location)
      case failed(TaskError)
      case cancelled
      /// It needs more memory than was reserved and free.
      case lacking(extraBytes: Int, TaskError)
      /// The task behind it does; it ended well itself, and can be read back from there if anywhere.
      case lackingNext(TaskID, extraBytes: Int, TaskError, ValueStore.Location?)
      /// An input's stored copy is damaged.
      case lost(input: TaskID)
    }

    let kind: Kind
    init(_ kind: Kind) { self.kind = kind }

    /// Where the result can be read back from.
    var location: ValueStore.Location? {
      switch kind {
      case .stored(let location): location
      case .lackingNext(_, _, _, let location): location
      default: nil
      }
    }
  }

  init(_ number: Int, _ engine: Engine) {
    self.number = number
    self.engine = engine
    graph = engine.plan.graph
    current = engine.current[number]
    isKept = engine.plan.graph.stages.map { engine.plan.graph.isKept($0) }
    isRead = engine.plan.graph.stages.map { engine.plan.graph.isRead($0) }
    (fused, earlierFailures) = engine.monitor.withLock {
      (engine.core.pointee.state.fused, engine.core.pointee.state.settings.earlierFailures)
    }
    tracks = engine.writer != nil
    log = RunWriter.AttemptLog()
    let (plan, settings) = (engine.plan, engine.settings)
    context = WorkerContext(
      graph: engine.plan.graph, current: engine.current[number], memoryLimit: settings.memoryLimit,
      scratchStore: engine.scratch, placedFiles: engine.placedFiles,
      rejectsPath: { [tracks] in tracks ? TaskFiles.rejects(of: $0, plan, settings) : nil },
      logPath: { TaskFiles.log(of: $0, plan, settings) },
      reserveMore: { [engine] unit, total in
        engine.monitor.withLock { engine.core.pointee.state.reserve(more: total, for: unit) }
      },
      isStopping: { [engine] in engine.stops })
  }

  mutating func work() {
    engine.monitor.lock()
    while true {
      report()
      take()
      if batch.isEmpty, engine.core.pointee.state.isOver {
        let (effects, garbage) = engine.collect()
        engine.wakeWorkers()
        engine.monitor.unlock()
        engine.departures.finish(consume garbage)
        engine.perform(effects)
        // What failed at the very end may have had effects that another thread has yet to see.
        return
      }
      let (effects, garbage) = engine.collect()
      if batch.isEmpty, effects.isEmpty, garbage.isEmpty {
        engine.core.pointee.idle += 1
        if let next = engine.core.pointee.state.nextAttempt {
          engine.monitor.wait(seconds: next - engine.clock.now)
        } else {
          engine.monitor.wait()
        }
        engine.core.pointee.idle -= 1
        continue
      }
      engine.wakeWorkers()
      let spare = max(engine.core.pointee.state.budget.available, 0)
      engine.monitor.unlock()
      // First of all: the books count these bytes as free already.
      engine.departures.finish(consume garbage)
      engine.perform(effects)
      if !batch.isEmpty {
        engine.departures.wait(most: spare)
        run()
      }
      engine.monitor.lock()
    }
  }

  // MARK: - Holding the monitor

  private mutating func report() {
    guard !outcomes.isEmpty else { return }
    var seconds = 0.0
    for index in outcomes.indices {
      seconds += outcomes[index].seconds
      if let result = outcomes[index].result.take() {
        finished(outcomes[index], result)
        if case .lackingNext(let next, let extraBytes, let problem, _)? = outcomes[index].remark?.kind {
          engine.core.pointee.shortages[next] = problem
          engine.core.pointee.state.willNeed(extraBytes: extraBytes, for: next)
        }
        continue
      }
      let outcome = outcomes[index]
      switch outcome.remark?.kind {
      case .failed(let error):
        engine.core.pointee.errors[outcome.task] = error
        engine.core.pointee.state.failed(
          outcome.head, at: outcome.task, mayRetry: error.code != .invalidParameter, now: engine.clock.now,
          jitter: Double.random(in: 0...1))
      case .lacking(let extraBytes, let problem):
        engine.core.pointee.shortages[outcome.head] = problem
        engine.core.pointee.state.lacked(outcome.head, at: outcome.task, extraBytes: extraBytes)
      case .lost(let input): engine.core.pointee.state.lost(input, for: outcome.head)
      case .cancelled, .stored, .lackingNext, nil: engine.core.pointee.state.cancelled(outcome.head, at: outcome.task)
      }
    }
    let op = engine.opNumbers[graph.stageNumber(of: outcomes[0].head)]
    engine.core.pointee.pace[op].saw(outcomes.count, seconds: seconds)
    outcomes.removeAll(keepingCapacity: true)
    engine.core.pointee.rows += rows
    engine.core.pointee.written += written
    engine.core.pointee.rejects += rejects
    rows = 0
    written.removeAll()
    rejects.removeAll()
  }

  private func finished(_ outcome: Outcome, _ result: consuming ResultBox) {
    let bytes = result.bytes
    // Asked only of what takes no memory: all else can be written.
    let isSpillable = bytes > 0 || !tracks || result.value.isSpillable
    let parts = result.parts
    var isStored = false
    let isNeeded = engine.core.pointee.state.isNeeded(outcome.task)
    if isNeeded { engine.core.pointee.values.put(outcome.task, consume result) }
    if let location = outcome.remark?.location {
      isStored = true
      if isNeeded { engine.store.add(outcome.task, at: location) }
    }
    engine.core.pointee.state.finished(
      outcome.head, at: outcome.task, bytes: bytes, parts: parts, isStored: isStored)
    if isNeeded, tracks, !isStored, engine.settings.keepsDearResults {
      weigh(outcome, bytes: bytes, isSpillable: isSpillable)
    }
  }

  /// Has a result written that would take far longer to compute again than to write.
  private func weigh(_ outcome: Outcome, bytes: Int, isSpillable: Bool) {
    let mayKeep = isSpillable && graph.stages[graph.stageNumber(of: outcome.task)].keep == nil
    let isWorthKeeping = engine.core.pointee.costs.add(
      outcome.task, seconds: outcome.seconds, bytes: bytes, inputs: graph.inputs(of: outcome.head),
      mayKeep: mayKeep, isOnDisk: { engine.core.pointee.state.staysOnDisk($0) })
    if isWorthKeeping { engine.core.pointee.state.keepSafe(outcome.task) }
  }

  /// Takes the next unit, or several where they are quick.
  private mutating func take() {
    batch.removeAll(keepingCapacity: true)
    inputs.removeAll(keepingCapacity: true)
    var most = 1
    var op = -1
    while batch.count < most {
      // With the clock only where something waits for it.
      let now = engine.core.pointee.state.nextAttempt == nil ? 0 : engine.clock.now
      guard let head = engine.core.pointee.state.next(now: now) else { return }
      let firstInput = inputs.count
      for input in engine.core.pointee.state.inputs[head] { inputs.append(engine.core.pointee.values[input]) }
      batch.append(
        Unit(
          head: head, last: engine.core.pointee.state.fused.last(of: head),
          attempt: engine.core.pointee.state.attemptNumber(head), firstInput: firstInput,
          inputCount: inputs.count - firstInput))
      let next = engine.opNumbers[graph.stageNumber(of: head)]
      if next != op {
        let pace = engine.core.pointee.pace[next].batch
        most = op < 0 ? pace : min(most, batch.count + pace - 1)
        op = next
      }
      // The others shall have their part.
      if batch.count == 1, most > 1 {
        most = min(most, 1 + engine.core.pointee.state.readyCount / engine.settings.workers)
      }
    }
  }

  // MARK: - Without the monitor

  private mutating func run() {
    var time = tracks || batch.count == 1 ? engine.clock.now : 0
    let first = time == 0 ? engine.clock.now : time
    let measuresProcessor = tracks && batch.count == 1
    for unit in batch { time = run(unit, from: time, measuresProcessor: measuresProcessor) }
    current.end()
    inputs.removeAll(keepingCapacity: true)
    arguments.removeAll(keepingCapacity: true)
    if !tracks, batch.count > 1 {
      let seconds = (engine.clock.now - first) / Double(batch.count)
      for index in outcomes.indices { outcomes[index].seconds = seconds }
    }
    if !log.isEmpty, let writer = engine.writer {
      writer.append(log)
      log = RunWriter.AttemptLog()
    }
  }

  /// - Returns: the time at its end.
  private mutating func run(_ unit: Unit, from start: Double, measuresProcessor: Bool) -> Double {
    var time = start
    var task = unit.head
    arguments.removeAll(keepingCapacity: true)
    if batch.count == 1 || unit.head == batch[0].head { current.begin(unit.head, at: start) }
    for position in 0..<unit.inputCount {
      if let result = inputs[unit.firstInput + position].take() {
        arguments.append(result.value)
        continue
      }
      let inputIDs = graph.inputs(of: task)
      let input = inputIDs[inputIDs.startIndex + position]
      do {
        arguments.append(try load(input))
      } catch {
        let error = (error as? TaskError) ?? TaskError(.failed, "\(error)")
        outcomes.append(
          Outcome(
            head: unit.head, task: task, seconds: 0, result: nil,
            remark: Remark(error.code == .corruptValue ? .lost(input: input) : .failed(error))))
        return engine.clock.now
      }
    }
    /// The step before this one, and where its result can be read back from.
    var previous: (task: TaskID, location: ValueStore.Location?)?
    while true {
      let stage = graph.stageNumber(of: task)
      // What is behind another in its unit has no retries: only earlier runs can have tried it.
      let attempt = task == unit.head ? unit.attempt : (earlierFailures[task] ?? 0) + 1
      var record = RunWriter.Attempt(task: task, number: attempt, worker: number, startedAt: time)
      let processorStart = measuresProcessor ? RunClock.threadSeconds : 0
      do {
        let (value, setAside) = try perform(task, stage, unit, &record)
        let next = task == unit.last ? nil : fused.next(after: task)
        let location = try store(value, of: task, stage, &record)
        if tracks { count(value, setAside, of: task, stage) }
        if tracks || batch.count == 1 {
          let end = engine.clock.now
          finish(&record, from: &time, to: end, processorStart, measuresProcessor)
        }
        arguments.removeAll(keepingCapacity: true)
        // A unit ends early with a step that took long, for its result may be worth keeping, or had large inputs, for they
        // are held until the unit ends, or took more than foreseen, for what follows rests on what was foreseen.
        guard let next, time - start < KeepRule.leastSeconds, record.bytesIn < Worker.mostHeldBytes,
          context.extraBytes == 0
        else {
          outcomes.append(
            Outcome(
              head: unit.head, task: task, seconds: time - start, result: ResultBox(value),
              remark: location.map { Remark(.stored($0)) }))
          return time
        }
        arguments.append(value)
        previous = (task, location)
        task = next
        if batch.count == 1 { current.begin(task, at: time) }
      } catch let shortage as MemoryShortage {
        context.discardRejects()
        time = engine.clock.now
        engine.writer?.event(
          "memory",
          "\(graph.key(of: task)) needs \(ByteCount(shortage.extraBytes)) more than foreseen; it begins again when there "
            + "is room (\(shortage.problem))", at: time)
        // What came before it is done and stays so: it begins a unit of its own.
        if let previous {
          outcomes.append(
            Outcome(
              head: unit.head, task: previous.task, seconds: time - start, result: ResultBox(arguments[0]),
              remark: Remark(
                .lackingNext(task, extraBytes: shortage.extraBytes, shortage.problem, previous.location))))
        } else {
          outcomes.append(
            Outcome(
              head: unit.head, task: task, seconds: time - start, result: nil,
              remark: Remark(.lacking(extraBytes: shortage.extraBytes, shortage.problem))))
        }
        return time
      } catch {
        context.discardRejects()
        let error = (error as? TaskError) ?? TaskError(.failed, "\(error)")
        record.outcome = error.code == .cancelled ? .cancelled : error.code == .timeout ? .timedOut : .failed
        (record.rows, record.bytesOut, record.isStored) = (nil, 0, false)
        finish(&record, from: &time, to: engine.clock.now, processorStart, measuresProcessor)
        outcomes.append(
          Outcome(
            head: unit.head, task: task, seconds: time - start, result: nil,
            remark: Remark(error.code == .cancelled ? .cancelled : .failed(error))))
        return time
      }
    }
  }

  private mutating func finish(
    _ record: inout RunWriter.Attempt, from time: inout Double, to end: Double, _ processorStart: Double,
    _ measuresProcessor: Bool
  ) {
    record.seconds = max(0, end - time)
    // Of tasks that are run in batches the clock is not asked: they take microseconds and wait for nothing.
    record.cpuSeconds = measuresProcessor ? RunClock.threadSeconds - processorStart : record.seconds
    record.scratch = max(current.peakScratch, context.reportedScratch)
    time = end
    if tracks { log.append(record) }
  }

  private mutating func perform(
    _ task: TaskID, _ stage: Int, _ unit: Unit, _ record: inout RunWriter.Attempt
  ) throws -> (value: any TaskValue, setAside: RejectsFile?) {
    let first = graph.stages[stage].firstTask
    let role = graph.stages[stage].role(Int(task - first))
    context.begin(task, of: unit.head, attempt: record.number, timeout: graph.stages[stage].policy.timeout)
    try context.checkCancellation()
    if tracks {
      sizes.removeAll(keepingCapacity: true)
      let gathersParts = graph.stages[stage].op.shape.gathersParts
      for argument in arguments {
        var bytes = argument.byteCount
        if gathersParts, let parts = argument.partByteCounts, parts.indices.contains(Int(task - first)) {
          bytes = parts[Int(task - first)]
        }
        sizes.append(bytes)
        record.bytesIn += bytes
      }
      let estimate = graph.stages[stage].body.estimate(
        role, inputBytes: sizes, memoryLimit: engine.settings.memoryLimit)
      record.estimatedBytes = estimate.output + estimate.scratch
    }
    let value = try graph.stages[stage].body.run(role, inputs: arguments, context: context).compacted()
    guard tracks else { return (value, nil) }
    record.rows = value.rowCount
    record.bytesOut = (value as? WrittenFile)?.fileByteCount ?? value.byteCount
    return (value, try context.publishRejects(mayHave: engine.plan.mayHaveRejects || record.number > 1))
  }

  /// Counts what a task gave once it is stored: an attempt that fails before has given nothing.
  private mutating func count(_ value: any TaskValue, _ setAside: RejectsFile?, of task: TaskID, _ stage: Int) {
    if let file = value as? WrittenFile { written.append(file) }
    if graph.stages[stage].op.shape == .source { rows += value.rowCount ?? 0 }
    if let setAside {
      engine.writer?.rejects(task, label: engine.plan.label(of: task), records: setAside.records, path: setAside.path)
      rejects.append(setAside)
    }
  }

  private func load(_ input: TaskID) throws -> any TaskValue {
    try engine.store.load(input) {
      engine.monitor.withLock { engine.core.pointee.values[input]?.value }
    } publish: { value in
      engine.monitor.withLock {
        // Only for as long as somebody still wants it.
        if engine.core.pointee.state.isNeeded(input) { engine.core.pointee.values.put(input, ResultBox(value)) }
      }
    }
  }

  /// Inputs of more than this are let go of before the next step of a unit begins.
  private static let mostHeldBytes = 256 << 10

  /// Results of at most this size go into the state file.
  private static let inlineBytes = 64 << 10

  /// Stores a result that outlives its last use.
  /// - Returns: where it can be read back from, if it can.
  private mutating func store(
    _ value: any TaskValue, of task: TaskID, _ stage: Int, _ record: inout RunWriter.Attempt
  ) throws -> ValueStore.Location? {
    guard tracks, let writer = engine.writer, let folder = engine.settings.folder else { return nil }
    if let file = value as? WrittenFile {
      writer.output(task, file, rows: value.rowCount, at: engine.clock.now)
      guard isRead[stage] else { return nil }
      return try .described(file)
    }
    guard isKept[stage] else { return nil }
    let kind = type(of: value).kind
    if value.byteCount <= Worker.inlineBytes {
      record.isStored = true
      try log.store(value, of: kind)
      guard isRead[stage] else { return nil }
      return .inline(kind: kind, log.lastValue())
    }
    // Small partial results save reading a whole bag again when one partition changes; large ones are not worth a file.
    guard graph.outlives(task) else { return nil }
    // With the number, because two stages may compute the same thing at the same time.
    let path = "\(folder.results)/\(engine.plan.fingerprints[Int(task)])-\(task).value"
    _ = try ValueFile.write(value, to: path, synced: true)
    writer.result(
      task, store: .kept, kind: kind, path: path, bytes: value.byteCount, rows: value.rowCount, at: engine.clock.now)
    return .kept(path: path)
  }
}
