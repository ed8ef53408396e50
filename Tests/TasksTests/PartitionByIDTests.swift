import Graph
import Testing

@testable import Tasks

@Suite struct PartitionByIDTests {
  private struct Shuffled {
    var tables: [Table]
    /// How often shards were written to disk.
    var writes: Int
  }

  private func shuffle(
    _ tables: [Table], by key: String, into count: Int, memory: Int = 1 << 30
  ) throws -> Shuffled {
    let op = try Ops.shuffle("partition.byID", ["key": .string(key), "partitions": .integer(count)])
    let context = TestContext(memoryLimit: memory)
    let shards = try tables.enumerated().map { number, table in
      let file = FileIdentity(path: "/data/part-\(number).jsonl", byteCount: 1, modified: 1)
      return try op.split(
        table, partition: Partition(index: number, label: "part-\(number)", file: file), of: tables.count,
        context: context)
    }
    let gathered = try (0..<count).map {
      try Table.from(op.gather(shards, partition: Partition(index: $0, label: "\($0)"), context: context))
    }
    return Shuffled(tables: gathered, writes: context.storage.writes)
  }

  private func bytes(_ table: Table) throws -> [UInt8] {
    let sink = MemorySink()
    try table.write(to: sink)
    return sink.bytes
  }

  private func lines(_ table: Table) throws -> [Substring] { try Ops.jsonLines(table).split(separator: "\n") }

  private func error(_ body: () throws -> Void) throws -> TaskError {
    let error = #expect(throws: TaskError.self) { try body() }
    return try #require(error)
  }

  private func randomBag(_ seed: Int, rows: Int = 400) throws -> [Table] {
    var random = SeededNumbers(UInt64(seed) &+ 77)
    return try (0..<(1 + seed % 5)).map { part in
      try RandomTables.table(
        rows: part == 2 ? 0 : Int.random(in: 0...rows, using: &random), ids: 1 + seed * 13, from: part * 10_000,
        using: &random)
    }
  }

  @Test(arguments: 0..<10, ["tiny", "small", "large", "real", "flag", "text"])
  func `Every record comes out once, those of an ID in one partition and in order`(seed: Int, key: String) throws {
    let bag = try randomBag(seed)
    let parts = try shuffle(bag, by: key, into: [1, 2, 7, 64][seed % 4]).tables
    #expect(try parts.flatMap(lines).sorted() == bag.flatMap(lines).sorted())
    // By their bytes: Swift calls two spellings of "é" equal.
    var home: [ByteText: Int] = [:]
    for (number, part) in parts.enumerated() {
      var last: [ByteText: Int64] = [:]
      #expect(part.names == bag[0].names)
      #expect(part.columns.map(\.type) == bag[0].columns.map(\.type))
      let ids = try KeyColumn(part, key, file: nil)
      for row in 0..<part.count {
        let text = ids.text(at: row)
        let id = ByteText(text == "-0.0" ? "0.0" : text)
        #expect(home[id] ?? number == number, "\(text)")
        home[id] = number
        let place = try #require(part.column("row").integer(at: row))
        #expect(last[id] ?? -1 < place, "\(text)")
        last[id] = place
      }
    }
  }

  @Test(arguments: 0..<6)
  func `Little memory and much give the same bytes`(seed: Int) throws {
    var random = SeededNumbers(UInt64(seed))
    let bag = try (0..<2).map { part in
      try RandomTables.table(rows: 20_000, ids: 500, from: part * 100_000, using: &random)
    }
    let large = try shuffle(bag, by: "text", into: 8)
    let tiny = try shuffle(bag, by: "text", into: 8, memory: 4 << 20)
    #expect(tiny.writes >= 4)
    #expect(large.writes <= 2)
    #expect(try tiny.tables.map(bytes) == large.tables.map(bytes))
  }

  @Test func `One partition into one is what it was`() throws {
    var random = SeededNumbers(3)
    let table = try RandomTables.table(rows: 999, ids: 50, from: 0, using: &random)
    let part = try shuffle([table], by: "text", into: 1).tables
    #expect(try lines(part[0]) == lines(table))
    #expect(part[0].columns.map(\.nullCount) == table.columns.map(\.nullCount))
  }

  @Test func `Records without an ID are one ID, and so are zeros, and what is no number`() throws {
    let texts = try Table.strings("id", [nil, "a", nil, "", nil])
    #expect(
      try shuffle([texts, texts], by: "id", into: 50).tables.map { $0.columns[0].nullCount }.filter { $0 > 0 } == [6])
    var reals = FixedColumnBuilder<Double>()
    for value in [0, -0.0, .nan, -.nan, Double(nan: 5, signaling: false), 1] { reals.append(value) }
    let counts = try shuffle([Table([("id", reals.finish())])], by: "id", into: 1000).tables.map(\.count)
    #expect(counts.filter { $0 > 0 }.sorted() == [1, 2, 3])
  }

  @Test func `Texts are told apart by their bytes, whatever they look like`() throws {
    let parts = try shuffle([.strings("id", ["caf\u{E9}", "cafe\u{301}", "caf\u{E9}"])], by: "id", into: 1000).tables
    #expect(parts.map(\.count).filter { $0 > 0 }.sorted() == [1, 2])
  }

  @Test func `An ID is in the same partition in every process`() throws {
    let texts = try Table.strings("id", ["Ada", "Grace", "日本語", "", nil])
    let integers = Table.integers("id", [0, 1, -1, .max, nil])
    func homes(_ table: Table) throws -> [Int] {
      let parts = try shuffle([table], by: "id", into: 1000).tables
      return try (0..<table.count).map { row in
        let line = try lines(table)[row]
        return try #require(parts.firstIndex { try! lines($0).contains(line) })
      }
    }
    #expect(try homes(texts) == [589, 562, 70, 175, 66])
    #expect(try homes(integers) == [788, 949, 555, 880, 66])
  }

  @Test func `Partitions without records have the columns and their types`() throws {
    var random = SeededNumbers(9)
    let table = try RandomTables.table(rows: 3, ids: 3, from: 0, using: &random)
    let empty = try RandomTables.table(rows: 0, ids: 3, from: 0, using: &random)
    for bag in [[table, empty], [empty, table], [empty], [Table([]), empty]] {
      for part in try shuffle(bag, by: "text", into: 20).tables {
        #expect(part.names == table.names)
        #expect(part.columns.map(\.type) == table.columns.map(\.type))
      }
    }
    #expect(try shuffle([Table([])], by: "id", into: 2).tables.map(\.count) == [0, 0])
  }

  @Test func `A row may be larger than what is gathered at a time`() throws {
    let texts = (0..<5).map { number in String(repeating: "\(number)", count: 700_000) }
    let table = try Table.strings("id", texts)
    let shuffled = try shuffle([table], by: "id", into: 2, memory: 16 << 20)
    #expect(shuffled.writes == 5)
    #expect(try shuffled.tables.flatMap(lines).sorted() == lines(table).sorted())
  }

  @Test func `A column that is missing, or a list, is named`() throws {
    let missing = try error { _ = try shuffle([.strings("author", ["a"])], by: "auhtor", into: 2) }
    #expect(missing.code == .missingColumn)
    #expect(missing.message.contains("no column \"auhtor\"; did you mean \"author\"?"))
    #expect(missing.file == "/data/part-0.jsonl")
    let list = try error { _ = try shuffle([.lists("tags", [["a"]])], by: "tags", into: 2) }
    #expect(list.code == .wrongType)
    #expect(list.message.contains("column \"tags\" holds list of string"))
  }

  @Test func `Partitions with other columns are named; what holds nothing fits all`() throws {
    func table(_ columns: [(String, Table)]) -> Table { Table(columns.map { ($0.0, $0.1.columns[0]) }) }
    let (id, more) = (try Table.strings("", ["a", "b"]), Table.integers("", [1, 2]))
    let whole = table([("id", id), ("n", more)])
    let lacking = try error { _ = try shuffle([whole, whole, table([("id", id)])], by: "id", into: 2) }
    #expect(lacking.code == .badInput)
    #expect(lacking.message.hasPrefix("part-2.jsonl has no column \"n\", which part-0.jsonl has"))
    let surplus = try error { _ = try shuffle([table([("id", id)]), whole], by: "id", into: 2) }
    #expect(surplus.message.hasPrefix("part-0.jsonl has no column \"n\", which part-1.jsonl has"))
    let other = try error { _ = try shuffle([whole, table([("id", id), ("n", id)])], by: "id", into: 2) }
    #expect(other.message.hasPrefix("column \"n\" holds int64 in part-0.jsonl and string in part-1.jsonl"))

    // Null throughout, in another order, or without records.
    let nulls = table([("n", try .strings("", [nil, nil])), ("id", id)])
    let parts = try shuffle([nulls, whole, Table([])], by: "id", into: 3).tables
    #expect(parts.allSatisfy { $0["n"]?.type == .int64 && $0.names == ["n", "id"] })
    #expect(
      try parts.flatMap(lines).sorted() == [
        #"{"n":1,"id":"a"}"#, #"{"n":2,"id":"b"}"#, #"{"n":null,"id":"a"}"#, #"{"n":null,"id":"b"}"#,
      ])
  }

  @Test func `An ID that does not fit is named with its size`() throws {
    let text = String(repeating: "x", count: 1000)
    func bag(_ ids: (Int) -> String) throws -> [Table] {
      let contents = try Table.strings("text", Array(repeating: text, count: 1000)).columns[0]
      return try (0..<4).map { part in
        Table([("id", try Table.strings("", (0..<1000).map { ids(part * 1000 + $0) }).columns[0]), ("text", contents)])
      }
    }
    let giant = try error {
      _ = try shuffle(bag { $0 % 10 == 0 ? "\($0)" : "the giant" }, by: "id", into: 1, memory: 6 << 20)
    }
    #expect(giant.code == .tooLarge)
    #expect(giant.message.contains("partition 0 of 1 takes 3.9 MB, and may take 2.0 MB"), "\(giant)")
    #expect(
      giant.message.contains("its largest ID, \"the giant\" in column \"id\", has 3.5 MB in 3600 records"), "\(giant)")
    #expect(giant.message.contains("more partitions do not divide an ID, so give --memory 12.0 MB or more"), "\(giant)")

    let middle = try error { _ = try shuffle(bag { "\($0 % 5)" }, by: "id", into: 1, memory: 6 << 20) }
    #expect(middle.message.contains("in 800 records; set \"partitions\" to more than 1, or give --memory"), "\(middle)")
    let many = try error { _ = try shuffle(bag { "\($0)" }, by: "id", into: 1, memory: 6 << 20) }
    #expect(many.message.contains("none of its IDs has more than") || many.message.contains("in 1 record;"), "\(many)")
  }

  @Test func `Estimates follow the sizes, and what is too large is only looked through`() throws {
    let op = try Ops.shuffle("partition.byID", ["key": .string("id"), "partitions": .integer(4)])
    #expect(op.estimateGather(inputBytes: 1 << 20, memoryLimit: 64 << 20).output == 1 << 20)
    #expect(op.estimateGather(inputBytes: 1 << 30, memoryLimit: 64 << 20).output == 0)
    #expect(op.estimateGather(inputBytes: 1 << 30, memoryLimit: .max).output == 1 << 30)
    #expect(op.estimateSplit(inputBytes: 1 << 30, memoryLimit: 1 << 30).scratch < 48 << 20)
    #expect(op.estimateSplit(inputBytes: 1 << 30, memoryLimit: 32 << 20).scratch < 6 << 20)
  }

  @Test func `Stored shards come back; damaged ones are refused`() throws {
    var random = SeededNumbers(21)
    let table = try RandomTables.table(rows: 60, ids: 10, from: 0, using: &random)
    let op = try Ops.shuffle("partition.byID", ["key": .string("text"), "partitions": .integer(5)])
    let context = TestContext()
    let whole = Partition(index: 0, label: "0")
    let set = try #require(try op.split(table, partition: whole, of: 1, context: context) as? ShardSet)
    #expect(set.partByteCounts == (0..<5).map(set.byteCount(ofShard:)))
    let sink = MemorySink()
    try set.write(to: sink)
    func gathered(_ bytes: [UInt8]) throws -> [Table] {
      let back = try ShardSet(contentsOf: Buffer(bytes))
      return try (0..<5).map {
        try Table.from(op.gather([back], partition: Partition(index: $0, label: ""), context: context))
      }
    }
    #expect(try gathered(sink.bytes).flatMap(lines).sorted() == lines(table).sorted())
    var refused = 0
    for round in 0..<2000 {
      var damaged = sink.bytes
      if round % 4 == 0 { damaged.removeLast(Int.random(in: 1...damaged.count, using: &random)) }
      if !damaged.isEmpty {
        damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      do { _ = try gathered(damaged).map(lines) } catch is TaskError { refused += 1 }
    }
    #expect(refused > 400)
  }
}
