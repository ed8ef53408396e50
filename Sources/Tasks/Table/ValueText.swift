// Numbers, dates and timestamps as text, written straight into memory that has room.

extension UnsafeMutablePointer<UInt8> {
  @inline(__always)
  mutating func put(_ byte: UInt8) {
    pointee = byte
    self += 1
  }

  mutating func put(_ text: String) {
    for byte in text.utf8 { put(byte) }
  }

  mutating func put(_ value: Int64) {
    var digits = value.magnitude
    if value < 0 { put(UInt8(ascii: "-")) }
    var count = 1
    var rest = digits
    while rest >= 10 {
      rest /= 10
      count += 1
    }
    for place in (0..<count).reversed() {
      self[place] = UInt8(ascii: "0") + UInt8(digits % 10)
      digits /= 10
    }
    self += count
  }

  /// As many digits as asked for, with zeros in front.
  @inline(__always)
  fileprivate mutating func put(_ value: Int, digits count: Int) {
    var rest = value
    for place in (0..<count).reversed() {
      self[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    self += count
  }
}

/// Days and microseconds since 1970 in the proleptic Gregorian calendar, as ISO 8601 has them.
///
/// Years outside 0 to 9999 have a sign and at least five digits.
enum CalendarText {
  static let longestDate = 16
  static let longestTimestamp = 40
  static let microsecondsPerDay: Int64 = 86_400_000_000

  /// `2024-01-31`.
  static func put(date days: Int32, _ at: inout UnsafeMutablePointer<UInt8>) { put(days: Int(days), &at) }

  /// `2024-01-31 23:59:59`, with a fraction of up to six digits where there is one.
  static func put(timestamp microseconds: Int64, _ at: inout UnsafeMutablePointer<UInt8>) {
    var days = microseconds / microsecondsPerDay
    var rest = microseconds % microsecondsPerDay
    if rest < 0 {
      rest += microsecondsPerDay
      days -= 1
    }
    put(days: Int(days), &at)
    at.put(UInt8(ascii: " "))
    let seconds = Int(rest / 1_000_000)
    at.put(seconds / 3600, digits: 2)
    at.put(UInt8(ascii: ":"))
    at.put(seconds / 60 % 60, digits: 2)
    at.put(UInt8(ascii: ":"))
    at.put(seconds % 60, digits: 2)
    var fraction = Int(rest % 1_000_000)
    guard fraction > 0 else { return }
    var digits = 6
    while fraction % 10 == 0 {
      fraction /= 10
      digits -= 1
    }
    at.put(UInt8(ascii: "."))
    at.put(fraction, digits: digits)
  }

  private static func put(days: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    let (year, month, day) = civil(days)
    if (0...9999).contains(year) {
      at.put(year, digits: 4)
    } else {
      at.put(UInt8(ascii: year < 0 ? "-" : "+"))
      at.put(abs(year), digits: max(5, "\(abs(year))".utf8.count))
    }
    at.put(UInt8(ascii: "-"))
    at.put(month, digits: 2)
    at.put(UInt8(ascii: "-"))
    at.put(day, digits: 2)
  }

  /// Year, month from 1, and day from 1 of a day since 1970-01-01.
  ///
  /// - Note: Source: counting in eras of 400 years that begin on 1 March, as in H. Hinnant, "chrono-Compatible
  ///   Low-Level Date Algorithms".
  static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  /// The reverse of `civil`; the date must be one.
  @inline(__always)
  static func days(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  @inline(__always)
  static func isDate(year: Int, month: Int, day: Int) -> Bool {
    guard month >= 1, month <= 12, day >= 1 else { return false }
    if day <= 28 { return true }
    switch month {
    case 2: return day == 29 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    case 4, 6, 9, 11: return day <= 30
    default: return day <= 31
    }
  }
}

extension Column {
  /// A date or timestamp in a cell as text; `nil` where it is null or the column holds none.
  func calendarText(at row: Int) -> String? {
    guard let value = integer(at: row), type == .date || type == .timestamp else { return nil }
    return String(unsafeUninitializedCapacity: CalendarText.longestTimestamp) { out in
      var at = out.baseAddress!
      if type == .date {
        CalendarText.put(date: Int32(truncatingIfNeeded: value), &at)
      } else {
        CalendarText.put(timestamp: value, &at)
      }
      return at - out.baseAddress!
    }
  }
}

extension UnsafeMutablePointer<UInt8> {
  /// The shortest text that reads back as the same number, as `Double.description` gives it; at most 32 bytes.
  ///
  /// Amounts in hundredths take a way around the general algorithm: of all texts that read back as the number, that with
  /// two decimals is the shortest where it is one.
  mutating func put(_ value: Double) {
    let hundredths = (value * 100).rounded()
    guard abs(hundredths) < 1e15, hundredths / 100 == value, value != 0 else { return put(value.description) }
    let digits = Int(abs(hundredths))
    // Small ones stand with an exponent there.
    guard digits > 0 else { return put(value.description) }
    if value < 0 { put(UInt8(ascii: "-")) }
    put(Int64(digits / 100))
    put(UInt8(ascii: "."))
    let rest = digits % 100
    if rest % 10 == 0 { put(rest / 10, digits: 1) } else { put(rest, digits: 2) }
  }
}
