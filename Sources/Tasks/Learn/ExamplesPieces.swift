import Graph

/// The pieces of all partitions' examples, to be gone through many times.
///
/// The first of them stay in memory, as many as there is room for. In what order examples are visited does not depend on it.
final class ExamplesPieces {
  let rowCount: Int
  let features: Int
  private let labelCount: Int
  /// In the records' order.
  private let pieces: [ShardReader.Piece]
  private let room: Int
  /// Of the first pieces.
  private var held: [Buffer] = []
  /// Each piece's first row; known after the first time through.
  private var firstRows: [Int] = []

  /// Pieces whose examples are visited in one random order.
  private static let groupCount = 8
  /// What going through groups takes in memory, in bytes, beside the pieces that stay there.
  static let groupBytes =
    groupCount * (ExamplesPacker.pieceBytes * 2 + ExamplesPacker.mostRows * MemoryLayout<Row>.stride)

  /// An example.
  struct Row {
    /// Its place among all examples.
    let number: Int
    /// How many features it has.
    let count: Int
    let ids: UnsafePointer<Int32>
    let values: UnsafePointer<Float>
    let labels: Labels
  }

  /// An example's labels: 0 or 1 each.
  struct Labels {
    fileprivate let first: UnsafePointer<UInt8>
    fileprivate let stride: Int
    subscript(label: Int) -> UInt8 { first[label * stride] }
  }

  /// - Parameters:
  ///   - sets: all with the same labels.
  ///   - headers: theirs.
  ///   - room: bytes of pieces that may stay in memory.
  init(_ sets: [ShardSet], headers: [ExamplesHeader], room: Int) {
    self.room = room
    pieces = ShardReader.pieces(of: 0, in: sets)
    labelCount = headers[0].labels.count
    rowCount = headers.reduce(0) { $0 + $1.rows }
    features = headers.reduce(0) { max($0, $1.features) }
  }

  /// Calls `body` with each piece in the records' order; to be done once, before `forEachRow`.
  func forEach(_ context: any TaskContext, _ body: (ExamplesPiece) throws -> Void) throws {
    precondition(firstRows.isEmpty, "the pieces were read before")
    var (rows, heldBytes, isHolding) = (0, 0, true)
    try ShardReader(shard: 0, pieces: pieces).forEachPiece { buffer in
      try context.checkCancellation()
      let piece = try ExamplesPiece(buffer, labelCount: labelCount)
      firstRows.append(rows)
      rows += piece.rowCount
      isHolding = isHolding && heldBytes + buffer.count <= room
      if isHolding {
        held.append(buffer)
        heldBytes += buffer.count
      }
      try body(piece)
    }
  }

  /// Calls `body` with each example of a few pieces, then with those of others, until all were there.
  ///
  /// - Parameters:
  ///   - random: says which pieces go together, and in what order their examples come.
  ///   - context: asked now and then whether to go on.
  ///   - body: what it gets is valid until it returns.
  func forEachRow(using random: inout SampleRandom, _ context: any TaskContext, _ body: (Row) throws -> Void) throws {
    var order = (0..<pieces.count).map { Int32(truncatingIfNeeded: $0) }
    random.shuffle(&order)
    let missing = order.filter { $0 >= held.count }.map { pieces[Int($0)] }
    var rows: [Row] = []
    try ShardReader(shard: 0, pieces: missing).withPieces { next in
      for start in stride(from: 0, to: order.count, by: ExamplesPieces.groupCount) {
        try context.checkCancellation()
        let numbers = order[start..<min(start + ExamplesPieces.groupCount, order.count)].map(Int.init)
        let buffers = try numbers.map { try $0 < held.count ? held[$0] : next() }
        rows.removeAll(keepingCapacity: true)
        for (number, buffer) in zip(numbers, buffers) {
          let piece = try ExamplesPiece(buffer, labelCount: labelCount)
          var item = 0
          for row in 0..<piece.rowCount {
            rows.append(
              Row(
                number: firstRows[number] + row, count: Int(piece.lengths[row]), ids: piece.ids + item,
                values: piece.values + item,
                labels: Labels(first: piece.labels + row, stride: piece.rowCount)))
            item += Int(piece.lengths[row])
          }
        }
        random.shuffle(&rows)
        try withExtendedLifetime(buffers) { for row in rows { try body(row) } }
      }
    }
  }
}
