import CMemory
import Foundation
import Graph
import Synchronization

/// Files that several tasks of a run write at once, each at its place: aside, until the last gives them their names.
final class PlacedFiles: Sendable {
  /// By final path: the side file, open and locked.
  private let files = Mutex<[String: Int32]>([:])

  /// Writes at a place; the file is made when the first does.
  func write(_ path: String, at place: Range<Int>, _ body: (any ByteSink) throws -> Void) throws {
    let file = try files.withLock { files in
      if let file = files[path] { return file }
      let file = try FilePublisher.openSide(for: path)
      files[path] = file
      return file
    }
    let sink = PlacedSink(file: file, path: path, place: place)
    try body(sink)
    try sink.finish()
  }

  /// Puts the head in front, syncs a file and gives it its name. Where that fails, it can be tried again.
  func publish(_ path: String, head: [UInt8], byteCount: Int) throws -> stat {
    guard let file = files.withLock({ $0[path] }) else {
      throw TaskError(.failed, "no part of it was written", file: path)
    }
    let sink = PlacedSink(file: file, path: path, place: 0..<head.count)
    try head.withUnsafeBytes { try sink.write($0) }
    try sink.finish()
    let status = try FilePublisher.publishOpen(file, path, byteCount: byteCount)
    files.withLock { $0[path] = nil }
    Foundation.close(file)
    return status
  }

  /// Removes what was not published.
  func close() {
    files.withLock { files in
      for (path, file) in files {
        unlink(FilePublisher.sidePath(of: path))
        Foundation.close(file)
      }
      files = [:]
    }
  }
}

/// Writes bytes to their place in an open file, through a block buffer.
private final class PlacedSink: ByteSink {
  private let file: Int32
  private let path: String
  private let end: Int
  private var offset: Int
  /// Up to where the disk was told to begin.
  private var started: Int
  private let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 64)
  private var filled = 0

  init(file: Int32, path: String, place: Range<Int>) {
    self.file = file
    self.path = path
    offset = place.lowerBound
    end = place.upperBound
    started = offset
  }

  deinit { block.deallocate() }

  private static let startBytes = 16 << 20

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    guard offset + filled + bytes.count <= end else { throw changed() }
    if filled + bytes.count > block.count { try flush() }
    if bytes.count >= block.count { return try writeAll(bytes) }
    (block.baseAddress! + filled).copyMemory(from: base, byteCount: bytes.count)
    filled += bytes.count
  }

  func finish() throws {
    try flush()
    guard offset == end else { throw changed() }
    startWriting()
  }

  /// What was computed once more came out another size than before.
  private func changed() -> TaskError {
    TaskError(
      .failed, "what is to be written there has another size than when its place was found; run it again", file: path)
  }

  /// Lets the disk begin, so that there is little left to wait for at the end.
  private func startWriting() {
    graphrun_start_writing(file, Int64(started), Int64(offset - started))
    started = offset
  }

  private func flush() throws {
    guard filled > 0 else { return }
    let full = UnsafeRawBufferPointer(rebasing: block[..<filled])
    filled = 0
    try writeAll(full)
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while rest.count > 0 {
      let count = pwrite(file, rest.baseAddress, rest.count, off_t(offset))
      if count < 0 {
        if errno == EINTR { continue }
        throw TaskError.writing(path, errno)
      }
      offset += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    if offset - started >= PlacedSink.startBytes { startWriting() }
  }
}
