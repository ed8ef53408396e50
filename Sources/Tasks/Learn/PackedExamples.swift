import Graph

// Examples for learning as they lie on disk while a model is fitted: rows of a sparse matrix and their labels, in pieces of
// about 256 KB that are read one behind the other, as often as it takes. A piece is, little-endian: how many rows (Int64) and
// how many values (Int64) it has; each row's number of values (Int32); all ids (Int32); all values (Float32); each label of
// each row (UInt8, 0 or 1), label by label.
//
// How a partition is cut into pieces depends on its rows alone, so that what is fitted does not depend on the memory.

/// What is known of a partition's examples without its pieces.
struct ExamplesHeader {
  var rows = 0
  /// One more than the greatest id.
  var features = 0
  var labels: [String]

  init(labels: [String]) { self.labels = labels }

  func encoded() -> Buffer {
    var bytes = BufferBuilder()
    for number in [rows, features, labels.count] { bytes.append(Int64(number)) }
    for label in labels {
      bytes.append(Int64(label.utf8.count))
      Array(label.utf8).withUnsafeBytes { bytes.append($0) }
    }
    return bytes.finish()
  }

  init(_ set: ShardSet) throws {
    var place = 0
    func number() throws -> Int {
      guard place + 8 <= set.header.count else { throw damagedStates() }
      defer { place += 8 }
      return Int(set.header.bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
    }
    rows = try number()
    features = try number()
    labels = []
    for _ in 0..<(try number()) {
      let count = try number()
      guard count >= 0, place + count <= set.header.count else { throw damagedStates() }
      labels.append(String(decoding: set.header.bytes[place..<place + count], as: UTF8.self))
      place += count
    }
  }
}

/// Packs the rows of tables.
struct ExamplesPacker {
  let ids: String
  let values: String
  let labels: [String]

  /// A piece is full at so many bytes or rows.
  static let pieceBytes = 256 << 10
  static let mostRows = 8192

  static func estimate(inputBytes: Int) -> MemoryEstimate {
    MemoryEstimate(output: 64 << 10, scratch: min(inputBytes, pieceBytes * 2) + (64 << 10))
  }

  /// - Parameters:
  ///   - table: has the columns of ids (lists of int32, at least 0), of values (lists of numbers) and of labels (0 and 1).
  ///   - partition: for messages.
  ///   - count: how many partitions are packed.
  ///   - context: has the place on disk.
  /// - Throws: `TaskError` for other columns, and with code `.badRecord` for a record that is no example.
  func pack(_ table: Table, partition: Partition, of count: Int, context: any TaskContext) throws -> ShardSet {
    let vectors = try SparseLists(table, ids: ids, values: values, partition: partition)
    let numbers = NumberItems(vectors.valueItems)
    let features = vectors.idItems.values(as: Int32.self)
    let flags = try labels.map { try LabelColumn(table, $0, partition: partition) }
    var header = ExamplesHeader(labels: labels)
    header.rows = table.count
    var writer = ShardWriter(shardCount: 1, inputCount: count, context: context)
    var piece = PieceOfExamples(labelCount: labels.count)
    try vectors.forEach(context) { row, items, firstValue in
      if let twice = PackedIDs.repeated(features, items) {
        throw vectors.bad(row, "id \(twice) is there twice; add its values up before, or leave one of them out")
      }
      for item in items {
        let value = numbers[firstValue + item - items.lowerBound]
        guard Float(value).isFinite else {
          throw vectors.bad(
            row, "value \(value) is no finite float32, as which values are packed; leave it out, or scale it")
        }
        piece.append(id: features[item], value: Float(value))
        header.features = max(header.features, Int(features[item]) + 1)
      }
      piece.closeRow(try flags.map { try $0.flag(at: row) })
      if piece.byteCount >= ExamplesPacker.pieceBytes || piece.rowCount == ExamplesPacker.mostRows {
        let bytes = piece.taken()
        try writer.write(bytes, [0, bytes.count])
      }
    }
    let bytes = piece.rowCount > 0 ? piece.taken() : BufferBuilder()
    return try writer.finish(bytes, [0, bytes.count], header: header.encoded())
  }
}

private enum PackedIDs {
  /// An id that is there more than once; ids mostly ascend.
  static func repeated(_ ids: UnsafeBufferPointer<Int32>, _ range: Range<Int>) -> Int32? {
    guard !range.isEmpty else { return nil }
    if zip(range, range.dropFirst()).allSatisfy({ ids[$0] < ids[$1] }) { return nil }
    let sorted = range.map { ids[$0] }.sorted()
    return zip(sorted, sorted.dropFirst()).first { $0 == $1 }?.0
  }
}

/// A piece while it is filled.
private struct PieceOfExamples {
  private var lengths: [Int32] = []
  private var ids: [Int32] = []
  private var values: [Float] = []
  private var labels: [[UInt8]]
  private var start = 0

  init(labelCount: Int) { labels = [[UInt8]](repeating: [], count: labelCount) }

  var rowCount: Int { lengths.count }
  var byteCount: Int { 16 + lengths.count * (4 + labels.count) + ids.count * 8 }

  mutating func append(id: Int32, value: Float) {
    ids.append(id)
    values.append(value)
  }

  mutating func closeRow(_ flags: [Bool]) {
    lengths.append(Int32(truncatingIfNeeded: ids.count - start))
    start = ids.count
    for (label, flag) in flags.enumerated() { labels[label].append(flag ? 1 : 0) }
  }

  /// Its bytes; it is empty then.
  mutating func taken() -> BufferBuilder {
    var bytes = BufferBuilder(capacity: byteCount)
    bytes.append(Int64(lengths.count))
    bytes.append(Int64(ids.count))
    lengths.withUnsafeBytes { bytes.append($0) }
    ids.withUnsafeBytes { bytes.append($0) }
    values.withUnsafeBytes { bytes.append($0) }
    for flags in labels { flags.withUnsafeBytes { bytes.append($0) } }
    self = PieceOfExamples(labelCount: labels.count)
    return bytes
  }
}

/// A piece as it is read. Valid as long as the buffer that it was made of.
struct ExamplesPiece {
  let rowCount: Int
  let lengths: UnsafePointer<Int32>
  let ids: UnsafePointer<Int32>
  let values: UnsafePointer<Float>
  /// Of each row, label by label: 0 or 1.
  let labels: UnsafePointer<UInt8>

  /// - Throws: `TaskError` with code `.corruptValue` for bytes that are none.
  init(_ buffer: Buffer, labelCount: Int) throws {
    let bytes = buffer.bytes
    guard bytes.count >= 16, let base = bytes.baseAddress else { throw damagedStates() }
    rowCount = Int(bytes.loadUnaligned(as: Int64.self))
    let valueCount = Int(bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
    guard rowCount >= 0, valueCount >= 0, rowCount <= bytes.count, valueCount <= bytes.count,
      bytes.count == 16 + rowCount * (4 + labelCount) + valueCount * 8, Int(bitPattern: base) % 4 == 0
    else { throw damagedStates() }
    lengths = (base + 16).assumingMemoryBound(to: Int32.self)
    ids = (base + 16 + rowCount * 4).assumingMemoryBound(to: Int32.self)
    values = (base + 16 + (rowCount + valueCount) * 4).assumingMemoryBound(to: Float.self)
    labels = (base + 16 + rowCount * 4 + valueCount * 8).assumingMemoryBound(to: UInt8.self)
  }

  /// A label of each row: 0 or 1.
  func label(_ number: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: labels + number * rowCount, count: rowCount)
  }
}

/// `examples.pack`: examples on disk, for several models to be fitted to.
struct PackExamples: PartitionOp {
  var outlivesRun: Bool { false }
  private let packer: ExamplesPacker

  init(_ arguments: OpArguments) throws {
    let labels = arguments.require(OpArguments.strings, "labels")
    if let twice = labels.firstRepeated { throw ParameterError("labels", "\"\(twice)\" is named twice") }
    guard !labels.isEmpty else { throw ParameterError("labels", "name at least one column") }
    packer = ExamplesPacker(
      ids: arguments.require(OpArguments.string, "ids"), values: arguments.require(OpArguments.string, "values"),
      labels: labels)
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { ExamplesPacker.estimate(inputBytes: inputBytes[0]) }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    // So many that no partition keeps more than some kilobytes in memory.
    try packer.pack(
      Table.from(inputs[0], file: partition.file?.path), partition: partition, of: 1024, context: context)
  }

  static let ids = OpParameter(
    "ids", .string, default: .string("ids"), summary: "the column with lists of int32: which features")
  static let values = OpParameter(
    "values", .string, default: .string("weights"),
    summary: "the column with lists of numbers: what the features are; taken as float32")

  static let definition = OpDefinition(
    name: "examples.pack", version: 1,
    summary: "puts sparse vectors and their labels on disk for the run, for many models to be fitted to",
    inputs: [
      OpInput("table", summary: "a table with lists of ids and of values, such as text.tfidf makes, and labels")
    ],
    parameters: [
      OpParameter("labels", .strings, summary: "columns of 0 and 1, or of false and true"), ids, values,
    ],
    output: "packed examples, which logistic.fit takes; they are gone with the run",
    example: """
      examples:
        op: examples.pack
        from: training
        with: {labels: [Mathematics, Physics]}
      """,
    maker: .perPartition { try PackExamples($0) })
}
