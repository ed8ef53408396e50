import Foundation
import Graph
import Synchronization
import Tasks
import Testing

@testable import GraphRun

/// How often shards are read that are larger than what a task may hold; counted, not timed.
@Suite struct SkewTests {
  private struct Record: Codable, Sendable {
    var id: Int
    var text: String
  }

  private let hash = KeyHash<Int>()

  /// Cuts records by id into four shards, with so little memory that most of them go to disk.
  private func cut(_ records: Bag<Record>, _ context: CountingContext) throws -> (ShardedBag<Record>, ReadScope) {
    let hash = hash
    let shards = ShardedBag<Record>(records, label: "cut", identity: .closure, shardCount: 4) { next, sharder in
      while let block = try next() {
        for record in block { sharder.append(record, hashed: hash(record.id)) }
        try sharder.settle(block)
      }
    }
    let sets = try (0..<shards.node.count).map {
      try shards.node.run(
        .partition(Int32($0)), ReadScope(node: shards.node, references: [], inputs: [], context: context))
    }
    return (
      shards, ReadScope(node: shards.node, references: shards.dependencies(), inputs: sets, context: context)
    )
  }

  @Test func aGiantShardOfFewKeysIsReadOnce() throws {
    let context = CountingContext(memoryLimit: 16 << 20)
    // Nine of ten records are of one of three ids.
    let records = Bag.range(60_000, partitions: 4).map {
      Record(id: $0 % 10 == 0 ? $0 : $0 % 3, text: String(repeating: "x", count: 150))
    }
    let (shards, scope) = try cut(records, context)
    let stored = ShardReading(shards, scope)
    let largest = (0..<4).map { stored.byteCount(ofShard: $0) }.max()!
    #expect(largest > 2 * scope.allowance)
    #expect(context.storage.bytesWritten > 8 << 20)
    #expect(context.storage.bytesRead == 0)
    let read = try shards.folded(
      shards: 0..<4, scope, hash: hash, key: \.id, first: { _ in 1 }, next: { count, _ in count += 1 },
      finish: { ($0, $1) }, expansion: 0)
    var counts: [Int: Int] = [:]
    while let block = try read() { for (id, count) in block { counts[id] = count } }
    #expect(counts.values.reduce(0, +) == 60_000)
    #expect(counts.count == 6000 + 2)
    #expect(context.storage.bytesRead <= context.storage.bytesWritten)
  }

  @Test func aTableThatDoesNotFitIsMadeInParts() throws {
    let context = CountingContext(memoryLimit: 16 << 20)
    let records = Bag.range(200_000, partitions: 4).map { Record(id: $0, text: "") }
    let (shards, scope) = try cut(records, context)
    // Of values that are large themselves, so that one time through does not do.
    let read = try shards.folded(
      shards: 0..<4, scope, hash: hash, key: \.id,
      first: { SIMD8(repeating: $0.id) }, next: { _, _ in }, finish: { id, _ in id }, expansion: 0)
    var ids = Set<Int>()
    while let block = try read() { ids.formUnion(block) }
    #expect(ids.count == 200_000)
    #expect(context.storage.bytesRead > context.storage.bytesWritten)
    // Each half that is tried and found too large is read in vain: as much again, at most, and some.
    #expect(context.storage.bytesRead < 12 * context.storage.bytesWritten)
  }
}

/// A task's surroundings without an engine; what is set aside is kept in memory, and what of it is read is counted.
private final class CountingContext: TaskContext {
  let key = TaskKey(stage: "test", role: .partition(0))
  let attempt = 1
  let logPath = "/dev/null"
  let memoryLimit: Int
  let storage = Storage()

  init(memoryLimit: Int) { self.memoryLimit = memoryLimit }

  func scratch() throws -> any ScratchStorage { storage }
  func checkCancellation() throws {}
  func used(scratch bytes: Int) {}
  func inputKey(_ position: Int) -> TaskKey { TaskKey(stage: "input\(position)") }
  func reject(_ record: RejectedRecord) throws { throw CocoaError(.featureUnsupported) }

  func writeFile(at path: String, _ body: (any ByteSink) throws -> Int) throws -> WrittenFile {
    throw CocoaError(.featureUnsupported)
  }

  func publishFile(at path: String, _ body: (String) throws -> Void) throws -> WrittenFile {
    throw CocoaError(.featureUnsupported)
  }

  final class Storage: ScratchStorage {
    private let written = Mutex(0)
    private let read = Mutex(0)

    var bytesWritten: Int { written.withLock { $0 } }
    var bytesRead: Int { read.withLock { $0 } }

    func write(_ pieces: [UnsafeRawBufferPointer]) throws -> any ScratchExtent {
      written.withLock { $0 += pieces.reduce(0) { $0 + $1.count } }
      return Extent(self, pieces.map { Buffer($0) })
    }

    final class Extent: ScratchExtent {
      private let storage: Storage
      private let pieces: [Buffer]
      var pieceBytes: [Int] { pieces.map(\.count) }

      init(_ storage: Storage, _ pieces: [Buffer]) {
        self.storage = storage
        self.pieces = pieces
      }

      func read(_ numbers: Range<Int>, into place: UnsafeMutableRawPointer) throws {
        var place = place
        for piece in pieces[numbers] {
          place.copyMemory(from: piece.base, byteCount: piece.count)
          place += piece.count
          storage.read.withLock { $0 += piece.count }
        }
      }
    }
  }
}
