import Graph

/// `table.distinct`: of records that are alike in some columns the first.
struct DistinctRows: ShuffleOp {
  /// `nil`: all.
  private let columns: [String]?
  private let partitions: Int?

  init(_ arguments: OpArguments) throws {
    columns = arguments.strings("columns")
    partitions = arguments.integer("partitions")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
  }

  func partitionCount(of inputCount: Int) -> Int { GroupAggregate.partitionCount(partitions, of: inputCount) }

  func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    grouping([]).estimateSplit(inputBytes: inputBytes, memoryLimit: memoryLimit)
  }

  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    // What differs is not added up: all of it may come out.
    MemoryEstimate(output: inputBytes, scratch: min(inputBytes * 2, memoryLimit / 4) + (1 << 20))
  }

  /// The same as groups: by the columns that count, with what stands in the first record of the others.
  private func grouping(_ names: [String]) -> GroupAggregate {
    let keys = columns ?? names
    let others = names.filter { !keys.containsBytes(of: $0) }
    return GroupAggregate(
      keys: keys, others.map { Aggregation(name: $0, function: .ofFirstRecord, column: $0) }, partitions: partitions)
  }

  func split(
    _ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    guard (columns ?? table.names).count < KeyBatch.mostColumns else {
      throw TaskError(
        .badInput,
        "the table has \(table.names.count) columns, and at most \(KeyBatch.mostColumns - 1) can be compared; "
          + "name those that count: columns", file: file)
    }
    return try grouping(table.names).split(value, partition: partition, of: count, context: context)
  }

  func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let names = try ShardSchema.common(to: shards.compactMap { $0 as? ShardSet }).names
    return try grouping(names).gather(shards, partition: partition, context: context)
  }

  static let definition = OpDefinition(
    name: "table.distinct", version: 1, summary: "keeps the first of all records that are alike",
    inputs: [OpInput("table", summary: "a table; the same columns in all partitions")],
    parameters: [
      OpParameter(
        "columns", .strings, isOptional: true, summary: "the columns in which records are alike; all if left out"),
      GroupAggregate.partitions,
    ],
    output: """
      a record for each combination of values, null being one: the named columns first, then the others, as they stand in \
      the first record
      """,
    example: """
      customers:
        op: table.distinct
        from: visits
        with: {columns: [customer_id]}
      """,
    maker: .shuffle { try DistinctRows($0) })
}
