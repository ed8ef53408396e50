import Graph

/// What is to be done about what `SchedulerState` decided, in any order.
struct SchedulerEffects {
  /// Results to drop from memory: nobody needs them any more.
  var released: [TaskID] = []
  /// Results to drop from memory: the disk has them.
  var evicted: [TaskID] = []
  /// Released results that may be on disk too: to be dropped there.
  var forgotten: [TaskID] = []
  /// Results to write to the spill store; then say `spilled` or `spillFailed`.
  var toSpill: [TaskID] = []
  /// Even alone the task would not fit; it counts as failed. With `isStuck`, results that could not be spilled are in
  /// the way.
  var refused: [(task: TaskID, needed: Int, capacity: Int, isStuck: Bool)] = []
  /// Tasks that failed for good, and those that can therefore not run. Each task is skipped once.
  var failures: [(task: TaskID, skipped: [TaskID])] = []
  /// Tasks that failed and are tried again.
  var retries: [(task: TaskID, attempt: Int, at: Double)] = []
  /// Tasks that run again because their results were lost.
  var recomputed: [TaskID] = []

  /// Results of earlier runs that were dropped and are read again.
  var wantedAgain: [TaskID] = []

  /// Whether nothing has to be done outside the books.
  var isEmpty: Bool {
    forgotten.isEmpty && toSpill.isEmpty && refused.isEmpty && failures.isEmpty && retries.isEmpty && recomputed.isEmpty
      && wantedAgain.isEmpty
  }
}
