import Foundation
import Graph

/// Figures as people read them.
enum Format {
  /// `1,234,567`.
  static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  static func count(_ value: Double) -> String {
    guard let whole = Int(exactly: value.rounded()) else { return "\(value)" }
    return count(whole)
  }

  /// `240 ms`, `3.2 s`, `12 s`, `4 min 05 s`, `2 h 11 min`, `3 d 04 h`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    let seconds = max(0, seconds)
    if seconds == 0 { return "0 s" }
    if seconds < 0.0005 { return "<1 ms" }
    if seconds < 0.9995 { return "\(Int((seconds * 1000).rounded())) ms" }
    if seconds < 9.95 {
      let tenths = Int((seconds * 10).rounded())
      return "\(tenths / 10).\(tenths % 10) s"
    }
    guard seconds < 1e15 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
    if whole < 86_400 { return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min" }
    return "\(whole / 86_400) d \(twoDigits(whole % 86_400 / 3600)) h"
  }

  /// `28.1/s`, `12,400/s`; below one in ten seconds, `3.2/min` or `1.4/h`.
  static func rate(_ perSecond: Double) -> String {
    guard perSecond.isFinite, perSecond >= 0 else { return "?" }
    if perSecond == 0 { return "0/s" }
    if perSecond >= 0.1 { return threeDigits(perSecond) + "/s" }
    if perSecond * 60 >= 0.1 { return threeDigits(perSecond * 60) + "/min" }
    return threeDigits(perSecond * 3600) + "/h"
  }

  /// `28 %`. Rounded down: 100 % is said only of what is complete, and 0 % only of what has not begun.
  static func percent(_ fraction: Double) -> String {
    guard fraction.isFinite else { return "?" }
    if fraction > 0, fraction < 0.01 { return "<1 %" }
    // 0.29 · 100 is 28.999…: what a division lost must not cost a per cent.
    let value = (fraction * 100 + 1e-9).rounded(.down)
    return "\(Int(min(max(value, -9999), 999_999))) %"
  }

  static func bytes(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 9e18 else { return "?" }
    return ByteCount(Int(value)).description
  }

  /// The time of day; with the date when it is not today's.
  static func time(_ secondsSince1970: Double, now: Double, zone: TimeZone) -> String {
    guard secondsSince1970.isFinite, abs(secondsSince1970) < 1e11 else { return "?" }
    let local = localSeconds(secondsSince1970, zone)
    let today = localSeconds(now, zone)
    let second = ((local % 86_400) + 86_400) % 86_400
    let clock = "\(twoDigits(second / 3600)):\(twoDigits(second % 3600 / 60))"
    let day = floorDivide(local, 86_400)
    if day == floorDivide(today, 86_400) { return clock + ":" + twoDigits(second % 60) }
    return date(day) + " " + clock
  }

  private static func localSeconds(_ time: Double, _ zone: TimeZone) -> Int {
    guard time.isFinite, abs(time) < 1e11 else { return 0 }
    return Int(time.rounded(.down)) + zone.secondsFromGMT(for: Date(timeIntervalSince1970: time))
  }

  /// Days since 1970 as a Gregorian date; Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
  private static func date(_ day: Int) -> String {
    let shifted = day + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return "\(year)-\(twoDigits(month))-\(twoDigits(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1))"
  }

  private static func floorDivide(_ a: Int, _ b: Int) -> Int { a >= 0 ? a / b : -((b - 1 - a) / b) }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func threeDigits(_ value: Double) -> String {
    if value >= 99.95 {
      guard value < 1e15 else { return "\(value)" }
      var step = 1
      while value / Double(step) >= 999.5 { step *= 10 }
      return count(Int((value / Double(step)).rounded()) * step)
    }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
