import Graph
import Testing

@testable import Tasks

@Suite struct FilterTests {
  /// One of each type, with a null in the last row.
  private static func sample() throws -> Table {
    var whole = FixedColumnBuilder<Int64>()
    for value in [Int64.min, -1, 0, 1 << 53, (1 << 53) + 1, .max] { whole.append(value) }
    whole.appendNull()
    var small = FixedColumnBuilder<Int8>()
    for value in [Int8.min, -1, 0, 1, 2, .max] { small.append(value) }
    small.appendNull()
    var real = FixedColumnBuilder<Double>()
    for value in [-Double.infinity, -0.0, 0, 0x1p53, .infinity, .nan] { real.append(value) }
    real.appendNull()
    var text = StringColumnBuilder()
    for value in ["", "a", "B", "é", "日本", "a%b"] { try text.append(value) }
    try text.appendNull()
    var flag = BoolColumnBuilder()
    for value in [true, false, true, false, true, false] { flag.append(value) }
    flag.appendNull()
    var day = FixedColumnBuilder<Int32>.dates()
    for value in [-719_528, -1, 0, 1, 19_753, Int32.max] { day.append(value) }
    day.appendNull()
    var time = FixedColumnBuilder<Int64>.timestamps()
    for value in [Int64.min, -1, 0, 86_400_000_000, 86_400_000_001, .max] { time.append(value) }
    time.appendNull()
    return Table([
      ("whole", whole.finish()), ("small", small.finish()), ("real", real.finish()), ("text", text.finish()),
      ("flag", flag.finish()), ("day", day.finish()), ("time", time.finish()), ("odd name", try Self.rows()),
    ])
  }

  private static func rows() throws -> Column {
    var column = FixedColumnBuilder<Int32>()
    for row in 0..<7 { column.append(Int32(row)) }
    return column.finish()
  }

  private func kept(_ condition: String) throws -> [Int64] {
    let table = try Ops.apply("table.filter", ["where": .string(condition)], to: Self.sample())
    return (0..<table.count).map { table["odd name"]!.integer(at: $0)! }
  }

  @Test(
    arguments: [
      ("whole < 0", [0, 1]), ("whole = 9007199254740993", [4]), ("whole > 9007199254740992.0", [4, 5]),
      ("whole <> 0", [0, 1, 3, 4, 5]), ("whole >= 9.3e18", []), ("whole < 9.3e18", [0, 1, 2, 3, 4, 5]),
      ("whole < nan", [0, 1, 2, 3, 4, 5]), ("whole = -9223372036854775808", [0]), ("0.5 < small", [3, 4, 5]),
      ("small <= -0.5", [0, 1]), ("small = 0.5", []), ("small != 0.5", [0, 1, 2, 3, 4, 5]), ("small > 1000", []),
      ("real = 0", [1, 2]), ("real = nan", [5]), ("real > inf", [5]), ("real >= -inf", [0, 1, 2, 3, 4, 5]),
      ("real < 9007199254740993", [0, 1, 2, 3]), ("real >= 9007199254740993", [4, 5]),
      ("real != nan", [0, 1, 2, 3, 4]),
      ("whole = real", [2, 3]), ("whole < real", [1, 4, 5]), ("real = whole", [2, 3]),
      ("text = ''", [0]), ("text < 'a'", [0, 2]), ("text >= 'é'", [3, 4]), ("text like '_'", [1, 2, 3]),
      ("text like '%'", [0, 1, 2, 3, 4, 5]), ("text like '__'", [4]), ("text like 'a\\%_' escape '\\'", [5]),
      ("text not like 'a%'", [0, 2, 3, 4]), ("text matches '^[a-z]'", [1, 5]), ("text matches '(?i)^É$'", [3]),
      ("not text matches 'a'", [0, 2, 3, 4]), ("flag", [0, 2, 4]), ("not flag", [1, 3, 5]), ("flag = true", [0, 2, 4]),
      ("flag is null", [6]), ("flag is not null and flag", [0, 2, 4]), ("(flag and whole > 0) is null", [6]),
      ("day < '1970-01-01'", [0, 1]), ("day = date '2024-01-31'", [4]),
      ("day < timestamp '1970-01-01 00:00:01'", [0, 1, 2]),
      ("day = '1970-01-02 12:00:00'", []), ("time >= date '1970-01-02'", [3, 4, 5]), ("time = '1970-01-02'", [3]),
      ("time < '1970-01-01'", [0, 1]), ("day = time", [2, 3]), ("day > time", [0, 4, 5]),
      ("text in ('a', 'B', 'x')", [1, 2]), ("text not in ('a', 'B')", [0, 3, 4, 5]), ("text in ('a', null)", [1]),
      ("text not in ('a', null)", []), ("small in (1, 2.0, 2.5, 300)", [3, 4]), ("real in (nan, 0)", [1, 2, 5]),
      ("day in ('1970-01-01', '1970-01-02')", [2, 3]), ("small between -1 and 1", [1, 2, 3]),
      ("small not between -1 and 1", [0, 4, 5]), ("whole between small and real", [1, 2, 3, 4, 5]),
      ("small = null", []), ("null", []), ("true", [0, 1, 2, 3, 4, 5, 6]), ("not (small = 1 or null)", []),
      ("small = 1 or true", [0, 1, 2, 3, 4, 5, 6]), ("small < 0 or whole is null", [0, 1, 6]),
      ("small < 0 and flag or text = 'B'", [0, 2]), ("\"odd name\" in (2, 3)", [2, 3]),
      ("`odd name` == 2", [2]), ("NOT small <> 1 AND flag IS NOT NULL", [3]), ("not not small = 1", [3]),
    ] as [(String, [Int64])])
  func aConditionKeepsTheRecordsItIsTrueFor(condition: String, rows: [Int64]) throws {
    #expect(try kept(condition) == rows, "\(condition)")
  }

  @Test(arguments: [
    ("", "there is no condition"), ("amount >", "(column 9, at the end)"),
    ("amount > 0 and nd name = 3", "here \"and\", \"or\" or the end should stand (column 19, at \"name = 3\")"),
    ("page in ('/a', '/b'", "here \",\" or \")\" should stand (column 20, at the end)"),
    ("page = 'a", "the text that begins here is not closed (column 8"), ("a + 1 > 2", "(column 3, at \"+ 1 > 2\")"),
    ("a > 1 < 3", "comparisons are joined by \"and\" or \"or\" (column 7"), ("1 = 1", "one side has to be a column"),
    ("(a > 1) = (b > 2)", "a condition cannot be compared"),
    ("a matches '('", "regular expression is wrong at its character 2"),
    ("lower(a) = 'x'", "no functions here; use the op sql"), ("a in (b)", "a list holds values, not columns"),
    ("a in (1, 'x')", "the list begins with a number, and this is a text (column 10"), ("a * 2 = 3", "use the op sql"),
    ("a = 9223372036854775808", "more than 64 bits hold"), ("a = date '2024-02-30'", "is no date"),
    ("a like 'x!y' escape '!'", "stands before %"), ("a > 'x'\n and b ~ 3", "(line 2, column 8"),
    ("'x'", "a text alone is no condition"), ("a.b = 1", "stands in quotes"),
    ("in = 3", "a column called in stands in quotes"),
    (String(repeating: "(", count: 5000) + "a", "more than 100 conditions"),
  ])
  func aMistakeIsAnsweredWithItsPlace(condition: String, words: String) throws {
    let error = #expect(throws: ParameterError.self) {
      try Ops.partition("table.filter", ["where": .string(condition)])
    }
    #expect(error?.parameter == "where")
    #expect(error?.message.contains(words) == true, "\(condition): \(error?.message ?? "")")
  }

  @Test(arguments: [
    ("smal = 1", "did you mean \"small\"?"), ("text = 1", "column \"text\" holds string, and 1 is a number; cast"),
    ("small = 'x'", "column \"small\" holds int8, and 'x' is a text"), ("text", "alone it is no condition"),
    ("flag = 1", "holds bool: compare it with true or false"), ("day = 'soon'", "is none; write it as '2024-01-31'"),
    ("text = whole", "make them one type with table.cast"), ("whole like 'a'", "takes strings; cast"),
  ])
  func typesThatDoNotFitAreNamed(condition: String, words: String) throws {
    let error = #expect(throws: TaskError.self) { try kept(condition) }
    #expect(error?.message.contains(words) == true, "\(condition): \(error?.message ?? "")")
  }

  @Test func aColumnThatIsNullThroughoutHasAnyType() throws {
    let table = Table([("a", Column.nulls(of: .utf8, count: 70))])
    for condition in ["a > 1", "a = true", "a in (1)", "a = a", "a like '%'"] {
      #expect(try Ops.apply("table.filter", ["where": .string(condition)], to: table).count == 0)
      #expect(try Ops.apply("table.filter", ["where": .string("(\(condition)) is null")], to: table).count == 70)
    }
  }

  @Test func aPatternThatTakesTooManyStepsIsAnError() throws {
    var text = StringColumnBuilder()
    try text.append(String(repeating: "a", count: 60) + "!")
    let table = Table([("t", text.finish())])
    let error = #expect(throws: TaskError.self) {
      try Ops.apply("table.filter", ["where": .string("t matches '^(a+)+$'")], to: table)
    }
    #expect(error?.message.contains("make it simpler") == true)
  }

  @Test func allConditionsOfRandomTablesAreOneThreeValuedLogic() throws {
    var random = SeededNumbers(11)
    for rows in [0, 1, 63, 64, 65, 1000] {
      let table = try RandomTables.table(rows: rows, ids: 20, from: 0, using: &random)
      for condition in [
        "tiny > 3", "real <= 1.5", "flag", "text like '%a%'", "large in (0, 1099511627776)", "text is null",
      ] {
        func count(_ condition: String) throws -> Int {
          try Ops.apply("table.filter", ["where": .string(condition)], to: table).count
        }
        let parts = try count(condition) + count("not (\(condition))") + count("(\(condition)) is null")
        #expect(parts == rows, "\(condition)")
        #expect(
          try count("\(condition) and tiny is not null") + count("\(condition) and tiny is null") == count(condition))
      }
    }
  }
}
