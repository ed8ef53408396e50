import Graph
import Synchronization

/// What a worker is doing, for those who watch.
final class CurrentTask: Sendable {
  private let id = Atomic<Int32>(-1)
  private let started = Atomic<UInt64>(0)
  private let scratch = Atomic<Int>(0)
  private let outside = Atomic<Int>(0)

  var task: TaskID? {
    let task = id.load(ordering: .acquiring)
    return task < 0 ? nil : task
  }

  /// Seconds since 1970.
  var start: Double { Double(bitPattern: started.load(ordering: .relaxed)) }

  /// Bytes that the task uses in other processes.
  var outsideBytes: Int { outside.load(ordering: .relaxed) }

  func begin(_ task: TaskID, at time: Double) {
    started.store(time.bitPattern, ordering: .relaxed)
    scratch.store(0, ordering: .relaxed)
    outside.store(0, ordering: .relaxed)
    id.store(task, ordering: .releasing)
  }

  func end() {
    id.store(-1, ordering: .releasing)
    outside.store(0, ordering: .relaxed)
  }

  func usesOutside(_ bytes: Int) { outside.store(bytes, ordering: .relaxed) }

  func sawScratch(_ bytes: Int) {
    if bytes > scratch.load(ordering: .relaxed) { scratch.store(bytes, ordering: .relaxed) }
  }

  /// The most working memory that was measured while the task ran, in bytes; 0 if it was too short to be seen.
  var peakScratch: Int { scratch.load(ordering: .relaxed) }
}
