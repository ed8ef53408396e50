import Foundation
import TestSupport
import Testing

@testable import TortureSupport

/// A Swift program with named tasks and a state folder: killed, started again, and looked at with the command.
@Suite(.serialized) struct SwiftProgramTests {
  private static let program = Program.built("DurableProgram")

  /// Where the program works: its state, and the tasks that it started.
  private struct Place {
    let folder: String
    var state: String { folder + "/.graphrun" }
    private var log: String { folder + "/started" }

    init(_ folder: String) throws {
      self.folder = folder
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    func start() throws -> Program { try Program([state, log], in: folder, path: SwiftProgramTests.program) }

    /// How often each task was started.
    func started() -> [String: Int] {
      let text = (try? TestFiles.text(log)) ?? ""
      return Dictionary(text.split(separator: "\n").map { (String($0), 1) }, uniquingKeysWith: +)
    }

    /// Tasks whose results are on record and outlive the process.
    func durable() throws -> Set<String> { try StateLook(state)?.durable ?? [] }

    /// The bytes of every file that the program wrote.
    func files() -> [String: Data] { Pipelines.contents(of: state + "/persisted/totals") }
  }

  @Test(
    "Killed at random and started again, it redoes only what was not durable and ends with the same bytes",
    arguments: [1, 2])
  func killed(seed: UInt64) throws {
    try TestFiles.withFolder { folder in
      let quiet = try Place(folder + "/undisturbed")
      let begin = Date()
      let undisturbed = try quiet.start().wait()
      let whole = Date().timeIntervalSince(begin)
      #expect(undisturbed.status == 0, "\(undisturbed.errors)")
      #expect(undisturbed.output.hasPrefix("73 stations, sum "), "\(undisturbed.output)")
      #expect(quiet.files().count == 4)
      #expect(quiet.started().values.allSatisfy { $0 == 1 })

      let place = try Place(folder + "/killed")
      var random = SeededRandom(seed: seed)
      var kills = 0
      var killsOverDurable = 0
      var last: Program.Outcome?
      for round in 1...60 {
        let (durable, before) = (try place.durable(), place.started())
        let program = try place.start()
        // After a dozen kills it may end; before, a round gets at most three fifths of the time that everything takes.
        if kills < 12 {
          usleep(UInt32(Double.random(in: 0.1...0.6, using: &random) * whole * 1e6))
          program.signal(SIGKILL)
        }
        let outcome = program.wait()
        let again = place.started().filter { durable.contains($0.key) && $0.value != before[$0.key] }
        #expect(again.isEmpty, "round \(round): run again though durable: \(again.keys.sorted())")
        for (name, bytes) in place.files() { #expect(bytes == quiet.files()[name], "\(name) in round \(round)") }
        guard outcome.status == -SIGKILL else {
          last = outcome
          break
        }
        kills += 1
        killsOverDurable += durable.isEmpty ? 0 : 1
      }
      #expect(kills >= 2 && killsOverDurable >= 1, "\(kills) kills, \(killsOverDurable) of them with something to lose")
      #expect(last?.status == 0, "\(last?.errors ?? "it never ended")")
      #expect(last?.output == undisturbed.output)
      #expect(place.files() == quiet.files())
      #expect(Set(place.started().keys) == Set(quiet.started().keys))

      // What is done stays done.
      let started = place.started()
      let idle = try place.start().wait()
      #expect(idle.output == undisturbed.output)
      #expect(place.started() == started)
      #expect(TestFiles.names(in: place.state + "/spill").isEmpty)
    }
  }

  @Test("status shows its runs; what only the program can do is refused in one line that names it")
  func looked() throws {
    try TestFiles.withFolder { folder in
      let place = try Place(folder)
      let program = try place.start()
      // It is at work as soon as its first task has started.
      while program.process.isRunning, place.started().isEmpty { usleep(1000) }
      let running =
        try Program.run("status", "--state", place.state, "--json", in: folder).json()["run"] as? [String: Any]
      #expect(running?["state"] as? String == "running")
      program.signal(SIGKILL)
      _ = program.wait()
      #expect(try Program.run("status", "--state", place.state, in: folder).output.contains("died"))
      // The folder is found without being named.
      for arguments in [["resume"], ["resume", "--state", place.state]] {
        let resume = try Program(arguments, in: folder).wait()
        #expect(resume.status == 2)
        #expect(
          resume.errors
            == "graphrun: run 1 belongs to the program \(Self.program): start it again, and it goes on with what is not done\n"
        )
      }

      let outcome = try place.start().wait()
      #expect(outcome.status == 0, "\(outcome.errors)")
      let status = try Program.run("status", "--state", place.state, in: folder)
      #expect(status.status == 0)
      #expect(status.output.hasPrefix("DurableProgram  run 3  done"), "\(status.output)")
      let tasks = try Program.run("status", "--state", place.state, "--dashboard", "tasks", in: folder).output
      for name in ["stations", "sum", "report"] { #expect(tasks.contains(name), "\(tasks)") }
      let json = try Program.run("status", "--json", in: folder).json()["run"] as? [String: Any]
      #expect(json?["file"] as? String == Self.program)
      let runs = try Program.run("runs", Self.program, "--state", place.state, in: folder).output
      #expect(runs.split(separator: "\n").count == 4, "\(runs)")

      let explain = try Program.run("explain", "sum", in: folder)
      #expect(explain.status == 2 && explain.errors.contains("run 3 belongs to the program \(Self.program)"))
      let result = try Program.run("result", "sum", in: folder)
      #expect(result.status == 2 && result.errors.contains("it alone can read the result of sum"), "\(result.errors)")
      let file = try Program.run("result", "persist[0]", "--json", in: folder).json()
      #expect(file["path"] as? String == place.state + "/persisted/totals/0.elements")
      #expect(try Program.run("clean", in: folder).status == 0)
      #expect(!TestFiles.exists(place.state))
    }
  }
}
