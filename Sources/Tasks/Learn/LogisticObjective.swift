#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An example's multiplier in the dual problem of logistic regression, between 0 and C.
///
/// Of α and C - α the smaller one is kept, which has all its digits where the other is C but for the last of them.
struct LogisticMultiplier {
  /// The smaller of the two, and negative where it is C - α; 0 for an example that was never visited.
  private var part = 0.0

  init() {}
  private init(part: Double) { self.part = part }

  private var isUpper: Bool { part < 0 }
  private var size: Double { abs(part) }

  /// By how much α is larger than `other`'s.
  func difference(from other: LogisticMultiplier, cost: Double) -> Double {
    switch (isUpper, other.isUpper) {
    case (false, false), (true, true): part - other.part
    case (true, false): cost - size - other.size
    case (false, true): size + other.size - cost
    }
  }

  /// How far it is from its best value: the size of the dual function's derivative there; infinite for one never visited.
  ///
  /// What is as small as a number can be, and should be smaller still, has its best value.
  func violation(margin: Double, cost: Double) -> Double {
    if size == 0 { return .infinity }
    let slope = log(size / (cost - size)) + (isUpper ? -margin : margin)
    return size <= .leastNormalMagnitude && slope > 0 ? 0 : abs(slope)
  }

  /// The best multiplier for an example, all others held fixed.
  ///
  /// The function to minimize is α·log α + (C - α)·log(C - α) + a/2·(α - α₀)² + b·(α - α₀), where α₀ is the multiplier so far,
  /// a the example's squared length and b its margin, y·(w·x).
  ///
  /// - Parameters:
  ///   - a: the squared length.
  ///   - margin: with the multiplier as it is.
  ///   - cost: C.
  ///   - tolerance: where Newton's steps end: how far the derivative may be from 0.
  /// - Note: Source: H.-F. Yu, F.-L. Huang, C.-J. Lin, "Dual coordinate descent methods for logistic regression and maximum
  ///   entropy models", Machine Learning 85 (2011), algorithm 4: solved for whichever of α and C - α becomes the smaller.
  func best(squaredLength a: Double, margin: Double, cost: Double, tolerance: Double) -> LogisticMultiplier {
    let half = cost / 2
    let (alpha, rest) = isUpper ? (cost - size, size) : (size, cost - size)
    // The derivative rises; where it is not negative in the middle, the minimum lies before it.
    let becomesUpper = a * (half - alpha) + margin < 0
    let (start, b) = becomesUpper ? (rest, -margin) : (alpha, margin)
    var z = start > 0 ? min(start, half) : min(cost / (1 + exp(b)), half)
    z = max(z, .leastNormalMagnitude)
    for _ in 0..<100 {
      let slope = log(z / (cost - z)) + a * (z - start) + b
      if abs(slope) <= tolerance { break }
      let next = z - slope / (a + cost / (z * (cost - z)))
      // The derivative is concave here: from the left steps stay left of its zero, from the right they may leave the range.
      z = max(next > 0 ? min(next, half) : z / 10, .leastNormalMagnitude)
      if z == .leastNormalMagnitude, slope > 0 { break }
    }
    return LogisticMultiplier(part: becomesUpper ? -z : z)
  }
}
