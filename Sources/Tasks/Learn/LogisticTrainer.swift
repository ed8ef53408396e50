import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Fits a logistic regression to examples that lie on disk.
///
/// Coordinate descent on the dual problem: each example in turn changes its multiplier to the best value, and with it the
/// coefficients. In what order they do matters: in the same order of pieces in every pass, two pieces can pull the coefficients to
/// and fro for hundreds of passes. So pieces are put together at random in each pass, a few at a time, and their examples are
/// visited at random; with that it converges as if all lay in memory. As many pieces as may be do, which changes nothing else.
///
/// The examples' features can be weighed by how much more frequent they are with the label than without: `ratios`.
///
/// - Note: Source: H.-F. Yu, C.-J. Hsieh, K.-W. Chang, C.-J. Lin, "Large linear classification when data cannot fit in memory",
///   KDD 2010; S. Wang, C. Manning, "Baselines and bigrams: simple, good sentiment and topic classification", ACL 2012.
final class LogisticTrainer {
  struct Settings {
    var cost = 1.0
    /// What is added to each feature's sums for its ratio; `nil` for features as they are.
    var smoothing: Double?
    var tolerance = 1e-4
    var mostPasses = 1000
    var seed: UInt64 = 0
  }

  private let settings: Settings
  private let pieces: ExamplesPieces
  private let label: Int
  private let labelName: String
  private let context: any TaskContext
  private let features: Int
  /// For each feature its coefficient and its squared ratio, which are used together.
  private var coefficients: UnsafeMutableBufferPointer<SIMD2<Double>>
  private var ratios: [Double] = []
  private var multipliers: UnsafeMutableBufferPointer<LogisticMultiplier>
  private var intercept = 0.0

  /// Bytes of examples that stay in memory.
  static func heldBytes(limit: Int) -> Int { limit / 8 }

  /// What fitting takes beside the examples, and the model that comes of it: coefficients and squared ratios, the sums or the
  /// ratios themselves, the coefficients alone, the table; and the multipliers.
  static func byteCount(features: Int, rows: Int) -> Int {
    features * 60 + rows * MemoryLayout<LogisticMultiplier>.stride
  }

  init(_ pieces: ExamplesPieces, label: Int, name: String, settings: Settings, context: any TaskContext) {
    self.settings = settings
    self.pieces = pieces
    self.label = label
    self.context = context
    labelName = name
    features = pieces.features
    coefficients = .allocate(capacity: features)
    coefficients.initialize(repeating: SIMD2(0, 1))
    multipliers = .allocate(capacity: pieces.rowCount)
    multipliers.initialize(repeating: LogisticMultiplier())
  }

  deinit {
    coefficients.deallocate()
    multipliers.deallocate()
  }

  /// - Throws: `TaskError` with code `.failed` where the label is the same throughout, or the passes do not suffice.
  func fitted() throws -> LogisticModel {
    try weigh()
    var greatest = Double.infinity
    for pass in 0..<settings.mostPasses {
      greatest = try descend(pass: pass, previous: greatest)
      if greatest <= settings.tolerance {
        return LogisticModel(intercept: intercept, coefficients: coefficients.map { $0[0] }, ratios: ratios)
      }
    }
    throw TaskError(
      .failed,
      "\"\(labelName)\" has not converged in \(settings.mostPasses) passes: the optimality conditions are missed by "
        + "\(greatest), and the tolerance is \(settings.tolerance); raise max_passes or tolerance, or lower C")
  }

  /// Counts examples with and without the label, and sums up their features.
  private func weigh() throws {
    var sums = [SIMD2<Double>](repeating: SIMD2(0, 0), count: settings.smoothing == nil ? 0 : features)
    var positives = 0
    try pieces.forEach(context) { piece in
      let labels = piece.label(label)
      positives += labels.reduce(0) { $0 + Int($1) }
      guard settings.smoothing != nil else { return }
      sums.withUnsafeMutableBufferPointer { sums in
        var item = 0
        for row in 0..<piece.rowCount {
          let side = Int(labels[row])
          for _ in 0..<Int(piece.lengths[row]) {
            sums[Int(piece.ids[item])][side] += Double(piece.values[item])
            item += 1
          }
        }
      }
    }
    guard positives > 0, positives < pieces.rowCount else {
      throw TaskError(
        .failed,
        "\"\(labelName)\" is \(positives == 0 ? 0 : 1) in all \(pieces.rowCount) examples, and a model needs both; leave "
          + "this label out, or take more examples")
    }
    guard let smoothing = settings.smoothing else { return }
    if let feature = sums.firstIndex(where: { $0[0] + smoothing <= 0 || $0[1] + smoothing <= 0 }) {
      throw TaskError(
        .failed,
        "feature \(feature) adds up to \(sums[feature][0]) without \"\(labelName)\" and to \(sums[feature][1]) with it, which "
          + "has no logarithm with smoothing \(smoothing); raise smoothing, or set weighting: none for values below 0")
    }
    let totals = sums.reduce(SIMD2(0, 0)) { $0 + $1 + smoothing }
    ratios = sums.map { log((($0[1] + smoothing) / totals[1]) / (($0[0] + smoothing) / totals[0])) }
    for feature in 0..<features { coefficients[feature][1] = ratios[feature] * ratios[feature] }
  }

  /// Goes through all examples once.
  ///
  /// - Returns: how much the worst of them missed its best multiplier.
  private func descend(pass: Int, previous: Double) throws -> Double {
    // Early passes need no digits that later ones change.
    let (cost, tolerance) = (settings.cost, min(max(previous, settings.tolerance) * 0.01, 0.01))
    var random = SampleRandom(seed: settings.seed, part: pass)
    var greatest = 0.0
    try pieces.forEachRow(using: &random, context) { row in
      let sign = row.labels[label] == 0 ? -1.0 : 1.0
      var (score, squaredLength) = (intercept, 1.0)
      for item in 0..<row.count {
        let (value, feature) = (Double(row.values[item]), coefficients[Int(row.ids[item])])
        score += value * feature[0]
        squaredLength += value * value * feature[1]
      }
      let margin = sign * score
      let old = multipliers[row.number]
      greatest = max(greatest, old.violation(margin: margin, cost: cost))
      let new = old.best(squaredLength: squaredLength, margin: margin, cost: cost, tolerance: tolerance)
      multipliers[row.number] = new
      let change = new.difference(from: old, cost: cost) * sign
      guard change != 0 else { return }
      intercept += change
      for item in 0..<row.count {
        let id = Int(row.ids[item])
        coefficients[id][0] += change * Double(row.values[item]) * coefficients[id][1]
      }
    }
    return greatest
  }
}
