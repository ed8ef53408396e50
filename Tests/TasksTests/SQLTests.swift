import Graph
import Testing

@testable import Tasks

@Suite struct SQLTests {
  private func sql(_ query: String, _ tables: Table...) throws -> Table {
    let op = try Ops.partition("sql", ["query": .string(query)])
    return try Table.from(op.apply(tables, partition: Partition(index: 0, label: "x"), context: TestContext()))
  }

  private func json(_ query: String, _ tables: Table...) throws -> String {
    let op = try Ops.partition("sql", ["query": .string(query)])
    return try Ops.jsonLines(
      Table.from(op.apply(tables, partition: Partition(index: 0, label: "x"), context: TestContext())))
  }

  @Test func aColumnThatIsSelectedAsItIsKeepsItsTypeAndValues() throws {
    var random = SeededNumbers(5)
    for rows in [0, 1, 500] {
      let table = try RandomTables.table(rows: rows, ids: 30, from: 0, using: &random)
      let days = try Ops.apply("table.cast", ["columns": .map(["row": "string"])], to: table)
      let back = try sql("SELECT row, tiny, small, large, real, flag, text FROM input", table)
      let wanted = try table.selecting(["row", "tiny", "small", "large", "real", "flag", "text"])
      #expect(back.columns.map(\.type) == wanted.columns.map(\.type))
      #expect(try Ops.jsonLines(back) == Ops.jsonLines(wanted))
      #expect(try sql("SELECT row FROM input", days)["row"]?.type == .utf8)
    }
  }

  @Test func datesAreTextInTheQueryAndDatesAgainBehindIt() throws {
    var day = FixedColumnBuilder<Int32>.dates()
    var time = FixedColumnBuilder<Int64>.timestamps()
    for value in [0, 19_753] {
      day.append(Int32(value))
      time.append(Int64(value) * 86_400_000_000 + 1_500_000)
    }
    let table = Table([("day", day.finish()), ("time", time.finish())])
    let result = try sql(
      "SELECT day, time, strftime('%Y', day) AS year, day || '' AS text FROM input ORDER BY day DESC", table)
    #expect(result.columns.map(\.type) == [.date, .timestamp, .utf8, .utf8])
    #expect(result["time"]?.calendarText(at: 0) == "2024-01-31 00:00:01.5")
    #expect(result["year"]?.string(at: 0) == "2024")
    #expect(
      try sql("SELECT max(day) AS d FROM input WHERE day < '2000-01-01'", table)["d"]?.string(at: 0) == "1970-01-01")
  }

  @Test func typesComeFromValues() throws {
    let table = Table.integers("a", [1, 2, 3])
    #expect(
      try json("SELECT sum(a) AS s, avg(a) AS m, count(*) AS n FROM input", table) == "{\"s\":6,\"m\":2.0,\"n\":3}\n")
    #expect(
      try sql("SELECT CASE a WHEN 1 THEN NULL WHEN 2 THEN 2 ELSE 2.5 END AS x FROM input", table)["x"]?.type == .float64
    )
    #expect(try sql("SELECT NULL AS x FROM input", table)["x"]?.type == .utf8)
    #expect(try sql("SELECT a FROM input UNION ALL SELECT 0.5", table)["a"]?.type == .float64)
    let mixed = #expect(throws: TaskError.self) {
      try sql("SELECT CASE a WHEN 1 THEN 'one' ELSE a END AS x FROM input", table)
    }
    #expect(mixed?.message.contains("column \"x\" of the result holds texts and numbers") == true)
    #expect(throws: TaskError.self) { try sql("SELECT x'00' AS b FROM input", table) }
    let twice = #expect(throws: TaskError.self) { try sql("SELECT a, a FROM input", table) }
    #expect(twice?.message.contains("give one another name with AS") == true)
  }

  @Test func tablesAreCalledAsTheirTasks() throws {
    let (one, two) = (Table.integers("id", [3, 1, 2, 2]), Table.integers("id", [2, 3, 3]))
    let query =
      "SELECT input0.id AS id, count(*) AS n FROM input0 JOIN input1 ON input0.id = input1.id GROUP BY 1 ORDER BY 1"
    #expect(try json(query, one, two) == "{\"id\":2,\"n\":2}\n{\"id\":3,\"n\":2}\n")
    let error = #expect(throws: TaskError.self) { try sql("SELECT * FROM inptu", one) }
    #expect(error?.message.contains("did you mean \"input\"?") == true)
  }

  /// Without an index of ours this would take minutes.
  @Test func aJoinOfLargeTablesFindsRowsByTheirValue() throws {
    let count = 60_000
    let left = Table.integers("id", (0..<count).map { Int64($0 * 7919 % count) })
    var text = StringColumnBuilder()
    var real = FixedColumnBuilder<Double>()
    for row in 0..<count {
      try text.append("key \(row)")
      real.append(row == 0 ? -0.0 : Double(row))
    }
    let right = Table([("key", text.finish()), ("number", real.finish())])
    for condition in ["input1.key = 'key ' || input0.id", "input1.number = input0.id"] {
      let found = try sql(
        "SELECT count(*) AS n, sum(input1.number) AS s FROM input0 JOIN input1 ON \(condition)", left, right)
      #expect(found["n"]?.integer(at: 0) == Int64(count))
      #expect(found["s"]?.number(at: 0) == Double(count) * Double(count - 1) / 2)
    }
  }

  @Test func equalityIsSQLitesWhateverTheTypes() throws {
    let table = Table.integers("a", [1, 2, (1 << 53), (1 << 53) + 1])
    for round in 0..<3 {
      // The same look-up again and again uses an index from the second on.
      let query = """
        SELECT (SELECT count(*) FROM input i WHERE i.a = '2') + (SELECT count(*) FROM input i WHERE i.a = o.a) AS n,
          (SELECT count(*) FROM input i WHERE i.a = 2.0) AS m, (SELECT count(*) FROM input i WHERE i.a = NULL) AS z FROM input o
        """
      #expect(try json(query, table) == String(repeating: "{\"n\":2,\"m\":1,\"z\":0}\n", count: 4), "\(round)")
    }
  }

  @Test(arguments: [
    ("SELEC 1", "a query is one SELECT, and this begins with SELEC (column 1"), ("", "there is no query"),
    ("SELECT a FROM input WHERE", "incomplete input"),
    ("SELECT a,\n  FROM input", "near \"FROM\": syntax error (line 2, column 3"),
    ("SELECT 1; SELECT 2", "a second begins here (column 11"), ("DELETE FROM input", "begins with DELETE"),
    ("PRAGMA table_info(input)", "begins with PRAGMA"), ("ATTACH 'x' AS y", "begins with ATTACH"),
    ("SELECT random()", "table.sample"), ("SELECT nosuch(1)", "no such function: nosuch"),
    ("SELECT load_extension('x')", "may not load extensions"), ("SELECT 'open", "unrecognized token"),
    ("WITH x AS (SELECT 1) INSERT INTO y SELECT 1", "no SELECT"),
  ])
  func whatCanBeSaidWithoutTablesIsSaidBeforeTheRun(query: String, words: String) throws {
    do {
      _ = try Ops.partition("sql", ["query": .string(query)])
      // Some mistakes show only where there are tables.
      let error = #expect(throws: TaskError.self) { try sql(query, Table.integers("a", [1])) }
      #expect(words == "no SELECT" && error != nil)
    } catch let error as ParameterError {
      #expect(error.parameter == "query")
      #expect(error.message.contains(words), "\(query): \(error.message)")
    }
  }

  @Test(arguments: [
    ("SELECT amout FROM input", "did you mean \"amount\"? (there are amount) (column 8, at \"amout FROM input\")"),
    ("SELECT \"amout\" FROM input", "did you mean \"amount\"?"),
    ("SELECT datetime('now') AS t FROM input", "asks for the time of day"),
    ("SELECT current_timestamp AS t FROM input", "asks for the time of day"),
    ("SELECT * FROM pragma_table_info('input')", "may only read"),
    ("SELECT json(amount || '{') AS j FROM input", "malformed JSON"),
  ])
  func whatIsWrongWithTablesIsSaidWithItsPlace(query: String, words: String) throws {
    let error = #expect(throws: TaskError.self) { try sql(query, Table.integers("amount", [1])) }
    #expect(error?.message.contains(words) == true, "\(query): \(error?.message ?? "")")
  }

  @Test func aQueryWithoutEndIsStoppedWhenItTakesTooMuch() throws {
    let op = try Ops.partition(
      "sql",
      [
        "query": .string(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, hex(zeroblob(500)) AS t FROM n")
      ])
    let error = #expect(throws: TaskError.self) {
      try op.apply(
        [Table.integers("a", [1])], partition: Partition(index: 0, label: "x"),
        context: TestContext(memoryLimit: 8 << 20))
    }
    #expect(error?.code == .tooLarge)
  }

  @Test func columnsThatDifferInCapitalsAreNamed() throws {
    let table = Table([("A", Table.integers("", [1]).columns[0]), ("a", Table.integers("", [2]).columns[0])])
    let error = #expect(throws: TaskError.self) { try sql("SELECT 1 AS x FROM input", table) }
    #expect(error?.message.contains("columns \"A\" and \"a\", which SQL takes for one") == true)
  }

  @Test func recordsWithoutColumnsAndOddNamesCountToo() throws {
    #expect(try json("SELECT count(*) AS n FROM input", Table.integers("a", [1, 2]).selecting([])) == "{\"n\":2}\n")
    let odd = Table.integers("say \"x\", [y]", [7])
    #expect(try sql("SELECT * FROM input", odd).names == ["say \"x\", [y]"])
    #expect(try json("SELECT \"say \"\"x\"\", [y]\" + 1 AS z FROM input", odd) == "{\"z\":8}\n")
  }
}
