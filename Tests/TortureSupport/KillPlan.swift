import Foundation

/// When to kill: decided from chance and from what was seen so far, without a process or a clock.
///
/// Moments spread evenly over a run would nearly all hit its middle, and hardly ever a commit, which takes a
/// millisecond. So the phases of a run are dealt like cards, each as often as the others, and those that are too short
/// to be met by chance are met by watching for what they write.
struct KillPlan {
  enum Phase: String, CaseIterable, Sendable {
    case startUp = "start-up"
    case early, middle, late
    case commit, spill, publish
    case end
  }

  enum Moment: Sendable {
    /// So many seconds after the start.
    case after(Double)
    /// At the `count`th time that `target` is seen, counted from `from` seconds after the start; at `latest` seconds
    /// in any case.
    case at(Set<FolderWatch.Target>, count: Int, from: Double, latest: Double)
  }

  /// Seconds until the first task runs.
  private(set) var startUp = 0.05
  /// Seconds for a unit of work.
  private(set) var pace = 1e-9
  private var observations = 0
  private var deck: [Phase] = []
  private var random: TortureRandom

  init(random: TortureRandom) { self.random = random }

  /// Seconds that a process with so much work left is likely to take.
  func estimate(_ work: Double) -> Double { startUp + pace * work }

  /// Learns from a process: it did `work` in `seconds`, its first task began `startUp` seconds after its start.
  mutating func learn(seconds: Double, work: Double, startUp: Double) {
    // The first measurements count most; later ones only correct.
    let weight = max(0.25, 1 / Double(observations + 1))
    observations += 1
    self.startUp += weight * (min(max(startUp, 0.005), 2) - self.startUp)
    guard work > 0, seconds > self.startUp else { return }
    pace += weight * ((seconds - self.startUp) / work - pace)
  }

  /// The next moment, for a process that has so much work to do.
  mutating func next(work: Double) -> (phase: Phase, moment: Moment) {
    if deck.isEmpty { deck = Phase.allCases.shuffled(using: &random) }
    let phase = deck.removeLast()
    let duration = pace * work
    func part(_ range: Range<Double>) -> Moment {
      .after(startUp + Double.random(in: range, using: &random) * duration)
    }
    switch phase {
    case .startUp: return (phase, .after(Double.random(in: 0..<1.3, using: &random) * startUp))
    case .early: return (phase, part(0..<0.25))
    case .middle: return (phase, part(0.25..<0.75))
    case .late: return (phase, part(0.75..<1.05))
    case .commit: return (phase, target([.commit], counts: 1...40, within: 0..<0.8, duration))
    case .spill: return (phase, target([.spill], counts: 1...60, within: 0..<0.6, duration))
    case .publish: return (phase, target([.publish], counts: 1...20, within: 0..<0.6, duration))
    case .end:
      // The last commit, the log's way back into the file, the removal of spill files: until it ends by itself.
      let count = Int.random(in: 1...3, using: &random)
      let begin = startUp + 0.8 * duration
      return (phase, .at([.checkpoint, .sweep], count: count, from: begin, latest: .infinity))
    }
  }

  private mutating func target(
    _ target: Set<FolderWatch.Target>, counts: ClosedRange<Int>, within: Range<Double>, _ duration: Double
  ) -> Moment {
    // From the very start now and then: the first commits make the tables.
    let isFromStart = random.chance(0.25)
    let begin = isFromStart ? 0 : startUp + Double.random(in: within, using: &random) * duration
    let latest = startUp + Double.random(in: 0.6..<1, using: &random) * duration
    return .at(target, count: random.logarithmic(counts), from: begin, latest: latest)
  }
}
