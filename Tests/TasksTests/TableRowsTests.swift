import Graph
import Testing

@testable import Tasks

@Suite struct TableRowsTests {
  private func lines(_ table: Table) throws -> [Substring] { try Ops.jsonLines(table).split(separator: "\n") }

  private func rows(_ numbers: [Int], of table: Table) throws -> Table {
    try numbers.map(Int32.init).withUnsafeBufferPointer { try table.rows(at: $0) }
  }

  @Test(arguments: [0, 1, 7, 8, 9, 64, 300])
  func `Rows are picked in any order, also twice`(count: Int) throws {
    var random = SeededNumbers(UInt64(count))
    let table = try RandomTables.table(rows: 300, ids: 40, from: 0, using: &random)
    let all = try lines(table)
    let numbers = (0..<count).map { _ in Int.random(in: 0..<300, using: &random) }
    let picked = try rows(numbers, of: table)
    #expect(try lines(picked) == numbers.map { all[$0] })
    #expect(picked.columns.map(\.type) == table.columns.map(\.type))
    for column in picked.columns { #expect(column.nullCount == (0..<count).count { column.isNull($0) }) }
    #expect(try rows([], of: picked).columns.map(\.type) == table.columns.map(\.type))
  }

  @Test(arguments: 0..<6)
  func `Tables behind one another hold the rows of all`(seed: Int) throws {
    var random = SeededNumbers(UInt64(seed + 1))
    var expected: [Substring] = []
    var appender: TableAppender?
    for part in 0..<12 {
      var table = try RandomTables.table(
        rows: [0, 1, 3, 8, 13, 200].randomElement(using: &random)!, ids: 30, from: part * 1000, using: &random)
      // Of slices that lie unaligned in bits, and of tables in another order of columns, too.
      if part % 3 == 1 { table = try rows(Array(0..<table.count).reversed(), of: table) }
      expected += try lines(table)
      if part % 4 == 3 { table = try table.selecting(table.names.reversed()) }
      if appender == nil { appender = TableAppender(names: table.names, types: table.columns.map(\.type)) }
      try appender!.append(table)
    }
    let whole = appender!.finish()
    #expect(try lines(whole) == expected)
    let sink = MemorySink()
    try whole.write(to: sink)
    #expect(try lines(Table(contentsOf: Buffer(sink.bytes))) == expected)
  }

  @Test func `A column of nulls is appended to one of any type`() throws {
    let nulls = try Table.strings("x", [nil, nil, nil])
    for other in [Table.integers("x", [1, 2]), try .strings("x", ["a", ""]), try .lists("x", [["a"], []])] {
      var appender = TableAppender(names: ["x"], types: [other.columns[0].type])
      for table in [nulls, other, nulls] { try appender.append(table) }
      let whole = appender.finish()
      #expect(whole.columns[0].nullCount == 6)
      #expect(try lines(whole)[3..<5] == lines(other)[...])
      #expect(try lines(whole)[7] == #"{"x":null}"#)
    }
  }

  @Test func `What rows take adds up to what their columns take`() throws {
    var random = SeededNumbers(5)
    let table = try RandomTables.table(rows: 1000, ids: 100, from: 0, using: &random)
    let whole = table.columns.reduce(0) { $0 + $1.byteCount }
    #expect(abs(table.byteCount(ofRows: 0..<1000) - whole) < 64)
    #expect(table.byteCount(ofRows: 40..<40) == 0)
    var sums = [Int](repeating: 0, count: 1000)
    sums.withUnsafeMutableBufferPointer { table.addByteCounts(to: $0) }
    #expect(abs(sums.reduce(0, +) - whole) < whole / 20)
  }
}
