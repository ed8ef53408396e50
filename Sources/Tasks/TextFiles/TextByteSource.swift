import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a reader's bytes come from; sources stand behind each other: file, unpacking, decoding.
protocol TextByteSource: AnyObject {
  /// Gives up to `most` bytes, at least 64 being asked for; 0 at the end.
  func read(into place: UnsafeMutableRawPointer, most: Int) throws -> Int
}

/// Some bytes are no text in the file's encoding; whoever counts lines makes an error of it.
struct TextDecodingProblem: Error {
  /// Of the first bad byte, from the beginning of the text.
  let offset: Int
  /// In words, without place and remedy.
  let what: String
}

/// Memory that a source reads ahead into.
struct SourceBuffer: ~Copyable {
  let base: UnsafeMutableRawPointer
  /// Bytes that are there and not used yet.
  private(set) var unread = 0..<0

  static let capacity = 64 << 10

  init() { base = .allocate(byteCount: SourceBuffer.capacity, alignment: 64) }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base + unread.lowerBound, count: unread.count) }

  mutating func use(_ count: Int) { unread = (unread.lowerBound + count)..<unread.upperBound }

  /// Moves what is unread to the front and reads more behind it.
  ///
  /// - Returns: whether there was more.
  mutating func refill(from source: any TextByteSource) throws -> Bool {
    let kept = unread.count
    if unread.lowerBound > 0, kept > 0 { memmove(base, base + unread.lowerBound, kept) }
    unread = 0..<kept
    let got = try source.read(into: base + kept, most: SourceBuffer.capacity - kept)
    unread = 0..<(kept + got)
    return got > 0
  }
}

/// A part of a file that must still be the one that was planned with.
final class FileRangeSource: TextByteSource {
  private let file: InputFile
  private var rest: Range<Int>

  init(_ file: consuming InputFile, _ range: Range<Int>) {
    self.file = file
    rest = range
  }

  func read(into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    let wanted = min(most, rest.count)
    guard wanted > 0 else {
      try file.checkUnchanged()
      return 0
    }
    let got = try file.read(at: rest.lowerBound, into: place, most: wanted)
    guard got > 0 else { throw file.changed() }
    rest = (rest.lowerBound + got)..<rest.upperBound
    return got
  }
}

/// Another source behind bytes that were read to look at them.
final class PrefixedSource: TextByteSource {
  private var head: [UInt8] = []
  private var given = 0
  private let source: any TextByteSource

  /// Reads ahead up to four bytes, enough for any byte order mark.
  init(_ source: any TextByteSource) throws {
    self.source = source
    var buffer = SourceBuffer()
    while buffer.unread.count < 4, try buffer.refill(from: source) {}
    head = Array(buffer.bytes)
  }

  /// Takes a byte order mark off the front.
  ///
  /// - Returns: the mark's length and the byte order.
  func takeMark(of encoding: TextEncoding) -> (length: Int, isBig: Bool) {
    let mark = head.withUnsafeBytes { encoding.mark(in: $0) }
    given = mark.length
    return mark
  }

  func read(into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    guard given < head.count else { return try source.read(into: place, most: most) }
    let count = min(most, head.count - given)
    head.withUnsafeBytes { place.copyMemory(from: $0.baseAddress! + given, byteCount: count) }
    given += count
    if given == head.count { (head, given) = ([], 0) }
    return count
  }
}
