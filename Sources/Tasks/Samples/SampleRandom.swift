#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A small random source whose numbers depend on the seed alone (SplitMix64).
struct SampleRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// An independent source for part `number` of whatever `seed` stands for.
  init(seed: UInt64, part number: Int) {
    var mixer = SampleRandom(seed: seed ^ 0xA076_1D64_78BD_642F)
    state = mixer.next() &+ UInt64(truncatingIfNeeded: number) &* 0xE703_7ED1_A0B4_28DB
    state = next()
  }

  @inline(__always)
  mutating func next() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  /// From 0 to `limit - 1`.
  @inline(__always)
  mutating func below(_ limit: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(limit)).high) }

  /// From 0 to less than 1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func chance(_ probability: Double) -> Bool { unit() < probability }

  /// Puts the elements in a random order (Fisher and Yates).
  mutating func shuffle<Element>(_ elements: inout [Element]) {
    for place in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(place, below(place + 1)) }
  }

  /// Log-normal around `median`.
  mutating func logNormal(median: Double, spread: Double) -> Double {
    let radius = (-2 * log(1 - unit())).squareRoot()
    return median * exp(spread * radius * cos(2 * .pi * unit()))
  }
}
