import Graph

/// When a result is written at once, so that a run that is killed does not compute it again.
///
/// Dask and Spark leave it to the user to persist what is dear. Here it follows from what was measured: computing took
/// so much longer than writing would that writing costs next to nothing.
enum KeepRule {
  /// Below this nothing is worth a thought, nor remembered for what is made of it.
  static let leastSeconds = 0.1
  /// How many times dearer than writing computing has to be.
  static let leastRatio = 20.0
  /// Bytes a second that the spill store is taken to write; measured 2–3 GB/s, and a slow disk is meant too.
  static let bytesPerSecond = 500e6
  /// Seconds for a write however small.
  static let leastWrite = 0.001

  static func writing(_ bytes: Int) -> Double { Double(bytes) / bytesPerSecond + leastWrite }

  /// - Parameter spent: seconds of writing that the same computing has been made to pay for before.
  static func isWorthKeeping(seconds: Double, bytes: Int, spent: Double = 0) -> Bool {
    seconds > leastSeconds && seconds > leastRatio * (writing(bytes) + spent)
  }
}

/// The book of what results that are still to be read would cost to compute again.
///
/// The cost counts along the inputs that are not on disk any more: a result's place in the spill store is given up with
/// its last use, so that whoever read it last has to be worth keeping for it. What was spent on writing counts along
/// with it, lest every step of a long chain is written for the sake of the first: along a chain at most a twentieth of
/// what computing took goes into writing. What two inputs share counts twice, which makes the rule a little too
/// careful, never too careless.
struct RecomputeCosts {
  private struct Cost {
    var seconds: Double
    var spent = 0.0
  }

  private var costs: [TaskID: Cost] = [:]

  var count: Int { costs.count }

  /// Takes down what a result took.
  ///
  /// - Parameters:
  ///   - inputs: of the unit that gave it.
  ///   - mayKeep: whether the rule holds for it.
  ///   - isOnDisk: whether an input stays on disk.
  /// - Returns: whether it is worth writing at once.
  mutating func add(
    _ task: TaskID, seconds: Double, bytes: Int, inputs: some Sequence<TaskID>, mayKeep: Bool,
    isOnDisk: (TaskID) -> Bool
  ) -> Bool {
    var cost = Cost(seconds: seconds)
    if !costs.isEmpty {
      for input in inputs {
        guard let before = costs[input], !isOnDisk(input) else { continue }
        cost.seconds += before.seconds
        cost.spent += before.spent
      }
    }
    guard cost.seconds > KeepRule.leastSeconds else { return false }
    let isWorthKeeping = mayKeep && KeepRule.isWorthKeeping(seconds: cost.seconds, bytes: bytes, spent: cost.spent)
    if isWorthKeeping { cost.spent += KeepRule.writing(bytes) }
    costs[task] = cost
    return isWorthKeeping
  }

  /// Nobody is to read the result any more.
  mutating func remove(_ task: TaskID) {
    if !costs.isEmpty { costs[task] = nil }
  }
}
