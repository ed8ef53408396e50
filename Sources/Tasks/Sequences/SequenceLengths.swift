import Graph

/// `sequence.lengths`: how many lists have which length.
struct SequenceLengths: ReductionOp {
  let column: String
  let fanIn: Int
  var hasSmallResults: Bool { true }

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    fanIn = arguments.require(OpArguments.integer, "split_every")
  }

  /// Few lengths differ, as a rule.
  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 32_768, scratch: 65_536) }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let column = try Table.from(value, file: file).column(column, file: file)
    guard case .list = column.type else {
      throw TaskError(
        .wrongType, "column \"\(self.column)\" holds \(column.type), but only lists have lengths; name another column",
        file: file)
    }
    var short = [Int64](repeating: 0, count: 1024)
    var counts: [Int64: Int64] = [:]
    try column.withOffsets { offsets in
      for row in 0..<column.count {
        if row % 4096 == 4095 { try context.checkCancellation() }
        if column.isNull(row) { continue }
        let length = Int(offsets[row + 1] - offsets[row])
        if length < short.count { short[length] += 1 } else { counts[Int64(length), default: 0] += 1 }
      }
    }
    for (length, count) in short.enumerated() where count > 0 { counts[Int64(length)] = count }
    return SequenceLengths.table(counts)
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    var counts: [Int64: Int64] = [:]
    for value in values {
      let table = try Table.from(value)
      let (lengths, count) = (try table.column("length"), try table.column("count"))
      for row in 0..<table.count { counts[lengths.integer(at: row)!, default: 0] += count.integer(at: row)! }
    }
    return SequenceLengths.table(counts)
  }

  private static func table(_ counts: [Int64: Int64]) -> Table {
    var lengths = FixedColumnBuilder<Int64>(capacity: counts.count)
    var numbers = FixedColumnBuilder<Int64>(capacity: counts.count)
    for (length, count) in counts.sorted(by: { $0.key < $1.key }) {
      lengths.append(length)
      numbers.append(count)
    }
    return Table([("length", lengths.finish()), ("count", numbers.finish())])
  }

  static let definition = OpDefinition(
    name: "sequence.lengths", version: 1, summary: "counts how many lists have which length",
    inputs: [OpInput("table", summary: "a table with a column of lists")],
    parameters: [
      OpParameter("column", .string, default: .string("ids"), summary: "the column of lists"), .splitEvery,
    ],
    output: "a record per length that occurs, the shortest first: length and count, int64; nulls are left out",
    example: """
      lengths:
        op: sequence.lengths
        from: encoded
      """,
    maker: .reduction { try SequenceLengths($0) })
}
