import Graph

// The scheduler's decisions, without a clock, a thread or a file: an event goes in, effects come out.
//
// What is decided about is units: a task, or a chain of tasks that are fused (see `TaskGraph.fused`) as long as they are
// small: a unit that would take a large part of the memory runs step by step, each step with sizes that are known. Units start
// strictly in the run's order among those that can start. The first of them decides: if it does not fit into memory,
// results whose next use is furthest in the order are spilled for it (Bélády's rule, which needs no guess because the
// order is known), and nothing behind it overtakes it. Only a unit that waits for a pool or a resource, or for its next
// attempt, lets others pass. A source does not make others spill while anything runs: what runs will free memory, and
// reading ahead of the consumers is what fills it.
//
// Why this never hangs: when nothing runs and nothing is being spilled, the first unit that can start either fits, or a
// result can be spilled for it, or everything it does not itself need is out of memory already, and then it is refused.
// Each of these makes progress.
//
// Invariants, checked by `verify()`: the budget's `used` is the sum of the results in memory and of what running units
// have reserved; no result is dropped while a task that needs it has not run.
//
// Everything is a flat array by task id: no dictionary and no allocation is touched for a task that starts and ends.

struct SchedulerState {
  enum TaskStatus: UInt8, Sendable {
    /// Not part of this run, unless a result is lost that only it can give.
    case outside
    case waiting, ready, running
    /// Failed, and to be tried again.
    case delayed
    case done, failed, skipped, cancelled
  }

  /// Where a result is.
  enum Residence: UInt8, Sendable {
    case nowhere
    case memory
    /// In memory and on its way to the spill store.
    case spilling
    /// In memory and on disk: dropping it costs nothing.
    case both
    case disk
  }

  struct Settings: Sendable {
    var workers: Int
    var keepsGoing: Bool
    /// How often tasks failed in earlier runs.
    var earlierFailures: [TaskID: Int] = [:]
    /// Whether linear chains are fused.
    var fuses = true
  }

  let graph: TaskGraph
  let consumers: TaskEdges
  let inputs: TaskEdges
  private(set) var fused: FusedTasks
  /// The units' first tasks in the order in which they start; of a unit that was split, the part that comes next. Tasks
  /// outside the run have the first places: should one be needed after all, somebody waits for it already.
  let order: DenseArray<TaskID>
  let settings: Settings
  /// The place in `order` of a task's unit.
  let rank: DenseArray<Int32>

  var budget: MemoryBudget
  let status: DenseArray<TaskStatus>
  let residence: DenseArray<Residence>
  /// Inputs that are not there yet.
  let waitingFor: DenseArray<Int32>
  /// Tasks that have yet to use the result.
  let usesLeft: DenseArray<Int32>
  /// Running tasks that have this result as an input.
  let pins: DenseArray<Int32>
  /// Of a result; while a unit runs, what it has reserved, at its first task.
  let bytes: DenseArray<Int>
  /// What can start, for each set of limits that tasks take from.
  private var ready: [ReadyClass]
  /// By stage: its place in `ready`.
  private let readyClass: [Int]
  var limitsLeft: [LimitName: Int]
  /// Units to be tried again, the soonest last.
  private var delayed: [(task: TaskID, at: Double)] = []
  private var failedAttempts: [TaskID: Int]

  /// Per stage, the most by which a result was larger than estimated.
  var correction: [Double]
  /// Per stage, working memory that was measured beyond what was reserved.
  private var extraScratch: [Int]
  /// By unit that asked for memory beyond its estimate: how much, while it runs and until it is tried again.
  var extraBytes: [TaskID: Int] = [:]
  /// What a result of an earlier run takes in memory; `nil` where there is none.
  let storedBytes: (TaskID) -> Int?
  /// Sizes of a unit's inputs, kept for its capacity.
  private var sizes: [Int] = []

  /// What those who gather the parts of split results have to read.
  private(set) var parts = PartSizes()

  var eviction = Eviction()
  var effects = SchedulerEffects()
  var running = 0
  /// The first tasks of the units that run, where memory is bounded.
  var runningHeads: [TaskID] = []
  var done = 0
  private(set) var failed = 0
  var skipped = 0
  private(set) var retried = 0
  /// Tasks that have become part of the run, because results of earlier runs were lost.
  var joined = 0
  var isDraining = false
  /// While a failure is settled: what lies on disk stays there, for the run that goes on with this one.
  var keepsOnDisk = false

  private struct ReadyClass {
    let takes: [LimitName: Int]
    var queue: RankQueue
  }

  /// - Parameters:
  ///   - decisions: what to do with each task, see `TaskGraph.culled`.
  ///   - storedBytes: what a result of an earlier run takes in memory once read, whether it is reused or nobody needs
  ///     it as yet; `nil` where there is none. All that are reused count as on disk.
  init(
    graph: TaskGraph, decisions: [TaskDecision], storedBytes: @escaping (TaskID) -> Int? = { _ in nil },
    settings: Settings, budget: MemoryBudget
  ) {
    self.storedBytes = storedBytes
    self.graph = graph
    self.settings = settings
    self.budget = budget
    let count = graph.taskCount
    let included = decisions.map { $0 == .runs }
    let consumers = graph.consumers()
    let fused = settings.fuses ? graph.fused(included, consumers: consumers) : FusedTasks()
    let whole = graph.prioritized(graph.ordered(included, consumers: consumers), included, consumers: consumers)
    let units = fused.fusedCount == 0 ? whole : whole.filter { !fused.isInner($0) }
    let order = (whole.count == count ? [] : graph.tasks.filter { !included[Int($0)] }) + units
    let rank = DenseArray(repeating: Int32.max, count: count)
    for (position, head) in order.enumerated() {
      rank[Int(head)] = Int32(position)
      var task = head
      while let next = fused.next(after: task) {
        rank[Int(next)] = Int32(position)
        task = next
      }
    }
    (self.consumers, self.fused, self.order, self.rank) = (consumers, fused, DenseArray(order), rank)
    let inputs = graph.inputEdges()
    self.inputs = inputs
    status = DenseArray(included.map { $0 ? .waiting : .outside })
    residence = DenseArray(decisions.map { $0 == .reused ? .disk : .nowhere })
    let waitingFor = DenseArray(repeating: Int32(0), count: count)
    for task in graph.tasks where included[Int(task)] {
      for input in inputs[task] where included[Int(input)] { waitingFor[Int(task)] += 1 }
    }
    self.waitingFor = waitingFor
    usesLeft = DenseArray(graph.usesLeft(included, consumers: consumers))
    pins = DenseArray(repeating: 0, count: count)
    bytes = DenseArray(repeating: 0, count: count)
    for task in graph.tasks where decisions[Int(task)] == .reused { bytes[Int(task)] = storedBytes(task) ?? 0 }
    correction = [Double](repeating: 0, count: graph.stages.count)
    extraScratch = [Int](repeating: 0, count: graph.stages.count)
    limitsLeft = graph.limits
    failedAttempts = settings.earlierFailures

    var classes: [[LimitName: Int]: Int] = [:]
    var readyClass: [Int] = []
    var ready: [ReadyClass] = []
    for stage in graph.stages {
      let takes = stage.policy.takes
      if classes[takes] == nil {
        classes[takes] = ready.count
        ready.append(ReadyClass(takes: takes, queue: RankQueue(capacity: order.count)))
      }
      readyClass.append(classes[takes]!)
    }
    (self.readyClass, self.ready) = (readyClass, ready)
    for task in units where waitingFor[Int(task)] == 0 { makeReady(task) }
  }

  /// Nothing runs, and nothing more will.
  var isOver: Bool {
    running == 0 && eviction.spillingBytes == 0
      && (isDraining || (delayed.isEmpty && ready.allSatisfy(\.queue.isEmpty)))
  }

  /// When the next unit that failed is to be tried again.
  var nextAttempt: Double? { isDraining ? nil : delayed.last?.at }

  /// How many units could start now if there were memory for them.
  var readyCount: Int { isDraining ? 0 : ready.reduce(0) { $0 + $1.queue.count } }

  /// Whether a result has to be in memory: somebody is yet to use it.
  func isNeeded(_ task: TaskID) -> Bool { usesLeft[Int(task)] > 0 }

  /// Whether a result lies on disk, or is on its way there, and stays there for somebody who is yet to use it.
  func staysOnDisk(_ task: TaskID) -> Bool {
    switch residence[Int(task)] {
    case .spilling, .both, .disk: usesLeft[Int(task)] > 0
    case .nowhere, .memory: false
    }
  }

  /// Which attempt of the task the next one is, from 1.
  func attemptNumber(_ task: TaskID) -> Int {
    failedAttempts.isEmpty ? 1 : (failedAttempts[task] ?? 0) + 1
  }

  // MARK: - Events

  /// A unit ended well at `last`, whose result takes `size` bytes and has `parts`, if it was split. If it `isStored`, it can
  /// be read back already. What would have followed in the unit begins another.
  mutating func finished(
    _ head: TaskID, at last: TaskID, bytes size: Int, parts sizes: [Int]? = nil, isStored: Bool
  ) {
    if let sizes, graph.stages[graph.stageNumber(of: last)].op.shape.gathersParts {
      parts.add(sizes, of: last, to: consumers[last])
    }
    fused.split(after: last)
    let tookMore = extraBytes[head] != nil
    stopRunning(head)
    var task = head
    while true {
      status[Int(task)] = .done
      done += 1
      guard let next = fused.next(after: task) else { break }
      usesLeft[Int(task)] = 0
      task = next
    }
    // Inside a unit the sizes that the estimate rests on are not known; and one that asked for more says nothing of others.
    if size > MemoryBudget.learningBytes, task == head, !tookMore { learn(task, size) }
    bytes[Int(task)] = size
    if usesLeft[Int(task)] > 0 {
      residence[Int(task)] = isStored ? .both : .memory
      if budget.isBounded { eviction.add(task) }
      if isStored { eviction.cleanBytes += size }
      budget.reserve(size)
    } else {
      effects.released.append(task)
      if isStored { effects.forgotten.append(task) }
    }
    for consumer in consumers[task] where status[Int(consumer)] == .waiting {
      waitingFor[Int(consumer)] -= 1
      if waitingFor[Int(consumer)] == 0 { makeReady(consumer) }
    }
  }

  /// A unit ended because `task` threw; those before it in the unit ended well.
  ///
  /// - Parameters:
  ///   - mayRetry: whether another attempt could help.
  ///   - now: seconds; `jitter` from 0 to 1.
  mutating func failed(_ head: TaskID, at task: TaskID, mayRetry: Bool = true, now: Double = 0, jitter: Double = 0) {
    let attempt = attemptNumber(task)
    failedAttempts[task] = attempt
    let policy = graph.stages[graph.stageNumber(of: task)].policy
    let earlier = settings.earlierFailures[task] ?? 0
    if mayRetry, attempt - earlier <= policy.retries, !isDraining {
      stopRunning(head, letsGo: false)
      status[Int(head)] = .delayed
      retried += 1
      let at = now + policy.delay(beforeAttempt: attempt - earlier + 1, jitter: jitter)
      delayed.insert((head, at), at: delayed.firstIndex { $0.at < at } ?? delayed.count)
      effects.retries.append((task, attempt, at))
      return
    }
    keepsOnDisk = true
    stopRunning(head)
    finishSteps(from: head, before: task)
    status[Int(task)] = .failed
    failed += 1
    skipDependents(of: task)
    keepsOnDisk = false
  }

  /// A running unit asks for memory beyond its estimate.
  ///
  /// - Parameters:
  ///   - total: bytes beyond the estimate, what it got before included.
  ///   - head: the unit's first task.
  /// - Returns: whether it has them now. Otherwise it is to end, as `lacked`.
  mutating func reserve(more total: Int, for head: TaskID) -> Bool {
    guard budget.isBounded else { return true }
    let missing = total - (extraBytes[head] ?? 0)
    guard missing > 0 else { return true }
    guard missing <= budget.available else { return false }
    extraBytes[head] = total
    bytes[Int(head)] += missing
    budget.reserve(missing)
    return true
  }

  /// A unit ended at `task` because there was no room for what it needs beyond its estimate: it is tried again with that
  /// reserved, or refused where it would not fit alone. No attempt was made of it, as nothing went wrong.
  mutating func lacked(_ head: TaskID, at task: TaskID, extraBytes total: Int) {
    fused.split(after: task)
    takeBack(head)
    extraBytes[head] = max(total, extraBytes[head] ?? 0)
    makeReadyOrWait(head)
    guard status[Int(head)] == .ready else { return }
    let (own, _, toRead) = need(of: head)
    if own + toRead > budget.capacity { refuse(head, needed: own + toRead) }
  }

  /// A task that begins a unit now, as the one before it ended early, is known to need so much beyond its estimate.
  mutating func willNeed(extraBytes total: Int, for head: TaskID) {
    extraBytes[head] = max(total, extraBytes[head] ?? 0)
  }

  /// A unit stopped at `task` because it was told to.
  mutating func cancelled(_ head: TaskID, at task: TaskID) {
    keepsOnDisk = true
    stopRunning(head)
    finishSteps(from: head, before: task)
    status[Int(task)] = .cancelled
    isDraining = true
    keepsOnDisk = false
  }

  /// A result is in the spill store now and can be dropped from memory.
  mutating func spilled(_ task: TaskID) {
    eviction.spillingBytes -= bytes[Int(task)]
    eviction.cleanBytes += bytes[Int(task)]
    residence[Int(task)] = .both
    eviction.letSpillAgain()  // the disk takes something
    if usesLeft[Int(task)] == 0 { release(task) } else { listFirst(task) }
  }

  /// A result could not be spilled; it stays in memory and is not tried again.
  mutating func spillFailed(_ task: TaskID) {
    eviction.spillingBytes -= bytes[Int(task)]
    residence[Int(task)] = .memory
    eviction.unspillable.insert(task)
    if usesLeft[Int(task)] == 0 { release(task) }
  }

  /// A result is worth being on disk, whatever the memory: it would be dear to compute again.
  mutating func keepSafe(_ task: TaskID) {
    guard residence[Int(task)] == .memory, usesLeft[Int(task)] > 0, !eviction.unspillable.contains(task) else { return }
    startSpilling(task)
  }

  /// What the kernel measures for the process, while these tasks run.
  ///
  /// - Parameter now: seconds.
  mutating func measured(resident: Int, running tasks: [TaskID], now: Double = 0) {
    eviction.now = now
    budget.measured(resident)
    guard budget.overdraft > 0, !tasks.isEmpty else { return }
    // Whose memory it is cannot be told: each is taken for its share, and reserves as much from now on.
    let share = budget.overdraft / tasks.count
    for task in tasks {
      let stage = graph.stageNumber(of: task)
      extraScratch[stage] = max(extraScratch[stage], share)
    }
  }

  /// Start nothing more.
  mutating func drain() { isDraining = true }

  /// The effects since the last call.
  mutating func takeEffects() -> SchedulerEffects {
    let taken = effects
    effects = SchedulerEffects()
    return taken
  }

  // MARK: - Starting units

  /// Admits the first unit that can start.
  ///
  /// - Parameter now: seconds.
  /// - Returns: its first task; `nil` if nothing can start before something else happens.
  mutating func next(now: Double = 0) -> TaskID? {
    guard !isDraining else { return nil }
    while let last = delayed.last, last.at <= now {
      delayed.removeLast()
      makeReadyOrWait(last.task)
    }
    while let task = firstReady() {
      var (own, learnt, toRead) = need(of: task)
      if own > budget.capacity / 4, fused.next(after: task) != nil {
        fused.split(after: task)
        (own, learnt, toRead) = need(of: task)
      }
      let needed = own + learnt + toRead
      if needed > budget.available {
        if makeRoom(for: task, needed) { continue }
        // Overdraft alone never refuses a unit that fits the bound, nor does what others were measured to take beyond
        // their estimates: it is tried when nothing else is left.
        guard running == 0, eviction.spillingBytes == 0 else { return nil }
        if budget.used + own + toRead > budget.capacity {
          refuse(task, needed: budget.used + own + toRead)
          if isDraining { return nil }
          continue
        }
      }
      if holdsBack(task, needed) { return nil }
      admit(task, reserving: min(own + learnt, max(own, budget.capacity - budget.used - toRead)), toRead: toRead)
      spillAhead()
      return task
    }
    return nil
  }

  mutating func makeReady(_ task: TaskID) {
    status[Int(task)] = .ready
    order[Int(rank[Int(task)])] = task
    ready[classNumber(of: task)].queue.insert(rank[Int(task)])
  }

  /// Takes a unit out of those that can start.
  mutating func makeUnready(_ task: TaskID) {
    ready[classNumber(of: task)].queue.remove(rank[Int(task)])
  }

  /// Where the unit that begins with `task` stands when it can start: a place in `ready`.
  private func classNumber(of task: TaskID) -> Int {
    ready.count == 1 ? 0 : readyClass[graph.stageNumber(of: task)]
  }

  private func firstReady() -> TaskID? {
    if ready.count == 1, ready[0].takes.isEmpty { return ready[0].queue.first.map { order[Int($0)] } }
    var best: Int32?
    for kind in ready {
      guard let first = kind.queue.first, best.map({ first < $0 }) ?? true,
        kind.takes.allSatisfy({ (limitsLeft[$0.key] ?? 0) >= $0.value })
      else { continue }
      best = first
    }
    return best.map { order[Int($0)] }
  }

  func estimate(_ task: TaskID, _ stage: Int, _ inputBytes: [Int]) -> MemoryEstimate {
    let first = graph.stages[stage].firstTask
    var estimate = graph.stages[stage].body.estimate(
      graph.stages[stage].role(Int(task - first)), inputBytes: inputBytes, memoryLimit: budget.limit)
    if let memory = graph.stages[stage].policy.memory { estimate.scratch = memory }
    return estimate
  }

  /// An estimate raised to what was seen, never lowered: one small partition says nothing about the next.
  func corrected(_ output: Int, _ stage: Int) -> Int {
    correction[stage] > 1 ? Int(Double(output) * min(correction[stage] * 1.1, 16)) : output
  }

  /// What the unit takes itself, what it was seen to take beyond that, and what reading its inputs back takes.
  private mutating func need(of head: TaskID) -> (own: Int, learnt: Int, toRead: Int) {
    guard budget.isBounded else { return (0, 0, 0) }
    sizes.removeAll(keepingCapacity: true)
    var toRead = 0
    let inputs = self.inputs[head]
    for (position, input) in inputs.enumerated() {
      sizes.append(bytes[Int(input)])
      // The same input twice is read once.
      if residence[Int(input)] == .disk, !inputs.prefix(position).contains(input) { toRead += bytes[Int(input)] }
    }
    if let bytes = parts.bytes(for: head) { sizes = [bytes] }
    var own = 0
    var learnt = 0
    var passed = 0
    var task = head
    while true {
      let stage = graph.stageNumber(of: task)
      let estimate = estimate(task, stage, sizes)
      let output = corrected(estimate.output, stage)
      own = max(own, passed + output + estimate.scratch)
      learnt = max(learnt, extraScratch[stage])
      guard let next = fused.next(after: task) else { break }
      sizes.removeAll(keepingCapacity: true)
      sizes.append(output)
      passed = output
      task = next
    }
    return (own + (extraBytes.isEmpty ? 0 : extraBytes[head] ?? 0), learnt, toRead)
  }

  private mutating func admit(_ head: TaskID, reserving own: Int, toRead: Int) {
    makeUnready(head)
    status[Int(head)] = .running
    running += 1
    bytes[Int(head)] = own
    budget.reserve(own + toRead)
    if !limitsLeft.isEmpty { take(1, for: head) }
    guard budget.isBounded else { return }
    runningHeads.append(head)
    for input in inputs[head] {
      pins[Int(input)] += 1
      if residence[Int(input)] == .disk {
        residence[Int(input)] = .both
        eviction.cleanBytes += bytes[Int(input)]
        eviction.add(input)
      }
    }
  }

  mutating func take(_ sign: Int, for head: TaskID) {
    for (name, amount) in ready[classNumber(of: head)].takes {
      limitsLeft[name, default: 0] -= sign * amount
    }
  }

  private mutating func refuse(_ task: TaskID, needed: Int) {
    makeUnready(task)
    extraBytes[task] = nil
    status[Int(task)] = .failed
    failed += 1
    effects.refused.append((task, needed, budget.capacity, !eviction.unspillable.isEmpty))
    keepsOnDisk = true
    for input in inputs[task] { letGo(of: input) }
    skipDependents(of: task)
    keepsOnDisk = false
  }

  /// The first task of the unit that `task` belongs to.
  func head(of task: TaskID) -> TaskID {
    var task = task
    while fused.isInner(task) { task = inputs[task][0] }
    return task
  }
}
