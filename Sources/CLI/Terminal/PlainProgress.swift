import Graph
import Scheduler

/// Progress as plain lines, for logs and pipes.
enum PlainProgress {
  /// `  12 s  340/1,200 tasks (28 %)  28.1/s  memory 180 MB of 256 MB  spilled 0 B  ETA 31 s`.
  static func line(_ snapshot: ProgressSnapshot, rate: Double?, remainingSeconds: Double?) -> String {
    let elapsed = Format.duration(snapshot.elapsedSeconds)
    var parts = [
      String(repeating: " ", count: max(0, 6 - elapsed.count)) + elapsed,
      "\(Format.count(snapshot.done))/\(Format.count(snapshot.planned)) tasks (\(Format.percent(snapshot.fraction)))",
    ]
    if snapshot.failed > 0 { parts.append("\(Format.count(snapshot.failed)) failed") }
    if snapshot.skipped > 0 { parts.append("\(Format.count(snapshot.skipped)) skipped") }
    if let rate { parts.append(Format.rate(rate)) }
    parts.append("memory \(ByteCount(snapshot.residentBytes)) of \(ByteCount(snapshot.memoryLimit))")
    parts.append("spilled \(ByteCount(snapshot.spilledTotal))")
    if let remainingSeconds, snapshot.unfinished > 0 { parts.append("ETA \(Format.duration(remainingSeconds))") }
    return parts.joined(separator: "  ")
  }

  /// Decides which moments are worth a line: after a second, then every 5 seconds, later every 10 and 30, and only
  /// where something has changed.
  struct Schedule: Sendable {
    private struct Seen: Equatable {
      var done: Int
      var failed: Int
      var rows: Int
      var spilled: Int
    }

    private var next = 1.0
    private var seen: Seen?

    mutating func isDue(_ snapshot: ProgressSnapshot) -> Bool {
      guard snapshot.elapsedSeconds >= next else { return false }
      let interval = snapshot.elapsedSeconds < 60 ? 5.0 : snapshot.elapsedSeconds < 300 ? 10 : 30
      next = snapshot.elapsedSeconds + interval
      let now = Seen(
        done: snapshot.done, failed: snapshot.failed, rows: snapshot.rows, spilled: snapshot.spilledTotal)
      defer { seen = now }
      return now != seen
    }
  }
}
