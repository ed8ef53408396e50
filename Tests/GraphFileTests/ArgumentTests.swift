import Graph
import Testing

@testable import GraphFile

@Suite struct ArgumentTests {
  @Test func `A text keeps every character of its source`() throws {
    for text in ["0704.0001", "2024", "0x1F", "1e3", "true", "yes", "2001-01-01", "007", "1_000", "~x"] {
      #expect(try arguments("label: \(text)")["label"] == .string(text))
    }
    #expect(try arguments("label: \"null\"")["label"] == .string("null"))
    #expect(try arguments("label: ''")["label"] == .string(""))
  }

  @Test func `Numbers are read as YAML 1.2 writes them`() throws {
    #expect(try arguments("count: 12")["count"] == .integer(12))
    #expect(try arguments("count: 0x1F")["count"] == .integer(31))
    #expect(try arguments("count: 0o17")["count"] == .integer(15))
    #expect(try arguments("count: +7")["count"] == .integer(7))
    for (text, value) in [("3", 3.0), ("1.", 1.0), (".5", 0.5), ("-2.5e-3", -0.0025), ("+1E2", 100.0), ("1.5", 1.5)] {
      #expect(try arguments("ratio: \(text)")["ratio"] == .number(value), "\(text)")
    }
    #expect(try arguments("strict: true")["strict"] == .boolean(true))
    #expect(try arguments("strict: \"false\"")["strict"] == .boolean(false))
  }

  @Test func `Lists take one value too`() throws {
    #expect(try arguments("words: a")["words"] == .strings(["a"]))
    #expect(try arguments("words: [a, 1, 0704.0001, true]")["words"] == .strings(["a", "1", "0704.0001", "true"]))
    #expect(try arguments("words: []")["words"] == .strings([]))
    #expect(try arguments("files: [a, /b]")["files"] == .strings(["/data/a", "/b"]))
  }

  @Test func `Defaults fill in what is not given`() throws {
    let values = try arguments("count: 1")
    #expect(values["ratio"] == .number(0.5))
    #expect(values["mode"] == .string("safe"))
    #expect(values["label"] == nil)
  }

  @Test(arguments: [
    ("count: many", "14: task \"made\": parameter \"count\" wants an integer, 0 to 1000, and got \"many\""),
    ("count: 1.0", "14: task \"made\": parameter \"count\" wants an integer, 0 to 1000, and got \"1.0\": write 1"),
    ("count: 1_000", "14: task \"made\": parameter \"count\" wants an integer, 0 to 1000, and got \"1_000\""),
    (
      "count: 99999999999999999999",
      "14: task \"made\": parameter \"count\" wants an integer, 0 to 1000, and got \"99999999999999999999\": "
        + "that is more than a 64-bit integer holds"
    ),
    ("count: 1001", "14: task \"made\": parameter \"count\": 1001 is out of range: integer, 0 to 1000"),
    ("count: [1]", "14: task \"made\": parameter \"count\" wants an integer, 0 to 1000, and got a list"),
    ("count: {a: 1}", "14: task \"made\": parameter \"count\" wants an integer, 0 to 1000, and got a mapping"),
    ("count:", "13: task \"made\": parameter \"count\" has no value"),
    ("count: ~", "14: task \"made\": parameter \"count\" has no value"),
    ("label: null", "14: task \"made\": parameter \"label\" has no value"),
    ("label: [a]", "14: task \"made\": parameter \"label\" wants a string, and got a list"),
    ("ratio: .inf", "14: task \"made\": parameter \"ratio\" wants a number, and got \".inf\""),
    ("ratio: 1e999", "14: task \"made\": parameter \"ratio\" wants a number, and got \"1e999\": a finite one"),
    ("ratio: 1.5.2", "14: task \"made\": parameter \"ratio\" wants a number, and got \"1.5.2\""),
    ("strict: yes", "15: task \"made\": parameter \"strict\" wants true or false, and got \"yes\": write true"),
    ("strict: OFF", "15: task \"made\": parameter \"strict\" wants true or false, and got \"OFF\": write false"),
    ("strict: 1", "15: task \"made\": parameter \"strict\" wants true or false, and got \"1\""),
    ("mode: fsat", "13: task \"made\": parameter \"mode\": \"fsat\" is none of fast, safe; did you mean \"fast\"?"),
    (
      "mode: \"fa\\nst\\e\"",
      "13: task \"made\": parameter \"mode\": \"fa\\nst\u{FFFD}\" is none of fast, safe; did you mean \"fast\"?"
    ),
    ("mode: [fast]", "13: task \"made\": parameter \"mode\" wants one of fast, safe, and got a list"),
    ("words: {a: b}", "14: task \"made\": parameter \"words\" wants a list of strings, and got a mapping"),
    (
      "files: {a: b}",
      "14: task \"made\": parameter \"files\" wants a path or glob pattern, or a list of them, and got a mapping"
    ),
    ("folder: ''", "15: task \"made\": parameter \"folder\" is an empty path"),
    ("cuont: 3", "7: task \"made\": numbers.make has no parameter \"cuont\"; did you mean \"count\"?"),
    (
      "zebra: 3",
      "7: task \"made\": numbers.make has no parameter \"zebra\"; it has count, label, ratio, strict, mode, words, "
        + "files and folder"
    ),
    ("label: refused", "14: task \"made\": parameter \"label\": is not liked together with count"),
    ("label: other", "9: task \"made\": parameter \"ratio\": does not fit the label"),
  ])
  func `A value that does not fit is answered with what would`(with: String, message: String) throws {
    let line = message.hasPrefix("9:") ? 4 : 6
    do {
      _ = try arguments(with)
      Issue.record("\(with) is accepted")
    } catch {
      #expect(lines(of: error) == ["\(line):\(message)"])
    }
  }

  @Test func `A missing parameter is asked for, but not where it is only misspelt`() {
    let start = "tasks:\n  a: {op: numbers.make}\n"
    #expect(
      complaints(start + "  b: {op: numbers.write, from: a}\n")
        == ["3:11: task \"b\": numbers.write needs the parameter \"directory\" (Where the files go)"])
    #expect(
      complaints(start + "  b: {op: numbers.write, from: a, with: {dirctory: x}}\n")
        == ["3:42: task \"b\": numbers.write has no parameter \"dirctory\"; did you mean \"directory\"?"])
    #expect(
      complaints(start + "  b: {op: numbers.write, from: a, wiht: {directory: x}}\n")
        == ["3:35: task \"b\": \"wiht\" is no key of a task; did you mean \"with\"?"])
    #expect(
      complaints("tasks:\n  a: {op: numbers.sum, from: b}\n  b: {op: numbers.make, with: {limit: 0}}\n").count == 1)
  }

  @Test func `What only the data tells is found by building, not by checking`() {
    let text = """
      tasks:
        none: {op: numbers.make, with: {count: 0}}
        gone: {op: numbers.make, with: {files: [a, missing.txt]}}
        odd: {op: numbers.make, with: {files: odd}}
        two: {op: numbers.make, with: {count: 2}}
        three: {op: numbers.make, with: {count: 3}}
        sum: {op: numbers.sum, from: two}
        scaled: {op: numbers.scale, from: [two, sum, three]}
        written: {op: numbers.write, from: two, with: {directory: clash}}
        after: {op: numbers.sum, from: gone}
      """
    #expect(
      complaints(text) == [
        "2:14: task \"none\": numbers.make finds nothing to read",
        "3:42: task \"gone\": parameter \"files\": no file matches \"/data/missing.txt\"",
        "4:13: task \"odd\": the disk is on fire",
        "8:38: task \"scaled\": \"two\" has 2 partitions and \"three\" 3: bags are matched partition by partition",
        "9:61: task \"written\": parameter \"directory\": two files would have one name",
      ])
    #expect(checkComplaints(text).isEmpty)
    #expect(
      checkComplaints("tasks:\n  a: {op: numbers.make, with: {label: refused}}\n  b: {op: numbers.sum, from: c}\n") == [
        "2:39: task \"a\": parameter \"label\": is not liked together with count",
        "3:30: task \"b\": \"from\" names \"c\", which is no task; did you mean \"a\"?",
      ])
  }
}
