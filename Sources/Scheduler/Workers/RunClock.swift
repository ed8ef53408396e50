import Foundation

/// The time of a run: seconds since 1970 at its start, then by a clock that nobody sets back.
struct RunClock: Sendable {
  /// Seconds since 1970 when the run began.
  let start: Double
  private let origin: Double

  init() {
    start = RunClock.read(CLOCK_REALTIME)
    origin = RunClock.read(CLOCK_MONOTONIC)
  }

  /// Seconds since 1970.
  var now: Double { start + (RunClock.read(CLOCK_MONOTONIC) - origin) }

  /// Seconds of processor time that the calling thread has used.
  static var threadSeconds: Double { read(CLOCK_THREAD_CPUTIME_ID) }

  private static func read(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
