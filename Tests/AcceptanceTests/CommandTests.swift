import Foundation
import TestSupport
import Testing

/// What the verbs print.
@Suite struct CommandTests {
  @Test(
    "Every verb's help shows an example",
    arguments: [
      "run", "resume", "status", "runs", "plan", "explain", "result", "logs", "graph", "ops", "validate", "sample",
      "clean",
      "doctor",
    ])
  func help(verb: String) throws {
    try TestFiles.withFolder { folder in
      let outcome = try Program.run(verb, "--help", in: folder)
      #expect(outcome.status == 0)
      #expect(outcome.output.contains("EXAMPLE") && outcome.output.contains("graphrun \(verb)"), "\(outcome.output)")
    }
  }

  @Test("Every op describes itself, and its example is a valid entry of a DAG file")
  func ops() throws {
    try TestFiles.withFolder { folder in
      let list = try Program.run("ops", "--json", in: folder)
      let ops = try #require(JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: Any]])
      #expect(ops.count >= 10)
      for op in ops {
        let name = try #require(op["name"] as? String)
        let text = try Program.run("ops", name, in: folder).output
        for word in [name, "gives", "example"] { #expect(text.contains(word), "\(name): \(text)") }
      }
      #expect(try Program.run("ops", "text.tokenise", in: folder).errors.contains("did you mean \"text.tokenize\"?"))
      let schema = try Program.run("ops", "--schema", in: folder).output
      #expect(try JSONSerialization.jsonObject(with: Data(schema.utf8)) is [String: Any])
    }
  }

  @Test("validate, graph, plan, runs and clean work on the example")
  func verbs() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(100, files: 2, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      #expect(try Program.run("validate", file, in: folder).output.contains("is valid: arxiv, 4 entries, 9 tasks"))
      let dot = try Program.run("graph", file, "--format", "dot", in: folder).output
      #expect(dot.hasPrefix("digraph graphrun {") && dot.contains("papers × 2"))
      #expect(try Program.run("graph", file, "--format", "mermaid", in: folder).output.contains("flowchart LR"))
      let plan = try Program.run("plan", file, in: folder)
      #expect(
        plan.output.contains("9 of 9 tasks would run") && plan.output.contains("it has never run"), "\(plan.output)")
      #expect(!TestFiles.exists(folder + "/.graphrun"), "plan changes nothing")
      #expect(try Program.run("status", file, in: folder).errors.contains("nothing has run yet"))

      #expect(try Program.run("run", file, in: folder).status == 0)
      #expect(try Program.run("runs", file, in: folder).output.contains("done"))
      let planned = try Program.run("plan", file, "--json", in: folder).json()
      #expect(planned["runs"] as? Int == 0)
      #expect((planned["tasks"] as? [[String: Any]])?.count == 9)
      let head = try Program.run("result", "written[0]", "--file", file, "--json", in: folder).json()
      #expect(head["records"] as? Int == 50)
      #expect(try Program.run("result", "papers[0]", "--file", file, in: folder).errors.contains("keep: true"))
      #expect(
        try Program.run("result", "total", "--file", file, in: folder).errors.contains("did you mean \"totals\"?"))

      #expect(try Program.run("clean", file, "--dry-run", in: folder).output.contains("would remove"))
      try TestFiles.write("mine", to: folder + "/.graphrun/notes.txt")
      #expect(try Program.run("clean", file, in: folder).status == 2)
      try FileManager.default.removeItem(atPath: folder + "/.graphrun/notes.txt")
      #expect(try Program.run("clean", file, in: folder).status == 0)
      #expect(!TestFiles.exists(folder + "/.graphrun") && TestFiles.exists(folder + "/out"))
    }
  }

  @Test("A table is kept on request, and result shows its head")
  func keptTable() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60, files: 2, in: folder)
      try TestFiles.write(
        """
        tasks:
          papers: {op: arxiv.read, with: {files: data}, keep: true}
          count: {op: bag.count, from: papers}
        """, to: folder + "/kept.yaml")
      #expect(try Program.run("run", "kept.yaml", in: folder).status == 0)
      let text = try Program.run("result", "papers[1]", "--rows", "3", in: folder).output
      #expect(text.contains("abstract") && text.contains("27 more of 30 records"), "\(text)")
      let rows = try JSONSerialization.jsonObject(
        with: Data(try Program.run("result", "papers[1]", "--rows", "3", "--json", in: folder).output.utf8))
      #expect((rows as? [[String: Any]])?.count == 3)
      #expect(try Program.run("result", "count", "--json", in: folder).json()["count"] as? Int == 60)
    }
  }

  @Test("Two DAG files may share a folder: each has its own last run, results and reasons")
  func sharedFolder() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60, files: 2, in: folder)
      for (name, column) in [("a", "abstract"), ("b", "title")] {
        try TestFiles.write(
          """
          tasks:
            papers: {op: arxiv.read, with: {files: data, columns: [id, \(column)]}}
            kinds: {op: bag.distinct, from: papers, with: {column: \(column)}}
          """, to: folder + "/\(name).yaml")
        #expect(try Program.run("run", "\(name).yaml", in: folder).status == 0)
      }
      #expect(try Program.run("plan", "a.yaml", in: folder).output.contains("a is up to date"))
      #expect(try Program.run("status", "a.yaml", in: folder).output.hasPrefix("a  run 1"))
      #expect(try Program.run("status", in: folder).output.hasPrefix("b  run 2"))
      let results = try ["a.yaml", "b.yaml"].map { file in
        try Program.run("result", "kinds", "--file", file, "--json", in: folder).output
      }
      #expect(results[0].contains("abstract") && results[1].contains("title"))
    }
  }

  @Test("status reads the file alone: a copy elsewhere, in a folder that cannot be written, shows the same")
  func copiedState() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60, files: 2, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      #expect(try Program.run("run", file, in: folder).status == 0)
      let here = try Program.run("status", file, "--json", in: folder).json()
      let other = folder + "/elsewhere"
      try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: folder + "/.graphrun/state.sqlite", toPath: other + "/state.sqlite")
      chmod(other, 0o555)
      let there = try Program.run("status", "--state", other + "/state.sqlite", "--json", in: folder).json()
      #expect(NSDictionary(dictionary: here).isEqual(to: there))
      chmod(other, 0o755)
    }
  }

  @Test(
    "Every dashboard is drawn, piped without escape codes, and no line is wider than asked", arguments: [60, 80, 200])
  func dashboards(width: Int) throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60, files: 2, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      #expect(try Program.run("run", file, in: folder).status == 0)
      for name in ["progress", "tasks", "memory", "failures"] {
        let outcome = try Program.run(
          "status", file, "--dashboard", name, in: folder, environment: ["COLUMNS": "\(width)"])
        #expect(outcome.status == 0, "\(name): \(outcome.errors)")
        #expect(!outcome.output.contains("\u{1B}"), "\(name)")
        for line in outcome.output.split(separator: "\n") { #expect(line.count <= width, "\(name): \(line)") }
      }
      #expect(try Program.run("status", file, "--dashboard", "progres", in: folder).errors.contains("progress"))
    }
  }

  @Test("status --watch ends with the run")
  func watching() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60, files: 2, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      #expect(try Program.run("run", file, in: folder).status == 0)
      let outcome = try Program.run("status", file, "--watch", in: folder)
      #expect(outcome.status == 0)
      #expect(outcome.output.contains("done"), "\(outcome.output)")
    }
  }

  @Test("Piped progress is plain lines")
  func plainProgress() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60, files: 2, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let outcome = try Program.run("run", file, in: folder)
      #expect(!outcome.errors.contains("\u{1B}") && !outcome.output.contains("\u{1B}"))
      #expect(outcome.errors.contains("9 tasks"), "\(outcome.errors)")
      #expect(outcome.output.contains("wrote 2 files, 60 records"), "\(outcome.output)")
    }
  }

  @Test("doctor says what is there")
  func doctor() throws {
    try TestFiles.withFolder { folder in
      let outcome = try Program.run("doctor", in: folder)
      #expect(outcome.output.contains("simdjson") && outcome.output.contains("disk here"), "\(outcome.output)")
    }
  }
}
