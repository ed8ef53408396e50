import CMemory
import CXXHash
import Foundation
import Graph

/// Writes bytes to an open file through a block buffer, counting and, where asked, hashing them.
final class FileSink: ByteSink {
  private let file: Int32
  private let path: String
  private let hash: OpaquePointer?
  private var block: UnsafeMutableRawBufferPointer
  private var filled = 0
  private(set) var byteCount = 0
  /// Bytes that the kernel was told to forget once on disk: a spill must not fill the page cache.
  private let isCached: Bool
  private var flushedToDisk = 0

  private static let blockBytes = 128 << 10
  private static let windowBytes = 8 << 20

  /// - Parameters:
  ///   - file: an open descriptor; the caller closes it.
  ///   - path: for error messages: the name the user knows.
  init(file: Int32, path: String, hashing: Bool = false, isCached: Bool = true) {
    self.file = file
    self.path = path
    self.isCached = isCached
    block = .allocate(byteCount: FileSink.blockBytes, alignment: 64)
    hash = hashing ? XXH3_createState() : nil
    if let hash { XXH3_64bits_reset(hash) }
  }

  deinit {
    block.deallocate()
    if let hash { XXH3_freeState(hash) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    if let hash { XXH3_64bits_update(hash, base, bytes.count) }
    byteCount += bytes.count
    if filled + bytes.count > block.count { try flush() }
    if bytes.count >= block.count {
      try writeAll(bytes)
    } else {
      (block.baseAddress! + filled).copyMemory(from: base, byteCount: bytes.count)
      filled += bytes.count
    }
  }

  func flush() throws {
    guard filled > 0 else { return }
    let full = UnsafeRawBufferPointer(rebasing: block[..<filled])
    filled = 0
    try writeAll(full)
  }

  /// XXH3-64 of everything written.
  var checksum: UInt64 { hash.map { XXH3_64bits_digest($0) } ?? 0 }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while rest.count > 0 {
      let count = Foundation.write(file, rest.baseAddress, rest.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw TaskError.writing(path, errno)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    if !isCached { forgetOldPages() }
  }

  /// Starts writing the newest window to disk and drops the one before from the page cache.
  private func forgetOldPages() {
    let end = byteCount - filled
    guard end - flushedToDisk >= FileSink.windowBytes else { return }
    let earlier = max(0, flushedToDisk - FileSink.windowBytes)
    graphrun_start_writing(file, Int64(flushedToDisk), Int64(end - flushedToDisk))
    graphrun_write_and_forget(file, Int64(earlier), Int64(flushedToDisk - earlier))
    flushedToDisk = end
  }
}

extension TaskError {
  /// What a failed write to `path` means.
  static func writing(_ path: String, _ code: Int32) -> TaskError {
    let cause = String(cString: strerror(code))
    switch code {
    case ENOSPC, EDQUOT:
      return TaskError(.diskFull, "the disk is full; free space there, then resume", file: path, cause: cause)
    case EACCES, EPERM, EROFS:
      return TaskError(
        .cannotWrite, "writing there is not allowed; change the permissions or the output folder", file: path, cause: cause)
    default: return TaskError(.cannotWrite, "it cannot be written", file: path, cause: cause)
    }
  }

  static func reading(_ path: String, _ code: Int32) -> TaskError {
    TaskError(.cannotRead, "it cannot be read", file: path, cause: String(cString: strerror(code)))
  }
}

/// Publishes a file in one step: written aside, synced, then renamed over its final name.
///
/// Until the rename, nothing is seen under the final name but what was there before. The side file has a
/// fixed hidden name beside it, so that the next attempt after a crash overwrites it.
enum FilePublisher {
  static func sidePath(of path: String) -> String {
    let url = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    return path[..<url] + "." + path[url...] + ".graphrun-partial"
  }

  /// - Parameters:
  ///   - synced: wait until the bytes are on disk. Without it the file survives a killed process, not a power cut.
  ///   - body: writes the content.
  /// - Returns: what `body` returned, and the file's state after publishing.
  static func publish<Result>(
    _ path: String, synced: Bool, isCached: Bool = true, hashing: Bool = false,
    _ body: (FileSink, Int32) throws -> Result
  ) throws -> (result: Result, status: stat) {
    let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    if !folder.isEmpty {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw TaskError.writing(folder, errno)
      }
    }
    let side = sidePath(of: path)
    let file = open(side, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw TaskError.writing(path, errno) }
    var isOpen = true
    do {
      let sink = FileSink(file: file, path: path, hashing: hashing, isCached: isCached)
      let result = try body(sink, file)
      try sink.flush()
      if synced, fdatasync(file) != 0 { throw TaskError.writing(path, errno) }
      var status = stat()
      if fstat(file, &status) != 0 { throw TaskError.writing(path, errno) }
      isOpen = false
      if close(file) != 0 { throw TaskError.writing(path, errno) }
      if rename(side, path) != 0 { throw TaskError.writing(path, errno) }
      if synced { syncFolder(folder.isEmpty ? "/" : folder) }
      return (result, status)
    } catch {
      if isOpen { close(file) }
      unlink(side)
      throw error
    }
  }

  private static func syncFolder(_ path: String) {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }
}

extension stat {
  /// Modification time in nanoseconds since 1970.
  var modified: Int64 {
    #if os(Linux)
      Int64(st_mtim.tv_sec) * 1_000_000_000 + Int64(st_mtim.tv_nsec)
    #else
      Int64(st_mtimespec.tv_sec) * 1_000_000_000 + Int64(st_mtimespec.tv_nsec)
    #endif
  }
}
