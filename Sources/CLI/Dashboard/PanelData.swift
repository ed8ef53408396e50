import Foundation
import GRDB
import Graph

/// What the state file answers to a panel's question.
struct PanelData {
  enum Value: Equatable {
    case null
    case integer(Int)
    case real(Double)
    case text(String)

    var number: Double? {
      switch self {
      case .integer(let value): Double(value)
      case .real(let value): value
      case .null, .text: nil
      }
    }
  }

  /// Rows that were not shown.
  enum Rest: Equatable {
    case none
    case some(Int)
    /// The question itself was limited: nobody knows how many.
    case unknown
  }

  var names: [String]
  var rows: [[Value]]
  var rest = Rest.none

  private static let mostSamples = 200_000
  private static let mostCounted = 1000

  /// - Throws: `DashboardError` that names the panel, for anything that is wrong with its SQL.
  static func fetch(_ panel: Panel, of dashboard: Dashboard, arguments: Arguments, from db: Database) throws
    -> PanelData
  {
    func failure(_ message: String) -> DashboardError {
      DashboardError(file: dashboard.file, line: panel.sqlLine, panel: panel.shownName, message: message)
    }
    do {
      let statement = try db.makeStatement(sql: panel.sql)
      // "ATTACH" and "BEGIN" count as read-only for SQLite.
      guard statement.isReadonly, statement.columnCount > 0, asks(panel.sql) else {
        throw failure("a panel's SQL can only read: one SELECT, WITH or VALUES statement")
      }
      let limitsItself = panel.sql.contains(":limit")
      // Samples of a chart are all needed; it thins them out itself.
      let limit = panel.kind == .chart ? mostSamples : panel.kind == .facts ? 1 : panel.limit
      try statement.setArguments([
        "run": arguments.run, "now": arguments.now, "columns": arguments.columns,
        "limit": panel.kind == .chart ? -1 : panel.limit + 1,
      ])
      var data = PanelData(names: statement.columnNames, rows: [])
      var count = 0
      let rows = try Row.fetchCursor(statement)
      // What is not shown is counted, but not without end: a page must answer at once.
      while count < limit + mostCounted, let row = try rows.next() {
        count += 1
        if count <= limit { data.rows.append(values(row)) }
      }
      if count > limit, panel.kind != .facts {
        data.rest = limitsItself || count == limit + mostCounted ? .unknown : .some(count - limit)
      }
      return data
    } catch let error as DatabaseError {
      let message = error.message ?? "error \(error.resultCode.rawValue)"
      if message.hasPrefix("Multiple statements") { throw failure("a panel's SQL is one statement") }
      if message.hasPrefix("missing statement argument"), let space = message.lastIndex(of: " ") {
        let name = message[message.index(after: space)...]
        throw failure("the SQL asks for :\(name); there are :run, :limit, :now and :columns")
      }
      throw failure("SQL: \(message)")
    }
  }

  struct Arguments {
    var run: Int64
    var now: Double
    /// Columns of the terminal, for who wants to thin out samples in SQL.
    var columns: Int
  }

  private static func values(_ row: Row) -> [Value] {
    row.databaseValues.map { value in
      switch value.storage {
      case .null: .null
      case .int64(let number): .integer(Int(number))
      case .double(let number): .real(number)
      case .string(let text): .text(text)
      case .blob(let data): .text(data.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
      }
    }
  }

  /// Whether the first word that is not in a comment asks for rows.
  private static func asks(_ sql: String) -> Bool {
    var rest = sql[...]
    while true {
      rest = rest.drop(while: \.isWhitespace)
      if rest.hasPrefix("--") {
        rest = rest.drop { !$0.isNewline }
      } else if rest.hasPrefix("/*") {
        guard let end = rest.range(of: "*/") else { return false }
        rest = rest[end.upperBound...]
      } else {
        let word = rest.prefix { $0.isLetter }.uppercased()
        return ["SELECT", "WITH", "VALUES"].contains(word)
      }
    }
  }
}
