import Foundation
import GraphRun
import Testing

/// What a later computation takes over from an earlier one.
@Suite struct DurabilityTests {
  @Test func namedTasksAreTakenOverAndUnnamedAreNot() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 2, state: folder.path + "/state")
    let (named, unnamed) = (Counter(), Counter())
    func program(version: Int) async throws -> Int {
      let numbers = Bag.range(40, partitions: 4).map { element in
        named.add()
        return element + 1
      }.named("increased", version: version)
      let first = numbers.sum().named("total")
      let second = Bag.range(10, partitions: 2).map { element in
        unnamed.add()
        return element
      }.sum().named("other total")
      let (a, b) = try await compute(first, second, options: options)
      return a + b
    }
    #expect(try await program(version: 1) == 820 + 45)
    #expect(named.value == 40)
    #expect(unnamed.value == 10)
    #expect(try await program(version: 1) == 820 + 45)
    #expect(named.value == 40)
    #expect(unnamed.value == 20)
    #expect(try await program(version: 2) == 820 + 45)
    #expect(named.value == 80)
  }

  @Test func anEarlierVersionGivesItsOwnResultAgain() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 2, state: folder.path + "/state")
    let calls = Counter()
    func total(version: Int) async throws -> Int {
      try await Bag.range(10, partitions: 2).map { element in
        calls.add()
        return element * version
      }.named("scaled", version: version).sum().named("total").compute(options)
    }
    #expect(try await total(version: 1) == 45)
    #expect(try await total(version: 2) == 90)
    #expect(try await total(version: 1) == 45)
    #expect(calls.value == 20)
  }

  /// `foldby`, `topk` and their kin are several tasks inside; to whoever names them they are one step.
  @Test func aNameStandsForAllOfAStep() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 2, state: folder.path + "/state")
    let calls = Counter()
    @Sendable func key(_ number: Int) -> Int {
      calls.add()
      return number % 3
    }
    func program(version: Int) async throws -> [Int] {
      let numbers = Bag.range(60, partitions: 3)
      let (first, second) = numbers.count().unpack { count in
        calls.add()
        return (count, "\(count)")
      }
      let values = try await compute(
        numbers.foldby({ key($0) }, { $0 + $1 }).named("folded", version: version).count().named("1"),
        numbers.foldby({ key($0) }, initial: 0, combineInitial: 0, { $0 + $1 }, combine: { $0 + $1 })
          .named("tree", version: version).count().named("2"),
        numbers.foldby({ key($0) }, into: 2, { $0 + $1 }).named("folded into 2", version: version).count().named("3"),
        numbers.groupby({ key($0) }, into: 2).named("grouped", version: version).count().named("4"),
        numbers.distinct(by: { key($0) }).named("distinct", version: version).count().named("5"),
        numbers.topk(2, key: { key($0) }).named("top", version: version).count().named("6"),
        numbers.accumulate { key($0) + key($1) }.named("accumulated", version: version).count().named("7"),
        numbers.partitioned(by: { key($0) }, into: 2).bag.named("by key", version: version).count().named("8"),
        numbers.join(numbers, on: { key($0) }, otherKey: { key($0) }, into: 2).named("joined", version: version)
          .count().named("9"),
        first.named("first", version: version).map { $0 }.named("10"), second.map(\.count).named("11"),
        options: options)
      return [
        values.0, values.1, values.2, values.3, values.4, values.5, values.6, values.7, values.8, values.9, values.10,
      ]
    }
    let expected = [3, 3, 3, 3, 3, 2, 60, 60, 1200, 60, 2]
    #expect(try await program(version: 1) == expected)
    let once = calls.value
    #expect(try await program(version: 1) == expected)
    #expect(calls.value == once)
    #expect(try await program(version: 2) == expected)
    #expect(calls.value > once * 3 / 2)
  }

  @Test func dataThatChangedIsComputedAgain() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 2, state: folder.path + "/state")
    let calls = Counter()
    func double(_ elements: [String]) async throws -> [String] {
      try await Bag(elements, partitionSize: 1).map { element in
        calls.add()
        return element + element
      }.named("doubled").compute(options)
    }
    #expect(try await double(["a", "b"]) == ["aa", "bb"])
    #expect(try await double(["a", "c"]) == ["aa", "cc"])
    #expect(calls.value == 3)
  }

  @Test func twoStepsOfOneNameAreRefused() async throws {
    let numbers = Bag.range(4, partitions: 1)
    let error = await #expect(throws: GraphError.self) {
      try await compute(numbers.sum().named("x"), numbers.count().named("x"))
    }
    #expect("\(error!)".contains("two steps of this program are named \"x\""))
  }

  @Test func twoStepsOfOneNameAreRefusedAlsoWithinOneStage() async throws {
    let (a, b) = (
      Bag.range(4, partitions: 1).map { $0 }.named("x"), Bag.range(4, partitions: 1).map { $0 + 9 }.named("x")
    )
    await #expect(throws: GraphError.self) { try await compute(a.sum(), b.sum()) }
  }

  @Test func whatIsAskedForIsThereAgainAlsoWhereAnotherReadsIt() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 1, state: folder.path + "/state")
    for _ in 0..<2 {
      let first = Delayed(value: 3).map { $0 + 1 }.named("a")
      let second = first.map { $0 * 10 }.named("b")
      let (a, b, again) = try await compute(first, second, first, options: options)
      #expect((a, b, again) == (4, 40, 4))
    }
  }

  @Test func anotherNumberOfPartitionsIsAnotherResult() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 2, state: folder.path + "/state")
    let numbers = Bag.range(1000, partitions: 4)
    for count in [2, 4, 3, 1] {
      #expect(try await numbers.frequencies(into: count).compute(options).map(\.key).sorted() == Array(0..<1000))
    }
  }

  @Test func optionsReachEveryPartOfAStep() async throws {
    let calls = Counter()
    struct Flaky: Error {}
    let counts = Bag.range(10, partitions: 1).foldby(
      { number in
        if number == 5, calls.add() < 3 { throw Flaky() }
        return number % 2
      }, initial: 0
    ) {
      $0 + $1
    } combine: {
      $0 + $1
    }
    #expect(try await counts.retries(3, delay: 0.001).map(\.value).sum().compute() == 45)
  }

  @Test func persistedBagsOfOneKindDoNotMeet() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 1, state: folder.path + "/state")
    let first = try await Bag.range(3, partitions: 1).map { $0 }.persist(options)
    let second = try await Bag.range(3, partitions: 1).map { $0 + 10 }.persist(options)
    #expect(try await first.compute() == [0, 1, 2])
    #expect(try await second.compute() == [10, 11, 12])
  }

  @Test func persistedPartitionsAreReadFromDisk() async throws {
    struct Point: Codable, Sendable, Equatable {
      var x: Double
      var label: String?
    }
    let calls = Counter()
    let points = Bag.range(10_000, partitions: 3).map { number in
      calls.add()
      return Point(x: Double(number) / 3, label: number % 2 == 0 ? nil : "p\(number)")
    }
    let persisted = try await points.persist()
    #expect(try await persisted.count().compute() == 10_000)
    #expect(try await persisted.take(2).compute() == [Point(x: 0, label: nil), Point(x: 1.0 / 3, label: "p1")])
    #expect(calls.value == 10_000)
    var next = 0
    for try await point in persisted.elements() {
      #expect(point.x == Double(next) / 3)
      next += 1
    }
    #expect(next == 10_000)
  }
}

final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/graphrun-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
