import Foundation
import GraphRun
import Synchronization
import TestSupport
import Testing

@Suite struct DelayedTests {
  @Test func valuesOfDifferentTypesFlowIntoOneTask() async throws {
    let count = Delayed(value: 3)
    let price = count.map { Double($0) * 1.5 }
    let label = delayed(count, price, Delayed(value: "EUR")) { "\($0) × \($1) \($2)" }
    #expect(try await label.compute() == "3 × 4.5 EUR")
  }

  @Test func aTaskCanGiveSeveralValues() async throws {
    let (head, tail) = Delayed(value: [1, 2, 3, 4]).unpack { (Array($0.prefix(1)), $0.dropFirst().map { "\($0)" }) }
    let both = try await compute(head, tail)
    #expect(both.0 == [1])
    #expect(both.1 == ["2", "3", "4"])
  }

  @Test func manyValuesBecomeOneArray() async throws {
    let squares = (0..<50).map { number in Delayed(value: number).map { $0 * $0 } }
    #expect(try await Delayed<[Int]>.gather(squares).map { $0.reduce(0, +) }.compute() == 40_425)
  }

  @Test func whatIsSharedIsComputedOnce() async throws {
    let calls = Counter()
    let shared = Delayed(value: 1).map { value in
      calls.add()
      return value + 1
    }
    let bag = Bag.range(100, partitions: 4).map { element in
      calls.add()
      return element
    }
    let (a, b, c, d) = try await compute(shared.map { $0 * 2 }, shared.map { $0 * 3 }, bag.sum(), bag.max())
    #expect((a, b, c, d) == (4, 6, 4950, 99))
    #expect(calls.value == 101)
  }

  @Test func tasksWaitForWhatTheyAreBoundTo() async throws {
    let order = Mutex<[String]>([])
    let first = Bag.range(6, partitions: 3).map { element in
      order.withLock { $0.append("first") }
      return element
    }
    let second = Delayed(value: 0).map { value in
      order.withLock { $0.append("second") }
      return value
    }.bind(to: first)
    let third = Delayed(value: 0).map { value in
      order.withLock { $0.append("third") }
      return value
    }.bind(to: checkpoint(second))
    #expect(try await third.compute() == 0)
    #expect(order.withLock { $0 } == Array(repeating: "first", count: 6) + ["second", "third"])
  }

  @Test func aFailureNamesItsTask() async throws {
    struct Broken: Error {}
    let error = await #expect(throws: ComputeError.self) {
      try await Bag.range(10, partitions: 5).map { if $0 == 7 { throw Broken() } else { $0 } }.named("halves").keep()
        .sum().compute()
    }
    #expect(error?.failures.first?.key.description == "halves[3]")
  }

  @Test func tasksAreTriedAgain() async throws {
    let calls = Counter()
    struct Flaky: Error {}
    let value = Delayed(value: 1).map { value in
      if calls.add() < 3 { throw Flaky() }
      return value + 1
    }.retries(3, delay: 0.001)
    #expect(try await value.compute() == 2)
    #expect(calls.value == 3)
  }

  @Test func observersSeeEveryTask() async throws {
    final class Watcher: TaskObserver {
      let seen = Mutex<[String]>([])
      func taskWillStart(_ key: TaskKey) { seen.withLock { $0.append("+\(key)") } }
      func taskDidEnd(_ key: TaskKey, seconds: Double, error: (any Error)?) { seen.withLock { $0.append("-\(key)") } }
      func computationDidEnd(_ result: Result<RunSummary, any Error>) {
        seen.withLock { $0.append((try? result.get()).map { "\($0.outcome)" } ?? "never began") }
      }
    }
    let watcher = Watcher()
    var options = ComputeOptions(memory: nil, workers: 1)
    options.observers = [watcher]
    _ = try await Bag.range(4, partitions: 2).sum().compute(options)
    #expect(watcher.seen.withLock { $0 } == ["+sum[0]", "-sum[0]", "+sum[1]", "-sum[1]", "+sum", "-sum", "done"])
  }

  @Test func observersAreToldTheEndHoweverItComes() async throws {
    final class Watcher: TaskObserver {
      let seen = Mutex<[String]>([])
      func computationWillStart(_ graph: TaskGraph) { seen.withLock { $0.append("start") } }
      func computationDidEnd(_ result: Result<RunSummary, any Error>) {
        seen.withLock {
          switch result {
          case .success(let summary): $0.append("\(summary.outcome) \(summary.failures.count)")
          case .failure(let error): $0.append("\(type(of: error))")
          }
        }
      }
    }
    struct Broken: Error {}
    func ends(_ change: (inout ComputeOptions) -> Void, _ value: Delayed<Int>) async throws -> [String] {
      let watcher = Watcher()
      var options = ComputeOptions(memory: nil, workers: 1)
      options.observers = [watcher]
      change(&options)
      _ = try? await value.compute(options)
      return watcher.seen.withLock { $0 }
    }
    let fine = Bag.range(4, partitions: 2).sum()
    let broken = Delayed(value: 1).map { _ -> Int in throw Broken() }
    let folder = try TemporaryFolder()
    let file = folder.path + "/file"
    try Data().write(to: URL(fileURLWithPath: file))
    #expect(try await ends({ _ in }, fine) == ["start", "done 0"])
    #expect(try await ends({ _ in }, broken) == ["start", "failed 1"])
    #expect(try await ends({ $0.temporaryFolder = file + "/nowhere" }, fine) == ["start", "SchedulerError"])
    #expect(try await ends({ $0.state = file }, fine) == ["start", "SchedulerError"])
    let tooLittle = try await ends(
      {
        $0.memory = ByteCount(1 << 20)
        $0.state = folder.path + "/state"
      }, fine)
    #expect(tooLittle == ["start", "SchedulerError"])
  }

  @Test func aCancelledComputationEnds() async throws {
    let started = Counter()
    let task = Task {
      try await Bag.range(1_000_000_000, partitions: 2).map { element in
        started.add()
        return element
      }.sum().compute()
    }
    while started.value == 0 { await Task.yield() }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func aPoolHoldsTasksBack() async throws {
    let running = Counter()
    let most = Counter()
    let tasks = (0..<8).map { number in
      Delayed(value: number).map { value in
        let now = running.add()
        most.raise(to: now)
        usleep(2000)
        running.subtract()
        return value
      }.pool("gate")
    }
    var options = ComputeOptions(memory: nil, workers: 4)
    options.pools = ["gate": 1]
    #expect(try await Delayed<[Int]>.gather(tasks).compute(options) == Array(0..<8))
    #expect(most.value == 1)
  }
}

/// Counts, from any thread.
final class Counter: Sendable {
  private let count = Mutex(0)

  var value: Int { count.withLock { $0 } }

  @discardableResult
  func add() -> Int {
    count.withLock {
      $0 += 1
      return $0
    }
  }

  func subtract() { count.withLock { $0 -= 1 } }
  func raise(to value: Int) { count.withLock { $0 = max($0, value) } }
}
