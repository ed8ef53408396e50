import Graph

/// A hash table from keys to folded values that remembers in which order the keys came.
///
/// Open addressing with linear probing over indices into dense rows of keys and values; at most a quarter full, so that
/// most keys are found at once and the processor guesses right. Keys are hashed by `KeyHash`, which is the same in every
/// process, so that results are, too; where an `Int` is looked for needs no hash. In memory of its own, because the checks
/// that arrays make for each access cost as much as the rest of a lookup.
@usableFromInline
struct FoldTable<Key: Hashable & Codable & Sendable, Value>: ~Copyable {
  @usableFromInline var keys: UnsafeMutablePointer<Key>
  @usableFromInline var values: UnsafeMutablePointer<Value>
  @usableFromInline var hashes: UnsafeMutablePointer<UInt64>
  /// Index of an entry plus one; 0 where there is none. Four times as many as there is room for entries.
  @usableFromInline var slots: UnsafeMutablePointer<UInt32>
  @usableFromInline var count = 0
  @usableFromInline var capacity: Int
  @usableFromInline var shift: UInt64
  @usableFromInline let hash: KeyHash<Key>

  /// - Parameter expecting: about how many entries there will be.
  @usableFromInline
  init(_ hash: KeyHash<Key>, expecting count: Int = 0) {
    self.hash = hash
    capacity = 128
    shift = 64 - 9
    while capacity < count, capacity < 1 << 22 {
      capacity *= 2
      shift -= 1
    }
    keys = .allocate(capacity: capacity)
    values = .allocate(capacity: capacity)
    hashes = .allocate(capacity: capacity)
    slots = .allocate(capacity: 4 * capacity)
    slots.initialize(repeating: 0, count: 4 * capacity)
  }

  @inlinable
  deinit {
    keys.deinitialize(count: count)
    values.deinitialize(count: count)
    keys.deallocate()
    values.deallocate()
    hashes.deallocate()
    slots.deallocate()
  }

  /// Puts `first()` in if the key is new; else folds with `next`.
  @inlinable @inline(__always)
  mutating func fold(_ key: Key, first: () throws -> Value, next: (inout Value) throws -> Void) rethrows {
    // Of an `Int` only when it is new; for others the function is called here, as capturing it would count references.
    if Key.self == Int.self {
      try fold(key, hashed: KeyHash.ofInt(key), first: first, next: next)
    } else {
      let hashOfKey = hash(key)
      try fold(key, hashed: hashOfKey, first: first, next: next)
    }
  }

  @inlinable @inline(__always)
  mutating func fold(
    _ key: Key, hashed hash: @autoclosure () -> UInt64, first: () throws -> Value, next: (inout Value) throws -> Void
  ) rethrows {
    let mask = 4 &* capacity &- 1
    let hashOfKey = Key.self == Int.self ? 0 : hash()
    var place = place(of: key, hashed: hashOfKey)
    while true {
      let slot = Int(slots[place])
      if slot == 0 {
        let value = try first()
        (values + count).initialize(to: value)
        (keys + count).initialize(to: key)
        hashes[count] = Key.self == Int.self ? hash() : hashOfKey
        count &+= 1
        slots[place] = UInt32(truncatingIfNeeded: count)
        if count == capacity { grow() }
        return
      }
      // What is not equal to itself, as no number is, is one key. What takes long to compare is compared by hash first.
      let isFound =
        _isPOD(Key.self)
        ? keys[slot &- 1] == key || (key != key && hashes[slot &- 1] == hashOfKey)
        : hashes[slot &- 1] == hashOfKey && (keys[slot &- 1] == key || key != key)
      if isFound {
        try next(&values[slot &- 1])
        return
      }
      place = (place &+ 1) & mask
    }
  }

  /// The slot where the search for a key begins.
  @inlinable @inline(__always)
  func place(of key: Key, hashed hash: UInt64) -> Int {
    if Key.self == Int.self {
      let bits = UInt64(bitPattern: Int64(unsafeBitCast(key, to: Int.self)))
      return Int(truncatingIfNeeded: ((bits ^ bits >> 32) &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }
    // The upper bits choose the shard already.
    return Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  /// Where a key's entry is; `nil` where it has none.
  @inlinable @inline(__always)
  func index(of key: Key) -> Int? {
    let mask = 4 &* capacity &- 1
    var place = place(of: key, hashed: Key.self == Int.self ? 0 : hash(key))
    while true {
      let slot = Int(slots[place])
      if slot == 0 { return nil }
      if keys[slot &- 1] == key { return slot &- 1 }
      place = (place &+ 1) & mask
    }
  }

  @inlinable @inline(never)
  mutating func grow() {
    // Small ones grow in larger steps, because each of them means to put all keys in once more.
    let doublings = capacity < 1 << 10 ? 2 : 1
    let larger = capacity << doublings
    keys = FoldTable.moved(keys, count, larger)
    values = FoldTable.moved(values, count, larger)
    hashes = FoldTable<Key, Value>.moved(hashes, count, larger)
    slots.deallocate()
    slots = .allocate(capacity: 4 * larger)
    capacity = larger
    shift -= UInt64(doublings)
    index()
  }

  @inlinable
  static func moved<T>(_ old: UnsafeMutablePointer<T>, _ count: Int, _ capacity: Int) -> UnsafeMutablePointer<T> {
    let new = UnsafeMutablePointer<T>.allocate(capacity: capacity)
    new.moveInitialize(from: old, count: count)
    old.deallocate()
    return new
  }

  @inlinable
  func index() {
    slots.initialize(repeating: 0, count: 4 * capacity)
    let mask = 4 * capacity - 1
    for index in 0..<count {
      var place = place(of: keys[index], hashed: hashes[index])
      while slots[place] != 0 { place = (place + 1) & mask }
      slots[place] = UInt32(truncatingIfNeeded: index + 1)
    }
  }

  /// Forgets all entries and keeps the room.
  @inlinable
  mutating func removeAll() {
    keys.deinitialize(count: count)
    values.deinitialize(count: count)
    count = 0
    index()
  }

  /// All entries, moved out: the table cannot be used any more.
  @usableFromInline
  mutating func takeEntries() -> (
    keys: ContiguousArray<Key>, values: ContiguousArray<Value>, hashes: ContiguousArray<UInt64>
  ) {
    let all = count
    count = 0
    func taken<T>(_ source: UnsafeMutablePointer<T>) -> ContiguousArray<T> {
      ContiguousArray(unsafeUninitializedCapacity: all) { buffer, filled in
        if all > 0 { buffer.baseAddress!.moveInitialize(from: source, count: all) }
        filled = all
      }
    }
    return (taken(keys), taken(values), taken(hashes))
  }
}

/// A table that closures share.
@usableFromInline
final class SharedTable<Key: Hashable & Codable & Sendable, Value> {
  @usableFromInline let table: FoldTable<Key, Value>

  @inlinable
  init(_ table: consuming FoldTable<Key, Value>) { self.table = table }

  @inlinable
  deinit {}
}

extension FoldTable {
  /// Whether it takes more than so many bytes, but for what keys and values have on the heap.
  @inlinable
  func isLarger(than bytes: Int) -> Bool {
    count * (MemoryLayout<Key>.stride + MemoryLayout<Value>.stride + 40) > bytes
  }

  /// Whether bringing together what has one key saves next to nothing, as nearly every element has another.
  ///
  /// Of so many keys that next to none comes twice among the first thousands, a table as large as it may be would not hold
  /// all either.
  @inlinable
  func isUseless(after seen: Int) -> Bool {
    seen >= 16_384
      ? seen < 65_536 && count > seen / 4 * 3
      : seen >= 4096 && count > seen - seen / 64
  }
}

extension FoldTable where Value: Codable & Sendable {
  /// All entries, in order; the table cannot be used any more.
  @usableFromInline
  mutating func takeKeyValues() -> [KeyValue<Key, Value>] {
    let all = takeEntries()
    return zip(all.keys, all.values).map { KeyValue(key: $0, value: $1) }
  }

  /// Gives all entries to the sharder, and forgets them.
  @inlinable
  mutating func drain(into sharder: inout Sharder<KeyValue<Key, Value>>) throws {
    var entries = ContiguousArray<KeyValue<Key, Value>>()
    for index in 0..<count {
      let entry = KeyValue(key: keys[index], value: values[index])
      entries.append(entry)
      sharder.append(entry, hashed: hashes[index])
      if entries.count == blockLength {
        try sharder.settle(entries)
        entries.removeAll(keepingCapacity: true)
      }
    }
    try sharder.settle(entries)
    removeAll()
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
    if Key.self == Int.self { return KeyHash.ofInt(key) }
    if Key.self == String.self { return StableHash.of(key as! String) }
    return function(key)
  }

  /// - Precondition: `Key` is `Int`.
  @inlinable @inline(__always)
  static func ofInt(_ key: Key) -> UInt64 {
    StableHash.of(UInt64(bitPattern: Int64(unsafeBitCast(key, to: Int.self))))
  }
}
