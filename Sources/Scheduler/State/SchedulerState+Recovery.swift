import Graph

extension SchedulerState {
  /// A unit could not run because an input's stored copy is damaged: the input is computed again, and the unit waits.
  ///
  /// That goes for results of earlier runs, too: what gave them becomes part of this run, and what that needs.
  mutating func lost(_ input: TaskID, for head: TaskID) {
    takeBack(head)
    makeReadyOrWait(head)
    switch residence[Int(input)] {
    case .both:
      budget.release(bytes[Int(input)])
      eviction.cleanBytes -= bytes[Int(input)]
    case .disk: break
    // Another reader found it damaged before: it is, or will be, computed again.
    case .nowhere, .memory, .spilling: return
    }
    residence[Int(input)] = .nowhere
    effects.forgotten.append(input)
    effects.released.append(input)
    effects.damaged.append(input)
    runAgain(input)
  }

  /// Puts a unit back among those that can start, or among those that wait if an input was lost meanwhile. Where such an
  /// input could not be computed again, the unit cannot run either.
  mutating func makeReadyOrWait(_ head: TaskID) {
    waitingFor[Int(head)] = 0
    var isHopeless = false
    for input in inputs[head] {
      switch status[Int(input)] {
      case .outside, .done: break
      case .failed, .skipped: isHopeless = true
      case .waiting, .ready, .running, .delayed, .cancelled: waitingFor[Int(head)] += 1
      }
    }
    if isHopeless {
      skip(head)
    } else if waitingFor[Int(head)] == 0 {
      makeReady(head)
    } else {
      status[Int(head)] = .waiting
    }
  }

  /// Makes the unit that gave `result` run once more, and what that needs.
  private mutating func runAgain(_ result: TaskID) {
    guard status[Int(result)] == .done || status[Int(result)] == .outside, residence[Int(result)] == .nowhere else {
      return
    }
    // Whoever could start only because the result was there has to wait again.
    for consumer in consumers[result] {
      switch status[Int(consumer)] {
      case .ready:
        makeUnready(consumer)
        status[Int(consumer)] = .waiting
        waitingFor[Int(consumer)] += 1
      case .waiting: if !fused.isInner(consumer) { waitingFor[Int(consumer)] += 1 }
      default: break
      }
    }
    let head = head(of: result)
    var task = head
    while true {
      effects.again.append((task, status[Int(task)] == .done))
      if status[Int(task)] == .done { uncount(task) } else { joined += 1 }
      status[Int(task)] = .waiting
      if task == result { break }
      guard let next = fused.next(after: task) else { break }
      usesLeft[Int(task)] = 1
      task = next
    }
    for input in inputs[head] {
      usesLeft[Int(input)] += 1
      guard residence[Int(input)] == .nowhere else { continue }
      if status[Int(input)] == .outside, let size = storedBytes(input) {
        residence[Int(input)] = .disk
        bytes[Int(input)] = size
        effects.wantedAgain.append(input)
      } else {
        runAgain(input)
      }
    }
    // Counted last: what ran again above has counted this unit among its own readers.
    makeReadyOrWait(head)
  }
}
