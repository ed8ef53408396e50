import Graph
import Testing

@testable import Tasks

@Suite struct TableOpsTests {
  private func texts(_ name: String, _ values: [String?]) throws -> Table { try Table.strings(name, values) }

  private func cast(_ table: Table, _ types: [String: String], onError: String = "fail") throws -> Table {
    try Ops.apply("table.cast", ["columns": .map(types), "on_error": .string(onError)], to: table)
  }

  @Test func columnsAreRenamedAtOnceSoThatTwoMaySwap() throws {
    let table = Table.integers("a", [1]).appendingColumn("b", [2]).appendingColumn("c", [3])
    let named = try Ops.apply("table.rename", ["columns": .map(["a": "b", "b": "a"])], to: table)
    #expect(named.names == ["b", "a", "c"])
    #expect(try Ops.jsonLines(named) == "{\"b\":1,\"a\":2,\"c\":3}\n")
    let clash = #expect(throws: TaskError.self) {
      try Ops.apply("table.rename", ["columns": .map(["a": "c"])], to: table)
    }
    #expect(clash?.message.contains("two columns would be called \"c\"") == true)
    let missing = #expect(throws: TaskError.self) {
      try Ops.apply("table.rename", ["columns": .map(["aa": "x"])], to: table)
    }
    #expect(missing?.message.contains("did you mean \"a\"?") == true)
    #expect(throws: ParameterError.self) { try Ops.partition("table.rename", ["columns": .map(["a": "x", "b": "x"])]) }
  }

  @Test(
    arguments: [
      ("int8", ["-128", "127", "+5"], ["-128", "127", "5"]),
      ("int64", ["-9223372036854775808", "9223372036854775807"], nil),
      ("float64", ["1e3", ".5", "-0", "1e-400", "0.1", "123456789012345678"], nil),
      ("bool", ["true", "FALSE"], ["true", "false"]), ("date", ["2024-02-29", "1969-12-31"], nil),
      ("timestamp", ["2024-02-29 12:30:00.25", "1969-12-31 23:59:59"], nil),
    ] as [(String, [String], [String]?)])
  func textIsParsedAndWrittenAgain(type: String, texts values: [String], json: [String]?) throws {
    let typed = try cast(texts("a", values + [nil]), ["a": type])
    #expect(typed["a"]?.type.description == type)
    #expect(typed["a"]?.nullCount == 1)
    if let json { #expect(try Ops.jsonLines(typed) == json.map { "{\"a\":\($0)}\n" }.joined() + "{\"a\":null}\n") }
    let back = try cast(typed, ["a": "string"])
    #expect(try Ops.jsonLines(cast(back, ["a": type])) == Ops.jsonLines(typed))
    if type.hasPrefix("date") || type.hasPrefix("time") || type == "int64" {
      #expect((0..<values.count).map { back["a"]!.string(at: $0) } == values)
    }
  }

  @Test(arguments: [
    ("int8", "128"), ("int64", "9223372036854775808"), ("int64", "1.5"), ("int64", ""), ("int64", " 1"), ("int64", "-"),
    ("float64", "1,5"), ("float64", "1e"), ("float64", "."), ("float32", "1e39"), ("bool", "yes"),
    ("date", "2023-02-29"),
    ("date", "2024-1-1"), ("timestamp", "2024-01-01 24:00:00"), ("timestamp", "2024-01-01x"),
  ])
  func whatDoesNotCastIsAnsweredAsAsked(type: String, text: String) throws {
    let table = try texts("a", [nil, text])
    let error = #expect(throws: TaskError.self) { try cast(table, ["a": type]) }
    #expect(error?.code == .badRecord)
    #expect(error?.record == "2 of partition 0")
    #expect(error?.message.contains("column \"a\" holds \(jsonQuoted(text)), which is no ") == true)
    #expect(error?.message.contains("on_error: null") == true)
    #expect(try cast(table, ["a": type], onError: "null")["a"]?.nullCount == 2)
    let context = TestContext()
    let op = try Ops.partition("table.cast", ["columns": .map(["a": type]), "on_error": .string("skip")])
    let kept = try Table.from(op.apply([table], partition: Partition(index: 0, label: "x"), context: context))
    #expect(kept.count == 1)
    #expect(context.rejects.map(\.record) == ["2 of partition 0"])
    #expect(context.rejects[0].text == "{\"a\":\(jsonQuoted(text))}")
  }

  @Test func numbersCastWhereTheirValueStaysTheSame() throws {
    var real = FixedColumnBuilder<Double>()
    for value in [0, -0.0, 1, 1.5, 300, .nan, .infinity, 0x1p63] { real.append(value) }
    let table = Table([("a", real.finish())])
    func nulls(_ type: String) throws -> [Int] {
      let column = try cast(table, ["a": type], onError: "null")["a"]!
      return (0..<column.count).filter(column.isNull)
    }
    #expect(try nulls("int8") == [3, 4, 5, 6, 7])
    #expect(try nulls("int64") == [3, 5, 6, 7])
    #expect(try nulls("bool") == [3, 4, 5, 6, 7])
    #expect(try nulls("float32") == [])
    #expect(try cast(cast(table, ["a": "string"]), ["a": "float64"])["a"]?.number(at: 6) == .infinity)
    let error = #expect(throws: TaskError.self) { try cast(table, ["a": "date"]) }
    #expect(error?.message.contains("holds float64, which cannot become date") == true)
    #expect(throws: ParameterError.self) { try Ops.partition("table.cast", ["columns": .map(["a": "integer"])]) }
  }

  @Test func datesAndTimestampsCastIntoEachOther() throws {
    let days = try cast(texts("a", ["2024-01-31", "-300000-12-31", "+290000-01-01"]), ["a": "date"])
    let times = try cast(days, ["a": "timestamp"], onError: "null")
    #expect(times["a"]?.calendarText(at: 0) == "2024-01-31 00:00:00")
    #expect(times["a"]?.isNull(1) == true)
    let before = try cast(texts("a", ["1969-12-31 23:59:59.999999"]), ["a": "timestamp"])
    #expect(try cast(before, ["a": "date"])["a"]?.calendarText(at: 0) == "1969-12-31")
  }

  @Test func aSampleDependsOnSeedAndPartitionAlone() throws {
    let table = Table.integers("a", (0..<10_000).map { Int64($0) })
    func sample(_ fraction: Double, _ seed: Int, _ partition: Int) throws -> [Int64] {
      let op = try Ops.partition("table.sample", ["fraction": .number(fraction), "seed": .integer(seed)])
      #expect(op.dependsOnIndex)
      let taken = try Table.from(
        op.apply([table], partition: Partition(index: partition, label: "x"), context: TestContext()))
      return (0..<taken.count).map { taken.columns[0].integer(at: $0)! }
    }
    let tenth = try sample(0.1, 1, 0)
    #expect((850...1150).contains(tenth.count))
    #expect(tenth == tenth.sorted())
    #expect(try sample(0.1, 1, 0) == tenth)
    #expect(try sample(0.1, 2, 0) != tenth && sample(0.1, 1, 1) != tenth)
    #expect(try sample(0, 1, 0).isEmpty && sample(1, 1, 0).count == 10_000)
    #expect(throws: ParameterError.self) { try Ops.partition("table.sample", ["fraction": .number(1.5)]) }
  }

  @Test func theFirstRecordsAreTakenOverPartitionsInOrder() throws {
    let tables = (0..<20).map { part in Table.integers("a", (0..<(part % 4)).map { Int64(part * 10 + $0) }) }
    let all = tables.flatMap { table in (0..<table.count).map { table.columns[0].integer(at: $0)! } }
    for count in [0, 1, 2, 5, 29, 30, 100] {
      for fanIn in [2, 3, 8] {
        let taken = try Ops.reduce("table.take", ["count": .integer(count), "split_every": .integer(fanIn)], tables)
        #expect((0..<taken.count).map { taken.columns[0].integer(at: $0)! } == Array(all.prefix(count)))
        #expect(taken.names == ["a"])
      }
    }
    #expect(try Ops.reduction("table.take", ["count": .integer(3), "partitions": .integer(2)]).leadingPartitions == 2)
  }

  @Test func typesThatDifferAreMadeOneWhereThatLosesNothing() throws {
    let whole = Table.integers("a", [1, 2])
    let real = Table([("a", try cast(texts("a", ["1.5"]), ["a": "float64"]).columns[0])])
    let nothing = try texts("a", [nil])
    let union = try TableUnion.joined([nothing, whole, real]) { "part \($0)" }
    #expect(union["a"]?.type == .float64)
    #expect(try Ops.jsonLines(union) == "{\"a\":null}\n{\"a\":1.0}\n{\"a\":2.0}\n{\"a\":1.5}\n")
    let large = #expect(throws: TaskError.self) {
      try TableUnion.joined([Table.integers("a", [(1 << 53) + 1]), real]) { "part \($0)" }
    }
    #expect(large?.message.contains("does not hold 9007199254740993 in part 0 exactly") == true)
    let error = #expect(throws: TaskError.self) {
      try TableUnion.joined([whole, texts("a", ["x"])]) { "part \($0)" }
    }
    #expect(error?.message.contains("column \"a\" holds int64 in part 0 and string in part 1") == true)
    let missing = #expect(throws: TaskError.self) {
      try TableUnion.joined([whole, Table.integers("b", [1])]) { "part \($0)" }
    }
    #expect(missing?.message.contains("part 1 has no column \"a\", which part 0 has") == true)
  }

  @Test func bagsAreMatchedByNameAndByWhatTheirFirstPartitionsSay() throws {
    func concat(_ missing: String, _ firsts: [Table], _ member: Table) throws -> Table {
      let op = try Ops.regroup("table.concat", ["missing": .string(missing)])
      let agreement = try op.agreement(on: firsts, context: TestContext())
      return try Table.from(
        op.regroup(
          [member], as: PartitionGroup(bag: 0, members: 0..<1), agreement: agreement,
          partition: Partition(index: 0, label: "x"), context: TestContext()))
    }
    let (whole, real) = (Table.integers("a", [1]), try cast(texts("a", ["1.5"]), ["a": "float64"]))
    #expect(try concat("fail", [whole, real], whole)["a"]?.type == .float64)
    // A column that holds nothing at first has the type it turns out to have.
    #expect(try concat("fail", [texts("a", [nil])], whole)["a"]?.type == .int64)
    let both = Table.integers("b", [7]).appendingColumn("a", [2])
    #expect(try Ops.jsonLines(concat("null", [whole, both], both)) == "{\"a\":2,\"b\":7}\n")
    #expect(try Ops.jsonLines(concat("null", [whole, both], whole)) == "{\"a\":1,\"b\":null}\n")
    func message(_ missing: String, _ firsts: [Table], _ member: Table) -> String {
      do {
        return try concat(missing, firsts, member).names.joined()
      } catch {
        return "\(error)"
      }
    }
    #expect(
      message("fail", [whole, both], whole)
        == "input0 has no column \"b\", which input1 has; select those that all have, or name the columns where the files "
        + "are read; or let missing: null fill it")
    #expect(message("null", [whole], both).contains("input1 has a column \"b\", which no bag's first partition has"))
    #expect(message("fail", [both], whole).contains("input1 has no column \"b\""))
    #expect(
      try message("fail", [whole, texts("a", ["x"])], whole).contains("holds int64 in input0 and string in input1"))
  }

  @Test func partsOfARepartitionAreAllRecordsInOrder() throws {
    for (count, wanted) in [(1, 1), (1, 5), (3, 7), (7, 3), (10, 10), (2, 1000)] {
      let plan = RegroupPlan.repartitioned(count, into: wanted)
      #expect(plan.groups.count == wanted && plan.partitions.count == wanted)
      var rows: [Int] = []
      for group in plan.groups {
        #expect(!group.members.isEmpty)
        for member in group.members where group.members.count > 1 || group.pieceCount == 1 {
          rows += (0..<13).map { member * 13 + $0 }
        }
        if group.pieceCount > 1 { rows += group.rows(of: 13).map { group.members.lowerBound * 13 + $0 } }
      }
      #expect(rows == Array(0..<(count * 13)), "\(count) into \(wanted)")
    }
  }
}

extension Table {
  fileprivate func appendingColumn(_ name: String, _ values: [Int64?]) -> Table {
    let other = Table.integers(name, values)
    return Table(names: names + [name], columns: columns + other.columns, count: count)
  }
}
