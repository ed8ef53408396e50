import Foundation
import Graph

// Strings by code points, as in Python: a separator or a part that is replaced is found wherever its code points are, also
// inside what Swift calls one character.

extension Bag where Element == String {
  /// Each string in lower case.
  public func lowercased() -> Bag<String> { text("lowercased") { $0.lowercased() } }
  /// Each string in upper case.
  public func uppercased() -> Bag<String> { text("uppercased") { $0.uppercased() } }
  /// Each string without white space at its ends: what Python's `str.strip` takes off.
  public func stripped() -> Bag<String> { text("stripped") { CodePoints.stripped($0) } }

  /// The parts of each string between `separator`s; without one, between runs of white space, none of them empty.
  public func split(separator: String? = nil) -> Bag<[String]> {
    step("split", .parameters(Parameters.text(separator))) { next, _ in
      { try next().map { ContiguousArray(mapping: $0) { CodePoints.parts(of: $0, separator: separator) } } }
    }
  }

  /// Each string with every `part` replaced; an empty part is nowhere.
  public func replacing(_ part: String, with replacement: String) -> Bag<String> {
    text("replacing", Parameters.text([part, replacement])) {
      part.isEmpty ? $0 : CodePoints.parts(of: $0, separator: part).joined(separator: replacement)
    }
  }

  /// The strings that match a shell pattern (`*`, `?`, `[…]`), as Dask's `str.match`.
  public func matching(glob pattern: String) -> Bag<String> {
    step("matching", .parameters(Parameters.text(pattern))) { next, _ in
      {
        try next()?.filter { text in
          pattern.withCString { pattern in text.withCString { fnmatch(pattern, $0, 0) == 0 } }
        }
      }
    }
  }

  private func text(
    _ label: String, _ parameters: String = "", _ transform: @escaping @Sendable (String) -> String
  ) -> Bag<String> {
    step(label, .parameters(parameters)) { next, _ in { try next().map { ContiguousArray(mapping: $0, transform) } } }
  }
}

enum CodePoints {
  /// Unicode's white space, and the four separators U+001C to U+001F, as Python's `str.isspace`.
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  /// Bytes of the white space that begins with a byte of UTF-8; 0 where none does.
  @inline(__always)
  private static func spaceLength(_ text: UnsafeBufferPointer<UInt8>, _ place: Int) -> Int {
    let byte = text[place]
    if byte > 0x20 && byte < 0xC2 { return 0 }
    if byte <= 0x20 { return byte == 0x20 || (0x09...0x0D).contains(byte) || byte >= 0x1C ? 1 : 0 }
    // The only lead bytes of white space. Strings are well-formed: what belongs to a code point is there.
    guard byte == 0xC2 || (0xE1...0xE3).contains(byte) else { return 0 }
    let length = byte == 0xC2 ? 2 : 3
    var value = UInt32(byte & (length == 2 ? 0x1F : 0x0F))
    for offset in 1..<length { value = value << 6 | UInt32(text[place + offset] & 0x3F) }
    return Unicode.Scalar(value).map(isSpace) == true ? length : 0
  }

  static func stripped(_ text: String) -> String {
    var text = text
    let part: String? = text.withUTF8 { utf8 in
      var start = 0
      while start < utf8.count, case let length = spaceLength(utf8, start), length > 0 { start += length }
      // Where the last code point that is no white space ends: back from the end, a code point at a time.
      var end = utf8.count
      while end > start {
        var last = end - 1
        while last > start, utf8[last] & 0xC0 == 0x80 { last -= 1 }
        guard spaceLength(utf8, last) > 0 else { break }
        end = last
      }
      if start == 0, end == utf8.count { return nil }
      return String(decoding: UnsafeBufferPointer(rebasing: utf8[start..<end]), as: UTF8.self)
    }
    return part ?? text
  }

  static func parts(of text: String, separator: String?) -> [String] {
    guard let separator else { return words(of: text) }
    guard !separator.isEmpty else { return [text] }
    // In UTF-8 no code point lies within another.
    return text.utf8.split(separator: separator.utf8, omittingEmptySubsequences: false).map { String(Substring($0)) }
  }

  /// What lies between runs of white space.
  private static func words(of text: String) -> [String] {
    var text = text
    return text.withUTF8 { utf8 in
      var words: [String] = []
      words.reserveCapacity(utf8.count / 8)
      var start = 0
      var place = 0
      while place < utf8.count {
        let length = spaceLength(utf8, place)
        guard length > 0 else {
          place += 1
          continue
        }
        if place > start {
          words.append(String(decoding: UnsafeBufferPointer(rebasing: utf8[start..<place]), as: UTF8.self))
        }
        place += length
        start = place
      }
      if place > start {
        words.append(String(decoding: UnsafeBufferPointer(rebasing: utf8[start..<place]), as: UTF8.self))
      }
      return words
    }
  }
}
