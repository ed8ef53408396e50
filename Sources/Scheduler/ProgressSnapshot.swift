import Graph

/// How a run stands at one moment: all that a progress display needs.
public struct ProgressSnapshot: Sendable {
  public enum Phase: String, Sendable {
    case running
    /// The first interrupt: running tasks end, no new ones start.
    case draining
    /// The second interrupt: running tasks are told to stop.
    case stopping
  }

  public struct RunningTask: Sendable {
    public var key: TaskKey
    /// The partition's label, as a rule a file name.
    public var label: String?
    public var seconds: Double

    public init(key: TaskKey, label: String?, seconds: Double) {
      self.key = key
      self.label = label
      self.seconds = seconds
    }
  }

  public var phase = Phase.running
  public var elapsedSeconds = 0.0
  /// Tasks this run has to run; those reused from earlier runs are not among them.
  public var planned = 0
  public var reused = 0
  public var done = 0
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
  public var memoryLimit = 0
  public var spilledNow = 0
  public var spilledTotal = 0

  public init() {}
}
