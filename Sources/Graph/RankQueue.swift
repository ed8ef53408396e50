/// A set of ranks that gives its smallest: a tree of bitmaps, 64 ways at each level.
///
/// For ranks from 0 to n it takes n / 8 bytes and a few instructions a step, where a heap of a million ranks
/// misses the cache twenty times. Source: van Emde Boas's idea of summaries over blocks, with words as blocks.
public struct RankQueue: Sendable {
  /// All levels one behind the other, the one with a bit a rank first.
  private var words: [UInt64]
  /// Where each level begins in `words`.
  private var starts: [Int] = []
  public private(set) var count = 0

  /// - Parameter capacity: ranks are below it.
  public init(capacity: Int) {
    var size = max(capacity, 1)
    var total = 0
    repeat {
      size = (size + 63) / 64
      starts.append(total)
      total += size
    } while size > 1
    words = [UInt64](repeating: 0, count: total)
  }

  public var isEmpty: Bool { count == 0 }

  public func contains(_ rank: Int32) -> Bool { words[Int(rank) >> 6] & (1 << UInt64(rank & 63)) != 0 }

  /// Adding what is there already changes nothing.
  public mutating func insert(_ rank: Int32) {
    var index = Int(rank)
    for (level, start) in starts.enumerated() {
      let word = start + (index >> 6)
      let before = words[word]
      words[word] = before | 1 << UInt64(index & 63)
      if level == 0 {
        guard before & (1 << UInt64(index & 63)) == 0 else { return }
        count += 1
      }
      if before != 0 { return }
      index >>= 6
    }
  }

  /// Removing what is not there changes nothing.
  public mutating func remove(_ rank: Int32) {
    guard contains(rank) else { return }
    count -= 1
    var index = Int(rank)
    for start in starts {
      let word = start + (index >> 6)
      words[word] &= ~(1 << UInt64(index & 63))
      if words[word] != 0 { return }
      index >>= 6
    }
  }

  public var first: Int32? {
    guard count > 0 else { return nil }
    var index = 0
    for start in starts.reversed() { index = index << 6 | words[start + index].trailingZeroBitCount }
    return Int32(truncatingIfNeeded: index)
  }

  public mutating func removeFirst() -> Int32? {
    guard let first else { return nil }
    remove(first)
    return first
  }
}
