/// Two values that belong together: what `zip`, `product` and `join` give, as Swift's tuples cannot be stored.
public struct Pair<First, Second> {
  /// The first value.
  public var first: First
  /// The second value.
  public var second: Second

  /// Both together.
  @inlinable
  public init(_ first: First, _ second: Second) {
    self.first = first
    self.second = second
  }
}

extension Pair: Sendable where First: Sendable, Second: Sendable {}
extension Pair: Equatable where First: Equatable, Second: Equatable {}
extension Pair: Hashable where First: Hashable, Second: Hashable {}
extension Pair: Encodable where First: Encodable, Second: Encodable {}
extension Pair: Decodable where First: Decodable, Second: Decodable {}

extension Pair: Comparable where First: Comparable, Second: Comparable {
  /// The first values decide; where they are equal, the second.
  @inlinable
  public static func < (left: Pair, right: Pair) -> Bool {
    left.first == right.first ? left.second < right.second : left.first < right.first
  }
}

/// A key and what was gathered under it: what `frequencies`, `foldby` and `groupby` give.
public struct KeyValue<Key, Value> {
  /// What elements have in common.
  public var key: Key
  /// What was gathered of them.
  public var value: Value

  /// A key with its value.
  @inlinable
  public init(key: Key, value: Value) {
    self.key = key
    self.value = value
  }
}

extension KeyValue: Sendable where Key: Sendable, Value: Sendable {}
extension KeyValue: Equatable where Key: Equatable, Value: Equatable {}
extension KeyValue: Hashable where Key: Hashable, Value: Hashable {}
extension KeyValue: Encodable where Key: Encodable, Value: Encodable {}
extension KeyValue: Decodable where Key: Decodable, Value: Decodable {}
