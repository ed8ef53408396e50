import Graph
import Testing

@testable import GraphFile

@Suite struct ForEachTests {
  /// `name: label` of each stage.
  private func labels(_ text: String, _ overrides: [Override] = []) throws -> [String] {
    try build(text, overrides).graph.stages.map { stage in
      guard case .string(let label)? = stage.parameters["label"] else { return stage.name }
      return "\(stage.name): \(label)"
    }
  }

  @Test func `An entry becomes a task for each item of a list, named after it`() throws {
    #expect(
      try labels(
        "tasks: {a: {foreach: [de, Computer Science, x/y.csv], op: numbers.make, with: {label: \"${key} ${item}\"}}}")
        == ["a@de: de de", "a@Computer-Science: Computer-Science Computer Science", "a@x-y.csv: x-y.csv x/y.csv"])
    #expect(
      try labels("tasks: {a: {foreach: [Zürich, 東京], op: numbers.make, with: {label: \"${item}\"}}}")
        == ["a@Zürich: Zürich", "a@東京: 東京"])
    #expect(try labels("tasks: {a: {foreach: one, op: numbers.make}}") == ["a@one"])
  }

  @Test func `Names come with values, or with several`() throws {
    let text = """
      parameters: {base: raw}
      tasks:
        a:
          foreach: {de: "${base}/de", fr: other}
          op: numbers.make
          with: {folder: "${item}", label: "${key}"}
        b:
          foreach:
            de: {count: 3, words: [x, y]}
            fr: {count: 1, words: [z]}
          op: numbers.make
          with: {count: "${item.count}", words: ["${item.words}", "${key}"]}
      """
    let stages = try build(text, [Override("base", "there", folder: "/home/ada")]).graph.stages
    #expect(stages.map(\.name) == ["a@de", "a@fr", "b@de", "b@fr"])
    // A path is taken from the folder of whoever wrote its beginning, through the item too.
    #expect(stages[0].parameters["folder"] == .string("/home/ada/there/de"))
    #expect(stages[1].parameters["folder"] == .string("/data/other"))
    #expect(stages[2].parameters["words"] == .strings(["x", "y", "de"]))
    #expect(stages.map(\.taskCount) == [2, 2, 3, 1])
  }

  @Test func `Ranges, and lists of a run`() throws {
    #expect(
      try labels("tasks: {a: {foreach: [9..11, 05..08, -1..1, 7..7, 1.5], op: numbers.make}}")
        == ["9", "10", "11", "05", "06", "07", "08", "-1", "0", "1", "7", "1.5"].map { "a@\($0)" })
    let text = "parameters: {years: [2020..2021]}\ntasks: {a: {foreach: \"${years}\", op: numbers.make}}"
    #expect(try labels(text) == ["a@2020", "a@2021"])
    #expect(try labels(text, [Override("years", "[2001, 2003..2005]")]) == ["a@2001", "a@2003", "a@2004", "a@2005"])
    #expect(try labels(text, [Override("years", "1..2")]) == ["a@1", "a@2"])
    #expect(
      try labels("parameters: {n: 3}\ntasks: {a: {foreach: \"1..${n}\", op: numbers.make}}") == ["a@1", "a@2", "a@3"])
  }

  @Test func `A matrix is every combination, less what is excluded`() throws {
    let text = """
      parameters: {years: [2023, 2024]}
      tasks:
        a:
          matrix:
            country: {de: Germany, fr: France}
            year: ${years}
            exclude: [{country: fr, year: 2023}, {year: 1999}]
          op: numbers.make
          with: {label: "${matrix.country} ${matrix.year}"}
        b: {foreach: [de-2024, fr-2024], op: numbers.sum, from: "a@${item}"}
      """
    #expect(
      try labels(text) == [
        "a@de-2023: Germany 2023", "a@de-2024: Germany 2024", "a@fr-2024: France 2024", "b@de-2024", "b@fr-2024",
      ])
    // Of a list that a run may set, an exclusion need not be there.
    #expect(try labels(text, [Override("years", "[2024]")]).count == 4)
  }

  @Test func `One instance is read by its name, and all of them by the entry's`() throws {
    let text = """
      tasks:
        all: {op: numbers.merge, from: [raw, a]}
        a: {foreach: [x y, z], op: numbers.double, from: "raw@${item}"}
        raw: {foreach: [x y, z], op: numbers.make}
        one: {op: numbers.sum, from: a@z}
        two: {op: numbers.sum, from: "a@x y"}
      """
    let graph = try build(text).graph
    func inputs(_ name: String) throws -> [String] {
      try #require(graph.stage(named: name)).inputs.map { graph.stages[$0].name }
    }
    #expect(try inputs("all") == ["raw@x-y", "raw@z", "a@x-y", "a@z"])
    #expect(try inputs("a@x-y") == ["raw@x-y"])
    #expect(try inputs("one") == ["a@z"])
    #expect(try inputs("two") == ["a@x-y"])
    #expect(
      try build(
        "parameters: {which: [x, y]}\ntasks:\n  b: {op: numbers.merge, from: \"${which}\"}\n"
          + "  x: {op: numbers.make}\n  y: {op: numbers.make}\n"
      ).graph.stage(named: "b")?.inputs.count == 2)
  }

  @Test func `Options may differ from instance to instance`() throws {
    let text = """
      pools: {a-pool: 1, b-pool: 1}
      tasks:
        t:
          foreach: {a: {most: 1, mb: 5}, b: {most: 2, mb: 7}}
          op: numbers.make
          retries: ${item.most}
          memory: ${item.mb}MB
          pool: ${key}-pool
      """
    let policies = try build(text).graph.stages.map(\.policy)
    #expect(policies.map(\.retries) == [1, 2])
    #expect(policies.map(\.memory) == [5 << 20, 7 << 20])
    #expect(policies.map { $0.takes.keys.map(\.name) } == [["a-pool"], ["b-pool"]])
  }

  @Test(arguments: [
    ("foreach: []", "12: task \"a\": \"foreach\" is empty: it needs at least one item"),
    ("foreach: {}", "12: task \"a\": \"foreach\" is empty: it needs at least one item"),
    ("foreach:", "3: task \"a\": \"foreach\" is empty: it needs at least one item"),
    ("foreach: [x, x]", "3: task \"a\": \"foreach\" has \"x\" twice: two tasks would be called \"a@x\""),
    (
      "foreach: [x y, x/y]",
      "3: task \"a\": \"foreach\" makes two tasks called \"a@x-y\", of \"x y\" and \"x/y\": give names, as in {name: value}"
    ),
    (
      "foreach: [\"*\"]",
      "12: task \"a\": \"foreach\" cannot name a task after \"*\": give it a name, as in {name: value}"
    ),
    (
      "foreach: [{a: 1}]",
      "13: task \"a\": \"foreach\" is a list of a mapping, which gives its task no name: write {name: value, …}"
    ),
    (
      "foreach: {x y: 1}",
      "13: task \"a\": \"foreach\" cannot name a task \"x y\": use letters, digits, \"_\", \"-\" and \".\""
    ),
    ("foreach: {x: }", "16: task \"a\": \"foreach\" has no value for \"x\""),
    ("foreach: [5..1]", "12: task \"a\": \"foreach\" runs backwards in \"5..1\""),
    ("foreach: [1..999999]", "12: task \"a\": \"foreach\" has more than 100000 items in \"1..999999\""),
    (
      "foreach: [-9223372036854775808..9223372036854775807]",
      "12: task \"a\": \"foreach\" has more than 100000 items in \"-9223372036854775808..9223372036854775807\""
    ),
    (
      "foreach: \"${lst}\"",
      "12: task \"a\": \"foreach\": ${lst} does not name a parameter of this file; did you mean \"list\"?"
    ),
    ("matrix: [a]", "11: task \"a\": \"matrix\" maps names to lists, and this is a list"),
    ("matrix: {}", "11: task \"a\": \"matrix\" maps names to lists, and this is a mapping"),
    ("matrix: {x: []}", "15: task \"a\": \"matrix\": \"x\" is empty: it needs at least one item"),
    ("matrix: {exclude: [{x: 1}]}", "3: task \"a\": \"matrix\" has nothing but \"exclude\""),
    (
      "matrix: {x: [1], exclude: [{y: 1}]}",
      "31: task \"a\": \"matrix\": \"exclude\": the matrix has no list \"y\"; did you mean \"x\"?"
    ),
    (
      "matrix: {year: [2023, 2024], exclude: {year: 2025}}",
      "48: task \"a\": \"matrix\" excludes \"2025\", which \"year\" does not have; did you mean \"2023\"?"
    ),
    ("matrix: {x: [1], exclude: {x: 1}}", "3: task \"a\": \"matrix\" leaves no combination: everything is excluded"),
    (
      "matrix: {x: [a, a-b], y: [b-c, c]}",
      "3: task \"a\": \"matrix\" makes two tasks called \"a@a-b-c\", of x \"a\", y \"b-c\" and x \"a-b\", y \"c\": give names, as in {name: value}"
    ),
    (
      "matrix: {x: [1..1000], y: [1..1000]}",
      "3: task \"a\": \"matrix\" makes 1000000 tasks: all of a pipeline may make 100000; let a task work on more, such as a bag of many partitions"
    ),
    (
      "foreach: [x]\n  matrix: {x: [1]}",
      "3: task \"a\": \"matrix\" stands beside \"foreach\": a task has one of them; a matrix takes several lists"
    ),
  ])
  func `A list that gives no tasks is answered`(expansion: String, message: String) {
    let line = message.contains("stands beside") ? 5 : 4
    #expect(
      complaints("parameters: {list: [a]}\ntasks:\n a:\n  \(expansion)\n  op: numbers.make\n") == ["\(line):\(message)"]
    )
  }

  @Test(arguments: [
    (
      "{item: \"${item.x}\"}",
      "numbers.make has no parameter \"item\"; it has count, label, ratio, strict, mode, words, files and folder"
    ),
    (
      "{label: \"${item.x}\"}",
      "parameter \"label\": ${item.x} does not name a value: \"item\" has path and count"
    ),
    ("{label: \"${item}\"}", "parameter \"label\": ${item} has parts, path and count: write ${item.path}"),
    (
      "{label: \"${item.path.x}\"}",
      "parameter \"label\": ${item.path.x} does not name a value: ${item.path} is a single value"
    ),
    (
      "{label: \"${matrix.x}\"}",
      "parameter \"label\": ${matrix.x} does not name a parameter of this file: here it is ${item}"
    ),
    (
      "{label: \"${key.x}\"}",
      "parameter \"label\": ${key.x} does not name a parameter of this file: here it is ${item}"
    ),
  ])
  func `What an item does not have is told once`(with: String, message: String) {
    let items = (1...50).map { "n\($0): {path: a, count: 1}" }.joined(separator: ", ")
    let found = complaints("tasks:\n  t:\n    foreach: {\(items)}\n    op: numbers.make\n    with: \(with)\n")
    #expect(found.contains { $0.hasSuffix(message) }, "\(found)")
    #expect(found.count <= 2)
  }

  @Test func `Without foreach there is no item`() {
    #expect(
      complaints("tasks: {t: {op: numbers.make, with: {label: \"${item}\"}}}") == [
        "1:45: task \"t\": parameter \"label\": ${item} does not name a parameter of this file: "
          + "only a task with \"foreach\" or \"matrix\" has such values"
      ])
    // A parameter of that name is one.
    #expect(throws: Never.self) {
      try build("parameters: {item: x}\ntasks: {t: {op: numbers.make, with: {label: \"${item}\"}}}")
    }
  }

  @Test func `A name in from that no instance has is answered with the nearest`() {
    let text = "tasks:\n  a: {foreach: [de, fr], op: numbers.make}\n  s: {op: numbers.make}\n"
    #expect(
      complaints(text + "  b: {op: numbers.sum, from: a@dr}\n")
        == ["4:30: task \"b\": \"from\" names \"a@dr\", which is no task; did you mean \"a@de\"?"])
    #expect(
      complaints(text + "  b: {op: numbers.sum, from: a@qqqqqq}\n")
        == ["4:30: task \"b\": \"from\" names \"a@qqqqqq\", which is no task; there are a@de and a@fr"])
    #expect(
      complaints(text + "  b: {op: numbers.sum, from: s@de}\n")
        == ["4:30: task \"b\": \"from\" names \"s@de\", which is no task; \"s\" is one task, without \"foreach\""])
    #expect(
      complaints(text + "  b: {op: numbers.sum, from: a}\n") == [
        "4:24: task \"b\": numbers.sum needs \"from\" to name numbers (bag), and \"from\" names 2: \"a\" stands for "
          + "a@de and a@fr; name one of them, or give this task the same \"foreach\" and let it read \"a@${key}\""
      ])
    #expect(
      complaints(
        "tasks:\n  a: {foreach: [x, y], op: numbers.double, from: \"b@${item}\"}\n"
          + "  b: {foreach: [x, y], op: numbers.double, from: \"a@${item}\"}\n") == [
          "2:50: these tasks wait for each other: a@x → b@x → a@x",
          "2:50: these tasks wait for each other: a@y → b@y → a@y",
        ])
  }

  @Test func `Many instances are built quickly, and how many there are is bounded`() throws {
    let text = """
      tasks:
        a: {foreach: [1..5000], op: numbers.make, with: {label: "${item}", words: [x, "${key}"]}}
        b: {foreach: [1..5000], op: numbers.double, from: "a@${item}", retries: 2}
      """
    let clock = ContinuousClock()
    var graph = TaskGraph()
    let elapsed = try clock.measure { graph = try build(text).graph }
    #expect(graph.stages.count == 10_000)
    // A tenth of a second with optimisation; what is quadratic takes minutes.
    #expect(elapsed < .seconds(30), "\(elapsed)")
    #expect(
      complaints(text + "\n  c: {foreach: [1..95000], op: numbers.make}") == [
        "4:7: task \"c\": \"foreach\" makes 95000 tasks, and others make 10000: all of a pipeline may make 100000; "
          + "let a task work on more, such as a bag of many partitions"
      ])
  }

  @Test func `Names that would not end are ended`() {
    let text = (1...40).reduce("parameters:\n  p0: xxxxxxxxxx\n") { $0 + "  p\($1): \"${p\($1 - 1)}${p\($1 - 1)}\"\n" }
    #expect(
      complaints(text + "tasks: {a: {op: numbers.make}}").first
        == "19:8: parameter \"p17\": the text grows past 1000000 bytes here")
    let laughs = (1...40).reduce("  x0: &x0 {a: b}\n") {
      $0 + "  x\($1): &x\($1) {a: *x\($1 - 1), b: *x\($1 - 1)}\n"
    }
    let refusal = "20:17: written out, the aliases up to here would be more than 2000000 values"
    #expect(complaints("parameters:\n" + laughs + "tasks: {a: {op: numbers.make}}") == [refusal])
    // As a key they would be compared, value by value, before anybody could refuse them.
    #expect(complaints("parameters:\n" + laughs + "? *x40\n: 1\ntasks: {a: {op: numbers.make}}") == [refusal])
  }
}
