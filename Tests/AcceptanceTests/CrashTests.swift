import Foundation
import GRDB
import TestSupport
import Testing

/// Kills the real process, and looks at what is there afterwards.
@Suite(.serialized) struct CrashTests {
  /// Looks into the state file; `nil` if the process was killed before there was one with a run in it.
  private static func state<T>(_ folder: String, _ body: (Database) throws -> T) throws -> T? {
    let path = folder + "/.graphrun/state.sqlite"
    guard TestFiles.exists(path) else { return nil }
    return try DatabaseQueue(path: path).read { db in
      guard try db.viewExists("v1_runs"), try Int.fetchOne(db, sql: "SELECT count(*) FROM v1_runs") != 0 else {
        return nil
      }
      return try body(db)
    }
  }

  /// Tasks that the last run started, though `durable` had their results.
  private static func ranAgain(_ folder: String, despite durable: Set<String>) throws -> [String] {
    try state(folder) { db in
      try String.fetchAll(db, sql: "SELECT task FROM v1_tasks WHERE run = (SELECT max(run) FROM v1_runs)")
    }?.filter { durable.contains($0) } ?? []
  }

  /// Tasks with a durable result: written files and reductions' values.
  private static func durable(_ folder: String) throws -> Set<String> {
    try state(folder) { db in
      try Set(String.fetchAll(db, sql: "SELECT task FROM v1_results WHERE store IN ('inline', 'kept', 'output')"))
    } ?? []
  }

  private static func runs(_ folder: String) throws -> Int {
    try state(folder) { try Int.fetchOne($0, sql: "SELECT count(*) FROM v1_runs") ?? 0 } ?? 0
  }

  @Test(
    "Killed at random moments again and again, resume ends with the bytes of an undisturbed run", arguments: [1, 2, 3])
  func killed(seed: Int) throws {
    try TestFiles.withFolder { folder in
      var random = SeededRandom(seed: UInt64(seed))
      try Pipelines.sample(20000, files: 80, seed: seed, in: folder)
      // One worker and a tight bound: the third seed's pipeline also spills and reads back.
      let example = seed == 3 ? Pipelines.twoPasses : Pipelines.arxiv
      let file = try Pipelines.copy(example, to: folder)
      let output = folder + (seed == 3 ? "/out-two-passes" : "/out")
      let begin = Date()
      #expect(try Program.run("run", file, "--memory", "48MB", "--workers", "1", in: folder).status == 0)
      let whole = Date().timeIntervalSince(begin)
      let expected = Pipelines.contents(of: output)
      let totals = try Program.run("result", "totals", "--file", file, "--json", in: folder).output
      for path in [output, folder + "/.graphrun"] { try FileManager.default.removeItem(atPath: path) }

      var kills = 0
      var ended = false
      for _ in 0..<200 where !ended {
        let before = try Self.durable(folder)
        let hasRun = try Self.state(folder) { _ in true } ?? false
        let runs = try Self.runs(folder)
        let program = try Program(
          hasRun ? ["resume", file] : ["run", file, "--memory", "48MB", "--workers", "1"], in: folder)
        // A round gets at most a fifth of the time that everything takes.
        usleep(UInt32(Double.random(in: 0.02...0.2, using: &random) * max(whole, 0.1) * 1e6))
        program.signal(SIGKILL)
        let outcome = program.wait()
        ended = outcome.status == 0
        kills += ended ? 0 : 1
        // Whatever stands under a final name is whole.
        for (name, bytes) in Pipelines.contents(of: output) {
          #expect(bytes == expected[name], "\(name) after kill \(kills)")
        }
        guard try Self.runs(folder) > runs else { continue }  // killed before it began
        let again = try Self.ranAgain(folder, despite: before)
        #expect(again.isEmpty, "ran again though durable: \(again)")
      }
      #expect(kills >= 3)
      let last = try Program.run("resume", file, in: folder)
      #expect(last.status == 0, "\(last.errors)")
      #expect(Pipelines.contents(of: output) == expected)
      #expect(try Program.run("result", "totals", "--file", file, "--json", in: folder).output == totals)
      #expect(TestFiles.names(in: folder + "/.graphrun/spill").isEmpty)
      let check = try DatabaseQueue(path: folder + "/.graphrun/state.sqlite").read {
        try String.fetchOne($0, sql: "PRAGMA integrity_check")
      }
      #expect(check == "ok")
    }
  }

  /// Starts a run over enough papers that it can be caught at work.
  private static func longRun(_ folder: String, _ arguments: [String] = []) throws -> (program: Program, file: String) {
    try Pipelines.sample(12000, files: 60, in: folder)
    let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
    let program = try Program(["run", file, "--workers", "1"] + arguments, in: folder)
    // It is under way as soon as one output file is there.
    while program.process.isRunning, Pipelines.contents(of: folder + "/out").isEmpty { usleep(1000) }
    return (program, file)
  }

  @Test("The first SIGINT lets running tasks end, says how to go on, and exits with 130")
  func interrupted() throws {
    try TestFiles.withFolder { folder in
      let (program, file) = try Self.longRun(folder)
      program.signal(SIGINT)
      let outcome = program.wait()
      #expect(outcome.status == 130, "\(outcome.errors)")
      #expect(outcome.output.contains("go on with: graphrun resume"), "\(outcome.output)")
      let status = try Program.run("status", file, in: folder)
      #expect(status.output.contains("interrupted"), "\(status.output)")
      #expect(try Program.run("resume", file, in: folder).status == 0)
      #expect(Pipelines.contents(of: folder + "/out").count == 60)
    }
  }

  @Test("A second SIGINT stops at once and leaves nothing half-written")
  func interruptedTwice() throws {
    try TestFiles.withFolder { folder in
      let (program, file) = try Self.longRun(folder)
      program.signal(SIGINT)
      program.signal(SIGINT)
      let outcome = program.wait()
      #expect(outcome.status == 130, "\(outcome.errors)")
      #expect(try Program.run("resume", file, in: folder).status == 0)
      let resumed = Pipelines.contents(of: folder + "/out")
      #expect(TestFiles.names(in: folder + "/out").filter { $0.hasSuffix(".graphrun-partial") }.isEmpty)
      try FileManager.default.removeItem(atPath: folder + "/.graphrun")
      #expect(try Program.run("run", file, in: folder).status == 0)
      #expect(Pipelines.contents(of: folder + "/out") == resumed)
    }
  }

  @Test("While a run goes on a second is refused with its process id, and status sees it; after a kill it is dead")
  func twoProcesses() throws {
    try TestFiles.withFolder { folder in
      let (program, file) = try Self.longRun(folder)
      program.signal(SIGSTOP)
      let second = try Program.run("run", file, in: folder)
      #expect(second.status == 2)
      #expect(second.errors.contains("process \(program.process.processIdentifier)"), "\(second.errors)")
      let alive = try Program.run("status", file, "--json", in: folder).json()
      #expect((alive["run"] as? [String: Any])?["state"] as? String == "running")
      program.signal(SIGCONT)
      program.signal(SIGKILL)
      _ = program.wait()
      let dead = try Program.run("status", file, in: folder)
      #expect(dead.output.contains("died"), "\(dead.output)")
      let resumed = try Program.run("resume", file, in: folder)
      #expect(resumed.status == 0)
      #expect(resumed.errors.contains("run 1 died before it ended"), "\(resumed.errors)")
    }
  }
}
