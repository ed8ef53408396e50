import Graph

/// `table.sort`: the records of all partitions in the order of some columns; those that are alike keep theirs.
///
/// In the first half each partition is sorted by itself and put on disk in small blocks, with the first key of each. In the
/// second, whoever makes a partition that comes out finds from these keys where it begins and ends: places in the order of
/// keys, and among equal keys of partitions and records, so that partitions are about equal however often a key is there. He
/// reads the blocks in between, from every partition, and merges them.
///
/// - Note: Source of choosing the ends by sampling: W. Frazer and A. McKellar, "Samplesort", 1970.
struct SortRows: ShuffleOp {
  private let order: SortOrder
  private let partitions: Int?

  /// First keys that each partition has a say with at least; all together have four for each that comes out.
  private static let leastSamples = 64

  init(_ arguments: OpArguments) throws {
    order = try SortOrder(
      arguments.require(OpArguments.strings, "by"), nullsFirst: arguments.string("nulls") == "first", parameter: "by")
    partitions = arguments.integer("partitions")
  }

  func partitionCount(of inputCount: Int) -> Int { partitions ?? min(inputCount, PartitionByID.mostPartitions) }

  func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    let window = min(inputBytes, ShardWriter.gatheredBytes(limit: memoryLimit))
    return MemoryEstimate(output: 64 << 10, scratch: inputBytes * 3 / 2 + window * 2 + (64 << 10))
  }

  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes, scratch: inputBytes * 5 / 2 + (1 << 20))
  }

  // MARK: - First half

  func split(
    _ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    let parts = partitionCount(of: count)
    let schema = try ShardSchema(table, source: partition.file?.name ?? "partition \(partition.index)").encoded()
    let keys = try SortKeys(table, order, rows: 0..<table.count, file: file)
    try context.checkCancellation()
    let sorted = keys.order()
    try context.checkCancellation()
    // A partition that comes out takes some blocks of each run, of which it needs a part of the first and the last. What
    // describes a block stays in memory.
    let blockRows = min(max(table.count / (parts * 2), 64), 4096)
    let blockCount = (table.count + blockRows - 1) / blockRows
    var windows: [ShardSet] = []
    var firstKeys: [[UInt8]] = []
    let pieces = PieceBuilder()
    var offsets = [0]
    let window = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    for block in 0..<blockCount {
      let rows = block * blockRows..<min((block + 1) * blockRows, table.count)
      firstKeys.append(Array(keys[Int(sorted[rows.lowerBound])]))
      try sorted.withUnsafeBufferPointer {
        try table.rows(at: UnsafeBufferPointer(rebasing: $0[rows])).write(to: pieces)
      }
      pieces.align()
      offsets.append(pieces.builder.count)
      if pieces.builder.count >= window, block < blockCount - 1 {
        try context.checkCancellation()
        windows.append(try ShardWriter.written(pieces.builder, offsets, context: context))
        pieces.builder.removeAll()
        offsets = [0]
      }
    }
    if blockCount == 0 { offsets.append(0) }
    let header = SortedRun.header(
      partCount: parts, rowCount: table.count, blockRows: blockRows, firstKeys: firstKeys, schema: schema)
    if windows.isEmpty {
      var writer = ShardWriter(shardCount: offsets.count - 1, inputCount: count, context: context)
      windows.append(try writer.finish(pieces.builder, offsets, header: header))
    } else {
      windows.append(try ShardWriter.written(pieces.builder, offsets, header: header, context: context))
    }
    return try SortedRun(windows)
  }

  // MARK: - Second half

  /// A place in the order of all rows: the first of a block.
  private struct Bound {
    let run: Int
    let block: Int
  }

  func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let runs = try shards.map { value in
      guard let run = value as? SortedRun else {
        throw TaskError(.wrongType, "the input is a \(type(of: value).kind), and no sorted run")
      }
      return run
    }
    let parts = partitionCount(of: runs.count)
    try checkFits(runs, parts, context)
    let bounds = SortRows.bounds(of: runs, parts)
    let schema = try ShardSchema.common(toSchemas: runs.map(\.schema))
    let lower = partition.index == 0 ? nil : bounds[partition.index - 1]
    let upper = partition.index == parts - 1 ? nil : bounds[partition.index]
    var tables = TableAppender(names: schema.names, types: schema.types)
    for number in runs.indices {
      try context.checkCancellation()
      let run = runs[number]
      guard run.blockCount > 0 else { continue }
      let first = lower.map { SortRows.block(before: $0, in: number, runs) } ?? 0
      let last = upper.map { SortRows.block(before: $0, in: number, runs) } ?? run.blockCount - 1
      guard first <= last else { continue }
      for (block, table) in try run.tables(first...last) {
        let keys = try SortKeys(table, order, rows: 0..<table.count, file: nil)
        func place(_ bound: Bound) -> Int {
          SortRows.firstRow(notBefore: bound, runs[bound.run].firstKey(bound.block), keys, run: number, block: block)
        }
        let start = block == first ? lower.map(place) ?? 0 : 0
        let end = block == last ? upper.map(place) ?? table.count : table.count
        guard start < end else { continue }
        if start == 0, end == table.count {
          try tables.append(table)
        } else {
          let rows = (start..<end).map { Int32(truncatingIfNeeded: $0) }
          try tables.append(rows.withUnsafeBufferPointer { try table.rows(at: $0) })
        }
      }
    }
    let all = tables.finish()
    let keys = try SortKeys(all, order, rows: 0..<all.count, file: nil)
    try context.checkCancellation()
    return try keys.order().withUnsafeBufferPointer { try all.rows(at: $0) }
  }

  /// Where each partition but the first begins.
  private static func bounds(of runs: [SortedRun], _ parts: Int) -> [Bound] {
    // Of the rows between two samples of a run, half stand for each.
    var samples: [(bound: Bound, before: Int, after: Int)] = []
    for (number, run) in runs.enumerated() where run.blockCount > 0 {
      let count = min(run.blockCount, max(leastSamples, parts * 4 / runs.count))
      // Each run has its say elsewhere: runs are often alike, and together they have to tell many places apart.
      let shift = (Double(number) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
      let blocks = (0..<count).map { Int((Double($0) + shift) * Double(run.blockCount) / Double(count)) }
      let rows = blocks.map { min($0 * run.blockRows, run.rowCount) } + [run.rowCount]
      var before = rows[0]
      for (place, block) in blocks.enumerated() {
        let next = rows[place + 1] - rows[place]
        let after = place == count - 1 ? next : next / 2
        samples.append((Bound(run: number, block: block), before, after))
        before = next - after
      }
    }
    samples.sort { a, b in
      let order = SortKeys.compare(
        runs[a.bound.run].firstKey(a.bound.block), runs[b.bound.run].firstKey(b.bound.block))
      return order != 0 ? order < 0 : (a.bound.run, a.bound.block) < (b.bound.run, b.bound.block)
    }
    guard let last = samples.last else { return Array(repeating: Bound(run: 0, block: 0), count: parts) }
    let total = samples.reduce(0) { $0 + $1.before + $1.after }
    var bounds: [Bound] = []
    var (passed, index) = (0, 0)
    for part in 1..<max(parts, 2) {
      while index < samples.count, passed + samples[index].before < total * part / parts {
        passed += samples[index].before + samples[index].after
        index += 1
      }
      bounds.append(index < samples.count ? samples[index].bound : last.bound)
    }
    return bounds
  }

  /// The last block of a run that may hold rows before the bound; the run's first if none does.
  private static func block(before bound: Bound, in run: Int, _ runs: [SortedRun]) -> Int {
    let key = runs[bound.run].firstKey(bound.block)
    // The first block whose first row is not before the bound.
    var (low, high) = (0, runs[run].blockCount)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(runs[run].firstKey(middle), run, middle, key, bound) { low = middle + 1 } else { high = middle }
    }
    return max(low - 1, 0)
  }

  private static func isBefore(
    _ key: UnsafeRawBufferPointer, _ run: Int, _ block: Int, _ boundKey: UnsafeRawBufferPointer, _ bound: Bound
  ) -> Bool {
    let order = SortKeys.compare(key, boundKey)
    return order != 0 ? order < 0 : (run, block) < (bound.run, bound.block)
  }

  private static func firstRow(
    notBefore bound: Bound, _ boundKey: UnsafeRawBufferPointer, _ keys: borrowing SortKeys, run: Int, block: Int
  ) -> Int {
    var (low, high) = (0, keys.count)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(keys[middle], run, block, boundKey, bound) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func checkFits(_ runs: [SortedRun], _ parts: Int, _ context: any TaskContext) throws {
    let bytes = runs.reduce(0) { $0 + $1.storedByteCount } / parts
    guard bytes > context.memoryLimit / 5 else { return }
    throw TaskError(
      .tooLarge,
      "each of the \(parts) partitions would take about \(ByteCount(bytes)), and may take "
        + "\(ByteCount(context.memoryLimit / 5)), a fifth of --memory; set \"partitions\" to more, or give more memory")
  }

  static let definition = OpDefinition(
    name: "table.sort", version: 2,
    summary: "puts the records of all partitions in order; those that are alike keep theirs",
    inputs: [OpInput("table", summary: "a table; the same columns in all partitions")],
    parameters: [
      OpParameter(
        "by", .strings, summary: "the columns to sort by, the most important first; \"amount desc\" sorts downwards"),
      OpParameter(
        "nulls", .choice(["last", "first"]), default: .string("last"), summary: "where records go that have no value"),
      OpParameter(
        "partitions", .integer(1...PartitionByID.mostPartitions), isOptional: true,
        summary: "how many partitions come out, of about one size; as many as go in if left out"),
    ],
    output: """
      a bag whose partitions, one behind the other, hold all records in order: texts by their bytes, what is no number \
      behind all numbers
      """,
    example: """
      sorted:
        op: table.sort
        from: visits
        with: {by: [customer_id, "timestamp desc"]}
      """,
    maker: .shuffle { try SortRows($0) })
}
