import Foundation
import Graph
import Tasks

/// Hashes that are the same in every process, so that what one run partitioned another can go on with. Swift's own
/// `Hashable` is seeded anew in each process.
///
/// Two values that are equal must have one hash. Numbers and `String` have their own here; what is `StablyHashable` says
/// it itself; any other type is hashed by what it encodes, where sets and dictionaries have no order and 0 no sign. A type
/// whose equal values encode something different, such as one that ignores a field or letter case, must be `StablyHashable`.
public protocol StablyHashable: Hashable {
  /// Spread over all 64 bits, as by `StableHash`; equal for equal values, in every process.
  var stableHash: UInt64 { get }
}

extension StableHash {
  /// Of the bytes of `text` as they are.
  static func of(utf8 text: String) -> UInt64 {
    var text = text
    return text.withUTF8 { of(UnsafeRawBufferPointer($0)) }
  }

  /// Of a string; canonically equivalent strings, which Swift calls equal, have one hash.
  @usableFromInline
  static func of(_ text: String) -> UInt64 {
    var text = text
    return text.withUTF8 { utf8 -> UInt64 in
      // Below U+0300 nothing combines: what is in its composed form there is the only form of it that is equal. Above,
      // the lead byte is 0xCC or more.
      for byte in utf8 where byte >= 0xCC { return of(composing: String(decoding: utf8, as: UTF8.self)) }
      return of(UnsafeRawBufferPointer(utf8))
    }
  }

  private static func of(composing text: String) -> UInt64 { of(utf8: text.precomposedStringWithCanonicalMapping) }

  /// Of anything that can be encoded.
  static func of<Key: Codable>(encoding key: Key) -> UInt64 {
    // What cannot be encoded has one hash, and meets all others of its kind.
    do { return try StableHasher.hash(key) } catch { return 0 }
  }

  /// How keys of a type are hashed, decided once.
  static func function<Key: Hashable & Codable>(for type: Key.Type) -> @Sendable (Key) -> UInt64 {
    if let type = type as? any StablyHashable.Type { return own(type) }
    return { of(encoding: $0) }
  }

  private static func own<Key: Hashable & Codable, S: StablyHashable>(_ type: S.Type) -> @Sendable (Key) -> UInt64 {
    { ($0 as! S).stableHash }
  }
}

extension Int: StablyHashable {
  @inlinable public var stableHash: UInt64 { StableHash.of(UInt64(bitPattern: Int64(self))) }
}
extension Int32: StablyHashable {
  @inlinable public var stableHash: UInt64 { StableHash.of(UInt64(bitPattern: Int64(self))) }
}
extension Int64: StablyHashable {
  @inlinable public var stableHash: UInt64 { StableHash.of(UInt64(bitPattern: self)) }
}
extension UInt64: StablyHashable {
  @inlinable public var stableHash: UInt64 { StableHash.of(self) }
}
extension Bool: StablyHashable {
  public var stableHash: UInt64 { StableHash.of(self ? 1 : 0 as UInt64) }
}
extension Double: StablyHashable {
  /// Zero is equal to minus zero, and all that is no number is one key.
  public var stableHash: UInt64 { StableHash.of(self == 0 ? 0 : isNaN ? Double.nan.bitPattern : bitPattern) }
}
extension Float: StablyHashable {
  public var stableHash: UInt64 { Double(self).stableHash }
}
extension String: StablyHashable {
  @inlinable public var stableHash: UInt64 { StableHash.of(self) }
}
extension Array: StablyHashable where Element: StablyHashable {
  public var stableHash: UInt64 {
    reduce(StableHash.of(UInt64(count))) { StableHash.combine($0, $1.stableHash) }
  }
}
extension Optional: StablyHashable where Wrapped: StablyHashable {
  public var stableHash: UInt64 { map { StableHash.combine(1, $0.stableHash) } ?? StableHash.of(0 as UInt64) }
}
extension Pair: StablyHashable where First: StablyHashable, Second: StablyHashable {
  /// Of both halves, in their order.
  public var stableHash: UInt64 { StableHash.combine(first.stableHash, second.stableHash) }
}
extension KeyValue: StablyHashable where Key: StablyHashable, Value: StablyHashable {
  /// Of key and value.
  public var stableHash: UInt64 { StableHash.combine(key.stableHash, value.stableHash) }
}
