import Foundation
import Graph

/// What a run would do, task by task, and why.
public struct RunPlan: Sendable {
  public let graph: TaskGraph
  public let fingerprints: [Fingerprint]
  public let decisions: [TaskDecision]
  let prior: PriorState
  /// Why a result on record cannot be used.
  private let lost: [TaskID: RunReason]
  /// For every task: whether its result differs from what the last run had.
  private let changed: [RunReason?]

  /// Compares the graph with what earlier runs left. Looks at files, changes nothing.
  ///
  /// - Parameter verifying: read spilled values through and believe only their checksums; else their length.
  /// - Complexity: O(tasks + edges + stored results).
  init(graph: TaskGraph, prior: PriorState, verifying: Bool = false) {
    self.graph = graph
    self.prior = prior
    let fingerprints = Fingerprint.all(of: graph)
    self.fingerprints = fingerprints
    var lost: [TaskID: RunReason] = [:]
    decisions = graph.culled { task in
      guard let result = prior.results[fingerprints[Int(task)]] else { return false }
      if let reason = RunPlan.problem(with: result, verifying: verifying) {
        lost[task] = reason
        return false
      }
      return true
    }
    self.lost = lost
    changed = RunPlan.changes(in: graph, since: prior)
  }

  public func decision(_ task: TaskID) -> TaskDecision { decisions[Int(task)] }

  /// How many tasks run.
  public var planned: Int { decisions.count { $0 == .runs } }
  public var reused: Int { decisions.count { $0 == .reused } }

  func stored(_ task: TaskID) -> PriorState.StoredResult? { prior.results[fingerprints[Int(task)]] }

  /// The reasons of all tasks that run, in task order; `nil` elsewhere.
  /// - Complexity: O(tasks + edges).
  public func reasons() -> [RunReason?] {
    let consumers = graph.consumers()
    return graph.tasks.map { task in
      guard decision(task) == .runs else { return nil }
      if let change = changed[Int(task)] { return change }
      if let reason = lost[task] { return reason }
      if !graph.isKept(graph.stage(of: task)), let consumer = consumers[task].first(where: { decision($0) == .runs }) {
        return .neededBy(graph.key(of: consumer))
      }
      return .notFinished(run: prior.stages[graph.stage(of: task).name]?.run ?? 0)
    }
  }

  /// What is wrong with a stored result; `nil` if it can be used.
  private static func problem(with result: PriorState.StoredResult, verifying: Bool) -> RunReason? {
    switch result.store {
    case .inline: return nil
    case .spill, .kept:
      guard let path = result.path else { return .resultLost("(no path)") }
      // A kept file was synced before it was recorded; a spill file was not.
      let isThere = verifying && result.store == .spill ? ValueFile.isIntact(path) : ValueFile.isComplete(path)
      return isThere ? nil : .resultLost(path)
    case .output:
      guard let value = result.value, let file = try? WrittenFile(contentsOf: value) else {
        return .resultLost("(no file)")
      }
      var status = stat()
      guard lstat(file.path, &status) == 0 else { return .outputMissing(file.path) }
      return Int(status.st_size) == file.fileByteCount && status.modified == file.modified
        ? nil : .outputChanged(file.path)
    }
  }

  /// For every task, what makes its result another than last time's.
  private static func changes(in graph: TaskGraph, since prior: PriorState) -> [RunReason?] {
    var changes = [RunReason?](repeating: nil, count: graph.taskCount)
    for stage in graph.stages {
      let common = change(of: stage, in: graph, since: prior.stages[stage.name])
      for task in stage.tasks {
        if let common {
          changes[Int(task)] = common
          continue
        }
        let files = prior.stages[stage.name]?.files ?? [:]
        for case .file(let file) in stage.body.identity(stage.role(Int(task - stage.firstTask))) {
          if let before = files[file.path] {
            if before != file { changes[Int(task)] = .fileChanged(file.path) }
          } else {
            changes[Int(task)] = .fileIsNew(file.path)
          }
        }
        if changes[Int(task)] == nil,
          let input = graph.inputs(of: task).first(where: { changes[Int($0)]?.changesResult == true })
        {
          changes[Int(task)] = .inputChanged(graph.key(of: input))
        }
      }
    }
    return changes
  }

  /// What changed for a whole stage.
  private static func change(of stage: Stage, in graph: TaskGraph, since before: PriorState.StageRecord?) -> RunReason?
  {
    guard let before else { return .neverRan }
    if before.op != stage.op.name || before.version != stage.op.version {
      return .opChanged(
        from: "\(before.op) version \(before.version)", to: "\(stage.op.name) version \(stage.op.version)")
    }
    // Parameters that are no identity change nothing by themselves, but a path counts through each task's own identity.
    var changes: [RunReason.Change] = []
    for name in Set(before.parameters.keys).union(stage.parameters.keys).sorted() {
      let now = stage.parameters[name]?.json
      guard now != before.parameters[name], stage.op.parameter(name)?.isIdentity ?? true || stage.op.shape == .sink
      else { continue }
      changes.append(RunReason.Change(name: name, from: before.parameters[name], to: now))
    }
    if !changes.isEmpty { return .parametersChanged(changes) }
    if before.inputs != stage.inputs.map({ graph.stages[$0].name }) { return .inputsRenamed }
    return nil
  }
}
