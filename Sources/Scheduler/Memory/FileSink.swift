import CMemory
import CXXHash
import Foundation
import Graph

/// Writes bytes to an open file through a block buffer, counting and, where asked, hashing them.
final class FileSink: ByteSink {
  private let file: Int32
  private let path: String
  private let hash: OpaquePointer?
  private let hashing: Hashing?
  private var block: UnsafeMutableRawBufferPointer
  private var filled = 0
  private(set) var byteCount = 0
  /// Bytes that the kernel was told to forget once on disk: a spill must not fill the page cache.
  private let isCached: Bool
  private var flushedToDisk = 0

  private static let blockBytes = 128 << 10
  private static let windowBytes = 8 << 20

  /// What is computed of all bytes.
  enum Hashing {
    /// XXH3-64, for what graphrun alone reads.
    case stored
    /// XXH128, which users can check.
    case published
  }

  /// - Parameters:
  ///   - file: an open descriptor; the caller closes it.
  ///   - path: for error messages: the name the user knows.
  init(file: Int32, path: String, hashing: Hashing? = nil, isCached: Bool = true) {
    self.file = file
    self.path = path
    self.isCached = isCached
    block = .allocate(byteCount: FileSink.blockBytes, alignment: 64)
    self.hashing = hashing
    hash = hashing == nil ? nil : XXH3_createState()
    switch hashing {
    case .stored: XXH3_64bits_reset(hash)
    case .published: XXH3_128bits_reset(hash)
    case nil: break
    }
  }

  deinit {
    block.deallocate()
    if let hash { XXH3_freeState(hash) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    switch hashing {
    case .stored: XXH3_64bits_update(hash, base, bytes.count)
    case .published: XXH3_128bits_update(hash, base, bytes.count)
    case nil: break
    }
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

  /// XXH3-64 of everything written, where that is computed.
  var storedChecksum: UInt64 { hashing == .stored ? XXH3_64bits_digest(hash) : 0 }

  /// XXH128 of everything written, where that is computed.
  var publishedChecksum: FileChecksum? {
    guard hashing == .published else { return nil }
    let digest = XXH3_128bits_digest(hash)
    return FileChecksum(high: digest.high64, low: digest.low64)
  }

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
