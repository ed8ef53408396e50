import Graph

/// Named columns of one length: the value that flows along edges between table operations.
///
/// Columns lie in Arrow's memory layout and are shared, never changed: selecting columns copies nothing.
public struct Table: TaskValue {
  public static let kind = "table"

  public let names: [String]
  public let columns: [Column]
  /// Records.
  public let count: Int

  public var rowCount: Int? { count }

  /// Columns must have one length and names that differ in their bytes.
  public init(_ columns: [(name: String, column: Column)]) {
    self.init(names: columns.map(\.name), columns: columns.map(\.column), count: columns.first?.column.count ?? 0)
  }

  init(names: [String], columns: [Column], count: Int) {
    precondition(columns.allSatisfy { $0.count == count }, "columns of different lengths")
    precondition(names.firstRepeated == nil, "two columns of one name")
    self.names = names
    self.columns = columns
    self.count = count
  }

  /// Bytes of all columns' buffers and their names.
  public var byteCount: Int {
    var total = 64
    for (name, column) in zip(names, columns) { total += 64 + name.utf8.count + column.byteCount }
    return total
  }

  /// The column of that name, or `nil`.
  public subscript(name: String) -> Column? {
    names.firstIndex { ByteText($0) == ByteText(name) }.map { columns[$0] }
  }

  /// The column of that name.
  ///
  /// - Parameters:
  ///   - name: compared by its bytes.
  ///   - file: the file that the partition was read from, for the message.
  /// - Throws: `TaskError` with code `.missingColumn`, naming the nearest column and all there are.
  public func column(_ name: String, file: String? = nil) throws -> Column {
    guard let column = self[name] else { throw missing(name, file: file) }
    return column
  }

  func missing(_ name: String, file: String?) -> TaskError {
    let near = nearestName(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
    let all = names.isEmpty ? "the table has none" : "there are " + names.joined(separator: ", ")
    return TaskError(.missingColumn, "there is no column \"\(name)\"\(near) (\(all))", file: file)
  }

  /// A string column, or the items of a column of lists of strings.
  ///
  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  func texts(_ name: String, for purpose: String, file: String?) throws -> Column {
    let column = try column(name, file: file)
    guard column.type == .utf8 || column.type == .list(.utf8) else {
      throw TaskError(
        .wrongType,
        "column \"\(name)\" holds \(column.type), but \(purpose) takes strings or lists of strings; name another column",
        file: file)
    }
    return column
  }

  /// The named columns in that order.
  ///
  /// - Throws: `TaskError` with code `.missingColumn`.
  public func selecting(_ wanted: [String], file: String? = nil) throws -> Table {
    Table(names: wanted, columns: try wanted.map { try column($0, file: file) }, count: count)
  }

  /// All but the named columns.
  ///
  /// - Throws: `TaskError` with code `.missingColumn`.
  public func dropping(_ unwanted: [String], file: String? = nil) throws -> Table {
    for name in unwanted { _ = try column(name, file: file) }
    return try selecting(names.filter { !unwanted.containsBytes(of: $0) })
  }

  /// This table with `columns` behind its own.
  ///
  /// - Throws: `TaskError` with code `.invalidParameter` where a name is taken or given twice.
  public func appending(_ added: [(name: String, column: Column)], file: String? = nil) throws -> Table {
    var taken = Set(names.map(ByteText.init))
    for (name, _) in added where !taken.insert(ByteText(name)).inserted {
      throw TaskError(
        .invalidParameter,
        "a new column \"\(name)\" would take the name of one that is there; drop or rename that one first", file: file)
    }
    return Table(names: names + added.map(\.name), columns: columns + added.map(\.column), count: count)
  }

  /// Reads a value that must be a table.
  ///
  /// - Throws: `TaskError` with code `.wrongType`.
  public static func from(_ value: any TaskValue, file: String? = nil) throws -> Table {
    guard let table = value as? Table else {
      throw TaskError(
        .wrongType, "the input is a \(type(of: value).kind), not a table; take it \"from\" a task that makes tables",
        file: file)
    }
    return table
  }
}
