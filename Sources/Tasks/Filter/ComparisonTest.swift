// Comparing across types, exactly.
//
// Every cell that can be ordered but text has a 64-bit key that is ordered as its values are: whole numbers, flags, dates
// and timestamps themselves; floating-point numbers their bits, turned so that negative ones come first, with -0 as 0 and
// NaN, equal to itself, above all. A value that a column is compared with becomes a key of that column's type once, and if
// it lies between two keys, the comparison moves to the one below: x < 2.5 holds where x <= 2, and never x = 2.5. So whole
// numbers beyond 2⁵³ and numbers with a fraction are compared as numbers, not as the nearest `Double`.

/// A comparison of a column's keys with one value.
enum ComparisonTest: Equatable {
  /// Holds for all cells, or for none.
  case constant(Bool)
  case key(ComparisonOperator, Int64)

  /// The comparison with a value that lies above `key` and below the next.
  private static func between(_ comparison: ComparisonOperator, above key: Int64) -> ComparisonTest {
    switch comparison {
    case .equal: .constant(false)
    case .notEqual: .constant(true)
    case .less, .lessOrEqual: .key(.lessOrEqual, key)
    case .greater, .greaterOrEqual: .key(.greater, key)
    }
  }

  /// The comparison with a value beyond all keys.
  private static func beyond(_ comparison: ComparisonOperator, isAbove: Bool) -> ComparisonTest {
    .constant(comparison.holds(isAbove ? -1 : 1))
  }

  /// Of whole numbers with a number.
  static func wholeNumbers(_ comparison: ComparisonOperator, _ value: Double) -> ComparisonTest {
    if value.isNaN || value >= 0x1p63 { return beyond(comparison, isAbove: true) }
    if value < -0x1p63 { return beyond(comparison, isAbove: false) }
    let floor = value.rounded(.down)
    return floor == value ? .key(comparison, Int64(floor)) : between(comparison, above: Int64(floor))
  }

  /// Of numbers with a whole number.
  static func numbers(_ comparison: ComparisonOperator, _ value: Int64) -> ComparisonTest {
    if let exact = Double(exactly: value) { return .key(comparison, OrderedKey.of(exact)) }
    let nearest = Double(value)
    let isAbove = nearest >= 0x1p63 || Int64(nearest) > value
    return between(comparison, above: OrderedKey.of(isAbove ? nearest.nextDown : nearest))
  }

  /// Of dates with a timestamp: a date is its midnight.
  static func dates(_ comparison: ComparisonOperator, timestamp: Int64) -> ComparisonTest {
    let day = CalendarText.day(of: timestamp)
    return timestamp % CalendarText.microsecondsPerDay == 0 ? .key(comparison, day) : between(comparison, above: day)
  }

  /// Of timestamps with a date.
  static func timestamps(_ comparison: ComparisonOperator, date: Int32) -> ComparisonTest {
    let (micros, overflows) = Int64(date).multipliedReportingOverflow(by: CalendarText.microsecondsPerDay)
    return overflows ? beyond(comparison, isAbove: date > 0) : .key(comparison, micros)
  }
}

enum OrderedKey {
  @inline(__always)
  static func of(_ value: Double) -> Int64 {
    if value.isNaN { return .max }
    // -0 and 0 add up to 0.
    let bits = Int64(bitPattern: (value + 0.0).bitPattern)
    return bits ^ ((bits >> 63) & .max)
  }

  @inline(__always)
  static func number(_ key: Int64) -> Double {
    key == .max ? .nan : Double(bitPattern: UInt64(bitPattern: key ^ ((key >> 63) & .max)))
  }

  /// How a whole number is to a number: negative for less.
  @inline(__always)
  static func order(_ whole: Int64, _ number: Double) -> Int {
    if number.isNaN || number >= 0x1p63 { return -1 }
    if number < -0x1p63 { return 1 }
    let towardsZero = Int64(number)
    if whole != towardsZero { return whole < towardsZero ? -1 : 1 }
    let fraction = number - Double(towardsZero)
    return fraction > 0 ? -1 : fraction < 0 ? 1 : 0
  }

  /// How a date is to a timestamp.
  @inline(__always)
  static func order(date: Int64, timestamp: Int64) -> Int {
    let day = CalendarText.day(of: timestamp)
    if date != day { return date < day ? -1 : 1 }
    return timestamp % CalendarText.microsecondsPerDay == 0 ? 0 : -1
  }

  /// The keys of neighbouring cells, null or not.
  static func fill(_ out: UnsafeMutablePointer<Int64>, from column: Column, _ start: Int, _ count: Int) {
    @inline(__always)
    func each<T: BitwiseCopyable>(_ type: T.Type, _ key: (T) -> Int64) {
      let values = column.values(as: type)
      for row in 0..<count { out[row] = key(values[start + row]) }
    }
    switch column.type {
    case .int8: each(Int8.self) { Int64($0) }
    case .int32, .date: each(Int32.self) { Int64($0) }
    case .int64, .timestamp: each(Int64.self) { $0 }
    case .float32: each(Float.self) { of(Double($0)) }
    case .float64: each(Double.self) { of($0) }
    case .bool: for row in 0..<count { out[row] = column.bit(at: start + row) ? 1 : 0 }
    case .utf8, .list, .vector, .structure: preconditionFailure("a column of \(column.type) has no keys")
    }
  }
}
