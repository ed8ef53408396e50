import Graph
import GraphRun
import Testing

@Suite struct ZipTests {
  private let numbers = Bag(partitions: [[1, 2, 3], [], [4]])
  private let texts = Bag(partitions: [["a", "b"], ["c"], ["d"]])
  private let halves = Bag(partitions: [[0.5, 1.5, 2.5, 3.5], [], [4.5]])
  private let flags = Bag(partitions: [[true, false, true], [], [false]])

  @Test func severalBagsAreCutToTheShortest() async throws {
    #expect(
      try await Bag.zip(numbers, texts, halves) { "\($0)\($1)\($2)" }.computePartitions()
        == [["1a0.5", "2b1.5"], [], ["4d4.5"]])
    #expect(
      try await Bag.zip(numbers, texts, halves, flags) { "\($0)\($1)\($2)\($3)" }.computePartitions()
        == [["1a0.5true", "2b1.5false"], [], ["4d4.5false"]])
    #expect(try await Bag.zip(numbers, texts).map { "\($0.first)\($0.second)" }.compute() == ["1a", "2b", "4d"])
  }

  @Test func mapTakesSeveralBagsOfEqualLengths() async throws {
    let tens = numbers.map { $0 * 10 }
    #expect(
      try await numbers.map(with: tens, flags) { $2 ? $0 + $1 : -$0 }.computePartitions() == [[11, -2, 33], [], [-4]])
    #expect(
      try await numbers.map(with: tens, flags, numbers) { $2 ? $0 + $1 : -$0 * $3 }.computePartitions()
        == [[11, -4, 33], [], [-16]])
  }

  @Test(arguments: [0, 1, 2]) func mapRefusesPartitionsOfOtherLengths(longer: Int) async throws {
    let bags = (0..<3).map { Bag(partitions: [[1], $0 == longer ? [1, 2] : [1]]) }
    let error = await #expect(throws: ComputeError.self) {
      try await bags[0].map(with: bags[1], bags[2]) { $0 + $1 + $2 }.compute()
    }
    #expect(error?.message.contains("partition 1 has more elements in one bag than in another") == true)
  }

  @Test func blocksOfOtherSizesAreMatched() async throws {
    let all = Bag.range(30_000, partitions: 2)
    let slow = all.flatMap { $0 % 3 == 0 ? [$0] : [] }.flatMap { [$0, $0 + 1, $0 + 2] }
    #expect(try await all.map(with: slow, all) { $0 == $1 && $1 == $2 }.all().compute())
  }
}

@Suite struct RandomTests {
  @Test func aSampleHasEachPlaceAtMostOnce() async throws {
    let numbers = Bag.range(1000, partitions: 7)
    for count in [0, 1, 100, 1000] {
      let sample = try await numbers.sample(count, seed: 3).compute()
      #expect(sample.count == count)
      #expect(Set(sample).count == count)
    }
    #expect(try await numbers.sample(-1).compute() == [])
    #expect(try await numbers.sample(5, seed: 1).compute() == numbers.sample(5, seed: 1).compute())
    #expect(try await numbers.sample(5, seed: 1).compute() != numbers.sample(5, seed: 2).compute())
  }

  @Test func choicesMayComeTwice() async throws {
    let numbers = Bag.range(10, partitions: 3)
    let choices = try await numbers.choices(200, seed: 5).compute()
    #expect(choices.count == 200)
    #expect(Set(choices) == Set(0..<10))
    #expect(try await numbers.choices(0).compute() == [])
    #expect(try await numbers.choices(9, seed: 1).compute() == numbers.choices(9, seed: 1).compute())
    #expect(try await numbers.choices(9, seed: 1).compute() != numbers.choices(9, seed: 2).compute())
  }

  @Test func workersDoNotChangeWhatIsDrawn() async throws {
    let numbers = Bag.range(20_000, partitions: 40)
    let (one, four) = (ComputeOptions(memory: nil, workers: 1), ComputeOptions(memory: nil, workers: 4))
    #expect(try await numbers.sample(50).compute(one) == numbers.sample(50).compute(four))
    #expect(try await numbers.choices(50).compute(one) == numbers.choices(50).compute(four))
  }

  @Test func tooFewElementsAreAnError() async throws {
    let sample = await #expect(throws: ComputeError.self) { try await Bag([1, 2, 3]).sample(4).compute() }
    #expect(sample?.message.contains("a sample of 4 was asked for, and there are 3 elements") == true)
    let choices = await #expect(throws: ComputeError.self) {
      try await Bag<Int>(partitions: [[], []]).choices(1).compute()
    }
    #expect(choices?.message.contains("1 choices were asked for, and the bag is empty") == true)
  }

  /// Of partitions of very different lengths, each element is drawn as often as any other: chi-square with 19 degrees of
  /// freedom is above 43.8 once in a thousand times; the seeds are fixed.
  @Test func everyElementIsDrawnAsOftenAsAnother() async throws {
    let numbers = Bag(partitions: [[0], Array(1..<4), [], Array(4..<18), [18, 19]])
    var drawn = (sample: [Int](repeating: 0, count: 20), choices: [Int](repeating: 0, count: 20))
    for seed in 0..<100 {
      for number in try await numbers.sample(5, seed: UInt64(seed)).compute() { drawn.sample[number] += 1 }
    }
    for number in try await numbers.choices(20_000, seed: 11).compute() { drawn.choices[number] += 1 }
    func chiSquare(_ counts: [Int]) -> Double {
      let expected = Double(counts.reduce(0, +)) / 20
      return counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    }
    #expect(chiSquare(drawn.sample) < 43.8)
    #expect(chiSquare(drawn.choices) < 43.8)
  }
}
