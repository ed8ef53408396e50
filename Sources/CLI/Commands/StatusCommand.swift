import ArgumentParser
import Foundation
import GRDB
import Graph
import Scheduler

/// Where `status` and `runs` look.
struct StatePlace {
  let database: String
  /// The folder whose lock tells whether the run's process lives; `nil` for a copied file.
  let folder: StateFolder?
  /// Whose runs are asked for, absolute; `nil` for all in the folder.
  let file: String?

  init(file: String?, state: String?) throws {
    self.file = file.map(Paths.absolute)
    if let state {
      let path = Paths.absolute(state)
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
        database = path
        folder = nil
        return
      }
    }
    let folder = try StateLocation.existing(state: state, file: file)
    database = folder.database
    self.folder = folder
  }

  /// The last run of the DAG file that was named; `nil` where none was: then it is the last of all.
  func lastRun() throws -> Int64? {
    guard let file else { return nil }
    let run = try StateFile(database) { _ in }.queue.read {
      try Int64.fetchOne($0, sql: "SELECT max(run) FROM v1_runs WHERE file = ?", arguments: [file])
    }
    guard let run else {
      throw CommandFailure(.cannotRun, "nothing has run yet: \(database) has no run of \(Paths.shown(file))")
    }
    return run
  }

  func view() throws -> StatusView {
    let folder = folder
    return try StatusView(path: database) { folder.map { $0.runningProcess() != nil } }
  }
}

struct StatusCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "status",
      abstract: "Show how a run stands, from its state file alone.",
      discussion: """
        Works while the run goes on, after a crash, and on a copy of the file. Dashboards are files: dashboards/ here or \
        beside the DAG file, ~/.config/graphrun/dashboards, and the built-in progress, tasks, memory and failures.

        EXAMPLE
          \(HostProgram.name) status examples/arxiv/arxiv.yaml --watch --dashboard memory
        """)
  }

  @Argument(help: "The DAG file. (default: .graphrun here)")
  var file: String?
  @OptionGroup var stateOptions: StatePathOptions
  @Flag(help: "Redraw in place until the run ends.")
  var watch = false
  @Flag(help: "Print JSON.")
  var json = false
  @Option(help: ArgumentHelp("Which dashboard: a name or a file.", valueName: "name"))
  var dashboard = "progress"
  @Option(name: .customLong("run"), help: ArgumentHelp("Which run. (default: the last)", valueName: "number"))
  var number: Int64?

  func run() throws {
    try reporting {
      let place = try StatePlace(file: file, state: stateOptions.state)
      let view = try place.view()
      let number = try number ?? place.lastRun()
      if json {
        Output.line(try view.statusJSON(run: number))
        return
      }
      let environment = ProcessInfo.processInfo.environment
      let library = DashboardLibrary(
        currentFolder: Paths.current,
        dagFolder: file.map { (Paths.absolute($0) as NSString).deletingLastPathComponent },
        configFolder: DashboardLibrary.configFolder(environment: environment))
      let dashboard = try library.load(dashboard)
      let terminal = Terminal.standardOutput()
      if watch {
        let ending = try StatusWatcher.watch(view, dashboard, run: number, terminal: terminal) {
          Output.write($0, to: STDOUT_FILENO)
        }
        if ending == .interrupted { throw ExitCode.interrupted }
      } else {
        for line in try view.render(
          width: terminal.size.columns, colour: terminal.hasColour, dashboard: dashboard, run: number,
          glyphs: terminal.glyphs)
        {
          Output.line(line)
        }
      }
    }
  }
}

struct RunsCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "runs",
      abstract: "List the runs of a pipeline, the newest first.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) runs examples/arxiv/arxiv.yaml
        """)
  }

  @Argument(help: "The DAG file. (default: .graphrun here)")
  var file: String?
  @OptionGroup var stateOptions: StatePathOptions
  @Option(help: ArgumentHelp("How many to list at most.", valueName: "n"))
  var limit = 20
  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit takes a number from 1 on, and got \(limit).") }
  }

  func run() throws {
    try reporting {
      let runs = try PastRun.newest(limit, in: StatePlace(file: file, state: stateOptions.state))
      if json {
        try Output.json(runs)
        return
      }
      let now = Date().timeIntervalSince1970
      let rows = runs.map { run in
        [
          "\(run.run)", run.state, Format.time(run.startedAt, now: now, zone: .current),
          Format.duration(run.elapsedSeconds),
          "\(Format.count(run.done))/\(Format.count(run.planned))", Format.count(run.failed),
          "\(ByteCount(run.peakMemory))",
          run.reason.map { TextWidth.truncated(TextWidth.printable($0), to: 60) } ?? "",
        ]
      }
      for line in PlainTable.lines(
        header: ["run", "state", "started", "took", "tasks", "failed", "peak", "why it ended early"], rows: rows,
        rightAligned: [0, 3, 4, 5, 6])
      {
        Output.line(line)
      }
    }
  }
}

/// A row of `graphrun runs`.
struct PastRun: Encodable {
  var run: Int64
  var name: String
  var state: String
  var startedAt: Double
  var elapsedSeconds: Double
  var done: Int
  var planned: Int
  var failed: Int
  var skipped: Int
  var peakMemory: Int
  var resumes: Int64?
  var reason: String?
  var command: String

  static func newest(_ limit: Int, in place: StatePlace) throws -> [PastRun] {
    let isDead = place.folder.map { $0.runningProcess() == nil } ?? false
    return try StateFile(place.database) { _ in }.queue.read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM v1_runs WHERE file = coalesce(?, file) ORDER BY run DESC LIMIT ?",
        arguments: [place.file, limit]
      ).map { row in
        let state: String = row["state"]
        return PastRun(
          run: row["run"], name: row["name"], state: isDead && state == "running" ? "died" : state,
          startedAt: row["started_at"], elapsedSeconds: row["elapsed_seconds"], done: row["done"],
          planned: row["planned"],
          failed: row["failed"], skipped: row["skipped"], peakMemory: row["peak_rss"], resumes: row["resumes"],
          reason: row["reason"], command: row["command"])
      }
    }
  }
}
