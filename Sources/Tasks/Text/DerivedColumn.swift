import Graph

/// A column that is made of another: which that is, what the new one is called, and whether the old one stays.
struct DerivedColumn {
  let column: String
  private let into: String
  private let keep: Bool

  /// - Throws: `ParameterError` where the new column would take the name of one that stays.
  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    into = arguments.require(OpArguments.string, "into")
    keep = arguments.require(OpArguments.boolean, "keep")
    guard keep == false || ByteText(into) != ByteText(column) else {
      throw ParameterError("into", "\"\(into)\" is the column itself; name another, or set keep: false")
    }
  }

  /// The table with the new column behind its others.
  ///
  /// - Throws: `TaskError` with code `.invalidParameter` where its name is taken.
  func adding(_ new: Column, to table: Table, file: String?) throws -> Table {
    try (keep ? table : table.dropping([column])).appending([(into, new)], file: file)
  }
}

extension Table {
  /// A column of strings.
  ///
  /// - Parameters:
  ///   - name: the column's.
  ///   - why: a clause that says why only strings will do, for the message.
  ///   - file: the file that the partition was read from, for the message.
  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  func strings(_ name: String, _ why: String = "only strings can be tokenized", file: String?) throws -> Column {
    let column = try column(name, file: file)
    guard column.type == .utf8 else {
      throw TaskError(
        .wrongType, "column \"\(name)\" holds \(column.type), and \(why); name another column", file: file)
    }
    return column
  }
}
