import Graph

/// `bag.topk`: the records that come first in the order of some columns, the largest first.
///
/// A tree: each partition gives its first records, and where several meet, the first of these go on. So no task holds more
/// than `split_every` times what is asked for.
struct TopRows: ReductionOp {
  private let count: Int
  private let order: SortOrder
  let fanIn: Int

  /// Rows whose keys are made at a time.
  private static let windowRows = 1 << 14

  init(_ arguments: OpArguments) throws {
    count = arguments.require(OpArguments.integer, "count")
    order = try SortOrder(
      arguments.require(OpArguments.strings, "by"), isDescending: true, nullsFirst: false, parameter: "by")
    fanIn = arguments.require(OpArguments.integer, "split_every")
  }

  /// How many records an input has is not known here: as much as it holds.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    let taken = count < 10_000 ? min(all, count * 4096) : all
    return MemoryEstimate(output: taken, scratch: taken / 2 + (1 << 20))
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    return try top(of: Table.from(value, file: file), file: file, context)
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    // What is equal stands in the bag's order in each, and so it does in all.
    // A partition without records may say nothing about its columns.
    let tables = try values.map { try Table.from($0) }.filter { $0.count > 0 || !$0.names.isEmpty }
    guard tables.count > 1 else { return tables.first ?? Table([]) }
    return try top(of: TableUnion.joined(tables) { "\(context.inputKey($0))" }, file: nil, context)
  }

  private func top(of table: Table, file: String?, _ context: any TaskContext) throws -> Table {
    guard table.count > 0 || !table.names.isEmpty else { return table }
    let columns = try table.selecting(order.keys.map(\.column), file: file)
    var taken = Candidates(columns: columns, order: order, count: count, file: file)
    for start in stride(from: 0, to: table.count, by: TopRows.windowRows) {
      try context.checkCancellation()
      try taken.add(start..<min(start + TopRows.windowRows, table.count))
    }
    return try taken.first().withUnsafeBufferPointer { try table.rows(at: $0) }
  }

  /// Rows that may be among the first.
  private struct Candidates {
    let columns: Table
    let order: SortOrder
    let count: Int
    let file: String?
    /// In the table's order.
    private var rows: [Int32] = []
    /// The key of the last of so many rows as are wanted.
    private var worst: [UInt8]?

    init(columns: Table, order: SortOrder, count: Int, file: String?) {
      self.columns = columns
      self.order = order
      self.count = count
      self.file = file
    }

    mutating func add(_ window: Range<Int>) throws {
      let keys = try SortKeys(columns, order, rows: window, file: file)
      for index in 0..<window.count {
        // What is equal to the last comes behind it.
        if let worst, worst.withUnsafeBytes({ SortKeys.compare(keys[index], $0) }) >= 0 { continue }
        rows.append(Int32(truncatingIfNeeded: window.lowerBound + index))
      }
      if rows.count > count + max(count, TopRows.windowRows) { rows = try first().sorted() }
    }

    /// The first rows in their order.
    mutating func first() throws -> [Int32] {
      let table = try rows.withUnsafeBufferPointer { try columns.rows(at: $0) }
      let keys = try SortKeys(table, order, rows: 0..<table.count, file: file)
      let places = keys.order().prefix(count)
      if places.count == count, let last = places.last { worst = Array(keys[Int(last)]) }
      return places.map { rows[Int($0)] }
    }
  }

  static let definition = OpDefinition(
    name: "bag.topk", version: 1, summary: "takes the records with the largest values over all partitions",
    inputs: [OpInput("table", summary: "a table; the same columns in all partitions")],
    parameters: [
      OpParameter("count", .integer(1...Int(Int32.max)), summary: "how many records at most"),
      OpParameter(
        "by", .strings,
        summary:
          "the columns that decide, the most important first; the largest come first, with \"amount asc\" the least"),
      .splitEvery,
    ],
    output: """
      one table: whole records, the first one first; those that are alike in the order of the bag, those without a value \
      behind all others
      """,
    example: """
      largest:
        op: bag.topk
        from: records
        with: {count: 10, by: [amount, day asc]}
      """,
    maker: .reduction { try TopRows($0) })
}
