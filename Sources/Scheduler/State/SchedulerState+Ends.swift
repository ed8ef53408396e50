import Graph

// What follows when a unit ends: what it reserved is given back, its inputs are let go of, and what cannot run any more is
// skipped.

extension SchedulerState {
  mutating func learn(_ task: TaskID, _ size: Int) {
    let inputs = self.inputs[task]
    let stage = graph.stageNumber(of: task)
    let sizes = parts.bytes(for: task).map { [$0] } ?? inputs.map { bytes[Int($0)] }
    let expected = estimate(task, stage, sizes).output
    // Of small results nothing can be learnt for large ones.
    correction[stage] = max(correction[stage], Double(size) / Double(max(expected, MemoryBudget.learningBytes)))
  }

  /// Gives back what a unit reserved; unless it is tried again, it lets go of its inputs.
  mutating func stopRunning(_ head: TaskID, letsGo: Bool = true) {
    running -= 1
    budget.release(bytes[Int(head)])
    bytes[Int(head)] = 0
    if !limitsLeft.isEmpty { take(-1, for: head) }
    if budget.isBounded {
      for input in inputs[head] { pins[Int(input)] -= 1 }
      if let place = runningHeads.firstIndex(of: head) { runningHeads.remove(at: place) }
    }
    guard letsGo else { return }
    if !extraBytes.isEmpty { extraBytes[head] = nil }
    for input in inputs[head] { letGo(of: input) }
  }

  /// Undoes `admit`, but for what was read back.
  mutating func takeBack(_ head: TaskID) { stopRunning(head, letsGo: false) }

  /// A task that was done is not done any more.
  mutating func uncount(_ task: TaskID) { done -= 1 }

  mutating func finishSteps(from head: TaskID, before task: TaskID) {
    var step = head
    while step != task, let next = fused.next(after: step) {
      status[Int(step)] = .done
      usesLeft[Int(step)] = 0
      done += 1
      step = next
    }
  }

  /// One use of a result is over.
  mutating func letGo(of input: TaskID) {
    usesLeft[Int(input)] -= 1
    if usesLeft[Int(input)] == 0 { release(input) }
  }

  mutating func release(_ task: TaskID) {
    switch residence[Int(task)] {
    case .nowhere, .spilling: return  // one being spilled is released when that ends
    case .memory: budget.release(bytes[Int(task)])
    case .both:
      budget.release(bytes[Int(task)])
      eviction.cleanBytes -= bytes[Int(task)]
      if !keepsOnDisk { effects.forgotten.append(task) }
    case .disk: if !keepsOnDisk { effects.forgotten.append(task) }
    }
    residence[Int(task)] = .nowhere
    effects.released.append(task)
  }

  mutating func skipDependents(of task: TaskID) {
    effects.failures.append((task, skipAll(behind: task).sorted()))
    if !settings.keepsGoing { isDraining = true }
  }

  /// A unit that began once, or could have, cannot run any more.
  mutating func skip(_ head: TaskID) {
    status[Int(head)] = .skipped
    skipped += 1
    for input in inputs[head] { letGo(of: input) }
    effects.skipped.append(head)
    effects.skipped += skipAll(behind: head)
  }

  private mutating func skipAll(behind task: TaskID) -> [TaskID] {
    // What depends on a skipped task is skipped already: each task is visited once in a run.
    var newlySkipped: [TaskID] = []
    var stack = [task]
    while let next = stack.popLast() {
      for consumer in consumers[next] where status[Int(consumer)] == .waiting {
        status[Int(consumer)] = .skipped
        newlySkipped.append(consumer)
        stack.append(consumer)
        for input in inputs[consumer] { letGo(of: input) }
      }
    }
    skipped += newlySkipped.count
    return newlySkipped
  }
}
