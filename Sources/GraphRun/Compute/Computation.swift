import Foundation
import Graph
import Scheduler
import Synchronization

/// One computation of some nodes, from their graph to their values.
final class Computation: Sendable {
  private let targets: [Node]
  private let options: ComputeOptions
  private let delivered = Mutex<[TaskKey: any TaskValue]>([:])
  /// What can be interrupted, once it runs.
  private let running = Mutex<Running>(.notYet)

  private enum Running {
    case notYet
    case now(@Sendable () -> Void)
    case cancelled
  }

  init(_ targets: [Node], _ options: ComputeOptions) {
    self.targets = targets
    self.options = options
  }

  /// Computes the targets.
  ///
  /// - Returns: each target's value, or the values of its partitions.
  /// - Throws: `ComputeError` if a task failed; `CancellationError`; `SchedulerError`; `GraphError`.
  func values() async throws -> [[any TaskValue]] {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        // Of its own, because it blocks until all is computed.
        Thread.detachNewThread { continuation.resume(with: Result { try self.run() }) }
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

  private func run() throws -> [[any TaskValue]] {
    let targetIDs = Set(targets.map(ObjectIdentifier.init))
    let lowering = try Lowering(targets, memoryLimit: options.memory.bytes, limits: options.limits) {
      (body: any TaskBody, node: Node) -> any TaskBody in
      var deliver: (@Sendable (TaskKey, any TaskValue) -> Void)?
      if targetIDs.contains(ObjectIdentifier(node)) {
        let isBag = node.isBag
        // Of a tree its final value alone: the others belong to the budget.
        deliver = { key, value in
          if isBag || key.role == .whole { self.delivered.withLock { $0[key] = value } }
        }
      }
      return deliver == nil && self.options.observers.isEmpty
        ? body : WatchedBody(body: body, observers: self.options.observers, deliver: deliver)
    }
    for observer in options.observers { observer.computationWillStart(lowering.graph) }
    let summary: RunSummary
    var stored: StoredValues?
    do {
      if let state = options.state {
        (summary, stored) = try durable(lowering, StateFolder(Paths.absolute(state)))
      } else {
        summary = try transient(lowering)
      }
    } catch {
      for observer in options.observers { observer.computationDidEnd(.failure(error)) }
      throw error
    }
    for observer in options.observers { observer.computationDidEnd(.success(summary)) }
    switch summary.outcome {
    case .done, .upToDate: break
    case .failed: throw ComputeError(summary.failures)
    case .interrupted: throw CancellationError()
    }
    return try results(lowering, stored)
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

  private func transient(_ lowering: Lowering) throws -> RunSummary {
    let folder = try Paths.makeTemporaryFolder(in: options.temporaryFolder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var settings = InMemoryRun.Settings(workers: options.workers, memory: options.memory.bytes)
    settings.folder = folder
    settings.spillLimit = options.spillLimit?.bytes
    settings.registry = lowering.registry
    settings.keepsGoing = options.keepsGoing
    defer { end() }
    let run = InMemoryRun(lowering.graph, settings, observer: options.progress)
    try begin {
      run.interrupt()
      run.interrupt()
    }
    return run.runToEnd()
  }

  private func durable(_ lowering: Lowering, _ folder: StateFolder) throws -> (RunSummary, StoredValues) {
    let program = Program.path
    let request = RunRequest(
      name: options.name ?? program.split(separator: "/").last.map(String.init) ?? "program", file: program,
      folder: FileManager.default.currentDirectoryPath, command: CommandLine.arguments.joined(separator: " "),
      settings: RunRecord.programSettings, graph: lowering.graph, registry: lowering.registry, memory: options.memory,
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

  /// Where results of earlier runs are, and what they are known by.
  private struct StoredValues {
    let folder: StateFolder
    let fingerprints: [Fingerprint]
  }

  /// What tasks of this process gave, and what earlier ones had left.
  private func results(_ lowering: Lowering, _ stored: StoredValues?) throws -> [[any TaskValue]] {
    let delivered = delivered.withLock { delivered in
      defer { delivered = [:] }
      return delivered
    }
    var reader: StateReader?
    return try targets.map { target in
      let stage = lowering.graph.stages[lowering.stageNumbers[ObjectIdentifier(target)]!]
      let tasks = stage.isBag ? stage.tasks : stage.tasks.suffix(1)
      return try tasks.map { task in
        let key = lowering.graph.key(of: task)
        if let value = delivered[key] { return value }
        if reader == nil, let stored { reader = try StateReader(stored.folder) }
        guard let stored,
          let value = try reader?.result(with: stored.fingerprints[Int(task)], registry: lowering.registry)
        else {
          throw ComputeError(
            .lostResult, "the result of \(key) was there when the computation began and is not any more; compute again")
        }
        return value
      }
    }
  }
}

/// A stage's body that tells what goes on, and hands out what is asked for.
private struct WatchedBody: TaskBody {
  let body: any TaskBody
  let observers: [any TaskObserver]
  let deliver: (@Sendable (TaskKey, any TaskValue) -> Void)?

  var touchesFiles: Bool { body.touchesFiles }
  func identity(_ role: TaskRole) -> [IdentityPart] { body.identity(role) }
  func outputPath(_ role: TaskRole) -> String? { body.outputPath(role) }
  func estimate(_ role: TaskRole, inputBytes: [Int]) -> MemoryEstimate { body.estimate(role, inputBytes: inputBytes) }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let key = context.key
    let start = ContinuousClock.now
    for observer in observers { observer.taskWillStart(key) }
    do {
      let value = try body.run(role, inputs: inputs, context: context)
      for observer in observers { observer.taskDidEnd(key, seconds: (ContinuousClock.now - start).seconds, error: nil) }
      deliver?(key, value)
      return value
    } catch {
      for observer in observers {
        observer.taskDidEnd(key, seconds: (ContinuousClock.now - start).seconds, error: error)
      }
      throw error
    }
  }
}

extension Duration {
  fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
