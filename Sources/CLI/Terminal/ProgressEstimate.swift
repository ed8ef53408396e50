import Scheduler

/// How fast a run goes now, and when it will be over.
///
/// The rate is taken over the last half minute, not over the whole run: stages differ, and what was reused or cheap
/// at the beginning says nothing about the rest.
struct ProgressEstimate: Sendable {
  private static let window = 30.0
  private var marks: [(at: Double, done: Int)] = [(0, 0)]

  /// Tasks a second; `nil` before the first one is done.
  private(set) var rate: Double?
  private(set) var remainingSeconds: Double?

  mutating func update(_ snapshot: ProgressSnapshot) {
    if let last = marks.last, snapshot.elapsedSeconds - last.at >= 0.5 {
      marks.append((snapshot.elapsedSeconds, snapshot.done))
    }
    while marks.count > 2, snapshot.elapsedSeconds - marks[1].at >= ProgressEstimate.window { marks.removeFirst() }
    let span = snapshot.elapsedSeconds - marks[0].at
    let done = snapshot.done - marks[0].done
    rate = span > 0 && done > 0 ? Double(done) / span : nil
    remainingSeconds = rate.map { Double(snapshot.unfinished) / $0 }
  }
}

extension ProgressSnapshot {
  var unfinished: Int { max(0, planned - done - failed - skipped) }
  /// Of the tasks planned; those skipped or failed will not be done.
  var fraction: Double { planned > 0 ? Double(done) / Double(planned) : 1 }

  var notice: String? {
    switch phase {
    case .running: nil
    case .draining: "interrupted: running tasks end, no new ones start; once more stops them"
    case .stopping: "stopping the running tasks"
    }
  }
}
