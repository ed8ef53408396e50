import Foundation
import TestSupport
import Testing

/// Every mistake gets an answer that names what is wrong, where, and what helps. The tests read it.
@Suite struct BadInputTests {
  /// Runs the example on one data file with `content`.
  private func runOn(
    _ content: Data, name: String = "papers.json", extra: String = "", _ check: (Program.Outcome, String) throws -> Void
  ) throws {
    try TestFiles.withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
      try content.write(to: URL(fileURLWithPath: folder + "/data/" + name))
      let text = try TestFiles.text(Pipelines.arxiv).replacing(
        #"with: {files: "${input}"}"#, with: #"with: {files: "${input}"\#(extra)}"#)
      try TestFiles.write(text, to: folder + "/arxiv.yaml")
      try check(try Program.run("run", "arxiv.yaml", "--set", "input=data/*", in: folder), folder)
      #expect(TestFiles.names(in: folder + "/out").filter { $0.hasSuffix("partial") }.isEmpty)
    }
  }

  private func runOn(
    _ content: String, name: String = "papers.json", extra: String = "",
    _ check: (Program.Outcome, String) throws -> Void
  ) throws {
    try runOn(Data(content.utf8), name: name, extra: extra, check)
  }

  /// Runs a DAG file made of `text`.
  private func run(_ text: String, _ arguments: String..., check: (Program.Outcome) throws -> Void) throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(text, to: folder + "/dag.yaml")
      try TestFiles.write("{\(Pipelines.paper("0704.0001"))}", to: folder + "/data/papers.json")
      let program = try Program(["run", "dag.yaml"] + arguments, in: folder)
      try check(program.wait())
    }
  }

  private func expectFailure(
    _ outcome: Program.Outcome, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
    for word in words {
      #expect(outcome.output.contains(word), "\"\(word)\" in: \(outcome.output)", sourceLocation: sourceLocation)
    }
    #expect(outcome.output.contains("go on with: graphrun resume"), sourceLocation: sourceLocation)
  }

  private func expectBadFile(
    _ outcome: Program.Outcome, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == 65, "\(outcome.errors)", sourceLocation: sourceLocation)
    for word in words {
      #expect(outcome.errors.contains(word), "\"\(word)\" in: \(outcome.errors)", sourceLocation: sourceLocation)
    }
  }

  @Test("An unknown op is answered with line, column and the nearest name")
  func unknownOp() throws {
    try run("tasks:\n  papers:\n    op: arxiv.raed\n    with: {files: data/*.json}\n") {
      expectBadFile($0, "dag.yaml:3:9", "arxiv.raed", "arxiv.read")
    }
  }

  @Test("Unknown, missing and ill-typed parameters are named with their place, all at once")
  func parameters() throws {
    let text = """
      tasks:
        papers: {op: arxiv.read, with: {file: data/*.json}}
        words:
          op: text.tokenize
          from: papers
          with: {column: abstract, keep: perhaps}
      """
    try run(text) {
      expectBadFile($0, "dag.yaml:2:", "\"file\"", "\"files\"", "dag.yaml:6:", "keep", "true or false")
    }
  }

  @Test("An unknown input, a duplicate name and a cycle are named")
  func structure() throws {
    let papers = "tasks:\n  papers: {op: arxiv.read, with: {files: data/*.json}}\n"
    try run(papers + "  words: {op: text.tokenize, from: paper, with: {column: abstract}}\n") {
      expectBadFile($0, "dag.yaml:3:", "\"paper\"", "\"papers\"")
    }
    try run(papers + "  papers: {op: arxiv.read, with: {files: data/*.json}}\n") {
      expectBadFile($0, "dag.yaml:3:", "papers")
    }
    let cycle = """
      tasks:
        a: {op: text.tokenize, from: c, with: {column: abstract}}
        b: {op: text.tokenize, from: a, with: {column: abstract}}
        c: {op: text.tokenize, from: b, with: {column: abstract}}
      """
    try run(cycle) { expectBadFile($0, "a → ") }
  }

  @Test("YAML that is broken is answered with line and column")
  func syntax() throws {
    try run("tasks:\n  papers: {op: arxiv.read, with: {files: data\n") { expectBadFile($0, "dag.yaml:") }
    try run("") { expectBadFile($0, "dag.yaml") }
  }

  @Test("A pattern that matches nothing and a file that is not there are named")
  func noFiles() throws {
    try run("tasks:\n  papers: {op: arxiv.read, with: {files: nothing/*.json}}\n") {
      expectBadFile($0, "dag.yaml:2:", "nothing/*.json")
    }
    try run("tasks:\n  papers: {op: arxiv.read, with: {files: data/none.json}}\n") {
      expectBadFile($0, "dag.yaml:2:", "data/none.json")
    }
  }

  @Test("Usage errors end with 64: unknown --set, bad sizes, unknown verbs")
  func usage() throws {
    let text = "parameters: {input: data/*.json}\ntasks:\n  papers: {op: arxiv.read, with: {files: \"${input}\"}}\n"
    try run(text, "--set", "inptu=x") {
      #expect($0.status == 64)
      #expect($0.errors.contains("inptu") && $0.errors.contains("\"input\""), "\($0.errors)")
    }
    try run(text, "--memory", "lots") { #expect($0.status == 64) }
    try run(text, "--workers", "0") { #expect($0.status == 64) }
    try TestFiles.withFolder { folder in
      let outcome = try Program.run("fly", in: folder)
      #expect(outcome.status == 64)
    }
  }

  @Test("Truncated JSON fails with file and record, and says what was skipped")
  func truncated() throws {
    let whole = "{\(Pipelines.paper("0704.0001")), \(Pipelines.paper("0704.0002"))}"
    try runOn(String(whole.dropLast(30))) { outcome, _ in
      expectFailure(outcome, ["failed: papers[0] (arxiv.read)", "data/papers.json", "cause", "skipped prepared[0]"])
    }
  }

  @Test("A record without an abstract, and one whose abstract is no string, are named")
  func abstracts() throws {
    let good = Pipelines.paper("0704.0001")
    try runOn("{\(good), \(Pipelines.paper("0704.0002", abstract: nil))}") { outcome, _ in
      expectFailure(outcome, ["0704.0002", "abstract", "on_error: skip"])
    }
    try runOn("{\(good), \"0704.0003\": {\"abstract\": 5, \"categories\": {}}}") { outcome, _ in
      expectFailure(outcome, ["0704.0003", "abstract"])
    }
  }

  @Test("Invalid UTF-8 is named with its record")
  func invalidUTF8() throws {
    var bytes = Data("{\(Pipelines.paper("0704.0001")), \(Pipelines.paper("0704.0002", abstract: "xx#xx"))}".utf8)
    bytes[bytes.firstIndex(of: UInt8(ascii: "#"))!] = 0xFF
    try runOn(bytes) { outcome, _ in expectFailure(outcome, ["0704.0002", "UTF-8"]) }
  }

  @Test("An empty file is an error that says so")
  func empty() throws {
    try runOn("") { outcome, _ in expectFailure(outcome, ["data/papers.json", "empty"]) }
  }

  @Test("With on_error: skip bad records go to a side file, are counted in status, and the rest is written")
  func skipping() throws {
    let content =
      "{\(Pipelines.paper("0704.0001")), \(Pipelines.paper("0704.0002", abstract: nil)), \(Pipelines.paper("0704.0003"))}"
    try runOn(content, extra: ", on_error: skip") { outcome, folder in
      #expect(outcome.status == 0, "\(outcome.errors)\(outcome.output)")
      #expect(try TestFiles.text(folder + "/out/papers.json").split(separator: "\n").count == 2)
      let side = TestFiles.names(in: folder + "/.graphrun/rejects/papers")
      #expect(side.count == 1 && side[0].hasPrefix("papers.json-"))
      let rejects = try TestFiles.text(folder + "/.graphrun/rejects/papers/" + side[0])
      #expect(rejects.contains("0704.0002") && rejects.contains("abstract"), "\(rejects)")
      let status = try Program.run("status", "arxiv.yaml", "--json", in: folder).json()
      #expect((status["run"] as? [String: Any])?["rejects"] as? Int == 1)
      #expect(outcome.output.contains("1 record"), "\(outcome.output)")
    }
  }

  @Test(
    "An unreadable file is named", .enabled(if: getuid() != 0 || Sandbox.canDropRights, "root reads everything here"))
  func unreadable() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write("{\(Pipelines.paper("1"))}", to: folder + "/data/papers.json")
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      chmod(folder + "/data/papers.json", 0)
      chmod(folder, 0o777)
      let outcome = try Program.run("run", file, in: folder, wrapper: Sandbox.withoutRights)
      #expect(outcome.status == 1 || outcome.status == 65, "\(outcome.errors)")
      #expect((outcome.output + outcome.errors).contains("papers.json"), "\(outcome.output)\(outcome.errors)")
    }
  }

  @Test(
    "An output folder that is not writable is named",
    .enabled(if: getuid() != 0 || Sandbox.canDropRights, "root writes everywhere here"))
  func unwritable() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write("{\(Pipelines.paper("1"))}", to: folder + "/data/papers.json")
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: true)
      chmod(folder + "/out", 0o555)
      chmod(folder, 0o777)
      let outcome = try Program.run("run", file, in: folder, wrapper: Sandbox.withoutRights)
      expectFailure(outcome, ["failed: written[0]", "out/papers.json", "not allowed"])
    }
  }

  @Test(
    "A disk that fills up is named, and the run resumes when there is room",
    .enabled(if: Sandbox.canMount, "mounting needs root"))
  func diskFull() throws {
    try TestFiles.withFolder { folder in
      let disk = folder + "/disk"
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
      try #require(Sandbox.shell("mount -t tmpfs -o size=1m tmpfs '\(disk)'") == 0)
      defer { Sandbox.shell("umount '\(disk)'") }
      try Pipelines.sample(2000, files: 4, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let full = try Program.run("run", file, "--set", "output=disk/out", in: folder)
      expectFailure(full, ["failed: written[", "the disk is full", "disk/out/"])
      #expect(Pipelines.contents(of: disk + "/out").values.allSatisfy { $0.last == UInt8(ascii: "\n") })
      try #require(Sandbox.shell("mount -o remount,size=64m '\(disk)'") == 0)
      let resumed = try Program.run("resume", file, in: folder)
      #expect(resumed.status == 0, "\(resumed.errors)\(resumed.output)")
      #expect(Pipelines.contents(of: disk + "/out").count == 4)
    }
  }

  @Test(
    "A full disk under the state folder ends the run with a clear word",
    .enabled(if: Sandbox.canMount, "mounting needs root"))
  func stateDiskFull() throws {
    try TestFiles.withFolder { folder in
      let disk = folder + "/disk"
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
      try #require(
        Sandbox.shell("mount -t tmpfs -o size=256k tmpfs '\(disk)' && head -c 200k /dev/zero > '\(disk)/filler'; true")
          == 0)
      defer { Sandbox.shell("umount '\(disk)'") }
      try Pipelines.sample(200, files: 2, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let outcome = try Program.run("run", file, "--state", "disk/state", in: folder)
      #expect(outcome.status == 2, "\(outcome.errors)")
      #expect(outcome.errors.contains("disk"), "\(outcome.errors)")
    }
  }

  @Test("A memory bound that is too small says what is needed")
  func smallMemory() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(30000, files: 1, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let outcome = try Program.run("run", file, "--memory", "48MB", in: folder)
      #expect(outcome.status == 2, "\(outcome.errors)")
      let advice = try #require(outcome.errors.firstMatch(of: /give --memory (\d+MB) or more/), "\(outcome.errors)")
      #expect(outcome.errors.contains("papers[0] (arXiv_metadata_000000000000.json) needs about"))
      let second = try Program.run("run", file, "--memory", String(advice.1), in: folder)
      #expect(second.status == 0 || second.output.contains("resume with --memory"), "\(second.errors)\(second.output)")
    }
  }

  @Test("A state folder of a newer schema is refused")
  func newerState() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(50, files: 1, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      #expect(try Program.run("run", file, in: folder).status == 0)
      try Sandbox.sql("PRAGMA user_version = 99", on: folder + "/.graphrun/state.sqlite")
      for verb in ["run", "status", "plan"] {
        let outcome = try Program.run(verb, file, in: folder)
        #expect(outcome.status == 2, "\(verb)")
        #expect(outcome.errors.contains("newer"), "\(verb): \(outcome.errors)")
      }
    }
  }

  @Test("Two tasks that would write one file, or one over what another reads, are refused")
  func clashes() throws {
    let papers = "tasks:\n  papers: {op: arxiv.read, with: {files: data/*.json}}\n"
    let write = "{op: jsonl.write, from: papers, with: {directory: out}}"
    try run(papers + "  one: \(write)\n  two: \(write)\n") {
      expectBadFile($0, "dag.yaml:4:", "out/papers.json", "task \"one\" writes too")
    }
    let other = "  copied: {op: jsonl.read, with: {files: data/*.json}}\n"
    try run(papers + other + "  over: {op: jsonl.write, from: copied, with: {directory: elsewhere/../data}}\n") {
      expectBadFile($0, "dag.yaml:4:", "data/papers.json")
    }
  }

  @Test("Output over its own input is refused before anything runs")
  func overwriting() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(50, files: 1, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let before = Pipelines.contents(of: folder + "/data")
      let outcome = try Program.run("run", file, "--set", "output=data", in: folder)
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(Pipelines.contents(of: folder + "/data") == before)
    }
  }
}
