import Graph

/// Counts the different values of a column for each key, of pairs of key and value that come from everywhere.
final class DifferentValues {
  private let types: [ColumnType]
  private let pairs: GroupTable
  private let owners: GroupTable
  /// Of each owner.
  private let counts = Box<Int64>()
  private let found = UnsafeMutablePointer<Int32>.allocate(capacity: KeyBatch.mostRows)
  private let foundOwners = UnsafeMutablePointer<Int32>.allocate(capacity: KeyBatch.mostRows)
  /// Which pairs are counted, by their hash, so that they can be counted in several goes.
  private let go: Int
  private let goes: Int

  /// - Parameters:
  ///   - types: of the key's columns, and of the value.
  ///   - go: the number of this go, below `goes`: each counts its own part of the pairs.
  ///   - goes: how many there are.
  init(_ types: [ColumnType], go: Int = 0, of goes: Int = 1) {
    self.types = types
    pairs = GroupTable(types)
    owners = GroupTable(types.dropLast())
    self.go = go
    self.goes = goes
  }

  deinit {
    found.deallocate()
    foundOwners.deallocate()
  }

  /// Bytes of memory it takes.
  var byteCount: Int { pairs.byteCount + owners.byteCount + counts.byteCount }

  /// Takes up pairs: the key's columns, then the value.
  func take(_ table: Table) throws {
    let columns = try zip(table.columns, types).map { try $0.conformed(to: $1) }
    let batch = KeyBatch(columns)
    let keyBatch = KeyBatch(columns.dropLast())
    let valueBit: UInt64 = 1 << UInt64(types.count - 1)
    for start in stride(from: 0, to: table.count, by: KeyBatch.mostRows) {
      let rows = start..<min(start + KeyBatch.mostRows, table.count)
      batch.load(rows)
      keyBatch.load(rows)
      var known = pairs.count
      if goes == 1 {
        pairs.find(batch, into: found)
      } else {
        pairs.find(batch, into: found) { hash in
          // The upper bits chose the shard.
          Int(truncatingIfNeeded: (hash & 0xFFFF_FFFF) * UInt64(goes) >> 32) == go
        }
      }
      owners.find(keyBatch, into: foundOwners)
      counts.grow(to: owners.count, 0)
      let counts = counts.base
      for index in 0..<rows.count where Int(found[index]) == known {
        known += 1
        if batch.nulls[index] & valueBit == 0 { counts[Int(foundOwners[index])] += 1 }
      }
    }
  }

  /// Adds the counts to those of the groups with the same keys.
  func add(to groups: GroupTable, _ accumulators: [CountAccumulator]) throws {
    let all = (0..<owners.count).map { Int32(truncatingIfNeeded: $0) }
    let batch = KeyBatch(try all.withUnsafeBufferPointer { try owners.keys.columns($0) })
    for start in stride(from: 0, to: owners.count, by: KeyBatch.mostRows) {
      let rows = start..<min(start + KeyBatch.mostRows, owners.count)
      batch.load(rows)
      groups.find(batch, into: found)
      for accumulator in accumulators {
        accumulator.grow(to: groups.count)
        for index in 0..<rows.count { accumulator.add(Int(counts.base[start + index]), to: Int(found[index])) }
      }
    }
  }
}
