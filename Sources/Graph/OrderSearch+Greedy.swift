// The greedy rules: they go on with what has been begun. See TaskGraph+Order.swift.

extension OrderSearch {
  /// A task of which an input has run, with its cost at that time. Outdated ones are passed over.
  struct Candidate: Comparable {
    var cost: UInt64
    var age: Int32
    var task: Int32

    static func < (a: Candidate, b: Candidate) -> Bool { a.cost != b.cost ? a.cost < b.cost : a.age < b.age }
  }

  private func cost(_ task: Int) -> UInt64 {
    let missing = UInt64(state[task].missing)
    let growth = UInt64(Int64(1 << 31) + Int64(state[task].missing) - Int64(state[task].drops))
    switch greedyRule {
    case .leastGrowth: return growth << 32 | UInt64(levels[task])
    case .fewestMissing: return missing << 32 | growth
    default: return missing << 32 | UInt64(levels[task])
    }
  }

  /// Works on what has been begun, one source at a time, from the lightest leaf on.
  mutating func playGreedily() {
    findLevels()
    nextInput.update(from: inputStart, count: count)
    begun.removeAll(keepingCapacity: true)
    pushes = 0
    isTouched = [Bool](repeating: false, count: count)
    let leaves = (0..<count).filter { isLast($0) }.map { (task: $0, lot: lot > 0 ? draw() : Int32($0)) }
      .sorted { (weight[$0.task], $0.lot) < (weight[$1.task], $1.lot) }.map(\.task)
    var nextLeaf = 0
    // Going down deep graphs again and again would take quadratic time; then the rule is given up.
    var stepsLeft = 16 * (count + edgeCount)
    while placed < count, !isBeaten, stepsLeft > 0 {
      while let first = begun.first, state[Int(first.task)].hasRun || cost(Int(first.task)) != first.cost { pop() }
      var task = 0
      if let first = begun.first {
        task = Int(first.task)
      } else {
        while state[leaves[nextLeaf]].hasRun { nextLeaf += 1 }
        task = leaves[nextLeaf]
      }
      while state[task].missing > 0 { task = nextStep(towards: task, &stepsLeft) }
      run(task)
      if initial[task].missing == 0 { touch(below: task) }
      runFree()
    }
  }

  /// A missing input of `task`: one that has been begun, if one of the first few is, else the heaviest.
  private func nextStep(towards task: Int, _ stepsLeft: inout Int) -> Int {
    let first = Int(nextMissingInput(of: task))
    let start = Int(nextInput[task])
    for edge in start..<min(start + 16, Int(inputStart[task + 1])) {
      stepsLeft -= 1
      let input = Int(inputs[edge])
      if !state[input].hasRun, isTouched[input] { return input }
    }
    return first
  }

  /// Marks everything that depends on a source.
  private mutating func touch(below source: Int) {
    var depth = 1
    stack[0] = Int32(source)
    while depth > 0 {
      depth -= 1
      let task = Int(stack[depth])
      for edge in Int(consumerStart[task])..<Int(consumerStart[task + 1]) where !isTouched[Int(consumers[edge])] {
        isTouched[Int(consumers[edge])] = true
        stack[depth] = consumers[edge]
        depth += 1
      }
    }
  }

  /// The next number of a xorshift generator (Marsaglia 2003), the same in every run.
  private mutating func draw() -> Int32 {
    lot ^= lot << 13
    lot ^= lot >> 17
    lot ^= lot << 5
    return Int32(bitPattern: lot)
  }

  mutating func push(_ task: Int) {
    pushes += 1
    let age = lot > 0 ? draw() : greedyRule == .fewestMissingNearest ? pushes : -pushes
    begun.append(Candidate(cost: cost(task), age: age, task: Int32(task)))
    var child = begun.count - 1
    while child > 0, begun[child] < begun[(child - 1) / 2] {
      begun.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func pop() {
    begun.swapAt(0, begun.count - 1)
    begun.removeLast()
    var parent = 0
    while 2 * parent + 1 < begun.count {
      var child = 2 * parent + 1
      if child + 1 < begun.count, begun[child + 1] < begun[child] { child += 1 }
      guard begun[child] < begun[parent] else { return }
      begun.swapAt(child, parent)
      parent = child
    }
  }
}
