/// Counts the characters of texts of ASCII, and the texts that each stands in.
///
/// A text's characters are a set of 128 bits, so that the work for every character is one addition and one OR.
final class ASCIICounts {
  private let lower: Bool
  /// By byte as it stands in the texts. Two, taken in turn: the same character twice in a row need not wait for itself.
  private let even = UnsafeMutablePointer<Int64>.allocate(capacity: 128)
  private let odd = UnsafeMutablePointer<Int64>.allocate(capacity: 128)
  /// By byte, as a token: in how many texts.
  private let texts = UnsafeMutablePointer<Int64>.allocate(capacity: 128)
  /// By byte: the bit of it as a token.
  private let bits = UnsafeMutablePointer<SIMD2<UInt64>>.allocate(capacity: 128)
  /// Tokens that some text had.
  private let seen = UnsafeMutablePointer<SIMD2<UInt64>>.allocate(capacity: 1)

  /// - Parameter lower: whether upper-case letters are the lower-case ones as tokens.
  init(lower: Bool) {
    self.lower = lower
    for byte in 0..<128 {
      let token = lower ? TextTokens.lower(ascii: UInt8(byte)) : UInt8(byte)
      bits[byte] = token < 64 ? [1 << UInt64(token), 0] : [0, 1 << UInt64(token - 64)]
    }
    for counts in [even, odd, texts] { counts.initialize(repeating: 0, count: 128) }
    seen.initialize(to: [0, 0])
  }

  deinit {
    for counts in [even, odd, texts] { counts.deallocate() }
    bits.deallocate()
    seen.deallocate()
  }

  func token(of byte: UInt8) -> UInt8 { lower ? TextTokens.lower(ascii: byte) : byte }

  /// - Precondition: all bytes are ASCII.
  /// - Returns: whether there is a token among them that no text had before.
  func add(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var all = SIMD2<UInt64>()
    var index = 0
    while index + 1 < text.count {
      let (one, two) = (Int(text[index]), Int(text[index + 1]))
      even[one] &+= 1
      odd[two] &+= 1
      all |= bits[one] | bits[two]
      index += 2
    }
    if index < text.count {
      even[Int(text[index])] &+= 1
      all |= bits[Int(text[index])]
    }
    for half in 0..<2 {
      var rest = all[half]
      while rest != 0 {
        texts[half * 64 + rest.trailingZeroBitCount] &+= 1
        rest &= rest &- 1
      }
    }
    guard all & ~seen.pointee != [0, 0] else { return false }
    seen.pointee |= all
    return true
  }

  /// How often each byte stands in the texts.
  var counts: [(byte: UInt8, count: Int64)] { (0..<128).map { (UInt8($0), even[$0] + odd[$0]) } }

  /// In how many texts each token stands.
  var documents: [(byte: UInt8, texts: Int64)] { (0..<128).map { (UInt8($0), texts[$0]) } }
}
