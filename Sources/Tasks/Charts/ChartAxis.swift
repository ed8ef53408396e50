#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An axis with round numbers on it.
public struct ChartAxis: Sendable {
  public let range: ClosedRange<Double>
  public let ticks: [Double]
  private let decimals: Int

  /// From 0 to 1 for what lies there, else from one round number to another.
  ///
  /// - Parameters:
  ///   - values: finite; what the axis must hold.
  ///   - count: ticks, about.
  public init(_ values: some Sequence<Double>, ticks count: Int = 6) {
    var (least, greatest) = (Double.infinity, -Double.infinity)
    for value in values {
      least = min(least, value)
      greatest = max(greatest, value)
    }
    if least > greatest { (least, greatest) = (0, 1) }
    if least >= 0, greatest <= 1, greatest > 0.1 { (least, greatest) = (0, 1) }
    // Beyond these no picture shows anything, and steps between such numbers are none.
    (least, greatest) = (min(max(least, -1e300), 1e300), min(max(greatest, -1e300), 1e300))
    // A single value, or several that are too near to each other to be told apart.
    let size = max(abs(least), abs(greatest))
    if greatest - least <= size * 1e-12 || greatest - least < 1e-290 {
      let half = max(size * 0.5, 0.5)
      (least, greatest) = (least - half, greatest + half)
    }
    let raw = (greatest / 2 - least / 2) / Double(max(count - 1, 1)) * 2
    let power = pow(10, floor(log10(raw)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw * 0.999_999 } ?? raw
    let first = floor(least / step + 1e-9)
    let last = ceil(greatest / step - 1e-9)
    ticks = (0...max(Int(last - first), 1)).map { (first + Double($0)) * step }
    range = ticks[0]...ticks[ticks.count - 1]
    decimals = max(0, Int(-floor(log10(step) + 1e-9)))
  }

  /// Where a value lies between the axis' ends: from 0 to 1.
  public func place(_ value: Double) -> Double {
    (value / 2 - range.lowerBound / 2) / (range.upperBound / 2 - range.lowerBound / 2)
  }

  /// A tick as text, with as many digits as tell ticks apart.
  public func text(_ tick: Double) -> String {
    guard abs(tick) < 1e9, decimals < 9 else { return "\(tick)" }
    let scale = pow(10, Double(decimals))
    let digits = Int((abs(tick) * scale).rounded())
    let sign = tick < 0 && digits > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(digits)" }
    let rest = String(digits % Int(scale))
    return "\(sign)\(digits / Int(scale))." + String(repeating: "0", count: decimals - rest.count) + rest
  }
}
