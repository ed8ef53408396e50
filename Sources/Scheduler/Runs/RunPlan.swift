import Foundation
import GRDB
import Graph

/// Which tasks a run is to run although it would not have to, or not to run although it would.
public struct RunSelection: Hashable, Sendable, Codable {
  /// Run everything, whatever results there are.
  public var force = false
  /// Run these, written as task keys or stage names, and all that depends on them.
  public var from: [String] = []
  /// Run only what failed in the last run, and what that needs.
  public var onlyFailed = false
  /// The run that began doing what is forced: what has been done since counts as done.
  public var sinceRun: Int64?

  public init(force: Bool = false, from: [String] = [], onlyFailed: Bool = false) {
    (self.force, self.from, self.onlyFailed) = (force, from, onlyFailed)
  }
}

/// What a run would do, task by task, and why.
public struct RunPlan: Sendable {
  public let graph: TaskGraph
  public let fingerprints: [Fingerprint]
  public let decisions: [TaskDecision]
  let prior: PriorState
  private let stored: StoredResults
  /// Why a result on record cannot be used.
  private let lost: [TaskID: RunReason]
  private let changes: Changes
  private let isKept: [Bool]
  /// Whether there is something to do that the run leaves for the next one: it was told to do less.
  let leavesWork: Bool

  /// The plan of a run where nothing has run.
  /// - Throws: `SchedulerError` with code `.notFound` if the selection names what is not there.
  init(graph: TaskGraph, selection: RunSelection = RunSelection()) throws {
    guard !selection.onlyFailed else { throw RunPlan.nothingFailed }
    self.init(
      graph: graph, prior: PriorState(), stored: StoredResults(), Fingerprint.all(of: graph),
      forced: try RunPlan.forced(selection, graph))
  }

  private static let nothingFailed = SchedulerError(.notFound, "--only-failed: no task of the last run failed")

  /// Everything runs, and nothing is compared with anything.
  init(inMemory graph: TaskGraph) {
    self.init(graph: graph, prior: PriorState(), stored: StoredResults(), [], forced: [])
  }

  /// Compares the graph with what earlier runs left. Looks at files, changes nothing.
  ///
  /// - Parameters:
  ///   - file: the DAG file, absolute.
  ///   - verifying: read spilled values through and believe only their checksums; else their ends.
  /// - Throws: `SchedulerError` with code `.notFound` if the selection names what is not there.
  /// - Complexity: O(tasks + edges + stored results).
  init(
    graph: TaskGraph, selection: RunSelection = RunSelection(), _ db: Database, file: String,
    spillFolder: String? = nil,
    verifying: Bool = false
  ) throws {
    let fingerprints = Fingerprint.all(of: graph)
    let prior = try PriorState.read(db, file: file)
    let stored = try StoredResults(db, fingerprints: fingerprints, countingFrom: selection.sinceRun)
    var targets: [TaskID]?
    if selection.onlyFailed {
      targets = prior.failed.compactMap { graph.task($0) }
      guard targets?.isEmpty == false else { throw RunPlan.nothingFailed }
    }
    self.init(
      graph: graph, prior: prior, stored: stored, fingerprints, forced: try RunPlan.forced(selection, graph),
      targets: targets, spillFolder: spillFolder, verifying: verifying)
  }

  private init(
    graph: TaskGraph, prior: PriorState, stored: StoredResults, _ fingerprints: [Fingerprint], forced: Set<TaskID>,
    targets: [TaskID]? = nil, spillFolder: String? = nil, verifying: Bool = false
  ) {
    self.graph = graph
    self.prior = prior
    self.stored = stored
    self.fingerprints = fingerprints
    isKept = graph.stages.map { graph.isKept($0) }
    var again = [Bool]()
    if !forced.isEmpty {
      again = [Bool](repeating: false, count: graph.taskCount)
      for task in graph.tasks {
        again[Int(task)] = forced.contains(task) || graph.inputs(of: task).contains { again[Int($0)] }
      }
    }
    var lost: [TaskID: RunReason] = [:]
    decisions = graph.culled(to: targets) { task in
      if !again.isEmpty, again[Int(task)], !stored.isRecent(task) { return false }
      if stored.row(of: task) != nil { return true }
      guard let result = stored.files[task] else { return false }
      if let reason = RunPlan.problem(
        with: result, fingerprints[Int(task)], spillFolder: spillFolder, verifying: verifying)
      {
        lost[task] = reason
        return false
      }
      return true
    }
    leavesWork =
      targets != nil
      && zip(graph.culled { stored.row(of: $0) != nil || stored.files[$0] != nil }, decisions).contains {
        $0 == .runs && $1 != .runs
      }
    planned = decisions.count { $0 == .runs }
    reused = decisions.count { $0 == .reused }
    self.lost = lost
    changes = Changes(in: graph, since: prior, forced: forced)
  }

  private static func forced(_ selection: RunSelection, _ graph: TaskGraph) throws -> Set<TaskID> {
    if selection.force { return Set(graph.tasks) }
    var forced: Set<TaskID> = []
    for name in selection.from {
      if let key = TaskKey(name), let task = graph.task(key) {
        forced.insert(task)
      } else if let stage = graph.stage(named: name) {
        forced.formUnion(stage.tasks)
      } else {
        let near = nearestName(to: name, among: graph.stages.map(\.name))
        throw SchedulerError(
          .notFound, "--from: there is no task \"\(name)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
      }
    }
    return forced
  }

  public func decision(_ task: TaskID) -> TaskDecision { decisions[Int(task)] }

  /// How many tasks run.
  public let planned: Int
  public let reused: Int

  /// How the tasks that run form units.
  public func fused() -> FusedTasks { graph.fused(decisions.map { $0 == .runs }, consumers: graph.consumers()) }

  /// Values in the spill store that turned out to be damaged.
  var lostSpills: [(task: TaskID, reason: RunReason)] {
    lost.filter { stored.files[$0.key]?.store == .spill }.map { ($0.key, $0.value) }.sorted { $0.task < $1.task }
  }

  /// What a result of an earlier run takes in memory; `nil` where none can be read.
  ///
  /// Of tasks that nobody was found to need, those in the spill store do not count: their place is given up.
  func storedBytes(_ task: TaskID) -> Int? {
    if decision(task) == .reused { return stored.bytes(of: task) }
    guard decision(task) == .culled else { return nil }
    if stored.row(of: task) != nil { return stored.bytes(of: task) }
    guard let result = stored.files[task], result.store == .kept, let path = result.path, ValueFile.isComplete(path)
    else { return nil }
    return result.bytes
  }

  /// Results in the spill store that this run has no use for, and the next one may.
  func spillsSetAside() -> [SpillExtent] {
    guard leavesWork else { return [] }
    return stored.files.compactMap { task, result in
      guard decision(task) == .culled, result.store == .spill, let path = result.path else { return nil }
      return SpillExtent(path)
    }
  }

  /// Where a reused task's result lies; of a file of the user's, what is known of it.
  func location(of task: TaskID) -> ValueStore.Location? {
    if let row = stored.row(of: task) { return .recorded(row) }
    guard let result = stored.files[task], let path = result.path else { return nil }
    if result.store == .output { return result.value.map { .inline(kind: result.kind, $0) } }
    switch result.store {
    case .kept: return .kept(path: path)
    case .spill: return SpillExtent(path).map { .spill($0) }
    case .output: return nil
    }
  }

  /// The partition's label, as a rule a file's name.
  func label(of task: TaskID) -> String? { graph.label(of: task) }

  /// Whether an earlier run of any task may have set records aside.
  var mayHaveRejects: Bool { prior.hasRejects }

  /// The reasons of all tasks that run, in task order; `nil` elsewhere.
  /// - Complexity: O(tasks + edges).
  public func reasons() -> [RunReason?] {
    let consumers = graph.consumers()
    return graph.tasks.map { task in
      guard decision(task) == .runs else { return nil }
      if let change = changes.reason(of: task) { return change }
      if let reason = lost[task] { return reason }
      if !isKept[graph.stageNumber(of: task)],
        let consumer = consumers[task].first(where: { decision($0) == .runs })
      {
        return .neededBy(graph.key(of: consumer))
      }
      return .notFinished(run: prior.stages[graph.stage(of: task).name]?.run ?? 0)
    }
  }

  /// The reason of a task that runs, as a place in `RunReason.codes`.
  func reasonCode(_ task: TaskID) -> Int {
    if let reason = changes.reason(of: task) ?? lost[task] { return reason.codeNumber }
    return isKept[graph.stageNumber(of: task)]
      ? RunReason.notFinished(run: 0).codeNumber : RunReason.neededCode
  }

  /// What is wrong with a stored result; `nil` if it can be used.
  private static func problem(
    with result: StoredResult, _ fingerprint: Fingerprint, spillFolder: String?, verifying: Bool
  ) -> RunReason? {
    switch result.store {
    case .kept:
      // It was synced before it was recorded.
      guard let path = result.path else { return .resultLost("(no path)") }
      return ValueFile.isComplete(path) ? nil : .resultLost(path)
    case .spill:
      guard let path = result.path, let extent = SpillExtent(path), let spillFolder,
        SpillStore.isIntact(extent, fingerprint: fingerprint, in: spillFolder, readingThrough: verifying)
      else { return .resultLost(result.path ?? "(no path)") }
      return nil
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

}

/// What makes tasks' results others than last time's.
private struct Changes: Sendable {
  /// Where a whole stage changed.
  private var stages: [RunReason?] = []
  /// Where a task's own file changed, or it was asked for.
  private var own: [TaskID: RunReason] = [:]
  /// Tasks that differ for either reason, or because an input does; empty where nothing is known to be as it was.
  private var differs: [Bool] = []
  private let graph: TaskGraph

  init(in graph: TaskGraph, since prior: PriorState, forced: Set<TaskID>) {
    self.graph = graph
    stages = graph.stages.map { Changes.change(of: $0, in: graph, since: prior.stages[$0.name]) }
    for task in forced { own[task] = .forced }
    guard stages.contains(where: { $0 == nil }) || !forced.isEmpty else { return }
    differs = [Bool](repeating: false, count: graph.taskCount)
    for stage in graph.stages {
      let isChanged = stages[stage.number] != nil
      let files = prior.stages[stage.name]?.files ?? [:]
      for task in stage.tasks {
        if isChanged {
          differs[Int(task)] = true
          continue
        }
        if stage.body.touchesFiles {
          for case .file(let file) in stage.body.identity(stage.role(Int(task - stage.firstTask))) {
            if let before = files[file.path] {
              if before != file { own[task] = .fileChanged(file.path) }
            } else {
              own[task] = .fileIsNew(file.path)
            }
          }
        }
        differs[Int(task)] = own[task] != nil || graph.inputs(of: task).contains { differs[Int($0)] }
      }
    }
  }

  /// `nil` where the result is last time's.
  func reason(of task: TaskID) -> RunReason? {
    if let change = stages[graph.stageNumber(of: task)] { return change }
    if !own.isEmpty, let change = own[task] { return change }
    guard !differs.isEmpty, differs[Int(task)] else { return nil }
    return graph.inputs(of: task).first { differs[Int($0)] }.map { .inputChanged(graph.key(of: $0)) }
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
