import CXXHash

/// Which rows of a table have one hash: chains in the order of the rows. 8 to 12 bytes a row.
final class RowIndex {
  private var heads: [Int32]
  private var following: [Int32]
  private let mask: UInt64

  /// - Parameter hash: of a row; `nil` for one that equals nothing.
  init(count: Int, _ hash: (Int) -> UInt64?) {
    var size = 16
    while size < count { size *= 2 }
    mask = UInt64(size - 1)
    heads = Array(repeating: -1, count: size)
    following = Array(repeating: -1, count: count)
    for row in (0..<count).reversed() {
      guard let hash = hash(row) else { continue }
      let place = Int(hash & mask)
      following[row] = heads[place]
      heads[place] = Int32(truncatingIfNeeded: row)
    }
  }

  /// The rows with one hash, one after the other; -1 is their end.
  struct Chain {
    let first: Int
    private let index: RowIndex?

    static var empty: Chain { Chain(first: -1, index: nil) }

    fileprivate init(first: Int, index: RowIndex?) {
      self.first = first
      self.index = index
    }

    func next(after row: Int) -> Int { index.map { Int($0.following[row]) } ?? -1 }
  }

  func chain(_ hash: UInt64) -> Chain { Chain(first: Int(heads[Int(hash & mask)]), index: self) }

  /// One for all numbers that SQLite takes for the same; whole ones beyond 2⁵³ share some.
  static func hash(_ number: Double) -> UInt64 {
    var bits = (number + 0.0).bitPattern
    return XXH3_64bits(&bits, 8)
  }

  static func hash(_ text: UnsafePointer<UInt8>?, _ count: Int) -> UInt64 {
    count == 0 ? 0 : XXH3_64bits(text, count)
  }
}
