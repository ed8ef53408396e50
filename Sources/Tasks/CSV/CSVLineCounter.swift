import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Numbers of lines in a file's text, for messages: what was read before a block was never counted.
final class CSVLineCounter {
  private let open: () throws -> CSVSource
  private var source: (any TextByteSource)?
  private var buffer = SourceBuffer()
  private var offset = 0
  private var line = 1

  /// - Parameter open: gives the text from its beginning.
  init(_ open: @escaping () throws -> CSVSource) { self.open = open }

  /// The number of the line that holds the byte, from 1.
  ///
  /// - Complexity: O(bytes before it), or since the last call where that was for an earlier one.
  func line(at place: Int) throws -> Int {
    if source == nil || place < offset {
      let opened = try open()
      source = opened.source
      buffer = SourceBuffer()
      (offset, line) = (opened.offset, 1)
    }
    while offset < place {
      if buffer.unread.isEmpty, try !buffer.refill(from: source!) { break }
      let count = min(buffer.unread.count, place - offset)
      for byte in buffer.bytes[..<count] where byte == CSVFormat.newline { line += 1 }
      buffer.use(count)
      offset += count
    }
    return line
  }
}
