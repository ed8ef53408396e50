import Foundation
import Graph
import Testing

@testable import Tasks

@Suite(.enabled(if: ParquetFiles.isThere, Comment(rawValue: ParquetFiles.absence))) struct ParquetTests {
  private func sample(rows: Int, seed: UInt64 = 1) throws -> Table {
    var random = SeededNumbers(seed)
    return try RandomTables.table(rows: rows, ids: 40, from: 0, using: &random)
  }

  @Test(arguments: ["zstd", "snappy", "gzip", "none"])
  func `A table comes back from a file as it was`(compression: String) throws {
    let folder = try ScratchFolder()
    for (rows, groupRows) in [(0, 10), (1, 10), (1000, 64), (5000, 1 << 20)] {
      let table = try sample(rows: rows)
      let path = try folder.file(
        "a.parquet",
        ParquetFiles.bytes(
          table, ["compression": .string(compression), "row_group_rows": .integer(groupRows)]))
      let (back, labels) = try ParquetFiles.read([path])
      #expect(back.columns.map(\.type) == table.columns.map(\.type))
      #expect(back.columns.map(\.nullCount) == table.columns.map(\.nullCount))
      #expect(try Ops.jsonLines(back) == Ops.jsonLines(table))
      #expect(labels == ["a.parquet"])
    }
  }

  @Test func `Numbers at the ends of their range keep every bit`() throws {
    let doubles: [Double] = [
      .nan, -0.0, 0, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1,
    ]
    var real = FixedColumnBuilder<Double>()
    var large = FixedColumnBuilder<Int64>()
    var tiny = FixedColumnBuilder<Int8>()
    for (row, value) in doubles.enumerated() {
      real.append(value)
      large.append(row % 2 == 0 ? .min : .max)
      tiny.append(row % 2 == 0 ? .min : .max)
    }
    let table = Table([("real", real.finish()), ("large", large.finish()), ("tiny", tiny.finish())])
    let folder = try ScratchFolder()
    let (back, _) = try ParquetFiles.read([try folder.file("a.parquet", ParquetFiles.bytes(table))])
    #expect(
      try back.column("real").values(as: Double.self).map(\.bitPattern) == doubles.map(\.bitPattern))
    #expect(try Ops.jsonLines(back) == Ops.jsonLines(table))
  }

  @Test func `Vectors are written as lists, a few at a time, nulls too`() throws {
    let texts: [String?] = (0..<20_000).map { $0 % 7 == 3 ? nil : String(repeating: "ab", count: $0 % 5) }
    let lines = try Table.strings("text", texts)
    let fit = try Ops.reduction("text.fitTokenizer", ["char_level": .boolean(true)])
    let part = Partition(index: 0, label: "x")
    let tokenizer = try fit.finish(fit.partial(lines, partition: part, context: TestContext()), context: TestContext())
    let encoded = try Table.from(
      Ops.partition("text.encode").apply([lines, tokenizer], partition: part, context: TestContext()))
    let padded = try Ops.apply("sequence.pad", ["length": .string("100"), "value": .integer(-1)], to: encoded)
    let folder = try ScratchFolder()
    let (back, _) = try ParquetFiles.read([try folder.file("a.parquet", ParquetFiles.bytes(padded))])
    #expect(back.columns[0].type == .list(.int32) && back.columns[0].nullCount == padded.columns[0].nullCount)
    #expect(try Ops.jsonLines(back) == Ops.jsonLines(padded))
  }

  @Test func `The same records give the same bytes`() throws {
    let table = try sample(rows: 3000)
    let first = try ParquetFiles.bytes(table)
    #expect(try ParquetFiles.bytes(try sample(rows: 3000)) == first)
    let sink = MemorySink()
    try table.write(to: sink)
    #expect(try ParquetFiles.bytes(Table(contentsOf: Buffer(sink.bytes))) == first)
    #expect(!String(decoding: first, as: UTF8.self).contains("parquet-cpp"))
  }

  @Test func `Row groups become partitions, small ones together`() throws {
    let folder = try ScratchFolder()
    let table = try sample(rows: 1000)
    let path = try folder.file("a.parquet", ParquetFiles.bytes(table, ["row_group_rows": .integer(100)]))
    let alone = try ParquetFiles.read([path], ["partition_size": .string("1B")])
    #expect(alone.labels == (0..<10).map { "a.parquet[\($0)]" })
    #expect(try Ops.jsonLines(alone.table) == Ops.jsonLines(table))
    let some = try ParquetFiles.read([path], ["partition_size": .string("40KB")])
    #expect(some.labels.count > 1 && some.labels.count < 10)
    #expect(some.labels[0].hasPrefix("a.parquet[0..<"))
    #expect(try Ops.jsonLines(some.table) == Ops.jsonLines(table))

    let source = try Ops.source(
      "parquet.read", ["files": .strings([path]), "partition_size": .string("1B"), "columns": .strings(["large"])])
    let partitions = try source.partitions()
    #expect(Set(partitions.map { source.identity(of: $0) }).count == 10)
    #expect(source.estimate(partitions[0]).output >= 800)
    #expect(source.estimate(partitions[0]).output < 40_000)
  }

  @Test func `Only the columns asked for are read, in the order asked for`() throws {
    let folder = try ScratchFolder()
    let table = try sample(rows: 100)
    let path = try folder.file("a.parquet", ParquetFiles.bytes(table))
    let (back, _) = try ParquetFiles.read([path], ["columns": .strings(["pair", "tiny"])])
    #expect(try Ops.jsonLines(back) == Ops.jsonLines(table.selecting(["pair", "tiny"])))
    let wrong = ParquetFiles.refusal([path], ["columns": .strings(["tini"])])
    #expect(wrong?.contains("has no column \"tini\"; did you mean \"tiny\"?") == true, "\(wrong ?? "")")
  }

  @Test func `Files that do not go together are refused with both names`() throws {
    let folder = try ScratchFolder()
    let one = try folder.file("one.parquet", ParquetFiles.bytes(Table.integers("x", [1])))
    let two = try folder.file("two.parquet", ParquetFiles.bytes(try .strings("x", ["a"])))
    let three = try folder.file("three.parquet", ParquetFiles.bytes(Table.integers("y", [1])))
    let types = try #require(ParquetFiles.refusal([one, two]))
    #expect(types.contains("column \"x\" is int64 in \(one) and string in \(two)"))
    let missing = try #require(ParquetFiles.refusal([one, three]))
    #expect(missing.contains("\(three) has no column \"x\", which \(one) has"))
    #expect(ParquetFiles.refusal([one, one]) == nil)
  }

  @Test func `Folders named key=value become columns`() throws {
    let folder = try ScratchFolder()
    for (year, place) in [("2023", "a%20b"), ("2024", "__HIVE_DEFAULT_PARTITION__")] {
      let bytes = try ParquetFiles.bytes(Table.integers("n", [Int64(year)!]))
      try folder.file("data/year=\(year)/place=\(place)/part.parquet", bytes)
    }
    try folder.file("data/_SUCCESS", "")
    try folder.file("data/year=2023/.part.parquet.crc", "x")
    try folder.file("data/other/part.parquet", "no Parquet, and not looked at")
    let expected = #"{"n":2023,"year":2023,"place":"a b"}"# + "\n" + #"{"n":2024,"year":2024,"place":null}"# + "\n"
    #expect(try Ops.jsonLines(ParquetFiles.read([folder.path + "/data"]).table) == expected)
    #expect(try Ops.jsonLines(ParquetFiles.read([folder.path + "/data/year=*/*/*.parquet"]).table) == expected)
    let chosen = try ParquetFiles.read([folder.path + "/data/"], ["columns": .strings(["year"])]).table
    #expect(try Ops.jsonLines(chosen) == "{\"year\":2023}\n{\"year\":2024}\n")
    // A file that is named is just that file.
    let one = folder.path + "/data/year=2023/place=a%20b/part.parquet"
    #expect(try Ops.jsonLines(ParquetFiles.read([one]).table) == "{\"n\":2023}\n")
    // Years and else: then all are strings.
    try folder.file(
      "data/year=unknown/place=c/part.parquet", ParquetFiles.bytes(Table.integers("n", [0])))
    #expect(try ParquetFiles.read([folder.path + "/data"]).table.column("year").type == .utf8)
    let clash = try folder.file("clash/n=1/a.parquet", ParquetFiles.bytes(Table.integers("n", [0])))
    let refusal = ParquetFiles.refusal([folder.path + "/clash"])
    #expect(refusal?.contains("\"n\" is a column of \(clash) and a key in its path") == true)
  }

  @Test func `What is no Parquet is refused before anything is read, wherever it ends`() throws {
    let folder = try ScratchFolder()
    let good = try ParquetFiles.bytes(sample(rows: 30), ["row_group_rows": .integer(10)])
    for length in 0..<good.count {
      let path = try folder.file("cut.parquet", good[..<length])
      do {
        _ = try Ops.source("parquet.read", ["files": .strings([path])])
        Issue.record("\(length) of \(good.count) bytes were taken")
      } catch let error as ParameterError {
        #expect(error.message.contains(path))
      }
    }
    let lines = try folder.file("lines.parquet", "{\"a\":1}\n{\"a\":2}\n")
    #expect(ParquetFiles.refusal([lines])?.contains("the file is no Parquet, or damaged") == true)
  }

  @Test(.timeLimit(.minutes(5)), arguments: ["none", "zstd"])
  func `Damaged bytes give an error or a table, never a crash`(compression: String) throws {
    let folder = try ScratchFolder()
    let good = try ParquetFiles.bytes(
      sample(rows: 60), ["row_group_rows": .integer(25), "compression": .string(compression)])
    var numbers = SeededNumbers(7)
    var refused = 0
    let rounds = 5000
    let footer = Int(good[(good.count - 8)...].withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }) + 8
    for round in 0..<rounds {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &numbers) {
        // Half of the hits go into the footer; checksums notice most of the others.
        let start = round % 2 == 0 ? bytes.count - footer : 0
        bytes[Int.random(in: start..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
      }
      let path = try folder.file("damaged.parquet", bytes)
      do {
        let (table, _) = try ParquetFiles.read([path])
        _ = try Ops.jsonLines(table)
      } catch {
        refused += 1
        #expect(error is TaskError || error is ParameterError, "\(error)")
        #expect("\(error)".contains(path), "\(error)")
      }
    }
    #expect(refused > rounds / 2)
  }

  @Test func `A file that changed since it was planned is refused`() throws {
    let folder = try ScratchFolder()
    let path = try folder.file("a.parquet", ParquetFiles.bytes(sample(rows: 10)))
    let source = try Ops.source("parquet.read", ["files": .strings([path])])
    try folder.file("a.parquet", ParquetFiles.bytes(sample(rows: 20)))
    #expect(throws: TaskError.self) { try source.read(source.partitions()[0], context: TestContext()) }
  }

  @Test func `What cannot be written leaves the sink's own error`() throws {
    final class FullDisk: ByteSink {
      func write(_ bytes: UnsafeRawBufferPointer) throws { throw TaskError(.diskFull, "full") }
    }
    let op = try Ops.sink("parquet.write", ["directory": .string("/tmp")])
    let partition = Partition(index: 0, label: "x")
    do {
      _ = try op.write(sample(rows: 10), partition: partition, to: FullDisk(), context: TestContext())
      Issue.record("it was written")
    } catch let error as TaskError {
      #expect(error.code == .diskFull)
    }
    #expect(throws: TaskError.self) {
      try op.write(Table([]), partition: partition, to: MemorySink(), context: TestContext())
    }
  }

  /// All partitions' records in one file.
  private func joined(
    _ tables: [Table], _ values: [String: ParameterValue] = [:], memory: Int = 1 << 30
  ) throws -> [UInt8] {
    let op = try Ops.sink("parquet.write", values.merging(["path": .string("/tmp/all.parquet")]) { a, _ in a })
    let join = try #require(op.joined)
    let context = TestContext(memoryLimit: memory)
    let parts = try tables.enumerated().map { number, table in
      try join.part(
        table, with: [], partition: Partition(index: number, label: "\(number)"), of: tables.count,
        context: context)
    }
    let sink = MemorySink()
    #expect(try join.join(parts, to: sink, context: context) == tables.reduce(0) { $0 + $1.count })
    return sink.bytes
  }

  @Test func `One file has the records of all partitions, and the same bytes within little memory`() throws {
    let folder = try ScratchFolder()
    let counts = [700, 0, 5000, 1]
    var start = 0
    let tables = try counts.map { count in
      var random = SeededNumbers(UInt64(count))
      defer { start += count }
      return try RandomTables.table(rows: count, ids: 40, from: start, using: &random)
    }
    let bytes = try joined(tables, ["row_group_rows": .integer(1000)])
    let path = try folder.file("all.parquet", bytes)
    let (back, labels) = try ParquetFiles.read([path], ["partition_size": .string("1B")])
    #expect(try Ops.jsonLines(back) == Ops.jsonLines(TableUnion.joined(tables) { "\($0)" }))
    // 700; five of 1000; 1.
    #expect(labels.count == 7)
    #expect(try joined(tables, ["row_group_rows": .integer(1000)], memory: 16 << 20) == bytes)
    let columns = try ParquetFiles.read([
      folder.file("two.parquet", joined(tables, ["columns": .strings(["text", "row"])]))
    ])
    #expect(columns.table.names == ["text", "row"] && columns.table.count == 5701)
    let nothing = try ParquetFiles.read([folder.file("none.parquet", joined([tables[1], tables[1]]))])
    #expect(nothing.table.count == 0 && nothing.table.names == tables[1].names)
  }

  @Test func `A row group of one file is bounded in bytes too`() throws {
    let folder = try ScratchFolder()
    let wide = try Table.strings("t", (0..<40_000).map { "\($0) " + String(repeating: "x", count: 1000) })
    let (back, labels) = try ParquetFiles.read(
      [folder.file("wide.parquet", joined([wide]))], ["partition_size": .string("1B")])
    #expect(back.count == 40_000 && labels.count == 3)
  }

  @Test func `Partitions that are unlike are refused where they differ`() throws {
    let number = Table.integers("a", [1])
    let error = #expect(throws: TaskError.self) { try joined([number, .strings("a", ["x"])]) }
    #expect(error?.message.contains("column \"a\" holds int64 in partition 0 and string in partition 1") == true)
    #expect(throws: TaskError.self) { try joined([number, .integers("b", [1])]) }
    // What is null throughout goes with any type.
    let folder = try ScratchFolder()
    let (back, _) = try ParquetFiles.read([folder.file("a.parquet", joined([.strings("a", [nil]), number]))])
    #expect(try Ops.jsonLines(back) == "{\"a\":null}\n{\"a\":1}\n")
    #expect(throws: ParameterError.self) { try Ops.sink("parquet.write", [:]) }
  }
}
