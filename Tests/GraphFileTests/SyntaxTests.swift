import Testing

@testable import GraphFile

@Suite struct SyntaxTests {
  @Test(arguments: [
    ("", "1:1: the file is empty: a DAG file needs \"tasks:\""),
    ("# only a comment\n", "1:1: the file is empty: a DAG file needs \"tasks:\""),
    ("---\n", "1:4: a DAG file is a mapping with the key \"tasks\", and this is empty"),
    ("- a\n- b\n", "1:1: a DAG file is a mapping with the key \"tasks\", and this is a list"),
    ("hello there\n", "1:1: a DAG file is a mapping with the key \"tasks\", and this is the text \"hello there\""),
    ("tasks:\n\ta: {op: x}\n", "2:1: a tab cannot indent a line: use spaces"),
    (
      "name: a: b\ntasks: {}\n",
      "1:8: unexpected \":\": is a \":\" missing above, the indentation wrong, or a value with \": \" not quoted?"
    ),
    ("name: \"abc\ntasks: {}\n", "1:7: the quoted text that begins here has no end"),
    ("name: @abc\ntasks: {}\n", "1:7: a value cannot begin with \"@\": put it in quotes"),
    ("parameters: {input: *.json}\n", "1:21: put a value that begins with \"*\" or \"&\" in quotes"),
    (
      "parameters: {input: *data}\n",
      "1:21: put a value that begins with \"*\" in quotes: there is no anchor of that name"
    ),
    ("parameters: {a: 1\ntasks: {}\n", "2:6: expected \",\" or \"}\" in the {…} that begins on line 1, column 13"),
    ("parameters: {a: [1\ntasks: {}\n", "2:6: expected \",\" or \"]\" in the […] that begins on line 1, column 17"),
    (
      "tasks:\n  a:\n    op: x\n   from: b\n",
      "4:4: expected a key of the mapping that begins on line 2: is the indentation right?"
    ),
    ("tasks: {}\nname\nversion: 1\n", "2:1: this should be a key, but no \":\" follows"),
    (
      "name: \"a\\qb\"\n",
      "1:9: after \"\\\" in double quotes comes no such character: write \"\\\\\", or use single quotes"
    ),
    (
      "{\"name\": \"\\ud83d\\ude00\"}",
      "1:13: half a surrogate pair is no character: write the character itself, or \\U and eight digits"
    ),
    ("name: a\u{7}b\n", "1:8: the character U+0007 cannot stand in a YAML file"),
    ("name: a\n---\nname: b\n", "2:1: a DAG file is one document: take out this \"---\""),
    ("name: !!str a\ntasks: !x {}\n? [a]\n: b\n", "3:3: a key is a word, and this is a list"),
  ])
  func `What is no YAML is answered with its place and a remedy`(text: String, message: String) {
    #expect(complaints(text).contains(message), "\(complaints(text))")
  }

  @Test func `A mistake is printed as file, line, column, message, and carries its line`() throws {
    let error = try #require(throws: GraphFileError.self) { try build("tasks:\n  made: {opp: x}\n", path: "a b.yaml") }
    #expect(
      error.description == "a b.yaml:2:10: task \"made\": \"opp\" is no key of a task; did you mean \"op\"?")
    #expect(error.mistakes[0].excerpt == "  made: {opp: x}")
    #expect(error.code == .unknownKey)
  }

  @Test func `The line shown with a mistake steers no terminal`() throws {
    let error = try #require(throws: GraphFileError.self) { try build("name: \u{1B}[31mred\n") }
    #expect(error.mistakes[0].excerpt == "name: \u{FFFD}[31mred")
    #expect(!error.description.contains("\u{1B}"))
  }

  @Test func `A task named twice is answered with both lines`() {
    let text = """
      tasks:
        a: {op: numbers.make}
        "b": {op: numbers.make}
        a: {op: numbers.make}
        c: {op: numbers.make, op: numbers.make}
        b: {op: numbers.make}
        a: {op: numbers.make}
      """
    #expect(
      complaints(text) == [
        "4:3: there are two tasks named \"a\": the first is on line 2",
        "5:25: task \"c\": the key \"op\" stands twice: the first is on line 5",
        "6:3: there are two tasks named \"b\": the first is on line 3",
        "7:3: there are two tasks named \"a\": the first is on line 2",
      ])
  }

  @Test func `Many repeated keys end in an answer`() {
    let text = "tasks:\n" + (0..<100).map { "  t\($0 % 50): {op: numbers.make}\n" }.joined()
    #expect(complaints(text).count == 20)
    #expect(complaints(text)[0] == "2:3: \"t0\" stands here more than once")
  }

  @Test func `A repeated key that is an alias is reported where it is defined`() {
    let text = "name: &n made\ntasks:\n  *n : {op: numbers.make}\n  *n : {op: numbers.make}\n"
    #expect(!complaints(text).isEmpty)
  }

  @Test func `Depth ends in an error, not in a crash`() {
    let lists = String(repeating: "[", count: 5000)
    #expect(complaints("tasks: " + lists).count == 1)
    let closed = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    #expect(complaints("tasks: " + closed) == ["1:8: \"tasks\" maps names to tasks, and this is a list"])
  }

  @Test func `A byte order mark and Windows line ends change nothing`() throws {
    let pipeline = try build("\u{FEFF}tasks:\r\n  made:\r\n    op: numbers.make\r\n")
    #expect(pipeline.graph.taskCount == 2)
    #expect(pipeline.lines == ["made": 2])
    #expect(
      complaints("\u{FEFF}taks:\r\n  made:\r\n") == ["1:1: \"taks\" is no key of a DAG file; did you mean \"tasks\"?"])
  }

  @Test func `Anchors and aliases are read`() throws {
    let text = """
      parameters: {n: &n 3}
      tasks:
        a: {op: numbers.make, with: &w {count: *n}}
        b: {op: numbers.make, with: *w}
      """
    #expect(try build(text).graph.taskCount == 6)
  }

  @Test func `JSON is read`() throws {
    let text = #"{"tasks": {"made": {"op": "numbers.make", "with": {"count": 3, "words": ["a", "b"]}}}}"#
    #expect(try build(text, path: "/data/p.json").graph.taskCount == 3)
    #expect(
      complaints("{\n\t\"tasks\": {\n\t\t\"made\": {\"op\": \"numbers.mak\"}\n\t}\n}")
        == ["3:18: task \"made\": there is no operation \"numbers.mak\"; did you mean \"numbers.make\"?"])
  }
}
