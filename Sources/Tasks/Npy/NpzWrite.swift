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
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    let (idLists, valueLists) = (try table.column(ids, file: file), try table.column(values, file: file))
    guard idLists.type == .list(.int32), let idItems = idLists.items else {
      throw TaskError(
        .wrongType, "column \"\(ids)\" holds \(idLists.type), and ids are lists of int32; name another column",
        file: file)
    }
    let width = try width ?? others.first.map { try TokenDictionary($0).table.count }
    var sizes = Sizes()
    sizes.columns = width ?? 0
    switch valueLists.type {
    case .list(.int32): sizes.type = .int32
    case .list(.int64): sizes.type = .int64
    case .list(.float32): sizes.type = .float32
    case .list(.float64): sizes.type = .float64
    default:
      throw TaskError(
        .wrongType,
        "column \"\(values)\" holds \(valueLists.type), and values are lists of numbers; name another column",
        file: file)
    }
    sizes.rows = table.count
    let valueItems = valueLists.items!
    guard valueItems.nullCount == 0, idItems.nullCount == 0 else {
      throw TaskError(
        .badRecord, "a list of ids or values holds a null, and matrices have none; leave such items out",
        file: file ?? partition.label)
    }
    guard case .fixed(let valueBytes) = valueItems.storage, case .fixed(let idBytes) = idItems.storage else {
      throw damagedStates()
    }
    var writer = ShardWriter(shardCount: Part.allCases.count, inputCount: count, context: context)
    let most = ShardWriter.gatheredBytes(limit: context.memoryLimit)
    var builder = BufferBuilder()
    var offsets = [0, 0, 0, 0]
    try idLists.withOffsets { starts in
      try valueLists.withOffsets { others in
        let numbers = idItems.values(as: Int32.self)
        var first = 0
        /// Cuts the rows from the first that was not yet into their parts.
        func cut(upTo end: Int) throws {
          if builder.count > 0 { try writer.write(builder, offsets) }
          builder.removeAll()
          let items = Int(starts[end] - starts[first])
          var ends = [0]
          for (bytes, start, width) in [(valueBytes, others[first], sizes.type.byteCount), (idBytes, starts[first], 4)]
          {
            let place = Int(start) * width
            builder.append(UnsafeRawBufferPointer(rebasing: bytes.bytes[place..<place + items * width]))
            ends.append(builder.count)
          }
          for row in first..<end { builder.append(starts[row + 1] - starts[row]) }
          offsets = ends + [builder.count]
          first = end
        }
        for row in 0..<table.count {
          func bad(_ why: String) -> TaskError {
            TaskError(.badRecord, why, file: file ?? partition.label, record: "record \(row + 1)")
          }
          guard !idLists.isNull(row), !valueLists.isNull(row) else {
            throw bad("there is no list of ids, or of values; filter such records out before")
          }
          let range = Int(starts[row])..<Int(starts[row + 1])
          guard range.count == Int(others[row + 1] - others[row]) else {
            throw bad("it has \(range.count) ids and \(others[row + 1] - others[row]) values; both should be as many")
          }
          for item in range {
            guard numbers[item] >= 0, width.map({ Int(numbers[item]) < $0 }) ?? true else {
              throw bad(
                "id \(numbers[item]) is none of the matrix's \(width ?? 0) columns; give more columns, or the ids' own "
                  + "dictionary")
            }
            sizes.columns = max(sizes.columns, Int(numbers[item]) + 1)
          }
          if Int(starts[row + 1] - starts[first]) * (sizes.type.byteCount + 4) >= most {
            try context.checkCancellation()
            try cut(upTo: row + 1)
          }
        }
        sizes.count = Int(starts[table.count] - starts[0])
        if first < table.count { try cut(upTo: table.count) }
      }
    }
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
