import Graph

/// `table.cast`.
struct CastColumns: PartitionOp {
  private enum Failure: String, CaseIterable {
    case fail
    case null
    case skip
  }

  private let types: [(name: String, type: ColumnType)]
  private let onError: Failure

  init(_ arguments: OpArguments) throws {
    let columns = arguments.require(OpArguments.map, "columns")
    guard !columns.isEmpty else { throw ParameterError("columns", "name at least one column, as {amount: float64}") }
    types = try columns.sorted { $0.key < $1.key }.map { name, text in
      guard let type = ColumnCast.targets[text] else {
        let all = ColumnCast.targets.keys.sorted()
        let near = nearestName(to: text, among: all).map { "; did you mean \"\($0)\"?" } ?? ""
        throw ParameterError(
          "columns", "\"\(name)\" is to become \"\(text)\", which is none of \(all.joined(separator: ", "))\(near)")
      }
      return (name, type)
    }
    onError = Failure(rawValue: arguments.require(OpArguments.string, "on_error")) ?? .fail
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0] * 5 / 4 + 16_384, scratch: inputBytes[0] / 8 + 16_384)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    var columns = table.columns
    var bad: [Int: String] = [:]
    for (name, type) in types {
      let column = try table.column(name, file: file)
      guard ColumnCast.isPossible(from: column.type, to: type) else {
        throw TaskError(
          .wrongType,
          "column \"\(name)\" holds \(column.type), which cannot become \(type); cast it to string first, or leave it",
          file: file)
      }
      try context.checkCancellation()
      let (cast, failed) = try ColumnCast(column, to: type).run()
      columns[table.names.firstIndex { ByteText($0) == ByteText(name) }!] = cast
      guard let first = failed.first, onError != .null else { continue }
      func why(_ row: Int) -> String {
        "column \"\(name)\" holds \(ColumnCast.text(of: column, at: row)), which is no \(ColumnCast.described(type))"
      }
      guard onError == .skip else {
        throw TaskError(
          .badRecord, why(first) + "; correct it, or let on_error: null make it null or on_error: skip drop the record",
          file: file, record: partition.record(first))
      }
      for row in failed where bad[row] == nil { bad[row] = why(row) }
    }
    let result = Table(names: table.names, columns: columns, count: table.count)
    if bad.isEmpty { return result }
    let writer = JSONRowWriter(table)
    var kept = BufferBuilder(capacity: table.count * 4)
    for row in 0..<table.count {
      guard let why = bad[row] else {
        kept.append(Int32(truncatingIfNeeded: row))
        continue
      }
      var text = BufferBuilder()
      writer.append(row: row, to: &text)
      try context.reject(
        RejectedRecord(
          file: file ?? context.inputKey(0).description, record: partition.record(row),
          reason: why, text: String(decoding: text.bytes, as: UTF8.self)))
    }
    let rows = kept.finish()
    return try withExtendedLifetime(rows) { try result.rows(at: rows.elements(of: Int32.self)) }
  }

  static let definition = OpDefinition(
    name: "table.cast", version: 1, summary: "gives columns other types; text is parsed",
    inputs: [OpInput("table", .any, summary: "any table")],
    parameters: [
      OpParameter(
        "columns", .map,
        summary:
          "the new type of each column, as {amount: float64}: int8, int32, int64, float32, float64, bool, string, "
          + "date or timestamp"),
      OpParameter(
        "on_error", .choice(Failure.allCases.map(\.rawValue)), default: .string("fail"),
        summary: "what to do with a cell that does not cast: fail the task, make it null, or skip its record: set it "
          + "aside and count it"),
    ],
    output: "all columns in their order, those named with their new types",
    example: """
      typed:
        op: table.cast
        from: visits
        with: {columns: {amount: float64, day: date}, on_error: skip}
      """,
    maker: .perPartition { try CastColumns($0) })
}

extension ColumnCast {
  /// What a cell would have to be, in words.
  static func described(_ type: ColumnType) -> String {
    switch type {
    case .int8: "whole number from -128 to 127 (int8)"
    case .int32: "whole number of 32 bits (int32)"
    case .int64: "whole number of 64 bits (int64)"
    case .float32: "number that float32 holds"
    case .float64: "number (float64)"
    case .bool: "flag (bool): true or false, or the number 1 or 0"
    case .date: "date such as 2024-01-31"
    case .timestamp: "timestamp such as 2024-01-31 23:59:59"
    case .utf8, .list, .vector, .structure: "\(type)"
    }
  }
}
