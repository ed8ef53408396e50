import Graph

/// A hash table from keys to folded values that remembers in which order the keys came.
///
/// Open addressing with linear probing over indices into dense arrays of keys and values; at most half full. Keys are
/// hashed by `KeyHash`, which is the same in every process, so that results are, too.
@usableFromInline
struct FoldTable<Key: Hashable & Codable & Sendable, Value> {
  @usableFromInline var keys = ContiguousArray<Key>()
  @usableFromInline var values = ContiguousArray<Value>()
  @usableFromInline var hashes = ContiguousArray<UInt64>()
  /// Index of an entry plus one; 0 where there is none.
  @usableFromInline var slots: ContiguousArray<UInt32>
  @usableFromInline var shift: UInt64
  @usableFromInline let hash: KeyHash<Key>

  @usableFromInline
  init(_ hash: KeyHash<Key>) {
    self.hash = hash
    slots = ContiguousArray(repeating: 0, count: 1024)
    shift = 54
  }

  @inlinable var count: Int { keys.count }

  /// Puts `first()` in if the key is new; else folds with `next`.
  @inlinable @inline(__always)
  mutating func fold(
    _ key: Key, first: () throws -> Value, next: (inout Value) throws -> Void
  ) rethrows {
    try fold(key, hashed: hash(key), first: first, next: next)
  }

  @inlinable @inline(__always)
  mutating func fold(
    _ key: Key, hashed hashOfKey: UInt64, first: () throws -> Value, next: (inout Value) throws -> Void
  ) rethrows {
    let mask = slots.count &- 1
    // The upper bits choose the shard already.
    var place = Int(truncatingIfNeeded: (hashOfKey &* 0x9E37_79B9_7F4A_7C15) >> shift)
    while true {
      let slot = Int(slots[place])
      if slot == 0 {
        let value = try first()
        keys.append(key)
        values.append(value)
        hashes.append(hashOfKey)
        slots[place] = UInt32(truncatingIfNeeded: keys.count)
        if keys.count &* 2 > slots.count { grow() }
        return
      }
      if keys[slot &- 1] == key {
        try next(&values[slot &- 1])
        return
      }
      place = (place &+ 1) & mask
    }
  }

  /// Where a key's entry is; `nil` where it has none.
  @inlinable @inline(__always)
  func index(of key: Key) -> Int? {
    let mask = slots.count &- 1
    var place = Int(truncatingIfNeeded: (hash(key) &* 0x9E37_79B9_7F4A_7C15) >> shift)
    while true {
      let slot = Int(slots[place])
      if slot == 0 { return nil }
      if keys[slot &- 1] == key { return slot &- 1 }
      place = (place &+ 1) & mask
    }
  }

  @usableFromInline @inline(never)
  mutating func grow() {
    shift -= 1
    slots = ContiguousArray(repeating: 0, count: slots.count * 2)
    let mask = slots.count - 1
    for (index, hash) in hashes.enumerated() {
      var place = Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> shift)
      while slots[place] != 0 { place = (place + 1) & mask }
      slots[place] = UInt32(truncatingIfNeeded: index + 1)
    }
  }

  /// Forgets all entries and keeps the room.
  @usableFromInline
  mutating func removeAll() {
    keys.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    hashes.removeAll(keepingCapacity: true)
    for index in slots.indices { slots[index] = 0 }
  }
}

/// How keys of one type are hashed: `Int` right here, others by a function chosen once.
@usableFromInline
struct KeyHash<Key: Hashable & Codable & Sendable>: Sendable {
  @usableFromInline let function: @Sendable (Key) -> UInt64

  @usableFromInline
  init() { function = StableHash.function(for: Key.self) }

  @inlinable @inline(__always)
  func callAsFunction(_ key: Key) -> UInt64 {
    if Key.self == Int.self {
      return StableHash.of(UInt64(bitPattern: Int64(unsafeBitCast(key, to: Int.self))))
    }
    if Key.self == String.self { return StableHash.of(key as! String) }
    return function(key)
  }
}
