import Foundation
import TestSupport
import Testing

/// `examples/custom-op`: a program with the command built in and operations of its own.
@Suite struct CustomOpTests {
  private static let program = Program.built("MailTasksExample")
  private static let example = TestFiles.root + "/examples/custom-op"

  private func run(_ arguments: String..., in folder: String) throws -> Program.Outcome {
    try Program(arguments, in: folder, path: Self.program).wait()
  }

  private func withExample(_ body: (String) throws -> Void) throws {
    try TestFiles.withFolder { folder in
      for name in ["mail.yaml", "messages"] {
        try FileManager.default.copyItem(atPath: Self.example + "/" + name, toPath: folder + "/" + name)
      }
      try body(folder)
    }
  }

  @Test("Its DAG file gives the result that the example shows, and is up to date afterwards")
  func example() throws {
    try withExample { folder in
      let outcome = try run("run", "mail.yaml", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("value domains: MailTasksExample result domains --file mail.yaml"))
      #expect(Pipelines.contents(of: folder + "/out") == Pipelines.contents(of: Self.example + "/expected"))
      let domains =
        #"[{"domain":"example.org","addresses":4},{"domain":"example.net","addresses":2},"#
        + #"{"domain":"mail.example.com","addresses":2}]"# + "\n"
      #expect(try run("result", "domains", "--json", in: folder).output == domains)
      #expect(try run("result", "found", "--json", in: folder).output == "{\"addresses\":9}\n")
      #expect(try run("run", "mail.yaml", in: folder).output.contains("nothing to do"))
      // A tree that is cut otherwise gives the same.
      let file = folder + "/mail.yaml"
      try TestFiles.write(try TestFiles.text(file).replacing("top: 3", with: "top: 3, split_every: 2"), to: file)
      #expect(try run("run", "mail.yaml", in: folder).status == 0)
      #expect(try run("result", "domains", "--json", in: folder).output == domains)
    }
  }

  @Test("It lists its own operations beside the built-in ones, and goes by its own name")
  func help() throws {
    try withExample { folder in
      let ops = try run("ops", in: folder).output
      for name in ["mail.mask", "mail.domains", "jsonl.read"] { #expect(ops.contains(name), "\(ops)") }
      let op = try run("ops", "mail.mask", in: folder).output
      #expect(op.contains("keep  domain | nothing, default \"domain\""), "\(op)")
      let help = try run("--help", in: folder).output
      #expect(help.contains("OVERVIEW: Runs DAG files over mail") && help.contains("USAGE: MailTasksExample"))
      #expect(try run("resume", "--help", in: folder).output.contains("  MailTasksExample resume examples/"))
      #expect(try run("resume", in: folder).errors.hasPrefix("MailTasksExample: there is no .graphrun folder here"))
      // graphrun itself does not know them.
      let stranger = try Program.run("validate", "mail.yaml", in: folder)
      #expect(stranger.status == 65 && stranger.errors.contains("mail.yaml:15:9"), "\(stranger.errors)")
    }
  }

  @Test(
    "A mistake in the parameters of its own operation is reported as any other, with its line",
    arguments: [
      (
        "counts: addresses", "keep: domian",
        #"17:32: task "masked": parameter "keep": "domian" is none of domain, nothing; did you mean "domain"?"#
      ),
      (
        "counts: addresses", "cuonts: addresses",
        #"17:26: task "masked": mail.mask has no parameter "cuonts"; did you mean "counts"?"#
      ),
      (
        "column: text, counts: addresses", "mark: X",
        #"15:9: task "masked": mail.mask needs the parameter "column" (the column of text)"#
      ),
      (
        "counts: addresses", "mark: \"a@b\"",
        #"17:32: task "masked": parameter "mark": "a@b" has an "@" in it, so that what is masked could be an address again"#
      ),
      ("top: 3", "top: 0", #"32:31: task "domains": parameter "top": 0 is out of range: integer, at least 1"#),
    ])
  func mistakes(old: String, new: String, message: String) throws {
    try withExample { folder in
      let file = folder + "/mail.yaml"
      try TestFiles.write(try TestFiles.text(file).replacing(old, with: new), to: file)
      let outcome = try run("run", "mail.yaml", in: folder)
      #expect(outcome.status == 65)
      #expect(outcome.errors == "MailTasksExample: mail.yaml:\(message)\n")
    }
  }

  @Test("A mistake in the data names the column and the file")
  func wrongColumn() throws {
    try withExample { folder in
      let file = folder + "/mail.yaml"
      try TestFiles.write(try TestFiles.text(file).replacing("column: text, c", with: "column: id, c"), to: file)
      let outcome = try run("run", "mail.yaml", "--workers", "1", in: folder)
      #expect(outcome.status == 1)
      #expect(
        outcome.output.contains("column \"id\" holds int64, and addresses are looked for in strings; name another"))
      #expect(outcome.output.contains("file    messages/"), "\(outcome.output)")
      #expect(outcome.output.contains("go on with: MailTasksExample resume mail.yaml"), "\(outcome.output)")
    }
  }
}
