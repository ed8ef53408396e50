import CXXHash

/// Hashes that are the same in every process, so that what one run partitioned another can go on with.
public enum StableHash {
  /// Spreads a word over all 64 bits; 0 does not stay 0.
  @inlinable @inline(__always)
  public static func of(_ word: UInt64) -> UInt64 {
    let wide = (word ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return wide.high ^ wide.low
  }

  /// Both together, in their order.
  @inlinable @inline(__always)
  public static func combine(_ first: UInt64, _ second: UInt64) -> UInt64 {
    of((first &* 0xA24B_AED4_963E_E407) ^ second)
  }

  /// Of bytes: XXH3-64.
  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 { XXH3_64bits(bytes.baseAddress, bytes.count) }

  /// The one of `count` shards that a hash falls into, by its upper bits.
  @inlinable @inline(__always)
  public static func shard(of hash: UInt64, count: Int) -> Int {
    Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(count)).high)
  }
}
