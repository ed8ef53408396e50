import CMemory
import Foundation
import Graph
import Synchronization

/// A file that aligned blocks are moved to and from past the page cache.
///
/// Where the file system refuses direct access, it writes through the cache and drops what it wrote, so that in a
/// control group what is written never fills the memory that the run is to do without.
final class DirectFile: Sendable {
  let path: String
  private let descriptor: Int32
  private let isDirect: Atomic<Bool>
  /// Ranges on their way to disk through the page cache, oldest first.
  private let lagging = Mutex<[Range<Int>]>([])
  private let failure: @Sendable (Int32) -> TaskError

  private static let greatestTransfer = 16 << 20
  private static let greatestLag = 8

  /// - Parameters:
  ///   - creating: whether a file of that name must not yet be there; otherwise it must.
  ///   - failure: what a failed write means, by its `errno`; that of a spill file unless told otherwise.
  init(
    _ path: String, creating: Bool, writable: Bool = true, direct: Bool = true,
    failure: (@Sendable (Int32) -> TaskError)? = nil
  ) throws {
    self.path = path
    self.failure = failure ?? { TaskError.spilling(path, $0) }
    let flags = (writable ? O_RDWR : O_RDONLY) | (creating ? O_CREAT | O_EXCL : 0) | O_CLOEXEC
    let directFlag = direct ? graphrun_direct_flag() : 0
    var file = open(path, flags | directFlag, 0o644)
    var isDirect = file >= 0 && directFlag != 0
    if file < 0, errno == EINVAL, directFlag != 0 {
      // Some file systems make the file before they refuse direct access to it.
      file = open(path, flags & ~O_EXCL, 0o644)
      isDirect = false
    }
    guard file >= 0 else { throw creating ? TaskError.spilling(path, errno) : TaskError.reading(path, errno) }
    #if canImport(Darwin)
      if direct { _ = fcntl(file, F_NOCACHE, 1) }
    #endif
    descriptor = file
    self.isDirect = Atomic(isDirect)
  }

  deinit { close(descriptor) }

  /// Bytes up to the end of the file.
  var byteCount: Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Bytes that it takes on disk.
  var byteCountOnDisk: Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_blocks) * 512 : 0
  }

  /// Writes whole blocks; address, length and place are multiples of a block.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    var isRefused = false
    while done < bytes.count {
      let count = min(bytes.count - done, DirectFile.greatestTransfer)
      let put = pwrite(descriptor, bytes.baseAddress! + done, count, off_t(offset + done))
      if put < 0 {
        if errno == EINTR { continue }
        if errno == EINVAL, !isRefused {
          isRefused = true
          endDirectAccess()
          continue
        }
        throw failure(errno)
      }
      // What is no whole block is written again: the next attempt says what is in the way.
      let whole = put == count ? put : put / SpillBlock.byteCount * SpillBlock.byteCount
      guard whole > 0 else { throw failure(ENOSPC) }
      done += whole
    }
    if !isDirect.load(ordering: .relaxed) { forget(offset..<offset + bytes.count) }
  }

  /// Reads whole blocks into aligned memory.
  /// - Throws: `TaskError` with code `.corruptValue` if the file ends before.
  func read(into base: UnsafeMutableRawPointer, _ count: Int, at offset: Int) throws {
    var done = 0
    var isRefused = false
    while done < count {
      let wanted = min(count - done, DirectFile.greatestTransfer)
      let got = pread(descriptor, base + done, wanted, off_t(offset + done))
      if got < 0 {
        if errno == EINTR { continue }
        if errno == EINVAL, !isRefused {
          isRefused = true
          endDirectAccess()
          continue
        }
        throw TaskError.reading(path, errno)
      }
      let whole = got == wanted ? got : got / SpillBlock.byteCount * SpillBlock.byteCount
      guard whole > 0 else { throw TaskError.damagedSpill(path, "the file ends early") }
      done += whole
    }
    #if os(Linux)
      if !isDirect.load(ordering: .relaxed) {
        posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_DONTNEED)
      }
    #endif
  }

  /// Gives the bytes back to the file system; the file keeps its length.
  /// - Returns: false where the file system cannot.
  func giveBack(_ range: Range<Int>) -> Bool {
    graphrun_punch_hole(descriptor, Int64(range.lowerBound), Int64(range.count)) == 0
  }

  /// Some file systems open a file for direct access and refuse it later.
  private func endDirectAccess() {
    isDirect.store(false, ordering: .relaxed)
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~graphrun_direct_flag())
  }

  /// Starts writing what is new to disk and waits for what is oldest.
  private func forget(_ range: Range<Int>) {
    graphrun_start_writing(descriptor, Int64(range.lowerBound), Int64(range.count))
    let oldest = lagging.withLock { lagging in
      lagging.append(range)
      return lagging.count > DirectFile.greatestLag ? lagging.removeFirst() : nil
    }
    if let oldest { graphrun_write_and_forget(descriptor, Int64(oldest.lowerBound), Int64(oldest.count)) }
  }
}

/// Page-aligned memory, as direct access needs it.
///
/// - Note: `@unchecked Sendable` holds because whoever has taken it from a `Mutex` is alone with it.
final class AlignedBlock: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let count: Int

  init(byteCount: Int) {
    count = SpillBlock.count(for: byteCount) * SpillBlock.byteCount
    base = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: SpillBlock.byteCount)
  }

  deinit { base.deallocate() }
}

extension TaskError {
  /// What a failed write to a spill file means.
  static func spilling(_ path: String, _ code: Int32) -> TaskError {
    guard code == ENOSPC || code == EDQUOT || code == EFBIG else { return .writing(path, code) }
    return TaskError(
      .diskFull,
      "the disk is full; free space there, name a folder on another disk with --state, or allow more --memory",
      file: path, cause: String(cString: strerror(code)))
  }

  static func damagedSpill(_ path: String, _ what: String) -> TaskError {
    TaskError(.corruptValue, "the spilled value is damaged: \(what); resume computes it again", file: path)
  }
}
