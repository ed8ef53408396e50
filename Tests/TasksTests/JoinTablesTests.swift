import Graph
import TestSupport
import Testing

@testable import Tasks

@Suite struct JoinTablesTests {
  private let context = TestContext()

  private func partition(_ index: Int) -> Partition { Partition(index: index, label: "\(index)") }

  /// Joins bags as the graph does.
  private func join(
    _ left: [Table], _ right: [Table], _ values: [String: ParameterValue], memory: Int = 1 << 30
  ) throws -> [Table] {
    let op = try Ops.join("table.join", values)
    let context = TestContext(memoryLimit: memory)
    switch op.strategy(left: left.count, right: right.count) {
    case .broadcast:
      let made = try op.table(right, context: context)
      // What a run may have put on disk.
      let sink = MemorySink()
      try made.write(to: sink)
      let table = try JoinTable(contentsOf: Buffer(sink.bytes))
      return try left.enumerated().map {
        try Table.from(op.lookup($1, in: table, partition: partition($0), context: context))
      }
    case .partitioned(let count):
      func split(_ tables: [Table], _ side: JoinSide) throws -> [any TaskValue] {
        try tables.enumerated().map {
          try op.split($1, side, partition: partition($0), of: tables.count, into: count, context: context)
        }
      }
      let (lefts, rights) = (try split(left, .left), try split(right, .right))
      return try (0..<count).map {
        try Table.from(
          op.gather(left: lefts, right: rights, partition: partition($0), of: count, context: context))
      }
    }
  }

  private func lines(_ tables: [Table]) throws -> [String] {
    try tables.flatMap { try Ops.jsonLines($0).split(separator: "\n").map(String.init) }
  }

  /// A cell as text that tells apart what a key tells apart; `nil` for null.
  private func cell(_ table: Table, _ name: String, _ row: Int) throws -> String? {
    let column = try table.column(name)
    if column.isNull(row) { return nil }
    if column.type == .utf8 { return "t\(Array((column.string(at: row) ?? "").utf8))" }
    if let number = column.integer(at: row) { return "n\(number)" }
    return "r\((column.number(at: row) ?? 0) + 0)"
  }

  /// The pairs of row numbers that come out, in the left's order: each record of one with each of the other.
  private func expected(_ left: [Table], _ right: [Table], _ keys: [String], _ how: String) throws -> [String] {
    var out: [String] = []
    func key(_ table: Table, _ row: Int) throws -> [String]? {
      let cells = try keys.map { try cell(table, $0, row) }
      return cells.contains { $0 == nil } ? nil : cells.map { $0! }
    }
    var partners: [[String]: [Int64]] = [:]
    for table in right {
      for row in 0..<table.count {
        if let key = try key(table, row) {
          partners[key, default: []].append(try #require(table.column("row").integer(at: row)))
        }
      }
    }
    for table in left {
      for row in 0..<table.count {
        let own = try #require(table.column("row").integer(at: row))
        let found = try key(table, row).flatMap { partners[$0] } ?? []
        switch how {
        case "inner": out += found.map { "\(own) \($0)" }
        case "left": out += found.isEmpty ? ["\(own) nil"] : found.map { "\(own) \($0)" }
        case "semi": if !found.isEmpty { out.append("\(own)") }
        default: if found.isEmpty { out.append("\(own)") }
        }
      }
    }
    return out
  }

  private func pairs(_ table: Table) throws -> [String] {
    try (0..<table.count).map { row in
      let own = "\(try #require(table.column("row").integer(at: row)))"
      guard let other = table["row_right"] else { return own }
      return own + " " + (other.integer(at: row).map { "\($0)" } ?? "nil")
    }
  }

  @Test(
    arguments: 0..<6,
    [["text"], ["small"], ["real"], ["flag", "tiny"], ["large", "text"]])
  func `All pairs of equal keys come out, and nothing else`(seed: Int, keys: [String]) throws {
    var random = SeededNumbers(UInt64(seed) &+ 41)
    func bag(_ parts: Int, from row: Int) throws -> [Table] {
      try (0..<parts).map { part in
        try RandomTables.table(
          rows: part == 1 ? 0 : Int.random(in: 0...250, using: &random), ids: 30 + seed * 60, from: row + part * 1000,
          using: &random)
      }
    }
    let (left, right) = (try bag(1 + seed % 3, from: 0), try bag(1 + seed / 2, from: 100_000))
    for how in ["inner", "left", "semi", "anti"] {
      let expected = try expected(left, right, keys, how)
      let values: [String: ParameterValue] = ["on": .strings(keys), "how": .string(how)]
      let broadcast = try join(left, right, values.merging(["strategy": .string("broadcast")]) { $1 })
      #expect(broadcast.count == left.count)
      #expect(try broadcast.flatMap(pairs) == expected)
      let parts = try join(left, right, values.merging(["partitions": .integer(1 + seed)]) { $1 })
      #expect(parts.count == 1 + seed)
      #expect(try parts.flatMap(pairs).sorted() == expected.sorted())
      #expect(try lines(parts).sorted() == lines(broadcast).sorted())
      for part in parts {
        let rows = try part.column("row").values(as: Int64.self)
        #expect(zip(rows, rows.dropFirst()).allSatisfy { $0 <= $1 }, "the left's order")
      }
    }
  }

  private func table(_ columns: [(String, [Int64?])]) -> Table {
    Table(columns.map { name, values in (name, Table.integers(name, values).columns[0]) })
  }

  @Test func `Columns come out with the names that docs say`() throws {
    let left = table([("id", [1, 2, nil]), ("a", [10, 20, 30])])
    let right = table([("a", [7, 8, 9]), ("id", [2, 2, nil]), ("b", [5, 6, 7])])
    let on: [String: ParameterValue] = ["on": .strings(["id"])]
    #expect(
      try lines(join([left], [right], on)) == [
        #"{"id":2,"a":20,"a_right":7,"b":5}"#, #"{"id":2,"a":20,"a_right":8,"b":6}"#,
      ])
    #expect(
      try lines(join([left], [right], on.merging(["how": .string("left"), "suffix": .string("2")]) { $1 })).first
        == #"{"id":1,"a":10,"a2":null,"b":null}"#)
    #expect(
      try lines(join([left], [right], on.merging(["how": .string("anti")]) { $1 })) == [
        #"{"id":1,"a":10}"#, #"{"id":null,"a":30}"#,
      ])
    let renamed = try join(
      [left], [right],
      [
        "left_on": .strings(["a"]), "right_on": .strings(["b"]), "how": .string("left"),
        "strategy": .string("broadcast"),
      ])
    #expect(renamed[0].names == ["id", "a", "a_right", "id_right"])
  }

  @Test func `Keys of different widths are equal, of different kinds an error that says what helps`() throws {
    let left = table([("id", [1, 2])])
    var narrow = FixedColumnBuilder<Int32>()
    narrow.append(2)
    let right = Table([("id", narrow.finish())])
    #expect(try lines(join([left], [right], ["on": .strings(["id"])])) == [#"{"id":2}"#])
    for more in [[:], ["partitions": .integer(2)]] as [[String: ParameterValue]] {
      let error = #expect(throws: TaskError.self) {
        try join([left], [.strings("id", ["1"])], ["on": .strings(["id"])].merging(more) { $1 })
      }
      #expect(error?.code == .wrongType)
      for word in ["int64", "string", "table.cast"] { #expect(error?.message.contains(word) == true) }
    }
    let lists = #expect(throws: TaskError.self) {
      try join([left], [.lists("id", [["a"]])], ["on": .strings(["id"])])
    }
    #expect(lists?.message.contains("right side: column \"id\" holds") == true)
  }

  @Test func `Sides without records or without columns have a say only where they can`() throws {
    let left = table([("id", [1, 2])])
    let none = table([("id", []), ("b", [])])
    for more in [["strategy": .string("broadcast")], ["partitions": .integer(2)]] as [[String: ParameterValue]] {
      let on = more.merging(["on": .strings(["id"]), "how": .string("left")]) { $1 }
      #expect(
        try lines(join([left], [none, Table([])], on)).sorted() == [#"{"id":1,"b":null}"#, #"{"id":2,"b":null}"#])
      let empty = try join([table([("id", [])])], [none], on)
      #expect(empty.allSatisfy { $0.count == 0 && $0.names == ["id", "b"] })
      #expect(try lines(join([left, Table([])], [table([("id", [2]), ("b", [4])])], on)).count == 2)
    }
    let error = #expect(throws: TaskError.self) { try join([left], [left], ["on": .strings(["idd"])]) }
    #expect(error?.description.contains("right side: there is no column \"idd\"; did you mean \"id\"?") == true)
  }

  @Test func `Keys that are there many times on both sides end in an error, not in memory`() throws {
    let many = table([("id", Array(repeating: 1, count: 20_000)), ("a", Array(repeating: 2, count: 20_000))])
    for more in [[:], ["partitions": .integer(2)]] as [[String: ParameterValue]] {
      let error = #expect(throws: TaskError.self) {
        try join([many], [many], ["on": .strings(["id"])].merging(more) { $1 }, memory: 64 << 20)
      }
      #expect(error?.code == .tooLarge)
      #expect(error?.message.contains("a third of --memory") == true)
    }
    // Narrow records take little themselves, and an index all the same.
    let narrow = table([("id", (0..<200_000).map { $0 })])
    for more in [[:], ["partitions": .integer(1)]] as [[String: ParameterValue]] {
      let error = #expect(throws: TaskError.self) {
        try join(
          [narrow], [narrow], ["on": .strings(["id"]), "how": .string("semi")].merging(more) { $1 }, memory: 16 << 20)
      }
      #expect(error?.code == .tooLarge && error?.message.contains(more.isEmpty ? "half of" : "a quarter of") == true)
    }
    // One long text that all have as their partner.
    let long = Table(
      names: ["id", "text"],
      columns: table([("id", [1, 2, 3])]).columns
        + (try Table.strings("text", ["a", "b", String(repeating: "x", count: 200_000)])).columns, count: 3)
    let threes = table([("id", Array(repeating: 3, count: 1000))])
    let skewed = #expect(throws: TaskError.self) {
      try join([threes], [long], ["on": .strings(["id"])], memory: 64 << 20)
    }
    #expect(skewed?.message.contains("what comes out takes") == true)
    // Who is only looked up takes no more than it was.
    let all = try join([many], [many], ["on": .strings(["id"]), "how": .string("semi")], memory: 64 << 20)
    #expect(all[0].count == many.count)
    let small = #expect(throws: TaskError.self) {
      try join([many], [many], ["on": .strings(["id"]), "partitions": .integer(2)], memory: 1 << 20)
    }
    #expect(small?.message.contains("a quarter of --memory") == true)
  }

  @Test func `A record of nulls stands behind those of a damaged table, or it is refused`() throws {
    let made = try Ops.join("table.join", ["on": .strings(["id"])]).table(
      [table([("id", [3, 4, 3])])], context: context)
    let sink = MemorySink()
    try made.write(to: sink)
    #expect(try JoinTable(contentsOf: Buffer(sink.bytes)).count == 3)
    for length in stride(from: 0, to: sink.bytes.count, by: 7) {
      #expect(throws: TaskError.self) { try JoinTable(contentsOf: Buffer(Array(sink.bytes[..<length]))) }
    }
  }

  @Test(
    arguments: [
      ([:], "\"on\", or"), (["on": .strings([])], "at least one"), (["left_on": .strings(["a"])], "right_on"),
      (["on": .strings(["a"]), "left_on": .strings(["a"])], "either"),
      (["left_on": .strings(["a"]), "right_on": .strings(["a", "b"])], "matched in order"),
      (["on": .strings(["a", "a"])], "twice"),
      (["on": .strings(["a"]), "strategy": .string("broadcast"), "partitions": .integer(3)], "leave it out"),
    ] as [([String: ParameterValue], String)])
  func `Parameters that make no sense are refused`(values: [String: ParameterValue], words: String) throws {
    let error = #expect(throws: ParameterError.self) { try Ops.join("table.join", values) }
    #expect(error?.description.contains(words) == true)
  }
}
