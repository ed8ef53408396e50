import Foundation
import Graph
import Scheduler
import Synchronization

/// One computation of some nodes, from their graph to their values.
final class Computation: Sendable {
  private let targets: [Node]
  private let options: ComputeOptions
  private let delivered = Mutex<[TaskKey: any TaskValue]>([:])
  private let execution: GraphExecution

  init(_ targets: [Node], _ options: ComputeOptions) {
    self.targets = targets
    self.options = options
    execution = GraphExecution(options)
  }

  /// Computes the targets.
  ///
  /// - Returns: each target's value, or the values of its partitions.
  /// - Throws: `ComputeError` if a task failed; `CancellationError`; `SchedulerError`; `GraphError`.
  func values() async throws -> [[any TaskValue]] { try await execution.onThread { try self.run() } }

  private func run() throws -> [[any TaskValue]] {
    let targetIDs = Set(targets.map(ObjectIdentifier.init))
    let lowering = try Lowering(targets, limits: options.limits) {
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
    let stored: GraphExecution.StoredValues?
    do {
      (summary, stored) = try execution.run(lowering.graph, lowering.registry)
    } catch {
      for observer in options.observers { observer.computationDidEnd(.failure(error)) }
      throw error
    }
    for observer in options.observers { observer.computationDidEnd(.success(summary)) }
    try summary.check()
    return try results(lowering, stored)
  }

  /// What tasks of this process gave, and what earlier ones had left.
  private func results(_ lowering: Lowering, _ stored: GraphExecution.StoredValues?) throws -> [[any TaskValue]] {
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
  var memoryRemedy: String? { body.memoryRemedy }
  var hasSmallResults: Bool { body.hasSmallResults }
  func identity(_ role: TaskRole) -> [IdentityPart] { body.identity(role) }
  func outputPath(_ role: TaskRole) -> String? { body.outputPath(role) }
  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    body.estimate(role, inputBytes: inputBytes, memoryLimit: memoryLimit)
  }

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
