import Graph

/// Runs a graph in this process and leaves nothing behind: no state file, no spilled values, no record of tasks.
package final class InMemoryRun: Sendable {
  private enum Way {
    /// Every task as soon as its inputs are there.
    case dataflow(DataflowRun)
    /// As `SchedulerState` decides.
    case scheduled(Engine)
  }

  private let way: Way

  /// Decides the order; nothing runs yet.
  ///
  /// - Parameter memory: bytes that results and working memory may take; `nil` for no bound.
  package init(_ graph: TaskGraph, workers: Int, memory: Int? = nil) {
    guard memory != nil || !DataflowRun.suits(graph) else {
      way = .dataflow(DataflowRun(graph, workers: workers))
      return
    }
    let clock = RunClock()
    let memory = memory ?? MemoryBudget.unbounded
    let store = ValueStore(
      registry: OpRegistry(), spills: nil, fingerprint: { _ in preconditionFailure("nothing is spilled") },
      readRecorded: { _ in preconditionFailure("nothing is recorded") })
    way = .scheduled(
      Engine(
        plan: RunPlan(inMemory: graph),
        settings: Engine.Settings(workers: workers, memoryLimit: memory, folder: nil, file: "", residentBytes: { 0 }),
        scheduling: SchedulerState.Settings(workers: workers, keepsGoing: false),
        budget: MemoryBudget(limit: memory, idle: 0), store: store, spills: nil, writer: nil, clock: clock
      ) { _ in })
  }

  /// - Returns: how many tasks were done, and what failed.
  package func run() -> (done: Int, failures: [RunFailure]) {
    switch way {
    case .dataflow(let run): return run.run()
    case .scheduled(let engine):
      let result = engine.run()
      return (result.snapshot.done, result.failures)
    }
  }

  /// First call: running tasks end, no new ones start. Second call: running tasks are told to stop.
  package func interrupt() {
    switch way {
    case .dataflow(let run): run.interrupt()
    case .scheduled(let engine): engine.interrupt()
    }
  }
}
