#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The pattern of `like`: `%` stands for any text, `_` for one character (a code point), all else for itself.
struct LikePattern: Sendable {
  private enum Element: Equatable {
    case byte(UInt8)
    case anyCharacter
  }

  /// What stands between the `%`: the first at the text's beginning, the last at its end.
  private let segments: [[Element]]
  /// The segments' bytes where none has a `_`.
  private let plain: [[UInt8]]?

  /// - Returns: `nil` where the escape character stands before something else than `%`, `_` or itself.
  init?(_ pattern: String, escape: UInt8?) {
    var segments: [[Element]] = [[]]
    var isEscaped = false
    for byte in pattern.utf8 {
      if isEscaped {
        guard byte == UInt8(ascii: "%") || byte == UInt8(ascii: "_") || byte == escape else { return nil }
        segments[segments.count - 1].append(.byte(byte))
        isEscaped = false
      } else if byte == escape {
        isEscaped = true
      } else if byte == UInt8(ascii: "%") {
        segments.append([])
      } else {
        segments[segments.count - 1].append(byte == UInt8(ascii: "_") ? .anyCharacter : .byte(byte))
      }
    }
    if isEscaped { return nil }
    self.segments = segments
    var plain: [[UInt8]] = []
    for segment in segments where !segment.contains(.anyCharacter) {
      plain.append(segment.map { if case .byte(let byte) = $0 { byte } else { 0 } })
    }
    self.plain = plain.count == segments.count ? plain : nil
  }

  /// - Complexity: O(text · pattern) at worst, O(text) for patterns without `_` whose parts begin with rare bytes.
  func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    if let plain { return matches(plain, text) }
    var place = 0
    guard segments.count > 1 else { return end(of: segments[0], in: text, from: 0) == text.count }
    guard let first = end(of: segments[0], in: text, from: 0) else { return false }
    place = first
    for segment in segments[1..<(segments.count - 1)] where !segment.isEmpty {
      var found: Int?
      while place <= text.count {
        found = end(of: segment, in: text, from: place)
        if found != nil { break }
        place += 1
      }
      guard let found else { return false }
      place = found
    }
    let last = segments[segments.count - 1]
    if last.isEmpty { return true }
    while place <= text.count {
      if end(of: last, in: text, from: place) == text.count { return true }
      place += 1
    }
    return false
  }

  private func matches(_ plain: [[UInt8]], _ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard plain.count > 1 else { return isAt(plain[0], text, 0) && plain[0].count == text.count }
    guard isAt(plain[0], text, 0) else { return false }
    let last = plain[plain.count - 1]
    var place = plain[0].count
    let end = text.count - last.count
    guard end >= place, isAt(last, text, end) else { return false }
    for part in plain[1..<(plain.count - 1)] where !part.isEmpty {
      guard place < end,
        let found = firstOccurrence(of: part, in: UnsafeRawPointer(text.baseAddress! + place), count: end - place)
      else { return false }
      place += found + part.count
    }
    return true
  }

  private func isAt(_ part: [UInt8], _ text: UnsafeBufferPointer<UInt8>, _ place: Int) -> Bool {
    if part.isEmpty { return true }
    guard place + part.count <= text.count, let base = text.baseAddress else { return false }
    return memcmp(base + place, part, part.count) == 0
  }

  /// Where the segment ends if it stands at `place`.
  private func end(of segment: [Element], in text: UnsafeBufferPointer<UInt8>, from place: Int) -> Int? {
    var place = place
    for element in segment {
      guard place < text.count else { return nil }
      switch element {
      case .byte(let byte):
        guard text[place] == byte else { return nil }
        place += 1
      case .anyCharacter:
        // Nothing begins in the middle of a character.
        guard text[place] & 0xC0 != 0x80 else { return nil }
        place += 1
        while place < text.count, text[place] & 0xC0 == 0x80 { place += 1 }
      }
    }
    return place
  }
}
