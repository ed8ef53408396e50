import Graph

/// The column that says which ID a record belongs to.
struct KeyColumn {
  let column: Column

  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  init(_ table: Table, _ name: String, file: String?) throws {
    column = try table.column(name, file: file)
    switch column.type {
    case .list, .vector, .structure:
      throw TaskError(
        .wrongType,
        "column \"\(name)\" holds \(column.type), and an ID is a string, a number or a flag; name another column",
        file: file)
    default: break
    }
  }

  /// The ID of a row for people, a long one cut.
  func text(at row: Int) -> String {
    if column.isNull(row) { return "null" }
    switch column.type {
    case .utf8:
      let text = column.string(at: row) ?? ""
      return text.count > 60 ? jsonQuoted(String(text.prefix(60))) + "…" : jsonQuoted(text)
    case .bool: return column.bit(at: row) ? "true" : "false"
    case .float32: return "\(column.values(as: Float.self)[row])"
    case .float64: return "\(column.values(as: Double.self)[row])"
    case .date, .timestamp: return column.calendarText(at: row) ?? ""
    default: return column.integer(at: row).map { "\($0)" } ?? ""
    }
  }
}
