// The order of a run.
//
// A run's order is fixed before it starts, because eviction needs to know when a value is used next. No one
// rule is best for every graph: working depth first keeps trees small, going stage by stage keeps wide
// layered graphs small, and following what has just become runnable keeps per-file pipelines small. Each of
// these orders takes linear time, and so does finding out how many results it would hold at once. So all
// three are made, and the one with the lowest peak is kept.
//
// Invariant: an order holds every included task once, each after those of its inputs that are included.

extension TaskGraph {
  /// How many results an order keeps waiting for their consumers.
  public struct Pressure: Hashable, Comparable, Sendable {
    /// The most results held after any step.
    public var peak = 0
    /// Summed over all steps: what remains equal at the peak may differ here.
    public var sum = 0

    public static func < (a: Pressure, b: Pressure) -> Bool { (a.peak, a.sum) < (b.peak, b.sum) }
  }

  /// The included tasks in the order of the lowest pressure among the candidates.
  ///
  /// - Parameter included: whether each task runs; the results of others are taken as being at hand.
  /// - Complexity: O(tasks + edges).
  public func ordered(_ included: [Bool], consumers: Consumers) -> [TaskID] {
    var best = followingReady(included, consumers: consumers)
    var lowest = pressure(of: best, included, consumers: consumers)
    for candidate in [depthFirst(included), tasks.filter { included[Int($0)] }] {
      let found = pressure(of: candidate, included, consumers: consumers)
      if found < lowest { (best, lowest) = (candidate, found) }
    }
    return best
  }

  /// What `order` would hold: after each task, inputs that nothing later needs are dropped and the
  /// task's own result is counted if anything included needs it.
  public func pressure(of order: [TaskID], _ included: [Bool], consumers: Consumers) -> Pressure {
    var uses = usesLeft(included, consumers: consumers)
    var held = 0
    var pressure = Pressure()
    for task in order {
      for input in inputs(of: task) where included[Int(input)] {
        uses[Int(input)] -= 1
        if uses[Int(input)] == 0 { held -= 1 }
      }
      if uses[Int(task)] > 0 { held += 1 }
      pressure.peak = max(pressure.peak, held)
      pressure.sum += held
    }
    return pressure
  }

  /// For every task, by how many included tasks its result is yet to be used.
  public func usesLeft(_ included: [Bool], consumers: Consumers) -> [Int32] {
    tasks.map { task in consumers[task].reduce(0) { $0 + (included[Int($1)] ? 1 : 0) } }
  }

  /// Each task right after the last of its inputs, the leaves in order.
  package func depthFirst(_ included: [Bool]) -> [TaskID] {
    var order: [TaskID] = []
    var seen = [Bool](repeating: false, count: taskCount)
    var stack: [(task: TaskID, next: Int)] = []
    for leaf in leaves() where included[Int(leaf)] {
      stack.append((leaf, 0))
      seen[Int(leaf)] = true
      while let (task, next) = stack.last {
        let inputs = inputs(of: task)
        guard next < inputs.count else {
          order.append(task)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let input = inputs[inputs.startIndex + next]
        if included[Int(input)], !seen[Int(input)] {
          seen[Int(input)] = true
          stack.append((input, 0))
        }
      }
    }
    // What stands below no included leaf is wanted for itself; by number, inputs come first.
    for task in tasks where included[Int(task)] && !seen[Int(task)] { order.append(task) }
    return order
  }

  /// What has just become runnable comes first; a new start only when nothing else can go on.
  package func followingReady(_ included: [Bool], consumers: Consumers) -> [TaskID] {
    var waiting = tasks.map { task in inputs(of: task).reduce(Int32(0)) { $0 + (included[Int($1)] ? 1 : 0) } }
    var order: [TaskID] = []
    var ready: [TaskID] = []
    let starts = depthFirst(included).filter { waiting[Int($0)] == 0 }
    for start in starts {
      ready.append(start)
      while let task = ready.popLast() {
        order.append(task)
        for consumer in consumers[task].reversed() where included[Int(consumer)] {
          waiting[Int(consumer)] -= 1
          if waiting[Int(consumer)] == 0 { ready.append(consumer) }
        }
      }
    }
    return order
  }

  /// Whether every included task stands in `order` once, behind its included inputs.
  public func isTopological(_ order: [TaskID], _ included: [Bool]) -> Bool {
    var placed = [Bool](repeating: false, count: taskCount)
    for task in order {
      guard included[Int(task)], !placed[Int(task)] else { return false }
      for input in inputs(of: task) where included[Int(input)] && !placed[Int(input)] { return false }
      placed[Int(task)] = true
    }
    return zip(placed, included).allSatisfy { $0 == $1 }
  }
}
