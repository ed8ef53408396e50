import Foundation
import Graph

/// Runs a graph in this process and leaves nothing behind: no state file, no record of tasks. What does not fit into
/// memory is spilled, where a folder for that is given, and gone when the run ends.
package final class InMemoryRun: Sendable {
  private enum Way {
    /// Every task as soon as its inputs are there.
    case dataflow(DataflowRun)
    /// As `SchedulerState` decides.
    case scheduled(Engine, SpillStore?)
  }

  private let way: Way

  package struct Settings: Sendable {
    package var workers: Int
    /// Bytes that results and working memory may take; of the whole process where something may be spilled; `nil` for no
    /// bound.
    package var memory: Int?
    /// A folder for what is spilled and set aside, which the caller removes; `nil` for a run without files.
    package var folder: String?
    package var spillLimit: Int?
    /// Reads back what was spilled.
    package var registry = OpRegistry()
    package var keepsGoing = false

    package init(workers: Int, memory: Int? = nil) {
      self.workers = workers
      self.memory = memory
    }
  }

  /// Decides the order; nothing runs yet.
  package convenience init(_ graph: TaskGraph, workers: Int, memory: Int? = nil) {
    self.init(graph, Settings(workers: workers, memory: memory))
  }

  /// Decides the order; nothing runs yet.
  ///
  /// - Parameter observer: called about twenty times a second from a thread of the engine.
  package init(
    _ graph: TaskGraph, _ settings: Settings, observer: (@Sendable (ProgressSnapshot) -> Void)? = nil
  ) {
    if settings.memory == nil, settings.folder == nil, !settings.keepsGoing, observer == nil, DataflowRun.suits(graph) {
      way = .dataflow(DataflowRun(graph, workers: settings.workers))
      return
    }
    let memory = settings.memory ?? MemoryBudget.unbounded
    let folder = settings.folder.map { StateFolder($0) }
    let measures = folder != nil
    let spills = folder.map { SpillStore(folder: $0.spill, limit: settings.spillLimit) }
    let store = ValueStore(
      registry: settings.registry, spills: spills, fingerprint: { Fingerprint(ofTask: $0) },
      readRecorded: { _ in preconditionFailure("nothing is recorded") })
    if measures { ProcessMemory.releaseFreeMemory() }
    let idle = measures ? ProcessMemory.resident() + RunSession.startingBytes : 0
    let engine = Engine(
      plan: RunPlan(inMemory: graph),
      settings: Engine.Settings(
        workers: settings.workers, memoryLimit: memory, folder: folder, file: "",
        residentBytes: { measures ? ProcessMemory.resident() : 0 }),
      scheduling: SchedulerState.Settings(workers: settings.workers, keepsGoing: settings.keepsGoing),
      budget: MemoryBudget(limit: memory, idle: idle), store: store, spills: spills, writer: nil, clock: RunClock(),
      observer: observer ?? { _ in })
    way = .scheduled(engine, spills)
  }

  /// - Returns: how many tasks were done, and what failed.
  package func run() -> (done: Int, failures: [RunFailure]) {
    let result = runToEnd()
    return (result.last.done, result.failures)
  }

  /// Runs everything and removes what was spilled.
  package func runToEnd() -> RunSummary {
    let result: Engine.Result
    switch way {
    case .dataflow(let run): result = run.run()
    case .scheduled(let engine, let spills):
      result = engine.run()
      spills?.removeAll()
    }
    return RunSummary(
      run: nil, outcome: RunSession.outcome(result.snapshot, failures: result.failures), failures: result.failures,
      written: result.written, rejects: result.rejects, last: result.snapshot,
      peakResident: ProcessMemory.peakResident())
  }

  /// First call: running tasks end, no new ones start. Second call: running tasks are told to stop.
  package func interrupt() {
    switch way {
    case .dataflow(let run): run.interrupt()
    case .scheduled(let engine, _): engine.interrupt()
    }
  }
}
