#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Values from text, each of the whole text or not at all: no white space around it is passed over.
enum ValueParsing {
  /// A whole number in decimal, with or without a sign.
  static func int64(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    guard var at = text.baseAddress, text.count > 0 else { return nil }
    let end = at + text.count
    let isNegative = at[0] == UInt8(ascii: "-")
    if isNegative || at[0] == UInt8(ascii: "+") { at += 1 }
    guard at < end, end - at <= 19 || isAllZeros(at, end - 19) else { return nil }
    var value: UInt64 = 0
    while at < end {
      let digit = at[0] &- 0x30
      guard digit <= 9 else { return nil }
      value = value &* 10 &+ UInt64(digit)
      at += 1
    }
    if isNegative { return value <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- value) : nil }
    return Int64(exactly: value)
  }

  private static func isAllZeros(_ from: UnsafePointer<UInt8>, _ to: UnsafePointer<UInt8>) -> Bool {
    (0..<(to - from)).allSatisfy { from[$0] == 0x30 }
  }

  /// A number in decimal with or without fraction and exponent, `nan`, `inf` or `infinity` in any letter case; rounded
  /// to the nearest.
  static func float64(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    guard let base = text.baseAddress, text.count > 0 else { return nil }
    var at = base
    let end = at + text.count
    let isNegative = at[0] == UInt8(ascii: "-")
    if isNegative || at[0] == UInt8(ascii: "+") { at += 1 }
    var mantissa: UInt64 = 0
    var digits = 0
    var scale = 0
    while at < end, at[0] &- 0x30 <= 9 {
      mantissa = mantissa &* 10 &+ UInt64(at[0] &- 0x30)
      digits += 1
      at += 1
    }
    if at < end, at[0] == UInt8(ascii: ".") {
      at += 1
      while at < end, at[0] &- 0x30 <= 9 {
        mantissa = mantissa &* 10 &+ UInt64(at[0] &- 0x30)
        digits += 1
        scale -= 1
        at += 1
      }
    }
    guard digits > 0 else { return special(text) }
    if at < end, at[0] | 0x20 == UInt8(ascii: "e") {
      at += 1
      var isBelow = false
      if at < end, at[0] == UInt8(ascii: "-") || at[0] == UInt8(ascii: "+") {
        isBelow = at[0] == UInt8(ascii: "-")
        at += 1
      }
      guard at < end else { return nil }
      var exponent = 0
      while at < end, at[0] &- 0x30 <= 9 {
        exponent = min(exponent * 10 + Int(at[0] &- 0x30), 100_000)
        at += 1
      }
      scale += isBelow ? -exponent : exponent
    }
    guard at == end else { return nil }
    // Both are exact then, so that one operation rounds once (W. Clinger, "How to read floating point numbers
    // accurately").
    if digits <= 19, mantissa <= 1 << 53, scale >= -22, scale <= 22 {
      let value = scale < 0 ? Double(mantissa) / powers[-scale] : Double(mantissa) * powers[scale]
      return isNegative ? -value : value
    }
    return exactly(text)
  }

  /// Powers of ten that a double holds exactly.
  private static let powers: [Double] = (0...22).map { Double("1e\($0)")! }

  /// A power of ten up to 22.
  @inline(__always)
  static func power(_ exponent: Int) -> Double { powers[exponent] }

  private static func exactly(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    let signed = text[0] == UInt8(ascii: "+") ? UnsafeBufferPointer(rebasing: text.dropFirst()) : text
    let string = String(decoding: signed, as: UTF8.self)
    return string.hasSuffix(".") ? Double(string.dropLast()) : Double(string)
  }

  private static func special(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    guard text.count <= 9 else { return nil }
    switch String(decoding: text, as: UTF8.self).lowercased() {
    case "nan", "+nan", "-nan": return .nan
    case "inf", "+inf", "infinity", "+infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    default: return nil
    }
  }

  /// `true` or `false` in any letter case, `1` or `0`.
  static func bool(_ text: UnsafeBufferPointer<UInt8>) -> Bool? {
    switch text.count {
    case 1 where text[0] == 0x30 || text[0] == 0x31: text[0] == 0x31
    case 4 where isWord(text, "true"): true
    case 5 where isWord(text, "false"): false
    default: nil
    }
  }

  private static func isWord(_ text: UnsafeBufferPointer<UInt8>, _ word: StaticString) -> Bool {
    (0..<text.count).allSatisfy { text[$0] | 0x20 == word.utf8Start[$0] }
  }

  /// `2024-01-31`: days since 1970-01-01.
  static func date(_ text: UnsafeBufferPointer<UInt8>) -> Int32? {
    guard text.count == 10, let base = text.baseAddress, let days = days(base) else { return nil }
    return Int32(truncatingIfNeeded: days)
  }

  /// The ten bytes of a date.
  @inline(__always)
  private static func days(_ at: UnsafePointer<UInt8>) -> Int? {
    guard at[4] == UInt8(ascii: "-"), at[7] == UInt8(ascii: "-"),
      let year = two(at).flatMap({ high in
        two(at + 2).map { high * 100 + $0 }
      }), let month = two(at + 5), let day = two(at + 8), CalendarText.isDate(year: year, month: month, day: day)
    else { return nil }
    return CalendarText.days(year: year, month: month, day: day)
  }

  @inline(__always)
  private static func two(_ at: UnsafePointer<UInt8>) -> Int? {
    let (tens, ones) = (at[0] &- 0x30, at[1] &- 0x30)
    return tens <= 9 && ones <= 9 ? Int(tens) * 10 + Int(ones) : nil
  }

  /// ISO 8601: a date; or a date, a space or `T`, hours and minutes, seconds, a fraction of up to nine digits, of which
  /// what is below a microsecond is cut off; `Z` or an offset from UTC, which is taken off. Microseconds since 1970.
  static func timestamp(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    guard text.count >= 10, let at = text.baseAddress, let days = days(at) else { return nil }
    let count = text.count
    var seconds = days * 86_400
    if count == 10 { return Int64(seconds) * 1_000_000 }
    guard count >= 16, at[10] == UInt8(ascii: " ") || at[10] == UInt8(ascii: "T"), let hour = two(at + 11), hour < 24,
      at[13] == UInt8(ascii: ":"), let minute = two(at + 14), minute < 60
    else { return nil }
    seconds += hour * 3600 + minute * 60
    var place = 16
    var microseconds = 0
    if place < count, at[place] == UInt8(ascii: ":") {
      guard count >= 19, let second = two(at + 17), second < 60 else { return nil }
      seconds += second
      place = 19
      if place < count, at[place] == UInt8(ascii: ".") {
        place += 1
        var digits = 0
        while place < count, at[place] &- 0x30 <= 9 {
          if digits < 6 { microseconds = microseconds * 10 + Int(at[place] &- 0x30) }
          digits += 1
          place += 1
        }
        guard digits > 0, digits <= 9 else { return nil }
        for _ in 0..<max(6 - digits, 0) { microseconds *= 10 }
      }
    }
    if place < count {
      guard let offset = offset(UnsafeBufferPointer(start: at + place, count: count - place)) else { return nil }
      seconds -= offset
    }
    return Int64(seconds) * 1_000_000 + Int64(microseconds)
  }

  /// Seconds that `Z`, `+01`, `+0100` or `+01:00` is ahead of UTC.
  private static func offset(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
    let at = text.baseAddress!
    if text.count == 1 { return at[0] | 0x20 == UInt8(ascii: "z") ? 0 : nil }
    guard at[0] == UInt8(ascii: "+") || at[0] == UInt8(ascii: "-"), text.count >= 3, let hours = two(at + 1), hours < 24
    else { return nil }
    var minutes: Int? = 0
    switch text.count {
    case 3: break
    case 5: minutes = two(at + 3)
    case 6 where at[3] == UInt8(ascii: ":"): minutes = two(at + 4)
    default: return nil
    }
    guard let minutes, minutes < 60 else { return nil }
    return (at[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Without spaces and tabs at both ends.
  var trimmed: UnsafeBufferPointer<UInt8> {
    var (start, end) = (0, count)
    while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
    while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
    return UnsafeBufferPointer(rebasing: self[start..<end])
  }
}
