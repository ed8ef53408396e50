import Graph
import Testing

@testable import Tasks

@Suite struct WholeBagTests {
  private func numbers(_ name: String, _ values: [Double?]) -> Table {
    var builder = FixedColumnBuilder<Double>()
    for value in values { if let value { builder.append(value) } else { builder.appendNull() } }
    return Table([(name, builder.finish())])
  }

  private func json(_ op: String, _ values: [String: ParameterValue] = [:], _ tables: [Table]) throws -> String {
    try Ops.jsonLines(Ops.reduce(op, values, tables))
  }

  // MARK: - Figures of columns

  @Test(arguments: 0..<10) func `Figures are those of all rows, however the tree is cut`(seed: Int) throws {
    var random = SeededNumbers(UInt64(seed) &+ 5)
    let tables = try (0..<(1 + seed * 3)).map { part in
      try RandomTables.table(
        rows: part % 4 == 1 ? 0 : 1 + seed * 700, ids: 1 + seed * 17, from: part * 10_000, using: &random)
    }
    let small = tables.flatMap { table in (0..<table.count).compactMap { table["small"]!.integer(at: $0) } }
    let real = tables.flatMap { table in (0..<table.count).compactMap { table["real"]!.number(at: $0) } }
    let texts = tables.flatMap { table in (0..<table.count).compactMap { table["text"]!.string(at: $0) } }
    for fanIn in [2, 3, 8] {
      func figure(_ op: String, _ column: String, _ more: [String: ParameterValue] = [:]) throws -> Column {
        let table = try Ops.reduce(
          op, ["columns": .strings([column]), "split_every": .integer(fanIn)].merging(more) { $1 }, tables)
        #expect(table.names == [column] && table.count == 1)
        return table.columns[0]
      }
      #expect(try figure("bag.sum", "small").integer(at: 0) == small.reduce(0, +))
      #expect(try figure("bag.min", "small").integer(at: 0) == small.min())
      #expect(try figure("bag.max", "small").integer(at: 0) == small.max())
      #expect(try figure("bag.max", "small").type == .int32)
      #expect(try figure("bag.max", "real").number(at: 0) == real.max())
      let ordered = texts.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
      #expect(try figure("bag.min", "text").string(at: 0).map { Array($0.utf8) } == ordered.first)
      #expect(try figure("bag.max", "text").string(at: 0).map { Array($0.utf8) } == ordered.last)
      let mean = small.isEmpty ? nil : Double(small.reduce(0, +)) / Double(small.count)
      #expect(try figure("bag.mean", "small").number(at: 0) == mean)
      for ddof in [0, 1] {
        let squares = small.reduce(0.0) { $0 + (Double($1) - (mean ?? 0)) * (Double($1) - (mean ?? 0)) }
        let variance = small.count <= ddof ? nil : squares / Double(small.count - ddof)
        let more: [String: ParameterValue] = ddof == 1 ? [:] : ["ddof": .integer(0)]
        #expect(try close(figure("bag.var", "small", more).number(at: 0), variance))
        #expect(try close(figure("bag.std", "small", more).number(at: 0), variance?.squareRoot()))
      }
    }
  }

  private func close(_ a: Double?, _ b: Double?) -> Bool {
    guard let a, let b else { return (a == nil) == (b == nil) }
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1)
  }

  @Test func `Without columns all that fit are taken`() throws {
    var random = SeededNumbers(3)
    let table = try RandomTables.table(rows: 50, ids: 9, from: 0, using: &random)
    #expect(try Ops.reduce("bag.mean", [:], [table]).names == ["row", "tiny", "small", "large", "real", "flag"])
    #expect(try Ops.reduce("bag.max", [:], [table]).names == ["row", "tiny", "small", "large", "real", "flag", "text"])
    #expect(try Ops.reduce("bag.min", [:], [Table.strings("e\u{301}", ["b", "a"])]).names == ["e\u{301}"])
    // A name that clings to what stands before it.
    #expect(try json("bag.min", [:], [.strings("\u{301}", ["b", "a"])]) == "{\"\u{301}\":\"a\"}\n")
  }

  @Test func `Of nothing a figure is null, and a total 0`() throws {
    let nothing = [Table.integers("a", [nil, nil]), Table.integers("a", [])]
    #expect(try json("bag.sum", [:], nothing) == "{\"a\":0}\n")
    for op in ["bag.min", "bag.max", "bag.mean", "bag.var", "bag.std"] {
      #expect(try json(op, [:], nothing) == "{\"a\":null}\n")
    }
    #expect(try json("bag.var", [:], [.integers("a", [5])]) == "{\"a\":null}\n")
    #expect(try json("bag.var", ["ddof": .integer(0)], [.integers("a", [5])]) == "{\"a\":0.0}\n")
    // A column that is null throughout goes with any type.
    let untyped = try [Table.strings("a", [nil]), .integers("a", [4, 6])]
    for tables in [untyped, untyped.reversed()] {
      #expect(try json("bag.mean", ["columns": .strings(["a"])], tables) == "{\"a\":5.0}\n")
      #expect(try json("bag.sum", ["columns": .strings(["a"])], tables) == "{\"a\":10}\n")
      #expect(try json("bag.max", [:], tables) == "{\"a\":6}\n")
    }
    #expect(try json("bag.mean", ["columns": .strings(["a"])], [.strings("a", [nil])]) == "{\"a\":null}\n")
  }

  @Test func `Whole numbers beside others become float64, whichever come first`() throws {
    let mixed = [Table.integers("a", [1, 7]), numbers("a", [2.5, nil]), .integers("a", [nil])]
    for tables in [mixed, mixed.reversed()] {
      #expect(try json("bag.sum", [:], tables) == "{\"a\":10.5}\n")
      #expect(try json("bag.mean", [:], tables) == "{\"a\":3.5}\n")
      #expect(try json("bag.min", [:], tables) == "{\"a\":1.0}\n")
      #expect(try json("bag.max", ["split_every": .integer(2)], tables) == "{\"a\":7.0}\n")
      #expect(try close(Ops.reduce("bag.var", ["ddof": .integer(0)], tables).columns[0].number(at: 0), 6.5))
    }
  }

  @Test func `What the figure cannot be made of everywhere is an error, with or without a name`() throws {
    let tables = try [Table.integers("a", [1]), .strings("a", ["x"])]
    for tables in [tables, tables.reversed()] {
      let mean = #expect(throws: TaskError.self) { try Ops.reduce("bag.mean", [:], tables) }
      #expect(mean?.code == .wrongType)
      #expect(mean?.message.contains("column \"a\" holds string in input") == true)
      #expect(mean?.message.contains("but numbers in input") == true)
      let least = #expect(throws: TaskError.self) { try Ops.reduce("bag.min", [:], tables) }
      #expect(least?.message.contains("make it one type with table.cast") == true)
      let named = #expect(throws: TaskError.self) { try Ops.reduce("bag.std", ["columns": .strings(["a"])], tables) }
      #expect(named?.message.contains("cast it with table.cast") == true)
    }
    // Texts throughout are left out, and nulls of any type are nothing.
    #expect(try Ops.reduce("bag.mean", [:], [.strings("a", ["x"]), .strings("a", [nil])]).names == [])
    #expect(try Ops.reduce("bag.mean", [:], [.strings("a", ["x"]), .integers("a", [nil])]).names == [])
    let list = try Table.lists("a", [["x"]])
    #expect(throws: TaskError.self) { try Ops.reduce("bag.min", ["columns": .strings(["a"])], [list]) }
  }

  @Test func `Totals are exact on the way, and counts go beyond 32 bits`() throws {
    let tables = [Table.integers("a", [.max]), .integers("a", [.max]), .integers("a", [-.max]), .integers("a", [-1])]
    #expect(try json("bag.sum", ["split_every": .integer(2)], tables) == "{\"a\":\(Int64.max - 1)}\n")
    #expect(try close(Ops.reduce("bag.mean", [:], tables).columns[0].number(at: 0), Double(Int64.max - 1) / 4))
    for type in [ColumnType.int64, .float64] {
      let figure = Aggregation(name: "a", function: .mean, column: "a")
      let first = try figure.accumulator(type, file: nil, countType: .int64)
      first.grow(to: 1)
      var states = [whole(3 << 33), whole(0), whole(3 << 32)]
      if type == .float64 { states = [numbers("a", [0x3p33]).columns[0], whole(3 << 32)] }
      for _ in 0..<3 {
        first.merge(states, 0..<1, [0])
        states = try [Int32(0)].withUnsafeBufferPointer { try first.states($0) }
      }
      #expect(states.last?.integer(at: 0) == 12 << 32)
      #expect(try [Int32(0)].withUnsafeBufferPointer { try first.result($0) }.number(at: 0) == 2)
    }
  }

  private func whole(_ value: Int64) -> Column { Table.integers("a", [value]).columns[0] }

  // MARK: - Values

  @Test(arguments: 0..<8) func `Frequencies are those of all rows, in one order`(seed: Int) throws {
    var random = SeededNumbers(UInt64(seed) &+ 77)
    let tables = try (0..<(1 + seed * 2)).map { part in
      try RandomTables.table(rows: part == 1 ? 0 : 900, ids: 1 + seed * 41, from: part * 10_000, using: &random)
    }
    var counts: [[UInt8]: Int64] = [:]
    var pairs: [String: Int64] = [:]
    for table in tables {
      for row in 0..<table.count {
        if let text = table["text"]!.string(at: row) { counts[Array(text.utf8), default: 0] += 1 }
        guard let tiny = table["tiny"]!.integer(at: row), let flag = table["flag"]!.integer(at: row) else { continue }
        pairs["\(tiny) \(flag)", default: 0] += 1
      }
    }
    let expected = counts.sorted {
      $0.value != $1.value ? $0.value > $1.value : $0.key.lexicographicallyPrecedes($1.key)
    }
    for fanIn in [2, 3, 8] {
      let table = try Ops.reduce(
        "bag.frequencies", ["columns": .strings(["text"]), "split_every": .integer(fanIn)], tables)
      #expect(table.names == ["text", "count"])
      #expect((0..<table.count).map { Array(table.columns[0].string(at: $0)!.utf8) } == expected.map(\.key))
      #expect((0..<table.count).map { table.columns[1].integer(at: $0)! } == expected.map(\.value))
      let top = try Ops.reduce(
        "bag.frequencies", ["columns": .strings(["text"]), "top": .integer(3), "split_every": .integer(fanIn)], tables)
      #expect(try Ops.jsonLines(top) == Ops.jsonLines(table.first(3)))
      let both = try Ops.reduce(
        "bag.frequencies", ["columns": .strings(["tiny", "flag"]), "split_every": .integer(fanIn)], tables)
      var seen: [String: Int64] = [:]
      for row in 0..<both.count {
        seen["\(both.columns[0].integer(at: row)!) \(both.columns[1].integer(at: row)!)"] = both.columns[2].integer(
          at: row)
      }
      #expect(seen == pairs)
    }
  }

  @Test func `Lists count item by item, and numbers by their value`() throws {
    let tables = try [Table.lists("c", [["b", "a"], nil, ["a"]]), .lists("c", [[], ["ä", "a"]]), .lists("c", [])]
    #expect(
      try json("bag.frequencies", ["columns": .strings(["c"])], tables)
        == "{\"c\":\"a\",\"count\":3}\n{\"c\":\"b\",\"count\":1}\n{\"c\":\"ä\",\"count\":1}\n")
    #expect(try json("bag.countDistinct", ["columns": .strings(["c"])], tables) == "{\"c\":3}\n")
    let mixed = [numbers("a", [0, -0.0, .nan, 1]), .integers("a", [1, 0]), numbers("a", [.nan, nil])]
    #expect(
      try json("bag.frequencies", ["columns": .strings(["a"])], mixed)
        == "{\"a\":0.0,\"count\":3}\n{\"a\":1.0,\"count\":2}\n{\"a\":null,\"count\":2}\n")
    #expect(try json("bag.countDistinct", ["columns": .strings(["a"])], mixed) == "{\"a\":3}\n")
    let large = #expect(throws: TaskError.self) {
      try Ops.reduce(
        "bag.countDistinct", ["columns": .strings(["a"])], [.integers("a", [(1 << 53) + 1]), numbers("a", [1])])
    }
    #expect(large?.message.contains("does not hold 9007199254740993") == true)
    let error = #expect(throws: ParameterError.self) {
      try Ops.reduction("bag.frequencies", ["columns": .strings(["count"])])
    }
    #expect(error?.message.contains("table.rename") == true)
    let nested = #expect(throws: TaskError.self) {
      try Ops.reduce(
        "bag.frequencies", ["columns": .strings(["c", "d"])], [tables[0].appending([("d", tables[0].columns[0])])])
    }
    #expect(nested?.message.contains("item by item only if") == true)
  }

  @Test func `Columns with unlike numbers of values are counted each by itself`() throws {
    var tables: [Table] = []
    var different: Set<String> = []
    for part in 0..<9 {
      var texts: [String?] = []
      var numbers: [Int64?] = []
      for row in 0..<100 {
        let text: String? = row % 3 == 0 ? nil : "value \(part * 50 + row)"
        texts.append(text)
        if let text { different.insert(text) }
        numbers.append(Int64(row % (part + 1)))
      }
      let nothing = Table.integers("c", [Int64?](repeating: nil, count: 100))
      let added = [("b", try Table.strings("b", texts).columns[0]), ("c", nothing.columns[0])]
      tables.append(try Table.integers("a", numbers).appending(added))
    }
    for fanIn in [2, 8] {
      #expect(
        try json("bag.countDistinct", ["columns": .strings(["b", "c", "a"]), "split_every": .integer(fanIn)], tables)
          == "{\"b\":\(different.count),\"c\":0,\"a\":9}\n")
    }
  }

  @Test func `Values that do not fit into memory are refused with what helps`() throws {
    var numbers: [Int64?] = []
    for number in 0..<200_000 { numbers.append(Int64(number)) }
    var texts: [String?] = []
    for number in 0..<20_000 { texts.append("\(number)" + String(repeating: "x", count: 100)) }
    let table = Table.integers("id", numbers)
    let long = try Table.strings("id", texts)
    let partition = Partition(index: 0, label: "0")
    for (op, remedy) in [("bag.countDistinct", "table.distinct"), ("bag.frequencies", "group.aggregate")] {
      let reduction = try Ops.reduction(op, ["columns": .strings(["id"])])
      let lookup = #expect(throws: TaskError.self) {
        try reduction.partial(table, partition: partition, context: TestContext(memoryLimit: 24 << 20))
      }
      #expect(lookup?.code == .tooLarge)
      #expect(lookup?.message.contains("column \"id\" has") == true && lookup?.message.contains(remedy) == true)
      let stored = #expect(throws: TaskError.self) {
        try reduction.partial(long, partition: partition, context: TestContext(memoryLimit: 24 << 20))
      }
      #expect(stored?.message.contains("\"split_every\" to less") == true, "\(stored?.message ?? "")")
      _ = try reduction.partial(table, partition: partition, context: TestContext(memoryLimit: 64 << 20))
      // The last one is not held beside others.
      let last = TestContext(memoryLimit: 24 << 20, role: .whole)
      let part = try reduction.partial(long, partition: partition, context: TestContext())
      _ = try reduction.combine([part, part], context: last)
      #expect(throws: TaskError.self) {
        try reduction.combine([part, part], context: TestContext(memoryLimit: 24 << 20))
      }
    }
  }

  // MARK: - The first records

  @Test(arguments: 0..<6) func `The first records are those of all rows sorted`(seed: Int) throws {
    var random = SeededNumbers(UInt64(seed) &+ 17)
    let tables = try (0..<(1 + seed)).map { part in
      // Several windows in some, ties in all.
      try RandomTables.table(
        rows: part == 1 ? 0 : seed == 2 ? 40_000 : 700, ids: 1 + seed * 9, from: part * 100_000, using: &random)
    }
    let all = try TableUnion.joined(tables) { "\($0)" }
    for by in [["real"], ["text asc", "small"], ["flag", "text desc", "real asc"]] {
      let order = try SortOrder(by, isDescending: true, nullsFirst: false, parameter: "by")
      let sorted = try SortKeys(all, order, rows: 0..<all.count, file: nil).order()
      for (count, fanIn) in [(1, 2), (10, 3), (300, 8), (100_000, 2)] {
        let top = try Ops.reduce(
          "bag.topk", ["count": .integer(count), "by": .strings(by), "split_every": .integer(fanIn)], tables)
        let expected = try sorted.withUnsafeBufferPointer {
          try all.rows(at: UnsafeBufferPointer(rebasing: $0.prefix(count)))
        }
        #expect(top.names == expected.names && top.count == expected.count)
        for row in 0..<top.count where top["row"]!.integer(at: row) != expected["row"]!.integer(at: row) {
          Issue.record("\(by), \(count) by \(fanIn): row \(row) differs")
          break
        }
      }
    }
  }

  @Test func `The largest come first, nulls last`() throws {
    let tables = [numbers("a", [1, nil, 3]), numbers("a", [.nan, 2])]
    #expect(
      try json("bag.topk", ["count": .integer(9), "by": .strings(["a"])], tables)
        == "{\"a\":null}\n{\"a\":3.0}\n{\"a\":2.0}\n{\"a\":1.0}\n{\"a\":null}\n")
    #expect(
      try json("bag.topk", ["count": .integer(2), "by": .strings(["a asc"])], tables) == "{\"a\":1.0}\n{\"a\":2.0}\n")
    #expect(throws: ParameterError.self) {
      try Ops.reduction("bag.topk", ["count": .integer(1), "by": .strings(["a", "a asc"])])
    }
    let missing = #expect(throws: TaskError.self) {
      try Ops.reduce("bag.topk", ["count": .integer(1), "by": .strings(["b"])], tables)
    }
    #expect(missing?.code == .missingColumn)
  }
}
