/// How long the tasks of an operation take: what decides how many a worker takes at once.
struct OpPace: Sendable {
  /// Tasks seen since the last slow one.
  private var seen = 0
  private var seconds = 0.0

  private static let quickSeconds = 20e-6
  private static let most = 128

  /// How many tasks a worker may take at once.
  var batch: Int {
    guard seen >= 4, seconds < Double(seen) * OpPace.quickSeconds else { return 1 }
    return min(seen, OpPace.most)
  }

  mutating func saw(_ count: Int, seconds new: Double) {
    if new > 1e-3 * Double(count) {
      (seen, seconds) = (0, 0)
    } else {
      seen += count
      seconds += new
      if seen > 4096 { (seen, seconds) = (seen / 2, seconds / 2) }
    }
  }
}
