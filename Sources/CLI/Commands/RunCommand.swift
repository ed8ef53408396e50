import ArgumentParser
import Foundation
import Graph
import GraphFile
import Scheduler

/// How a run is executed; the same for `run` and `resume`.
struct ExecutionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory bound for the whole process, such as 256MB or 1.5GB. (default: half of what there is)", valueName: "size")
  )
  var memory: ByteCount?

  @Option(help: ArgumentHelp("Tasks that run at the same time. (default: one a core)", valueName: "n"))
  var workers: Int?

  @Option(
    help: ArgumentHelp(
      "The most that results which do not fit into memory may take on disk. (default: no limit)", valueName: "size"))
  var spillLimit: ByteCount?

  @Flag(help: "Finish everything that does not depend on a failed task.")
  var keepGoing = false

  @Flag(help: "Print the outcome as one JSON object.")
  var json = false

  func validate() throws {
    if let workers, workers < 1 || workers > 1024 {
      throw ValidationError("--workers takes a number from 1 to 1024, and got \(workers).")
    }
  }
}

/// Which tasks run although they would not have to, or do not although they would.
struct SelectionOptions: ParsableArguments {
  @Option(
    name: .customLong("from"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Run this task and all that depends on it, done or not; can be repeated.", valueName: "task"))
  var from: [String] = []

  @Flag(help: "Run everything, done or not.")
  var force = false

  @Flag(help: "Run only what failed in the last run, and what that needs.")
  var onlyFailed = false

  func validate() throws {
    if onlyFailed, force || !from.isEmpty {
      throw ValidationError("--only-failed does not go together with --force or --from.")
    }
  }

  var selection: RunSelection { RunSelection(force: force, from: from, onlyFailed: onlyFailed) }
}

struct RunCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "run",
      abstract: "Run a DAG file: all that is not up to date.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) run examples/arxiv/arxiv.yaml --set 'input=data/*.json' --memory 256MB
        """)
  }

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var execution: ExecutionOptions

  func run() throws {
    try reporting {
      let settings = RunSettings(
        sets: pipeline.overrides.map(RunSettings.SetValue.init), memory: execution.memory?.bytes,
        workers: execution.workers, keepGoing: execution.keepGoing, spillLimit: execution.spillLimit?.bytes,
        selection: selection.selection)
      try Runner(
        file: Paths.absolute(pipeline.file), stateFolder: try pipeline.stateFolder(), settings: settings,
        namesState: pipeline.state != nil, isResume: false, json: execution.json
      ).run()
    }
  }
}

struct ResumeCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "resume",
      abstract: "Go on with the last run that failed, was interrupted or died.",
      discussion: """
        Uses the DAG file, parameters, memory bound and workers of that run unless given anew. Only what is not \
        done runs.

        EXAMPLE
          \(HostProgram.name) resume examples/arxiv/arxiv.yaml
        """)
  }

  @Argument(help: "The DAG file. (default: the one of the last run in .graphrun here, or in --state)")
  var file: String?
  @OptionGroup var stateOptions: StateOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var execution: ExecutionOptions

  func run() throws {
    try reporting {
      let folder = try StateLocation.existing(state: stateOptions.state, file: file)
      guard let last = try StateReader(folder).lastRun(of: file.map(Paths.absolute)) else {
        throw CommandFailure(.cannotRun, "there is no run of \(file ?? "any DAG file") to resume in \(folder.path)")
      }
      guard !last.isOfProgram else {
        throw CommandFailure.ofProgram(last, "start it again, and it goes on with what is not done")
      }
      var settings = try RunSettings(json: last.settings)
      if let memory = execution.memory { settings.memory = memory.bytes }
      if let workers = execution.workers { settings.workers = workers }
      if let limit = execution.spillLimit { settings.spillLimit = limit.bytes }
      if execution.keepGoing { settings.keepGoing = true }
      if selection.selection != RunSelection() {
        settings.selection = selection.selection
      } else if settings.selection?.onlyFailed == true {
        settings.selection = nil
      } else if var forced = settings.selection {
        // What the run that is resumed has done again counts as done.
        forced.sinceRun = forced.sinceRun ?? last.id
        settings.selection = forced
      }
      try Runner(
        file: file.map(Paths.absolute) ?? last.file, stateFolder: folder, settings: settings,
        namesState: stateOptions.state != nil, isResume: true, json: execution.json
      ).run()
    }
  }
}

/// What a run was told, as the state file keeps it for `resume`.
struct RunSettings: Codable, Sendable {
  struct SetValue: Codable, Sendable {
    var name: String
    var text: String
    /// Where relative paths in `text` start.
    var folder: String

    init(_ override: Override) {
      (name, text, folder) = (override.name, override.text, override.folder)
    }
  }

  var sets: [SetValue]
  var memory: Int?
  var workers: Int?
  var keepGoing: Bool
  var spillLimit: Int?
  var selection: RunSelection?

  init(
    sets: [SetValue], memory: Int?, workers: Int?, keepGoing: Bool, spillLimit: Int? = nil,
    selection: RunSelection = RunSelection()
  ) {
    (self.sets, self.memory, self.workers, self.keepGoing) = (sets, memory, workers, keepGoing)
    self.spillLimit = spillLimit
    self.selection = selection == RunSelection() ? nil : selection
  }

  init(json: String) throws { self = try JSONDecoder().decode(RunSettings.self, from: Data(json.utf8)) }

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  var overrides: [Override] { sets.map { Override($0.name, $0.text, folder: $0.folder) } }
}
