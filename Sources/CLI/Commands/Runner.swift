import ArgumentParser
import Foundation
import Graph
import GraphFile
import Scheduler
import Synchronization

/// Executes one run and tells its story: before, while and after.
struct Runner {
  let file: String
  let stateFolder: StateFolder
  let settings: RunSettings
  /// Whether the user named the state folder, so that commands we print must name it too.
  let namesState: Bool
  let isResume: Bool
  let json: Bool

  /// - Throws: `ExitCode` for how the run ended, or what kept it from starting.
  func run() throws {
    ProcessMemory.tuneAllocator()
    let pipeline = try DAGFile.load(path: Paths.shown(file)).build(
      registry: HostProgram.current.registry, overrides: settings.overrides)
    let memory = settings.memory.map { ByteCount($0) } ?? ProcessMemory.defaultLimit()
    let workers = settings.workers ?? ProcessInfo.processInfo.activeProcessorCount
    let request = RunRequest(
      name: pipeline.name, file: file, folder: Paths.current,
      command: CommandLine.arguments.map(Shell.quoted).joined(separator: " "), settings: try settings.json(),
      graph: pipeline.graph, registry: HostProgram.current.registry, memory: memory, workers: workers,
      keepsGoing: settings.keepGoing, isResume: isResume, selection: settings.selection ?? RunSelection(),
      spillLimit: settings.spillLimit.map { ByteCount($0) })
    let session = try RunSession(request, in: stateFolder)
    let display = TerminalProgress()
    if let died = session.died, !json {
      Output.error("run \(died) died before it ended; what it finished is kept")
    }
    let interrupts = Interrupts(session)
    // Before the order is made: of a huge graph that takes seconds.
    interrupts.begin()
    let summary = try session.execute { run in
      guard !json else { return }
      let reused = session.plan.reused > 0 ? ", \(Format.counted(session.plan.reused, "result")) reused" : ""
      Output.error(
        "\(pipeline.name) · run \(run) · \(Format.counted(session.plan.planned, "task"))\(reused) · "
          + "\(Format.counted(workers, "worker")) · memory \(memory)")
    } observer: { snapshot in
      if !json { display.update(snapshot) }
    }
    interrupts.end()
    display.finish()
    if json {
      try Output.json(Outcome(summary, resume: resumeCommand))
    } else {
      for line in RunReport(summary, pipeline: pipeline, resume: resumeCommand, stateFolder: stateFolder).lines {
        Output.line(line)
      }
    }
    switch summary.outcome {
    case .done, .upToDate: return
    case .failed: throw ExitCode.taskFailed
    case .interrupted: throw ExitCode.interrupted
    }
  }

  private var resumeCommand: String {
    HostProgram.line(["resume", Paths.shown(file)] + (namesState ? ["--state", Paths.shown(stateFolder.path)] : []))
  }
}

/// SIGINT and SIGTERM while a run goes on: the first drains, the second stops the tasks, the third ends the process.
final class Interrupts {
  private let session: RunSession
  private var sources: [any DispatchSourceSignal] = []

  init(_ session: RunSession) { self.session = session }

  func begin() {
    let queue = DispatchQueue(label: "graphrun.signals")
    let counter = Counter()
    let session = session
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        // What is durable stays durable: a killed run resumes like any other.
        if counter.next() > 2 { _exit(130) }
        session.interrupt()
      }
      source.resume()
      sources.append(source)
    }
  }

  func end() {
    for source in sources { source.cancel() }
    sources = []
  }

  private final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
      count.withLock {
        $0 += 1
        return $0
      }
    }
  }
}
