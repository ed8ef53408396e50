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
