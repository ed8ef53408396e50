import CXXHash
import Foundation
import Graph
import Synchronization

/// Keeps what tasks of one run put on disk for others: in few large files, past the page cache, checksummed.
///
/// A file goes when its last extent does; the files of a dead run go when the next begins.
final class ScratchStore: ScratchStorage {
  private let folder: String
  private let limit: Int?
  private let othersOnDisk: @Sendable () -> Int
  private let state = Mutex(State())
  /// Blocks for writing and reading that no thread is using.
  private let blocks = Mutex<[AlignedBlock]>([])
  /// Bytes that files take on disk, with what files add to and take from it.
  private let onDisk = Counter()

  private struct State {
    var current: ScratchFile?
    var nextFile = 0
    var bytesTotal = 0
  }

  /// A file that is full is left to its extents, and another begun.
  private static let fileBytes = 512 << 20
  private static let stagingBytes = 1 << 20

  final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  /// - Parameters:
  ///   - folder: where the files go; made when the first is.
  ///   - limit: bytes that all files together may take on disk, with `othersOnDisk`; `nil` for no limit.
  init(folder: String, limit: Int?, othersOnDisk: @escaping @Sendable () -> Int) {
    self.folder = folder
    self.limit = limit
    self.othersOnDisk = othersOnDisk
    ScratchStore.sweep(folder)
  }

  /// Removes what a dead run left.
  private static func sweep(_ folder: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasPrefix("scratch-") && name.hasSuffix(".graphrun") { unlink("\(folder)/\(name)") }
  }

  /// Bytes that the files take now.
  var bytesNow: Int { onDisk.value.load(ordering: .relaxed) }

  /// Bytes written since the store was made.
  var bytesTotal: Int { state.withLock { $0.bytesTotal } }

  func write(_ pieces: [UnsafeRawBufferPointer]) throws -> any ScratchExtent {
    let total = pieces.reduce(0) { $0 + $1.count }
    let whole = SpillBlock.count(for: total) * SpillBlock.byteCount
    let (file, start) = try takeSpace(whole)
    let block = takeBlock()
    defer { blocks.withLock { $0.append(block) } }
    var offset = start
    var filled = 0
    for piece in pieces {
      var rest = piece
      while rest.count > 0 {
        let count = min(rest.count, block.count - filled)
        memcpy(block.base + filled, rest.baseAddress!, count)
        filled += count
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        if filled == block.count {
          try file.file.write(UnsafeRawBufferPointer(start: block.base, count: filled), at: offset)
          offset += filled
          filled = 0
        }
      }
    }
    if filled > 0 {
      let padded = SpillBlock.count(for: filled) * SpillBlock.byteCount
      memset(block.base + filled, 0, padded - filled)
      try file.file.write(UnsafeRawBufferPointer(start: block.base, count: padded), at: offset)
    }
    return Extent(
      store: self, file: file, start: start, pieceBytes: pieces.map(\.count),
      hashes: pieces.map { XXH3_64bits($0.baseAddress, $0.count) })
  }

  /// Nothing more is written: the file that was written last goes with its last extent, as all others do.
  func close() {
    let last = state.withLock { state in
      defer { state.current = nil }
      return state.current
    }
    withExtendedLifetime(last) {}
  }

  private func takeSpace(_ bytes: Int) throws -> (ScratchFile, Int) {
    try state.withLock { state in
      if let limit, bytesNow + othersOnDisk() + bytes > limit {
        throw TaskError(
          .diskFull,
          "spilled values would take more than the limit of \(ByteCount(limit)); raise --spill-limit", file: folder)
      }
      if state.current == nil || state.current!.end + bytes > ScratchStore.fileBytes {
        try FilePublisher.makeFolder(folder)
        state.current = try ScratchFile("\(folder)/scratch-\(state.nextFile).graphrun", onDisk)
        state.nextFile += 1
      }
      let file = state.current!
      let start = file.end
      file.end += bytes
      onDisk.value.add(bytes, ordering: .relaxed)
      state.bytesTotal += bytes
      return (file, start)
    }
  }

  fileprivate func takeBlock() -> AlignedBlock {
    blocks.withLock { $0.popLast() } ?? AlignedBlock(byteCount: ScratchStore.stagingBytes)
  }

  fileprivate func giveBack(_ block: AlignedBlock) { blocks.withLock { $0.append(block) } }

  /// One file; it is removed with its last extent.
  ///
  /// - Note: `@unchecked Sendable`: `end` is read and written only under the store's lock.
  fileprivate final class ScratchFile: @unchecked Sendable {
    let file: DirectFile
    var end = 0
    private let onDisk: Counter

    init(_ path: String, _ onDisk: Counter) throws {
      file = try DirectFile(path, creating: true)
      self.onDisk = onDisk
    }

    deinit {
      unlink(file.path)
      onDisk.value.subtract(end, ordering: .relaxed)
    }
  }

  fileprivate final class Extent: ScratchExtent {
    private let store: ScratchStore
    private let file: ScratchFile
    let pieceBytes: [Int]
    /// Where each piece begins in the file, and the end of the last.
    private let offsets: [Int]
    private let hashes: [UInt64]

    init(store: ScratchStore, file: ScratchFile, start: Int, pieceBytes: [Int], hashes: [UInt64]) {
      self.store = store
      self.file = file
      self.pieceBytes = pieceBytes
      self.hashes = hashes
      var offsets = [start]
      for bytes in pieceBytes { offsets.append(offsets.last! + bytes) }
      self.offsets = offsets
    }

    func read(_ pieces: Range<Int>, into place: UnsafeMutableRawPointer) throws {
      let (start, end) = (offsets[pieces.lowerBound], offsets[pieces.upperBound])
      let block = store.takeBlock()
      defer { store.giveBack(block) }
      var position = start
      while position < end {
        let first = position / SpillBlock.byteCount * SpillBlock.byteCount
        let count = min(block.count, SpillBlock.count(for: end - first) * SpillBlock.byteCount)
        try file.file.read(into: block.base, count, at: first)
        let taken = min(first + count, end) - position
        memcpy(place + (position - start), block.base + (position - first), taken)
        position += taken
      }
      for piece in pieces {
        guard XXH3_64bits(place + (offsets[piece] - start), pieceBytes[piece]) == hashes[piece] else {
          throw TaskError(
            .cannotRead, "what another task put there is damaged; run again: it is computed again",
            file: file.file.path)
        }
      }
    }
  }
}
