import Foundation
import Graph
import Scheduler
import Synchronization

/// Runs a graph of tasks for a Swift program, with a state folder or without. One run, which can be interrupted.
final class GraphExecution: Sendable {
  private let options: ComputeOptions
  /// What can be interrupted, once it runs.
  private let running = Mutex<Running>(.notYet)

  private enum Running {
    case notYet
    case now(@Sendable () -> Void)
    case cancelled
  }

  init(_ options: ComputeOptions) { self.options = options }

  /// Where results of earlier runs are, and what they are known by.
  struct StoredValues {
    let folder: StateFolder
    let fingerprints: [Fingerprint]
  }

  /// Runs `body`, which calls `run`, on a thread of its own, because it blocks until all is computed. Cancelling the Swift
  /// task interrupts the run.
  func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
      }
    } onCancel: {
      let interrupt: (@Sendable () -> Void)? = running.withLock { running in
        defer { running = .cancelled }
        if case .now(let interrupt) = running { return interrupt }
        return nil
      }
      interrupt?()
    }
  }

  /// - Throws: `CancellationError`; `SchedulerError`.
  func run(_ graph: TaskGraph, _ registry: OpRegistry) throws -> (summary: RunSummary, stored: StoredValues?) {
    if let state = options.state { return try durable(graph, registry, StateFolder(Paths.absolute(state))) }
    return (try transient(graph, registry), nil)
  }

  private func begin(_ interrupt: @escaping @Sendable () -> Void) throws {
    try running.withLock { running in
      if case .cancelled = running { throw CancellationError() }
      running = .now(interrupt)
    }
  }

  /// Lets go of the run, and of its state folder.
  private func end() {
    running.withLock { running in if case .now = running { running = .notYet } }
  }

  private func transient(_ graph: TaskGraph, _ registry: OpRegistry) throws -> RunSummary {
    let folder = try Paths.makeTemporaryFolder(in: options.temporaryFolder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var settings = InMemoryRun.Settings(workers: options.workers, memory: options.memory.bytes)
    settings.folder = folder
    settings.spillLimit = options.spillLimit?.bytes
    settings.registry = registry
    settings.keepsGoing = options.keepsGoing
    defer { end() }
    let run = InMemoryRun(graph, settings, observer: options.progress)
    try begin {
      run.interrupt()
      run.interrupt()
    }
    return run.runToEnd()
  }

  private func durable(
    _ graph: TaskGraph, _ registry: OpRegistry, _ folder: StateFolder
  ) throws -> (RunSummary, StoredValues) {
    let program = Program.path
    let request = RunRequest(
      name: options.name ?? program.split(separator: "/").last.map(String.init) ?? "program", file: program,
      folder: FileManager.default.currentDirectoryPath, command: CommandLine.arguments.joined(separator: " "),
      settings: RunRecord.programSettings, graph: graph, registry: registry, memory: options.memory,
      workers: options.workers, keepsGoing: options.keepsGoing, spillLimit: options.spillLimit)
    defer { end() }
    let session = try RunSession(request, in: folder)
    try begin {
      session.interrupt()
      session.interrupt()
    }
    let summary = try session.execute(observer: options.progress ?? { _ in })
    return (summary, StoredValues(folder: folder, fingerprints: session.plan.fingerprints))
  }
}

extension RunSummary {
  /// - Throws: `ComputeError` if a task failed; `CancellationError` if the run was interrupted.
  func check() throws {
    switch outcome {
    case .done, .upToDate: break
    case .failed: throw ComputeError(failures)
    case .interrupted: throw CancellationError()
    }
  }
}
