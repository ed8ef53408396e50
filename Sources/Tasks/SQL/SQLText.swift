import Graph

/// The text of a query, as far as it can be judged without SQLite.
enum SQLText {
  /// - Throws: `ParameterError` unless it is one statement that only reads.
  static func check(_ query: String) throws {
    let words = Scanner(query)
    guard let first = words.firstWord else { throw ParameterError("query", "there is no query") }
    guard ["select", "with", "values"].contains(first.text.lowercased()) else {
      throw ParameterError(
        "query",
        "a query is one SELECT, and this begins with \(first.text) (\(TextPlace(in: query, at: first.offset)))")
    }
    if let second = words.secondStatement {
      throw ParameterError(
        "query", "a query is one statement, and a second begins here (\(TextPlace(in: query, at: second)))")
    }
    // A string that C ends earlier would be another query.
    if let zero = query.utf8.firstIndex(of: 0) {
      throw ParameterError(
        "query",
        "there is a zero byte (\(TextPlace(in: query, at: query.utf8.distance(from: query.utf8.startIndex, to: zero))))"
      )
    }
  }

  /// Passes over what is quoted and what is a comment.
  private struct Scanner {
    private(set) var firstWord: (text: String, offset: Int)?
    private(set) var secondStatement: Int?

    init(_ query: String) {
      let bytes = Array(query.utf8)
      var place = 0
      var isOver = false
      func isAt(_ first: Character, _ second: Character) -> Bool {
        place + 1 < bytes.count && bytes[place] == first.asciiValue && bytes[place + 1] == second.asciiValue
      }
      while place < bytes.count {
        let byte = bytes[place]
        if [0x20, 0x09, 0x0A, 0x0C, 0x0D].contains(byte) {
          place += 1
        } else if isAt("-", "-") {
          while place < bytes.count, bytes[place] != UInt8(ascii: "\n") { place += 1 }
        } else if isAt("/", "*") {
          place += 2
          while place < bytes.count, !isAt("*", "/") { place += 1 }
          place = min(place + 2, bytes.count)
        } else if byte == UInt8(ascii: ";") {
          isOver = firstWord != nil
          place += 1
        } else if isOver {
          secondStatement = place
          return
        } else if let quote = [
          UInt8(ascii: "'"): UInt8(ascii: "'"), UInt8(ascii: "\""): UInt8(ascii: "\""),
          UInt8(ascii: "`"): UInt8(ascii: "`"), UInt8(ascii: "["): UInt8(ascii: "]"),
        ][byte] {
          // A quote that is doubled inside ends one text and begins the next.
          if firstWord == nil { firstWord = (String(UnicodeScalar(byte)), place) }
          place += 1
          while place < bytes.count, bytes[place] != quote { place += 1 }
          place += 1
        } else {
          let start = place
          while place < bytes.count, isLetter(bytes[place]) { place += 1 }
          if place == start { place += 1 }
          if firstWord == nil { firstWord = (String(decoding: bytes[start..<place], as: UTF8.self), start) }
        }
      }
    }

    private func isLetter(_ byte: UInt8) -> Bool {
      byte >= 0x80 || byte == UInt8(ascii: "_")
        || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
    }
  }
}
