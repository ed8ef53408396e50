import Foundation
import Graph
import Testing

@testable import Tasks

/// `text.read` and `text.write`.
@Suite struct TextFilesOpsTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func texts(_ table: Table, _ column: String = "text") throws -> [String?] {
    let column = try table.column(column)
    return (0..<column.count).map { column.string(at: $0) }
  }

  @Test func linesAreReadWithoutTheirEnds() throws {
    let path = try folder.file("a.txt", "a\r\n\nb\rc")
    let table = try Ops.read("text.read", path)
    #expect(table.names == ["text"])
    #expect(try texts(table) == ["a", "", "b", "c"])
    #expect(try texts(Ops.read("text.read", path, ["keep_ends": .boolean(true)])) == ["a\n", "\n", "b\n", "c"])
    #expect(try texts(Ops.read("text.read", path, ["delimiter": .string("\n")])) == ["a\r", "", "b\rc"])
    let wide = try folder.file("b.txt", [0xFF, 0xFE, 0xE9, 0, 0x0A, 0])
    #expect(try texts(Ops.read("text.read", wide, ["encoding": .string("utf-16")])) == ["é"])
    let bad = try folder.file("c.txt", [0x61, 0xFF])
    #expect(try texts(Ops.read("text.read", bad, ["errors": .string("ignore")])) == ["a"])
    #expect(throws: TaskError.self) { try Ops.read("text.read", bad) }
    #expect(try Ops.read("text.read", folder.file("empty", "")).count == 0)
  }

  @Test func pathsStandBesideTheirLines() throws {
    let paths = try ["a", "b"].map { try folder.file($0, "\($0)1\n\($0)2\n") }
    let source = try Ops.source(
      "text.read",
      ["files": .strings(paths), "files_per_partition": .integer(2), "include_path": .boolean(true)])
    let partitions = try source.partitions()
    #expect(partitions.count == 1)
    let table = try Table.from(source.read(partitions[0], context: TestContext()))
    #expect(try texts(table) == ["a1", "a2", "b1", "b2"])
    #expect(try texts(table, "path") == [paths[0], paths[0], paths[1], paths[1]])
    #expect(source.estimate(partitions[0]).output >= table.byteCount)
  }

  @Test func blocksOfOneFileAreTasksOfTheirOwn() throws {
    let path = try folder.file("a.txt", (0..<100).map { "line \($0)\n" }.joined())
    let given: [String: ParameterValue] = ["files": .strings([path]), "blocksize": .string("100B")]
    let source = try Ops.source("text.read", given)
    let partitions = try source.partitions()
    #expect(partitions.count == 7)
    let lines = try partitions.flatMap { try texts(Table.from(source.read($0, context: TestContext()))) }
    #expect(lines == (0..<100).map { "line \($0)" })

    // Without the block in its identity, a task would take over another block's result.
    var graph = TaskGraph()
    let definition = try #require(Ops.registry["text.read"])
    try graph.addStage("lines", op: definition, arguments: OpArguments(given, for: definition))
    let stage = try #require(graph.stages.first)
    let identities = (0..<partitions.count).map { stage.body.identity(.partition(Int32($0))) }
    #expect(Set(identities).count == partitions.count)
    #expect(identities.allSatisfy { $0.contains { if case .file(let file) = $0 { file.path == path } else { false } } })
  }

  @Test func parametersThatContradictEachOtherAreRefused() throws {
    let path = try folder.file("a.txt", "a\n")
    func refusal(_ values: [String: ParameterValue]) -> String {
      TextFiles.refusal {
        _ = try Ops.source("text.read", values.merging(["files": .strings([path])]) { a, _ in a })
      }
    }
    #expect(
      refusal(["blocksize": .string("1MB"), "files_per_partition": .integer(2)])
        .contains("it does not go with files_per_partition"))
    #expect(refusal(["blocksize": .string("many")]).contains("\"many\" is no size; write for example 64MB"))
    #expect(refusal(["blocksize": .string("0")]).contains("is no size"))
    #expect(refusal(["compression": .string("gz")]).contains("gzip"))
    #expect(refusal(["encoding": .string("utf-9")]).contains("not known here"))
    #expect(refusal(["files": .strings([])]).contains("the list is empty"))
  }

  @Test(arguments: ["{name}", "{stem}.gz", "{index}.zst"])
  func whatIsWrittenIsReadBack(name: String) throws {
    let lines: [String?] = ["a", nil, "", "é\u{2028}😀", "last"]
    let partition = Partition(
      index: 3, label: "in.txt", file: FileIdentity(path: "/in/in.txt", byteCount: 1, modified: 1))
    let op = try Ops.sink("text.write", ["directory": .string(folder.path), "name": .string(name)])
    let sink = MemorySink()
    let table = try Table.strings("text", lines)
    #expect(try op.write(table, partition: partition, to: sink, context: TestContext()) == 5)
    let path = try #require(try op.paths(for: Partitions([partition])).first)
    let file = try folder.file(lastComponent(path), sink.bytes)
    #expect(try texts(Ops.read("text.read", file)) == lines.map { $0 ?? "" })
  }

  @Test func theLastLineEndsUnlessToldOtherwise() throws {
    func bytes(_ lines: [String], _ values: [String: ParameterValue] = [:]) throws -> String {
      let sink = MemorySink()
      let given = values.merging(["directory": .string("/out"), "column": .string("t")]) { a, _ in a }
      let partition = Partition(index: 0, label: "x")
      _ = try Ops.sink("text.write", given).write(
        Table.strings("t", lines), partition: partition, to: sink, context: TestContext())
      return String(decoding: sink.bytes, as: UTF8.self)
    }
    #expect(try bytes(["a", "b"]) == "a\nb\n")
    #expect(try bytes(["a", "b"], ["last_line_ends": .boolean(false)]) == "a\nb")
    #expect(try bytes([]) == "")
  }

  @Test func onlyColumnsOfStringsAreWritten() throws {
    let op = try Ops.sink("text.write", ["directory": .string("/out"), "column": .string("n")])
    func failure(_ table: Table) -> TaskError? {
      TextFiles.failure {
        _ = try op.write(table, partition: Partition(index: 0, label: "x"), to: MemorySink(), context: TestContext())
      }
    }
    #expect(failure(.integers("n", [1]))?.code == .wrongType)
    #expect(try failure(.strings("text", ["a"]))?.code == .missingColumn)
    let packed = try Ops.sink("text.write", ["directory": .string("/out"), "name": .string("{index}.xz")])
    #expect(TextFiles.refusal { _ = try packed.paths(for: .numbered(1)) }.contains("use .gz or .zst"))
  }

  @Test func filesAreNamedByPatternFunctionOrOneByOne() throws {
    let named = try TextFileNames.paths("/o/*.txt", count: 2) { ["z", "y"][$0] }
    #expect(named == ["/o/z.txt", "/o/y.txt"])
    #expect(!TextFileNames.keepOrder(named))
    #expect(TextFileNames.keepOrder(try TextFileNames.paths("/o/*.txt", count: 101)))
    #expect(try TextFileNames.paths(["/o/b", "/o/a"], count: 2) == ["/o/b", "/o/a"])
    func refusal(_ body: () throws -> [String]) -> String { TextFiles.refusal { _ = try body() } }
    #expect(refusal { try TextFileNames.paths("/o/*/*.txt", count: 1) }.contains("has 2 stars"))
    #expect(
      refusal { try TextFileNames.paths("/o/*.txt", count: 2) { _ in "same" } }.contains(
        "both be written to /o/same.txt"))
    #expect(refusal { try TextFileNames.paths(["/o/a"], count: 2) }.contains("there are 1 paths for 2 partitions"))
  }

  @Test func jsonLinesKeepNothingButTheRecord() throws {
    let path = try folder.file("a.jsonl", "\u{FEFF}{\"a\":1}\n\n{\"b\":\"\u{2028}\"}")
    #expect(try TextFiles.read(path, format: .jsonLines) == [["{\"a\":1}", "", "{\"b\":\"\u{2028}\"}"]])
  }
}
