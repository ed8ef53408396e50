import Foundation
import Graph
import TestSupport
import Testing

@testable import Tasks

@Suite struct TableTests {
  /// Every type, nulls, lists, empties.
  private func sample(rows: Int, seed: UInt64) throws -> Table {
    var numbers = SeededNumbers(seed)
    var small = FixedColumnBuilder<Int8>()
    var middle = FixedColumnBuilder<Int32>()
    var large = FixedColumnBuilder<Int64>()
    var real = FixedColumnBuilder<Double>()
    var flag = BoolColumnBuilder()
    var text = StringColumnBuilder()
    var list = StringListColumnBuilder()
    var inside = FixedColumnBuilder<Int32>()
    var name = StringColumnBuilder()
    var place = StructureColumnBuilder()
    for row in 0..<rows {
      inside.append(Int32(row))
      if row % 3 == 1 { try name.appendNull() } else { try name.append("n\(row)") }
      if row % 7 == 6 { place.appendNull() } else { place.append() }
      small.append(Int8(truncatingIfNeeded: row))
      middle.append(Int32(row) * 1000)
      if Bool.random(using: &numbers) {
        large.append(Int64.random(in: .min ... .max, using: &numbers))
      } else {
        large.appendNull()
      }
      real.append(Double(row) / 3)
      if row % 3 == 0 { flag.appendNull() } else { flag.append(row % 2 == 0) }
      if row % 5 == 4 { try text.appendNull() } else { try text.append(String(repeating: "é\"", count: row % 7)) }
      if row % 4 == 3 {
        try list.appendNull()
      } else {
        for item in 0..<(row % 4) { try list.appendItem("item \(item)") }
        try list.closeRow()
      }
    }
    return Table([
      ("small", small.finish()), ("middle", middle.finish()), ("large", large.finish()), ("real", real.finish()),
      ("flag", flag.finish()), ("text ü", text.finish()), ("list", list.finish()),
      ("place", place.finish([("inside", inside.finish()), ("name \"ü\"", name.finish())])),
    ])
  }

  private func spilled(_ table: Table) throws -> [UInt8] {
    let sink = MemorySink()
    try table.write(to: sink)
    return sink.bytes
  }

  @Test(arguments: [0, 1, 7, 8, 9, 1000])
  func aTableComesBackFromDiskAsItWas(rows: Int) throws {
    let table = try sample(rows: rows, seed: 3)
    let back = try Table(contentsOf: Buffer(spilled(table)))
    #expect(back.names == table.names)
    #expect(back.count == rows)
    #expect(back.columns.map(\.type) == table.columns.map(\.type))
    #expect(back.columns.map(\.nullCount) == table.columns.map(\.nullCount))
    #expect(try Ops.jsonLines(back) == Ops.jsonLines(table))
    #expect(back.byteCount == table.byteCount)
  }

  @Test func tablesWithoutColumnsAndSlicesSurviveToo() throws {
    #expect(try Table(contentsOf: Buffer(spilled(Table([])))).names == [])
    let table = try sample(rows: 20, seed: 1).selecting(["list", "small"])
    let again = try Table(contentsOf: Buffer(spilled(Table(contentsOf: Buffer(spilled(table))))))
    #expect(try Ops.jsonLines(again) == Ops.jsonLines(table))
  }

  @Test func recordsWithoutColumnsSurviveToo() throws {
    let bytes = try spilled(try sample(rows: 20, seed: 1).selecting([]))
    let back = try Table(contentsOf: Buffer(bytes))
    #expect(back.names == [])
    #expect(back.count == 20)
    var damaged = bytes
    damaged[16 + 5] = 1  // 2⁴⁰ records
    #expect(throws: TaskError.self) { try Table(contentsOf: Buffer(damaged)) }
  }

  @Test func columnNamesAreComparedByTheirBytes() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    let table = try Table.integers(composed, [1]).appending(
      [(decomposed, Table.integers("", [2]).columns[0])], file: nil)
    #expect(table[composed]?.integer(at: 0) == 1)
    #expect(table[decomposed]?.integer(at: 0) == 2)
    let back = try Table(contentsOf: Buffer(spilled(table)))
    #expect(back.names.map { Array($0.utf8) } == [composed, decomposed].map { Array($0.utf8) })
    #expect(try Ops.apply("table.drop", ["columns": .strings([composed])], to: back)[decomposed] != nil)
    let both: [String: ParameterValue] = ["columns": .strings([decomposed, composed])]
    #expect(try Ops.apply("table.select", both, to: back).count == 1)
    #expect(try Ops.jsonLines(Ops.reduce("bag.sum", [:], [back, back])) == "{\"\(composed)\":2,\"\(decomposed)\":4}\n")
    #expect(throws: TaskError.self) {
      try back.appending([("x", back.columns[0]), ("x", back.columns[1])], file: nil)
    }
  }

  @Test func aTableReadBackSharesTheBytesOfItsFile() throws {
    let buffer = Buffer(try spilled(try sample(rows: 100, seed: 2)))
    let values = try Table(contentsOf: buffer).column("middle").values(as: Int32.self)
    let place = UnsafeRawPointer(values.baseAddress!)
    #expect(place >= buffer.base && place < buffer.base + buffer.count)
    #expect(Int(bitPattern: place - Int(bitPattern: buffer.base)) % 64 == 0)
  }

  @Test func damagedBytesGiveAnErrorOrAValidTable() throws {
    let good = try spilled(try sample(rows: 40, seed: 5))
    var numbers = SeededNumbers(11)
    var refused = 0
    for round in 0..<4000 {
      var bytes = good
      if round % 4 == 0 { bytes.removeLast(Int.random(in: 1...bytes.count, using: &numbers)) }
      for _ in 0..<Int.random(in: 1...3, using: &numbers) where !bytes.isEmpty {
        // Half of the hits go into the directory, where the lengths are.
        let end = Bool.random(using: &numbers) ? min(1000, bytes.count) : bytes.count
        bytes[Int.random(in: 0..<end, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
      }
      do {
        let table = try Table(contentsOf: Buffer(bytes))
        _ = try Ops.jsonLines(table)
        _ = table.preview(limit: 3)
        if let text = table["text ü"], text.type == .utf8 { _ = try Tokenizer().tokenize(text, context: TestContext()) }
      } catch let error as TaskError {
        refused += 1
        #expect(error.code == .corruptValue)
        #expect(error.message.hasPrefix("these bytes are no table: "))
      }
    }
    #expect(refused > 1000)
  }

  @Test func byteCountIsTheSizeOfAllBuffers() throws {
    let table = Table.integers("n", Array(repeating: 1, count: 1000))
    #expect(table.byteCount >= 8000)
    #expect(table.byteCount < 8400)
  }

  @Test func previewsShowOneRecordAsAnObjectAndSeveralAsAnArray() throws {
    let one = Table.integers("n", [7]).preview(limit: 5)
    #expect(one.json == #"{"n":7}"#)
    let several = try Table.strings("t", ["a\"b", nil, "c"]).preview(limit: 2)
    #expect(several.json == #"[{"t":"a\"b"},{"t":null}]"#)
    #expect(several.rows == [["a\"b"], [""]])
    #expect(several.rowCount == 3)
    #expect(try Table.lists("l", [["x", "y"]]).preview(limit: 1).rows == [[#"["x","y"]"#]])
    #expect(Table([]).preview(limit: 3).json == "[]")
  }

  @Test func columnsAreSelectedAndDropped() throws {
    let table = try sample(rows: 3, seed: 1)
    #expect(
      try Ops.apply("table.select", ["columns": .strings(["list", "small"])], to: table).names == [
        "list", "small",
      ])
    #expect(
      try Ops.apply("table.drop", ["columns": .strings(["list", "small", "place"])], to: table).names
        == ["middle", "large", "real", "flag", "text ü"])
    let error = #expect(throws: TaskError.self) {
      try Ops.apply("table.drop", ["columns": .strings(["smal"])], to: table)
    }
    #expect(error?.message.contains("did you mean \"small\"?") == true)
    #expect(error?.message.contains("there are small, middle, large") == true)
  }

  @Test func offsetsBeyondInt32AreRefusedWithARemedy() throws {
    let error = #expect(throws: TaskError.self) { try checkedOffset(1 << 31, of: "bytes of text") }
    #expect(error?.code == .tooLarge)
    #expect(error?.message.contains("split the input file") == true)
    #expect(try checkedOffset(Int(Int32.max), of: "bytes") == Int32.max)
  }
}

@Suite struct ReductionTests {
  @Test func totalsDoNotDependOnTheTree() throws {
    let tables = (0..<29).map { part in Table.integers("n", (0..<10).map { Int64(part * 10 + $0) } + [nil]) }
    for fanIn in [2, 3, 8, 100] {
      let total = try Ops.reduce("bag.sum", ["split_every": .integer(fanIn)], tables)
      #expect(total.preview(limit: 1).json == #"{"n":41905}"#)
      #expect(
        try Ops.reduce("bag.count", ["split_every": .integer(fanIn)], tables).preview(limit: 1).json
          == #"{"count":319}"#)
    }
  }

  @Test func sumsKeepTheGivenOrderOrThatOfAppearance() throws {
    func table(_ names: [String]) -> Table {
      Table(names.map { ($0, Table.integers($0, [1]).columns[0]) })
    }
    let tables = [table(["b", "a"]), table(["c", "a"])]
    #expect(try Ops.reduce("bag.sum", [:], tables).preview(limit: 1).json == #"{"b":1,"a":2,"c":1}"#)
    #expect(
      try Ops.reduce("bag.sum", ["columns": .strings(["a"])], tables).preview(limit: 1).json == #"{"a":2}"#)
  }

  @Test func everyNumericTypeAddsUp() throws {
    var flags = BoolColumnBuilder()
    var reals = FixedColumnBuilder<Double>()
    var bytes = FixedColumnBuilder<Int8>()
    for row in 0..<300 {
      flags.append(row % 2 == 0)
      reals.append(0.5)
      bytes.append(100)
    }
    let table = Table([("f", flags.finish()), ("r", reals.finish()), ("b", bytes.finish())])
    #expect(try Ops.reduce("bag.sum", [:], [table]).preview(limit: 1).json == #"{"f":150,"r":150.0,"b":30000}"#)
  }

  @Test func aTotalThatOverflowsIsAnError() throws {
    for tables in [[Table.integers("n", [.max, 1])], [Table.integers("n", [.max]), Table.integers("n", [1])]] {
      let error = #expect(throws: TaskError.self) { try Ops.reduce("bag.sum", [:], tables) }
      #expect(error?.code == .tooLarge)
      #expect(error?.message.contains("\"n\"") == true)
    }
  }

  @Test func aListedColumnThatIsMissingNamesTheFile() throws {
    let op = try Ops.reduction("bag.sum", ["columns": .strings(["nn"])])
    let file = FileIdentity(path: "/data/part 1.json", byteCount: 1, modified: 1)
    let error = #expect(throws: TaskError.self) {
      try op.partial(
        Table.integers("n", [1]), partition: Partition(index: 0, label: "p", file: file), context: TestContext())
    }
    #expect(error?.code == .missingColumn)
    #expect(error?.file == "/data/part 1.json")
    #expect(throws: TaskError.self) { try Ops.reduce("bag.sum", ["columns": .strings(["t"])], [.strings("t", ["a"])]) }
  }

  @Test func distinctValuesComeSortedOnceWithoutNulls() throws {
    let tables = try [
      Table.lists("c", [["b", "a"], nil, ["a"]]), Table.lists("c", [[], ["ä", "B", ""]]), Table.lists("c", []),
    ]
    let found = try Ops.reduce("bag.distinct", ["column": .string("c"), "split_every": .integer(2)], tables)
    #expect(found.names == ["c"])
    #expect((0..<found.count).map { found.columns[0].string(at: $0) } == ["", "B", "a", "b", "ä"])
    let texts = try (0..<4).map { part in try Table.strings("t", (0..<1000).map { "value \(part * 500 + $0)" } + [nil])
    }
    #expect(try Ops.reduce("bag.distinct", ["column": .string("t")], texts).count == 2500)
  }

  @Test func `Columns of nulls of every type can be stored`() throws {
    let fields = [ColumnType.Field("a", .utf8), ColumnType.Field("b", .list(.int64))]
    for type in [ColumnType.int8, .bool, .timestamp, .utf8, .list(.structure(fields)), .structure(fields)] {
      let sink = MemorySink()
      try Table([("n", Column.nulls(of: type, count: 9))]).write(to: sink)
      let table = try Table(contentsOf: Buffer(sink.bytes))
      #expect(table.columns[0].type == type && table.columns[0].nullCount == 9)
      #expect(try Ops.jsonLines(table) == String(repeating: "{\"n\":null}\n", count: 9))
    }
  }

  /// A column that was dropped from a table read back from disk is not held by the others.
  @Test func `What is left of a table holds no memory of the rest`() throws {
    var random = SeededNumbers(11)
    for _ in 0..<20 {
      let table = try RandomTables.table(rows: 400, ids: 20, from: 0, using: &random)
      let file = MemorySink()
      try table.write(to: file)
      let read = try Table(contentsOf: Buffer(file.bytes))
      let roots = Set(read.columns.compactMap { $0.validity ?? $0.firstBuffer }.map { ObjectIdentifier($0.root) })
      #expect(roots.count == 1 && read.compacted().columns[0].firstBuffer?.root === read.columns[0].firstBuffer?.root)
      let one = Table([(read.names[0], read.columns[0])])
      let compacted = one.compacted()
      #expect(try Ops.jsonLines(compacted) == Ops.jsonLines(one) && compacted.byteCount == one.byteCount)
      if one.byteCount * 5 / 4 + 4096 < file.bytes.count {
        #expect(compacted.columns[0].firstBuffer?.root !== read.columns[0].firstBuffer?.root)
      }
    }
  }
}

extension Column {
  fileprivate var firstBuffer: Buffer? {
    switch storage {
    case .fixed(let values): values
    case .strings(let offsets, _), .lists(let offsets, _): offsets
    default: nil
    }
  }
}
