import Foundation

// Python's operators. Integers that leave 64 bits are an error, never a wrong number.

extension PythonValue {
  static func add(_ left: PythonValue, _ right: PythonValue) throws -> PythonValue {
    switch (left, right) {
    case (.str(let left), .str(let right)): return .str(left + right)
    case (.list(let left), .list(let right)): return .list(left + right)
    case (.tuple(let left), .tuple(let right)): return .tuple(left + right)
    case (.str, _), (.list, _), (.tuple, _):
      let name = left.typeName
      throw PythonError.type("can only concatenate \(name) (not \"\(right.typeName)\") to \(name)")
    default:
      return try arithmetic("+", left, right, Int.addingReportingOverflow, +)
    }
  }

  static func subtract(_ left: PythonValue, _ right: PythonValue) throws -> PythonValue {
    try arithmetic("-", left, right, Int.subtractingReportingOverflow, -)
  }

  static func multiply(_ left: PythonValue, _ right: PythonValue) throws -> PythonValue {
    try arithmetic("*", left, right, Int.multipliedReportingOverflow, *)
  }

  /// `x / y`: always a float.
  static func divide(_ left: PythonValue, _ right: PythonValue) throws -> PythonValue {
    let (left, right) = try numbers("/", left, right)
    guard right.asDouble != 0 else {
      if case (.int, .int) = (left, right) { throw PythonError(.zeroDivisionError, "division by zero") }
      throw PythonError(.zeroDivisionError, "float division by zero")
    }
    return .float(left.asDouble / right.asDouble)
  }

  /// `x // y`, rounded down: `-7 // 2 == -4`.
  static func floorDivide(_ left: PythonValue, _ right: PythonValue) throws -> PythonValue {
    switch try numbers("//", left, right) {
    case (.int(let left), .int(let right)):
      let (quotient, remainder) = try divided(left, by: right)
      return .int(remainder != 0 && (remainder < 0) != (right < 0) ? quotient - 1 : quotient)
    case (let left, let right):
      return .float(try floatDivMod(left.asDouble, right.asDouble, "float floor division by zero").quotient)
    }
  }

  /// `x % y`, with the sign of `y`: `-7 % 3 == 2`.
  static func modulo(_ left: PythonValue, _ right: PythonValue) throws -> PythonValue {
    switch try numbers("%", left, right) {
    case (.int(let left), .int(let right)):
      let remainder = right == -1 ? 0 : try divided(left, by: right).remainder
      return .int(remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder)
    case (let left, let right):
      return .float(try floatDivMod(left.asDouble, right.asDouble, "float modulo").remainder)
    }
  }

  func negated() throws -> PythonValue {
    switch number {
    case .int(let value):
      guard value != .min else { throw PythonError.overflow("-(\(value))") }
      return .int(-value)
    case .float(let value): return .float(-value)
    case nil: throw PythonError.type("bad operand type for unary -: '\(typeName)'")
    }
  }

  func magnitude() throws -> PythonValue {
    switch number {
    case .int(let value): return value < 0 ? try negated() : .int(value)
    case .float(let value): return .float(value.magnitude)
    case nil: throw PythonError.type("bad operand type for abs(): '\(typeName)'")
    }
  }

  /// `sum(items)`: from the integer 0.
  static func sum(_ items: [PythonValue]) throws -> PythonValue {
    try items.reduce(.int(0)) { try add($0, $1) }
  }

  /// The integer itself, or 0 and 1 for a bool.
  /// - Throws: `TypeError` for anything else.
  func integer() throws -> Int {
    if case .int(let value)? = number { return value }
    throw PythonError.type("'\(typeName)' object cannot be interpreted as an integer")
  }

  // MARK: Parts

  private static func numbers(
    _ sign: String, _ left: PythonValue, _ right: PythonValue
  ) throws -> (PythonNumber, PythonNumber) {
    guard let first = left.number, let second = right.number else {
      throw PythonError.type("unsupported operand type(s) for \(sign): '\(left.typeName)' and '\(right.typeName)'")
    }
    return (first, second)
  }

  private static func arithmetic(
    _ sign: String, _ left: PythonValue, _ right: PythonValue,
    _ whole: (Int) -> (Int) -> (partialValue: Int, overflow: Bool), _ float: (Double, Double) -> Double
  ) throws -> PythonValue {
    switch try numbers(sign, left, right) {
    case (.int(let left), .int(let right)):
      let (result, overflow) = whole(left)(right)
      guard !overflow else { throw PythonError.overflow("\(left) \(sign) \(right)") }
      return .int(result)
    case (let left, let right):
      return .float(float(left.asDouble, right.asDouble))
    }
  }

  private static func divided(_ left: Int, by right: Int) throws -> (quotient: Int, remainder: Int) {
    guard right != 0 else { throw PythonError(.zeroDivisionError, "integer division or modulo by zero") }
    let (quotient, overflow) = left.dividedReportingOverflow(by: right)
    guard !overflow else { throw PythonError.overflow("\(left) // \(right)") }
    return (quotient, left % right)
  }

  /// As CPython's `float_divmod`: the remainder of `fmod`, moved to the divisor's sign.
  private static func floatDivMod(
    _ left: Double, _ right: Double, _ problem: String
  ) throws -> (quotient: Double, remainder: Double) {
    guard right != 0 else { throw PythonError(.zeroDivisionError, problem) }
    var remainder = fmod(left, right)
    var quotient = (left - remainder) / right
    if remainder == 0 {
      remainder = Double(signOf: right, magnitudeOf: 0)
    } else if (remainder < 0) != (right < 0) {
      remainder += right
      quotient -= 1
    }
    guard quotient != 0 else { return (Double(signOf: left / right, magnitudeOf: 0), remainder) }
    let floor = quotient.rounded(.down)
    return (quotient - floor > 0.5 ? floor + 1 : floor, remainder)
  }
}
