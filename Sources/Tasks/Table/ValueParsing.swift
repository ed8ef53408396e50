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

  /// `2024-01-31`: days since 1970-01-01. Years outside 0 to 9999 have a sign and at least five digits.
  static func date(_ text: UnsafeBufferPointer<UInt8>) -> Int32? {
    guard let (days, end) = days(text), end == text.count else { return nil }
    return Int32(exactly: days)
  }

  /// Days since 1970-01-01 of the date that the text begins with, and where it ends.
  @inline(__always)
  private static func days(_ text: UnsafeBufferPointer<UInt8>) -> (days: Int, end: Int)? {
    guard text.count >= 10, let at = text.baseAddress else { return nil }
    guard at[4] == UInt8(ascii: "-"), at[7] == UInt8(ascii: "-"), let century = two(at), let year = two(at + 2) else {
      return longDays(text)
    }
    return days(century * 100 + year, at + 5).map { ($0, 10) }
  }

  @inline(__always)
  private static func days(_ year: Int, _ month: UnsafePointer<UInt8>) -> Int? {
    guard let number = two(month), let day = two(month + 3), CalendarText.isDate(year: year, month: number, day: day)
    else { return nil }
    return CalendarText.days(year: year, month: number, day: day)
  }

  private static func longDays(_ text: UnsafeBufferPointer<UInt8>) -> (days: Int, end: Int)? {
    guard text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") else { return nil }
    var (year, place) = (0, 1)
    while place < text.count, place < 10, text[place] &- 0x30 <= 9 {
      year = year * 10 + Int(text[place] &- 0x30)
      place += 1
    }
    guard place >= 6, text.count >= place + 6, text[place] == UInt8(ascii: "-"), text[place + 3] == UInt8(ascii: "-")
    else { return nil }
    return days(text[0] == UInt8(ascii: "-") ? -year : year, text.baseAddress! + place + 1).map { ($0, place + 6) }
  }

  @inline(__always)
  private static func two(_ at: UnsafePointer<UInt8>) -> Int? {
    let (tens, ones) = (at[0] &- 0x30, at[1] &- 0x30)
    return tens <= 9 && ones <= 9 ? Int(tens) * 10 + Int(ones) : nil
  }

  /// ISO 8601: a date; or a date, a space or `T`, hours and minutes, seconds, a fraction, of which what is below a
  /// microsecond is cut off; `Z` or an offset from UTC, which is taken off. Microseconds since 1970.
  static func timestamp(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    guard let (days, end) = days(text), let at = text.baseAddress else { return nil }
    let count = text.count
    var seconds = 0
    var microseconds = 0
    var place = end
    if place < count {
      guard count >= place + 6, at[place] == UInt8(ascii: " ") || at[place] | 0x20 == UInt8(ascii: "t"),
        let hour = two(at + place + 1), hour < 24, at[place + 3] == UInt8(ascii: ":"), let minute = two(at + place + 4),
        minute < 60
      else { return nil }
      seconds = hour * 3600 + minute * 60
      place += 6
      if place < count, at[place] == UInt8(ascii: ":") {
        guard count >= place + 3, let second = two(at + place + 1), second < 60 else { return nil }
        seconds += second
        place += 3
        if place < count, at[place] == UInt8(ascii: ".") {
          place += 1
          var digits = 0
          while place < count, at[place] &- 0x30 <= 9 {
            if digits < 6 { microseconds = microseconds * 10 + Int(at[place] &- 0x30) }
            digits += 1
            place += 1
          }
          guard digits > 0 else { return nil }
          for _ in 0..<max(6 - digits, 0) { microseconds *= 10 }
        }
      }
      if place < count {
        guard let offset = offset(UnsafeBufferPointer(start: at + place, count: count - place)) else { return nil }
        seconds -= offset
      }
    }
    // Seconds of any date fit; microseconds need not.
    let (product, overflows) = Int64(days * 86_400 + seconds).multipliedReportingOverflow(by: 1_000_000)
    let (sum, overflowsToo) = product.addingReportingOverflow(Int64(microseconds))
    return overflows || overflowsToo ? nil : sum
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
