import ArgumentParser
import Foundation
import Graph
import GraphFile
import Scheduler

/// Options of commands that ask about one task.
struct TaskOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("The task: NAME, or NAME[3] for one partition.", valueName: "task"))
  var task: String

  @Option(
    name: .shortAndLong, help: "The DAG file. (default: the one of the last run in .graphrun here, or in --state)")
  var file: String?

  @OptionGroup var stateOptions: StateOptions

  func key() throws -> TaskKey {
    guard let key = TaskKey(task) else {
      throw CommandFailure(.usage, "\"\(task)\" is no task name; write NAME, or NAME[3] for one partition")
    }
    return key
  }

  /// What there is to say where something of a task was asked for and is not there.
  ///
  /// - Parameter what: what is missing and why, where the last run has the task.
  static func missing(_ what: String, of key: TaskKey, _ last: RunRecord, _ reader: StateReader) throws
    -> CommandFailure
  {
    let names = try reader.stageNames(of: last.id)
    guard names.contains(key.stage) else {
      let near = nearestName(to: key.stage, among: names)
      return CommandFailure(
        .usage, "the last run has no task \"\(key.stage)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
    }
    let hint = key.role == .whole ? "; for one partition of a bag write \(key.stage)[0]" : ""
    return CommandFailure(.cannotRun, what + hint)
  }
}

struct ExplainCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "explain",
      abstract: "Say why a task would run, or why not, and what it is.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) explain 'prepared[3]' --file examples/arxiv/arxiv.yaml
        """)
  }

  @OptionGroup var options: TaskOptions
  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Give a parameter another value; can be repeated. (default: as in the last run)", valueName: "name=value"))
  var sets: [SetOption] = []

  func run() throws {
    try reporting {
      let (pipeline, folder) = try loadPipeline()
      let plan = try Plans.plan(pipeline, folder)
      let task = try find(try options.key(), in: pipeline.graph)
      for line in ExplainText.lines(task, plan) { Output.line(line) }
    }
  }

  /// The pipeline as the last run saw it, with this command's `--set` on top.
  private func loadPipeline() throws -> (Pipeline, StateFolder) {
    let folder = try StateLocation.folder(state: options.stateOptions.state, file: options.file)
    let last = folder.exists ? try StateReader(folder).lastRun(of: options.file.map(Paths.absolute)) : nil
    if let last, last.isOfProgram {
      throw CommandFailure.ofProgram(last, "there is no DAG file to explain; name one with --file")
    }
    guard let file = options.file.map(Paths.absolute) ?? last?.file else {
      throw CommandFailure(
        .cannotRun, "there is no state in \(Paths.shown(folder.path)); name the DAG file with --file")
    }
    var overrides = try last.map { try RunSettings(json: $0.settings).overrides } ?? []
    for set in sets {
      overrides.removeAll { $0.name == set.name }
      overrides.append(Override(set.name, set.text, folder: Paths.current))
    }
    return (
      try DAGFile.load(path: Paths.shown(file)).build(registry: HostProgram.current.registry, overrides: overrides),
      folder
    )
  }

  private func find(_ key: TaskKey, in graph: TaskGraph) throws -> TaskID {
    if let task = graph.task(key) { return task }
    guard let stage = graph.stage(named: key.stage) else {
      let near = nearestName(to: key.stage, among: graph.stages.map(\.name))
      throw CommandFailure(
        .usage, "there is no task \"\(key.stage)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
    }
    if key.role == .whole {
      let names =
        stage.taskCount == 1 ? "\(stage.name)[0]" : "\(stage.name)[0] to \(stage.name)[\(stage.taskCount - 1)]"
      throw CommandFailure(
        .usage, "\"\(stage.name)\" is a bag of \(Format.counted(stage.taskCount, "task")); name one: \(names)")
    }
    throw CommandFailure(.usage, "\"\(stage.name)\" has no task \(key); it has \(stage.partitions.count) partitions")
  }
}

enum ExplainText {
  static func lines(_ task: TaskID, _ plan: RunPlan) -> [String] {
    let graph = plan.graph
    let stage = graph.stage(of: task)
    let key = graph.key(of: task)
    let reasons = plan.reasons()
    var lines: [String] = []
    switch plan.decision(task) {
    case .runs: lines.append("\(key) would run: \(reasons[Int(task)]?.description ?? "")")
    case .reused: lines.append("\(key) is up to date: its result is stored and nothing it depends on has changed")
    case .culled: lines.append("\(key) would not run: nothing that has to run needs its result")
    }
    lines += chain(from: task, plan, reasons)
    lines.append("")
    var facts = [("op", "\(stage.op.name) version \(stage.op.version)")]
    for (name, value) in stage.parameters.sorted(by: { $0.key < $1.key }) { facts.append(("  " + name, value.json)) }
    for part in stage.body.identity(graph.role(of: task)) {
      switch part {
      case .file(let file): facts.append(("file", "\(file.path) (\(ByteCount(file.byteCount)))"))
      case .text(let name, let value): facts.append((name, value))
      case .number(let number): facts.append(("partition", "\(number)"))
      }
    }
    let inputs = graph.inputs(of: task)
    if !inputs.isEmpty { facts.append(("from", names(inputs, graph))) }
    let consumers = graph.consumers()[task]
    if !consumers.isEmpty { facts.append(("used by", names(consumers, graph))) }
    facts.append(("fingerprint", plan.fingerprints[Int(task)].description))
    let width = facts.map(\.0.count).max() ?? 0
    lines += facts.map { "  " + $0.0.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.1 }
    return lines
  }

  /// Follows the reason to where it began.
  private static func chain(from task: TaskID, _ plan: RunPlan, _ reasons: [RunReason?]) -> [String] {
    var lines: [String] = []
    var next = task
    while lines.count < 20, let reason = reasons[Int(next)] {
      switch reason {
      case .inputChanged(let key), .neededBy(let key):
        guard let other = plan.graph.task(key), let why = reasons[Int(other)] else { return lines }
        lines.append("  because \(key) runs: \(why)")
        next = other
      default: return lines
      }
    }
    return lines
  }

  private static func names(_ tasks: some Collection<TaskID>, _ graph: TaskGraph) -> String {
    let shown = tasks.prefix(6).map { graph.key(of: $0).description }.joined(separator: ", ")
    return tasks.count > 6 ? "\(shown) and \(Format.count(tasks.count - 6)) more" : shown
  }
}
