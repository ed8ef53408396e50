import Graph

extension SchedulerState {
  /// A unit could not run because an input's stored copy is damaged: the input is computed again, and the unit waits.
  ///
  /// - Returns: `false` if the input is no result of this run, so that only another run can compute it.
  mutating func lost(_ input: TaskID, for head: TaskID) -> Bool {
    guard status[Int(input)] != .outside else { return false }
    takeBack(head)
    makeReadyOrWait(head)
    switch residence[Int(input)] {
    case .both:
      budget.release(bytes[Int(input)])
      eviction.cleanBytes -= bytes[Int(input)]
    case .disk: break
    // Another reader found it damaged before: it is, or will be, computed again.
    case .nowhere, .memory, .spilling: return true
    }
    residence[Int(input)] = .nowhere
    effects.forgotten.append(input)
    effects.released.append(input)
    runAgain(input)
    return true
  }

  /// Puts a unit back among those that can start, or among those that wait if an input was lost meanwhile.
  mutating func makeReadyOrWait(_ head: TaskID) {
    waitingFor[Int(head)] = 0
    for input in inputs[head] where status[Int(input)] != .outside && status[Int(input)] != .done {
      waitingFor[Int(head)] += 1
    }
    if waitingFor[Int(head)] == 0 { makeReady(head) } else { status[Int(head)] = .waiting }
  }

  /// Makes the unit that gave `result` run once more, and what that needs.
  private mutating func runAgain(_ result: TaskID) {
    guard status[Int(result)] == .done, residence[Int(result)] == .nowhere else { return }
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
      status[Int(task)] = .waiting
      uncount(task)
      if task == result { break }
      guard let next = fused.next(after: task) else { break }
      usesLeft[Int(task)] = 1
      task = next
    }
    effects.recomputed.append(result)
    for input in inputs[head] {
      usesLeft[Int(input)] += 1
      if status[Int(input)] == .outside {
        if residence[Int(input)] == .nowhere {
          residence[Int(input)] = .disk
          effects.wantedAgain.append(input)
        }
      } else if status[Int(input)] == .done, residence[Int(input)] == .nowhere {
        runAgain(input)
      }
    }
    // Counted last: what ran again above has counted this unit among its own readers.
    makeReadyOrWait(head)
  }
}
