/// What a run does with a task.
public enum TaskDecision: UInt8, Sendable {
  /// Nobody needs its result.
  case culled
  /// Its result is there already and is read.
  case reused
  /// It runs.
  case runs
}

extension TaskGraph {
  /// Decides what has to run so that every leaf and every kept result is there.
  ///
  /// - Parameters:
  ///   - targets: the only tasks that are wanted; `nil` for all leaves and kept results.
  ///   - hasResult: whether a task's result can be had without running it; asked only for tasks that are needed.
  /// - Complexity: O(tasks + edges).
  public func culled(to targets: [TaskID]? = nil, hasResult: (TaskID) -> Bool) -> [TaskDecision] {
    var needed = [Bool](repeating: false, count: taskCount)
    var decisions = [TaskDecision](repeating: .culled, count: taskCount)
    if let targets { for task in targets { needed[Int(task)] = true } }
    for stage in stages where targets == nil && isKept(stage) {
      // Of a tree only the final value is what people ask for.
      if stage.isBag || stage.keep == true {
        for task in stage.tasks { needed[Int(task)] = true }
      } else {
        needed[Int(stage.tasks.upperBound) - 1] = true
      }
    }
    // Inputs have lower numbers than their consumers: one pass from behind settles everything.
    for task in tasks.reversed() where needed[Int(task)] {
      if hasResult(task) {
        decisions[Int(task)] = .reused
      } else {
        decisions[Int(task)] = .runs
        for input in inputs(of: task) { needed[Int(input)] = true }
      }
    }
    return decisions
  }
}
