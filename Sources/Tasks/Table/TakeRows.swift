import Graph

/// `table.take`: the first records of a bag.
///
/// A tree: each partition gives its first records, and where several meet, the first of these go on. So no task holds more
/// than `split_every` times what is asked for.
struct TakeRows: ReductionOp {
  let count: Int
  let leadingPartitions: Int?
  let fanIn: Int

  init(_ arguments: OpArguments) throws {
    count = arguments.require(OpArguments.integer, "count")
    leadingPartitions = arguments.integer("partitions")
    fanIn = arguments.require(OpArguments.integer, "split_every")
  }

  /// How many records an input has is not known here: as much as it holds.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    return MemoryEstimate(output: count < 10_000 ? min(all, count * 4096) : all, scratch: 16_384)
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    try Table.from(value, file: partition.file?.path).first(count)
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    var tables: [Table] = []
    var places: [Int] = []
    var taken = 0
    for (place, value) in values.enumerated() {
      let table = try Table.from(value).first(count - taken)
      // One that is looked at for its columns alone is enough.
      guard table.count > 0 || tables.isEmpty else { continue }
      tables.append(table)
      places.append(place)
      taken += table.count
      if taken == count { break }
    }
    return try TableUnion.joined(tables) { "\(context.inputKey(places[$0]))" }
  }

  static let definition = OpDefinition(
    name: "table.take", version: 1, summary: "takes a bag's first records as one table",
    inputs: [OpInput("table", summary: "any table")],
    parameters: [
      OpParameter("count", .integer(0...Int(Int32.max)), summary: "how many records at most"),
      OpParameter(
        "partitions", .integer(1...Int.max), isOptional: true,
        summary: "look only in so many first partitions, even if they have fewer records: the others need not be made"),
      .splitEvery,
    ],
    output: "one table: the first records of the first partition, then of the next, all columns",
    example: """
      head:
        op: table.take
        from: visits
        with: {count: 100, partitions: 1}
      """,
    maker: .reduction { try TakeRows($0) })
}

extension Table {
  /// The first `limit` records.
  func first(_ limit: Int) throws -> Table { limit >= count ? self : try rows(in: 0..<limit) }

  /// Neighbouring records.
  ///
  /// - Throws: `TaskError` with code `.tooLarge`.
  /// - Complexity: O(their bytes).
  func rows(in range: Range<Int>) throws -> Table {
    if range == 0..<count { return self }
    var numbers = BufferBuilder(capacity: range.count * 4)
    for row in range { numbers.append(Int32(truncatingIfNeeded: row)) }
    let rows = numbers.finish()
    return try withExtendedLifetime(rows) { try self.rows(at: rows.elements(of: Int32.self)) }
  }
}
