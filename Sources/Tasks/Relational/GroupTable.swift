import Graph

/// Numbers groups of rows by their key, from 0 in the order of first appearance.
///
/// Open addressing: a slot holds the upper half of the hash and the group's number, so that a probe seldom looks at a
/// key that is another.
final class GroupTable {
  let keys: KeyStore
  private static let upperHalf: UInt64 = 0xFFFF_FFFF_0000_0000
  private let index: UnsafeMutablePointer<Index>

  private struct Index {
    var slots: UnsafeMutablePointer<UInt64>
    /// One less than there are slots.
    var mask: Int

    init(mask: Int) {
      self.mask = mask
      slots = .allocate(capacity: mask + 1)
      slots.update(repeating: 0, count: mask + 1)
    }
  }

  init(_ types: [ColumnType]) {
    keys = KeyStore(types)
    index = .allocate(capacity: 1)
    index.initialize(to: Index(mask: 1023))
  }

  deinit {
    index.pointee.slots.deallocate()
    index.deallocate()
  }

  var count: Int { keys.count }

  /// Bytes of memory it takes.
  var byteCount: Int { keys.byteCount + (index.pointee.mask + 1) * 8 }

  /// Finds the group of each row of the batch, adding those that are new.
  ///
  /// Most rows' groups are there and where they are looked for first. These are found for all rows at once, step by step:
  /// loads of one step do not wait for each other, and memory is far away.
  func find(_ batch: KeyBatch, into groups: UnsafeMutablePointer<Int32>) {
    let (slots, mask, hashes) = (index.pointee.slots, index.pointee.mask, batch.hashes)
    let count = batch.rows.count
    for row in 0..<count {
      let hash = hashes[row]
      let slot = slots[Int(truncatingIfNeeded: hash) & mask]
      let isLikely = (slot ^ hash) & GroupTable.upperHalf == 0
      groups[row] = isLikely ? Int32(truncatingIfNeeded: Int(truncatingIfNeeded: slot & 0xFFFF_FFFF) - 1) : -1
    }
    keys.dropUnequal(batch, groups)
    for row in 0..<count where groups[row] < 0 { groups[row] = find(batch, row) }
  }

  /// The same for the rows with certain hashes; the others get -1.
  func find(
    _ batch: KeyBatch, into groups: UnsafeMutablePointer<Int32>, where isWanted: (UInt64) -> Bool
  ) {
    for row in 0..<batch.rows.count { groups[row] = isWanted(batch.hashes[row]) ? find(batch, row) : -1 }
  }

  @inline(__always)
  private func find(_ batch: KeyBatch, _ row: Int) -> Int32 {
    let hash = batch.hashes[row]
    let high = hash & GroupTable.upperHalf
    let (slots, mask) = (index.pointee.slots, index.pointee.mask)
    var place = Int(truncatingIfNeeded: hash) & mask
    while true {
      let slot = slots[place]
      if slot == 0 { return add(batch, row, at: place, high) }
      if slot & GroupTable.upperHalf == high {
        let group = Int(truncatingIfNeeded: slot & 0xFFFF_FFFF) - 1
        if keys.equals(group, batch, row) { return Int32(truncatingIfNeeded: group) }
      }
      place = (place + 1) & mask
    }
  }

  @inline(never)
  private func add(_ batch: KeyBatch, _ row: Int, at place: Int, _ high: UInt64) -> Int32 {
    let group = keys.count
    keys.append(batch, row)
    index.pointee.slots[place] = high | UInt64(group + 1)
    if keys.count * 2 > index.pointee.mask { grow() }
    return Int32(truncatingIfNeeded: group)
  }

  private func grow() {
    index.pointee.slots.deallocate()
    index.pointee = Index(mask: index.pointee.mask * 2 + 1)
    let (slots, mask) = (index.pointee.slots, index.pointee.mask)
    for group in 0..<keys.count {
      let hash = keys.hash(group)
      var place = Int(truncatingIfNeeded: hash) & mask
      while slots[place] != 0 { place = (place + 1) & mask }
      slots[place] = hash & GroupTable.upperHalf | UInt64(group + 1)
    }
  }

  /// Adds every row of the batch as a group of its own: nothing may be looked up before `removeAll`.
  func addAll(_ batch: KeyBatch, into groups: UnsafeMutablePointer<Int32>) {
    for row in 0..<batch.rows.count {
      groups[row] = Int32(truncatingIfNeeded: keys.count)
      keys.append(batch, row)
    }
  }

  func removeAll() {
    keys.removeAll()
    index.pointee.slots.update(repeating: 0, count: index.pointee.mask + 1)
  }

  /// Numbers of the groups by bucket, and within each as they came.
  ///
  /// - Parameter bucket: a group's, from its number and hash; below `count`.
  /// - Returns: and where each bucket's begin, and where the last's end.
  func ordered(by count: Int, _ bucket: (_ group: Int, _ hash: UInt64) -> Int) -> (order: [Int32], starts: [Int]) {
    var starts = [Int](repeating: 0, count: count + 1)
    for group in 0..<keys.count { starts[bucket(group, keys.hash(group)) + 1] += 1 }
    for index in 0..<count { starts[index + 1] += starts[index] }
    var next = starts
    var order = [Int32](repeating: 0, count: keys.count)
    for group in 0..<keys.count {
      let place = bucket(group, keys.hash(group))
      order[next[place]] = Int32(truncatingIfNeeded: group)
      next[place] += 1
    }
    return (order, starts)
  }
}
