import Foundation
import Graph
import Synchronization
import TestSupport
import Testing

@testable import Scheduler

/// A number, and how many of them there are.
private struct Counted: TaskValue {
  static let kind = "counted"
  private final class Token: Sendable {
    let live: Live
    init(_ live: Live) {
      self.live = live
      live.count.wrappingAdd(1, ordering: .relaxed)
    }
    deinit { live.count.wrappingSubtract(1, ordering: .relaxed) }
  }
  final class Live: Sendable {
    let count = Atomic<Int>(0)
  }

  let number: UInt64
  private let token: Token

  init(_ number: UInt64, _ live: Live) {
    self.number = number
    token = Token(live)
  }
  var byteCount: Int { 8 }
  init(contentsOf buffer: Buffer) throws { throw TaskError(.corruptValue, "never written") }
  func write(to sink: any ByteSink) throws { try sink.write(value: number) }
  func preview(limit: Int) -> ValuePreview { ValuePreview(columns: [], rows: [], rowCount: 1, json: "\(number)") }
}

/// Mixes its inputs and remembers what it gave, and how often it ran.
private final class MixBody: TaskBody {
  static let definition = OpDefinition(
    name: "test.dataflow", version: 1, summary: "mixes", output: "a number", example: "",
    maker: .source { _ in throw ParameterError("", "only for tests") })

  let live = Counted.Live()
  let ran = Mutex<[Int32: [UInt64]]>([:])
  /// What a task does before it gives its value.
  let action: @Sendable (_ index: Int32, _ context: any TaskContext) throws -> Void

  init(_ action: @escaping @Sendable (_ index: Int32, _ context: any TaskContext) throws -> Void = { _, _ in }) {
    self.action = action
  }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: 8, scratch: 0)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    guard case .partition(let index) = role else { throw TaskError(.failed, "no such task") }
    try action(index, context)
    let number = inputs.reduce(UInt64(index)) { TestOps.mixed($0, ($1 as! Counted).number) }
    ran.withLock { $0[index, default: []].append(number) }
    return Counted(number, live)
  }

  func graph(_ inputs: [[TaskID]]) throws -> TaskGraph {
    var graph = TaskGraph()
    try graph.addStage("t", op: MixBody.definition, body: self, layout: .bag(.numbered(inputs.count))) {
      index, list in
      list += inputs[index]
    }
    return graph
  }
}

/// What each task reads: up to five earlier ones, some twice.
private func randomInputs(seed: UInt64, count: Int) -> [[TaskID]] {
  var random = SeededRandom(seed: seed)
  let reach = Int.random(in: 1...count, using: &random)
  let isRoot = Int.random(in: 2...20, using: &random)
  return (0..<count).map { index in
    guard index > 0, Int.random(in: 0..<isRoot, using: &random) > 0 else { return [] }
    return (0..<Int.random(in: 1...5, using: &random)).map { _ in
      TaskID(Int.random(in: max(0, index - reach)..<index, using: &random))
    }
  }
}

private func expected(_ inputs: [[TaskID]]) -> [UInt64] {
  var numbers: [UInt64] = []
  for (index, list) in inputs.enumerated() {
    numbers.append(list.reduce(UInt64(index)) { TestOps.mixed($0, numbers[Int($1)]) })
  }
  return numbers
}

/// All tasks that need `task`.
private func dependents(of task: TaskID, _ inputs: [[TaskID]]) -> [TaskID] {
  var needs = Set([task])
  for (index, list) in inputs.enumerated() where list.contains(where: needs.contains) { needs.insert(TaskID(index)) }
  return needs.subtracting([task]).sorted()
}

/// More than there is, but a bound: the engine decides.
private let decidedByEngine = 1 << 50

@Suite struct DataflowRunTests {
  @Test("Every task runs once, on the values of its inputs, and all results are released", arguments: 0..<40)
  func values(seed: Int) throws {
    let inputs = randomInputs(seed: UInt64(seed), count: 1 + seed * 6)
    for (workers, memory) in [(1, nil), (2, nil), (5, nil), (2, decidedByEngine)] as [(Int, Int?)] {
      let body = MixBody()
      let result = InMemoryRun(try body.graph(inputs), workers: workers, memory: memory).run()
      #expect(result.done == inputs.count)
      #expect(result.failures.isEmpty)
      let numbers = expected(inputs)
      #expect(
        body.ran.withLock { $0 } == Dictionary(uniqueKeysWithValues: numbers.indices.map { (Int32($0), [numbers[$0]]) })
      )
      #expect(body.live.count.load(ordering: .relaxed) == 0)
    }
  }

  @Test("One failure: the same task, error and skipped tasks as where the engine decides", arguments: 0..<40)
  func failure(seed: Int) throws {
    let inputs = randomInputs(seed: UInt64(seed), count: 2 + seed * 5)
    let failing = Int32(seed * 7 % inputs.count)
    for (workers, memory) in [(1, nil), (3, nil), (2, decidedByEngine)] as [(Int, Int?)] {
      let body = MixBody { index, _ in if index == failing { throw TaskError(.badInput, "told to fail") } }
      let graph = try body.graph(inputs)
      let run = InMemoryRun(graph, workers: workers, memory: memory)
      let result = run.run()
      let skipped = dependents(of: failing, inputs)
      let failure = try #require(result.failures.first)
      #expect(result.failures.count == 1)
      #expect(failure.key == graph.key(of: failing))
      #expect(failure.op == "test.dataflow")
      #expect(failure.error.code == .badInput)
      #expect(failure.skipped == skipped.prefix(20).map { graph.key(of: $0) })
      #expect(failure.skippedCount == skipped.count)
      let ran = body.ran.withLock { $0 }
      #expect(result.done == ran.count)
      #expect(ran.allSatisfy { $0.value.count == 1 && !skipped.contains($0.key) })
      #expect(body.live.count.load(ordering: .relaxed) == 0, "results are kept after a failure")
    }
  }

  @Test("Many failures: nothing runs that needs one, and each skipped task counts once", arguments: 0..<40)
  func failures(seed: Int) throws {
    let inputs = randomInputs(seed: UInt64(seed), count: 200)
    let body = MixBody { index, _ in if index % 5 == 3 { throw TaskError(.failed, "told to fail") } }
    let graph = try body.graph(inputs)
    let result = InMemoryRun(graph, workers: 4).run()
    #expect((1...4).contains(result.failures.count), "after the first failure only what runs ends")
    let failed = result.failures.compactMap { graph.task($0.key) }
    let ran = body.ran.withLock { $0 }
    #expect(result.done == ran.count)
    #expect(failed.allSatisfy { $0 % 5 == 3 && ran[$0] == nil })
    let skipped = Set(failed.flatMap { dependents(of: $0, inputs) })
    #expect(skipped.isDisjoint(with: ran.keys))
    #expect(result.failures.reduce(0) { $0 + $1.skippedCount } == skipped.count)
    #expect(body.live.count.load(ordering: .relaxed) == 0)
  }

  //       0                     1
  //     / | \    and all of   / | \    as tasks that are ready from the start
  @Test("What is ready behind a task that takes long is run by others", arguments: [true, false])
  func stealing(areRoots: Bool) throws {
    let count = 100
    let others = DispatchSemaphore(value: 0)
    // Which one waits follows from who starts first: the first of those that can run side by side.
    let isTaken = Atomic<Bool>(false)
    let body = MixBody { index, _ in
      guard areRoots || index > 0 else { return }
      guard isTaken.exchange(true, ordering: .relaxed) else {
        for _ in 0..<count - 1 {
          guard others.wait(timeout: .now() + 20) == .success else { throw TaskError(.failed, "nobody steals") }
        }
        return
      }
      others.signal()
    }
    let side: [[TaskID]] = .init(repeating: areRoots ? [] : [0], count: count)
    let result = InMemoryRun(try body.graph(areRoots ? side : [[]] + side), workers: 2).run()
    #expect(result.failures.map(\.error.message) == [])
    #expect(result.done == count + (areRoots ? 0 : 1))
  }

  @Test("Workers that wait are woken when something becomes ready, again and again")
  func waking() throws {
    // A comb: now one task can run, now eight; each waits until others have had time to fall asleep.
    var inputs: [[TaskID]] = []
    for tooth in 0..<20 {
      inputs.append(tooth == 0 ? [] : (0..<8).map { TaskID(tooth * 9 - 1 - $0) })
      inputs += .init(repeating: [TaskID(tooth * 9)], count: 8)
    }
    let most = Mutex((now: 0, most: 0))
    let body = MixBody { index, _ in
      most.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
      usleep(300)
      most.withLock { $0.now -= 1 }
    }
    let result = InMemoryRun(try body.graph(inputs), workers: 4).run()
    #expect(result.done == inputs.count)
    #expect(most.withLock { $0.most } > 1)
    #expect(body.ran.withLock { $0.count } == inputs.count)
  }

  @Test("Interrupted once, nothing new starts; twice, what runs is told to stop", arguments: [nil, decidedByEngine])
  func interruption(memory: Int?) throws {
    let inputs: [[TaskID]] = .init(repeating: [], count: 1000)
    for interrupts in 1...2 {
      let run = Late<InMemoryRun>()
      let body = MixBody { index, context in
        for _ in 0..<interrupts { run.value!.interrupt() }
        try context.checkCancellation()
      }
      run.set(InMemoryRun(try body.graph(inputs), workers: 1, memory: memory))
      let result = run.value!.run()
      #expect(result.done == (interrupts == 1 ? 1 : 0))
      #expect(result.failures.isEmpty)
    }
  }

  @Test("Retries, timeouts, priorities, limits and programs are left to the engine")
  func suiting() throws {
    func suits(_ change: (inout TaskPolicy) -> Void) throws -> Bool {
      var policy = TaskPolicy()
      change(&policy)
      var graph = TaskGraph()
      graph.setLimit(LimitName(.pool, "p"), to: 1)
      try graph.addStage("a", op: TestOps.source, arguments: OpArguments([:], for: TestOps.source), policy: policy)
      return DataflowRun.suits(graph)
    }
    #expect(try suits { _ in })
    #expect(try suits { $0.memory = 1 })
    #expect(try !suits { $0.retries = 1 })
    #expect(try !suits { $0.timeout = 1 })
    #expect(try !suits { $0.priority = -1 })
    #expect(try !suits { $0.takes = [LimitName(.pool, "p"): 1] })
  }

  @Test("Stages of all shapes give what they give elsewhere", arguments: 0..<20)
  func shapes(seed: Int) throws {
    let graph = try RandomGraphs.graph(seed: UInt64(seed), stages: 10, partitions: 1 + seed % 5)
    let result = InMemoryRun(graph, workers: 3).run()
    #expect(result.failures.isEmpty)
    #expect(result.done == graph.taskCount)
  }

  @Test("A graph without tasks is done at once")
  func nothing() {
    #expect(InMemoryRun(TaskGraph(), workers: 2).run().done == 0)
  }
}

@Suite struct ReadyDequeTests {
  @Test("Its worker takes the newest, thieves the older half")
  func order() {
    let deque = ReadyDeque()
    #expect(deque.pop() == nil)
    #expect(deque.isEmpty)
    #expect(deque.push(0..<10) { true })
    #expect(deque.count == 10)
    #expect(deque.pop() == 9)
    var stolen: [Int32] = []
    deque.steal(into: &stolen)
    #expect(stolen == [0, 1, 2, 3, 4])
    #expect(!deque.push([20]) { false })
    #expect(deque.pop() == 20)
    #expect([deque.pop(), deque.pop(), deque.pop(), deque.pop(), deque.pop()] == [8, 7, 6, 5, nil])
    deque.steal(into: &stolen)
    #expect(stolen.count == 5)
    #expect(deque.isEmpty)
  }
}
