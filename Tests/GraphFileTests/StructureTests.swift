import Testing

@testable import GraphFile

@Suite struct StructureTests {
  @Test(arguments: [
    ("name: x\n", "1:1: the file has no \"tasks\""),
    ("tasks:\n", "1:1: \"tasks\" is empty: the file needs at least one task"),
    ("tasks: {}\n", "1:1: \"tasks\" is empty: the file needs at least one task"),
    ("tasks: [a]\n", "1:8: \"tasks\" maps names to tasks, and this is a list"),
    ("tasks: abc\n", "1:8: \"tasks\" maps names to tasks, and this is the text \"abc\""),
    (
      "parameter: {}\ntasks: {a: {op: numbers.make}}\n",
      "1:1: \"parameter\" is no key of a DAG file; did you mean \"parameters\"?"
    ),
    (
      "zebra: 1\ntasks: {a: {op: numbers.make}}\n",
      "1:1: \"zebra\" is no key of a DAG file; a DAG file has the keys version, name, description, include, parameters, pools, resources, defaults and tasks"
    ),
    (
      "version: 2\ntasks: {a: {op: numbers.make}}\n",
      "1:10: version \"2\" of the DAG file format is not known: this program reads version 1"
    ),
    ("version: []\ntasks: {a: {op: numbers.make}}\n", "1:10: \"version\" wants a text, and this is a list"),
    ("name:\ntasks: {a: {op: numbers.make}}\n", "1:6: \"name\" has no value"),
    (
      "parameters: [a]\ntasks: {a: {op: numbers.make}}\n",
      "1:13: \"parameters\" maps names to values, and this is a list"
    ),
    (
      "parameters: {a: {b: 1}}\ntasks: {a: {op: numbers.make}}\n",
      "1:17: parameter \"a\" is a mapping: only a text, a number, true, false or a list of these can be a parameter"
    ),
    (
      "parameters: {a: [[1]]}\ntasks: {a: {op: numbers.make}}\n",
      "1:18: parameter \"a\" is a list of a list: put a single value here"
    ),
    (
      "parameters: {a: [1, ]}\ntasks: {a: {op: numbers.make, with: {words: [x, null]}}}\n",
      "2:49: task \"a\": parameter \"words\" has an item without a value"
    ),
    (
      "parameters: {a.b: 1}\ntasks: {a: {op: numbers.make}}\n",
      "1:14: \"a.b\" cannot name a parameter: use letters, digits, \"_\" and \"-\", beginning with a letter or \"_\""
    ),
    (
      "tasks: {\"a[0]\": {op: numbers.make}}\n",
      "1:9: \"a[0]\" cannot name a task: use letters, digits, \"_\" and \"-\", beginning with a letter or \"_\""
    ),
    (
      "tasks: {é: {op: numbers.make}}\n",
      "1:9: \"é\" cannot name a task: use letters, digits, \"_\" and \"-\", beginning with a letter or \"_\""
    ),
    ("tasks:\n  a:\n", "2:3: task \"a\" needs the key \"op\", and it is empty"),
    ("tasks:\n  a: numbers.make\n", "2:6: task \"a\" needs the key \"op\", and this is the text \"numbers.make\""),
    ("tasks:\n  a: {keep: true}\n", "2:3: task \"a\" has no \"op\""),
    ("tasks:\n  a: {op: }\n", "2:11: task \"a\": \"op\" has no value"),
    ("tasks:\n  a: {op: [x]}\n", "2:11: task \"a\": \"op\" wants a text, and this is a list"),
    (
      "tasks:\n  a: {op: numbers.make, files: x}\n",
      "2:25: task \"a\": \"files\" is no key of a task; a task has the keys op, from, with, foreach, matrix, when, keep, retries, retryDelay, timeout, priority, pool, resources, memory and description"
    ),
    (
      "tasks:\n  a: {<<: {op: numbers.make}}\n",
      "2:7: task \"a\": \"<<\" is no key of a task; YAML's merge is not read: write the keys out"
    ),
    ("tasks:\n  a: {op: numbers.make, keep: yes}\n", "2:31: task \"a\": \"keep\" wants true or false, and got \"yes\""),
    (
      "tasks:\n  a: {op: numbers.make, with: [count]}\n",
      "2:31: task \"a\": \"with\" maps parameters to values, and this is a list"
    ),
    (
      "tasks:\n  a: {op: numbers.sum, from: {b: c}}\n",
      "2:30: task \"a\": \"from\" names a task, a list of tasks, or {oneOf: [a, b]}, and this is another mapping"
    ),
    ("tasks:\n  a: {op: numbers.sum, from: }\n", "2:30: task \"a\": \"from\" has no value"),
    (
      "tasks:\n  a: {op: numbers.make, with: {label: !old/*.json }}\n",
      "2:39: task \"a\": parameter \"label\": \"!old/*.json\" is read as a YAML tag: put it in quotes"
    ),
  ])
  func `What has no place in a DAG file is answered with what has`(text: String, message: String) {
    #expect(complaints(text) == [message])
  }

  @Test func `A file says its name, and else is called like the file`() throws {
    #expect(try build("tasks: {a: {op: numbers.make}}", path: "/x/arxiv.v2.yaml").name == "arxiv.v2")
    #expect(try build("name: 2024\ntasks: {a: {op: numbers.make}}").name == "2024")
    #expect(try build("tasks: {a: {op: numbers.make}}", path: "/x/../y/./a.yaml").path == "/y/a.yaml")
  }

  @Test func `Descriptions, an empty with and empty parameters are allowed, and keep is kept`() throws {
    let text = """
      version: 1
      description: What it is
      parameters:
      tasks:
        a:
          description: The numbers
          op: numbers.make
          with:
          keep: true
        b: {op: numbers.make}
      """
    let graph = try build(text).graph
    #expect(graph.stages.map(\.keep) == [true, nil])
    #expect(try DAGFile(text: text, path: "a").taskNames == ["a", "b"])
  }

  @Test func `Independent mistakes are reported together, by line`() {
    let text = """
      version: 3
      parameters: {input: "${nothing}", "9": 1}
      tasks:
        a: {op: numbers.mak, with: {x: "${inptu}"}}
        b: {op: numbers.make, with: {count: many, strict: yes, moode: fast}, kep: true}
        c: {op: numbers.sum, from: q}
        d: {op: numbers.write, from: a}
        e: {op: numbers.sum, from: [f, f]}
        f: {op: numbers.double, from: g}
        g: {op: numbers.double, from: f}
        h: {op: numbers.make, with: {files: missing}}
      """
    #expect(
      complaints(text) == [
        "1:10: version \"3\" of the DAG file format is not known: this program reads version 1",
        "2:21: parameter \"input\": ${nothing} does not name an earlier parameter",
        "2:35: \"9\" cannot name a parameter: use letters, digits, \"_\" and \"-\", beginning with a letter or \"_\"",
        "4:11: task \"a\": there is no operation \"numbers.mak\"; did you mean \"numbers.make\"?",
        "4:34: task \"a\": parameter \"x\": ${inptu} does not name a parameter of this file; did you mean \"input\"?",
        "5:39: task \"b\": parameter \"count\" wants an integer, 0 to 1000, and got \"many\"",
        "5:53: task \"b\": parameter \"strict\" wants true or false, and got \"yes\": write true",
        "5:58: task \"b\": numbers.make has no parameter \"moode\"; did you mean \"mode\"?",
        "5:72: task \"b\": \"kep\" is no key of a task; did you mean \"keep\"?",
        "6:30: task \"c\": \"from\" names \"q\", which is no task; did you mean \"a\"?",
        "7:11: task \"d\": numbers.write needs the parameter \"directory\" (Where the files go)",
        "8:24: task \"e\": numbers.sum needs \"from\" to name numbers (bag), and \"from\" names 2",
        "9:33: these tasks wait for each other: f → g → f",
        "11:39: task \"h\": parameter \"files\": no file matches \"/data/missing\"",
      ])
  }

  @Test func `Of very many mistakes twenty are shown`() throws {
    let text = "tasks:\n" + (0..<500).map { "  t\($0): {op: numbers.mak}\n" }.joined()
    let error = try #require(throws: GraphFileError.self) { try build(text) }
    #expect(error.mistakes.map(\.line) == Array(2..<22))
    #expect(error.omittedCount == 480)
    #expect(error.description.hasSuffix("\n… and 480 more"))
  }
}
