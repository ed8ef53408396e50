/// When a result is written at once, so that a run that is killed does not compute it again.
///
/// Dask and Spark leave it to the user to persist what is dear. Here it follows from what was measured: computing took
/// so much longer than writing would that writing costs next to nothing.
enum KeepRule {
  /// Below this nothing is worth a thought.
  static let leastSeconds = 0.1
  /// How many times dearer than writing computing has to be.
  static let leastRatio = 20.0
  /// Bytes a second that the spill store is taken to write; measured 2–3 GB/s, and a slow disk is meant too.
  static let bytesPerSecond = 500e6
  /// Seconds for a write however small.
  static let leastWrite = 0.001

  static func isWorthKeeping(seconds: Double, bytes: Int) -> Bool {
    seconds > leastSeconds && seconds > leastRatio * (Double(bytes) / bytesPerSecond + leastWrite)
  }
}
