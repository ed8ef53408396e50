/// A set of ranks that gives its smallest: a tree of bitmaps, 64 ways at each level.
///
/// For ranks from 0 to n it takes n / 8 bytes and a few instructions a step, where a heap of a million ranks
/// misses the cache twenty times. Source: van Emde Boas's idea of summaries over blocks, with words as blocks.
public struct RankQueue: Sendable {
  /// All levels one behind the other, the one with a bit a rank first; copies of the queue share them.
  @usableFromInline let words: DenseArray<UInt64>
  /// Where each level begins in `words`.
  @usableFromInline let starts: DenseArray<Int32>
  @usableFromInline var storedCount = 0

  /// - Parameter capacity: ranks are below it.
  public init(capacity: Int) {
    var size = max(capacity, 1)
    var total = 0
    var starts: [Int32] = []
    repeat {
      size = (size + 63) / 64
      starts.append(Int32(total))
      total += size
    } while size > 1
    self.starts = DenseArray(starts)
    words = DenseArray(repeating: 0, count: total)
  }

  @inlinable public var count: Int { storedCount }

  @inlinable public var isEmpty: Bool { storedCount == 0 }

  @inlinable public func contains(_ rank: Int32) -> Bool { words[Int(rank) >> 6] & (1 << UInt64(rank & 63)) != 0 }

  /// Adding what is there already changes nothing.
  @inlinable public mutating func insert(_ rank: Int32) {
    guard !contains(rank) else { return }
    storedCount += 1
    var index = Int(rank)
    for level in 0..<starts.count {
      let word = Int(starts[level]) + (index >> 6)
      let before = words[word]
      words[word] = before | 1 << UInt64(index & 63)
      if before != 0 { return }
      index >>= 6
    }
  }

  /// Removing what is not there changes nothing.
  @inlinable public mutating func remove(_ rank: Int32) {
    guard contains(rank) else { return }
    storedCount -= 1
    var index = Int(rank)
    for level in 0..<starts.count {
      let word = Int(starts[level]) + (index >> 6)
      words[word] &= ~(1 << UInt64(index & 63))
      if words[word] != 0 { return }
      index >>= 6
    }
  }

  @inlinable public var first: Int32? {
    guard storedCount > 0 else { return nil }
    var index = 0
    var level = starts.count
    while level > 0 {
      level -= 1
      index = index << 6 | words[Int(starts[level]) + index].trailingZeroBitCount
    }
    return Int32(truncatingIfNeeded: index)
  }

  @inlinable public mutating func removeFirst() -> Int32? {
    guard let first else { return nil }
    remove(first)
    return first
  }
}
