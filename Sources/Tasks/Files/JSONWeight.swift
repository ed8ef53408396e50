import CSimdJSON
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a JSON text takes in memory while it is parsed, counted for large ones before they are read.
struct JSONWeight {
  private(set) var byteCount = 0
  private var tokens: UInt64 = 0
  private var quotes: UInt64 = 0

  /// A record from here on is worth being counted.
  static let leastCounted = 1 << 20

  /// - Parameters:
  ///   - range: bytes of the file; where `isLine`, the text ends before the first line end in it.
  ///   - isLine: whether it is a line.
  ///   - file: an open file.
  ///   - context: asked now and then whether to go on.
  init(of range: Range<Int>, isLine: Bool = false, in file: borrowing InputFile, context: any TaskContext) throws {
    try file.scan(range, context: context) { part in
      let bytes = part.assumingMemoryBound(to: UInt8.self).baseAddress!
      let stop = isLine ? memchr(bytes, 0x0A, part.count) : nil
      let count = stop.map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) - bytes } ?? part.count
      sj_weigh(bytes, count, &tokens, &quotes)
      byteCount += count
      return stop == nil
    }
  }

  /// Bytes that the parser takes beside the text: four for each token, all strings without their escapes, and notes where
  /// each is.
  var parserByteCount: Int { byteCount + Int(tokens) * 4 + Int(quotes / 2) * 80 }
}
