/// A number of Python, with which arithmetic is done; `True` is the integer 1.
enum PythonNumber: Sendable {
  case int(Int)
  case float(Double)

  var asDouble: Double {
    switch self {
    case .int(let value): Double(value)
    case .float(let value): value
    }
  }

  /// Exact, also where the integer has no double of its own.
  func isEqual(to other: PythonNumber) -> Bool {
    switch (self, other) {
    case (.int(let left), .int(let right)): left == right
    case (.float(let left), .float(let right)): left == right
    case (.int(let int), .float(let float)), (.float(let float), .int(let int)): Int(exactly: float) == int
    }
  }

  /// Exact, also where the integer has no double of its own. NaN is neither less nor greater.
  func isLess(than other: PythonNumber) -> Bool {
    switch (self, other) {
    case (.int(let left), .int(let right)): left < right
    case (.float(let left), .float(let right)): left < right
    case (.int(let left), .float(let right)):
      right >= 0x1p63 || (right > -0x1p63 && left < Int(right.rounded(.up)))
    case (.float(let left), .int(let right)):
      left < -0x1p63 || (left < 0x1p63 && Int(left.rounded(.down)) < right)
    }
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(1 as UInt8)
    switch self {
    case .int(let value): hasher.combine(value)
    case .float(let value):
      if let whole = Int(exactly: value) { hasher.combine(whole) } else { hasher.combine(value.bitPattern) }
    }
  }
}

extension PythonValue {
  /// The value as a number; `nil` if it is none.
  var number: PythonNumber? {
    switch self {
    case .bool(let value): .int(value ? 1 : 0)
    case .int(let value): .int(value)
    case .float(let value): .float(value)
    default: nil
    }
  }

  /// `float(x)` of a number.
  /// - Throws: `TypeError` if it is none.
  func double() throws -> Double {
    guard let number else { throw PythonError.type("unsupported operand type(s) for +: 'float' and '\(typeName)'") }
    return number.asDouble
  }
}
