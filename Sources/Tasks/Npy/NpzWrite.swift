import Graph

/// `npz.write`: sparse vectors as one matrix that SciPy loads.
///
/// The three arrays of the matrix stand behind one another in the file, and each is of all partitions: the partitions wait on
/// disk, cut into their parts of the three, and one task goes through these.
struct NpzWrite: SinkOp {
  private let matrix: SparseMatrixFile
  var joined: (any JoinedSinkOp)? { matrix }

  init(_ arguments: OpArguments) {
    matrix = SparseMatrixFile(
      path: arguments.require(OpArguments.string, "path"), ids: arguments.require(OpArguments.string, "ids"),
      values: arguments.require(OpArguments.string, "values"), width: arguments.integer("columns"))
  }

  func paths(for partitions: Partitions) throws -> [String] { [] }
  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 0, scratch: 0) }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  { preconditionFailure("all partitions go to one file") }

  static let definition = OpDefinition(
    name: "npz.write", version: 1, summary: "writes sparse vectors as one matrix for SciPy: a row for each record",
    inputs: [
      OpInput("table", summary: "a table with lists of ids and of values, such as text.tfidf makes"),
      OpInput(
        "dictionary", .value, isOptional: true,
        summary: "the ids' dictionary: it has as many tokens as the matrix columns"),
    ],
    parameters: [
      OpParameter("path", .path, summary: "the file that is written, as a rule NAME.npz"),
      OpParameter("ids", .string, default: .string("ids"), summary: "the column with lists of int32: which columns"),
      OpParameter(
        "values", .string, default: .string("weights"), summary: "the column with lists of numbers: what stands there"),
      OpParameter(
        "columns", .integer(1...Int(Int32.max)), isOptional: true,
        summary:
          "how many columns the matrix has; the dictionary's tokens, or one more than the greatest id, if left out"),
    ],
    output: """
      the file's path, size and number of rows; compressed sparse rows (CSR), not packed, for scipy.sparse.load_npz: data as the \
      values' type, indices int32
      """,
    example: """
      matrix:
        op: npz.write
        from: [weighed, dictionary]
        with: {path: out/tfidf.npz}
      """,
    maker: .sink { NpzWrite($0) })
}

private struct SparseMatrixFile: JoinedSinkOp {
  let path: String
  let ids: String
  let values: String
  let width: Int?

  /// What a partition is cut into.
  private enum Part: Int, CaseIterable { case values, ids, lengths }

  /// What is known of a partition without its parts.
  private struct Sizes {
    var rows = 0
    var count = 0
    /// Of the matrix: what was said, or one more than the greatest id.
    var columns = 0
    var type = NpyType.float64

    func encoded() -> Buffer {
      var bytes = BufferBuilder()
      for number in [rows, count, columns, NpyType.allCases.firstIndex(of: type)!] { bytes.append(Int64(number)) }
      return bytes.finish()
    }

    init() {}

    init(_ set: ShardSet) throws {
      guard set.header.count == 32 else { throw damagedStates() }
      let numbers = (0..<4).map { Int(set.header.bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
      (rows, count, columns) = (numbers[0], numbers[1], numbers[2])
      guard NpyType.allCases.indices.contains(numbers[3]) else { throw damagedStates() }
      type = NpyType.allCases[numbers[3]]
    }
  }

  func estimatePart(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(
      output: 64 << 10, scratch: min(inputBytes, ShardWriter.gatheredBytes(limit: memoryLimit)) * 3 + (64 << 10))
  }

  func estimateJoin(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: 256, scratch: ShardWriter.gatheredBytes(limit: memoryLimit) * 2 + (1 << 20))
  }

  func part(
    _ value: any TaskValue, with others: [any TaskValue], partition: Partition, of count: Int, context: any TaskContext
  ) throws -> any TaskValue {
    let table = try Table.from(value, file: partition.file?.path)
    let vectors = try SparseLists(table, ids: ids, values: values, partition: partition)
    let width = try width ?? others.first.map { try TokenDictionary($0).table.count }
    var sizes = Sizes()
    sizes.columns = width ?? 0
    switch vectors.valueItems.type {
    case .int32: sizes.type = .int32
    case .int64: sizes.type = .int64
    case .float32: sizes.type = .float32
    default: sizes.type = .float64
    }
    sizes.rows = table.count
    guard case .fixed(let valueBytes) = vectors.valueItems.storage, case .fixed(let idBytes) = vectors.idItems.storage
    else { throw damagedStates() }
    var writer = ShardWriter(shardCount: Part.allCases.count, inputCount: count, context: context)
    let most = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    var builder = BufferBuilder()
    var offsets = [0, 0, 0, 0]
    let numbers = vectors.idItems.values(as: Int32.self)
    /// Of the rows that were not cut yet.
    var lengths: [Int32] = []
    var gathered = (ids: 0..<0, firstValue: 0)
    /// Cuts the rows that were not yet into their parts.
    func cut() throws {
      if builder.count > 0 { try writer.write(builder, offsets) }
      builder.removeAll()
      var ends = [0]
      for (bytes, start, width) in [
        (valueBytes, gathered.firstValue, sizes.type.byteCount), (idBytes, gathered.ids.lowerBound, 4),
      ] {
        let place = start * width
        builder.append(UnsafeRawBufferPointer(rebasing: bytes.bytes[place..<place + gathered.ids.count * width]))
        ends.append(builder.count)
      }
      lengths.withUnsafeBytes { builder.append($0) }
      offsets = ends + [builder.count]
      lengths.removeAll(keepingCapacity: true)
    }
    try vectors.forEach(context) { row, items, firstValue in
      for item in items {
        guard width.map({ Int(numbers[item]) < $0 }) ?? true else {
          throw vectors.bad(
            row,
            "id \(numbers[item]) is none of the matrix's \(width ?? 0) columns; give more columns, or the ids' own "
              + "dictionary")
        }
        sizes.columns = max(sizes.columns, Int(numbers[item]) + 1)
      }
      gathered =
        lengths.isEmpty ? (items, firstValue) : (gathered.ids.lowerBound..<items.upperBound, gathered.firstValue)
      lengths.append(Int32(truncatingIfNeeded: items.count))
      sizes.count += items.count
      if gathered.ids.count * (sizes.type.byteCount + 4) >= most { try cut() }
    }
    if !lengths.isEmpty { try cut() }
    return try writer.finish(builder, offsets, header: sizes.encoded())
  }

  func join(_ parts: [any TaskValue], to sink: any ByteSink, context: any TaskContext) throws -> Int {
    let sets = try ShardSet.all(parts, count: Part.allCases.count)
    let all = try sets.map { try Sizes($0) }
    let type = all.first?.type ?? .float64
    if let other = all.first(where: { $0.type != type }) {
      throw TaskError(
        .wrongType, "some partitions hold values of \(type.rawValue) and others of \(other.type.rawValue); cast them",
        file: path)
    }
    let rows = all.reduce(0) { $0 + $1.rows }
    let count = all.reduce(0) { $0 + $1.count }
    let columns = all.reduce(width ?? 0) { max($0, $1.columns) }
    var zip = ZipWriter(sink)
    /// An array of a part of all partitions.
    func write(_ name: String, _ part: Part, _ type: NpyType, _ zip: inout ZipWriter) throws {
      let head = NpyForm(type: type, width: nil).head(records: count)
      try zip.write("\(name).npy", byteCount: head.count + count * type.byteCount) { write in
        try head.withUnsafeBytes { try write($0) }
        try ShardReader(shard: part.rawValue, sets: sets).forEachPiece { bytes in
          try context.checkCancellation()
          try withExtendedLifetime(bytes) { try write(bytes.bytes) }
        }
      }
    }
    try write("indices", .ids, .int32, &zip)
    // As SciPy: of 32 bits where that is enough.
    if count <= Int(Int32.max) {
      try writeStarts(as: Int32.self, .int32, rows: rows, sets, context, &zip)
    } else {
      try writeStarts(as: Int64.self, .int64, rows: rows, sets, context, &zip)
    }
    try writeBytes("format", NpyForm.head(code: "|S3", shape: "()") + Array("csr".utf8), &zip)
    let shape = [Int64(rows), Int64(columns)].withUnsafeBytes { Array($0) }
    try writeBytes("shape", NpyForm(type: .int64, width: nil).head(records: 2) + shape, &zip)
    try write("data", .values, type, &zip)
    try zip.finish()
    return rows
  }

  private func writeBytes(_ name: String, _ bytes: [UInt8], _ zip: inout ZipWriter) throws {
    try zip.write("\(name).npy", byteCount: bytes.count) { write in try bytes.withUnsafeBytes { try write($0) } }
  }

  /// Where each row begins, and where the last ends.
  private func writeStarts<Number: FixedWidthInteger & BitwiseCopyable>(
    as number: Number.Type, _ type: NpyType, rows: Int, _ sets: [ShardSet], _ context: any TaskContext,
    _ zip: inout ZipWriter
  ) throws {
    let head = NpyForm(type: type, width: nil).head(records: rows + 1)
    try zip.write("indptr.npy", byteCount: head.count + (rows + 1) * type.byteCount) { write in
      try head.withUnsafeBytes { try write($0) }
      var start = Number.zero
      try withUnsafeBytes(of: start) { try write($0) }
      try ShardReader(shard: Part.lengths.rawValue, sets: sets).forEachPiece { bytes in
        try context.checkCancellation()
        var starts = BufferBuilder(capacity: bytes.count / 4 * type.byteCount)
        for place in stride(from: 0, to: bytes.count, by: 4) {
          start += Number(bytes.bytes.loadUnaligned(fromByteOffset: place, as: Int32.self))
          starts.append(start)
        }
        try write(starts.bytes)
      }
    }
  }
}
