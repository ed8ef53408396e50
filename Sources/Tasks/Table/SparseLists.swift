import Graph

/// Two columns of a table with lists of one length, ids and values: a sparse vector for each record.
struct SparseLists {
  /// The ids of all records, behind one another.
  let idItems: Column
  /// Their values.
  let valueItems: Column
  private let idLists: Column
  private let valueLists: Column
  private let partition: Partition

  /// - Parameters:
  ///   - table: has the columns.
  ///   - ids: of lists of int32.
  ///   - values: of lists of int32, int64, float32 or float64.
  ///   - partition: for messages.
  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`; `.badRecord` for a list that holds a null.
  init(_ table: Table, ids: String, values: String, partition: Partition) throws {
    let file = partition.file?.path
    self.partition = partition
    idLists = try table.column(ids, file: file)
    valueLists = try table.column(values, file: file)
    guard idLists.type == .list(.int32), let idItems = idLists.items else {
      throw TaskError(
        .wrongType, "column \"\(ids)\" holds \(idLists.type), and ids are lists of int32; name another column",
        file: file)
    }
    switch valueLists.type {
    case .list(.int32), .list(.int64), .list(.float32), .list(.float64): valueItems = valueLists.items!
    default:
      throw TaskError(
        .wrongType,
        "column \"\(values)\" holds \(valueLists.type), and values are lists of numbers; name another column",
        file: file)
    }
    self.idItems = idItems
    guard valueItems.nullCount == 0, idItems.nullCount == 0 else {
      throw TaskError(
        .badRecord, "a list of ids or values holds a null, and vectors have none; leave such items out", file: file,
        record: (SparseLists.firstNull(idLists) ?? SparseLists.firstNull(valueLists)).map(partition.record))
    }
  }

  /// The first record with a null in its list.
  private static func firstNull(_ lists: Column) -> Int? {
    guard let items = lists.items, items.nullCount > 0 else { return nil }
    return lists.withOffsets { starts in
      (0..<lists.count).first { row in (Int(starts[row])..<Int(starts[row + 1])).contains { items.isNull($0) } }
    }
  }

  /// What is wrong with a record, as an error.
  func bad(_ row: Int, _ why: String) -> TaskError {
    TaskError(.badRecord, why, file: partition.file?.path, record: partition.record(row))
  }

  /// Calls `body` with each record, where its ids stand in `idItems`, and where the first of its values in `valueItems`.
  ///
  /// - Throws: `TaskError` with code `.badRecord` for a null, lists of different lengths or an id below 0; what `body` throws.
  func forEach(
    _ context: any TaskContext, _ body: (_ row: Int, _ ids: Range<Int>, _ firstValue: Int) throws -> Void
  ) throws {
    let numbers = idItems.values(as: Int32.self)
    try idLists.withOffsets { starts in
      try valueLists.withOffsets { others in
        for row in 0..<idLists.count {
          if row % 1024 == 1023 { try context.checkCancellation() }
          guard !idLists.isNull(row), !valueLists.isNull(row) else {
            throw bad(row, "there is no list of ids, or of values; filter such records out before")
          }
          let range = Int(starts[row])..<Int(starts[row + 1])
          guard range.count == Int(others[row + 1] - others[row]) else {
            throw bad(
              row, "it has \(range.count) ids and \(others[row + 1] - others[row]) values; both should be as many")
          }
          for item in range where numbers[item] < 0 {
            throw bad(row, "id \(numbers[item]) is below 0; ids count from 0")
          }
          try body(row, range, Int(others[row]))
        }
      }
    }
  }
}

/// The items of lists as numbers.
struct NumberItems {
  private let column: Column
  private let doubles: UnsafeBufferPointer<Double>?

  init(_ column: Column) {
    self.column = column
    doubles = column.type == .float64 ? column.values(as: Double.self) : nil
  }

  @inline(__always)
  subscript(item: Int) -> Double { doubles?[item] ?? column.number(at: item) ?? .nan }
}
