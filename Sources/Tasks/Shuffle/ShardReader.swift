import Dispatch
import Graph
import Synchronization

/// Reads one shard's pieces from every input partition, in the records' order.
///
/// Pieces are small, lie far apart and are read past the page cache: while one is worked on, the next are read.
struct ShardReader {
  private let pieces: [Piece]
  private let shard: Int

  /// What was written of the shard at once.
  struct Piece: Sendable {
    let set: ShardSet
    let number: Int
  }

  /// Bytes of pieces that lie in memory ahead of their use.
  static let bytesAhead = 1 << 20

  init(shard: Int, sets: [ShardSet]) {
    self.init(shard: shard, pieces: ShardReader.pieces(of: shard, in: sets))
  }

  /// Some of a shard's pieces, in that order.
  init(shard: Int, pieces: [Piece]) {
    self.shard = shard
    self.pieces = pieces
  }

  /// The pieces of a shard that hold something, in the records' order.
  static func pieces(of shard: Int, in sets: [ShardSet]) -> [Piece] {
    sets.flatMap { set in
      (0..<set.pieceCount).filter { set.byteCount(ofShard: shard, inPiece: $0) > 0 }.map { Piece(set: set, number: $0) }
    }
  }

  /// Calls `body` with each piece.
  ///
  /// - Throws: `TaskError` with code `.cannotRead` if a piece is not as it was written, or what `body` throws.
  func forEachPiece(_ body: (Buffer) throws -> Void) throws {
    try withPieces(recycles: false) { next in
      for _ in pieces { try body(next()) }
    }
  }

  /// Calls `body` with what gives one piece after the other, at most as often as there are pieces.
  ///
  /// Pieces lie in memory that is used again when they are let go of: `body` keeps few of them at a time.
  ///
  /// - Throws: `TaskError` with code `.cannotRead` if a piece is not as it was written, or what `body` throws.
  func withPieces(recycles: Bool = true, _ body: (_ next: () throws -> Buffer) throws -> Void) throws {
    let largest = pieces.reduce(0) { max($0, $1.set.byteCount(ofShard: shard, inPiece: $1.number)) }
    let depth = min(ShardReader.bytesAhead / max(largest, 1), 16)
    guard depth > 0, pieces.count > 2, pieces.contains(where: { $0.set.byteCount == 0 }) else {
      var rest = pieces[...]
      return try body { try rest.removeFirst().bytes(of: shard, in: nil) }
    }
    let ahead = ReadAhead(depth: depth)
    let blocks = recycles ? PieceBlocks(byteCount: largest) : nil
    DispatchQueue.global().async { [pieces, shard] in
      for piece in pieces {
        let isWanted = ahead.put { Result { try piece.bytes(of: shard, in: blocks) } }
        if !isWanted { break }
      }
      ahead.end()
    }
    defer { ahead.stop() }
    try body { try ahead.next().get() }
  }
}

extension ShardReader.Piece {
  fileprivate func bytes(of shard: Int, in blocks: PieceBlocks?) throws -> Buffer {
    guard let blocks else { return try set.bytes(ofShards: shard..<shard + 1, inPiece: number) ?? Buffer([]) }
    return try blocks.filled(set.byteCount(ofShard: shard, inPiece: number)) {
      try set.read(shard: shard, inPiece: number, into: $0)
    }
  }
}

/// Memory that pieces are read into, one after the other: fresh memory costs the kernel as much as reading does.
private final class PieceBlocks: Sendable {
  private let byteCount: Int
  private let free = Mutex<[Block]>([])

  /// - Note: `@unchecked Sendable`: it belongs to the pool or to one buffer.
  private struct Block: @unchecked Sendable { let base: UnsafeMutableRawPointer }

  /// - Parameter byteCount: of the largest piece.
  init(byteCount: Int) { self.byteCount = max(byteCount, 1) }

  deinit { for block in free.withLock({ $0 }) { block.base.deallocate() } }

  /// A buffer of so many bytes that `fill` writes; its memory comes back when it is let go of.
  func filled(_ count: Int, _ fill: (UnsafeMutableRawPointer) throws -> Void) throws -> Buffer {
    let block =
      free.withLock { $0.popLast() }
      ?? Block(base: .allocate(byteCount: byteCount, alignment: 64))
    let buffer = Buffer(base: block.base, count: count) { [self] in free.withLock { $0.append(block) } }
    try fill(block.base)
    return buffer
  }
}

/// What one thread reads for another, a few pieces ahead.
private final class ReadAhead: Sendable {
  private let read = Mutex<[Result<Buffer, any Error>]>([])
  private let isStopped = Atomic<Bool>(false)
  private let free: DispatchSemaphore
  private let ready = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  init(depth: Int) {
    free = DispatchSemaphore(value: 0)
    for _ in 0..<depth { free.signal() }
  }

  /// Waits for room and puts the next piece there.
  ///
  /// - Returns: `false` if nothing more is wanted.
  func put(_ piece: () -> Result<Buffer, any Error>) -> Bool {
    free.wait()
    if isStopped.load(ordering: .acquiring) { return false }
    let piece = piece()
    read.withLock { $0.append(piece) }
    ready.signal()
    return true
  }

  func next() -> Result<Buffer, any Error> {
    ready.wait()
    let piece = read.withLock { $0.removeFirst() }
    free.signal()
    return piece
  }

  /// Nothing more is put.
  func end() { ended.signal() }

  /// Nothing more is wanted: comes back when the other thread has ended.
  func stop() {
    isStopped.store(true, ordering: .releasing)
    free.signal()
    ended.wait()
  }
}
