import Foundation
import TestSupport
import Testing

/// `foreach` in the real program: what an item that is added leaves valid, and what the schema says of it.
@Suite struct ExpansionTests {
  private static func dag(_ items: String, _ defaults: String = "{}") -> String {
    """
    defaults: \(defaults)
    parameters: {items: [\(items)]}
    tasks:
      made: {foreach: "${items}", op: debug.bytes, with: {seed: "${item}", partitions: 2}}
      total: {foreach: "${items}", op: debug.reduce, from: "made@${item}"}
    """
  }

  /// The tasks that a run would do.
  private static func planned(in folder: String) throws -> [String] {
    let tasks = try Program.run("plan", "dag.yaml", "--json", in: folder).json()["tasks"] as? [[String: Any]] ?? []
    return tasks.filter { $0["decision"] as? String == "run" }.compactMap { $0["task"] as? String }
  }

  @Test func anItemThatIsAddedRunsAlone() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(Self.dag("2, 3"), to: folder + "/dag.yaml")
      #expect(try Program.run("run", "dag.yaml", in: folder).status == 0)
      #expect(try Self.planned(in: folder) == [])
      let before = try Program.run("result", "total@3", "--file", "dag.yaml", in: folder)
      #expect(before.status == 0, "\(before.errors)")
      // In front, so that every other task gets another number; and with defaults that change no result.
      try TestFiles.write(Self.dag("1, 2, 3", "{retries: 3, memory: 8MB}"), to: folder + "/dag.yaml")
      let planned = try Self.planned(in: folder)
      #expect(
        !planned.isEmpty && planned.allSatisfy { $0.hasPrefix("made@1") || $0.hasPrefix("total@1") }, "\(planned)")
      #expect(try Program.run("run", "dag.yaml", in: folder).status == 0)
      #expect(try Program.run("result", "total@3", "--file", "dag.yaml", in: folder).output == before.output)
      try TestFiles.write(Self.dag("3, 1"), to: folder + "/dag.yaml")
      #expect(try Self.planned(in: folder) == [])
    }
  }

  @Test func mistakesInAnIncludedFileEndTheCommand() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write("include: parts/p.yaml\n", to: folder + "/dag.yaml")
      try TestFiles.write("tasks:\n  a: {op: debug.byte}\n", to: folder + "/parts/p.yaml")
      let outcome = try Program.run("validate", "dag.yaml", in: folder)
      #expect(outcome.status == 65)
      #expect(
        outcome.errors
          == "graphrun: parts/p.yaml:2:11: task \"a\": there is no operation \"debug.byte\"; did you mean \"debug.bytes\"?\n"
      )
    }
  }

  @Test func aHundredThousandTasksFromTwoEntries() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(
        """
        tasks:
          a: {foreach: [1..50000], op: debug.bytes, with: {seed: "${item}", bytes: 8}}
          b: {foreach: [1..50000], op: debug.mix, from: "a@${item}", retries: 2}
        """, to: folder + "/dag.yaml")
      let clock = ContinuousClock()
      let start = clock.now
      let outcome = try Program.run("validate", "dag.yaml", in: folder)
      // A second as users build it; without optimisation, half a minute.
      #expect(clock.now - start < .seconds(120))
      #expect(
        outcome.output == "dag.yaml is valid: dag, 2 entries (100,000 with foreach and matrix), 100,000 tasks\n")
    }
  }

  @Test func whatAllTasksTogetherReadIsBounded() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(
        """
        tasks:
          a: {foreach: [1..50000], op: debug.bytes, with: {bytes: 8}}
          b: {foreach: [1..50000], op: debug.mix, from: a}
        """, to: folder + "/dag.yaml")
      let outcome = try Program.run("validate", "dag.yaml", in: folder)
      #expect(outcome.status == 65)
      #expect(
        outcome.errors.contains(
          "dag.yaml:3:49: task \"b@41\": \"from\": names that stand for several tasks stand for more than 2000000 with this one"
        ), "\(outcome.errors)")
    }
  }

  static let hasValidator = Sandbox.shell("python3 -c 'import jsonschema, yaml'") == 0

  @Test(.enabled(if: hasValidator, "needs Python's jsonschema and PyYAML"))
  func theSchemaAcceptsWhatTheProgramAccepts() throws {
    try TestFiles.withFolder { folder in
      let schema = try Program.run("ops", "--schema", in: folder)
      try TestFiles.write(schema.output, to: folder + "/schema.json")
      for section in DAGFileDocsTests.sections {
        for (number, file) in section.files.enumerated() {
          try TestFiles.write(file.text, to: "\(folder)/good/\(section.title.hashValue)-\(number).yaml")
        }
      }
      for example in ["arxiv/arxiv.yaml", "arxiv/two-passes.yaml"] {
        try TestFiles.write(
          TestFiles.text(TestFiles.root + "/examples/" + example),
          to: "\(folder)/good/\((example as NSString).lastPathComponent)")
      }
      let bad = [
        "tasks: {a: {op: debug.bytes, foreach: []}}", "tasks: {a: {op: debug.bytes, foreech: [a]}}",
        "tasks: {a: {op: debug.mix, from: {anyOf: [b, c]}}}", "include: {as: x}", "name: x",
        "defaults: {op: debug.bytes}\ntasks: {a: {op: debug.bytes}}",
        "tasks: {a: {op: debug.bytes, matrix: {}}}", "tasks: {a: {op: debug.bytes, when: {a: b}}}",
      ]
      for (number, text) in bad.enumerated() { try TestFiles.write(text, to: "\(folder)/bad/\(number).yaml") }
      let script = """
        import glob, json, jsonschema, yaml
        validator = jsonschema.Draft202012Validator(json.load(open('schema.json')))
        validator.check_schema(validator.schema)
        def load(path): return yaml.load(open(path), Loader=yaml.SafeLoader)
        for path in glob.glob('good/*'):
            for error in validator.iter_errors(load(path)): print(path, open(path).read(), error.message[:300])
        for path in glob.glob('bad/*'):
            if validator.is_valid(load(path)): print('accepted:', open(path).read())
        """
      let outcome = try Program.run("python3", "-c", script, in: folder, path: "/usr/bin/env")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output == "")
    }
  }
}
