import Foundation
import Graph
import TestSupport
import Testing

@testable import Tasks

@Suite struct CSVReadTests {
  private func withFile<R>(_ text: String, name: String = "in.csv", _ body: (String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("graphrun-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent(name).path
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try body(path)
  }

  private func read(
    _ text: String, _ values: [String: ParameterValue] = [:], context: TestContext = TestContext()
  ) throws -> Table {
    try withFile(text) { path in try Ops.read("csv.read", path, values, context: context) }
  }

  /// All partitions' records as JSON lines.
  private func lines(_ path: String, _ values: [String: ParameterValue]) throws -> [String] {
    let source = try Ops.source("csv.read", values.merging(["files": .strings([path])]) { a, _ in a })
    return try source.partitions().map {
      try Ops.jsonLines(Table.from(source.read($0, context: TestContext())))
    }
  }

  private func error(_ text: String, _ values: [String: ParameterValue] = [:]) throws -> String {
    do {
      _ = try read(text, values)
    } catch {
      return "\(error)"
    }
    Issue.record("no error")
    return ""
  }

  @Test func `Types come from the records`() throws {
    let table = try read(
      """
      flag,whole,number,day,time,zip,text,empty
      true,-9223372036854775808,1.5,2024-02-29,2024-02-29T23:59:59.25+01:00,00501,a,
      FALSE,+7,-1e300,1969-12-31,2024-03-01,10115,"b ""c""
      d",
      ,,nan,,,,"",

      """)
    #expect(
      table.columns.map(\.type) == [.bool, .int64, .float64, .date, .timestamp, .utf8, .utf8, .utf8])
    #expect(
      try Ops.jsonLines(table) == """
        {"flag":true,"whole":-9223372036854775808,"number":1.5,"day":"2024-02-29","time":"2024-02-29 22:59:59.25",\
        "zip":"00501","text":"a","empty":null}
        {"flag":false,"whole":7,"number":-1e+300,"day":"1969-12-31","time":"2024-03-01 00:00:00","zip":"10115",\
        "text":"b \\"c\\"\\nd","empty":null}
        {"flag":null,"whole":null,"number":null,"day":null,"time":null,"zip":null,"text":"","empty":null}

        """)
    // What is no number is one of the numbers, and null only in JSON.
    #expect(table.columns[2].nullCount == 0)
  }

  @Test func `Empty lines in front of the header mean nothing`() throws {
    #expect(try Ops.jsonLines(read("\n\r\n\na,b\n1,2\n")) == "{\"a\":1,\"b\":2}\n")
    #expect(try error("\n\r\n\n").contains("the file is empty"))
    // Nor behind it: types come from the records all the same.
    #expect(try Ops.jsonLines(read("a,b\n\n1,2\n\n3,4\n")) == "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n")
    #expect(try Ops.jsonLines(read("\n1,2\n", ["header": .boolean(false)])) == "{\"column0\":1,\"column1\":2}\n")
    #expect(try Ops.jsonLines(read("# made today\n\na\n1\n", ["skip_lines": .integer(1)])) == "{\"a\":1}\n")
  }

  @Test func `Types can be said, columns chosen, nulls named`() throws {
    let table = try read(
      "id;amount;note\r\n007;NA;\"NA\"\r\n8; 12 ;NA\r\n",
      [
        "delimiter": .string(";"), "columns": .strings(["note", "amount", "id"]), "nulls": .strings(["NA"]),
        "types": .map(["amount": "float32", "id": "int32"]),
      ])
    #expect(
      try Ops.jsonLines(table) == """
        {"note":"NA","amount":null,"id":7}
        {"note":null,"amount":12.0,"id":8}

        """)
  }

  @Test(arguments: [
    ("a,b\n1,2\n3\n", "line 3", "the record has 1 field, and the file 2 columns"),
    ("a,b\n1,2\n3,4,5\n", "line 3", "the record has 3 fields, and the file 2 columns"),
    ("a,b\n1,x\n2,\"y\nz\n", "line 3", "never closed"),
    ("a,b\n1,x\n2,y\"z\n", "line 3", "a quote stands inside a field"),
    ("a,b\n1,\"x\"y\n", "line 2", "text stands behind the quote"),
    ("a,a\n1,2\n", "in.csv", "\"a\" twice"),
    ("", "in.csv", "empty"),
  ])
  func `A record that cannot be used is named with what is wrong`(text: String, place: String, why: String) throws {
    let message = try error(text, ["types": .map([:])])
    #expect(message.contains(place) && message.contains(why), "\(message)")
  }

  @Test func `A value that does not cast is named with file, line and column`() throws {
    let message = try error("id,amount\n1,2.5\n\n2,abc\n", ["types": .map(["amount": "float64"])])
    #expect(message.contains("in.csv") && message.contains("line 4"), "\(message)")
    #expect(message.contains("column \"amount\" holds \"abc\", which is no float64"), "\(message)")
  }

  @Test func `Columns that are not there have a nearest name`() throws {
    #expect(try error("id,amount\n1,2\n", ["columns": .strings(["amout"])]).contains("did you mean \"amount\"?"))
    #expect(try error("id,amount\n1,2\n", ["types": .map(["ID": "int64"])]).contains("did you mean \"id\"?"))
    #expect(try error("id\n1\n", ["types": .map(["id": "int"])]).contains("\"int\" is no type"))
  }

  @Test func `Bad records are set aside with their text`() throws {
    let context = TestContext()
    let table = try read(
      "a,b\n1,x\nzwei,y\n3\n4,\"z\nz\",5\n6,w", ["on_error": .string("skip"), "types": .map(["a": "int64"])],
      context: context)
    #expect(try Ops.jsonLines(table) == "{\"a\":1,\"b\":\"x\"}\n{\"a\":6,\"b\":\"w\"}\n")
    #expect(context.rejects.map(\.record) == ["line 3", "line 4", "line 5"])
    #expect(context.rejects.map(\.text) == ["zwei,y", "3", "4,\"z\nz\",5"])
  }

  /// Random records whose fields hold delimiters, quotes and line ends, as csv.write has them.
  private func randomFile(_ seed: Int) -> (text: String, rows: Int) {
    var random = SeededNumbers(UInt64(seed) &+ 5)
    let pieces = [
      "", "a", "\"\"", ",", "\n", "\r\n", "bc", " ", "é", "\"\",\"\"", "\n\n", "longer text without anything",
    ]
    let rows = Int.random(in: 0...60, using: &random)
    var text = "n,left,right\(seed % 2 == 0 ? "\n" : "\r\n")"
    for row in 0..<rows {
      func field() -> String {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return ""
        case 1: return "plain\(row)"
        default:
          let parts = (0..<Int.random(in: 0..<6, using: &random)).map { _ in pieces.randomElement(using: &random)! }
          return "\"" + parts.joined() + "\""
        }
      }
      text += "\(row),\(field()),\(field())"
      if row < rows - 1 || seed % 3 > 0 { text += seed % 2 == 0 ? "\n" : "\r\n" }
    }
    return (text, rows)
  }

  @Test(arguments: 0..<60)
  func `A file cut anywhere gives the records of the whole, each once`(seed: Int) throws {
    let (text, rows) = randomFile(seed)
    try withFile(text) { path in
      let types: ParameterValue = .map(["n": "int64", "left": "string", "right": "string"])
      let whole = try lines(path, ["blocksize": .string("none"), "types": types])
      #expect(whole.count == 1)
      #expect(whole[0].split(separator: "\n", omittingEmptySubsequences: true).count == rows)
      for size in [1, 2, 3, 7, 16, 50, 1000] {
        // Nearly all cuts can be proven; where a text looks like records, the file is refused.
        do {
          let parts = try lines(path, ["blocksize": .string("\(size)B"), "types": types])
          #expect(parts.joined() == whole[0], "blocks of \(size)")
        } catch let error as TaskError {
          #expect(error.description.contains("blocksize: none"), "\(error)")
        }
      }
    }
  }

  @Test func `Packed files are read whole, several behind each other`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("graphrun-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let plain = folder.appendingPathComponent("a.csv")
    try Data("\u{FEFF}a,b\n1,x\n2,y\n".utf8).write(to: plain)
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", plain.path]
    try gzip.run()
    gzip.waitUntilExit()
    try Data("b,a\nz,3\n".utf8).write(to: folder.appendingPathComponent("b.csv"))
    #expect(
      try lines(folder.path, [:]) == ["{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n", "{\"a\":3,\"b\":\"z\"}\n"])
  }

  @Test func `A file with other columns is named`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("graphrun-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("a,b\n1,x\n".utf8).write(to: folder.appendingPathComponent("1.csv"))
    try Data("a,c\n1,x\n".utf8).write(to: folder.appendingPathComponent("2.csv"))
    let error = #expect(throws: TaskError.self) { try lines(folder.path, [:]) }
    #expect(error?.file?.hasSuffix("2.csv") == true)
    #expect(error?.description.contains("no column \"b\"") == true)
  }

  @Test(arguments: 0..<10)
  func `What is written reads back as the same`(seed: Int) throws {
    var random = SeededNumbers(UInt64(seed) &+ 99)
    let table = try RandomTables.table(rows: 300, ids: 40, from: 0, using: &random).dropping(["list", "pair"])
    let sink = try Ops.sink("csv.write", ["directory": .string("/tmp")])
    let memory = MemorySink()
    _ = try sink.write(table, partition: Partition(index: 0, label: "x"), to: memory, context: TestContext())
    let types = Dictionary(uniqueKeysWithValues: zip(table.names, table.columns.map { "\($0.type)" }))
    let again = try read(String(decoding: memory.bytes, as: UTF8.self), ["types": .map(types)])
    #expect(again.columns.map(\.type) == table.columns.map(\.type))
    #expect(try Ops.jsonLines(again) == Ops.jsonLines(table))
  }
}
