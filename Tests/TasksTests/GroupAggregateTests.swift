import Graph
import TestSupport
import Testing

@testable import Tasks

@Suite struct GroupAggregateTests {
  private static let columns: [NamedMap] = [
    NamedMap("rows", ["count": "*"]), NamedMap("values", ["count": "real"]), NamedMap("total", ["sum": "small"]),
    NamedMap("reals", ["sum": "real"]), NamedMap("mean", ["mean": "small"]), NamedMap("least", ["min": "text"]),
    NamedMap("greatest", ["max": "real"]), NamedMap("first", ["first": "text"]), NamedMap("last", ["last": "row"]),
    NamedMap("different", ["countDistinct": "text"]), NamedMap("flags", ["countDistinct": "flag"]),
    NamedMap("spread", ["std": "small"]),
  ]

  private func aggregate(
    _ tables: [Table], by keys: [String], _ columns: [NamedMap] = columns, into count: Int = 5, memory: Int = 1 << 30
  ) throws -> [Table] {
    let op = try Ops.shuffle(
      "group.aggregate", ["by": .strings(keys), "columns": .nested(columns), "partitions": .integer(count)])
    let context = TestContext(memoryLimit: memory)
    let shards = try tables.enumerated().map { number, table in
      try op.split(
        table, partition: Partition(index: number, label: "\(number)"), of: tables.count, context: context)
    }
    return try (0..<count).map {
      try Table.from(op.gather(shards, partition: Partition(index: $0, label: "\($0)"), context: context))
    }
  }

  /// The same, row by row, with the standard library's means.
  private struct Expected {
    var rows = 0
    var values = 0
    var total: Int64?
    var reals: Double?
    var smalls: [Double] = []
    var least: [UInt8]?
    var greatest: Double?
    var first: String?
    var last: Int64 = 0
    var different: Set<[UInt8]> = []
    var flags: Set<Int64> = []
  }

  private func expected(_ tables: [Table], by keys: [String]) throws -> [[String]: Expected] {
    var groups: [[String]: Expected] = [:]
    for table in tables {
      for row in 0..<table.count {
        let key = try keys.map { key in try text(table, key, row) }
        var group = groups[key, default: Expected()]
        group.rows += 1
        if let real = try table.column("real").number(at: row) {
          group.values += 1
          group.reals = (group.reals ?? 0) + real
          group.greatest = max(group.greatest ?? real, real)
        }
        if let small = try table.column("small").integer(at: row) {
          group.total = (group.total ?? 0) + small
          group.smalls.append(Double(small))
        }
        if let text = try table.column("text").string(at: row) {
          let bytes = Array(text.utf8)
          group.least = group.least.map { $0.lexicographicallyPrecedes(bytes) ? $0 : bytes } ?? bytes
          group.first = group.first ?? text
          group.different.insert(bytes)
        }
        if let flag = try table.column("flag").integer(at: row) { group.flags.insert(flag) }
        group.last = try table.column("row").integer(at: row) ?? 0
        groups[key] = group
      }
    }
    return groups
  }

  private func text(_ table: Table, _ column: String, _ row: Int) throws -> String {
    let column = try table.column(column)
    if column.isNull(row) { return "null" }
    if column.type == .utf8 { return "\(Array((column.string(at: row) ?? "").utf8))" }
    if let number = column.number(at: row) { return "\(number == 0 ? 0 : number)" }
    return "\(column.integer(at: row) ?? 0)"
  }

  @Test(arguments: 0..<12, [["tiny"], ["text"], ["real", "flag"], ["text", "small", "flag"]])
  func `Every group has the figures of its rows`(seed: Int, keys: [String]) throws {
    var random = SeededNumbers(UInt64(seed) &+ 31)
    let tables = try (0..<(1 + seed % 4)).map { part in
      try RandomTables.table(
        rows: part == 1 ? 0 : Int.random(in: 0...3000, using: &random), ids: 1 + seed * 17, from: part * 10_000,
        using: &random)
    }
    let expected = try expected(tables, by: keys)
    var seen = 0
    for table in try aggregate(tables, by: keys) {
      #expect(table.names == keys + GroupAggregateTests.columns.map(\.name))
      for row in 0..<table.count {
        seen += 1
        let group = try #require(expected[try keys.map { try text(table, $0, row) }])
        func whole(_ name: String) throws -> Int64? { try table.column(name).integer(at: row) }
        func number(_ name: String) throws -> Double? { try table.column(name).number(at: row) }
        #expect(try whole("rows") == Int64(group.rows))
        #expect(try whole("values") == Int64(group.values))
        #expect(try whole("total") == group.total)
        #expect(try close(number("reals"), group.reals))
        let mean = group.smalls.isEmpty ? nil : group.smalls.reduce(0, +) / Double(group.smalls.count)
        #expect(try close(number("mean"), mean))
        #expect(try table.column("least").string(at: row).map { Array($0.utf8) } == group.least)
        #expect(try number("greatest") == group.greatest)
        #expect(try table.column("first").string(at: row).map { Array($0.utf8) } == group.first.map { Array($0.utf8) })
        #expect(try whole("last") == group.last)
        #expect(try whole("different") == Int64(group.different.count))
        #expect(try whole("flags") == Int64(group.flags.count))
        let spread =
          group.smalls.count < 2
          ? nil
          : (group.smalls.reduce(0) { $0 + ($1 - mean!) * ($1 - mean!) } / Double(group.smalls.count - 1)).squareRoot()
        #expect(try close(number("spread"), spread))
      }
    }
    #expect(seen == expected.count)
  }

  private func close(_ a: Double?, _ b: Double?) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return a == b || abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1)
  }

  /// One table of numbers, with as many rows as make small tables full many times.
  private func numbers(_ rows: Int, distinct: Int) -> Table {
    var keys = FixedColumnBuilder<Int64>(capacity: rows)
    var values = FixedColumnBuilder<Double>(capacity: rows)
    var random = SeededNumbers(11)
    for _ in 0..<rows {
      keys.append(Int64.random(in: 0..<Int64(distinct), using: &random))
      values.append(Double.random(in: 0..<1, using: &random))
    }
    return Table([("key", keys.finish()), ("value", values.finish())])
  }

  @Test(arguments: [10, 20_000, 1_000_000])
  func `Little memory and much give the same bytes, few keys and many`(distinct: Int) throws {
    // The second's rows are the first's once more.
    let tables = [numbers(150_000, distinct: distinct), numbers(50_000, distinct: distinct)]
    let columns = [
      NamedMap("n", ["count": "*"]), NamedMap("sum", ["sum": "value"]), NamedMap("d", ["countDistinct": "value"]),
    ]
    func bytes(_ memory: Int) throws -> [[UInt8]] {
      try aggregate(tables, by: ["key"], columns, into: 3, memory: memory).map {
        let sink = MemorySink()
        try $0.write(to: sink)
        return sink.bytes
      }
    }
    let much = try bytes(1 << 30)
    #expect(try bytes(40 << 20) == much)
    let all = try aggregate(tables, by: ["key"], columns, into: 3)
    #expect(try all.reduce(0) { try $0 + $1.column("n").values(as: Int64.self).reduce(0, +) } == 200_000)
    #expect(try all.reduce(0) { try $0 + $1.column("d").values(as: Int64.self).reduce(0, +) } == 150_000)
  }

  @Test func `Variances of large numbers are finite where DuckDB's are`() throws {
    func table(_ values: [Double]) -> Table {
      var keys = FixedColumnBuilder<Int64>()
      var numbers = FixedColumnBuilder<Double>()
      for value in values {
        keys.append(1)
        numbers.append(value)
      }
      return Table([("key", keys.finish()), ("n", numbers.finish())])
    }
    func variance(_ tables: [Table]) throws -> Double? {
      try aggregate(tables, by: ["key"], [NamedMap("v", ["var": "n"])], into: 1)[0].column("v").number(at: 0)
    }
    #expect(try variance([table([.greatestFiniteMagnitude, .greatestFiniteMagnitude])]) == 0)
    #expect(try variance([table([1e155]), table([1e155])]) == 0)
    let close = try #require(try variance([table([1e155, 1.0000001e155])]))
    #expect(abs(close - 5e295) < 1e288)
    #expect(try variance([table([.greatestFiniteMagnitude]), table([1])]) == .infinity)
  }

  @Test func `Totals beyond 64 bits are an error only where they are the end`() throws {
    func table(_ values: [Int64]) -> Table {
      var keys = FixedColumnBuilder<Int64>()
      var numbers = FixedColumnBuilder<Int64>()
      for value in values {
        keys.append(1)
        numbers.append(value)
      }
      return Table([("key", keys.finish()), ("n", numbers.finish())])
    }
    let sum = [NamedMap("sum", ["sum": "n"])]
    let fits = try aggregate([table([.max, .max]), table([.min, .min, 2])], by: ["key"], sum, into: 1)
    #expect(try fits[0].column("sum").integer(at: 0) == 0)
    let error = #expect(throws: TaskError.self) {
      try aggregate([table([.max]), table([1])], by: ["key"], sum, into: 1)
    }
    #expect(error?.description.contains("beyond 2⁶³ - 1") == true)
  }

  @Test(arguments: 0..<8)
  func `Of records that are alike the first is kept`(seed: Int) throws {
    var random = SeededNumbers(UInt64(seed) &+ 3)
    let tables = try (0..<3).map { part in
      try RandomTables.table(rows: 400, ids: 1 + seed * 5, from: part * 1000, using: &random)
        .dropping(["list", "pair"])
    }
    let op = try Ops.shuffle("table.distinct", ["columns": .strings(["small", "flag"]), "partitions": .integer(4)])
    let context = TestContext()
    let shards = try tables.enumerated().map { number, table in
      try op.split(table, partition: Partition(index: number, label: "\(number)"), of: 3, context: context)
    }
    var kept: Set<Int64> = []
    for index in 0..<4 {
      let table = try Table.from(op.gather(shards, partition: Partition(index: index, label: ""), context: context))
      #expect(table.names.prefix(2) == ["small", "flag"])
      for row in 0..<table.count { kept.insert(try #require(table.column("row").integer(at: row))) }
      // The other columns are of the same record.
      for row in 0..<table.count {
        let number = Int(try #require(table.column("row").integer(at: row)))
        let source = tables[number / 1000]
        for name in source.names { #expect(try text(table, name, row) == text(source, name, number % 1000)) }
      }
    }
    var seen: Set<[String]> = []
    var first: Set<Int64> = []
    for table in tables {
      for row in 0..<table.count
      where seen.insert([try text(table, "small", row), try text(table, "flag", row)]).inserted {
        first.insert(try #require(table.column("row").integer(at: row)))
      }
    }
    #expect(kept == first)
  }

  @Test func `What cannot be aggregated says so`() throws {
    let table = numbers(3, distinct: 3)
    func message(_ columns: [NamedMap], by keys: [String] = ["key"]) -> String {
      do {
        _ = try aggregate([table], by: keys, columns)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message([NamedMap("a", ["sum": "valu"])]).contains("did you mean \"value\"?"))
    #expect(message([NamedMap("a", ["summ": "value"])]).contains("did you mean \"sum\"?"))
    #expect(message([NamedMap("key", ["sum": "value"])]).contains("come out twice"))
    #expect(message([NamedMap("a", ["sum": "*"])]).contains("only count takes"))
    #expect(message([NamedMap("a", ["sum": "value"])], by: ["kee"]).contains("did you mean \"key\"?"))
  }
}
