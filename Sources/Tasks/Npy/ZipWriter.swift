import CZlib
import Graph

/// Writes an archive whose members are stored as they are, as NumPy does, in one go from the front.
///
/// Each member's checksum stands behind it, and all sizes are of 64 bits. No time is written: the same members give the same
/// bytes.
///
/// - Note: Source: PKWARE's APPNOTE.TXT 6.3.10, 4.3 and 4.5.3.
struct ZipWriter: ~Copyable {
  private struct Member {
    let name: String
    let offset: Int
    let byteCount: Int
    let checksum: UInt32
  }

  private let sink: any ByteSink
  private var offset = 0
  private var members: [Member] = []

  init(_ sink: any ByteSink) { self.sink = sink }

  /// 1980-01-01, the first day there is.
  private static let date: UInt16 = 0x21
  private static let version: UInt16 = 45
  /// Bit 3: checksum and sizes stand behind the member too.
  private static let flags: UInt16 = 8

  /// Writes a member of so many bytes.
  ///
  /// - Parameter body: gives them, piece by piece.
  /// - Throws: what `body` throws; `TaskError` if it gives more or less.
  mutating func write(
    _ name: String, byteCount: Int, _ body: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let start = offset
    var head = Record()
    head.put(UInt32(0x0403_4B50), ZipWriter.version, ZipWriter.flags, UInt16(0), UInt16(0), ZipWriter.date, UInt32(0))
    head.put(UInt32.max, UInt32.max, UInt16(name.utf8.count), UInt16(20))
    head.put(name)
    head.put(UInt16(1), UInt16(16), UInt64(byteCount), UInt64(byteCount))
    try put(head)
    var checksum = crc32(0, nil, 0)
    var written = 0
    let sink = sink
    try body { bytes in
      var rest = bytes
      while rest.count > 0 {
        let piece = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, 1 << 30)])
        checksum = crc32(checksum, piece.bindMemory(to: UInt8.self).baseAddress, UInt32(piece.count))
        try sink.write(piece)
        written += piece.count
        rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
      }
    }
    guard written == byteCount else {
      throw TaskError(.failed, "\(name) has \(written) bytes, and \(byteCount) were foreseen; run it again")
    }
    offset += written
    var tail = Record()
    tail.put(UInt32(0x0807_4B50), UInt32(checksum), UInt64(byteCount), UInt64(byteCount))
    try put(tail)
    members.append(Member(name: name, offset: start, byteCount: byteCount, checksum: UInt32(checksum)))
  }

  /// Writes what lists the members: nothing comes behind it.
  consuming func finish() throws {
    let start = offset
    for member in members {
      var entry = Record()
      entry.put(UInt32(0x0201_4B50), ZipWriter.version, ZipWriter.version, ZipWriter.flags, UInt16(0), UInt16(0))
      entry.put(ZipWriter.date, member.checksum, UInt32.max, UInt32.max, UInt16(member.name.utf8.count), UInt16(28))
      entry.put(UInt16(0), UInt16(0), UInt16(0), UInt32(0), UInt32.max)
      entry.put(member.name)
      entry.put(UInt16(1), UInt16(24), UInt64(member.byteCount), UInt64(member.byteCount), UInt64(member.offset))
      try put(entry)
    }
    let (end, count) = (offset, UInt64(members.count))
    var last = Record()
    last.put(UInt32(0x0606_4B50), UInt64(44), ZipWriter.version, ZipWriter.version, UInt32(0), UInt32(0))
    last.put(count, count, UInt64(end - start), UInt64(start))
    last.put(UInt32(0x0706_4B50), UInt32(0), UInt64(end), UInt32(1))
    last.put(UInt32(0x0605_4B50), UInt16(0), UInt16(0), UInt16.max, UInt16.max, UInt32.max, UInt32.max, UInt16(0))
    try put(last)
  }

  private mutating func put(_ record: consuming Record) throws {
    offset += record.bytes.count
    try sink.write(record.bytes.bytes)
  }

  /// Numbers behind one another, the lowest byte first.
  private struct Record: ~Copyable {
    var bytes = BufferBuilder()

    mutating func put<each Number: FixedWidthInteger & BitwiseCopyable>(_ numbers: repeat each Number) {
      for number in repeat each numbers { bytes.append(number.littleEndian) }
    }

    mutating func put(_ text: String) { bytes.append(text) }
  }
}
