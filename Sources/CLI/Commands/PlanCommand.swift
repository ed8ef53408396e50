import ArgumentParser
import Foundation
import Graph
import GraphFile
import Scheduler

struct PlanCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "plan",
      abstract: "Show what a run would do and why. Changes nothing.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) plan examples/arxiv/arxiv.yaml
        """)
  }

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var selection: SelectionOptions
  @Flag(help: "Print every task's decision and reason as JSON.")
  var json = false
  @Flag(help: "Print the order in which tasks would start, were nothing done yet, and how many results it holds.")
  var order = false

  func run() throws {
    try reporting {
      let built = try pipeline.pipeline()
      if order {
        let document = OrderDocument(built.graph)
        if json {
          try Output.json(document)
        } else {
          for line in document.lines { Output.line(line) }
        }
        return
      }
      let plan = try Plans.plan(built, pipeline.stateFolder(), selection.selection)
      if json {
        try Output.json(PlanDocument(plan, name: built.name))
      } else {
        for line in PlanText.lines(plan, name: built.name) { Output.line(line) }
      }
    }
  }
}

/// The order of a run of everything, as JSON.
struct OrderDocument: Encodable {
  var order: [String]
  var maxPressure: Int
  var sumPressure: Int

  enum CodingKeys: String, CodingKey {
    case order
    case maxPressure = "max_pressure"
    case sumPressure = "sum_pressure"
  }

  init(_ graph: TaskGraph) {
    let included = graph.culled { _ in false }.map { $0 == .runs }
    let consumers = graph.consumers()
    let order = graph.prioritized(graph.ordered(included, consumers: consumers), included, consumers: consumers)
    let pressure = graph.pressure(of: order, included, consumers: consumers)
    self.order = order.map { graph.key(of: $0).description }
    maxPressure = pressure.peak
    sumPressure = pressure.sum
  }

  var lines: [String] {
    order + [
      "", "results held: at most \(Format.count(maxPressure)), in sum over all steps \(Format.count(sumPressure))",
    ]
  }
}

enum Plans {
  static func plan(
    _ pipeline: Pipeline, _ folder: StateFolder, _ selection: RunSelection = RunSelection()
  ) throws -> RunPlan {
    guard folder.exists else { return try StateReader.freshPlan(pipeline.graph, selection: selection) }
    return try StateReader(folder).plan(pipeline.graph, file: Paths.absolute(pipeline.path), selection: selection)
  }
}

/// A plan as JSON.
struct PlanDocument: Encodable {
  struct StageEntry: Encodable {
    var name: String
    var op: String
    var tasks: Int
    var runs: Int
    var reused: Int
    var notNeeded: Int
    /// Tasks that run right behind another, as one unit with it.
    var fused: Int
  }

  struct TaskEntry: Encodable {
    var task: String
    /// `run`, `reuse` or `not-needed`.
    var decision: String
    var reason: String?
    var why: String?
    /// The task that it runs right behind, as one unit with it.
    var fusedBehind: String?
  }

  var name: String
  var runs: Int
  var reused: Int
  var stages: [StageEntry]
  var tasks: [TaskEntry]

  init(_ plan: RunPlan, name: String) {
    let reasons = plan.reasons()
    let fused = plan.fused()
    self.name = name
    runs = plan.planned
    reused = plan.reused
    stages = plan.graph.stages.map { stage in
      let counts = plan.counts(of: stage)
      return StageEntry(
        name: stage.name, op: stage.op.name, tasks: stage.taskCount, runs: counts.runs, reused: counts.reused,
        notNeeded: counts.culled, fused: stage.tasks.count { fused.isInner($0) })
    }
    tasks = plan.graph.tasks.map { task in
      let decision =
        switch plan.decision(task) {
        case .runs: "run"
        case .reused: "reuse"
        case .culled: "not-needed"
        }
      let reason = reasons[Int(task)]
      return TaskEntry(
        task: plan.graph.key(of: task).description, decision: decision, reason: reason?.code, why: reason?.description,
        fusedBehind: fused.isInner(task)
          ? plan.graph.inputs(of: task).first.map { plan.graph.key(of: $0).description } : nil)
    }
  }
}

extension RunPlan {
  func counts(of stage: Stage) -> (runs: Int, reused: Int, culled: Int) {
    let decisions = decisions[Int(stage.firstTask)..<Int(stage.tasks.upperBound)]
    let runs = decisions.count { $0 == .runs }
    let reused = decisions.count { $0 == .reused }
    return (runs, reused, decisions.count - runs - reused)
  }
}

enum PlanText {
  private static let shownReasons = 3

  static func lines(_ plan: RunPlan, name: String) -> [String] {
    guard plan.planned > 0 else {
      return ["\(name) is up to date: nothing to do (\(Format.counted(plan.graph.taskCount, "task")))"]
    }
    var lines = [
      "\(name): \(Format.count(plan.planned)) of \(Format.count(plan.graph.taskCount)) tasks would run, "
        + "\(Format.count(plan.reused)) results would be reused", "",
    ]
    let fused = plan.fused()
    let rows = plan.graph.stages.map { stage in
      let counts = plan.counts(of: stage)
      return [
        stage.name, stage.op.name, Format.count(counts.runs), Format.count(stage.tasks.count { fused.isInner($0) }),
        Format.count(counts.reused), Format.count(counts.culled),
      ]
    }
    lines += PlainTable.lines(
      header: ["task", "op", "run", "of these fused", "reuse", "not needed"], rows: rows, rightAligned: [2, 3, 4, 5])
    lines += ["", "why"]
    let reasons = plan.reasons()
    for stage in plan.graph.stages {
      let running = stage.tasks.filter { plan.decision($0) == .runs }
      let groups = Dictionary(grouping: running) { reasons[Int($0)]?.code ?? "" }
      for (_, tasks) in groups.sorted(by: { $0.value[0] < $1.value[0] }) {
        for task in tasks.prefix(shownReasons) {
          lines.append("  \(plan.graph.key(of: task)): \(reasons[Int(task)]?.description ?? "")")
        }
        if tasks.count > shownReasons { lines.append("  … and \(Format.count(tasks.count - shownReasons)) more alike") }
      }
    }
    return lines
  }
}

/// A table of short cells without colour or borders.
enum PlainTable {
  static func lines(header: [String], rows: [[String]], rightAligned: Set<Int> = []) -> [String] {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { TextWidth.of($0[column]) }.max() ?? 0 }
    return all.map { row in
      let cells = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - TextWidth.of(cell))
        return rightAligned.contains(column) ? padding + cell : cell + padding
      }
      let line = "  " + cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
