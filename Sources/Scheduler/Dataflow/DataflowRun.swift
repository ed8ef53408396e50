import Foundation
import Graph
import Synchronization

// Runs a graph whose results all stay in memory, without deciding anything.
//
// Where memory has no bound, nothing is recorded and no task is limited, tried again or preferred, there is nothing to
// decide: a task may start when its inputs are there. So no lock is taken for it. Each task counts its missing inputs,
// and whoever brings the last one fires it: runs it itself, right away, or puts it where others can steal it. The last
// reader of a result takes it along. Idle workers look for tasks without inputs, in the run's order, and then for
// somebody to steal from.
//
// Invariants: a task is in one deque or with one worker from when its last input is there until it ends. A worker that
// waits has an empty deque. So when all wait and no deque has anything, everything that could run has ended.
//
// Sources: firing by counters is dataflow's rule (Dennis, 1974); a deque for each worker, new work first and old work
// stolen, is Cilk's (Blumofe and Leiserson, 1999).

final class DataflowRun: Sendable {
  let graph: TaskGraph
  let flow: DataflowGraph
  let deques: [ReadyDeque]
  private let workers: Int
  /// How many of the graph's roots have been handed out.
  private let rootsTaken = Atomic<Int>(0)
  /// Guards sleeping and waking; `waiting` changes only while holding it.
  private let monitor = Monitor()
  private let waiting = Atomic<Int>(0)
  private let isOver = Atomic<Bool>(false)
  private let isStopping = Atomic<Bool>(false)
  private let done = Atomic<Int>(0)
  private let errors = Mutex<[(place: Int32, error: TaskError)]>([])

  /// Whether firing alone does what the graph asks for. Of files and programs the engine keeps account.
  static func suits(_ graph: TaskGraph) -> Bool {
    graph.stages.allSatisfy { stage in
      let policy = stage.policy
      return !stage.op.shape.leavesFiles && policy.retries == 0 && policy.timeout == nil && policy.priority == 0
        && policy.takes.isEmpty
    }
  }

  init(_ graph: TaskGraph, workers: Int) {
    self.graph = graph
    self.workers = max(workers, 1)
    let order = graph.ordered([Bool](repeating: true, count: graph.taskCount), consumers: graph.consumers())
    flow = DataflowGraph(graph, order: order)
    deques = (0..<self.workers).map { _ in ReadyDeque() }
  }

  /// Runs everything; returns when nothing runs any more.
  func run() -> Engine.Result {
    let threads = (0..<workers).map { number in
      WorkerThread("graphrun-worker-\(number)") { [self] in
        var worker = DataflowWorker(number, self)
        worker.work()
      }
    }
    for thread in threads { thread.wait() }
    var last = ProgressSnapshot()
    last.planned = flow.count
    last.done = done.load(ordering: .relaxed)
    if last.done < flow.count { flow.dropValues() }
    let failures = failures()
    last.failed = failures.count
    last.skipped = failures.reduce(0) { $0 + $1.skippedCount }
    return Engine.Result(failures: failures, written: [], rejects: [], snapshot: last, peakWithPrograms: 0)
  }

  /// First call: running tasks end, no new ones start. Second call: running tasks are told to stop.
  func interrupt() {
    if isOver.load(ordering: .relaxed) { isStopping.store(true, ordering: .relaxed) }
    end()
  }

  var hasEnded: Bool { isOver.load(ordering: .relaxed) }
  var stops: Bool { isStopping.load(ordering: .relaxed) }

  func finished(_ count: Int) { done.wrappingAdd(count, ordering: .relaxed) }

  /// A task threw: what is running ends, nothing else starts.
  func failed(_ place: Int32, _ error: TaskError) {
    if error.code != .cancelled { errors.withLock { $0.append((place, error)) } }
    end()
  }

  // MARK: - Finding work

  /// Makes places ready on behalf of a worker; the last of them is the newest.
  func share(_ places: some Sequence<Int32>, by number: Int) {
    if deques[number].push(places, isAwaited: { waiting.load(ordering: .relaxed) > 0 }) {
      monitor.withLock { monitor.signal() }
    }
  }

  /// Waits for something to run.
  ///
  /// - Returns: `nil` when the run is over.
  func find(for number: Int) -> Int32? {
    while !hasEnded {
      // Sleeping and being woken takes as long as some hundred looks.
      for _ in 0..<100 {
        if let place = takeRoot(for: number) ?? steal(for: number) { return place }
        if hasEnded || workers == 1 { break }
        sched_yield()
      }
      monitor.lock()
      waiting.wrappingAdd(1, ordering: .relaxed)
      // Under each deque's lock, lest something is missed that is being added.
      if !hasEnded, deques.allSatisfy(\.isEmpty) {
        if waiting.load(ordering: .relaxed) == workers {
          isOver.store(true, ordering: .relaxed)
          monitor.broadcast()
        } else {
          monitor.wait()
        }
      }
      waiting.wrappingSubtract(1, ordering: .relaxed)
      monitor.unlock()
    }
    return nil
  }

  /// Roots that a worker takes at once; others can steal them.
  private static let mostRoots = 64

  private func takeRoot(for number: Int) -> Int32? {
    let roots = flow.roots
    guard rootsTaken.load(ordering: .relaxed) < roots.count else { return nil }
    let first = rootsTaken.wrappingAdd(DataflowRun.mostRoots, ordering: .relaxed).oldValue
    guard first < roots.count else { return nil }
    let end = min(first + DataflowRun.mostRoots, roots.count)
    if end > first + 1 { share(roots[(first + 1)..<end].reversed(), by: number) }
    return roots[first]
  }

  private func steal(for number: Int) -> Int32? {
    var stolen: [Int32] = []
    for distance in 1..<max(workers, 2) {
      let victim = deques[(number + distance) % workers]
      guard victim.count > 0 else { continue }
      victim.steal(into: &stolen)
      guard let last = stolen.popLast() else { continue }
      if !stolen.isEmpty { share(stolen, by: number) }
      return last
    }
    return nil
  }

  private func end() {
    isOver.store(true, ordering: .relaxed)
    monitor.withLock { monitor.broadcast() }
  }

  // MARK: - Failures

  private func failures() -> [RunFailure] {
    var isSkipped = Set<Int32>()
    return errors.withLock { $0 }.map { place, error in
      var skipped: [TaskID] = []
      var stack = [place]
      while let next = stack.popLast() {
        for reader in flow.readers(of: next) where isSkipped.insert(reader).inserted {
          skipped.append(flow.node(reader).pointee.task)
          stack.append(reader)
        }
      }
      return RunFailure(flow.node(place).pointee.task, of: graph, error, skipped: skipped.sorted())
    }
  }
}
