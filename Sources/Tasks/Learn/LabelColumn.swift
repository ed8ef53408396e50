import Graph

/// A column of 0 and 1, or of false and true.
struct LabelColumn {
  private let name: String
  private let column: Column
  private let partition: Partition

  /// - Parameters:
  ///   - table: has the column.
  ///   - name: the column's.
  ///   - partition: for messages.
  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  init(_ table: Table, _ name: String, partition: Partition) throws {
    let file = partition.file?.path
    self.name = name
    self.partition = partition
    column = try table.column(name, file: file)
    switch column.type {
    case .bool, .int8, .int32, .int64, .float32, .float64: break
    default:
      throw TaskError(
        .wrongType, "label \"\(name)\" is a column of \(column.type), and labels are 0 or 1; name another, or cast it",
        file: file)
    }
  }

  /// - Throws: `TaskError` with code `.badRecord` for null and for what is neither 0 nor 1.
  func flag(at row: Int) throws -> Bool {
    let number = column.number(at: row)
    switch number {
    case 0: return false
    case 1: return true
    default:
      throw TaskError(
        .badRecord,
        "label \"\(name)\" is \(number.map { "\($0)" } ?? "null"), and labels are 0 or 1; filter or cast it before",
        file: partition.file?.path, record: partition.record(row))
    }
  }
}
