import Foundation
import Graph
import Testing

@testable import Tasks

/// Files that are cut into blocks give what they give in one piece, whatever they hold and wherever the cuts are.
@Suite struct LargeFilesTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  /// What the partitions of a source give, one after the other.
  struct Read {
    /// JSON lines.
    var records = ""
    var ids: [String?] = []
    var rejects: [String] = []
    var reasons: [String] = []
    var error: TaskError?
    var partitions = 0
  }

  /// - Parameter blocksize: "none" for one piece.
  static func read(_ op: String, _ path: String, blocksize: String, _ more: [String: ParameterValue] = [:]) throws
    -> Read
  {
    let values = more.merging(["files": .strings([path]), "blocksize": .string(blocksize)]) { $1 }
    let source = try Ops.source(op, values)
    var read = Read()
    for partition in try source.partitions() {
      let context = TestContext()
      read.partitions += 1
      do {
        let table = try Table.from(source.read(partition, context: context))
        read.records += try Ops.jsonLines(table)
        read.ids += (0..<table.count).map { table["id"]?.string(at: $0) }
      } catch let error as TaskError {
        if read.error == nil { read.error = error }
      }
      read.rejects += context.rejects.map(\.record)
      read.reasons += context.rejects.map(\.reason)
    }
    return read
  }

  // MARK: - Random JSON

  /// A string's inside with all that could be taken for structure.
  static func text(_ numbers: inout SeededNumbers) -> String {
    let pieces = [
      "a", "word ", "{", "}", "[", "]", ",", ":", #"\""#, #"\\"#, #"\\\\"#, #"\\\""#, #"\u005c"#, #"\u0022"#, #"\n"#,
      "é", "😀",
      #"\", \"x\": {"#, "}, ", String(repeating: "long ", count: 30), String(repeating: #"\\"#, count: 33),
    ]
    return (0..<Int.random(in: 0..<8, using: &numbers)).map { _ in pieces.randomElement(using: &numbers)! }.joined()
  }

  static func space(_ numbers: inout SeededNumbers) -> String {
    ["", "", " ", "\n", "\r\n\t ", String(repeating: " ", count: 70)].randomElement(using: &numbers)!
  }

  static func value(_ numbers: inout SeededNumbers, depth: Int = 0) -> String {
    switch Int.random(in: 0..<(depth > 3 ? 3 : 6), using: &numbers) {
    case 0: return ["1", "-2.5e3", "true", "null"].randomElement(using: &numbers)!
    case 1, 2: return "\"\(text(&numbers))\""
    case 3:
      let items = (0..<Int.random(in: 0..<4, using: &numbers)).map { _ in value(&numbers, depth: depth + 1) }
      return "[" + items.joined(separator: "\(space(&numbers)),\(space(&numbers))") + "]"
    default:
      let fields = (0..<Int.random(in: 0..<4, using: &numbers)).map { _ in
        "\"\(text(&numbers))\"\(space(&numbers)):\(space(&numbers))\(value(&numbers, depth: depth + 1))"
      }
      return "{" + fields.joined(separator: ",\(space(&numbers))") + space(&numbers) + "}"
    }
  }

  static func paper(_ numbers: inout SeededNumbers) -> String {
    "{\"more\": \(value(&numbers)), \"abstract\": \"\(text(&numbers))\"\(space(&numbers)),\"categories\":"
      + " {\"c\": {\"main_category\": \"\(text(&numbers))\"}}, \"last\":\(space(&numbers))\(value(&numbers))}"
  }

  static func object(_ numbers: inout SeededNumbers) -> String {
    let records = (0..<Int.random(in: 0..<7, using: &numbers)).map { number in
      "\"\(number)\(text(&numbers))\"\(space(&numbers)):\(space(&numbers))\(paper(&numbers))\(space(&numbers))"
    }
    return ["", "\u{FEFF}", "\n "].randomElement(using: &numbers)! + "{" + space(&numbers)
      + records.joined(separator: ",\(space(&numbers))") + space(&numbers) + "}" + space(&numbers)
  }

  @Test(arguments: 0..<12)
  func blocksOfAnObjectGiveWhatTheFileGives(seed: Int) throws {
    var numbers = SeededNumbers(UInt64(seed) &+ 77)
    let text = LargeFilesTests.object(&numbers)
    let path = try folder.file("a.json", text)
    let layout: [String: ParameterValue] = ["layout": .string("keyed")]
    let whole = try LargeFilesTests.read("arxiv.read", path, blocksize: "none", layout)
    #expect(whole.error == nil)
    let sizes = [1, 2, 3, 7, 16, 64] + (0..<6).map { _ in Int.random(in: 1...text.utf8.count, using: &numbers) }
    for size in sizes {
      let blocks = try LargeFilesTests.read("arxiv.read", path, blocksize: "\(size)", layout)
      #expect(blocks.error == nil, "\(size)")
      #expect(blocks.records == whole.records, "\(size)")
      #expect(blocks.partitions == max(text.utf8.count / size, 1), "\(size)")
    }
  }

  @Test(arguments: 0..<8)
  func blocksOfLinesGiveWhatTheFileGives(seed: Int) throws {
    var numbers = SeededNumbers(UInt64(seed) &+ 5)
    let lines = (0..<Int.random(in: 1..<9, using: &numbers)).map { _ -> String in
      let text = LargeFilesTests.text(&numbers)
      return ["", " ", "{\"id\": \"\(text)\", \"abstract\": \"x\", \"categories\": \"cs.LG\"}"].randomElement(
        using: &numbers)!
    }
    let end = ["", "\n", "\r\n"].randomElement(using: &numbers)!
    let text =
      ["", "\u{FEFF}"].randomElement(using: &numbers)! + "{\"id\": \"0\", \"abstract\": \"\", \"categories\": \"\"}\n"
      + lines.joined(separator: ["\n", "\r\n"].randomElement(using: &numbers)!) + end
    let path = try folder.file("a.jsonl", text)
    for op in ["arxiv.read", "jsonl.read"] {
      let whole = try LargeFilesTests.read(op, path, blocksize: "none")
      #expect(whole.error == nil)
      for size in stride(from: 1, through: text.utf8.count, by: 3) {
        let blocks = try LargeFilesTests.read(op, path, blocksize: "\(size)")
        #expect(blocks.error == nil)
        #expect(blocks.records == whole.records, "\(op) \(size)")
      }
    }
  }

  // MARK: - Bad input

  /// Whose damage says in a block something else than in a file, and of which more can be kept.
  private static let ofTheBlock: Set<String> = ["empty key", "comma missing"]

  @Test(arguments: ArxivReadTests.bad.indices)
  func badInputIsFoundInEveryBlock(number: Int) throws {
    let sample = ArxivReadTests.bad[number]
    guard !LargeFilesTests.ofTheBlock.contains(sample.name) else { return }
    let path = try folder.file("a.json", sample.text)
    let whole = try LargeFilesTests.read("arxiv.read", path, blocksize: "none")
    let skipping: [String: ParameterValue] = ["on_error": .string("skip")]
    let kept = try LargeFilesTests.read("arxiv.read", path, blocksize: "none", skipping)
    for size in stride(from: 1, to: sample.text.count, by: 7) {
      let blocks = try LargeFilesTests.read("arxiv.read", path, blocksize: "\(size)")
      let scope = blocks.partitions > 1 ? "block" : "file"
      let message = whole.error?.message.replacingOccurrences(
        of: "follows in the file", with: "follows in the \(scope)")
      #expect(blocks.error?.message == message, "\(sample.name) \(size)")
      #expect(blocks.error?.record == whole.error?.record, "\(sample.name) \(size)")
      let rest = try LargeFilesTests.read("arxiv.read", path, blocksize: "\(size)", skipping)
      #expect(rest.ids == kept.ids, "\(sample.name) \(size)")
      #expect(rest.rejects == kept.rejects, "\(sample.name) \(size)")
    }
  }

  @Test func afterABreakTheOtherBlocksAreStillRead() throws {
    let papers = (0..<9).map { ArxivReadTests.keyed("\($0)") }
    let text = "{" + papers[..<4].joined(separator: ",") + " " + papers[4...].joined(separator: ",") + "}"
    let path = try folder.file("a.json", text)
    for size in [1, 50, 100, 200] {
      let read = try LargeFilesTests.read("arxiv.read", path, blocksize: "\(size)", ["on_error": .string("skip")])
      // The comma is missing behind 3, so that 4 is no record of its own.
      #expect(read.ids.prefix(4) == ["0", "1", "2", "3"])
      #expect(read.ids.suffix(3) == ["6", "7", "8"])
      #expect(read.reasons.first?.contains("what follows in the block cannot be read") == true)
    }
  }

  /// Whatever is broken: it is an error of some block if it is one of the file.
  @Test(arguments: 0..<40)
  func damageIsNeverOverlooked(seed: Int) throws {
    var numbers = SeededNumbers(UInt64(seed) &+ 13)
    var bytes = Array(LargeFilesTests.object(&numbers).utf8)
    let damage = Array("\"{}[],:\\x\u{0}1".utf8)
    for _ in 0..<Int.random(in: 1...3, using: &numbers) {
      let place = Int.random(in: 0..<bytes.count, using: &numbers)
      switch Int.random(in: 0..<3, using: &numbers) {
      case 0: bytes[place] = damage.randomElement(using: &numbers)!
      case 1: bytes.insert(damage.randomElement(using: &numbers)!, at: place)
      default: bytes.remove(at: place)
      }
      if bytes.isEmpty { return }
    }
    let path = try folder.file("a.json", bytes)
    let layout: [String: ParameterValue] = ["layout": .string("keyed")]
    let whole = try LargeFilesTests.read("arxiv.read", path, blocksize: "none", layout)
    for size in [1, 5, 64, 333] where size < bytes.count {
      let blocks = try LargeFilesTests.read("arxiv.read", path, blocksize: "\(size)", layout)
      #expect((blocks.error == nil) == (whole.error == nil), "\(seed) \(size): \(whole.error?.message ?? "fine")")
      if whole.error == nil { #expect(blocks.records == whole.records, "\(seed) \(size)") }
      _ = try LargeFilesTests.read(
        "arxiv.read", path, blocksize: "\(size)", ["on_error": .string("skip"), "layout": .string("keyed")])
    }
  }

  @Test func linesAreCountedFromTheFilesBeginning() throws {
    let lines = (1...60).map { $0 % 20 == 0 ? "{\"a\": \"text\"}" : "{\"a\": \($0)}" }
    let path = try folder.file("a.jsonl", lines.joined(separator: "\n"))
    for size in ["7", "100", "150"] {
      let read = try LargeFilesTests.read("jsonl.read", path, blocksize: size, ["on_error": .string("skip")])
      #expect(read.rejects == ["line 20", "line 40", "line 60"], "\(size)")
      for reason in read.reasons {
        #expect(reason.hasPrefix("\"a\" is a string here, but a number in line 1, as in most"), "\(reason)")
      }
    }
    #expect(try LargeFilesTests.read("jsonl.read", path, blocksize: "150").error?.record == "line 20")
  }

  // MARK: - Columns of JSON lines

  private func lines(
    _ texts: String..., with values: [String: ParameterValue] = [:], skipping: Bool = false
  ) throws -> (tables: [Table], rejects: [RejectedRecord], identity: [IdentityPart]) {
    let paths = try texts.enumerated().map { try folder.file("\($0).jsonl", $1) }
    var values = values.merging(["files": .strings(paths), "blocksize": .string("400KB")]) { given, _ in given }
    if skipping { values["on_error"] = .string("skip") }
    let source = try Ops.source("jsonl.read", values)
    let context = TestContext()
    let partitions = try source.partitions()
    let tables = try partitions.map { try Table.from(source.read($0, context: context)) }
    return (tables, context.rejects, source.identity(of: partitions[0]))
  }

  private func problem(_ text: String, with values: [String: ParameterValue] = [:]) throws -> TaskError? {
    do {
      _ = try lines(text, with: values)
      return nil
    } catch let error as TaskError {
      return error
    }
  }

  /// 400,000 records in 17 blocks, of which the first 256 KiB of every other one or so are looked at; `late` is not.
  private static func unseen(_ late: String) -> String {
    (1...400_000).map { $0 == 40_000 ? late : "{\"n\":1,\"e\":null}" }.joined(separator: "\n")
  }

  @Test func allPartitionsHaveTheSameColumns() throws {
    // A field that stands in the first records only, one that is a whole number in all blocks but the last.
    let one = (0..<200_000).map {
      $0 < 9 ? "{\"n\":\($0),\"first\":\"x\"}" : "{\"n\":\($0)\($0 > 150_000 ? ".5" : "")}"
    }
    let (tables, _, _) = try lines(
      one.joined(separator: "\n"), "{\"second\":[\"y\"]}\n{\"n\":null,\"third\":null}")
    #expect(tables.count >= 7)
    for table in tables {
      #expect(table.names == ["n", "first", "second", "third"])
      #expect(table.columns.map(\.type) == [.float64, .utf8, .list(.utf8), .utf8])
    }
    #expect(tables.reduce(0) { $0 + $1.count } == 200_002)
  }

  @Test(arguments: [
    ("{\"n\":1,\"late\":7}", "is in none of the records that the columns were learnt from", "types: {\"late\": int64}"),
    ("{\"late\":{}}", "is in none of the records", "name the columns to read with columns"),
    ("{\"n\":1.5}", "is no whole number here", "types: {\"n\": float64}"),
    ("{\"n\":\"x\"}", "is a string here, but a number in line 1", "types: {\"n\": string}"),
    ("{\"e\":true}", "no record that the columns were learnt from says its type", "types: {\"e\": bool}"),
  ])
  func whatTheSampleDidNotShowIsNamedWithItsRemedy(late: String, words: String, remedy: String) throws {
    let text = LargeFilesTests.unseen(late)
    let message = try problem(text)
    #expect(message?.record == "line 40000")
    #expect(
      message?.message.contains(words) == true && message?.message.contains(remedy) == true, "\(message?.message ?? "")"
    )
    let skipped = try lines(text, skipping: true)
    #expect(skipped.rejects.map(\.record) == ["line 40000"])
    #expect(skipped.tables.reduce(0) { $0 + $1.count } == 399_999)
  }

  @Test func typesAndColumnsSayWhatTheSampleDoesNot() throws {
    #expect(try problem(LargeFilesTests.unseen("{\"late\":null}")) == nil)
    #expect(
      try lines(LargeFilesTests.unseen("{\"e\":true}"), with: ["types": .map(["e": "bool"])]).tables[0]["e"]?.type
        == .bool)
    let table = try lines(LargeFilesTests.unseen("{\"late\":7}"), with: ["types": .map(["late": "float64"])]).tables[0]
    #expect(table.names == ["n", "e", "late"])
    #expect(table["late"]?.type == .float64)
    let late = LargeFilesTests.unseen("{\"late\":7}")
    let chosen = try lines(late, with: ["columns": .strings(["n", "e"])])
    #expect(chosen.tables.reduce(0) { $0 + $1.count } == 400_000)
    // Without columns the record would be refused: another task, although the columns are the same.
    for name in ["columns", "types"] { #expect(JSONLinesRead.definition.parameter(name)?.isIdentity == true) }
    let wrong = try problem(late, with: ["types": .map(["n": "string"])])
    #expect(wrong?.record == "line 1")
    #expect(wrong?.message.contains("\"n\" is a number here, but a string by types") == true)
    let fraction = try problem("{\"n\":1.5}", with: ["types": .map(["n": "int64"])])
    #expect(fraction?.message.contains("\"n\" is no whole number here, but one by types") == true)
    #expect(throws: ParameterError.self) { try lines("{}", with: ["types": .map(["n": "int"])]) }
    #expect(throws: ParameterError.self) {
      try lines("{}", with: ["types": .map(["n": "int64"]), "columns": .strings(["e"])])
    }
  }

  @Test func mostRecordsDecideAboutATypeAndAContradictionNamesTheOtherFile() throws {
    let good = (0..<20).map { "{\"n\":\($0)}" }.joined(separator: "\n")
    let (tables, rejects, _) = try lines("{\"n\":\"N/A\"}\n{\"twice\":1,\"twice\":2}", good, skipping: true)
    #expect(tables.map { $0["n"]?.type } == [.int64, .int64])
    #expect(tables.map(\.count) == [0, 20] && tables[1].names == ["n"])
    #expect(rejects.map(\.record) == ["line 1", "line 2"])
    #expect(rejects[0].reason.contains("but a number in line 1 of \(folder.path)/1.jsonl"), "\(rejects[0].reason)")
  }

  @Test(arguments: [("300 KiB", 300 << 10), ("3 MiB", 3 << 20)])
  func longLinesAreLearntFrom(name: String, count: Int) throws {
    let word = String(repeating: "x", count: count)
    let text = (0..<6).map { "{\"t\":\"\(word)\",\"n\":\($0 == 5 ? "1.5" : "1")}" }.joined(separator: "\n")
    let tables = try lines(text).tables
    #expect(tables.reduce(0) { $0 + $1.count } == 6)
    #expect(tables.allSatisfy { $0["n"]?.type == .float64 })
  }

  @Test func linesThatAreTooLongToLearnFromNeedTypes() throws {
    let word = String(repeating: "x", count: 9 << 20)
    let text = "{\"t\":\"\(word)\",\"n\":1}\n{\"t\":\"\(word)\",\"n\":2}"
    let bad = #expect(throws: ParameterError.self) { try lines(text) }
    #expect(bad?.message.contains("name the columns with columns, and the type of each with types") == true)
    let values: [String: ParameterValue] = [
      "columns": .strings(["n", "t"]), "types": .map(["n": "int64", "t": "string"]),
    ]
    #expect(try lines(text, with: values).tables.reduce(0) { $0 + $1.count } == 2)
  }

  // MARK: - Large records

  private func large(_ context: TestContext, _ op: String, _ text: String, blocksize: String = "1MB") throws
    -> [Table]
  {
    let path = try folder.file("a.json", text)
    let source = try Ops.source(op, ["files": .strings([path]), "blocksize": .string(blocksize)])
    return try source.partitions().map { try Table.from(source.read($0, context: context)) }
  }

  @Test func aRecordLargerThanABlockIsReadOrNamed() throws {
    let word = String(repeating: "word ", count: 1 << 20)
    let papers = (0..<20_000).map { ArxivReadTests.keyed("\($0)") }
    let keyed =
      "{" + papers[..<9000].joined(separator: ",") + ",\(ArxivReadTests.keyed("large/1", abstract: "\"\(word)\"")),"
      + papers[9000...].joined(separator: ",") + "}"
    let lines = (1...20_000).map {
      "{\"id\":\"\($0)\",\"abstract\":\"\($0 == 11_000 ? word : "x")\",\"categories\":\"\"}"
    }
    .joined(separator: "\n")
    for (op, text, rows, record) in [
      ("arxiv.read", keyed, 20_001, "large/1"), ("arxiv.read", lines, 20_000, "line 11000"),
      ("jsonl.read", lines, 20_000, "line 11000"),
    ] {
      let tables = try large(TestContext(), op, text)
      #expect(tables.count >= 5)
      #expect(tables.reduce(0) { $0 + $1.count } == rows)
      #expect(tables.contains { $0.count == 0 }, "blocks that lie within the record have none")
      let error = #expect(throws: TaskError.self) { try large(TestContext(memoryLimit: 8 << 20), op, text) }
      #expect(error?.code == .tooLarge)
      #expect(error?.record == record)
      #expect(error?.message.contains("5.0 MB") == true, "\(error?.message ?? "")")
    }
  }

  @Test func aLineLargerThanABlockIsReadOrNamed() throws {
    let word = String(repeating: "word ", count: 1 << 20)
    let text = String(repeating: "short\n", count: 300_000) + word + "\nend\n"
    for blocksize in ["1MB", "20MB"] {
      let tables = try large(TestContext(), "text.read", text, blocksize: blocksize)
      #expect(tables.reduce(0) { $0 + $1.count } == 300_002)
      let error = #expect(throws: TaskError.self) {
        try large(TestContext(memoryLimit: 3 << 20), "text.read", text, blocksize: blocksize)
      }
      #expect(error?.code == .tooLarge)
      #expect(error?.record == "line that begins at byte 1800000")
      #expect(error?.message.contains("5.0 MB long") == true, "\(error?.message ?? "")")
    }
  }

  @Test func aLongLineIsMeasuredToWhicheverEndComesFirst() throws {
    let long = String(repeating: "word ", count: 1 << 19)
    let text = "first\r\(long)\r" + String(repeating: "short\r", count: 2 << 20) + "last"
    let tables = try large(TestContext(memoryLimit: 8 << 20), "text.read", text, blocksize: "64MB")
    #expect(tables[0].count == (2 << 20) + 3)
  }

  // MARK: - Names

  @Test func everyBlockIsWrittenToAFileOfItsOwn() throws {
    let lines = (0..<200).map { "{\"n\":\($0)}\n" }.joined()
    let one = try folder.file("one.jsonl", lines)
    let two = try folder.file("two.jsonl", "{\"n\":1}\n")
    let source = try Ops.source("jsonl.read", ["files": .strings([one, two]), "blocksize": .string("100")])
    let partitions = try source.partitions()
    func names(_ name: String?) throws -> [String] {
      var values: [String: ParameterValue] = ["directory": .string("/out")]
      if let name { values["name"] = .string(name) }
      return try Ops.sink("jsonl.write", values).paths(for: partitions).map { String($0.dropFirst(5)) }
    }
    let count = partitions.count - 1
    #expect(count > 9 && count < 100)
    let numbered = (0..<count).map { "one-" + ($0 < 10 ? "0" : "") + "\($0)" }
    #expect(try names(nil) == numbered.map { $0 + ".jsonl" } + ["two.jsonl"])
    #expect(try names("{stem}.txt") == numbered.map { $0 + ".txt" } + ["two.txt"])
    #expect(try names("{index}-{name}") == (0..<count).map { "\($0)-one.jsonl" } + ["\(count)-two.jsonl"])
    #expect(partitions[count].label == "two.jsonl")
    #expect(partitions[0].label.hasPrefix("one.jsonl[0..<"))
    // The columns, the file and the block.
    #expect(source.identity(of: partitions[count]).count == 2)
    #expect(source.identity(of: partitions[0]).count == 3)
  }
}
