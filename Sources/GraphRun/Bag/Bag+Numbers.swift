import Foundation
import Graph

// Reductions of numbers.

extension Bag where Element: FixedWidthInteger {
  /// The sum; 0 of an empty bag.
  ///
  /// - Throws: when computed, `TaskError` with code `.badInput` if it, or a sum on the way to it, does not fit the type.
  public func sum() -> Delayed<Element> {
    reduced("sum", .parameters("")) { next in
      var sum = Element.zero
      while let block = try next() { sum = try Sum.adding(sum, Sum.of(block)) }
      return sum
    } combine: {
      try Sum.of($0)
    } finish: {
      $0
    }
  }
}

extension Bag where Element: BinaryInteger {
  /// The arithmetic mean.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag is empty.
  public func mean() -> Delayed<Double> { map { Double($0) }.mean() }
  /// The variance: the sum of squared distances from the mean, divided by `count - ddof`.
  ///
  /// - Parameter ddof: delta degrees of freedom.
  /// - Throws: when computed, `TaskError` with code `.badInput` if `count` is `ddof`, or the bag is empty.
  public func variance(ddof: Int = 0) -> Delayed<Double> { map { Double($0) }.variance(ddof: ddof) }
  /// The square root of the variance.
  /// - Throws: as `variance(ddof:)`, and if `count` is less than `ddof`.
  public func standardDeviation(ddof: Int = 0) -> Delayed<Double> { map { Double($0) }.standardDeviation(ddof: ddof) }
}

extension Bag where Element: BinaryFloatingPoint {
  /// The sum; 0 of an empty bag. Partition by partition, so its last bits depend on how the bag is cut.
  public func sum() -> Delayed<Element> {
    reduced("sum", .parameters("")) { next in
      var sum = Element.zero
      while let block = try next() { for element in block { sum += element } }
      return sum
    } combine: {
      $0.reduce(0, +)
    } finish: {
      $0
    }
  }

  /// The arithmetic mean.
  /// - Throws: when computed, `TaskError` with code `.badInput` if the bag is empty.
  public func mean() -> Delayed<Double> { moments("mean") { try $0.mean() } }

  /// The variance.
  ///
  /// - Parameter ddof: delta degrees of freedom: the sum of squares is divided by `count - ddof`.
  /// - Throws: when computed, `TaskError` with code `.badInput` if `count` is `ddof`, or the bag is empty.
  public func variance(ddof: Int = 0) -> Delayed<Double> { moments("variance \(ddof)") { try $0.variance(ddof: ddof) } }

  /// The square root of the variance.
  /// - Throws: as `variance(ddof:)`, and if `count` is less than `ddof`.
  public func standardDeviation(ddof: Int = 0) -> Delayed<Double> {
    moments("standardDeviation \(ddof)") { moments in
      let variance = try moments.variance(ddof: ddof)
      guard variance >= 0 else {
        throw TaskError(
          .badInput, "the standard deviation of \(moments.count) elements with ddof \(ddof) is not defined")
      }
      return variance.squareRoot()
    }
  }

  private func moments(
    _ label: String, _ finish: @escaping @Sendable (Moments) throws -> Double
  ) -> Delayed<Double> {
    reduced(String(label.prefix { $0 != " " }), .parameters(label)) { next in
      var moments = Moments()
      while let block = try next() { for element in block { moments.add(Double(element)) } }
      return moments
    } combine: {
      $0.reduce(into: Moments()) { $0.add($1) }
    } finish: {
      try finish($0)
    }
  }
}

/// Count, mean and sum of squared distances from it: exact enough where squares of large numbers are not.
/// - Note: Source: Welford 1962; merging after Chan, Golub and LeVeque 1979.
struct Moments: Codable, Sendable {
  var count = 0
  private var average = 0.0
  private var squares = 0.0
  private var total = 0.0

  mutating func add(_ value: Double) {
    count += 1
    total += value
    let distance = value - average
    average += distance / Double(count)
    squares += distance * (value - average)
  }

  mutating func add(_ other: Moments) {
    guard other.count > 0 else { return }
    let distance = other.average - average
    let all = Double(count + other.count)
    squares += other.squares + distance * distance * Double(count) * Double(other.count) / all
    average += distance * Double(other.count) / all
    total += other.total
    count += other.count
  }

  func mean() throws -> Double {
    guard count > 0 else { throw EmptyBag.error("mean") }
    return total / Double(count)
  }

  func variance(ddof: Int) throws -> Double {
    guard count > 0 else { throw EmptyBag.error("variance") }
    guard count != ddof else {
      throw TaskError(.badInput, "the variance of \(count) elements with ddof \(ddof) is not defined")
    }
    return squares / Double(count - ddof)
  }
}

enum EmptyBag {
  static func error(_ operation: String) -> TaskError {
    TaskError(.badInput, "\(operation) of an empty bag is not defined")
  }
}

@usableFromInline
enum Sum {
  static func adding<Number: FixedWidthInteger>(_ first: Number, _ second: Number) throws -> Number {
    let (sum, overflow) = first.addingReportingOverflow(second)
    guard !overflow else {
      throw TaskError(.badInput, "the sum does not fit \(Number.self); map the elements to a wider type first")
    }
    return sum
  }

  @usableFromInline
  static func of<Number: FixedWidthInteger>(_ numbers: [Number]) throws -> Number { try numbers.reduce(0, adding) }

  static func of<Number: FixedWidthInteger>(_ block: ContiguousArray<Number>) throws -> Number {
    if let block = block as? ContiguousArray<Int> { return Number(truncatingIfNeeded: try of(block)) }
    return try block.reduce(0, adding)
  }

  /// Upper and lower halves by themselves: neither can overflow within a block, and the loop is free of branches.
  private static func of(_ block: ContiguousArray<Int>) throws -> Int {
    var (high, low) = (0, 0)
    for element in block {
      high &+= element >> 32
      low &+= element & 0xFFFF_FFFF
    }
    return try adding(try shifted(high &+ low >> 32), low & 0xFFFF_FFFF)
  }

  private static func shifted(_ high: Int) throws -> Int {
    guard high == Int(Int32(truncatingIfNeeded: high)) else {
      throw TaskError(.badInput, "the sum does not fit Int; map the elements to a wider type first")
    }
    return high << 32
  }
}

enum Warning {
  static func print(_ text: String) { write("warning: \(text)\n") }

  private static func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
