import Graph
import Testing

@testable import Tasks

@Suite struct OneHotTests {
  private let lists: [[String]?] = [["b", "a"], [], nil, ["a", "a"], ["é", "Z"]]

  private func encode(_ values: [String: ParameterValue]) throws -> Table {
    try Ops.apply(
      "text.oneHot", ["column": .string("c"), "keep": .boolean(false)].merging(values) { $1 },
      to: Table.lists("c", lists))
  }

  @Test func presentCategoriesComeSortedByCodePointThenTheListedOnesThatAreAbsent() throws {
    let table = try encode(["categories": .strings(["q", "b", "p"])])
    #expect(table.names == ["Z", "a", "b", "é", "q", "p"])
    #expect(
      try Ops.jsonLines(table) == """
        {"Z":0,"a":1,"b":1,"é":0,"q":0,"p":0}
        {"Z":0,"a":0,"b":0,"é":0,"q":0,"p":0}
        {"Z":0,"a":0,"b":0,"é":0,"q":0,"p":0}
        {"Z":0,"a":1,"b":0,"é":0,"q":0,"p":0}
        {"Z":1,"a":0,"b":0,"é":1,"q":0,"p":0}

        """)
  }

  @Test func aColumnOfPlainStringsIsEncodedToo() throws {
    let table = try Ops.apply("text.oneHot", ["column": .string("c")], to: Table.strings("c", ["x", nil, "y", "x"]))
    #expect(table.names == ["c", "x", "y"])
    #expect((0..<4).map { try? table.column("x").integer(at: $0) } == [1, 0, 0, 1])
  }

  @Test func fixedColumnsAreExactlyTheListed() throws {
    let table = try encode(["categories": .strings(["é", "b", "q", "a", "Z"]), "columns": .string("fixed")])
    #expect(table.names == ["é", "b", "q", "a", "Z"])
  }

  @Test func anUnknownCategoryUnderFixedColumnsNamesRecordAndRemedy() throws {
    let values: [String: ParameterValue] = [
      "column": .string("c"), "categories": .strings(["alpha"]), "columns": .string("fixed"),
    ]
    let byRow = #expect(throws: TaskError.self) {
      try Ops.apply("text.oneHot", values, to: Table.strings("c", ["alpha", "alhpa"]))
    }
    #expect(byRow?.record == "row 2")
    #expect(byRow?.message.contains("did you mean \"alpha\"?") == true)
    #expect(byRow?.message.contains("other: true") == true)

    let op = try Ops.partition("text.oneHot", values)
    let file = FileIdentity(path: "/data/x.json", byteCount: 1, modified: 1)
    let table = Table([
      ("id", try Table.strings("id", ["0704.1", "0704.2"]).column("id")),
      ("c", try Table.strings("c", ["alpha", "gamma"]).column("c")),
    ])
    let byId = #expect(throws: TaskError.self) {
      try op.apply([table], partition: Partition(index: 0, label: "x", file: file), context: TestContext())
    }
    #expect(byId?.description.hasPrefix("/data/x.json: record 0704.2: \"gamma\" in column \"c\"") == true)
  }

  @Test func otherCountsCategoriesOutsideTheList() throws {
    let table = try encode(["categories": .strings(["a"]), "columns": .string("fixed"), "other": .boolean(true)])
    #expect(table.names == ["a", "other"])
    #expect((0..<5).map { try? table.column("other").integer(at: $0) } == [1, 0, 0, 0, 1])
  }

  @Test func aNameThatIsTakenIsAnError() throws {
    let table = Table([
      ("c", try Table.strings("c", ["id"]).column("c")), ("id", try Table.strings("id", ["1"]).column("id")),
    ])
    let error = #expect(throws: TaskError.self) { try Ops.apply("text.oneHot", ["column": .string("c")], to: table) }
    #expect(error?.message.contains("\"id\" would take the name") == true)
  }

  @Test func categoriesAreComparedByTheirBytes() throws {
    let forms = ["caf\u{E9}", "cafe\u{301}"]
    let table = try Table.strings("c", forms)
    let present = try Ops.apply("text.oneHot", ["column": .string("c"), "keep": .boolean(false)], to: table)
    #expect(present.names.count == 2)
    #expect(present[forms[0]]?.integer(at: 0) == 1)
    #expect(present[forms[0]]?.integer(at: 1) == 0)
    let fixed: [String: ParameterValue] = [
      "column": .string("c"), "categories": .strings([forms[0]]), "columns": .string("fixed"),
    ]
    #expect(throws: TaskError.self) { try Ops.apply("text.oneHot", fixed, to: table) }
    #expect(try Ops.apply("text.oneHot", fixed, to: table, Table.strings("more", forms)).names.count == 3)
  }

  @Test func aSecondInputListsMoreCategories() throws {
    let first = try Table.strings("c", ["x", "y"])
    let second = try Table.strings("c", ["z", "y"])
    let all = try Ops.reduce("bag.distinct", ["column": .string("c")], [first, second])
    for table in [first, second] {
      let encoded = try Ops.apply(
        "text.oneHot", ["column": .string("c"), "columns": .string("fixed"), "keep": .boolean(false)], to: table, all)
      #expect(encoded.names == ["x", "y", "z"])
    }
  }

  @Test func parametersThatContradictEachOtherAreRefused() {
    #expect(throws: ParameterError.self) { try encode(["other": .boolean(true)]) }
    #expect(throws: ParameterError.self) { try encode(["categories": .strings(["a", "a"])]) }
    #expect(throws: ParameterError.self) {
      try encode(["categories": .strings(["other"]), "columns": .string("fixed"), "other": .boolean(true)])
    }
  }

  @Test func aMissingColumnNamesTheNearestAndAll() throws {
    let error = #expect(throws: TaskError.self) {
      try Ops.apply("text.oneHot", ["column": .string("category")], to: Table.strings("categoyr", ["a"]))
    }
    #expect(error?.code == .missingColumn)
    #expect(error?.message == "there is no column \"category\"; did you mean \"categoyr\"? (there are categoyr)")
  }

  @Test func tooManyCategoriesAreRefused() throws {
    let error = #expect(throws: TaskError.self) {
      try Ops.apply("text.oneHot", ["column": .string("c")], to: Table.strings("c", (0..<5000).map { "v\($0)" }))
    }
    #expect(error?.code == .tooLarge)
  }
}
