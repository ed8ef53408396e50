/// Finds what is no UTF-8, as the Unicode standard and Python cut it: an ill-formed sequence ends before the first
/// byte that cannot go on with it.
enum UTF8Scan {
  private static var highBits: UInt64 { 0x8080_8080_8080_8080 }

  /// The first index from `start` on where no whole well-formed character stands; the count if there is none.
  ///
  /// - Complexity: O(bytes); ASCII goes sixteen bytes at a time.
  static func firstIllFormed(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int = 0) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    let count = bytes.count
    let raw = UnsafeRawPointer(base)
    var index = start
    while index < count {
      // To the next byte that is not ASCII: sixteen at a time, then eight, among which its place is counted out.
      while index + 16 <= count {
        let words = raw.loadUnaligned(fromByteOffset: index, as: SIMD2<UInt64>.self)
        guard (words[0] | words[1]) & highBits == 0 else { break }
        index += 16
      }
      if index + 8 <= count {
        let found = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)) & highBits
        index += found == 0 ? 8 : found.trailingZeroBitCount >> 3
      }
      while index < count, base[index] < 0x80, index + 8 > count { index += 1 }
      // Text that is not ASCII mostly goes on so.
      while index < count, base[index] >= 0x80 {
        let length = wellFormedLength(base + index, most: count - index)
        guard length > 0 else { return index }
        index += length
      }
    }
    return count
  }

  /// Bytes of the character that begins at `base`; 0 where none does. The first byte is no ASCII.
  @inline(__always)
  private static func wellFormedLength(_ base: UnsafePointer<UInt8>, most: Int) -> Int {
    let first = base[0]
    if first < 0xE0 { return first >= 0xC2 && most >= 2 && base[1] & 0xC0 == 0x80 ? 2 : 0 }
    guard most >= 3, second(after: first).contains(base[1]), base[2] & 0xC0 == 0x80 else { return 0 }
    if first < 0xF0 { return 3 }
    return first < 0xF5 && most >= 4 && base[3] & 0xC0 == 0x80 ? 4 : 0
  }

  /// What may follow a first byte from 0xE0 on: no overlong forms, no surrogates, nothing beyond U+10FFFF.
  @inline(__always)
  private static func second(after first: UInt8) -> ClosedRange<UInt8> {
    switch first {
    case 0xE0: 0xA0...0xBF
    case 0xED: 0x80...0x9F
    case 0xF0: 0x90...0xBF
    case 0xF4: 0x80...0x8F
    default: 0x80...0xBF
    }
  }

  /// The ill-formed sequence at `index`.
  ///
  /// - Returns: its length, and whether it is only the end of `bytes` that keeps it from being a character.
  static func illFormed(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> (length: Int, isCutOff: Bool) {
    let first = bytes[index]
    let wanted =
      switch first {
      case 0xC2..<0xE0: 2
      case 0xE0..<0xF0: 3
      case 0xF0..<0xF5: 4
      default: 1
      }
    var length = 1
    while length < wanted, index + length < bytes.count {
      let byte = bytes[index + length]
      guard length == 1 && wanted > 2 ? second(after: first).contains(byte) : byte & 0xC0 == 0x80 else { break }
      length += 1
    }
    return (length, length < wanted && index + length == bytes.count)
  }
}

extension UnsafeBufferPointer<UInt8> {
  var isASCII: Bool {
    var all: UInt8 = 0
    for byte in self { all |= byte }
    return all < 0x80
  }
}
