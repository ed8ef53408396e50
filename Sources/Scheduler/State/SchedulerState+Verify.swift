import Graph

extension SchedulerState {
  /// What is wrong with the books, if anything; for tests.
  func verify() -> String? {
    var inMemory = 0
    var promised = 0
    var clean = 0
    for task in graph.tasks {
      if status[Int(task)] == .running, !fused.isInner(task) { promised += bytes[Int(task)] }
      switch residence[Int(task)] {
      case .memory, .spilling: inMemory += bytes[Int(task)]
      case .both:
        inMemory += bytes[Int(task)]
        clean += bytes[Int(task)]
      case .nowhere, .disk: break
      }
      if usesLeft[Int(task)] > 0, status[Int(task)] == .done, residence[Int(task)] == .nowhere {
        return "\(graph.key(of: task)) was dropped before its last use"
      }
    }
    if budget.used != inMemory + promised {
      return "used \(budget.used) is not \(inMemory) in memory + \(promised) reserved"
    }
    if eviction.cleanBytes != clean { return "\(eviction.cleanBytes) clean bytes are not \(clean)" }
    if isOver, budget.used != 0, !isDraining { return "\(budget.used) bytes are still reserved at the end" }
    return nil
  }
}
