import Graph

/// How a run stands at one moment: all that a progress display needs.
public struct ProgressSnapshot: Sendable {
  /// Whether the run is going on or coming to its end.
  public enum Phase: String, Sendable {
    /// Tasks start as they can.
    case running
    /// The first interrupt: running tasks end, no new ones start.
    case draining
    /// The second interrupt: running tasks are told to stop.
    case stopping
  }

  /// A task that runs now.
  public struct RunningTask: Sendable {
    /// Its name.
    public var key: TaskKey
    /// The partition's label, as a rule a file name.
    public var label: String?
    /// For how long it has run.
    public var seconds: Double

    /// A task that has run for so long.
    public init(key: TaskKey, label: String?, seconds: Double) {
      self.key = key
      self.label = label
      self.seconds = seconds
    }
  }

  /// What the run does.
  public var phase = Phase.running
  /// Since the run began.
  public var elapsedSeconds = 0.0
  /// Tasks this run has to run; those reused from earlier runs are not among them.
  public var planned = 0
  /// Tasks whose results an earlier run has left.
  public var reused = 0
  /// Tasks that this run has done.
  public var done = 0
  /// Tasks that failed, after all their attempts.
  public var failed = 0
  /// Tasks that cannot run because another failed.
  public var skipped = 0
  /// Attempts that failed and were, or will be, tried again.
  public var retried = 0
  /// Oldest first.
  public var running: [RunningTask] = []
  /// Records that sources have read.
  public var rows = 0
  /// Memory the kernel measures for the process.
  public var residentBytes = 0
  /// Memory the budget believes is used, the idle program included.
  public var believedBytes = 0
  /// The bound, in bytes.
  public var memoryLimit = 0
  /// Bytes that spilled values take on disk.
  public var spilledNow = 0
  /// Bytes that were spilled since the run began.
  public var spilledTotal = 0

  /// A run that has not begun.
  public init() {}
}
