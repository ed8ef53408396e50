/// How an order chooses among tasks of which none is free. See TaskGraph+Order.swift.
package enum OrderRule: CaseIterable, Sendable {
  case depthFirst
  case byNumber
  case byLevel
  /// Greedy: least growth of what is held, then nearest to the sources, then begun last.
  case leastGrowth
  /// Greedy: fewest missing inputs, then least growth, then begun last.
  case fewestMissing
  /// Greedy: fewest missing inputs, then nearest to the sources, then begun first.
  case fewestMissingNearest

  package var isGreedy: Bool {
    switch self {
    case .depthFirst, .byNumber, .byLevel: false
    case .leastGrowth, .fewestMissing, .fewestMissingNearest: true
    }
  }
}

/// Plays orders of a graph's included tasks, counting on the way what they hold, and keeps the best.
///
/// The included tasks are numbered anew without gaps, and a task that takes an input twice takes it once here.
/// All arrays are flat, allocated once, and owned by this value alone.
struct OrderSearch: ~Copyable {
  /// Graphs of more tasks and edges than this are ordered by the linear rules alone.
  static let greedyLimit = 1 << 18
  /// Tasks and edges that may be played over and over with ties decided by lot, and how often at most.
  static let drawLimit = 1 << 15
  static let mostRounds = 32
  /// Rounds of lots that find nothing better, one after the other, before they are given up.
  static let patience = 4

  /// A task in the order being played. 16 bytes: one cache line serves a visit.
  struct State {
    /// Consumers that have not run, or 0 if the result weighs nothing: then it does not matter how long it is held.
    var uses: Int32
    /// All of them, xor-ed: with one use left, this is the consumer.
    var lastConsumer: Int32
    /// Inputs that have not run; -1 once the task has run itself.
    var missing: Int32
    /// Inputs that nobody else will use: the task's run drops them.
    var drops: Int32

    var hasRun: Bool { missing < 0 }
    /// Whether running the task holds no more than not running it.
    var isFree: Bool { missing == 0 && (drops > 0 || uses == 0) }
  }

  let count: Int
  /// The graph's ids.
  private let taskIDs: UnsafeMutablePointer<TaskID>
  /// Inputs of task t are `inputs[inputStart[t]..<inputStart[t + 1]]`, the heaviest first.
  let inputStart: UnsafeMutablePointer<Int32>
  let inputs: UnsafeMutablePointer<Int32>
  let consumerStart: UnsafeMutablePointer<Int32>
  let consumers: UnsafeMutablePointer<Int32>
  let edgeCount: Int
  /// What the task's part of the graph holds at most if it were a tree (its Sethi–Ullman number).
  let weight: UnsafeMutablePointer<Int32>
  let initial: UnsafeMutablePointer<State>
  /// No order's peak is lower than the most inputs a task has.
  private var mostInputs = 0
  /// Whether no result is used twice: then depth first is optimal.
  private var isForest = true

  // The order being played.
  let state: UnsafeMutablePointer<State>
  private var order: UnsafeMutablePointer<Int32>
  var placed = 0
  private var held = 0
  private var pressure = TaskGraph.Pressure()
  private let free: UnsafeMutablePointer<Int32>
  private var freeCount = 0
  let stack: UnsafeMutablePointer<Int32>
  /// Inputs of a task before this one have run.
  let nextInput: UnsafeMutablePointer<Int32>

  // The best one yet.
  private var best: UnsafeMutablePointer<Int32>
  private(set) var lowest = TaskGraph.Pressure(peak: .max, sum: .max)

  // For greedy rules.
  var greedyRule: OrderRule?
  var begun: [Candidate] = []
  var pushes: Int32 = 0
  var lot: UInt32 = 0
  var levels: [Int32] = []
  /// Whether anything above the task has run.
  var isTouched: [Bool] = []

  init(_ graph: TaskGraph, _ included: [Bool]) {
    let total = graph.taskCount
    var number = [Int32](repeating: -1, count: total)
    var tasks = 0
    var edges = 0
    for task in 0..<total where included[task] {
      number[task] = Int32(tasks)
      tasks += 1
      edges += graph.inputs(of: TaskID(task)).count
    }
    count = tasks
    func allocate<T>(_ count: Int, of: T.Type = Int32.self) -> UnsafeMutablePointer<T> { .allocate(capacity: count) }
    taskIDs = allocate(tasks)
    inputStart = allocate(tasks + 1)
    inputs = allocate(edges)
    consumerStart = allocate(tasks + 2)
    weight = allocate(tasks)
    initial = allocate(tasks, of: State.self)
    state = allocate(tasks, of: State.self)
    order = allocate(tasks)
    best = allocate(tasks)
    free = allocate(tasks)
    stack = allocate(tasks)
    nextInput = allocate(tasks)

    consumerStart.initialize(repeating: 0, count: tasks + 2)
    let seenBy = stack
    seenBy.initialize(repeating: -1, count: tasks)
    var end: Int32 = 0
    var next = 0
    for task in 0..<total where included[task] {
      taskIDs[next] = TaskID(task)
      inputStart[next] = end
      for input in graph.inputs(of: TaskID(task)) {
        let source = Int(number[Int(input)])
        guard source >= 0, seenBy[source] != next else { continue }
        seenBy[source] = Int32(next)
        inputs[Int(end)] = Int32(source)
        end += 1
        consumerStart[source + 2] += 1
      }
      next += 1
    }
    inputStart[tasks] = end
    edgeCount = Int(end)
    consumers = allocate(edgeCount)
    var isWeightless = [Bool](repeating: false, count: tasks)
    for stage in graph.stages where stage.body.hasSmallResults {
      for task in stage.tasks where number[Int(task)] >= 0 { isWeightless[Int(number[Int(task)])] = true }
    }
    connect(isWeightless)
    weigh()
  }

  deinit {
    for list in [taskIDs, inputStart, inputs, consumerStart, consumers, weight, order, best, free, stack, nextInput] {
      list.deallocate()
    }
    initial.deallocate()
    state.deallocate()
  }

  /// Fills the consumers, whose counts stand two places late in `consumerStart`, and the initial state.
  private mutating func connect(_ isWeightless: [Bool]) {
    for task in 0..<count { consumerStart[task + 2] += consumerStart[task + 1] }
    for task in 0..<count {
      let missing = inputStart[task + 1] - inputStart[task]
      initial[task] = State(uses: 0, lastConsumer: 0, missing: missing, drops: 0)
      var held = 0
      for edge in Int(inputStart[task])..<Int(inputStart[task + 1]) {
        let input = Int(inputs[edge])
        consumers[Int(consumerStart[input + 1])] = Int32(task)
        consumerStart[input + 1] += 1
        if isWeightless[input] { continue }
        held += 1
        initial[input].uses += 1
        initial[input].lastConsumer ^= Int32(task)
      }
      mostInputs = max(mostInputs, held)
    }
    for task in 0..<count {
      if initial[task].uses == 1 { initial[Int(initial[task].lastConsumer)].drops += 1 }
      if consumerStart[task + 1] - consumerStart[task] > 1 { isForest = false }
    }
  }

  /// What an input's part of the graph needs beside what is left of it: by this, inputs are sorted.
  private func need(_ input: Int32) -> Int32 { weight[Int(input)] - (initial[Int(input)].uses > 0 ? 1 : 0) }

  /// Weighs all tasks and sorts their inputs, the heaviest first.
  private mutating func weigh() {
    for task in 0..<count {
      let first = Int(inputStart[task])
      let end = Int(inputStart[task + 1])
      sortByWeight(first, end)
      var most: Int32 = 1
      var held: Int32 = 0
      for edge in first..<end {
        most = max(most, weight[Int(inputs[edge])] + held)
        if initial[Int(inputs[edge])].uses > 0 { held += 1 }
      }
      weight[task] = most
    }
  }

  /// Insertion for the usual few; for many, counting. An input that is lighter than the heaviest by more than their
  /// number cannot matter wherever it stands, so that as many counters as inputs suffice.
  private func sortByWeight(_ first: Int, _ end: Int) {
    if end - first <= 16 {
      for edge in first..<end where edge > first {
        let input = inputs[edge]
        var hole = edge
        while hole > first, need(inputs[hole - 1]) < need(input) {
          inputs[hole] = inputs[hole - 1]
          hole -= 1
        }
        inputs[hole] = input
      }
      return
    }
    var heaviest: Int32 = 0
    var lightest = Int32.max
    for edge in first..<end {
      heaviest = max(heaviest, need(inputs[edge]))
      lightest = min(lightest, need(inputs[edge]))
    }
    if heaviest == lightest { return }
    let classes = min(Int(heaviest - lightest), end - first) + 1
    var place = [Int](repeating: 0, count: classes + 1)
    let unsorted = Array(UnsafeBufferPointer(start: inputs + first, count: end - first))
    func lightness(_ input: Int32) -> Int { min(Int(heaviest - need(input)), classes - 1) }
    for input in unsorted { place[lightness(input) + 1] += 1 }
    for index in 0..<classes { place[index + 1] += place[index] }
    for input in unsorted {
      inputs[first + place[lightness(input)]] = input
      place[lightness(input)] += 1
    }
  }

  // MARK: - Trying rules

  /// Tries the rules that suit the graph's size.
  mutating func run() {
    if count + edgeCount <= Self.greedyLimit {
      for rule in OrderRule.allCases { attempt(rule) }
      let rounds = min(Self.mostRounds, Self.drawLimit / max(count + edgeCount, 1))
      var fruitless = 0
      for round in 0..<rounds where fruitless < Self.patience {
        fruitless += 1
        for rule in OrderRule.allCases where rule.isGreedy {
          if attempt(rule, drawing: UInt32(round + 1)) { fruitless = 0 }
        }
      }
    } else if isForest {
      attempt(.depthFirst)
    } else {
      // Depth first jumps about in memory; behind the other two it is mostly given up early.
      for rule in [OrderRule.byNumber, .byLevel, .depthFirst] where lowest.peak > mostInputs { attempt(rule) }
    }
  }

  /// Plays a rule's order and keeps it if it is the best yet.
  ///
  /// - Parameter seed: of the lots drawn between equals in a greedy rule; 0 for going by their age.
  /// - Returns: whether it is the best yet.
  @discardableResult
  mutating func attempt(_ rule: OrderRule, drawing seed: UInt32 = 0) -> Bool {
    state.update(from: initial, count: count)
    placed = 0
    held = 0
    pressure = TaskGraph.Pressure()
    freeCount = 0
    greedyRule = rule.isGreedy ? rule : nil
    lot = seed
    // Tasks on their own hold nothing, and hold it shortest while nothing else is held.
    for task in 0..<count where initial[task].missing == 0 && isLast(task) { run(task) }
    switch rule {
    case .depthFirst: playDepthFirst()
    case .byNumber: play { Int32($0) }
    case .byLevel:
      if let sorted = levelOrder() { play { sorted[$0] } }
    case .leastGrowth, .fewestMissing, .fewestMissingNearest: playGreedily()
    }
    guard placed == count, pressure < lowest else { return false }
    lowest = pressure
    swap(&order, &best)
    return true
  }

  func bestOrder() -> [TaskID] {
    [TaskID](unsafeUninitializedCapacity: count) { buffer, filled in
      for index in 0..<count { buffer[index] = taskIDs[Int(best[index])] }
      filled = count
    }
  }

  /// Whether the order being played cannot become the best any more.
  var isBeaten: Bool {
    pressure.peak >= lowest.peak && (pressure.peak > lowest.peak || pressure.sum >= lowest.sum)
  }

  // MARK: - Playing

  /// Runs a task whose inputs have all run.
  @inline(__always)
  mutating func run(_ task: Int) {
    state[task].missing = -1
    for edge in Int(inputStart[task])..<Int(inputStart[task + 1]) {
      let input = Int(inputs[edge])
      if state[input].uses == 0 { continue }
      state[input].uses -= 1
      state[input].lastConsumer ^= Int32(task)
      if state[input].uses == 0 {
        held -= 1
      } else if state[input].uses == 1 {
        let last = Int(state[input].lastConsumer)
        let wasFree = state[last].isFree
        state[last].drops += 1
        if !wasFree { changed(last) }
      }
    }
    order[placed] = Int32(task)
    placed += 1
    if state[task].uses > 0 { held += 1 }
    var edge = Int(consumerStart[task + 1])
    while edge > Int(consumerStart[task]) {
      edge -= 1
      let consumer = Int(consumers[edge])
      state[consumer].missing -= 1
      changed(consumer)
    }
    pressure.peak = max(pressure.peak, held)
    pressure.sum += held
  }

  /// Whether nothing comes behind the task.
  @inline(__always)
  func isLast(_ task: Int) -> Bool { consumerStart[task] == consumerStart[task + 1] }

  /// Notes that a task may have become free, or a better choice for a greedy rule.
  @inline(__always)
  private mutating func changed(_ task: Int) {
    if state[task].isFree {
      free[freeCount] = Int32(task)
      freeCount += 1
    } else if greedyRule != nil {
      push(task)
    }
  }

  @inline(__always)
  mutating func runFree() {
    while freeCount > 0 {
      freeCount -= 1
      run(Int(free[freeCount]))
    }
  }

  /// Plays all tasks in the order of `task`, which is topological, but for the free ones.
  @inline(__always)
  private mutating func play(_ task: (Int) -> Int32) {
    for index in 0..<count where !state[Int(task(index))].hasRun {
      run(Int(task(index)))
      runFree()
      if isBeaten { return }
    }
  }

  private mutating func playDepthFirst() {
    nextInput.update(from: inputStart, count: count)
    for leaf in 0..<count where isLast(leaf) && !state[leaf].hasRun {
      var depth = 1
      stack[0] = Int32(leaf)
      while depth > 0 {
        let task = Int(stack[depth - 1])
        if state[task].missing <= 0 {
          if !state[task].hasRun {
            run(task)
            runFree()
            if isBeaten { return }
          }
          depth -= 1
        } else {
          stack[depth] = nextMissingInput(of: task)
          depth += 1
        }
      }
    }
  }

  @inline(__always)
  func nextMissingInput(of task: Int) -> Int32 {
    var edge = Int(nextInput[task])
    while state[Int(inputs[edge])].hasRun { edge += 1 }
    nextInput[task] = Int32(edge)
    return inputs[edge]
  }

  /// The tasks by their distance from the sources, then by number; `nil` if that is by number.
  private mutating func levelOrder() -> [Int32]? {
    findLevels()
    var place: [Int32] = []
    var isByNumber = true
    for task in 0..<count {
      let level = Int(levels[task])
      while place.count < level + 2 { place.append(0) }
      place[level + 1] += 1
      if task > 0, levels[task] < levels[task - 1] { isByNumber = false }
    }
    if isByNumber { return nil }
    for level in place.indices.dropFirst() { place[level] += place[level - 1] }
    var sorted = [Int32](repeating: 0, count: count)
    for task in 0..<count {
      sorted[Int(place[Int(levels[task])])] = Int32(task)
      place[Int(levels[task])] += 1
    }
    return sorted
  }

  mutating func findLevels() {
    if !levels.isEmpty { return }
    levels = [Int32](repeating: 0, count: count)
    for task in 0..<count {
      for edge in Int(inputStart[task])..<Int(inputStart[task + 1]) {
        levels[task] = max(levels[task], levels[Int(inputs[edge])] + 1)
      }
    }
  }
}
