import Foundation
import GRDB
import TestSupport
import Testing

/// What a DAG file and the command line say about how tasks run, with the real program.
@Suite struct EnginePolicyTests {
  /// Runs `text` as a DAG file in `folder`.
  private func run(_ text: String, in folder: String, _ arguments: String...) throws -> Program.Outcome {
    try TestFiles.write(text, to: folder + "/dag.yaml")
    return try Program(["run", "dag.yaml", "--json"] + arguments, in: folder).wait()
  }

  private func rows(_ sql: String, in folder: String) throws -> [[String]] {
    try DatabaseQueue(path: folder + "/.graphrun/state.sqlite").read { db in
      try Row.fetchAll(db, sql: sql).map { row in
        row.map { $0.1.isNull ? "" : "\(String.fromDatabaseValue($0.1) ?? "")" }
      }
    }
  }

  private func texts(_ sql: String, in folder: String) throws -> [String] {
    try DatabaseQueue(path: folder + "/.graphrun/state.sqlite").read { try String.fetchAll($0, sql: sql) }
  }

  @Test("A task with retries succeeds in the end, and each failed attempt is on record")
  func retries() throws {
    try TestFiles.withFolder { folder in
      let outcome = try run(
        "tasks:\n  shaky: {op: debug.fail, with: {times: 2}, retries: 3, retryDelay: 0.01}\n", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try texts("SELECT outcome FROM v1_tasks ORDER BY attempt", in: folder) == ["failed", "failed", "done"])
      #expect(try texts("SELECT CAST(number AS TEXT) FROM v1_tasks ORDER BY attempt", in: folder) == ["1", "2", "3"])
      #expect(try texts("SELECT task FROM v1_retries", in: folder) == ["shaky", "shaky"])
      #expect(try texts("SELECT task FROM v1_failures", in: folder) == [])
    }
  }

  @Test("Without enough retries the run fails, and resuming counts the attempts on")
  func retriesAcrossRuns() throws {
    try TestFiles.withFolder { folder in
      let text = "tasks:\n  shaky: {op: debug.fail, with: {times: 2}, retries: 1, retryDelay: 0.01}\n"
      #expect(try run(text, in: folder).status == 1)
      let second = try Program.run("resume", "dag.yaml", "--json", in: folder)
      #expect(second.status == 0, "\(second.errors)")
      #expect(try texts("SELECT CAST(number AS TEXT) FROM v1_tasks ORDER BY attempt", in: folder) == ["1", "2", "3"])
    }
  }

  @Test("A pool's slots bound how many of its tasks run at once; a resource's units do")
  func pools() throws {
    try TestFiles.withFolder { folder in
      let outcome = try run(
        """
        pools: {disk: 1}
        resources: {gpu: 3}
        tasks:
          a: {op: debug.sleep, with: {seconds: 0.05, partitions: 4}, pool: disk}
          b: {op: debug.sleep, with: {seconds: 0.05, partitions: 4}, resources: {gpu: 2}}
          c: {op: debug.sleep, with: {seconds: 0.05, partitions: 4}}
        """, in: folder, "--workers", "4")
      #expect(outcome.status == 0, "\(outcome.errors)")
      for name in ["a", "b"] {
        let overlaps = try texts(
          """
          SELECT x.task || y.task FROM v1_tasks x JOIN v1_tasks y ON x.name = y.name AND x.attempt < y.attempt
          WHERE x.name = '\(name)' AND x.started_at < y.ended_at - 0.002 AND y.started_at < x.ended_at - 0.002
          """, in: folder)
        #expect(overlaps == [])
      }
    }
  }

  @Test("A pool that is not declared, or that has too few units, is a mistake with its line")
  func unknownPool() throws {
    try TestFiles.withFolder { folder in
      let unknown = try run("pools: {disk: 1}\ntasks:\n  a: {op: debug.noop, pool: disc}\n", in: folder)
      #expect(unknown.errors.contains("dag.yaml:3") && unknown.errors.contains("did you mean \"disk\"?"))
      let many = try run("resources: {gpu: 1}\ntasks:\n  a: {op: debug.noop, resources: {gpu: 2}}\n", in: folder)
      #expect(many.errors.contains("it takes 2 of resource \"gpu\", and there are 1"))
      let bad = try run("tasks:\n  a: {op: debug.noop, retries: -1}\n", in: folder)
      #expect(bad.errors.contains("\"retries\" wants an integer, 0 to 1000, and got \"-1\""))
    }
  }

  @Test("Tasks of higher priority run first, and what they need with them")
  func priority() throws {
    try TestFiles.withFolder { folder in
      let outcome = try run(
        """
        tasks:
          low: {op: debug.noop, with: {partitions: 5}}
          needed: {op: debug.bytes}
          high: {op: debug.mix, from: needed, priority: 3}
        """, in: folder, "--workers", "1")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let names = try texts("SELECT name FROM v1_tasks ORDER BY attempt", in: folder)
      #expect(names.prefix(2) == ["needed", "high"])
    }
  }

  @Test("--keep-going finishes what does not depend on a failure; --only-failed runs just the failed ones")
  func keepGoing() throws {
    try TestFiles.withFolder { folder in
      let text = """
        tasks:
          bad: {op: debug.fail, with: {times: 1}}
          after: {op: debug.noop, from: bad}
          fine: {op: debug.bytes, with: {partitions: 3}}
        """
      let first = try run(text, in: folder, "--keep-going", "--workers", "1")
      #expect(first.status == 1)
      let counts = try first.json()
      #expect(counts["done"] as? Int == 3)
      #expect(counts["skipped"] as? Int == 1)
      let second = try Program.run("resume", "dag.yaml", "--only-failed", "--json", in: folder)
      #expect(second.status == 0, "\(second.errors)")
      #expect(try texts("SELECT task FROM v1_tasks WHERE run = 2", in: folder) == ["bad"])
      let third = try Program.run("resume", "dag.yaml", "--json", in: folder)
      #expect(third.status == 0)
      #expect(try texts("SELECT task FROM v1_tasks WHERE run = 3 ORDER BY attempt", in: folder).last == "after")
      let none = try Program.run("resume", "dag.yaml", "--only-failed", in: folder)
      #expect(none.status != 0 && none.errors.contains("no task of the last run failed"))
    }
  }

  @Test("--from runs a task and what depends on it again, --force everything; a bad name gets a suggestion")
  func forced() throws {
    try TestFiles.withFolder { folder in
      let text = """
        tasks:
          a: {op: debug.bytes, with: {partitions: 4}, keep: true}
          b: {op: debug.mix, from: a, keep: true}
          c: {op: debug.reduce, from: b}
        """
      #expect(try run(text, in: folder).status == 0)
      let again = try run(text, in: folder).json()
      #expect(again["outcome"] as? String == "up-to-date")
      let one = try run(text, in: folder, "--from", "b[2]").json()
      #expect(one["done"] as? Int == 2)
      #expect(
        try texts("SELECT DISTINCT reason FROM v1_tasks WHERE run = 2 ORDER BY 1", in: folder)
          == ["forced", "input-changed"])
      let whole = try run(text, in: folder, "--from", "b").json()
      #expect(whole["done"] as? Int == 5)
      let everything = try run(text, in: folder, "--force").json()
      #expect(everything["done"] as? Int == 9)
      let wrong = try run(text, in: folder, "--from", "d")
      #expect(wrong.status != 0 && wrong.errors.contains("--from: there is no task \"d\""))
    }
  }

  @Test("A forced run that was interrupted does not begin again when resumed")
  func forcedResume() throws {
    try TestFiles.withFolder { (folder: String) throws in
      func text(_ times: Int) -> String {
        """
        tasks:
          a: {op: debug.bytes, with: {partitions: 4}, keep: true}
          s: {op: debug.reduce, from: a}
          end: {op: debug.fail, from: s, with: {times: \(times)}}
        """
      }
      #expect(try run(text(0), in: folder).status == 0)
      #expect(try run(text(1), in: folder, "--force").status == 1)
      #expect(try Program.run("resume", "dag.yaml", "--json", in: folder).status == 0)
      #expect(try texts("SELECT task FROM v1_tasks WHERE run = 3", in: folder) == ["end"])
    }
  }

  @Test("After an edit, resume runs what the edit reaches")
  func edited() throws {
    try TestFiles.withFolder { folder in
      func text(_ seed: Int) -> String {
        """
        tasks:
          a: {op: debug.bytes, with: {seed: 1}, keep: true}
          b: {op: debug.mix, from: a, with: {seed: \(seed)}, keep: true}
          end: {op: debug.fail, from: b, with: {times: 1}}
        """
      }
      #expect(try run(text(1), in: folder).status == 1)
      try TestFiles.write(text(2), to: folder + "/dag.yaml")
      #expect(try Program.run("resume", "dag.yaml", "--json", in: folder).status == 0)
      #expect(try texts("SELECT task FROM v1_tasks WHERE run = 2 ORDER BY attempt", in: folder) == ["b", "end"])
    }
  }

  @Test("The printed order is topological, and its pressures are those worked out here")
  func order() throws {
    try TestFiles.withFolder { folder in
      var random = SeededRandom(seed: 7)
      var inputs: [String: [String]] = [:]
      var names: [String] = []
      var text = "tasks:\n"
      for number in 0..<120 {
        let name = "t\(number)"
        let from = (0..<Int.random(in: 0...3, using: &random)).compactMap { _ in
          names.suffix(30).randomElement(using: &random)
        }
        inputs[name] = from
        text += "  \(name): {op: debug.mix, from: [\(from.joined(separator: ", "))]}\n"
        names.append(name)
      }
      try TestFiles.write(text, to: folder + "/dag.yaml")
      let plan = try Program.run("plan", "dag.yaml", "--order", "--json", in: folder).json()
      let order = try #require(plan["order"] as? [String])
      #expect(Set(order) == Set(names) && order.count == names.count)
      var uses: [String: Int] = [:]
      for from in inputs.values { for name in from { uses[name, default: 0] += 1 } }
      var held = 0
      var most = 0
      var sum = 0
      var done: Set<String> = []
      for name in order {
        for input in inputs[name]! {
          #expect(done.contains(input))
          uses[input]! -= 1
          if uses[input] == 0 { held -= 1 }
        }
        if uses[name, default: 0] > 0 { held += 1 }
        (most, sum) = (max(most, held), sum + held)
        done.insert(name)
      }
      #expect(plan["max_pressure"] as? Int == most)
      #expect(plan["sum_pressure"] as? Int == sum)
    }
  }

  @Test("A dear result is on disk before the run is killed; keep: false leaves it out", arguments: [true, false])
  func dearResults(isKept: Bool) throws {
    try TestFiles.withFolder { folder in
      func text(_ pause: Double) -> String {
        let keep = isKept ? "" : ", keep: false"
        return """
          tasks:
            dear: {op: debug.sleep, with: {seconds: 0.3}\(keep)}
            pause: {op: debug.sleep, from: dear, with: {seconds: \(pause)}\(keep)}
          """
      }
      try TestFiles.write(text(600), to: folder + "/dag.yaml")
      let program = try Program(["run", "dag.yaml", "--json"], in: folder)
      // Killed when the result is on record; without the rule, when the record is surely later than it would have been:
      // each sample is written in a transaction of its own.
      let isRecorded =
        isKept
        ? "SELECT count(*) > 0 FROM v1_results WHERE task = 'dear'"
        : "SELECT count(*) > 2 FROM v1_memory WHERE at > (SELECT ended_at FROM v1_tasks WHERE task = 'dear')"
      let end = Date(timeIntervalSinceNow: 60)
      while (try? texts(isRecorded, in: folder)) != ["1"], Date() < end { usleep(10_000) }
      program.signal(SIGKILL)
      #expect(program.wait().status == -SIGKILL)
      try TestFiles.write(text(0), to: folder + "/dag.yaml")
      #expect(try Program.run("resume", "dag.yaml", in: folder).status == 0)
      let again = try texts("SELECT task FROM v1_tasks WHERE run = 2 ORDER BY attempt", in: folder)
      #expect(again == (isKept ? ["pause"] : ["dear", "pause"]))
    }
  }
}
