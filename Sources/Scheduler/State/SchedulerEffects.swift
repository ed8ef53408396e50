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
  /// Tasks that cannot run after all: what they wait for anew has failed.
  var skipped: [TaskID] = []
  /// Results whose stored copies turned out to be damaged.
  var damaged: [TaskID] = []
  /// Tasks that run again, or although their results were to be reused, because results were lost.
  var again: [(task: TaskID, wasPlanned: Bool)] = []
  /// Results of earlier runs that were dropped, or not foreseen, and are read.
  var wantedAgain: [TaskID] = []

  /// Whether nothing has to be done outside the books.
  var isEmpty: Bool {
    forgotten.isEmpty && toSpill.isEmpty && refused.isEmpty && failures.isEmpty && retries.isEmpty && skipped.isEmpty
      && damaged.isEmpty && again.isEmpty && wantedAgain.isEmpty
  }
}
