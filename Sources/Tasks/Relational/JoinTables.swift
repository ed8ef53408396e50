import Graph

/// `table.join`: records of two inputs that have the same key.
///
/// Where the right side is small, it becomes one table that every partition of the left is joined with. Else both sides are
/// split by key, and each partition is joined by itself: the right side's shard as a table in memory, the left side's small
/// tables one after the other.
struct JoinTables: JoinOp {
  private let rows: JoinRows
  private let broadcasts: Bool?
  private let partitions: Int?

  init(_ arguments: OpArguments) throws {
    let both = arguments.strings("on")
    let (left, right) = (arguments.strings("left_on"), arguments.strings("right_on"))
    guard both == nil || (left == nil && right == nil) else {
      throw ParameterError("on", "give either \"on\", or \"left_on\" and \"right_on\"")
    }
    guard let leftKeys = both ?? left, let rightKeys = both ?? right else {
      let missing = left == nil && right == nil ? "on" : left == nil ? "left_on" : "right_on"
      throw ParameterError(
        missing,
        "name the columns that must be equal: \"on\", or \"left_on\" and \"right_on\" where they are called differently"
      )
    }
    let parameter = both == nil ? "left_on" : "on"
    guard !leftKeys.isEmpty else { throw ParameterError(parameter, "name at least one column") }
    guard leftKeys.count == rightKeys.count else {
      throw ParameterError(
        "right_on", "it names \(rightKeys.count) columns, and \"left_on\" \(leftKeys.count): they are matched in order")
    }
    guard leftKeys.count < KeyBatch.mostColumns else {
      throw ParameterError(parameter, "at most \(KeyBatch.mostColumns - 1) columns make a key")
    }
    for (name, keys) in [(parameter, leftKeys), ("right_on", rightKeys)] where keys.firstRepeated != nil {
      throw ParameterError(name, "a column is named twice")
    }
    // The parameter's choices are the kinds.
    let kind = JoinRows.Kind(rawValue: arguments.require(OpArguments.string, "how"))!
    rows = JoinRows(
      kind: kind, leftKeys: leftKeys, rightKeys: rightKeys, suffix: arguments.require(OpArguments.string, "suffix"))
    partitions = arguments.integer("partitions")
    switch arguments.string("strategy") {
    case "broadcast"?:
      guard partitions == nil else {
        throw ParameterError("partitions", "with strategy: broadcast the partitions are the left side's: leave it out")
      }
      broadcasts = true
    case "partitioned"?: broadcasts = false
    default: broadcasts = partitions == nil ? nil : false
    }
  }

  func strategy(left: Int, right: Int) -> JoinStrategy {
    broadcasts ?? (right == 1)
      ? .broadcast : .partitioned(GroupAggregate.partitionCount(partitions, of: max(left, right)))
  }

  // MARK: - The right side as one table

  /// A copy of the records, with an index of some 40 bytes for each. How many they are is known when they are there: narrow
  /// ones are looked at again then.
  func estimateTable(inputBytes: [Int]) -> MemoryEstimate {
    let bytes = inputBytes.reduce(0, +)
    return MemoryEstimate(output: bytes * 2 + 4096, scratch: bytes / 2 + 65_536)
  }

  /// Half of the memory is for the right side as one table.
  private func checkFits(_ tables: [Table], _ model: Table, _ context: any TaskContext) throws {
    let count = tables.reduce(0) { $0 + $1.count }
    let types = try rows.rightKeys.map { try model.column($0).type }
    let bytes = tables.reduce(0) { $0 + $1.byteCount } + JoinTable.indexBytes(count: count, keys: types)
    guard bytes > context.memoryLimit / 2 else { return }
    throw TaskError(
      .tooLarge,
      "the right side's \(count) records would take \(ByteCount(bytes)) as one table, and may take "
        + "\(ByteCount(context.memoryLimit / 2)), half of --memory; \(tableRemedy), or give more memory")
  }

  var tableRemedy: String { "split both sides: strategy: partitioned" }

  func table(_ right: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let tables = try right.map { try rightTable(Table.from($0), file: nil) }
    // One that has a say about the columns.
    let model = tables.first { $0.count > 0 } ?? tables.first { !$0.names.isEmpty } ?? tables[0]
    let nulls = JoinTable.nullRecord(model.names, model.columns.map(\.type))
    try checkFits(tables, model, context)
    let filled = tables.indices.filter { tables[$0].count > 0 }
    let records = try TableUnion.joined(filled.map { tables[$0] } + [nulls]) { place in
      place < filled.count ? "\(context.inputKey(filled[place]))" : ""
    }
    return try JoinTable(records: records, keys: rows.rightKeys)
  }

  /// What the join looks at of the right side.
  private func rightTable(_ table: Table, file: String?) throws -> Table {
    // A partition without records may say nothing about its columns.
    guard table.count > 0 || !table.names.isEmpty else { return table }
    for name in rows.rightKeys { _ = try JoinRows.key(table, name, of: .right, file: file) }
    return rows.kind.takesRight ? table : try table.selecting(rows.rightKeys, file: file)
  }

  func estimateLookup(inputBytes: Int) -> MemoryEstimate {
    MemoryEstimate(output: rows.kind.takesRight ? inputBytes * 2 : inputBytes, scratch: inputBytes / 2 + 65_536)
  }

  func lookup(
    _ left: any TaskValue, in table: any TaskValue, partition: Partition, context: any TaskContext
  ) throws -> any TaskValue {
    let file = partition.file?.path
    guard let right = table as? JoinTable else {
      throw TaskError(.wrongType, "the input is a \(type(of: table).kind), and no table of this join")
    }
    let most = PartitionByID.allowance(context.memoryLimit)
    return try rows.joined(Table.from(left, file: file), with: right, file: file, context: context) { bytes in
      guard rows.kind.takesRight, bytes > most else { return }
      throw tooMuch(bytes, most, "take smaller partitions")
    }
  }

  // MARK: - Both sides split

  private func shards(_ side: JoinSide, _ count: Int) -> RowShards {
    let keepsOthers = side == .left && (rows.kind == .left || rows.kind == .anti)
    return RowShards(shardCount: count, nullKeys: keepsOthers ? .spread : .dropped)
  }

  func estimateSplit(_ side: JoinSide, inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(
      output: 16 << 10,
      scratch: shards(side, partitions ?? GroupAggregate.usualMost).scratchBytes(
        inputBytes: inputBytes, memoryLimit: memoryLimit))
  }

  func split(
    _ value: any TaskValue, _ side: JoinSide, partition: Partition, of count: Int, into shardCount: Int,
    context: any TaskContext
  ) throws -> any TaskValue {
    let file = partition.file?.path
    var table = try Table.from(value, file: file)
    if side == .right { table = try rightTable(table, file: file) }
    let source = partition.file?.name ?? "partition \(partition.index)"
    let header = try ShardSchema(table, source: source).encoded()
    let names = side == .left ? rows.leftKeys : rows.rightKeys
    let keys = table.count == 0 ? [] : try names.map { try JoinRows.key(table, $0, of: side, file: file) }
    return try shards(side, shardCount).split(table, by: keys, of: count, header: header, context: context)
  }

  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes, scratch: min(inputBytes * 3, memoryLimit / 2) + (1 << 20))
  }

  func gather(
    left: [any TaskValue], right: [any TaskValue], partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    func sets(_ values: [any TaskValue]) throws -> [ShardSet] {
      try values.map { value in
        guard let set = value as? ShardSet, set.shardCount == count else {
          throw TaskError(.wrongType, "the input is a \(type(of: value).kind), and no shards of this operation")
        }
        return set
      }
    }
    let (left, right) = (try sets(left), try sets(right))
    let rightSchema = try ShardSchema.common(to: right)
    let leftSchema = try ShardSchema.common(to: left)
    try rows.checkKeys(leftSchema, rightSchema)
    let bytes = right.reduce(0) { $0 + $1.byteCount(ofShard: partition.index) }
    try checkFits(bytes, "records", partition, of: count, context)
    var records = TableAppender(names: rightSchema.names, types: rightSchema.types)
    try RowShards.forEachTable(of: partition.index, in: right, context) { try records.append($0) }
    let types = rows.rightKeys.compactMap { rightSchema.type(of: $0) }
    try checkFits(
      bytes + JoinTable.indexBytes(count: records.count, keys: types), "records and their index", partition, of: count,
      context)
    try records.append(JoinTable.nullRecord(rightSchema.names, rightSchema.types))
    let table = try JoinTable(records: records.finish(), keys: rows.rightKeys)
    let outline = try rows.outline(
      left: TableAppender(names: leftSchema.names, types: leftSchema.types).finish(), right: table)
    var out = TableAppender(names: outline.names, types: outline.columns.map(\.type))
    let most = PartitionByID.allowance(context.memoryLimit)
    var made = 0
    try RowShards.forEachTable(of: partition.index, in: left, context) { part in
      let joined = try rows.joined(part, with: table, file: nil, context: context) { more in
        guard made + more > most else { return }
        throw tooMuch(made + more, most, "set \"partitions\" to more than \(count)")
      }
      made += joined.byteCount
      try out.append(joined)
    }
    return out.finish()
  }

  private func tooMuch(_ bytes: Int, _ most: Int, _ remedy: String) -> TaskError {
    TaskError(
      .tooLarge,
      "what comes out takes \(ByteCount(bytes)) or more, and may take \(ByteCount(most)), a third of --memory; \(remedy), "
        + "or give more memory; where keys are there many times on both sides, make one side's different before "
        + "(table.distinct, group.aggregate)")
  }

  private func checkFits(
    _ bytes: Int, _ what: String, _ partition: Partition, of count: Int, _ context: any TaskContext
  ) throws {
    let most = context.memoryLimit / 4
    guard bytes > most else { return }
    throw TaskError(
      .tooLarge,
      "partition \(partition.index) of \(count): the right side's \(what) take \(ByteCount(bytes)), and may take "
        + "\(ByteCount(most)), a quarter of --memory; set \"partitions\" to more than \(count), put the larger side on the "
        + "left, or give more memory")
  }

  static let definition = OpDefinition(
    name: "table.join", version: 1, summary: "brings together the records of two inputs that have the same key",
    inputs: [
      OpInput("left", .any, summary: "a table; its order is kept"),
      OpInput("right", .any, summary: "the table that partners are looked for in: the smaller one"),
    ],
    parameters: [
      OpParameter(
        "on", .strings, isOptional: true, summary: "the columns that must be equal, called the same on both sides"),
      OpParameter(
        "left_on", .strings, isOptional: true, summary: "the left side's columns, where they are called differently"),
      OpParameter("right_on", .strings, isOptional: true, summary: "the right side's columns, in the same order"),
      OpParameter(
        "how", .choice(JoinRows.Kind.allCases.map(\.rawValue)), default: .string(JoinRows.Kind.inner.rawValue),
        summary:
          "inner: pairs; left: also records of the left without a partner, with nulls; semi: records of the left "
          + "that have one; anti: those that have none"),
      OpParameter(
        "strategy", .choice(["broadcast", "partitioned"]), isOptional: true,
        summary: "broadcast: the right side is one table in memory; partitioned: both sides are split by key, on disk; "
          + "if left out, broadcast where the right side has one partition and \"partitions\" is not given"),
      OpParameter(
        "partitions", .integer(1...PartitionByID.mostPartitions), isOptional: true,
        summary:
          "how many partitions come out where both sides are split; twice as many as the larger side has, at most "
          + "\(GroupAggregate.usualMost), if left out"),
      OpParameter(
        "suffix", .string, default: .string("_right"),
        summary: "goes behind names of the right side that the left has too"),
    ],
    output: """
      the left side's columns, then, with inner and left, those of the right side without its keys; null keys have no \
      partners. Partitions and order are the left side's with broadcast; else records are in the left side's order within \
      each partition, partners in the right side's
      """,
    example: """
      named:
        op: table.join
        from: [visits, customers]
        with: {on: [customer_id], how: left}
      """,
    maker: .join { try JoinTables($0) })
}
