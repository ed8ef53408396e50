import Foundation
import Graph

extension Engine {
  /// Measures memory, reports progress and writes samples until the run is over.
  func watch() {
    var lastSample = 0.0
    var lastReport = 0.0
    var lastTrim = 0.0
    while true {
      let isOver = ended.wait(timeout: .now() + .milliseconds(10)) == .success
      let running = current.compactMap(\.task)
      let outside = current.reduce(0) { $0 + $1.outsideBytes }
      var resident = settings.residentBytes() + outside
      let (believed, limit) = monitor.withLock {
        (core.pointee.state.budget.believed, core.pointee.state.budget.limit)
      }
      // Giving back what the allocator holds takes milliseconds: now and then, and at once where memory is short.
      if resident > believed + (4 << 20), resident > limit / 8 * 7 || clock.now - lastTrim > 0.25 {
        lastTrim = clock.now
        ProcessMemory.releaseFreeMemory()
        resident = settings.residentBytes() + outside
      }
      let share = monitor.withLock { max(0, resident - core.pointee.state.budget.idle - core.pointee.values.bytes) }
      for worker in current { worker.sawScratch(share / max(running.count, 1)) }
      settle {
        if outside > 0 { $0.peakWithPrograms = max($0.peakWithPrograms, resident) }
        $0.state.measured(resident: resident, running: running, now: clock.now)
      }
      let now = clock.now
      guard isOver || now - lastReport >= 0.05 else { continue }
      lastReport = now
      let snapshot = snapshot()
      observer(snapshot)
      if isOver || now - lastSample >= 0.25 {
        lastSample = now
        writer?.sample(
          RunWriter.Sample(
            at: now, resident: snapshot.residentBytes, believed: snapshot.believedBytes,
            spilledNow: snapshot.spilledNow, spilledTotal: snapshot.spilledTotal, done: snapshot.done,
            running: snapshot.running.count))
      }
      if isOver { return }
    }
  }

  func snapshot() -> ProgressSnapshot {
    let now = clock.now
    var snapshot = ProgressSnapshot()
    snapshot.elapsedSeconds = now - clock.start
    snapshot.reused = plan.reused
    snapshot.memoryLimit = settings.memoryLimit
    snapshot.residentBytes = settings.residentBytes() + current.reduce(0) { $0 + $1.outsideBytes }
    snapshot.spilledNow = (spills?.bytesNow ?? 0) + (scratch?.bytesNow ?? 0)
    snapshot.spilledTotal = (spills?.bytesTotal ?? 0) + (scratch?.bytesTotal ?? 0)
    snapshot.running = runningTasks().map {
      ProgressSnapshot.RunningTask(
        key: plan.graph.key(of: $0.task), label: plan.label(of: $0.task), seconds: now - $0.start)
    }
    monitor.withLock {
      snapshot.phase = core.pointee.phase
      snapshot.planned = plan.planned + core.pointee.state.joined
      snapshot.done = core.pointee.state.done
      snapshot.failed = core.pointee.state.failed
      snapshot.skipped = core.pointee.state.skipped
      snapshot.retried = core.pointee.state.retried
      snapshot.rows = core.pointee.rows
      snapshot.believedBytes = core.pointee.state.budget.believed
    }
    return snapshot
  }

  /// What runs now, oldest first.
  func runningTasks() -> [(task: TaskID, worker: Int, start: Double)] {
    current.enumerated().compactMap { number, current in current.task.map { ($0, number, current.start) } }
      .sorted { ($0.start, $0.task) < ($1.start, $1.task) }
  }
}
