import Graph

// Random elements. What is drawn depends on the seed, and on the partitions that the bag is cut into; not on the number of
// workers, and not on the run.

extension Bag {
  /// Each element with probability `probability`, the same ones for the same seed whatever the number of workers.
  ///
  /// - Parameters:
  ///   - probability: from 0 to 1.
  ///   - seed: another one gives another sample; cut into other partitions a bag has another sample, too.
  /// - Precondition: the probability is from 0 to 1.
  public func randomSample(_ probability: Double, seed: UInt64 = 0) -> Bag<Element> {
    precondition((0...1).contains(probability), "a probability is from 0 to 1")
    return step("randomSample", .parameters("\(probability) \(seed)"), isNumbered: true) { next, partition in
      var state = StableHash.combine(seed, UInt64(partition))
      return {
        try next()?.filter { _ in
          state &+= 0x9E37_79B9_7F4A_7C15
          return Double(StableHash.of(state) >> 11) * 0x1p-53 < probability
        }
      }
    }
  }

  /// So many elements at places drawn by lot, each place at most once: Dask's `random.sample`.
  ///
  /// - Parameters:
  ///   - count: how many; fewer than 0 are none.
  ///   - seed: another one gives another sample.
  /// - Returns: one partition, in an order that is drawn, too.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag has fewer elements.
  /// - Complexity: O(elements · log `count`); memory: 2 · `count` elements, at least two blocks.
  public func sample(_ count: Int, seed: UInt64 = 0) -> Bag<Element> {
    let lots: Bag<Pair<UInt64, Element>> = step("lots", .parameters("\(seed)"), isNumbered: true) { next, partition in
      var state = Lots.start(seed, partition)
      return { try next().map { ContiguousArray(mapping: $0) { Pair(Lots.next(&state), $0) } } }
    }
    let drawn = lots.topk(count, .parameters("sample \(count)")) { $0.first < $1.first }
    return drawn.step("sample", .parameters("\(count)")) { next, _ in
      var all = ContiguousArray<Element>()
      while let block = try next() { for lot in block { all.append(lot.second) } }
      guard all.count >= count else {
        throw TaskError(
          .badInput,
          "a sample of \(count) was asked for, and there are \(all.count) elements; sample fewer, or use choices")
      }
      return ReadScope.reader(of: [all])
    }
  }

  /// So many elements, each drawn by lot from all of them, so that one may come several times: Dask's `random.choices`.
  ///
  /// - Parameters:
  ///   - count: how many; fewer than 0 are none.
  ///   - seed: another one gives other elements.
  /// - Returns: one partition.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag is empty and any are asked for.
  /// - Complexity: O(elements + blocks · `count`), a block being some thousand elements; memory: `count` elements for each of
  ///   eight partitions.
  public func choices(_ count: Int, seed: UInt64 = 0) -> Bag<Element> {
    let count = Swift.max(count, 0)
    // Of each partition, `count` elements drawn from it alone.
    let drawn: Bag<Choices<Element>> = step("choices", .parameters("\(count) \(seed)"), isNumbered: true) {
      next, partition in
      var choices = Choices<Element>(start: partition)
      var lots = Reservoirs(count: count, state: Lots.start(seed, partition))
      while let block = try next() {
        lots.draw(block, into: &choices.elements, after: choices.seen)
        choices.seen += block.count
      }
      return ReadScope.reader(of: [[choices]])
    }
    return Bag(
      partOf: drawn.reduced("choices", .parameters("\(count) \(seed)")) { next in
        var all: [Choices<Element>] = []
        while let block = try next() { all += block }
        return Choices.merged(all, seed)
      } combine: {
        Choices.merged($0, seed)
      } finish: {
        guard $0.elements.count == count else {
          throw TaskError(
            .badInput, "\(count) choices were asked for, and the bag is empty; there is nothing to choose from")
        }
        return $0.elements
      })
  }
}

private enum Lots {
  static func start(_ seed: UInt64, _ partition: Int) -> UInt64 { StableHash.combine(seed, UInt64(partition)) }

  static func next(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return StableHash.of(state)
  }

  /// Above 0, at most 1.
  static func fraction(_ lot: UInt64) -> Double { Double((lot >> 11) + 1) * 0x1p-53 }
}

/// Which elements of a stream are drawn, for each draw by itself: element n takes the place of what was drawn before with
/// probability 1 / n. From one such n to the next it takes one lot: that it is beyond m has probability n / m.
private struct Reservoirs {
  private var state: UInt64
  /// The next element of each draw, from 0.
  private var due: [Int]

  init(count: Int, state: UInt64) {
    self.state = state
    due = Array(repeating: 0, count: count)
  }

  /// - Parameter seen: elements before the block.
  mutating func draw<Element>(_ block: ContiguousArray<Element>, into drawn: inout [Element], after seen: Int) {
    guard !block.isEmpty else { return }
    if drawn.isEmpty { drawn = Array(repeating: block[0], count: due.count) }
    for draw in due.indices {
      while due[draw] < seen + block.count {
        drawn[draw] = block[due[draw] - seen]
        let next = Double(due[draw] + 1) / Lots.fraction(Lots.next(&state))
        due[draw] = next < 0x1p62 ? Int(next) : .max
      }
    }
  }
}

/// Elements drawn from some neighbouring partitions.
private struct Choices<Element: Codable & Sendable>: Codable, Sendable {
  /// The first of the partitions.
  var start: Int
  /// How many elements they have.
  var seen = 0
  var elements: [Element] = []

  init(start: Int) { self.start = start }

  /// Of what was drawn from each, one for each draw, by how many elements each has.
  static func merged(_ parts: [Choices], _ seed: UInt64) -> Choices {
    var merged = parts.first ?? Choices(start: 0)
    for part in parts.dropFirst() where part.seen > 0 {
      let total = merged.seen + part.seen
      if merged.seen == 0 {
        merged.elements = part.elements
      } else {
        var state = StableHash.combine(StableHash.combine(~seed, UInt64(part.start)), UInt64(total))
        for draw in merged.elements.indices
        where Lots.fraction(Lots.next(&state)) * Double(total) > Double(merged.seen) {
          merged.elements[draw] = part.elements[draw]
        }
      }
      merged.seen = total
    }
    return merged
  }
}
