// Numbers, flags, dates and timestamps read from text: the whole text, without spaces around it, or nothing.

enum ValueParsing {
  typealias Text = UnsafeBufferPointer<UInt8>

  /// Decimal digits with or without a sign, within 64 bits.
  static func int64(_ text: Text) -> Int64? {
    var place = 0
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative || text.first == UInt8(ascii: "+") { place = 1 }
    guard place < text.count else { return nil }
    var value: Int64 = 0
    while place < text.count {
      guard let digit = digit(text[place]) else { return nil }
      let (product, overflows) = value.multipliedReportingOverflow(by: 10)
      // Downwards, since there is one more number below zero than above.
      let (sum, overflowsToo) = product.subtractingReportingOverflow(Int64(digit))
      if overflows || overflowsToo { return nil }
      value = sum
      place += 1
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  /// A decimal number with or without fraction and exponent, the nearest there is; `nan`, `inf`, `infinity` in any case.
  static func float64(_ text: Text) -> Double? {
    var place = 0
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative || text.first == UInt8(ascii: "+") { place = 1 }
    guard place < text.count else { return nil }
    if digit(text[place]) == nil, text[place] != UInt8(ascii: ".") { return word(text, from: place, isNegative) }
    var mantissa: UInt64 = 0
    var digits = 0
    var significant = 0
    var exponent = 0
    var isInFraction = false
    while place < text.count {
      if let digit = digit(text[place]) {
        digits += 1
        if significant > 0 || digit > 0 { significant += 1 }
        if significant <= 15 { mantissa = mantissa * 10 + UInt64(digit) }
        if isInFraction { exponent -= 1 }
      } else if text[place] == UInt8(ascii: "."), !isInFraction {
        isInFraction = true
      } else {
        break
      }
      place += 1
    }
    guard digits > 0 else { return nil }
    if place < text.count {
      guard text[place] | 0x20 == UInt8(ascii: "e"), let written = int64(Text(rebasing: text[(place + 1)...])) else {
        return nil
      }
      // Far beyond what there is, and a sum that does not overflow.
      exponent += Int(min(max(written, -1 << 40), 1 << 40))
    }
    // Both are exact as they are, so that one rounding is all there is.
    guard significant <= 15, abs(exponent) <= 22 else { return Double(String(decoding: text, as: UTF8.self)) }
    let number = exponent < 0 ? Double(mantissa) / powers[-exponent] : Double(mantissa) * powers[exponent]
    return isNegative ? -number : number
  }

  /// `true` or `false` in any case.
  static func bool(_ text: Text) -> Bool? {
    if isWord(text, "true") { return true }
    return isWord(text, "false") ? false : nil
  }

  /// Days since 1970-01-01 of `2024-01-31`.
  static func date(_ text: Text) -> Int32? {
    guard let (days, end) = days(text), end == text.count else { return nil }
    return Int32(exactly: days)
  }

  /// Microseconds since 1970-01-01 00:00:00 of `2024-01-31 23:59:59.5`, with a space or `T` between, seconds and fraction
  /// left out or not; a date alone is its midnight. A `Z` or an offset such as `+01:00` is taken off: the result is UTC.
  static func timestamp(_ text: Text) -> Int64? {
    guard let (days, end) = days(text) else { return nil }
    var micros: Int64 = 0
    var place = end
    if place < text.count {
      guard text[place] == UInt8(ascii: " ") || text[place] | 0x20 == UInt8(ascii: "t") else { return nil }
      place += 1
      guard let hour = pair(text, place), hour < 24, colon(text, place + 2), let minute = pair(text, place + 3),
        minute < 60
      else { return nil }
      place += 5
      micros = Int64(hour * 3600 + minute * 60) * 1_000_000
      if colon(text, place) {
        guard let second = pair(text, place + 1), second < 60 else { return nil }
        micros += Int64(second) * 1_000_000
        place += 3
        if place < text.count, text[place] == UInt8(ascii: ".") {
          place += 1
          let start = place
          var scale: Int64 = 100_000
          while place < text.count, let digit = digit(text[place]) {
            micros += Int64(digit) * scale
            scale /= 10
            place += 1
          }
          guard place > start else { return nil }
        }
      }
      guard let shift = offset(text, place) else { return nil }
      micros -= shift
    }
    let (product, overflows) = Int64(days).multipliedReportingOverflow(by: CalendarText.microsecondsPerDay)
    let (sum, overflowsToo) = product.addingReportingOverflow(micros)
    return overflows || overflowsToo ? nil : sum
  }

  /// Days since 1970-01-01, and where the date ends.
  private static func days(_ text: Text) -> (Int, Int)? {
    var place = 0
    var isNegative = false
    var width = 4
    if text.first == UInt8(ascii: "+") || text.first == UInt8(ascii: "-") {
      isNegative = text.first == UInt8(ascii: "-")
      place = 1
      width = 5
    }
    let start = place
    var year = 0
    while place < text.count, place - start < 9, let digit = digit(text[place]) {
      year = year * 10 + Int(digit)
      place += 1
    }
    guard width == 4 ? place - start == 4 : place - start >= width else { return nil }
    guard dash(text, place), let month = pair(text, place + 1), dash(text, place + 3), let day = pair(text, place + 4)
    else { return nil }
    if isNegative { year = -year }
    guard CalendarText.isDate(year: year, month: month, day: day) else { return nil }
    return (CalendarText.days(year: year, month: month, day: day), place + 6)
  }

  /// Microseconds east of UTC; `nil` where the rest is no offset.
  private static func offset(_ text: Text, _ place: Int) -> Int64? {
    if place == text.count { return 0 }
    if text[place] | 0x20 == UInt8(ascii: "z") { return place + 1 == text.count ? 0 : nil }
    guard text[place] == UInt8(ascii: "+") || text[place] == UInt8(ascii: "-"), let hours = pair(text, place + 1),
      hours < 24
    else { return nil }
    var minutes = 0
    var end = place + 3
    if end < text.count {
      if colon(text, end) { end += 1 }
      guard let more = pair(text, end), more < 60 else { return nil }
      minutes = more
      end += 2
    }
    guard end == text.count else { return nil }
    let east = Int64(hours * 60 + minutes) * 60_000_000
    return text[place] == UInt8(ascii: "-") ? -east : east
  }

  @inline(__always)
  private static func digit(_ byte: UInt8) -> UInt8? {
    let value = byte &- UInt8(ascii: "0")
    return value < 10 ? value : nil
  }

  /// Two digits.
  private static func pair(_ text: Text, _ place: Int) -> Int? {
    guard place + 2 <= text.count, let tens = digit(text[place]), let ones = digit(text[place + 1]) else { return nil }
    return Int(tens) * 10 + Int(ones)
  }

  private static func colon(_ text: Text, _ place: Int) -> Bool {
    place < text.count && text[place] == UInt8(ascii: ":")
  }
  private static func dash(_ text: Text, _ place: Int) -> Bool {
    place < text.count && text[place] == UInt8(ascii: "-")
  }

  private static func isWord(_ text: Text, _ word: StaticString) -> Bool {
    guard text.count == word.utf8CodeUnitCount else { return false }
    for place in 0..<text.count where text[place] | 0x20 != word.utf8Start[place] { return false }
    return true
  }

  private static func word(_ text: Text, from place: Int, _ isNegative: Bool) -> Double? {
    let rest = Text(rebasing: text[place...])
    if isWord(rest, "nan") { return .nan }
    guard isWord(rest, "inf") || isWord(rest, "infinity") else { return nil }
    return isNegative ? -.infinity : .infinity
  }

  private static let powers: [Double] = (0...22).map { Double("1e\($0)")! }
}
