import Graph

/// What happened, told to `SchedulerState`.
enum SchedulerEvent: Hashable, Sendable {
  /// A worker finished the task; its result takes `bytes` of memory. If it `isStored`, it can be read back already.
  case finished(TaskID, bytes: Int, isStored: Bool)
  /// The task threw.
  case failed(TaskID)
  /// The task stopped because it was told to.
  case cancelled(TaskID)
  /// A result is in the spill store now and can be dropped from memory.
  case spilled(TaskID)
  /// A result could not be spilled; it stays in memory and is not tried again.
  case spillFailed(TaskID)
  /// What the kernel measures for the process.
  case measured(resident: Int)
  /// Start nothing more.
  case drain
}

/// What is to be done, told by `SchedulerState`.
enum SchedulerAction: Hashable, Sendable {
  /// Run the task on a free worker, reading back those of its inputs that are not in memory.
  case run(TaskID)
  /// Write the result to the spill store, then say `spilled`.
  case spill(TaskID)
  /// Drop the result from memory: the spill store has it.
  case evict(TaskID)
  /// Nobody needs the result any more: drop it everywhere.
  case release(TaskID)
  /// Even alone the task would not fit; it counts as failed. With `isStuck`, results that could not be spilled are in
  /// the way.
  case refuse(TaskID, needed: Int, capacity: Int, isStuck: Bool)
  /// The task has failed, and these can therefore not run. Each task is skipped once.
  case failed(TaskID, skipped: [TaskID])
  /// Nothing runs and nothing more will.
  case end
}
