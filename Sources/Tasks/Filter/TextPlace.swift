import Graph

/// Where something stands in a text that a user wrote into a parameter, for messages: `column 14, at "nd name"`.
struct TextPlace: CustomStringConvertible {
  private let line: Int
  /// From 1, in Unicode scalars.
  private let column: Int
  private let isOneLine: Bool
  private let rest: String

  /// - Parameter offset: in UTF-8 bytes; may be the text's end.
  init(in text: String, at offset: Int) {
    let bytes = Array(text.utf8)
    var place = min(max(offset, 0), bytes.count)
    while place < bytes.count, place > 0, bytes[place] & 0xC0 == 0x80 { place -= 1 }
    let before = bytes[..<place]
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    line = before.count { $0 == UInt8(ascii: "\n") } + 1
    column = String(decoding: bytes[start..<place], as: UTF8.self).unicodeScalars.count + 1
    isOneLine = !bytes.contains(UInt8(ascii: "\n"))
    let following = String(decoding: bytes[place...].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    rest = following.unicodeScalars.count <= 20 ? following : String(following.unicodeScalars.prefix(19)) + "…"
  }

  var description: String {
    let place = isOneLine ? "column \(column)" : "line \(line), column \(column)"
    return rest.isEmpty ? place + ", at the end" : place + ", at " + jsonQuoted(rest)
  }
}
