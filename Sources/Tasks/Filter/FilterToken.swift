/// A mistake in a condition, and where it stands.
struct FilterSyntaxError: Error {
  let message: String
  /// In UTF-8 bytes from the beginning.
  let offset: Int
}

/// A word of a condition.
struct FilterToken {
  enum Kind: Equatable {
    /// A name or keyword as it is written, without quotes.
    case word(String)
    /// A name in quotes.
    case quoted(String)
    case text(String)
    case integer(Int64)
    case number(Double)
    /// `=`, `==`, `!=`, `<>`, `<`, `<=`, `>`, `>=`, `(`, `)`, `,`, `-`, `+`
    case symbol(String)
    case end
  }

  let kind: Kind
  let offset: Int

  /// The keyword it may be, in small letters.
  var keyword: String? { if case .word(let word) = kind { word.lowercased() } else { nil } }

  /// Words that are no column names unless they stand in quotes.
  static let keywords: Set<String> = [
    "and", "or", "not", "in", "between", "is", "null", "like", "matches", "escape", "true", "false", "nan", "inf",
    "infinity",
  ]

  /// Cuts a condition into words.
  /// - Throws: `FilterSyntaxError`
  static func all(in source: String) throws -> [FilterToken] {
    let bytes = Array(source.utf8)
    var tokens: [FilterToken] = []
    var place = 0
    func isWordStart(_ byte: UInt8) -> Bool {
      byte >= 0x80 || byte == UInt8(ascii: "_")
        || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
    }
    func isDigit(_ place: Int) -> Bool {
      place < bytes.count && bytes[place] >= UInt8(ascii: "0") && bytes[place] <= UInt8(ascii: "9")
    }
    /// What stands between quotes, which are doubled inside.
    func quoted(_ what: String) throws -> String {
      let (start, quote) = (place, bytes[place])
      var content: [UInt8] = []
      place += 1
      while place < bytes.count {
        if bytes[place] == quote {
          place += 1
          guard place < bytes.count, bytes[place] == quote else { return String(decoding: content, as: UTF8.self) }
        }
        content.append(bytes[place])
        place += 1
      }
      throw FilterSyntaxError(message: "\(what) that begins here is not closed", offset: start)
    }
    while place < bytes.count {
      let (start, byte) = (place, bytes[place])
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        place += 1
        continue
      case UInt8(ascii: "'"): tokens.append(FilterToken(kind: .text(try quoted("the text")), offset: start))
      case UInt8(ascii: "\""), UInt8(ascii: "`"):
        tokens.append(FilterToken(kind: .quoted(try quoted("the name")), offset: start))
      case _ where isWordStart(byte):
        while place < bytes.count, isWordStart(bytes[place]) || isDigit(place) { place += 1 }
        tokens.append(
          FilterToken(kind: .word(String(decoding: bytes[start..<place], as: UTF8.self)), offset: start))
        if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
          throw FilterSyntaxError(
            message: "a name with \".\" stands in quotes, as \"a.b\" or `a.b`", offset: start)
        }
      case _ where isDigit(place) || (byte == UInt8(ascii: ".") && isDigit(place + 1)):
        var isWhole = true
        while isDigit(place) { place += 1 }
        if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
          isWhole = false
          place += 1
          while isDigit(place) { place += 1 }
        }
        if place < bytes.count, bytes[place] | 0x20 == UInt8(ascii: "e") {
          var end = place + 1
          if end < bytes.count, bytes[end] == UInt8(ascii: "-") || bytes[end] == UInt8(ascii: "+") { end += 1 }
          if isDigit(end) {
            isWhole = false
            while isDigit(end) { end += 1 }
            place = end
          }
        }
        if place < bytes.count, isWordStart(bytes[place]) {
          throw FilterSyntaxError(
            message: "a number ends where a letter follows; a name that begins with a digit stands in quotes",
            offset: start)
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if isWhole, let number = UInt64(text), number <= UInt64(Int64.max) + 1 {
          // -9223372036854775808 is a number whose digits alone are none; the parser puts the two together.
          tokens.append(FilterToken(kind: .integer(Int64(truncatingIfNeeded: number)), offset: start))
        } else if isWhole {
          throw FilterSyntaxError(
            message: "\(text) is more than 64 bits hold; with a point, as \(text).0, it is the nearest float64",
            offset: start)
        } else {
          tokens.append(FilterToken(kind: .number(Double(text) ?? .nan), offset: start))
        }
      default:
        let two = String(decoding: bytes[start..<min(start + 2, bytes.count)], as: UTF8.self)
        let one = String(UnicodeScalar(byte))
        if ["==", "!=", "<>", "<=", ">="].contains(two) {
          tokens.append(FilterToken(kind: .symbol(two), offset: start))
          place += 2
        } else if ["=", "<", ">", "(", ")", ",", "-", "+"].contains(one) {
          tokens.append(FilterToken(kind: .symbol(one), offset: start))
          place += 1
        } else {
          let remedy = ["*", "/", "%", "|", "&"].contains(one) ? "; to calculate, use the op sql" : ""
          throw FilterSyntaxError(message: "\"\(one)\" has no meaning here\(remedy)", offset: start)
        }
      }
    }
    tokens.append(FilterToken(kind: .end, offset: bytes.count))
    return tokens
  }
}
