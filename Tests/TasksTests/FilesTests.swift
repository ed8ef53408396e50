import Foundation
import Graph
import Testing

@testable import Tasks

@Suite struct FileListingTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func names(_ patterns: String...) throws -> [String] {
    try FileListing.partitions(of: patterns.map { folder.path + "/" + $0 }).map(\.label)
  }

  @Test func globsAreSortedByByteAndKeepTheOrderOfPatterns() throws {
    for name in ["b.json", "B.json", "ä.json", "a.json", "a.txt"] { try folder.file(name, "x") }
    #expect(try names("*.json") == ["B.json", "a.json", "b.json", "ä.json"])
    #expect(try names("a.txt", "*.json") == ["a.txt", "B.json", "a.json", "b.json", "ä.json"])
    #expect(try names("a.*", "[ab].json") == ["a.json", "a.txt", "b.json"])
  }

  @Test func namesThatDifferOnlyInTheirBytesAreTwoFiles() throws {
    let both = ["e\u{301}.json", "\u{E9}.json"]
    for name in both { try folder.file(name, "x") }
    let partitions = try FileListing.partitions(of: [folder.path])
    #expect(partitions.map { Array($0.label.utf8) } == both.map { Array($0.utf8) })
    let paths = try Ops.sink("jsonl.write", ["directory": .string("/out")]).paths(for: Partitions(partitions))
    #expect(paths.count == 2)
  }

  @Test func twoStarsAreRefused() throws {
    try folder.file("deep/a.json", "x")
    let error = #expect(throws: ParameterError.self) { try names("**/a.json") }
    #expect(error?.message.contains("** is not supported; name the folders, or give several patterns") == true)
  }

  @Test func namesWithSpacesBracketsAndStarsAreTakenLiterally() throws {
    try folder.file("a [1] ü*.json", "x")
    try folder.file("a 1 ü.json", "x")
    #expect(try names("a [1] ü*.json") == ["a [1] ü*.json"])
    #expect(try names("a*.json") == ["a 1 ü.json", "a [1] ü*.json"])
  }

  @Test func aFolderMeansItsFilesThatAreNotHidden() throws {
    for name in ["in/b", "in/a", "in/.hidden", "in/deep/c"] { try folder.file(name, "x") }
    #expect(try names("in") == ["a", "b"])
    #expect(try names("in/") == ["a", "b"])
    #expect(try names("in/*") == ["a", "b"])
  }

  @Test func partitionsKnowSizeAndTimeOfTheirFile() throws {
    let path = try folder.file("a", "12345")
    let partition = try FileListing.partitions(of: [path])[0]
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(partition.file?.byteCount == 5)
    let seconds = try #require(attributes[.modificationDate] as? Date).timeIntervalSince1970
    #expect(abs(Double(partition.file?.modified ?? 0) / 1e9 - seconds) < 0.001)
    #expect(partition.index == 0)
  }

  @Test func whatCannotBeFoundIsNamed() throws {
    try folder.file("papers.json", "x")
    try FileManager.default.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: true)
    func message(_ pattern: String) -> String {
      do { _ = try names(pattern) } catch { return "\(error)" }
      return "no error"
    }
    #expect(
      message("*.jsonl").contains(
        "no file matches \(folder.path)/*.jsonl; looked in the folder \(folder.path), which holds none"))
    #expect(message("none/*/x").contains("looked in the folder \(folder.path)/none, which does not exist"))
    #expect(message("paper.json").contains("there is no file \(folder.path)/paper.json; did you mean \"papers.json\"?"))
    #expect(message("none/x").contains("its folder \(folder.path)/none does not exist"))
    #expect(message("empty").contains("the folder \(folder.path)/empty holds no files"))
    #expect(throws: ParameterError.self) { try FileListing.partitions(of: []) }
    #expect(throws: ParameterError.self) { try FileListing.partitions(of: ["/dev/null"]) }
  }

  @Test(.enabled(if: getuid() != 0, "root may read everything"))
  func aFileWithoutReadPermissionIsNamed() throws {
    let path = try folder.file("secret", "x")
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
    let error = #expect(throws: ParameterError.self) { try names("secret") }
    #expect(error?.message.contains("Permission denied") == true)
  }
}

@Suite struct JSONLinesTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func partitions(_ paths: [String]) -> Partitions {
    Partitions(
      paths.enumerated().map {
        Partition(index: $0, label: lastComponent($1), file: FileIdentity(path: $1, byteCount: 1, modified: 1))
      })
  }

  @Test func stringsAreEscapedAsLittleAsJSONAllows() throws {
    let table = try Table.strings("t\"", ["plain /ü😀", "\"\\\n\r\t\u{8}\u{C}\u{1}\u{1F}\u{7F}", nil, ""])
    #expect(
      try Ops.jsonLines(table) == #"{"t\"":"plain /ü😀"}"# + "\n" + #"{"t\"":"\"\\\n\r\t\b\f\u0001\u001f"#
        + "\u{7F}\"}\n{\"t\\\"\":null}\n{\"t\\\"\":\"\"}\n")
  }

  @Test func listsComeOutRightWhereverAnEscapeStands() throws {
    // Around the borders of the words that are looked at together, and near the buffer's end.
    var lists: [[String]?] = []
    for length in 0..<40 {
      for place in stride(from: 0, to: length, by: 3) {
        for bad in ["\"", "\\", "\u{1F}", "é", "!", "#", "]", "[", " "] {
          let text = String(repeating: "a", count: place) + bad + String(repeating: "b", count: length - place)
          lists.append([String(repeating: "x", count: place), text, ""])
        }
      }
    }
    lists.append(nil)
    let lines = try Ops.jsonLines(Table.lists("l", lists)).split(separator: "\n")
    for (line, list) in zip(lines, lists) {
      let record = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      try #require(record?["l"] as? [String] == list)
    }
    #expect(lines.last == "{\"l\":null}")
  }

  @Test func numbersAreWrittenShortestAndNotFiniteOnesAsNull() throws {
    var reals = FixedColumnBuilder<Double>()
    for value in [0.1, 1, -2.5e300, .infinity, .nan] { reals.append(value) }
    reals.appendNull()
    #expect(
      try Ops.jsonLines(Table([("x", reals.finish())])) == """
        {"x":0.1}
        {"x":1.0}
        {"x":-2.5e+300}
        {"x":null}
        {"x":null}
        {"x":null}

        """)
    #expect(
      try Ops.jsonLines(Table.integers("n", [0, .max, .min, -7]))
        == "{\"n\":0}\n{\"n\":9223372036854775807}\n{\"n\":-9223372036854775808}\n{\"n\":-7}\n")
  }

  @Test func onlyTheListedColumnsAreWrittenInTheirOrder() throws {
    let table = Table([("a", Table.integers("a", [1]).columns[0]), ("b", Table.integers("b", [2]).columns[0])])
    let sink = MemorySink()
    let op = try Ops.sink("jsonl.write", ["directory": .string("/o"), "columns": .strings(["b", "a"])])
    let count = try op.write(table, partition: Partition(index: 0, label: "p"), to: sink, context: TestContext())
    #expect(count == 1)
    #expect(String(decoding: sink.bytes, as: UTF8.self) == "{\"b\":2,\"a\":1}\n")
  }

  @Test func namesFollowTheTemplate() throws {
    let inputs = partitions(["/in/a b.json", "/in/c"])
    func paths(_ name: String) throws -> [String] {
      try Ops.sink("jsonl.write", ["directory": .string("/out"), "name": .string(name)]).paths(for: inputs)
    }
    #expect(try paths("{name}") == ["/out/a b.json", "/out/c"])
    #expect(try paths("{index}-{stem}.jsonl") == ["/out/0-a b.jsonl", "/out/1-c.jsonl"])
    for bad in ["{nam}", "x/{name}", "", "..", "{name"] { #expect(throws: ParameterError.self) { try paths(bad) } }
  }

  @Test func twoPartitionsForOneFileAreRefusedWithBothNamed() throws {
    let op = try Ops.sink("jsonl.write", ["directory": .string("/out")])
    let error = #expect(throws: ParameterError.self) { try op.paths(for: partitions(["/a/x.json", "/b/x.json"])) }
    #expect(error?.message.contains("/a/x.json and /b/x.json would both be written to /out/x.json") == true)
    #expect(error?.message.contains("name: \"{index}-{name}\"") == true)
  }

  @Test func anInputFileIsNeverOverwritten() throws {
    let path = try folder.file("in/x.json", "{}")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/link", withDestinationPath: folder.path + "/in")
    for directory in [folder.path + "/in", folder.path + "/link", folder.path + "/link/../in/"] {
      let op = try Ops.sink("jsonl.write", ["directory": .string(directory)])
      let error = #expect(throws: ParameterError.self) { try op.paths(for: partitions([path])) }
      #expect(error?.message.contains("is the input file \(path) and would be overwritten") == true)
    }
  }

  @Test func columnsAndTypesComeFromTheRecords() throws {
    let path = try folder.file(
      "r.jsonl",
      """
      {"s": "a", "i": 1, "f": 1, "b": true, "l": ["x", "é"], "n": null}
      {"f": 2.5, "late": -3, "s": null}

      {"l": [], "b": false, "i": 9007199254740993}
      """)
    let table = try Ops.read("jsonl.read", path)
    #expect(table.names == ["s", "i", "f", "b", "l", "n", "late"])
    #expect(table.columns.map(\.type) == [.utf8, .int64, .float64, .bool, .list(.utf8), .utf8, .int64])
    #expect(
      try Ops.jsonLines(table) == """
        {"s":"a","i":1,"f":1.0,"b":true,"l":["x","é"],"n":null,"late":null}
        {"s":null,"i":null,"f":2.5,"b":null,"l":null,"n":null,"late":-3}
        {"s":null,"i":9007199254740993,"f":null,"b":false,"l":[],"n":null,"late":null}

        """)
    let some = try Ops.read("jsonl.read", path, ["columns": .strings(["late", "s", "nowhere"])])
    #expect(some.names == ["late", "s", "nowhere"])
    #expect(some.columns.map(\.nullCount) == [2, 2, 3])
  }

  @Test func fieldNamesAreComparedByTheirBytes() throws {
    let text = "{\"caf\u{E9}\":1,\"cafe\u{301}\":2}\n"
    #expect(try Ops.jsonLines(Ops.read("jsonl.read", folder.file("x.jsonl", text))) == text)
  }

  @Test func aByteOrderMarkIsPassedOverAtTheBeginningOnly() throws {
    #expect(try Ops.read("jsonl.read", folder.file("x.jsonl", "\u{FEFF}{\"a\":1}\n{\"a\":2}")).count == 2)
    #expect(throws: TaskError.self) {
      try Ops.read("jsonl.read", folder.file("y.jsonl", "{\"a\":1}\n\u{FEFF}{\"a\":2}"))
    }
    let empty = #expect(throws: TaskError.self) { try Ops.read("jsonl.read", folder.file("z.jsonl", "\u{FEFF}")) }
    #expect(empty?.message.contains("the file is empty") == true)
  }

  @Test func theGreatestWholeNumbersAreKept() throws {
    let text = "{\"n\":9223372036854775807}\n{\"n\":-9223372036854775808}\n"
    #expect(try Ops.jsonLines(Ops.read("jsonl.read", folder.file("x.jsonl", text))) == text)
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let lists: [[String]?] = [["a", "\"\\\n"], [], nil, ["é𝔤"]]
    let text = try Ops.jsonLines(Table.lists("l", lists))
    let back = try Ops.read("jsonl.read", folder.file("x.jsonl", text))
    #expect(try Ops.jsonLines(back) == text)
  }

  @Test(arguments: [
    ("{\"a\": 1}\n{\"a\": \"x\"}", "line 2", "\"a\" is a string here, but a number in line 1"),
    ("{\"a\": {}}", "line 1", "\"a\" is an object, which no column can hold"),
    ("{\"a\": [1]}", "line 1", "a list of other things than strings"),
    ("{\"a\": 1, \"a\": 2}", "line 1", "stands in the record twice"),
    ("[1]", "line 1", "not an object"), ("{\"a\": 1", "line 1", "cut off"), ("{\"a\" 1}", "line 1", "not valid JSON"),
    ("7", "line 1", "not an object"),
    ("{\"a\": 9223372036854775808 }", "line 1", "\"a\" is a whole number beyond 2⁶³ - 1"),
    ("{\"a\": -9223372036854775809}", "line 1", "\"a\" is a whole number below -2⁶³"),
    ("{\"a\": 123456789012345678901234567890}", "line 1", "write it as a string"),
    ("{\"a\": 1234567890123456789012x}", "line 1", "not valid JSON"),
  ])
  func badLinesAreNamed(text: String, record: String, words: String) throws {
    let path = try folder.file("bad.jsonl", text + "\n{\"a\": 5}")
    let error = #expect(throws: TaskError.self) { try Ops.read("jsonl.read", path) }
    #expect(error?.file == path)
    #expect(error?.record == record)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("on_error: skip") == true)
    let context = TestContext()
    let table = try Ops.read("jsonl.read", path, ["on_error": .string("skip")], context: context)
    #expect(table["a"]?.integer(at: table.count - 1) == 5)
    #expect(context.rejects.map(\.record) == [record])
  }
}

@Suite struct SampleTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  @Test(arguments: [ArxivSample.Layout.keyed, .snapshot])
  func sampleFilesAreTheSameForTheSameSeedAndCanBeRead(layout: ArxivSample.Layout) throws {
    func write(_ seed: UInt64, _ name: String) throws -> [Data] {
      var reported = 0
      let sample = try ArxivSample(seed: seed, items: 1000, files: 3, layout: layout)
      let paths = try sample.write(to: folder.path + "/" + name) { reported = $0 }
      #expect(reported == 1000)
      #expect(paths.count == 3)
      return try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    }
    let first = try write(1, "a")
    #expect(try write(1, "b") == first)
    #expect(try write(2, "c") != first)

    let source = try Ops.source("arxiv.read", ["files": .strings([folder.path + "/a"])])
    let tables = try source.partitions().map { try Table.from(source.read($0, context: TestContext())) }
    #expect(tables.map(\.count) == [333, 333, 334])
    let ids = tables.flatMap { table in (0..<table.count).compactMap { table["id"]?.string(at: $0) } }
    #expect(Set(ids).count == 1000)
    #expect(ids.first == "0704.0001")
    let words = tables.map { table in
      (0..<table.count).reduce(0) {
        $0 + (table["abstract"]?.string(at: $1)?.split { $0 == " " || $0 == "\n" }.count ?? 0)
      }
    }
    #expect((95...130).contains(words.reduce(0, +) / 1000))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/a").sorted()
    #expect(
      names.first == (layout == .keyed ? "arXiv_metadata_000000000000.json" : "arxiv-metadata-000.jsonl"))
    #expect(names.count == 3)
  }

  @Test func anEmptySampleIsValid() throws {
    let paths = try ArxivSample(seed: 1, items: 0, files: 1, layout: .keyed).write(to: folder.path)
    #expect(try Ops.read("arxiv.read", paths[0]).count == 0)
  }

  @Test func identifiersNeverRepeatAcrossMonths() {
    var identifiers = ArxivIdentifiers(from: 4_490)
    let found = (0..<20).map { _ in identifiers.next() }
    #expect(found[9] == "0704.4500")
    #expect(found[10] == "0705.0001")
    var late = ArxivIdentifiers(from: 700_000)
    #expect(
      late.next()
        == {
          var other = ArxivIdentifiers(from: 699_999)
          _ = other.next()
          return other.next()
        }())
  }

  @Test func aFolderThatCannotBeWrittenIsNamed() throws {
    let path = try folder.file("file", "x")
    let error = #expect(throws: TaskError.self) {
      try ArxivSample(seed: 1, items: 1, files: 1, layout: .keyed).write(to: path + "/sub")
    }
    #expect(error?.code == .cannotWrite)
  }
}

@Suite struct RegistryTests {
  @Test func everyOperationSaysEnoughAboutItself() {
    for definition in StandardOps.definitions {
      #expect(!definition.summary.hasSuffix("."), "\(definition.name)")
      #expect(definition.summary.first?.isLowercase == true, "\(definition.name)")
      #expect(definition.example.contains("op: \(definition.name)"), "\(definition.name)")
      #expect(definition.parameters.allSatisfy { !$0.summary.isEmpty }, "\(definition.name)")
      #expect(!definition.output.isEmpty)
      for required in definition.parameters where required.isRequired {
        #expect(definition.example.contains(required.name + ":"), "\(definition.name) \(required.name)")
      }
    }
    #expect(Ops.registry.valueTypes["table"] != nil)
    #expect(Ops.registry.names.count == StandardOps.definitions.count)
  }
}
