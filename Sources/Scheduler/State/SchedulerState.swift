import Graph

// The scheduler's decisions, without a clock, a thread or a file: an event goes in, actions come out.
//
// Tasks start strictly in the run's order among those that can start. The first of them decides: if it does
// not fit into memory, results whose next use is furthest in the order are spilled for it (Bélády's rule,
// which needs no guess because the order is known), and nothing behind it overtakes it. A source does not
// make others spill while anything runs: what runs will free memory, and reading ahead of the consumers is
// what fills it.
//
// Why this never hangs: when nothing runs and nothing is being spilled, the first task that can start either
// fits, or a result can be spilled for it, or everything it does not itself need is out of memory already,
// and then it is refused. Each of these makes progress.
//
// Invariants, checked by `verify()`: the budget's `used` is the sum of the results in memory and of what
// running tasks have reserved; no result is dropped while a task that needs it has not run.

struct SchedulerState {
  enum TaskStatus: UInt8, Sendable {
    /// Not part of this run.
    case outside
    case waiting, ready, running, done, failed, skipped, cancelled
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

  let graph: TaskGraph
  let consumers: TaskGraph.Consumers
  let order: [TaskID]
  private let rank: [Int32]
  private let workers: Int
  private let keepsGoing: Bool
  private let estimate: @Sendable (TaskID, [Int]) -> MemoryEstimate

  private(set) var budget: MemoryBudget
  private(set) var status: [TaskStatus]
  private(set) var residence: [Residence]
  private var waitingFor: [Int32]
  private var usesLeft: [Int32]
  /// Running tasks that have this result as an input.
  private var pins: [Int32]
  private var bytes: [Int]
  private var reserved: [TaskID: Int] = [:]
  private var ready = ReadyQueue()
  /// Results in memory that could be evicted, in no order.
  private var residents: Set<TaskID> = []
  private var unspillable: Set<TaskID> = []
  private var spillingBytes = 0
  /// Per stage, the most by which a result was larger than estimated.
  private var correction: [Double]

  private(set) var running = 0
  private(set) var done = 0
  private(set) var failed = 0
  private(set) var skipped = 0
  private var draining = false
  private var ended = false

  /// - Parameters:
  ///   - decisions: what to do with each task, see `TaskGraph.culled`.
  ///   - storedBytes: for reused tasks, what their result takes in memory once read; all of them count as on disk.
  ///   - estimate: memory a task needs, given its inputs' sizes.
  init(
    graph: TaskGraph, decisions: [TaskDecision], storedBytes: [TaskID: Int], workers: Int, keepsGoing: Bool,
    budget: MemoryBudget, estimate: @escaping @Sendable (TaskID, [Int]) -> MemoryEstimate
  ) {
    self.graph = graph
    self.workers = workers
    self.keepsGoing = keepsGoing
    self.budget = budget
    self.estimate = estimate
    let included = decisions.map { $0 == .runs }
    consumers = graph.consumers()
    order = graph.ordered(included, consumers: consumers)
    var rank = [Int32](repeating: .max, count: graph.taskCount)
    for (position, task) in order.enumerated() { rank[Int(task)] = Int32(position) }
    self.rank = rank
    status = included.map { $0 ? .waiting : .outside }
    residence = decisions.map { $0 == .reused ? .disk : .nowhere }
    waitingFor = graph.tasks.map { task in
      graph.inputs(of: task).reduce(0) { $0 + (included[Int($1)] ? 1 : 0) }
    }
    usesLeft = graph.usesLeft(included, consumers: consumers)
    pins = [Int32](repeating: 0, count: graph.taskCount)
    bytes = [Int](repeating: 0, count: graph.taskCount)
    for (task, count) in storedBytes { bytes[Int(task)] = count }
    correction = [Double](repeating: 0, count: graph.stages.count)
    for task in order where waitingFor[Int(task)] == 0 {
      status[Int(task)] = .ready
      ready.insert(rank[Int(task)])
    }
  }

  /// The first actions.
  mutating func start() -> [SchedulerAction] { advance([]) }

  mutating func handle(_ event: SchedulerEvent) -> [SchedulerAction] {
    var actions: [SchedulerAction] = []
    switch event {
    case .finished(let task, let size, let isStored): finish(task, size, isStored, &actions)
    case .failed(let task):
      stopRunning(task, as: .failed, &actions)
      failed += 1
      skipDependents(of: task, &actions)
    case .cancelled(let task):
      stopRunning(task, as: .cancelled, &actions)
      draining = true
    case .spilled(let task):
      spillingBytes -= bytes[Int(task)]
      residence[Int(task)] = .both
      unspillable.removeAll()  // the disk takes something again
      if usesLeft[Int(task)] == 0 { release(task, &actions) }
    case .spillFailed(let task):
      spillingBytes -= bytes[Int(task)]
      residence[Int(task)] = .memory
      unspillable.insert(task)
      if usesLeft[Int(task)] == 0 { release(task, &actions) }
    case .measured(let resident): budget.measured(resident)
    case .drain: draining = true
    }
    return advance(actions)
  }

  /// Nothing runs, and nothing more will.
  var isOver: Bool { ended }

  // MARK: - Events

  private mutating func finish(_ task: TaskID, _ size: Int, _ isStored: Bool, _ actions: inout [SchedulerAction]) {
    let inputs = graph.inputs(of: task)
    let expected = estimate(task, inputs.map { bytes[Int($0)] }).output
    let stage = graph.stageNumber(of: task)
    // Of small results nothing can be learnt for large ones.
    correction[stage] = max(correction[stage], Double(size) / Double(max(expected, 64 << 10)))
    stopRunning(task, as: .done, &actions)
    done += 1
    bytes[Int(task)] = size
    if usesLeft[Int(task)] > 0 {
      residence[Int(task)] = isStored ? .both : .memory
      residents.insert(task)
      budget.reserve(size)
    } else {
      actions.append(.release(task))
    }
    for consumer in consumers[task] where status[Int(consumer)] == .waiting {
      waitingFor[Int(consumer)] -= 1
      if waitingFor[Int(consumer)] == 0 {
        status[Int(consumer)] = .ready
        ready.insert(rank[Int(consumer)])
      }
    }
  }

  /// Gives back what the task reserved and lets go of its inputs.
  private mutating func stopRunning(_ task: TaskID, as outcome: TaskStatus, _ actions: inout [SchedulerAction]) {
    running -= 1
    status[Int(task)] = outcome
    budget.release(reserved.removeValue(forKey: task) ?? 0)
    for input in graph.inputs(of: task) {
      pins[Int(input)] -= 1
      letGo(of: input, &actions)
    }
  }

  /// One use of a result is over.
  private mutating func letGo(of input: TaskID, _ actions: inout [SchedulerAction]) {
    usesLeft[Int(input)] -= 1
    if usesLeft[Int(input)] == 0 { release(input, &actions) }
  }

  private mutating func release(_ task: TaskID, _ actions: inout [SchedulerAction]) {
    switch residence[Int(task)] {
    case .nowhere, .spilling: return  // one being spilled is released when that ends
    case .memory, .both:
      residents.remove(task)
      budget.release(bytes[Int(task)])
    case .disk: break
    }
    residence[Int(task)] = .nowhere
    actions.append(.release(task))
  }

  private mutating func skipDependents(of task: TaskID, _ actions: inout [SchedulerAction]) {
    // What depends on a skipped task is skipped already: each task is visited once in a run.
    var newlySkipped: [TaskID] = []
    var stack = [task]
    while let next = stack.popLast() {
      for consumer in consumers[next] where status[Int(consumer)] == .waiting {
        status[Int(consumer)] = .skipped
        newlySkipped.append(consumer)
        stack.append(consumer)
        for input in graph.inputs(of: consumer) { letGo(of: input, &actions) }
      }
    }
    skipped += newlySkipped.count
    actions.append(.failed(task, skipped: newlySkipped.sorted()))
    if !keepsGoing { draining = true }
  }

  // MARK: - Starting tasks

  private mutating func advance(_ first: [SchedulerAction]) -> [SchedulerAction] {
    var actions = first
    while running < workers, !draining, let task = nextReady() {
      let inputs = graph.inputs(of: task)
      let (own, toRead) = need(of: task, inputs)
      let needed = own + toRead
      if needed > budget.available {
        guard !makeRoom(for: task, needed, &actions) else { continue }
        // Overdraft alone never refuses a task that fits the bound: it is tried when nothing else is left.
        let alone = running == 0 && spillingBytes == 0
        guard alone else { break }
        if budget.used + needed > budget.capacity {
          refuse(task, needed: budget.used + needed, &actions)
          continue
        }
      }
      admit(task, inputs, own: own, toRead: toRead)
      actions.append(.run(task))
    }
    if running == 0, spillingBytes == 0, !ended, draining || nextReady() == nil {
      ended = true
      actions.append(.end)
    }
    return actions
  }

  /// The first task that can start; skipped ones are taken out on the way.
  private mutating func nextReady() -> TaskID? {
    while let rank = ready.first {
      let task = order[Int(rank)]
      if status[Int(task)] == .ready { return task }
      _ = ready.removeFirst()
    }
    return nil
  }

  /// What the task takes itself, and what reading its inputs back takes.
  private func need(of task: TaskID, _ inputs: ArraySlice<TaskID>) -> (own: Int, toRead: Int) {
    let estimate = estimate(task, inputs.map { bytes[Int($0)] })
    // Estimates are raised to what was seen, never lowered: one small partition says nothing about the next.
    let output = Double(estimate.output) * min(max(correction[graph.stageNumber(of: task)] * 1.1, 1), 16)
    var toRead = 0
    for (position, input) in inputs.enumerated() where residence[Int(input)] == .disk {
      // The same input twice is read once.
      if !inputs.prefix(position).contains(input) { toRead += bytes[Int(input)] }
    }
    return (Int(output) + estimate.scratch, toRead)
  }

  private mutating func admit(_ task: TaskID, _ inputs: ArraySlice<TaskID>, own: Int, toRead: Int) {
    _ = ready.removeFirst()
    status[Int(task)] = .running
    running += 1
    reserved[task] = own
    budget.reserve(own + toRead)
    for input in inputs {
      pins[Int(input)] += 1
      if residence[Int(input)] == .disk {
        residence[Int(input)] = .both
        residents.insert(input)
      }
    }
  }

  private mutating func refuse(_ task: TaskID, needed: Int, _ actions: inout [SchedulerAction]) {
    _ = ready.removeFirst()
    status[Int(task)] = .failed
    failed += 1
    actions.append(
      .refuse(task, needed: needed, capacity: budget.capacity, isStuck: !unspillable.isEmpty))
    for input in graph.inputs(of: task) { letGo(of: input, &actions) }
    skipDependents(of: task, &actions)
  }

  /// Evicts and spills results for a task that does not fit.
  /// - Returns: whether memory became free at once, so that the task is worth another try.
  private mutating func makeRoom(for task: TaskID, _ needed: Int, _ actions: inout [SchedulerAction]) -> Bool {
    let inputs = Set(graph.inputs(of: task))
    let isSource = inputs.isEmpty
    var short = needed - budget.available - spillingBytes
    var freed = false
    guard short > 0, !isSource || running == 0 else { return false }
    let victims =
      residents
      .filter {
        pins[Int($0)] == 0 && !inputs.contains($0) && !unspillable.contains($0) && residence[Int($0)] != .spilling
      }
      .map { (task: $0, nextUse: nextUse(of: $0)) }
      .sorted { ($0.nextUse, $0.task) > ($1.nextUse, $1.task) }
    for victim in victims {
      guard short > 0 else { break }
      let size = bytes[Int(victim.task)]
      short -= size
      if residence[Int(victim.task)] == .both {
        residence[Int(victim.task)] = .disk
        residents.remove(victim.task)
        budget.release(size)
        actions.append(.evict(victim.task))
        freed = true
      } else {
        residence[Int(victim.task)] = .spilling
        spillingBytes += size
        actions.append(.spill(victim.task))
      }
    }
    return freed
  }

  /// The rank of the next task that uses a result.
  private func nextUse(of task: TaskID) -> Int32 {
    var next = Int32.max
    for consumer in consumers[task] where status[Int(consumer)] == .waiting || status[Int(consumer)] == .ready {
      next = min(next, rank[Int(consumer)])
    }
    return next
  }

  // MARK: - Checking

  /// What is wrong with the books, if anything; for tests.
  func verify() -> String? {
    let inMemory = residents.reduce(0) { $0 + bytes[Int($1)] }
    let promised = reserved.values.reduce(0, +)
    if budget.used != inMemory + promised {
      return "used \(budget.used) is not \(inMemory) in memory + \(promised) reserved"
    }
    for task in graph.tasks where usesLeft[Int(task)] > 0 && (status[Int(task)] == .done) {
      if residence[Int(task)] == .nowhere { return "\(graph.key(of: task)) was dropped before its last use" }
    }
    if ended, budget.used != 0, !draining { return "\(budget.used) bytes are still reserved at the end" }
    return nil
  }
}
