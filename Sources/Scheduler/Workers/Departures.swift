/// Results that the books count as gone while the allocator still gives their memory back.
///
/// That takes milliseconds where they are large, and as long as it likes where the thread that does it is not given a
/// processor. Whoever was promised their room meanwhile waits here before taking it: else both would be in memory at once.
///
/// - Note: `@unchecked Sendable`: `bytes` is read and written only while holding `monitor`.
final class Departures: @unchecked Sendable {
  private let monitor = Monitor()
  private var bytes = 0

  func begin(_ results: [ResultBox]) {
    guard !results.isEmpty else { return }
    monitor.withLock { for result in results { bytes += result.bytes } }
  }

  /// Lets go of what `begin` was told of.
  func finish(_ results: consuming [ResultBox]) {
    guard !results.isEmpty else { return }
    let freed = results.reduce(0) { $0 + $1.bytes }
    _ = consume results
    monitor.withLock {
      bytes -= freed
      monitor.broadcast()
    }
  }

  /// Waits until no more than `most` bytes are on their way.
  func wait(most: Int) {
    monitor.withLock { while bytes > most { monitor.wait() } }
  }
}
