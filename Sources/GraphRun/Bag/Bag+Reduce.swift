import Foundation
import Graph

// Reductions: each partition to a partial result, those to one as a tree. As in Dask, an empty partition contributes
// nothing unless the bag has no other.

extension Bag {
  /// Reduces each partition, then the partial results, `splitEvery` at a time, to one value.
  ///
  /// - Parameters:
  ///   - splitEvery: how many partial results one combining task takes, at least 2; 8 if not given.
  ///   - perPartition: of an empty partition only where the bag has no other.
  ///   - aggregate: one or more partial results, in order; it is also given its own results. Of a bag whose partitions are
  ///     all empty, none.
  /// - Complexity: O(elements); memory: a block of elements, and partial results.
  public func reduction<Partial: Codable & Sendable>(
    splitEvery: Int? = nil, perPartition: @escaping @Sendable (PartitionElements<Element>) throws -> Partial,
    aggregate: @escaping @Sendable ([Partial]) throws -> Partial
  ) -> Delayed<Partial> {
    reduced("reduction", .closure("\(splitEvery ?? 8)"), splitEvery: splitEvery) { next in
      let elements = PartitionElements(next)
      let partial = try perPartition(elements)
      try elements.check()
      return partial
    } combine: {
      try aggregate($0)
    } finish: {
      $0
    }
  }

  /// A tree of partial results.
  ///
  /// - Parameters:
  ///   - partial: of a partition's elements.
  ///   - combine: of partial results of neighbours, in order.
  ///   - finish: of the last one.
  @usableFromInline
  func reduced<Partial: Codable & Sendable, Result: Codable & Sendable>(
    _ label: String, _ identity: StepIdentity, splitEvery: Int? = nil,
    partial: @escaping @Sendable (_ next: @escaping BlockReader<Element>) throws -> Partial,
    combine: @escaping @Sendable (_ partials: [Partial]) throws -> Partial,
    finish: @escaping @Sendable (Partial) throws -> Result
  ) -> Delayed<Result> {
    let input = node
    let count = partitionCount
    let bag = self
    let node = Node(
      label: label, layout: .tree(partitions, fanIn: Swift.max(splitEvery ?? 8, 2), mapsPartitions: true),
      inputs: [Node.Input(node: input)], identity: identity.value, cost: .stage,
      valueTypes: [ScalarValue<Partial?>.self, ScalarValue<Result>.self], typeName: TypeName.of(Result.self),
      dependencies: { partition, _ in [Node.Reference(node: input, partition: partition)] },
      memory: Node.memoryOfSummary,
      run: { role, scope in
        if case .partition(let partition) = role {
          var isEmpty = true
          let next = try scope.blocks(of: bag, Int(partition))
          // The first elements decide whether there are any.
          var first = try next()
          while first?.isEmpty == true { first = try next() }
          isEmpty = first == nil
          guard !isEmpty || count == 1 else { return ScalarValue(nil as Partial?) }
          let reader: BlockReader<Element> = {
            if let block = first {
              first = nil
              return block
            }
            try scope.context.checkCancellation()
            return try next()
          }
          return ScalarValue(try partial(reader) as Partial?)
        }
        let partials = scope.combined.compactMap { ($0 as! ScalarValue<Partial?>).value }
        if case .combine = role {
          return ScalarValue(partials.isEmpty ? nil : try combine(partials) as Partial?)
        }
        return ScalarValue(try finish(combine(partials)))
      })
    return Delayed(node: node)
  }

  /// Combines all elements with `operation`, which must be associative.
  ///
  /// - Parameters:
  ///   - splitEvery: as `reduction(splitEvery:perPartition:aggregate:)`.
  ///   - operation: a result or element, and the one that follows it.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag is empty.
  public func fold(
    splitEvery: Int? = nil, _ operation: @escaping @Sendable (Element, Element) throws -> Element
  ) -> Delayed<Element> {
    reduced("fold", .closure("\(splitEvery ?? 8)"), splitEvery: splitEvery) { next in
      var result: Element?
      while let block = try next() {
        for element in block { result = if let before = result { try operation(before, element) } else { element } }
      }
      return result
    } combine: { partials in
      var result: Element?
      for case let partial? in partials {
        result = if let before = result { try operation(before, partial) } else { partial }
      }
      return result
    } finish: {
      guard let result = $0 else { throw EmptyBag.error("fold") }
      return result
    }
  }

  /// Folds each partition from `initial` on, then combines the results.
  ///
  /// - Parameters:
  ///   - initial: counts once for each partition that is not empty, as in Dask; so it should change nothing. It is the
  ///     result if all are empty.
  ///   - splitEvery: as `reduction(splitEvery:perPartition:aggregate:)`.
  ///   - operation: a result and one more element.
  ///   - combine: two results; associative.
  @inlinable
  public func fold<Result: Codable & Sendable>(
    initial: Result, splitEvery: Int? = nil, _ operation: @escaping @Sendable (Result, Element) throws -> Result,
    combine: @escaping @Sendable (Result, Result) throws -> Result
  ) -> Delayed<Result> {
    foldReduced(label: "fold", initial, splitEvery: splitEvery) { next in
      var result = initial
      while let block = try next() {
        for element in block { result = try operation(result, element) }
      }
      return result
    } combine: {
      try combine($0, $1)
    }
  }

  @usableFromInline
  func foldReduced<Result: Codable & Sendable>(
    label: String, _ initial: Result, splitEvery: Int?,
    _ partial: @escaping @Sendable (_ next: @escaping BlockReader<Element>) throws -> Result,
    combine: @escaping @Sendable (Result, Result) throws -> Result
  ) -> Delayed<Result> {
    reduced(label, .closure("\(splitEvery ?? 8) \(Parameters.text(initial))"), splitEvery: splitEvery, partial: partial)
    {
      partials in
      guard let first = partials.first else { return initial }
      return try partials.dropFirst().reduce(first, combine)
    } finish: {
      $0
    }
  }

  /// How many elements there are.
  public func count() -> Delayed<Int> {
    summed("count") { next in
      var count = 0
      while let block = try next() { count += block.count }
      return count
    }
  }

  @usableFromInline
  func summed(
    _ label: String, splitEvery: Int? = nil,
    _ partial: @escaping @Sendable (_ next: @escaping BlockReader<Element>) throws -> Int
  ) -> Delayed<Int> {
    reduced(label, .parameters(""), splitEvery: splitEvery, partial: partial) {
      try Sum.of($0)
    } finish: {
      $0
    }
  }

  /// Whether the property holds for at least one element; a partition is read no further than there. Of an empty bag,
  /// `false`.
  public func any(_ predicate: @escaping @Sendable (Element) throws -> Bool) -> Delayed<Bool> {
    reduced("any", .closure("")) { next in
      while let block = try next() { if try block.contains(where: predicate) { return true } }
      return false
    } combine: {
      $0.contains(true)
    } finish: {
      $0
    }
  }

  /// Whether the property holds for all elements; a partition is read no further than where it does not. Of an empty bag,
  /// `true`.
  public func all(_ predicate: @escaping @Sendable (Element) throws -> Bool) -> Delayed<Bool> {
    reduced("all", .closure("")) { next in
      while let block = try next() { if !(try block.allSatisfy(predicate)) { return false } }
      return true
    } combine: {
      !$0.contains(false)
    } finish: {
      $0
    }
  }

  /// The least element; of equal ones the first.
  ///
  /// - Parameter areInIncreasingOrder: whether the first of two comes before the second.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag is empty.
  public func min(by areInIncreasingOrder: @escaping @Sendable (Element, Element) throws -> Bool) -> Delayed<Element> {
    best("min", .closure("")) { try areInIncreasingOrder($0, $1) }
  }

  /// The greatest element; of equal ones the first.
  ///
  /// - Parameter areInIncreasingOrder: whether the first of two comes before the second.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag is empty.
  public func max(by areInIncreasingOrder: @escaping @Sendable (Element, Element) throws -> Bool) -> Delayed<Element> {
    best("max", .closure("")) { try areInIncreasingOrder($1, $0) }
  }

  /// - Parameter isBetter: whether the first is to take the place of the second.
  func best(
    _ label: String, _ identity: StepIdentity, _ isBetter: @escaping @Sendable (Element, Element) throws -> Bool
  ) -> Delayed<Element> {
    reduced(label, identity) { next in
      var best: Element?
      while let block = try next() {
        for element in block where try best.map({ try isBetter(element, $0) }) ?? true { best = element }
      }
      return best
    } combine: { partials in
      var best: Element?
      for case let element? in partials where try best.map({ try isBetter(element, $0) }) ?? true { best = element }
      return best
    } finish: {
      guard let best = $0 else { throw EmptyBag.error(label) }
      return best
    }
  }

  /// The `count` greatest elements, the greatest first; equal ones in the bag's order. One partition.
  ///
  /// - Parameters:
  ///   - count: how many at most; fewer than 0 are none.
  ///   - areInIncreasingOrder: whether the first of two comes before the second.
  /// - Complexity: O(elements · log `count`); memory: 2 · `count` elements, at least two blocks.
  public func topk(
    _ count: Int, by areInIncreasingOrder: @escaping @Sendable (Element, Element) throws -> Bool
  ) -> Bag<Element> {
    topk(count, .closure("\(count)"), areInIncreasingOrder)
  }

  /// The `count` elements with the greatest keys, the greatest first; equal ones in the bag's order. One partition.
  ///
  /// - Parameters:
  ///   - count: how many at most; fewer than 0 are none.
  ///   - key: asked for again at each comparison.
  /// - Complexity: O(elements · log `count`); memory: 2 · `count` elements, at least two blocks.
  public func topk<Key: Comparable>(_ count: Int, key: @escaping @Sendable (Element) throws -> Key) -> Bag<Element> {
    topk(count, .closure("\(count)")) { try key($0) < key($1) }
  }

  func topk(
    _ count: Int, _ identity: StepIdentity,
    _ areInIncreasingOrder: @escaping @Sendable (Element, Element) throws -> Bool
  ) -> Bag<Element> {
    @Sendable func top(_ elements: [Element]) throws -> [Element] {
      // Stable, so that of equal elements those that come first stay first.
      Array(try elements.sorted { try areInIncreasingOrder($1, $0) }.prefix(Swift.max(count, 0)))
    }
    return Bag(
      partOf: reduced("topk", identity) { next in
        var best: [Element] = []
        while let block = try next() {
          best += block
          // Not more than twice what is wanted is ever held, and a block.
          if best.count / 2 > Swift.max(count, blockLength) { best = try top(best) }
        }
        return try top(best)
      } combine: {
        try top(Array($0.joined()))
      } finish: {
        $0
      })
  }

  /// The first `count` elements of the first partitions.
  ///
  /// Reading stops when there are enough, so that errors behind the last of them do not show; the partitions that another
  /// step reads, too, are computed as a whole all the same.
  ///
  /// - Parameters:
  ///   - count: how many at most.
  ///   - partitions: how many partitions are looked at; `nil` for all. If they hold fewer elements, those are given and
  ///     a warning is printed to standard error.
  public func take(_ count: Int, partitions: Int? = 1) -> Delayed<[Element]> {
    let most = Swift.min(partitions.map { Swift.max($0, 1) } ?? partitionCount, partitionCount)
    let bag = self
    return Delayed<[Element]>(
      node: Node(
        label: "take", layout: .single, inputs: [Node.Input(node: node)], identity: .parameters("\(count) \(most)"),
        cost: .stage, valueTypes: [ScalarValue<[Element]>.self], typeName: TypeName.of([Element].self),
        dependencies: { _, _ in (0..<most).map { Node.Reference(node: bag.node, partition: $0) } },
        run: { _, scope in
          var taken: [Element] = []
          for partition in 0..<most where taken.count < count {
            let next = try scope.blocks(of: bag, partition)
            while taken.count < count, let block = try next() { taken += block.prefix(count - taken.count) }
          }
          if taken.count < count {
            let place =
              most == bag.partitionCount ? "the bag has" : "the first \(most) of \(bag.partitionCount) partitions have"
            Warning.print(
              "take(\(count)) gives \(taken.count) elements, all that \(place)"
                + (most == bag.partitionCount ? "" : "; look at more with partitions: nil"))
          }
          return ScalarValue(taken)
        }))
  }
}

// MARK: - Of elements that can be compared

extension Bag where Element: Comparable {
  /// The least element; of equal ones the first.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag is empty.
  public func min() -> Delayed<Element> { best("min", .parameters("")) { $0 < $1 } }

  /// The greatest element; of equal ones the first.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag is empty.
  public func max() -> Delayed<Element> { best("max", .parameters("")) { $0 > $1 } }

  /// The `count` greatest elements, the greatest first; equal ones in the bag's order. One partition.
  ///
  /// - Complexity: O(elements · log `count`); memory: 2 · `count` elements, at least two blocks.
  public func topk(_ count: Int) -> Bag<Element> { topk(count, .parameters("\(count)")) { $0 < $1 } }
}

extension Bag where Element == Bool {
  /// Whether at least one element is true.
  public func any() -> Delayed<Bool> { any { $0 } }
  /// Whether all elements are true.
  public func all() -> Delayed<Bool> { all { $0 } }
}
