// What to write so that the coming steps fit and the fewest bytes are written.
//
// Bélády's rule is optimal where all values have one size. Where a few values fill the memory, it writes one of half the
// bound for a shortage of a megabyte, because that one is used last. But the order is known, and so are the sizes, or
// estimates of them: a schedule can be looked for. A value that was written once costs nothing more, and takes memory
// only at steps that use it; one that is not written stays from the step that makes it to its last use. So what has to
// be decided is which values are kept whole, one decision a value, taken step by step: a dynamic program over sets of
// kept values. Few values large enough to matter fit at once, so that there are few sets; of more than `width`, those
// survive that have written least. Where a set turns out too large for a step, Bélády's rule makes it smaller.
//
// Source of the idea: beam search (B. Lowerre, "The HARPY speech recognition system", 1976) over the states of exact
// offline caching with sizes, which is NP-hard in general.

/// A search for results to write.
struct SpillPlan {
  /// A result that is large enough to matter and is not on disk.
  struct Value {
    var bytes: Int
    /// Steps that use it, in order.
    var uses: [Int32]
    /// Whether it is used after the last step, too.
    var isUsedLater: Bool
  }

  struct Step {
    /// What it takes in all: its inputs, its result, its working memory.
    var need: Int
    /// Inputs among the values, each once.
    var inputs: [Int] = []
    /// Its result, if that is among the values.
    var output: Int?
  }

  /// As many values as a set holds.
  static let mostValues = 128
  static let mostSteps = 1024
  private static let width = 48

  var values: [Value] = []
  var steps: [Step] = []

  private struct Choice {
    var kept = ValueSet()
    var written = 0
    /// Bytes of `kept`.
    var held = 0
    /// Those of the values in memory now that are to be written.
    var victims = ValueSet()
  }

  /// Which of the values in memory now are to be written some time.
  ///
  /// - Parameter inMemory: how many values are in memory now; they come first.
  /// - Complexity: O(steps · width · log(width)), times the values that are kept at once where sets are too large.
  func victims(inMemory: Int, capacity: Int) -> [Int] {
    var choices = [Choice()]
    for value in 0..<inMemory { branch(&choices, over: value, isVictim: true) }
    for (number, step) in steps.enumerated() {
      for index in choices.indices { fit(&choices[index], Int32(number), capacity) }
      // Their last use is over: they take nothing more.
      for input in step.inputs where values[input].uses.last == Int32(number) && !values[input].isUsedLater {
        for index in choices.indices where choices[index].kept.remove(input) {
          choices[index].held -= values[input].bytes
        }
      }
      if let output = step.output { branch(&choices, over: output, isVictim: false) } else { prune(&choices) }
    }
    let best = choices.min { ($0.written, $0.held) < ($1.written, $1.held) }!
    return (0..<inMemory).filter(best.victims.contains)
  }

  /// Each choice twice: the value is kept, and it is written.
  private func branch(_ choices: inout [Choice], over value: Int, isVictim: Bool) {
    let bytes = values[value].bytes
    for index in choices.indices {
      var writes = choices[index]
      writes.written += bytes
      if isVictim { writes.victims.insert(value) }
      choices[index].kept.insert(value)
      choices[index].held += bytes
      choices.append(writes)
    }
    prune(&choices)
  }

  /// Keeps the best choice of each set, and the best sets.
  private func prune(_ choices: inout [Choice]) {
    guard choices.count > 1 else { return }
    choices.sort { ($0.kept.low, $0.kept.high, $0.written) < ($1.kept.low, $1.kept.high, $1.written) }
    var last: ValueSet?
    choices.removeAll { choice in
      defer { last = choice.kept }
      return choice.kept == last
    }
    guard choices.count > SpillPlan.width else { return }
    choices.sort { ($0.written, $0.held) < ($1.written, $1.held) }
    choices.removeLast(choices.count - SpillPlan.width)
  }

  /// Writes what does not fit beside a step, the furthest next use first, and of that no more than has to be.
  private func fit(_ choice: inout Choice, _ number: Int32, _ capacity: Int) {
    let step = steps[Int(number)]
    var excess = choice.held + step.need - capacity
    // What is kept of the inputs is part of what the step takes.
    for input in step.inputs where choice.kept.contains(input) { excess -= values[input].bytes }
    guard excess > 0 else { return }
    var candidates: [(next: Int32, value: Int)] = []
    for value in values.indices where choice.kept.contains(value) && !step.inputs.contains(value) {
      candidates.append((values[value].uses.first { $0 > number } ?? .max, value))
    }
    candidates.sort { ($0.next, $0.value) > ($1.next, $1.value) }
    var chosen: [Int] = []
    for (_, value) in candidates where excess > 0 {
      chosen.append(value)
      excess -= values[value].bytes
    }
    for value in chosen.sorted(by: { values[$0].bytes > values[$1].bytes }) {
      if values[value].bytes <= -excess {
        excess += values[value].bytes
        continue
      }
      choice.kept.remove(value)
      choice.victims.insert(value)
      choice.held -= values[value].bytes
      choice.written += values[value].bytes
    }
  }
}

/// A set of numbers below 128.
private struct ValueSet: Equatable {
  private(set) var low: UInt64 = 0
  private(set) var high: UInt64 = 0

  private static func bit(_ value: Int) -> UInt64 { 1 << UInt64(value & 63) }

  func contains(_ value: Int) -> Bool { (value < 64 ? low : high) & ValueSet.bit(value) != 0 }

  mutating func insert(_ value: Int) {
    if value < 64 { low |= ValueSet.bit(value) } else { high |= ValueSet.bit(value) }
  }

  /// - Returns: whether it was there.
  @discardableResult
  mutating func remove(_ value: Int) -> Bool {
    guard contains(value) else { return false }
    if value < 64 { low &= ~ValueSet.bit(value) } else { high &= ~ValueSet.bit(value) }
    return true
  }
}
