import Graph

/// `table.repartition`: the same records in another number of partitions.
struct RepartitionTables: RegroupOp {
  let partitions: Int

  init(_ arguments: OpArguments) throws { partitions = arguments.require(OpArguments.integer, "partitions") }

  func plan(_ bags: [Partitions]) throws -> RegroupPlan { .repartitioned(bags[0].count, into: partitions) }

  func estimate(_ group: PartitionGroup, inputBytes: [Int]) -> MemoryEstimate {
    let output = inputBytes.reduce(0, +) / group.pieceCount
    return MemoryEstimate(output: output, scratch: output / 2 + 4096)
  }

  func regroup(
    _ members: [any TaskValue], as group: PartitionGroup, agreement: (any TaskValue)?, partition: Partition,
    context: any TaskContext
  ) throws -> any TaskValue {
    let tables = try members.map { try Table.from($0) }
    let whole = try TableUnion.joined(tables) { "\(context.inputKey($0))" }
    return try whole.rows(in: group.rows(of: whole.count))
  }

  static let definition = OpDefinition(
    name: "table.repartition", version: 1,
    summary: "makes another number of partitions, in order: neighbours are put together, or each is cut",
    inputs: [OpInput("table", .any, summary: "any table")],
    parameters: [OpParameter("partitions", .integer(1...10_000_000), summary: "how many partitions come out")],
    output: "the same records in the same order; columns as in the partitions that are put together",
    example: """
      fewer:
        op: table.repartition
        from: visits
        with: {partitions: 16}
      """,
    maker: .regroup { try RepartitionTables($0) })
}

/// `table.concat`: several bags behind one another.
struct ConcatTables: RegroupOp {
  let fillsMissing: Bool

  init(_ arguments: OpArguments) throws {
    fillsMissing = arguments.require(OpArguments.string, "missing") == "null"
  }

  var agrees: Bool { true }

  func plan(_ bags: [Partitions]) throws -> RegroupPlan { .joined(bags) }

  func estimateAgreement(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 16_384, scratch: 16_384) }

  func agreement(on firsts: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    var union = TableUnion(fillsMissing: fillsMissing)
    for (index, value) in firsts.enumerated() {
      do {
        try union.add(Table.from(value), source: context.inputKey(index).stage)
      } catch let error as TaskError where error.code == .missingColumn {
        throw TaskError(.missingColumn, error.message + "; or let missing: null fill it")
      }
    }
    return union.outline()
  }

  func estimate(_ group: PartitionGroup, inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes.reduce(0, +), scratch: 16_384)
  }

  func regroup(
    _ members: [any TaskValue], as group: PartitionGroup, agreement: (any TaskValue)?, partition: Partition,
    context: any TaskContext
  ) throws -> any TaskValue {
    guard let outline = agreement as? Table else {
      throw TaskError(.failed, "the columns of what is put together are not known")
    }
    let file = partition.file?.path
    let source = "\(context.inputKey(1))"
    let table = try Table.from(members[0], file: file)
    // A partition without records may say nothing about its columns.
    if let name = outline.names.first(where: { !table.names.containsBytes(of: $0) }), table.count > 0, !fillsMissing {
      throw TaskError(
        .missingColumn,
        "\(source) has no column \"\(name)\", which the first partitions have; let missing: null fill it, or select those "
          + "that all have", file: file)
    }
    if let name = table.names.first(where: { !outline.names.containsBytes(of: $0) }), table.count > 0 {
      throw TaskError(
        .missingColumn,
        "\(source) has a column \"\(name)\", which no bag's first partition has; select the columns before, or name them "
          + "where the files are read", file: file)
    }
    return try TableUnion(outline: outline).fitted(table, source: source)
  }

  static let definition = OpDefinition(
    name: "table.concat", version: 1, summary: "puts bags behind one another, columns matched by name",
    inputs: [OpInput("tables", .any, isRepeated: true, summary: "bags, and tables of one value")],
    parameters: [
      OpParameter(
        "missing", .choice(["fail", "null"]), default: .string("fail"),
        summary: "what to do where one bag lacks a column that another has: fail, or fill it with null")
    ],
    output: """
      the partitions of all bags, in order, with the columns of the first bag, and with missing: null those of the others \
      behind them; whole numbers become float64 where another bag has numbers with a fraction
      """,
    example: """
      all:
        op: table.concat
        from: [visits_2023, visits_2024]
        with: {missing: null}
      """,
    maker: .regroup { try ConcatTables($0) })
}
