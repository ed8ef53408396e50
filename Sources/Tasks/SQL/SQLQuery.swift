import GRDBSQLite
import Graph

/// `sql`: a SELECT on each partition, or on single tables, by SQLite in memory.
struct SQLQuery: PartitionOp {
  private let query: String

  init(_ arguments: OpArguments) throws {
    query = arguments.require(OpArguments.string, "query")
    try SQLText.check(query)
    // What is wrong without looking at any table is said before anything runs.
    let connection = try SQLConnection(nil)
    do {
      _ = try connection.prepare(query)
    } catch  where !connection.lacksTables {
      throw ParameterError("query", (error as? TaskError)?.message ?? "\(error)")
    } catch {}
  }

  /// Tables are called what their tasks are.
  var dependsOnInputNames: Bool { true }

  /// What a query makes of its tables is not to be foreseen; sorting and grouping take about what they read.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    return MemoryEstimate(output: all + 16_384, scratch: all + 2 << 20)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let tables = try inputs.map { try SQLTable(Table.from($0, file: file)) }
    do {
      return try withExtendedLifetime(tables) { try run(tables, context) }
    } catch let error as TaskError where error.file == nil {
      throw TaskError(error.code, error.message, file: file, record: error.record, cause: error.cause)
    }
  }

  private func run(_ tables: [SQLTable], _ context: any TaskContext) throws -> Table {
    let connection = try SQLConnection(context)
    var names: [String] = []
    for (position, table) in tables.enumerated() {
      let name = context.inputKey(position).stage
      if let first = SQLQuery.clash(table.names) {
        throw TaskError(
          .invalidParameter,
          "table \"\(name)\" has columns \"\(first.0)\" and \"\(first.1)\", which SQL takes for one; rename one with "
            + "table.rename before")
      }
      if names.containsBytes(of: name) { continue }
      names.append(name)
      try connection.add(table, as: name)
    }
    if !names.contains(where: { $0.lowercased() == "input" }) { try connection.add(tables[0], as: "input") }
    let statement = try connection.prepare(query)
    let columns = (0..<sqlite3_column_count(statement.handle)).map { SQLResultColumn(statement.handle, $0) }
    if let twice = columns.map(\.name).firstRepeated {
      throw TaskError(
        .invalidParameter, "two columns of the result are called \"\(twice)\"; give one another name with AS")
    }
    var count = 0
    while true {
      switch sqlite3_step(statement.handle) {
      case SQLITE_ROW:
        for (number, column) in columns.enumerated() { try column.append(statement.handle, Int32(number)) }
        count += 1
        if count & 0xFFF == 0 {
          try connection.checkClock()
          guard columns.reduce(0, { $0 + $1.byteCount }) <= context.memoryLimit, count < Int(Int32.max) else {
            throw TaskError(.tooLarge, "the result of the query takes more than --memory after \(count) records")
          }
        }
      case SQLITE_DONE:
        try connection.checkClock()
        return Table(names: columns.map(\.name), columns: try columns.map { try $0.finish() }, count: count)
      default: throw connection.error(query)
      }
    }
  }

  /// Two names that differ in capitals alone, as SQLite takes them: in ASCII.
  private static func clash(_ names: [String]) -> (String, String)? {
    var seen: [[UInt8]: String] = [:]
    for name in names {
      let folded = name.utf8.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0 }
      if let first = seen.updateValue(name, forKey: folded) { return (first, name) }
    }
    return nil
  }

  static let definition = OpDefinition(
    name: "sql", version: 1, summary: "runs a SELECT on each partition, or on single tables, by SQLite in memory",
    inputs: [
      OpInput(
        "tables", .any, isRepeated: true,
        summary:
          "what the query reads: each under its task's name, the first also as input; of bags, partition by partition")
    ],
    parameters: [OpParameter("query", .string, summary: "one SELECT in SQLite's language")],
    output: """
      the query's columns: int64, float64 or string by their values; a column that is selected as it is keeps its type
      """,
    example: """
      hourly:
        op: sql
        from: visits
        with:
          query: |
            SELECT page, strftime('%H', timestamp) AS hour, count(*) AS visits
            FROM input WHERE amount > 0 GROUP BY page, hour ORDER BY page, hour
      """,
    maker: .perPartition { try SQLQuery($0) })
}
