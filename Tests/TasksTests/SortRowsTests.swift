import Graph
import TestSupport
import Testing

@testable import Tasks

@Suite struct SortRowsTests {
  private func sort(
    _ tables: [Table], by keys: [String], nulls: String = "last", into count: Int, memory: Int = 1 << 30
  ) throws -> (parts: [Table], writes: Int) {
    let op = try Ops.shuffle(
      "table.sort", ["by": .strings(keys), "nulls": .string(nulls), "partitions": .integer(count)])
    let context = TestContext(memoryLimit: memory)
    let runs = try tables.enumerated().map { number, table in
      try op.split(
        table, partition: Partition(index: number, label: "\(number)"), of: tables.count, context: context)
    }
    let parts = try (0..<count).map {
      try Table.from(op.gather(runs, partition: Partition(index: $0, label: "\($0)"), context: context))
    }
    return (parts, context.storage.writes)
  }

  private enum Value: Equatable {
    case null
    case number(Double)
    case text([UInt8])
  }

  private func value(_ table: Table, _ name: String, _ row: Int) throws -> Value {
    let column = try table.column(name)
    if column.isNull(row) { return .null }
    if column.type == .utf8 { return .text(Array((column.string(at: row) ?? "").utf8)) }
    return .number(column.number(at: row) ?? Double(column.integer(at: row) ?? 0))
  }

  /// Whether the first comes before the second; `nil` where they are alike.
  private func isBefore(_ a: Value, _ b: Value, descending: Bool, nullsFirst: Bool) -> Bool? {
    if a == b { return nil }
    switch (a, b) {
    case (.null, _): return nullsFirst
    case (_, .null): return !nullsFirst
    case (.number(let a), .number(let b)): return descending ? a > b : a < b
    case (.text(let a), .text(let b)):
      return descending ? b.lexicographicallyPrecedes(a) : a.lexicographicallyPrecedes(b)
    default: return nil
    }
  }

  @Test(
    arguments: 0..<12,
    [["real"], ["text desc"], ["flag", "tiny desc", "text"], ["small desc", "real"], ["large"]])
  func `All records come out in order, those alike as they were`(seed: Int, keys: [String]) throws {
    var random = SeededNumbers(UInt64(seed) &+ 17)
    let tables = try (0..<(1 + seed % 5)).map { part in
      try RandomTables.table(
        rows: part == 2 ? 0 : Int.random(in: 0...1500, using: &random), ids: 1 + seed * seed * 3, from: part * 10_000,
        using: &random)
    }
    let count = [1, 3, 8][seed % 3]
    let nulls = seed % 2 == 0 ? "last" : "first"
    let names = keys.map { $0.split(separator: " ").map(String.init)[0] }
    let descending = keys.map { $0.hasSuffix(" desc") }
    // Row by row, with a stable sort of the standard library's.
    var expected: [(keys: [Value], row: Int64)] = []
    for table in tables {
      for row in 0..<table.count {
        expected.append(
          (try names.map { try value(table, $0, row) }, try #require(table.column("row").integer(at: row))))
      }
    }
    expected = expected.enumerated().sorted { a, b in
      for index in keys.indices {
        if let before = isBefore(
          a.element.keys[index], b.element.keys[index], descending: descending[index], nullsFirst: nulls == "first")
        {
          return before
        }
      }
      return a.offset < b.offset
    }.map(\.element)
    let parts = try sort(tables, by: keys, nulls: nulls, into: count).parts
    let rows = try parts.flatMap { part in
      #expect(part.names == tables[0].names)
      return try (0..<part.count).map { try #require(part.column("row").integer(at: $0)) }
    }
    #expect(rows == expected.map(\.row))
  }

  @Test func `Many partitions of runs that are alike have about one size`() throws {
    var keys = FixedColumnBuilder<Int64>(capacity: 30_000)
    for key in 0..<30_000 { keys.append(Int64(key)) }
    let table = Table([("key", keys.finish())])
    let parts = try sort(Array(repeating: table, count: 8), by: ["key"], into: 150).parts
    #expect(parts.reduce(0) { $0 + $1.count } == 240_000)
    #expect(parts.allSatisfy { (400...3200).contains($0.count) }, "\(parts.map(\.count))")
  }

  @Test func `Little memory and much give the same bytes, and partitions of about one size`() throws {
    var random = SeededNumbers(5)
    let tables = try (0..<4).map { part in
      try RandomTables.table(rows: 30_000, ids: 3, from: part * 100_000, using: &random)
    }
    func bytes(_ tables: [Table]) throws -> [[UInt8]] {
      try tables.map {
        let sink = MemorySink()
        try $0.write(to: sink)
        return sink.bytes
      }
    }
    let much = try sort(tables, by: ["large"], into: 6)
    let little = try sort(tables, by: ["large"], into: 6, memory: 24 << 20)
    #expect(try bytes(much.parts) == bytes(little.parts))
    #expect(little.writes > tables.count)
    // Three keys make six parts all the same.
    for part in much.parts { #expect((15_000...25_000).contains(part.count), "\(part.count)") }
  }

  @Test func `What cannot be sorted says so`() throws {
    var random = SeededNumbers(5)
    let table = try RandomTables.table(rows: 10, ids: 3, from: 0, using: &random)
    func message(_ keys: [String], memory: Int = 1 << 30) -> String {
      do {
        _ = try sort([table], by: keys, into: 1, memory: memory)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message(["larg"]).contains("did you mean \"large\"?"))
    #expect(message(["list"]).contains("has no order"))
    #expect(message(["large", "large desc"]).contains("named twice"))
    #expect(message(["large"], memory: 1000).contains("set \"partitions\" to more"))
  }
}
