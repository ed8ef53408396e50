import GraphRun
import TestSupport
import Testing

/// Each operation against the same thing done to an array, whatever the partitions.
@Suite struct BagOperationsTests {
  /// Cut in all kinds of ways: empty partitions, one, more than there are elements.
  static let cuts: [[[Int]]] = [
    [[]], [[], []], [[5]], [[1, 2, 3], [], [4, 5], [6]], [[], [3, 3, 1], [2, 3]], [[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
    (0..<23).map { partition in (0..<(partition * 7 % 11)).map { ($0 * 31 + partition * 17) % 13 } },
  ]

  @Test(arguments: cuts) func stepsFromElementToElementKeepOrderAndPartitions(_ cut: [[Int]]) async throws {
    let bag = Bag(partitions: cut)
    #expect(try await bag.map { $0 * 2 }.computePartitions() == cut.map { $0.map { $0 * 2 } })
    #expect(try await bag.filter { $0 % 2 == 0 }.computePartitions() == cut.map { $0.filter { $0 % 2 == 0 } })
    #expect(try await bag.remove { $0 % 2 == 0 }.computePartitions() == cut.map { $0.filter { $0 % 2 != 0 } })
    let counted: [[Int]] = cut.map { $0.flatMap { Array(0..<($0 % 4)) } }
    #expect(try await bag.flatMap { 0..<($0 % 4) }.computePartitions() == counted)
    let repeated: [[Int]] = cut.map { $0.flatMap { Array(repeating: $0, count: $0 % 3) } }
    #expect(try await bag.map { Array(repeating: $0, count: $0 % 3) }.flatten().computePartitions() == repeated)
    #expect(try await bag.mapPartitions { [$0.reduce(0, +)] }.computePartitions() == cut.map { [$0.reduce(0, +)] })
    let numbered = bag.mapPartitions(numbered: { number, elements in elements.map { $0 + 100 * number } })
    let shifted: [[Int]] = cut.enumerated().map { number, part in part.map { $0 + 100 * number } }
    #expect(try await numbered.computePartitions() == shifted)
    #expect(
      try await bag.map(with: bag.map { $0 + 1 }) { $0 * $1 }.computePartitions()
        == cut.map { $0.map { $0 * ($0 + 1) } }
    )
    #expect(
      try await bag.map(with: bag.count()) { $0 + $1 }.compute()
        == cut.joined().map { $0 + cut.joined().count })
    let (left, right) = Bag.zip(bag, bag.map { "\($0)" }).unzip()
    #expect(try await left.computePartitions() == cut)
    #expect(try await right.compute() == cut.joined().map { "\($0)" })
  }

  @Test(arguments: cuts) func reductionsGiveWhatAnArrayGives(_ cut: [[Int]]) async throws {
    let bag = Bag(partitions: cut)
    let all = Array(cut.joined())
    let doubles = all.map(Double.init)
    #expect(try await bag.count().compute() == all.count)
    #expect(try await bag.sum().compute() == all.reduce(0, +))
    #expect(try await bag.any { $0 == 3 }.compute() == all.contains(3))
    #expect(try await bag.all { $0 < 9 }.compute() == all.allSatisfy { $0 < 9 })
    #expect(try await bag.topk(3).compute() == Array(all.sorted(by: >).prefix(3)))
    #expect(try await bag.take(4, partitions: nil).compute() == Array(all.prefix(4)))
    for splitEvery in [2, 3, 100] {
      let joined = bag.map { "\($0)" }.reduction(splitEvery: splitEvery) {
        $0.joined()
      } aggregate: {
        $0.joined()
      }
      #expect(try await joined.compute() == all.map { "\($0)" }.joined())
    }
    if all.isEmpty {
      await #expect(throws: ComputeError.self) { try await bag.max().compute() }
      await #expect(throws: ComputeError.self) { try await bag.fold { $0 + $1 }.compute() }
      await #expect(throws: ComputeError.self) { try await bag.mean().compute() }
    } else {
      #expect(try await bag.max().compute() == all.max()!)
      #expect(try await bag.min().compute() == all.min()!)
      #expect(try await bag.fold { $0 + $1 }.compute() == all.reduce(0, +))
      let mean = doubles.reduce(0, +) / Double(all.count)
      #expect(abs(try await bag.mean().compute() - mean) < 1e-12)
      let variance = doubles.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count)
      #expect(abs(try await bag.variance().compute() - variance) < 1e-9)
      #expect(abs(try await bag.standardDeviation().compute() - variance.squareRoot()) < 1e-9)
    }
  }

  @Test(arguments: cuts) func runningResultsGoAcrossPartitions(_ cut: [[Int]]) async throws {
    let bag = Bag(partitions: cut)
    var total: Int?
    let expected = cut.map { part in
      part.map { element in
        total = total.map { $0 + element } ?? element
        return total!
      }
    }
    #expect(try await bag.accumulate { $0 + $1 }.computePartitions() == expected)
    let fromTen = try await bag.accumulate(initial: 10) { $0 + $1 }.computePartitions()
    #expect(fromTen.first?.first == 10)
    #expect(fromTen.joined().dropFirst().map { $0 - 10 } == Array(expected.joined()))
  }

  @Test(arguments: cuts) func whatHasOneKeyIsBroughtTogether(_ cut: [[Int]]) async throws {
    let bag = Bag(partitions: cut)
    let all = Array(cut.joined())
    let counts = Dictionary(grouping: all, by: { $0 }).mapValues(\.count)
    #expect(dictionary(try await bag.frequencies().compute()) == counts)
    #expect(dictionary(try await bag.frequencies(into: 5).compute()) == counts)
    #expect(bag.frequencies().partitionCount == 1)
    let firsts = all.enumerated().reduce(into: [Int: Int]()) { $0[$1.element] = $0[$1.element] ?? $1.offset }
    let sorted = try await bag.sortedFrequencies().compute().map { [$0.key, $0.value] }
    let order = counts.keys.sorted { (counts[$1]!, firsts[$0]!) < (counts[$0]!, firsts[$1]!) }
    #expect(sorted == order.map { [$0, counts[$0]!] })
    #expect(try await bag.distinct().compute().sorted() == counts.keys.sorted())
    // The first of each key.
    let pairs = Bag(partitions: cut.map { $0.map { Pair($0 % 3, $0) } })
    let distinct = try await pairs.distinct(by: \.first).compute()
    let expected = Dictionary(all.map { ($0 % 3, $0) }, uniquingKeysWith: { first, _ in first })
    let found = Dictionary(uniqueKeysWithValues: distinct.map { ($0.first, $0.second) })
    #expect(found == expected)
    let sums = Dictionary(grouping: all, by: { $0 % 4 }).mapValues { $0.reduce(0, +) }
    #expect(dictionary(try await bag.foldby({ $0 % 4 }) { $0 + $1 }.compute()) == sums)
    #expect(
      dictionary(
        try await bag.foldby({ $0 % 4 }, initial: 0) {
          $0 + $1
        } combine: {
          $0 + $1
        }.compute()) == sums)
    let groups = Dictionary(grouping: all, by: { $0 % 4 })
    #expect(dictionary(try await bag.groupby({ $0 % 4 }, into: 3).compute()) == groups)
  }

  @Test(arguments: cuts) func partitionsByIDHoldAllOfAnIDInOrder(_ cut: [[Int]]) async throws {
    let all = cut.enumerated().flatMap { number, part in part.map { Pair($0, number) } }
    let bag = Bag(partitions: cut.enumerated().map { number, part in part.map { Pair($0, number) } })
    let partitioned = bag.partitioned(by: \.first, into: 3)
    let partitions = try await partitioned.bag.computePartitions()
    #expect(partitions.count == 3)
    var home: [Int: Int] = [:]
    for (number, partition) in partitions.enumerated() {
      for element in partition { #expect(home.updateValue(number, forKey: element.first) ?? number == number) }
      let ids = Set(partition.map(\.first))
      #expect(partition == all.filter { ids.contains($0.first) })
    }
    #expect(partitions.joined().count == all.count)
    let groups = dictionary(try await partitioned.grouped().compute())
    #expect(groups == Dictionary(grouping: all, by: \.first))
    #expect(dictionary(try await partitioned.count().compute()) == groups.mapValues(\.count))
    let folded = try await partitioned.fold(initial: "") { $0 + "\($1.second)," }.compute()
    #expect(dictionary(folded) == groups.mapValues { $0.map { "\($0.second)," }.joined() })
    let joined = try await partitioned.mapGroups { key, elements in "\(key):\(elements.count)" }.compute()
    #expect(joined.sorted() == groups.map { "\($0.key):\($0.value.count)" }.sorted())
  }

  @Test(arguments: cuts) func bagsAreCombined(_ cut: [[Int]]) async throws {
    let bag = Bag(partitions: cut)
    let other = Bag(partitions: [[1, 2], [], [3, 3]])
    let product = try await bag.product(other).computePartitions()
    #expect(product.count == cut.count * 3)
    let others = [[1, 2], [], [3, 3]]
    var products: [[Pair<Int, Int>]] = []
    for part in cut {
      for others in others { products.append(part.flatMap { one in others.map { Pair(one, $0) } }) }
    }
    #expect(product == products)
    let joined = try await bag.join([1, 2, 3, 3, 14], on: { $0 % 5 }, otherKey: { $0 % 5 }).computePartitions()
    var matches: [[Pair<Int, Int>]] = []
    for part in cut {
      matches.append(part.flatMap { one in [1, 2, 3, 3, 14].filter { $0 % 5 == one % 5 }.map { Pair($0, one) } })
    }
    #expect(joined == matches)
    let large = try await bag.join(other, on: { $0 }, otherKey: { $0 }, into: 4).compute()
    var expected: [Pair<Int, Int>] = []
    for one in cut.joined() { expected += [1, 2, 3, 3].filter { $0 == one }.map { Pair($0, one) } }
    #expect(large.sorted() == expected.sorted())
    let all = cut + others
    #expect(try await Bag.concat([bag, other]).computePartitions() == all)
    for count in [1, 2, 5, 40] {
      let again = try await bag.repartition(into: count).computePartitions()
      #expect(again.count == count)
      #expect(Array(again.joined()) == Array(cut.joined()))
    }
  }

  @Test func sequencesAreCutAsDaskCutsThem() async throws {
    func sizes(_ count: Int, _ partitions: Int) async throws -> [Int] {
      try await Bag(0..<count, partitions: partitions).computePartitions().map(\.count)
    }
    // Dask 2026.8.0
    #expect(try await sizes(5, 3) == [2, 2, 1])
    #expect(try await sizes(10, 4) == [3, 3, 3, 1])
    #expect(try await sizes(10, 20) == Array(repeating: 1, count: 10))
    #expect(try await sizes(101, 4) == [25, 25, 25, 25, 1])
    #expect(try await sizes(0, 3) == [0])
    #expect(try await Bag.range(10, partitions: 3).computePartitions().map(\.count) == [3, 3, 4])
    #expect(try await Bag(0..<9, partitions: 9).repartition(into: 4).computePartitions().map(\.count) == [2, 2, 2, 3])
    #expect(
      try await Bag(partitions: [Array(0..<7)]).repartition(into: 4).computePartitions().map(\.count) == [1, 2, 2, 2])
    #expect(Bag(0..<1000).partitionCount == 250)
  }

  @Test func partitionsAreCutBySize() async throws {
    let bag = Bag(partitions: [Array(0..<1000), [], [1000], Array(1001..<1200), Array(1200..<5000)])
    let again = try await bag.repartition(partitionBytes: ByteCount(8000))
    let sizes = try await again.computePartitions().map(\.count)
    #expect(sizes.allSatisfy { $0 <= 1000 } && sizes.count < 12)
    #expect(try await again.compute() == Array(0..<5000))
  }

  @Test func aSampleIsTheSameForTheSameSeed() async throws {
    let bag = Bag.range(20_000, partitions: 7)
    let first = try await bag.randomSample(0.25, seed: 3).compute()
    #expect(try await bag.randomSample(0.25, seed: 3).compute(ComputeOptions(memory: nil, workers: 1)) == first)
    #expect(try await bag.randomSample(0.25, seed: 4).compute() != first)
    #expect((4500...5500).contains(first.count))
    #expect(try await bag.randomSample(0).count().compute() == 0)
    #expect(try await bag.randomSample(1).count().compute() == 20_000)
  }

  @Test func stringsAreChanged() async throws {
    let bag = Bag([" Grüße \n", "a,b,,c", "DAG.json"], partitions: 2)
    #expect(try await bag.stripped().compute() == ["Grüße", "a,b,,c", "DAG.json"])
    #expect(try await bag.lowercased().compute() == [" grüße \n", "a,b,,c", "dag.json"])
    #expect(try await bag.split(separator: ",").compute()[1] == ["a", "b", "", "c"])
    #expect(try await bag.split().compute()[0] == ["Grüße"])
    #expect(try await bag.replacing(",", with: "").compute()[1] == "abc")
    #expect(try await bag.matching(glob: "*.json").compute() == ["DAG.json"])
  }

  @Test func differentLengthsAreRefusedOrCut() async throws {
    let (a, b) = (Bag(partitions: [[1, 2], [3]]), Bag(partitions: [[1], [2]]))
    await #expect(throws: ComputeError.self) { try await a.map(with: b) { $0 + $1 }.compute() }
    #expect(try await Bag.zip(a, b).compute() == [Pair(1, 1), Pair(3, 2)])
  }

  @Test func aSumThatDoesNotFitIsAnError() async throws {
    let error = await #expect(throws: ComputeError.self) { try await Bag([Int.max, 1]).sum().compute() }
    #expect("\(error!)".contains("the sum does not fit Int"))
    #expect(try await Bag([Int.max, 1, -2], partitions: 3).map { $0 / 2 }.sum().compute() == Int.max / 2 - 1)
    #expect(try await Bag([Int.min, Int.max], partitions: 1).sum().compute() == -1)
  }

  private func dictionary<Key, Value>(_ entries: [KeyValue<Key, Value>]) -> [Key: Value] {
    Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.value) })
  }
}
