import Graph

/// `group.aggregate`: figures of groups of records.
///
/// In the first half, the records of a partition are gathered by key in a small table, whose states go to the shard of their
/// key whenever it is full: what a key has many of is added up before it goes anywhere. Where nearly every record has a key
/// of its own, they pass through. In the second half, each shard's states are put together. Different values are counted
/// in the same way: pairs of key and value are made different in small tables, and in the second half for good, as many at
/// a time as there is memory for.
///
/// All that is added up is added in the records' order, cut at places that do not depend on memory: results are the same,
/// bit for bit.
///
/// - Note: Source of the small tables: P. Larson, "Data Reduction by Partial Preaggregation", ICDE 2002.
struct GroupAggregate: ShuffleOp {
  private let keys: [String]
  private let aggregations: [Aggregation]
  private let partitions: Int?

  /// Twice as many come out as go in, so that a shard's table is near the processor, but no more than this, unless
  /// the user says otherwise.
  static let usualMost = 256

  init(_ arguments: OpArguments) throws {
    keys = arguments.require(OpArguments.strings, "by")
    guard !keys.isEmpty else { throw ParameterError("by", "name at least one column") }
    guard keys.count <= KeyBatch.mostColumns - 1 else {
      throw ParameterError("by", "at most \(KeyBatch.mostColumns - 1) columns make a key")
    }
    aggregations = try Aggregation.all(arguments.nested("columns") ?? [], parameter: "columns")
    partitions = arguments.integer("partitions")
    if let name = (keys + aggregations.map(\.name)).firstRepeated {
      throw ParameterError("columns", "\"\(name)\" would come out twice; give the new column another name")
    }
  }

  /// - Precondition: there are less keys than `KeyBatch.mostColumns`.
  init(keys: [String], _ aggregations: [Aggregation], partitions: Int?) {
    self.keys = keys
    self.aggregations = aggregations
    self.partitions = partitions
  }

  func partitionCount(of inputCount: Int) -> Int { GroupAggregate.partitionCount(partitions, of: inputCount) }

  static func partitionCount(_ wanted: Int?, of inputCount: Int) -> Int { wanted ?? min(inputCount * 2, usualMost) }

  /// Columns whose different values are counted, each once.
  private var distinctColumns: [String] {
    var seen: [String] = []
    for aggregation in aggregations where aggregation.function == .countDistinct {
      if !seen.containsBytes(of: aggregation.column!) { seen.append(aggregation.column!) }
    }
    return seen
  }

  /// The columns that are looked at, each once, the keys first.
  private var needed: [String] {
    var seen = keys
    for column in aggregations.compactMap(\.column) where !seen.containsBytes(of: column) { seen.append(column) }
    return seen
  }

  func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    let table = min(inputBytes * 2, PartialGroups.mostBytes * 2)
    return MemoryEstimate(
      output: 16 << 10,
      scratch: table * (1 + distinctColumns.count) + ShardWriter.gatheredBytes(limit: memoryLimit) * 2 + (1 << 20))
  }

  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes / 2, scratch: min(inputBytes * 4, memoryLimit / 3) + (2 << 20))
  }

  // MARK: - First half

  func split(
    _ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file).selecting(needed, file: file)
    try check(table.names, table.columns.map(\.type), file: file)
    let header = try ShardSchema(table, source: partition.file?.name ?? "partition \(partition.index)").encoded()
    let writer = StateShardWriter(shardCount: partitionCount(of: count), inputCount: count, context: context)
    let keyColumns = table.columns.prefix(keys.count)
    let inputs = aggregations.map { aggregation in aggregation.column.map { table[$0]! } }
    let groups = PartialGroups(
      stream: 0, keys: Array(keyColumns), keyCount: keys.count,
      accumulators: try zip(aggregations, inputs).map { aggregation, column in
        try aggregation.function == .countDistinct
          ? nil : (aggregation.accumulator(column?.type, file: file), column)
      }.compactMap(\.self), writer: writer)
    let pairs = distinctColumns.enumerated().map { number, name in
      PartialGroups(
        stream: number + 1, keys: keyColumns + [table[name]!], keyCount: keys.count, accumulators: [], writer: writer)
    }
    for start in stride(from: 0, to: table.count, by: KeyBatch.mostRows) {
      if start % (KeyBatch.mostRows * 16) == 0 { try context.checkCancellation() }
      let rows = start..<min(start + KeyBatch.mostRows, table.count)
      try groups.take(rows)
      for pair in pairs { try pair.take(rows) }
    }
    try groups.flush()
    for pair in pairs { try pair.flush() }
    return try writer.finish(header: header)
  }

  /// - Throws: `TaskError` with code `.wrongType` for columns that are no keys, or cannot be aggregated.
  private func check(_ names: [String], _ types: [ColumnType], file: String?) throws {
    for (name, type) in zip(names, types).prefix(keys.count) {
      if type.isNested {
        throw TaskError(
          .wrongType,
          "column \"\(name)\" holds \(type), and a key is a string, a number, a date or a flag; name another",
          file: file)
      }
    }
    for aggregation in aggregations {
      let place = aggregation.column.flatMap { column in names.firstIndex { ByteText($0) == ByteText(column) } }
      _ = try aggregation.accumulator(place.map { types[$0] }, file: file)
    }
  }

  // MARK: - Second half

  func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let sets = try ShardSet.all(shards)
    let schema = try ShardSchema.common(to: sets)
    func columnType(_ name: String) -> ColumnType? {
      schema.names.firstIndex { ByteText($0) == ByteText(name) }.map { schema.types[$0] }
    }
    let keyTypes = keys.map { columnType($0) ?? .utf8 }
    let accumulators = try aggregations.map { try $0.accumulator($0.column.flatMap { columnType($0) }, file: nil) }
    let groups = GroupTable(keyTypes)
    let scratch = UnsafeMutablePointer<Int32>.allocate(capacity: KeyBatch.mostRows)
    defer { scratch.deallocate() }
    let pairTypes = distinctColumns.map { keyTypes + [columnType($0) ?? .utf8] }
    // As many goes through the pairs as memory asks for: nearly always this one.
    let bytes = sets.reduce(0) { $0 + $1.byteCount(ofShard: partition.index) }
    let goes = bytes * 3 / max(context.memoryLimit / 6, 1) + 1
    let values = goes == 1 ? pairTypes.map { DifferentValues($0) } : []
    try forEachStateTable(of: partition.index, in: sets, context) { stream, table in
      guard stream == 0 else {
        guard 1..<pairTypes.count + 1 ~= stream else { throw damagedStates() }
        if goes == 1 { try values[stream - 1].take(table) }
        return
      }
      let batch = KeyBatch(try zip(table.columns, keyTypes).map { try $0.conformed(to: $1) })
      var place = keys.count
      var states: [[Column]] = []
      for (aggregation, accumulator) in zip(aggregations, accumulators) {
        guard aggregation.function != .countDistinct else {
          states.append([])
          continue
        }
        let types = accumulator.stateTypes
        guard place + types.count <= table.columns.count else {
          throw damagedStates()
        }
        states.append(try zip(table.columns[place...], types).map { try $0.conformed(to: $1) })
        place += types.count
      }
      for start in stride(from: 0, to: table.count, by: KeyBatch.mostRows) {
        let rows = start..<min(start + KeyBatch.mostRows, table.count)
        batch.load(rows)
        groups.find(batch, into: scratch)
        for (accumulator, states) in zip(accumulators, states) {
          accumulator.grow(to: groups.count)
          if !states.isEmpty { accumulator.merge(states, rows, scratch) }
        }
      }
      try checkFits(groups, accumulators, values, partition, context)
    }
    for (number, name) in distinctColumns.enumerated() {
      let counts = zip(aggregations, accumulators).filter { aggregation, _ in
        aggregation.function == .countDistinct && ByteText(aggregation.column!) == ByteText(name)
      }.map { $1 as! CountAccumulator }
      if goes == 1 {
        try values[number].add(to: groups, counts)
        continue
      }
      for go in 0..<goes {
        let some = DifferentValues(pairTypes[number], go: go, of: goes)
        try forEachStateTable(of: partition.index, in: sets, context) { stream, table in
          if stream == number + 1 { try some.take(table) }
        }
        try some.add(to: groups, counts)
      }
    }
    return try made(groups, accumulators)
  }

  private func checkFits(
    _ groups: GroupTable, _ accumulators: [any Accumulator], _ values: [DifferentValues], _ partition: Partition,
    _ context: any TaskContext
  ) throws {
    let bytes = accumulators.reduce(groups.byteCount) { $0 + $1.byteCount } + values.reduce(0) { $0 + $1.byteCount }
    guard bytes > context.memoryLimit / 2 else { return }
    throw TaskError(
      .tooLarge,
      "partition \(partition.index) has \(groups.count) groups so far, which take \(ByteCount(bytes)), and may take "
        + "\(ByteCount(context.memoryLimit / 2)), half of --memory; set \"partitions\" to more, or give more memory")
  }

  private func made(_ groups: GroupTable, _ accumulators: [any Accumulator]) throws -> Table {
    let all = (0..<groups.count).map { Int32(truncatingIfNeeded: $0) }
    return try all.withUnsafeBufferPointer { all in
      Table(
        names: keys + aggregations.map(\.name),
        columns: try groups.keys.columns(all) + accumulators.map { try $0.result(all) }, count: groups.count)
    }
  }

  static let partitions = OpParameter(
    "partitions", .integer(1...PartitionByID.mostPartitions), isOptional: true,
    summary: "how many partitions come out; twice as many as go in, at most \(usualMost), if left out")

  static let definition = OpDefinition(
    name: "group.aggregate", version: 2,
    summary: "gathers figures of all records with one key: counts, totals, extremes, different values",
    inputs: [OpInput("table", summary: "a table with the columns that are named; the same in all partitions")],
    parameters: [
      OpParameter("by", .strings, summary: "the columns that make the key; null is a key like others"),
      OpParameter(
        "columns", .nested,
        summary:
          "the new columns, each with a function and its column: count (\"*\" counts records), sum, mean, min, max, "
          + "var, std (of a sample), first, last, countDistinct; nulls are left out"),
      partitions,
    ],
    output: """
      a record for each key: the key's columns, then the new ones in their order. Counts are int64, sums int64 for whole \
      numbers and flags, else float64, as mean, var and std; min, max, first and last as their column
      """,
    example: """
      perAuthor:
        op: group.aggregate
        from: records
        with:
          by: author
          columns: {papers: {count: "*"}, first_year: {min: year}}
      """,
    maker: .shuffle { try GroupAggregate($0) })
}
