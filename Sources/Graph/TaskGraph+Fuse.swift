// Fusion of linear chains.
//
// Where one task's only reader is a task that reads nothing else, the two run as one unit: on one worker, one
// right after the other, the value between them never being stored, spilled or counted twice. Each stays a task
// of its own in every other respect: it has its own name, its own row in the state file and its own failure.
//
// Not fused is what would change what a run does: tasks with retries or timeouts, and tasks that take from different
// pools. A result that outlives the run is stored between two tasks of a unit as anywhere else. A unit is at most `longestUnit` tasks long, so that progress shows and
// a cancelled run stops soon. Source of the idea: Dask's `fuse` and `optimize_blockwise`.

/// Which tasks run as one unit.
public struct FusedTasks: Sendable {
  /// For every task the next of its unit, or -1; empty where nothing is fused.
  @usableFromInline var following: [TaskID] = []
  @usableFromInline var inner: [Bool] = []
  /// How many tasks run behind another in its unit.
  public private(set) var fusedCount = 0

  public static let longestUnit = 64

  /// Nothing fused.
  public init() {}

  fileprivate mutating func fuse(_ task: TaskID, with next: TaskID, of count: Int) {
    if following.isEmpty {
      following = [TaskID](repeating: -1, count: count)
      inner = [Bool](repeating: false, count: count)
    }
    following[Int(task)] = next
    inner[Int(next)] = true
    fusedCount += 1
  }

  /// The task that runs right after `task` in its unit.
  @inlinable @inline(__always)
  public func next(after task: TaskID) -> TaskID? {
    guard !following.isEmpty else { return nil }
    let next = following[Int(task)]
    return next < 0 ? nil : next
  }

  /// Whether another task comes before it in its unit.
  @inlinable @inline(__always)
  public func isInner(_ task: TaskID) -> Bool { !inner.isEmpty && inner[Int(task)] }

  /// Makes a unit end with `task`; what followed it begins another.
  public mutating func split(after task: TaskID) {
    guard let next = next(after: task) else { return }
    following[Int(task)] = -1
    inner[Int(next)] = false
    fusedCount -= 1
  }

  /// The last task of the unit that begins with `head`.
  public func last(of head: TaskID) -> TaskID {
    var task = head
    while let next = next(after: task) { task = next }
    return task
  }
}

extension TaskGraph {
  /// Finds the units in which the included tasks run.
  ///
  /// - Complexity: O(tasks + edges of those with one reader).
  public func fused(_ included: [Bool], consumers: Consumers) -> FusedTasks {
    var fused = FusedTasks()
    let isFusible = stages.map { $0.policy.retries == 0 && $0.policy.timeout == nil }
    // What is gathered takes what its parts do, and inside a unit that is not known.
    let gathers = stages.map { $0.body is GatherBody }
    var length: [TaskID: Int] = [:]
    for task in tasks where included[Int(task)] {
      let readers = consumers[task]
      guard readers.count == 1, let next = readers.first, included[Int(next)], inputs(of: next).count == 1 else {
        continue
      }
      let (stage, nextStage) = (stageNumber(of: task), stageNumber(of: next))
      guard isFusible[stage], isFusible[nextStage], !gathers[nextStage],
        stage == nextStage || stages[stage].policy.takes == stages[nextStage].policy.takes
      else { continue }
      let before = length.removeValue(forKey: task) ?? 1
      guard before < FusedTasks.longestUnit else { continue }
      length[next] = before + 1
      fused.fuse(task, with: next, of: taskCount)
    }
    return fused
  }
}
