import Foundation

/// One step of SplitMix64, as the debug ops define it.
public func splitMix64(_ x: UInt64) -> UInt64 {
  var z = x &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// The campaign's only source of chance: the same numbers for the same seed.
public struct TortureRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  /// A stream of its own for one round or scenario, so that each can be repeated alone.
  public init(seed: UInt64, part: UInt64) { self.init(seed: TortureRandom.seed(seed, part: part)) }

  static func seed(_ seed: UInt64, part: UInt64) -> UInt64 { splitMix64(splitMix64(seed) ^ part) }

  public mutating func next() -> UInt64 {
    defer { state &+= 0x9E37_79B9_7F4A_7C15 }
    return splitMix64(state)
  }

  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }

  /// Small numbers as likely as large ones: uniform in the logarithm.
  mutating func logarithmic(_ range: ClosedRange<Int>) -> Int {
    let (low, high) = (log(Double(range.lowerBound)), log(Double(range.upperBound + 1)))
    let value = Int(exp(Double.random(in: low..<high, using: &self)))
    return min(max(value, range.lowerBound), range.upperBound)
  }
}
