import CMemory
import Foundation
import Graph
import Synchronization

/// Files that several tasks of a run write at once, each at its place: aside, until the last gives them their names.
///
/// What is large goes past the page cache to room that was reserved for it. Through the cache, one writer at a time has the
/// file, the others burn their processors waiting for it, and a control group's memory fills with what was written.
final class PlacedFiles: Sendable {
  /// By final path.
  private let files = Mutex<[String: SideFile]>([:])

  fileprivate struct SideFile: Sendable {
    /// Open and locked.
    let cached: Int32
    /// The same file.
    let direct: DirectFile
  }

  /// Writes at a place; the file is made when the first does.
  func write(_ path: String, at place: Range<Int>, _ body: (any ByteSink) throws -> Void) throws {
    let sink = PlacedSink(try sideFile(path), path: path, place: place)
    defer { sink.wait() }
    try sink.reserve()
    try body(sink)
    try sink.finish()
  }

  private func sideFile(_ path: String) throws -> SideFile {
    try files.withLock { files in
      if let file = files[path] { return file }
      let cached = try FilePublisher.openSide(for: path)
      do {
        let direct = try DirectFile(FilePublisher.sidePath(of: path), creating: false) { TaskError.writing(path, $0) }
        files[path] = SideFile(cached: cached, direct: direct)
      } catch {
        Foundation.close(cached)
        throw error
      }
      return files[path]!
    }
  }

  /// Puts the head in front, syncs a file and gives it its name. Where that fails, it can be tried again.
  func publish(_ path: String, head: [UInt8], byteCount: Int) throws -> stat {
    guard let file = files.withLock({ $0[path] }) else {
      throw TaskError(.failed, "no part of it was written", file: path)
    }
    let sink = PlacedSink(file, path: path, place: 0..<head.count)
    defer { sink.wait() }
    try head.withUnsafeBytes { try sink.write($0) }
    try sink.finish()
    let status = try FilePublisher.publishOpen(file.cached, path, byteCount: byteCount)
    files.withLock { $0[path] = nil }
    Foundation.close(file.cached)
    return status
  }

  /// Removes what was not published.
  func close() {
    files.withLock { files in
      for (path, file) in files {
        unlink(FilePublisher.sidePath(of: path))
        Foundation.close(file.cached)
      }
      files = [:]
    }
  }
}

/// Writes bytes to their place in an open file: whole blocks past the page cache, and what is left at both ends, which others
/// may share a block with, through it. While some blocks are on their way, the next is filled.
private final class PlacedSink: ByteSink {
  private let file: PlacedFiles.SideFile
  private let path: String
  private let place: Range<Int>
  private let isDirect: Bool
  /// Being filled. Lies in memory as it is to lie in the file: both begin where a block of the disk does.
  private var block: AlignedBlock
  private var blockStart: Int
  private var filled: Int
  private let behind: WriteBehind

  /// Of the disk's blocks and of the page cache's pages the larger: no page is written in both ways.
  private static let unit = max(SpillBlock.byteCount, sysconf(Int32(_SC_PAGESIZE)))
  /// Below, a place is written through the page cache.
  private static let leastDirect = 256 << 10

  init(_ file: PlacedFiles.SideFile, path: String, place: Range<Int>) {
    self.file = file
    self.path = path
    self.place = place
    isDirect = place.count >= PlacedSink.leastDirect
    let size = min(PlacedBlocks.blockByteCount, place.count + 2 * PlacedSink.unit)
    block = AlignedBlock(byteCount: size)
    behind = WriteBehind(blockByteCount: size, count: PlacedBlocks.count - 1)
    filled = place.lowerBound % PlacedSink.unit
    blockStart = place.lowerBound - filled
  }

  /// Takes the room on disk, so that a full disk is known before anything is written there, and writers need not wait for each
  /// other while the file grows.
  func reserve() throws {
    guard isDirect, graphrun_reserve(file.cached, Int64(place.lowerBound), Int64(place.count)) != 0 else { return }
    // Not all file systems can.
    if errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL { throw TaskError.writing(path, errno) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard blockStart + filled + bytes.count <= place.upperBound else { throw changed() }
    var rest = bytes
    while rest.count > 0 {
      let count = min(rest.count, block.count - filled)
      memcpy(block.base + filled, rest.baseAddress!, count)
      filled += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      if filled == block.count { try flush() }
    }
  }

  func finish() throws {
    guard blockStart + filled == place.upperBound else { throw changed() }
    try flush()
    try behind.finish()
  }

  /// Waits for what is on its way: nothing is written any more.
  func wait() { behind.wait() }

  /// What was computed once more came out another size than before.
  private func changed() -> TaskError {
    TaskError(
      .failed, "what is to be written there has another size than when its place was found; run it again", file: path)
  }

  private func flush() throws {
    let size = PlacedSink.unit
    let (block, start) = (block, blockStart)
    let used = max(place.lowerBound, start)..<start + filled
    let first = (used.lowerBound + size - 1) / size * size
    let whole = first..<max(first, used.upperBound / size * size)
    if isDirect, !whole.isEmpty {
      try writeCached(used.lowerBound..<whole.lowerBound)
      try writeCached(whole.upperBound..<used.upperBound)
      self.block = try behind.write(block) { [file] in
        try file.direct.write(
          UnsafeRawBufferPointer(start: block.base + (whole.lowerBound - start), count: whole.count),
          at: whole.lowerBound)
      }
    } else {
      try writeCached(used)
    }
    blockStart += filled
    filled = 0
  }

  private func writeCached(_ range: Range<Int>) throws {
    var rest = UnsafeRawBufferPointer(start: block.base + (range.lowerBound - blockStart), count: range.count)
    var offset = range.lowerBound
    while rest.count > 0 {
      let count = pwrite(file.cached, rest.baseAddress, rest.count, off_t(offset))
      if count < 0 {
        if errno == EINTR { continue }
        throw TaskError.writing(path, errno)
      }
      offset += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }
}

/// Writes full blocks on other threads, and gives empty ones for them.
private final class WriteBehind: Sendable {
  private let state = Mutex(State())
  private let free: DispatchSemaphore
  private let underWay = DispatchGroup()
  private let blockByteCount: Int

  private struct State {
    var blocks: [AlignedBlock] = []
    var failure: (any Error)?
  }

  /// - Parameter count: blocks that may be on their way.
  init(blockByteCount: Int, count: Int) {
    self.blockByteCount = blockByteCount
    free = DispatchSemaphore(value: 0)
    for _ in 0..<count { free.signal() }
  }

  /// Writes a block and gives another; waits while too many are on their way.
  ///
  /// - Throws: what went wrong with this one or those before.
  func write(_ block: AlignedBlock, _ body: @escaping @Sendable () throws -> Void) throws -> AlignedBlock {
    free.wait()
    DispatchQueue.global().async(group: underWay) { [self] in
      do {
        try body()
        state.withLock { $0.blocks.append(block) }
      } catch {
        state.withLock {
          $0.blocks.append(block)
          $0.failure = $0.failure ?? error
        }
      }
      free.signal()
    }
    return try state.withLock { state in
      if let failure = state.failure { throw failure }
      return state.blocks.popLast() ?? AlignedBlock(byteCount: blockByteCount)
    }
  }

  /// - Throws: what went wrong with any block.
  func finish() throws {
    underWay.wait()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  func wait() { underWay.wait() }
}
