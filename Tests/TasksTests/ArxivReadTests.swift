import Foundation
import Graph
import Testing

@testable import Tasks

@Suite struct ArxivReadTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  static func keyed(_ id: String, abstract: String = "\"Some text.\"", more: String = "") -> String {
    "\"\(id)\": {\"abstract\": \(abstract), \"categories\": {\"category-0\": {\"main_category\": \"Physics\", "
      + "\"sub_category\": \"hep-ph\"}}\(more)}"
  }

  static func line(_ id: String, categories: String = "hep-ph") -> String {
    "{\"id\": \"\(id)\", \"categories\": \"\(categories)\", \"abstract\": \"Text\"}"
  }

  @Test func fieldsMayComeInAnyOrderWithOthersBetweenThem() throws {
    let path = try folder.file(
      "a b ü.json",
      #"{"x/1": {"new": [1, {"abstract": 2}], "categories": {"c1": {"sub_category": "b", "main_category": "B"}, "#
        + #""c0": {"main_category": "A"}, "c2": {"main_category": "B"}}, "abstract": "é\u00e9\n\"q\"", "#
        + #""authors": {"author": {"keyname": "Solo", "forenames": "Han"}}, "title": "T", "journal-ref": ""}}"#)
    let table = try Ops.read("arxiv.read", path, ["columns": .strings(ArxivColumn.allCases.map(\.rawValue))])
    #expect(
      try Ops.jsonLines(table) == #"{"id":"x/1","title":"T","abstract":"éé\n\"q\"","authors":["Han Solo"],"#
        + #""journal_ref":null,"main_cat_list":["A","B"],"sub_categories":["b"]}"# + "\n")
  }

  @Test func onlyWhatTheColumnsNeedMustBeThere() throws {
    let path = try folder.file("a.json", #"{"1": {"title": "T"}, "2": {"title": "U", "abstract": 7}}"#)
    let table = try Ops.read("arxiv.read", path, ["columns": .strings(["title", "id"])])
    #expect(try Ops.jsonLines(table) == "{\"title\":\"T\",\"id\":\"1\"}\n{\"title\":\"U\",\"id\":\"2\"}\n")
  }

  @Test(arguments: [
    (#"{"id": "1", "abstract": "", "categories": ""}"#, ArxivLayout.snapshot),
    ("\n  {\"abstract\": \"x\", \"id\": \"1\"}\n{}", .snapshot),
    (#"{"extra": 1, "versions": [], "id": "1"}"#, .snapshot),
    (#"{"0704.0001": {"title": "x"}}"#, .keyed),
    ("{\n \"0704.0001\": {\n \"id\": 3", .keyed),
    ("{}", .keyed), ("{\"0704.0001\": \"no object\"}", .keyed), ("no json", .snapshot), ("", .snapshot),
  ])
  func theLayoutIsToldFromTheBeginning(text: String, layout: ArxivLayout) {
    var text = text
    #expect(text.withUTF8 { ArxivLayout(recognizing: $0) } == layout)
  }

  @Test func archivesBelongToTheirMainCategories() throws {
    let codes = [
      "cmp-lg": "Computer Science", "alg-geom": "Mathematics", "dg-ga": "Mathematics", "q-alg": "Mathematics",
      "funct-an": "Mathematics", "solv-int": "Physics", "chao-dyn": "Physics", "supr-con": "Physics",
      "math-ph": "Physics", "math.MP": "Mathematics", "eess.SP": "Electrical Engineering and Systems Science",
      "q-bio.PE": "Quantitative Biology", "q-fin.ST": "Quantitative Finance", "stat.ML": "Statistics",
      "econ.EM": "Economics", "nlin.CD": "Physics", "comp-gas": "Physics", "acc-phys": "Physics", "astro-ph": "Physics",
    ].sorted { $0.key < $1.key }
    let path = try folder.file(
      "s.jsonl", codes.map { ArxivReadTests.line($0.key, categories: $0.key) }.joined(separator: "\n"))
    let table = try Ops.read("arxiv.read", path)
    for (row, code) in codes.enumerated() { #expect(table["main_cat_list"]?.strings(at: row) == [code.value]) }
  }

  @Test func linesMayEndInCarriageReturnsAndBlankLinesCount() throws {
    let path = try folder.file(
      "s.jsonl", "\r\n" + ArxivReadTests.line("1", categories: "math.CO cs.LG hep-ph math.NT") + "\r\n\n{\"id\": 3}")
    let error = #expect(throws: TaskError.self) { try Ops.read("arxiv.read", path) }
    #expect(error?.record == "line 4")
    let context = TestContext()
    let table = try Ops.read("arxiv.read", path, ["on_error": .string("skip")], context: context)
    #expect(table["main_cat_list"]?.strings(at: 0) == ["Computer Science", "Mathematics", "Physics"])
    #expect(context.rejects.map(\.text) == ["{\"id\": 3}"])
  }

  @Test func aByteOrderMarkIsPassedOver() throws {
    let (keyed, line) = ("{\(ArxivReadTests.keyed("1")), \(ArxivReadTests.keyed("2"))}", ArxivReadTests.line("1"))
    for (text, rows) in [(keyed, 2), (String(keyed.dropLast()), 2), (line + "\n" + line, 2), ("", 0)] {
      for layout in text.isEmpty ? ["keyed", "snapshot"] : ["auto"] {
        let path = try folder.file("a.json", "\u{FEFF}" + text)
        let values: [String: ParameterValue] = ["on_error": .string("skip"), "layout": .string(layout)]
        #expect(try Ops.read("arxiv.read", path, values).count == rows)
      }
    }
  }

  @Test func linesLongerThanTheWindowAreRead() throws {
    let long = String(repeating: "word ", count: 600_000)
    let path = try folder.file(
      "s.jsonl",
      ArxivReadTests.line("1") + "\n{\"id\": \"2\", \"categories\": \"cs.LG\", \"abstract\": \"\(long)\"}\n"
        + ArxivReadTests.line("3"))
    let table = try Ops.read("arxiv.read", path)
    #expect(table["abstract"]?.string(at: 1) == long)
    #expect(table["id"]?.string(at: 2) == "3")
  }

  /// name, text, record, words of the message, ids kept under on_error: skip, rejects
  static let bad: [(name: String, text: [UInt8], record: String?, words: [String], kept: [String], rejects: [String])] =
    {
      let (a, b, c) = (keyed("1"), keyed("2"), keyed("3"))
      func bytes(_ text: String, _ damage: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
        var all = Array(text.utf8)
        damage(&all)
        return all
      }
      func wreck(_ all: inout [UInt8], _ mark: UInt8 = UInt8(ascii: "@")) {
        for index in all.indices where all[index] == mark { all[index] = 0xFF }
      }
      return [
        ("empty", [], nil, ["the file is empty", "on_error: skip"], [], ["whole file"]),
        ("blank", bytes(" \n\t"), nil, ["the file is empty"], [], ["whole file"]),
        (
          "no abstract", bytes("{\(a), \"2\": {\"categories\": {}}, \(c)}"), "2",
          ["the record has no \"abstract\"", "on_error: skip"], ["1", "3"], ["2"]
        ),
        (
          "abstract a number", bytes("{\(a), \(keyed("2", abstract: "17")), \(c)}"), "2",
          ["\"abstract\" is a number, not a string"], ["1", "3"], ["2"]
        ),
        (
          "abstract null", bytes("{\(a), \(keyed("2", abstract: "null")), \(c)}"), "2",
          ["\"abstract\" is null, not a string"], ["1", "3"], ["2"]
        ),
        (
          "abstract a list", bytes("{\(keyed("1", abstract: "[\"x\", {\"y\": 1}]")), \(c)}"), "1",
          ["\"abstract\" is a list"], ["3"], ["1"]
        ),
        ("no categories", bytes("{\"1\": {\"abstract\": \"x\"}, \(c)}"), "1", ["no \"categories\""], ["3"], ["1"]),
        (
          "categories a list", bytes("{\"1\": {\"abstract\": \"x\", \"categories\": [1]}, \(c)}"), "1",
          ["\"categories\" is a list"], ["3"], ["1"]
        ),
        (
          "category without main", bytes("{\"1\": {\"abstract\": \"x\", \"categories\": {\"c\": {\"x\": 1}}}, \(c)}"),
          "1",
          ["no \"main_category\""], ["3"], ["1"]
        ),
        (
          "record no object", bytes("{\(a), \"2\": [], \(c)}"), "2", ["the record is a list, not an object"],
          ["1", "3"], ["2"]
        ),
        ("bad escape", bytes("{\(keyed("1", abstract: "\"\\q\"")), \(c)}"), "1", ["escape"], ["3"], ["1"]),
        (
          "cut in a string", bytes("{\(a), \(b), \"3\": {\"abstract\": \"Some te"), "3",
          ["cut off in the middle of this record", "at byte", "on_error: skip"], ["1", "2"], ["3"]
        ),
        (
          "cut in an object",
          bytes("{\(a), \(b), \"3\": {\"abstract\": \"x\", \"categories\": {\"c\": {\"main_category\": \"A\"}"), "3",
          ["cut off in the middle of this record"], ["1", "2"], ["3"]
        ),
        (
          "cut between records", bytes("{\(a), \(b)"), "the last", ["cut off after its last complete record"],
          ["1", "2"], ["the last"]
        ),
        (
          "cut behind a comma", bytes("{\(a), \(b),"), "the last", ["cut off after its last complete record"],
          ["1", "2"], ["the last"]
        ),
        ("cut in a key", bytes("{\(a), \"2"), "the last", ["cut off"], ["1"], ["the last"]),
        ("only a brace", bytes("{"), "whole file", ["cut off"], [], ["whole file"]),
        (
          "invalid UTF-8 in a text", bytes("{\(a), \(keyed("2", abstract: "\"a@b\"")), \(c)}") { wreck(&$0) }, "2",
          [
            "not valid UTF-8 from byte \("{\(a), \"2\": {\"abstract\": \"a@".utf8.count) of the file on",
            "on_error: skip",
          ], ["1", "3"], ["2"]
        ),
        (
          "invalid UTF-8 in a key", bytes("{\(a), \(keyed("2@")), \(c)}") { wreck(&$0) }, "2\u{FFFD}",
          ["not valid UTF-8"], ["1", "3"], ["2\u{FFFD}"]
        ),
        (
          "bad escape in a key", bytes("{\(a), \(keyed("2\\q\\\"")), \(c)}"), "2\\q\\\"",
          ["\"id\" holds a backslash escape"], ["1", "3"], ["2\\q\\\""]
        ),
        (
          "empty key", bytes("{\(a), \"\": 7, \(c)}"), "number 2", ["the record is a number"], ["1", "3"], ["number 2"]
        ),
        ("comma missing", bytes("{\(a) \(b), \(c)}"), nil, ["the JSON breaks near byte"], ["1"], []),
        ("trailing text", bytes("{\(a)} x"), nil, ["the JSON breaks near byte"], ["1"], []),
        ("line no JSON", bytes("{\"id\" 1}"), "line 1", ["the line"], [], ["line 1"]),
        ("line a list", bytes("[1, 2]"), "line 1", ["a list begins here", "keyed by id"], [], ["line 1"]),
        (
          "line cut off", bytes("\(line("1"))\n{\"id\": \"2\", \"abst"), "line 2", ["the line is cut off"], ["1"],
          ["line 2"]
        ),
        (
          "line without abstract", bytes("{\"id\": \"1\", \"categories\": \"cs.LG\"}\n\(line("2"))"), "line 1",
          ["no \"abstract\"", "(id 1)"], ["2"], ["line 1"]
        ),
        (
          "line without id", bytes("{\"abstract\": \"x\", \"categories\": \"cs.LG\"}\n\(line("2"))"), "line 1",
          ["no \"id\""], ["2"], ["line 1"]
        ),
        (
          "unknown archive", bytes("\(line("1"))\n\(line("2", categories: "math.CO alchemy.AU"))"), "line 2",
          ["\"alchemy.AU\" belongs to no archive", "(id 2)"], ["1"], ["line 2"]
        ),
        (
          "line invalid UTF-8", bytes("\(line("1"))\n\(line("@"))\n\(line("3"))") { wreck(&$0) }, "line 2",
          ["the line is not valid UTF-8 from its byte 9 on"], ["1", "3"], ["line 2"]
        ),
        ("trailing text in a line", bytes("\(line("1")) {}\n\(line("2"))"), "line 1", ["the line"], ["2"], ["line 1"]),
      ]
    }()

  @Test(arguments: bad.indices)
  func badInputIsNamedByFileRecordAndRemedy(number: Int) throws {
    let sample = ArxivReadTests.bad[number]
    let path = try folder.file("\(sample.name) ü.json", sample.text)
    let error = #expect(throws: TaskError.self, "\(sample.name)") { try Ops.read("arxiv.read", path) }
    #expect(error?.file == path, "\(sample.name)")
    if let record = sample.record { #expect(error?.record == record, "\(sample.name)") }
    for words in sample.words {
      #expect(error?.message.contains(words) == true, "\(sample.name): \(error?.message ?? "no error")")
    }
    #expect(error?.message.contains("on_error: skip") == true, "\(sample.name)")
  }

  @Test(arguments: bad.indices)
  func skippingKeepsTheGoodRecordsAndSetsTheBadAside(number: Int) throws {
    let sample = ArxivReadTests.bad[number]
    let path = try folder.file("\(sample.name).json", sample.text)
    let context = TestContext()
    let table = try Ops.read("arxiv.read", path, ["on_error": .string("skip")], context: context)
    #expect((0..<table.count).map { table["id"]?.string(at: $0) } == sample.kept, "\(sample.name)")
    #expect(!context.rejects.isEmpty)
    #expect(context.rejects.allSatisfy { $0.file == path && !$0.reason.contains("on_error") })
    if !sample.rejects.isEmpty { #expect(context.rejects.map(\.record) == sample.rejects, "\(sample.name)") }
  }

  @Test func rejectsCarryTheRecordsOwnText() throws {
    let path = try folder.file("a.json", "{\(ArxivReadTests.keyed("1")), \"2\": {\"x\": \"}\"}}")
    let context = TestContext()
    _ = try Ops.read("arxiv.read", path, ["on_error": .string("skip")], context: context)
    #expect(context.rejects.map(\.text) == ["{\"x\": \"}\"}"])
  }

  @Test func damagedFilesNeverCrash() throws {
    let keyed = Array(
      "{\((0..<12).map { ArxivReadTests.keyed("\($0)", more: ", \"authors\": {\"author\": []}") }.joined(separator: ", "))}"
        .utf8)
    let lines = Array((0..<12).map { ArxivReadTests.line("\($0)") }.joined(separator: "\n").utf8)
    var numbers = SeededNumbers(5)
    for round in 0..<800 {
      var bytes = round % 2 == 0 ? keyed : lines
      if round % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &numbers)) }
      for _ in 0..<Int.random(in: 0...3, using: &numbers) where !bytes.isEmpty {
        let damage = Array("\"{}[],:\\x\u{FF}\u{0}1".utf8)
        bytes[Int.random(in: 0..<bytes.count, using: &numbers)] =
          damage[Int.random(in: 0..<damage.count, using: &numbers)]
      }
      let path = try folder.file("fuzz.json", bytes)
      let columns: [String: ParameterValue] = [
        "columns": .strings(["id", "abstract", "main_cat_list"] + (round % 2 == 0 ? ["authors"] : [])),
        "on_error": .string("skip"),
      ]
      _ = try Ops.read("arxiv.read", path, columns)
      _ = try? Ops.read("arxiv.read", path)
    }
  }

  @Test func aFileThatChangedSincePlanningIsRefused() throws {
    let path = try folder.file("a.json", "{\(ArxivReadTests.keyed("1"))}")
    let source = try Ops.source("arxiv.read", ["files": .strings([path])])
    let partition = try source.partitions()[0]
    try folder.file("a.json", "{\(ArxivReadTests.keyed("1")), \(ArxivReadTests.keyed("2"))}")
    let error = #expect(throws: TaskError.self) { try source.read(partition, context: TestContext()) }
    #expect(error?.code == .cannotRead)
    #expect(error?.message.contains("changed since the run was planned; run again") == true)
    try FileManager.default.removeItem(atPath: path)
    let gone = #expect(throws: TaskError.self) { try source.read(partition, context: TestContext()) }
    #expect(gone?.message.contains("cannot be opened") == true)
    #expect(gone?.cause == "No such file or directory")
  }

  @Test func anUnknownColumnNamesTheNearest() {
    let error = #expect(throws: ParameterError.self) {
      try Ops.source("arxiv.read", ["files": .strings(["/x"]), "columns": .strings(["abstrct"])])
    }
    #expect(error?.message.contains("did you mean \"abstract\"?") == true)
  }

  @Test(arguments: [ArxivSample.Layout.keyed, .snapshot])
  func theEstimateCoversTheTableThatComesOut(layout: ArxivSample.Layout) throws {
    let paths = try ArxivSample(seed: 3, items: 4000, files: 1, layout: layout).write(to: folder.path)
    for columns in [["id", "abstract", "main_cat_list"], ["title", "authors"], ArxivColumn.allCases.map(\.rawValue)] {
      let source = try Ops.source("arxiv.read", ["files": .strings(paths), "columns": .strings(columns)])
      let partition = try source.partitions()[0]
      let table = try Table.from(source.read(partition, context: TestContext()))
      let estimate = source.estimate(partition)
      #expect(table.byteCount <= estimate.output, "\(columns)")
      let preprocess = try Ops.partition("arxiv.preprocess")
      if columns.contains("abstract") {
        let made = try preprocess.apply([table], partition: partition, context: TestContext())
        let foreseen = preprocess.estimate(inputBytes: [table.byteCount]).output
        #expect(made.byteCount <= foreseen)
        #expect(foreseen * 10 < made.byteCount * 13)
      }
    }
  }
}
