import Foundation
import GRDB
import TestSupport
import Testing

/// `op: command`: programs as tasks, run by the real program.
@Suite(.serialized) struct CommandOpTests {
  /// Writes `tasks:` with the given entries to `FOLDER/p.yaml`.
  private func write(_ entries: String, in folder: String) throws {
    try TestFiles.write(
      "tasks:\n" + entries.split(separator: "\n").map { "  \($0)\n" }.joined(), to: folder + "/p.yaml")
  }

  private func query<T: DatabaseValueConvertible>(_ sql: String, in folder: String) throws -> [T] {
    try DatabaseQueue(path: folder + "/.graphrun/state.sqlite").read { try T.fetchAll($0, sql: sql) }
  }

  private func isAlive(_ process: String) -> Bool {
    guard let number = Int32(process.trimmingCharacters(in: .whitespacesAndNewlines)) else { return false }
    guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8) else { return false }
    return !text[(text.lastIndex(of: ")") ?? text.startIndex)...].hasPrefix(") Z")
  }

  /// Waits for something that another process does; gives up after many seconds.
  private func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 {
      if condition() { return true }
      usleep(5000)
    }
    return false
  }

  /// A task that starts a child of its own and a grandchild in a session of its own, and waits for neither.
  ///
  /// Their numbers go to `pids`, one a line.
  private let family = """
    long:
      op: command
      with:
        run: |
          sh -c 'echo $$ >> pids; sleep 300; true' &
          setsid sh -c 'echo $$ >> pids; sleep 300; true' &
          echo $$ >> pids
          wait
    """

  private func waitForFamily(in folder: String) throws -> [String] {
    func pids() -> [String] {
      ((try? TestFiles.text(folder + "/pids")) ?? "").split(separator: "\n").map(String.init)
    }
    try #require(eventually { pids().count == 3 })
    return pids()
  }

  @Test("It runs once a file, and names, parameters and variables may hold anything")
  func quoting() throws {
    try TestFiles.withFolder { folder in
      let names = ["a b.txt", "it's.txt", "q\"u$HOME`x`.txt", "größe 大.txt", "-n.txt", "*.txt"]
      for name in names { try TestFiles.write("text of \(name)\n", to: folder + "/data/" + name) }
      let odd = #"two words, 'one' "two" $HOME \n"#
      try TestFiles.write(odd, to: folder + "/expected")
      try write(
        """
        shell:
          op: command
          with:
            files: data
            run: "cat {input} > {output}; printf %s {params.odd} | cmp - expected; printf %s \\"$ODD\\" | cmp - expected"
            output: shell/{name}.out
            params: {odd: 'two words, ''one'' "two" $HOME \\n'}
            environment: {ODD: 'two words, ''one'' "two" $HOME \\n'}
        words:
          op: command
          from: shell
          with:
            run: [cp, --, "{input}", "{output}"]
            output: words/{stem}
        all:
          op: command
          from: words
          with: {run: "cat -- {inputs} > {output}", output: all.txt, once: true}
        """, in: folder)
      let outcome = try Program.run("run", "p.yaml", "--json", in: folder)
      #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
      for name in names {
        #expect(try TestFiles.text("\(folder)/shell/\(name).out") == "text of \(name)\n")
        #expect(try TestFiles.text("\(folder)/words/\(name)") == "text of \(name)\n")
      }
      let all = try TestFiles.text(folder + "/all.txt").split(separator: "\n").sorted()
      #expect(all == names.map { "text of \($0)" }.sorted())
      for part in ["shell", "words"] {
        #expect(TestFiles.names(in: "\(folder)/\(part)").count == names.count, "nothing is left beside the outputs")
      }
      let again = try Program.run("run", "p.yaml", "--json", in: folder).json()
      #expect(again["outcome"] as? String == "up-to-date")
    }
  }

  @Test("A sink's files are a command's inputs, and a tool sees the ending it expects")
  func afterSink() throws {
    try TestFiles.withFolder { folder in
      for name in ["a", "b"] { try TestFiles.write("{\"x\": \"\(name)\"}\n", to: "\(folder)/data/\(name).jsonl") }
      try write(
        """
        rows: {op: jsonl.read, with: {files: data}}
        written: {op: jsonl.write, from: rows, with: {directory: rows}}
        counted:
          op: command
          from: written
          with:
            run: 'case {output} in *.png) cat {input} > {output};; *) exit 9;; esac'
            output: out/{stem}.png
        """, in: folder)
      let outcome = try Program.run("run", "p.yaml", in: folder)
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(try TestFiles.text(folder + "/out/b.png").contains("\"b\""))
      // The sink's results are reused while the command runs anew.
      try FileManager.default.removeItem(atPath: folder + "/out/a.png")
      let again = try Program.run("run", "p.yaml", "--json", in: folder).json()
      #expect(again["done"] as? Int == 1)
      #expect(try TestFiles.text(folder + "/out/a.png").contains("\"a\""))
    }
  }

  @Test("A failure leaves no output, says what was printed last, and only it runs again")
  func failure() throws {
    try TestFiles.withFolder { folder in
      for name in ["a", "b", "c", "d"] { try TestFiles.write(name, to: "\(folder)/data/\(name).txt") }
      try write(
        """
        step:
          op: command
          with:
            files: data
            run: |
              echo {stem} >> ran
              echo half > {output}
              if [ {stem} = b ] && [ ! -e mended ]; then
                for line in 1 2 3 4 5 6; do echo line $line >&2; done
                exit 3
              fi
              cat {input} > {output}
            output: out/{stem}
        """, in: folder)
      let outcome = try Program.run("run", "p.yaml", "--keep-going", in: folder)
      #expect(outcome.status == 1)
      #expect(
        outcome.output.contains(
          "exited with 3; its last lines: line 2 | line 3 | line 4 | line 5 | line 6; see logs 'step[1]'"),
        "\(outcome.output)")
      #expect(TestFiles.names(in: folder + "/out") == ["a", "c", "d"])
      let log = try Program.run("logs", "step[1]", in: folder)
      #expect(log.output == (1...6).map { "line \($0)\n" }.joined())
      #expect(log.errors.hasPrefix(".graphrun/logs/step/"), "\(log.errors)")
      #expect(try Program.run("logs", "step[1]", "--lines", "2", in: folder).output == "line 5\nline 6\n")
      #expect(try Program.run("logs", "step[0]", in: folder).errors.contains("printed nothing"))
      #expect(try Program.run("logs", "stop", in: folder).errors.contains("did you mean \"step\"?"))

      try TestFiles.write("", to: folder + "/mended")
      #expect(try Program.run("resume", "p.yaml", in: folder).status == 0)
      #expect(try TestFiles.text(folder + "/ran").split(separator: "\n").sorted() == ["a", "b", "b", "c", "d"])
      #expect(try TestFiles.text(folder + "/out/b") == "b")
    }
  }

  @Test(
    "What cannot be run says why and what helps",
    arguments: [
      ("[no-such-program]", "there is no program \"no-such-program\" in the folders of PATH"),
      ("[./data/a.txt]", "is not executable; make it so (chmod +x)"),
      ("[./missing]", "there is no program ./missing"),
      ("no-such-program", "exited with 127 (a program was not found)"),
      ("kill -SEGV $$", "was killed by signal 11, SIGSEGV"),
      ("\"false; true\"", "exited with 1; it printed nothing"),
      ("\"mkdir {output}\", output: x", "is no regular file"),
      ("\": {output}\", output: x", "it wrote no output"),
      ("\"true\", folder: nowhere", "its working folder cannot be entered"),
    ])
  func complaints(run: String, message: String) throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write("x", to: folder + "/data/a.txt")
      try write("step: {op: command, with: {run: \(run)}}", in: folder)
      let outcome = try Program.run("run", "p.yaml", in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.output.contains(message), "\(outcome.output) \(outcome.errors)")
      #expect(!TestFiles.exists(folder + "/x"))
    }
  }

  @Test(
    "validate finds what is wrong with a command",
    arguments: [
      ("{run: 'cat {inptu}'}", "{inptu} is no placeholder here; did you mean {input}?"),
      ("{run: 'cat {input}'}", "there is no input file"),
      ("{run: 'cat \"{input}\"', files: data}", "{input} stands inside quotes"),
      ("{run: 'echo {params.a}', params: {b: 1}}", "\"params\" has no \"a\""),
      ("{run: 'true > {output}'}", "there is no \"output\""),
      ("{run: 'true', output: x}", "it does not mention {output}"),
      ("{run: 'true > {output}', files: data, output: x}", "would both write"),
      ("{run: 'true > {output}', files: data, output: 'data/{name}'}", "which task"),
      ("{run: [cat, 'x{inputs}'], files: data}", "cannot be a part of one"),
      ("{run: true, environment: {A: [1]}}", "wants a single value for \"A\", and got a list"),
      ("{run: {input}, files: data}", "got a mapping"),
      ("{run: true, watch: nothing}", "there is no file"),
    ])
  func validation(with: String, message: String) throws {
    try TestFiles.withFolder { folder in
      for name in ["a", "b"] { try TestFiles.write(name, to: "\(folder)/data/\(name)") }
      try write("step:\n  op: command\n  with: \(with)", in: folder)
      let outcome = try Program.run("validate", "p.yaml", in: folder)
      #expect(outcome.status == 65)
      #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }
  }

  @Test("Two commands that would write one file are found by validate, and so is one that reads what lies in memory")
  func clashes() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write("{\"x\": 1}\n", to: folder + "/data/a.jsonl")
      try write(
        """
        one: {op: command, with: {run: "echo 1 > {output}", output: x}}
        two: {op: command, with: {run: "echo 2 > {output}", output: ./x}}
        """, in: folder)
      let clash = try Program.run("validate", "p.yaml", in: folder)
      #expect(clash.errors.contains("which task \"one\" writes too"), "\(clash.errors)")
      try write(
        """
        rows: {op: jsonl.read, with: {files: data}}
        bad: {op: command, from: rows, with: {run: "cat {input}"}}
        """, in: folder)
      let memory = try Program.run("validate", "p.yaml", in: folder)
      #expect(memory.errors.contains("gives values in memory, and command reads files"), "\(memory.errors)")
    }
  }

  @Test("Text for the shell keeps its own braces and variables")
  func braces() throws {
    try TestFiles.withFolder { folder in
      try write(
        """
        step:
          op: command
          with:
            run: |
              x=abc; echo "a b" | awk '{print $2}' > {output}
              echo "$${x}" $${x%c} {{input}} '{"a": {"b": 1}}' >> {output}  # don't
              echo "$(cat {params.file})" >> {output}
            params: {file: a b}
            output: out
        """, in: folder)
      try TestFiles.write("spaced", to: folder + "/a b")
      let outcome = try Program.run("run", "p.yaml", in: folder)
      #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
      #expect(try TestFiles.text(folder + "/out") == "b\nabc ab {input} {\"a\": {\"b\": 1}}\nspaced\n")
    }
  }

  @Test("A changed script, parameter or variable makes it run again; nothing else does")
  func identity() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write("cat \"$1\" > \"$2\"", to: folder + "/script.sh")
      try TestFiles.write("a", to: folder + "/data/a")
      func run(_ extra: String) throws -> Int {
        try write(
          """
          step:
            op: command
            with: {files: data, run: [sh, script.sh, "{input}", "{output}"], output: "out/{name}", watch: script.sh\(extra)}
          """, in: folder)
        let outcome = try Program.run("run", "p.yaml", "--json", in: folder)
        return try outcome.json()["done"] as? Int ?? -1
      }
      #expect(try run("") == 1)
      #expect(try run("") == 0)
      try TestFiles.write("b", to: folder + "/data/b")
      #expect(try run("") == 1, "the new file alone")
      try TestFiles.write("cat \"$1\" \"$1\" > \"$2\"", to: folder + "/script.sh")
      #expect(try Program.run("plan", "p.yaml", in: folder).output.contains("script.sh has changed"))
      #expect(try run("") == 2)
      #expect(try run(", environment: {A: b}") == 2)
      #expect(try run(", environment: {A: b}") == 0)
    }
  }

  @Test("A timeout ends it with all it started, as politely as it lets itself be ended")
  func timeout() throws {
    try TestFiles.withFolder { folder in
      try write(
        """
        slow:
          op: command
          timeout: 0.3
          with: {run: "trap 'echo bye > bye; exit 1' TERM; echo half > {output}; sleep 300 & wait", output: out}
        """, in: folder)
      let outcome = try Program.run("run", "p.yaml", "--json", in: folder)
      #expect(outcome.status == 1)
      let failures = try outcome.json()["failures"] as? [[String: Any]]
      #expect(failures?.first?["code"] as? String == "timeout")
      #expect(try TestFiles.text(folder + "/bye") == "bye\n")
      #expect(!TestFiles.exists(folder + "/out"))
      #expect(TestFiles.names(in: folder).filter { $0.contains("graphrun-partial") } == [])
    }
  }

  @Test("The second interrupt kills it with its children, also those in sessions of their own")
  func cancellation() throws {
    try TestFiles.withFolder { folder in
      try write(family, in: folder)
      let program = try Program(["run", "p.yaml"], in: folder)
      let pids = try waitForFamily(in: folder)
      for pid in pids { #expect(isAlive(pid)) }
      // Two that the system cannot take for one.
      program.signal(SIGINT)
      program.signal(SIGTERM)
      #expect(program.wait().status == 130)
      for pid in pids { #expect(!isAlive(pid)) }
    }
  }

  @Test("kill -9 of graphrun leaves none of its programs' processes")
  func killed() throws {
    try TestFiles.withFolder { folder in
      try write(family.replacingOccurrences(of: "setsid ", with: ""), in: folder)
      let program = try Program(["run", "p.yaml"], in: folder)
      let pids = try waitForFamily(in: folder)
      program.signal(SIGKILL)
      #expect(program.wait().status == -9)
      #expect(eventually { !pids.contains(where: isAlive) })
    }
  }

  @Test("What a program leaves running ends with it")
  func leftovers() throws {
    try TestFiles.withFolder { folder in
      try write("step: {op: command, with: {run: 'sleep 300 & echo $! > pids'}}", in: folder)
      #expect(try Program.run("run", "p.yaml", in: folder).status == 0)
      let pid = try TestFiles.text(folder + "/pids")
      #expect(eventually { !isAlive(pid) })
    }
  }

  @Test("The memory of a program's children is measured")
  func memory() throws {
    try TestFiles.withFolder { folder in
      // A child of the shell holds 60 MB for a while.
      try write(
        """
        hungry:
          op: command
          with: {run: 'x=$(head -c 60000000 /dev/zero | tr "\\\\0" x); sleep 0.5; true'}
        """, in: folder)
      let outcome = try Program.run("run", "p.yaml", "--json", in: folder)
      #expect(outcome.status == 0, "\(outcome.output)")
      let peak = try outcome.json()["peak_memory"] as? Int
      #expect(try #require(peak) > 50_000_000)
      let rss: [Int] = try query("SELECT max(rss) FROM v1_memory", in: folder)
      #expect(rss[0] > 50_000_000, "\(rss)")
      let scratch: [Int] = try query("SELECT scratch_bytes FROM v1_tasks", in: folder)
      #expect(scratch.count == 1 && scratch[0] > 50_000_000 && scratch[0] < 400_000_000, "\(scratch)")
    }
  }

  @Test("It may be tried again, and runs in a pool")
  func policies() throws {
    try TestFiles.withFolder { folder in
      for index in 0..<6 { try TestFiles.write("", to: "\(folder)/data/\(index)") }
      try TestFiles.write(
        """
        pools: {one: 1}
        tasks:
          step:
            op: command
            pool: one
            retries: 1
            retryDelay: 0.01
            with:
              files: data
              run: |
                mkdir busy
                sleep 0.02
                rmdir busy
                [ -e tried-{stem} ] || { touch tried-{stem}; exit 1; }
        """, to: folder + "/p.yaml")
      let outcome = try Program.run("run", "p.yaml", "--workers", "3", in: folder)
      #expect(outcome.status == 0, "\(outcome.output)")
      let attempts: [Int] = try query("SELECT count(*) FROM v1_tasks", in: folder)
      #expect(attempts == [12])
    }
  }
}
