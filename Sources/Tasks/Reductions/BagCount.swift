import Graph

/// `bag.count`: how many records a bag has.
struct BagCount: ReductionOp {
  let fanIn: Int
  var hasSmallResults: Bool { true }

  init(_ arguments: OpArguments) throws { fanIn = arguments.require(OpArguments.integer, "split_every") }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 512, scratch: 512) }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    guard let count = value.rowCount else {
      throw TaskError(
        .wrongType, "a \(type(of: value).kind) has no records to count", file: partition.file?.path)
    }
    return BagCount.table(Int64(count))
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    BagCount.table(try values.reduce(0) { $0 + (try Table.from($1).column("count").integer(at: 0) ?? 0) })
  }

  private static func table(_ count: Int64) -> Table {
    var column = FixedColumnBuilder<Int64>(capacity: 1)
    column.append(count)
    return Table([("count", column.finish())])
  }

  static let definition = OpDefinition(
    name: "bag.count", version: 1, summary: "counts the records of all partitions",
    inputs: [OpInput("table", summary: "any table")],
    parameters: [.splitEvery],
    output: "one record: count, int64",
    example: """
      papers_read:
        op: bag.count
        from: papers
      """,
    maker: .reduction { try BagCount($0) })
}
