import Graph

// Hashes of keys that say nothing themselves, by what their `encode(to:)` writes. Bytes in memory would not do: padding
// between fields holds anything, zero has two signs, a string two spellings, and sets and dictionaries an order that equal
// ones need not share. So numbers and strings are hashed as `StablyHashable` has them, and what has no order is summed up.
// Places are hashed with the values in them, so that sums tell orders apart where there is one.

/// Hashes what a value encodes.
final class StableHasher: Encoder {
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }
  private var sum: UInt64 = 0
  /// Containers that are written to as long as this one is.
  private var nested: [(place: UInt64, hasher: StableHasher)] = []

  /// - Throws: what `encode(to:)` of the value throws.
  static func hash<T: Encodable>(_ value: T) throws -> UInt64 {
    if let value = value as? any StablyHashable { return value.stableHash }
    if let value = value as? any UnorderedValues { return try value.unorderedHash() }
    let hasher = StableHasher()
    try value.encode(to: hasher)
    return hasher.finished
  }

  private var finished: UInt64 {
    nested.reduce(sum) { $0 &+ StableHash.combine($1.place, $1.hasher.finished) }
  }

  fileprivate func add<T: Encodable>(_ value: T, at place: UInt64) throws {
    sum &+= StableHash.combine(place, try StableHasher.hash(value))
  }

  fileprivate func addNil(at place: UInt64) { sum &+= StableHash.of(place) }

  fileprivate func addNested(at place: UInt64) -> StableHasher {
    let hasher = StableHasher()
    nested.append((place, hasher))
    return hasher
  }

  fileprivate func keyed<Key: CodingKey>() -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(KeyedValues<Key>(hasher: self))
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> { keyed() }
  func unkeyedContainer() -> any UnkeyedEncodingContainer { ListedValues(hasher: self) }
  func singleValueContainer() -> any SingleValueEncodingContainer { SingleValue(hasher: self) }
}

private struct KeyedValues<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let hasher: StableHasher
  var codingPath: [any CodingKey] { [] }

  private func place(_ key: String) -> UInt64 { StableHash.of(key) }

  mutating func encodeNil(forKey key: Key) { hasher.addNil(at: place(key.stringValue)) }
  mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try hasher.add(value, at: place(key.stringValue))
  }
  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    hasher.addNested(at: place(key.stringValue)).keyed()
  }
  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    hasher.addNested(at: place(key.stringValue)).unkeyedContainer()
  }
  mutating func superEncoder() -> any Encoder { hasher.addNested(at: place("super")) }
  mutating func superEncoder(forKey key: Key) -> any Encoder { hasher.addNested(at: place(key.stringValue)) }
}

private struct ListedValues: UnkeyedEncodingContainer {
  let hasher: StableHasher
  var count = 0
  var codingPath: [any CodingKey] { [] }

  private mutating func next() -> UInt64 {
    count += 1
    return UInt64(count)
  }

  mutating func encodeNil() { hasher.addNil(at: next()) }
  mutating func encode<T: Encodable>(_ value: T) throws { try hasher.add(value, at: next()) }
  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    hasher.addNested(at: next()).keyed()
  }
  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    hasher.addNested(at: next()).unkeyedContainer()
  }
  mutating func superEncoder() -> any Encoder { hasher.addNested(at: next()) }
}

private struct SingleValue: SingleValueEncodingContainer {
  let hasher: StableHasher
  var codingPath: [any CodingKey] { [] }

  mutating func encodeNil() { hasher.addNil(at: 0) }

  // The standard library's own numbers encode themselves as themselves: each is taken here, or would never end.
  mutating func encode(_ value: Int8) throws { try hasher.add(Int64(value), at: 0) }
  mutating func encode(_ value: Int16) throws { try hasher.add(Int64(value), at: 0) }
  mutating func encode(_ value: UInt) throws { try hasher.add(UInt64(value), at: 0) }
  mutating func encode(_ value: UInt8) throws { try hasher.add(UInt64(value), at: 0) }
  mutating func encode(_ value: UInt16) throws { try hasher.add(UInt64(value), at: 0) }
  mutating func encode(_ value: UInt32) throws { try hasher.add(UInt64(value), at: 0) }
  mutating func encode(_ value: Int128) throws { try hasher.add([value.high, Int64(bitPattern: value.low)], at: 0) }
  mutating func encode(_ value: UInt128) throws { try hasher.add([value.high, value.low], at: 0) }
  mutating func encode<T: Encodable>(_ value: T) throws { try hasher.add(value, at: 0) }
}

extension Int128 {
  fileprivate var high: Int64 { Int64(truncatingIfNeeded: self >> 64) }
  fileprivate var low: UInt64 { UInt64(truncatingIfNeeded: self) }
}

extension UInt128 {
  fileprivate var high: UInt64 { UInt64(truncatingIfNeeded: self >> 64) }
  fileprivate var low: UInt64 { UInt64(truncatingIfNeeded: self) }
}

/// Values whose order is not part of what they are equal by.
private protocol UnorderedValues {
  func unorderedHash() throws -> UInt64
}

extension Set: UnorderedValues where Element: Encodable {
  fileprivate func unorderedHash() throws -> UInt64 {
    try reduce(StableHash.of(UInt64(count))) { $0 &+ StableHash.of(try StableHasher.hash($1)) }
  }
}

extension Dictionary: UnorderedValues where Key: Encodable, Value: Encodable {
  fileprivate func unorderedHash() throws -> UInt64 {
    try reduce(StableHash.of(UInt64(count))) {
      $0 &+ StableHash.combine(try StableHasher.hash($1.key), try StableHasher.hash($1.value))
    }
  }
}
