#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One example's part of the dual problem of logistic regression: its multiplier, all others held fixed.
///
/// The function to minimize over α in (0, C) is α·log α + (C - α)·log(C - α) + a/2·(α - α₀)² + b·(α - α₀), where α₀ is the
/// multiplier so far, a the example's squared length and b its margin, y·(w·x).
///
/// - Note: Source: H.-F. Yu, F.-L. Huang, C.-J. Lin, "Dual coordinate descent methods for logistic regression and maximum
///   entropy models", Machine Learning 85 (2011), algorithm 4: solved for whichever of α and C - α is the smaller, which
///   keeps its digits.
struct LogisticMultiplier {
  let cost: Double
  /// Where Newton's steps end: how far the derivative may be from 0.
  let tolerance: Double

  /// How far the multiplier is from its best value: the size of the derivative there; infinite at 0 and at C.
  func violation(_ alpha: Double, margin: Double) -> Double { abs(log(alpha / (cost - alpha)) + margin) }

  /// The best multiplier.
  func best(from alpha: Double, squaredLength a: Double, margin: Double) -> Double {
    let half = cost / 2
    // The derivative rises; where it is not negative in the middle, the minimum lies before it.
    let isLower = a * (half - alpha) + margin >= 0
    let (start, b) = isLower ? (alpha, margin) : (cost - alpha, -margin)
    var z = start > 0 ? min(start, half) : min(cost / (1 + exp(b)), half)
    if z <= 0 { z = .leastNormalMagnitude }
    for _ in 0..<100 {
      let slope = log(z / (cost - z)) + a * (z - start) + b
      if abs(slope) <= tolerance { break }
      let next = z - slope / (a + cost / (z * (cost - z)))
      // The derivative is concave here: from the left steps stay left of its zero, from the right they may leave the range.
      z = next > 0 ? min(next, half) : z / 10
    }
    return isLower ? z : cost - z
  }
}
