import CXXHash
import Foundation
import Graph

/// The file format of a stored value: a header of 64 bytes, then what `TaskValue.write(to:)` wrote.
///
/// Header: magic `GRVALUE1`, the payload's length and XXH3-64 (little-endian), then the value's kind as
/// UTF-8 with its length in the byte before. The header is written last, and the file renamed after that:
/// a file under its final name is whole, and the checksum tells whether the disk kept it so.
enum ValueFile {
  static let headerBytes = 64
  private static let magic: [UInt8] = Array("GRVALUE1".utf8)

  /// - Returns: bytes of the file.
  static func write(_ value: any TaskValue, to path: String, synced: Bool) throws -> Int {
    let (_, status) = try FilePublisher.publish(path, synced: synced, isCached: false) { _, file in
      let payload = FileSink(file: file, path: path, hashing: .stored, isCached: false)
      guard lseek(file, off_t(headerBytes), SEEK_SET) >= 0 else { throw TaskError.writing(path, errno) }
      try value.write(to: payload)
      try payload.flush()
      var header = [UInt8](repeating: 0, count: headerBytes)
      let kind = Array(type(of: value).kind.utf8.prefix(headerBytes - 25))
      header.replaceSubrange(0..<8, with: magic)
      withUnsafeBytes(of: UInt64(payload.byteCount).littleEndian) { header.replaceSubrange(8..<16, with: $0) }
      withUnsafeBytes(of: payload.storedChecksum.littleEndian) { header.replaceSubrange(16..<24, with: $0) }
      header[24] = UInt8(kind.count)
      header.replaceSubrange(25..<(25 + kind.count), with: kind)
      guard pwrite(file, header, headerBytes, 0) == headerBytes else { throw TaskError.writing(path, errno) }
    }
    return Int(status.st_size)
  }

  /// Reads a value back.
  /// - Throws: `TaskError` with `.corruptValue` if a single bit differs from what was written.
  static func read(_ path: String, registry: OpRegistry) throws -> any TaskValue {
    let (kind, payload) = try readPayload(path)
    return try registry.readValue(kind: kind, from: payload)
  }

  /// Whether the file has the header and the length that were written: true of every file that was synced.
  static func isComplete(_ path: String) -> Bool { (try? withFile(path) { try readHeader($0, path) }) != nil }

  /// Whether every byte is as it was written.
  static func isIntact(_ path: String) -> Bool { (try? readPayload(path)) != nil }

  private struct Header {
    var kind: String
    var byteCount: Int
    var checksum: UInt64
  }

  private static func withFile<T>(_ path: String, _ body: (Int32) throws -> T) throws -> T {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw TaskError.reading(path, errno) }
    defer { close(file) }
    return try body(file)
  }

  private static func readHeader(_ file: Int32, _ path: String) throws -> Header {
    var header = [UInt8](repeating: 0, count: headerBytes)
    guard pread(file, &header, headerBytes, 0) == headerBytes, Array(header[..<8]) == magic else {
      throw corrupt(path, "it is no stored value")
    }
    let length = header.withUnsafeBytes { UInt64(littleEndian: $0.load(fromByteOffset: 8, as: UInt64.self)) }
    let checksum = header.withUnsafeBytes { UInt64(littleEndian: $0.load(fromByteOffset: 16, as: UInt64.self)) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_size >= headerBytes, UInt64(status.st_size - headerBytes) == length
    else {
      throw corrupt(path, "its length is not what was written")
    }
    let kindLength = min(Int(header[24]), headerBytes - 25)
    let kind = String(decoding: header[25..<(25 + kindLength)], as: UTF8.self)
    return Header(kind: kind, byteCount: Int(length), checksum: checksum)
  }

  private static func readPayload(_ path: String) throws -> (kind: String, payload: Buffer) {
    try withFile(path) { file in
      let header = try readHeader(file, path)
      return (header.kind, try readPayload(file, path, header))
    }
  }

  private static func readPayload(_ file: Int32, _ path: String, _ header: Header) throws -> Buffer {
    let count = header.byteCount
    guard let base = LargeMemory.allocate(max(count, 1)) else {
      throw TaskError(.outOfMemory, "no memory for \(count) bytes", file: path)
    }
    let payload = Buffer(adoptingHeap: base, count: count)
    var done = 0
    while done < count {
      let got = pread(file, base + done, min(count - done, 8 << 20), off_t(headerBytes + done))
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw corrupt(path, "it ends early") }
      done += got
    }
    #if os(Linux)
      posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
    #endif
    guard XXH3_64bits(base, count) == header.checksum else { throw corrupt(path, "its checksum is wrong") }
    return payload
  }

  private static func corrupt(_ path: String, _ what: String) -> TaskError {
    TaskError(.corruptValue, "the stored value is damaged: \(what); resume computes it again", file: path)
  }
}
