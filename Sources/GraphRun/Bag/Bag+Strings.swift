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

  static func stripped(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !isSpace($0) }), let last = scalars.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(scalars[first...last])
  }

  static func parts(of text: String, separator: String?) -> [String] {
    guard let separator else { return text.unicodeScalars.split(whereSeparator: isSpace).map { String($0) } }
    guard !separator.isEmpty else { return [text] }
    // In UTF-8 no code point lies within another.
    return text.utf8.split(separator: separator.utf8, omittingEmptySubsequences: false).map { String(Substring($0)) }
  }
}
