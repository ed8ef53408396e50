import Foundation
import Graph

/// Any JSON value: the element of bags of untyped data.
///
/// `.int(1)` and `.double(1)` are different values. In JSON text they are not: a whole number that fits `Int` is read as
/// `.int` however it is written.
public enum JSONValue: Hashable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A whole number.
  case int(Int)
  /// Any other number.
  case double(Double)
  /// A text.
  case string(String)
  /// Values in order.
  case array([JSONValue])
  /// Values by name. Of several with one name, Foundation's decoder decides which is taken.
  case object([String: JSONValue])

  /// The value of a key of an object; `nil` for other values and other keys.
  public subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  /// An element of an array, from its end for negative numbers; `nil` for other values and places.
  public subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self else { return nil }
    let index = index < 0 ? elements.count + index : index
    return elements.indices.contains(index) ? elements[index] : nil
  }

  /// The text; `nil` for other values.
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  /// The whole number; `nil` for other values, also for `.double(1)`.
  public var int: Int? { if case .int(let value) = self { value } else { nil } }
  /// The truth value; `nil` for other values.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The elements; `nil` for other values.
  public var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
  /// The members; `nil` for other values.
  public var object: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }

  /// A number of either kind; `nil` for other values.
  public var double: Double? {
    switch self {
    case .double(let value): value
    case .int(let value): Double(value)
    default: nil
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(nilLiteral: ()) { self = .null }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
  }
}

extension JSONValue: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}

extension JSONValue: BinaryCodable {
  public var heapByteCount: Int {
    switch self {
    case .null, .bool, .int, .double: 0
    case .string(let text): text.heapByteCount
    case .array(let elements): elements.heapByteCount
    case .object(let members): members.heapByteCount
    }
  }

  public func encode(to builder: inout BufferBuilder) {
    switch self {
    case .null: builder.append(0 as UInt8)
    case .bool(let value): builder.append(value ? 2 : 1 as UInt8)
    case .int(let value):
      builder.append(3 as UInt8)
      builder.append(value)
    case .double(let value):
      builder.append(4 as UInt8)
      builder.append(value)
    case .string(let text):
      builder.append(5 as UInt8)
      text.encode(to: &builder)
    case .array(let elements):
      builder.append(6 as UInt8)
      elements.encode(to: &builder)
    case .object(let members):
      builder.append(7 as UInt8)
      builder.append(UInt32(truncatingIfNeeded: members.count))
      // In one order, so that equal objects are equal bytes.
      for (key, value) in members.sorted(by: { $0.key < $1.key }) {
        key.encode(to: &builder)
        value.encode(to: &builder)
      }
    }
  }

  public init(from reader: inout BinaryReader) throws {
    switch try reader.read(UInt8.self) {
    case 0: self = .null
    case 1: self = .bool(false)
    case 2: self = .bool(true)
    case 3: self = .int(try reader.read(Int.self))
    case 4: self = .double(try reader.read(Double.self))
    case 5: self = .string(try String(from: &reader))
    case 6: self = .array(try [JSONValue](from: &reader))
    case 7: self = .object(try [String: JSONValue](from: &reader))
    default: throw TaskError(.corruptValue, "a stored JSON value is damaged; resume computes it again")
    }
  }
}

extension JSONValue: StablyHashable {
  /// The same in every process; objects have no order.
  public var stableHash: UInt64 {
    switch self {
    case .null: StableHash.of(1 as UInt64)
    case .bool(let value): StableHash.combine(2, value.stableHash)
    case .int(let value): StableHash.combine(3, value.stableHash)
    case .double(let value): StableHash.combine(4, value.stableHash)
    case .string(let text): StableHash.combine(5, text.stableHash)
    case .array(let elements): StableHash.combine(6, elements.stableHash)
    case .object(let members):
      // In no order, as objects have none.
      members.reduce(StableHash.of(7 as UInt64)) {
        $0 &+ StableHash.combine($1.key.stableHash, $1.value.stableHash)
      }
    }
  }
}

extension Bag where Element == JSONValue {
  /// The value of a key of each object.
  ///
  /// - Parameters:
  ///   - key: the member's name.
  ///   - fallback: for elements that are no object or have no such key; without, they are an error.
  /// - Throws: when computed, `TaskError` with code `.badInput`, which names the key.
  public func pluck(_ key: String, default fallback: JSONValue? = nil) -> Bag<JSONValue> {
    step("pluck", .parameters(Parameters.text([.string(key), fallback ?? .null, .bool(fallback != nil)]))) { next, _ in
      { try next().map { try ContiguousArray(mapping: $0) { try $0.value(of: key, fallback) } } }
    }
  }

  /// An element of each array, from its end for negative places.
  ///
  /// - Parameters:
  ///   - index: from 0, or from −1 backwards.
  ///   - fallback: for elements that are no array or have no such place; without, they are an error.
  /// - Throws: when computed, `TaskError` with code `.badInput`.
  public func pluck(_ index: Int, default fallback: JSONValue? = nil) -> Bag<JSONValue> {
    step("pluck", .parameters(Parameters.text([.int(index), fallback ?? .null, .bool(fallback != nil)]))) { next, _ in
      {
        try next().map { block in
          try ContiguousArray(mapping: block) { element in
            if let value = element[index] ?? fallback { return value }
            throw TaskError(
              .badInput, "\(JSONText.of(element).prefix(80)) has no element \(index); give pluck a default")
          }
        }
      }
    }
  }

  /// The values of several keys of each object, as an array.
  ///
  /// - Parameters:
  ///   - keys: the members' names, in the order of the result.
  ///   - fallback: for each key that is not there; without, that is an error.
  /// - Throws: when computed, `TaskError` with code `.badInput`, which names the key.
  public func pluck(_ keys: [String], default fallback: JSONValue? = nil) -> Bag<JSONValue> {
    let parameters: [JSONValue] = [.array(keys.map { .string($0) }), fallback ?? .null, .bool(fallback != nil)]
    return step("pluck", .parameters(Parameters.text(parameters))) { next, _ in
      {
        try next().map { block in
          try ContiguousArray(mapping: block) { element in .array(try keys.map { try element.value(of: $0, fallback) })
          }
        }
      }
    }
  }
}

extension JSONValue {
  fileprivate func value(of key: String, _ fallback: JSONValue?) throws -> JSONValue {
    if let value = self[key] ?? fallback { return value }
    let near = object.flatMap { nearestName(to: key, among: Array($0.keys)) }
    throw TaskError(
      .badInput,
      "\(JSONText.of(self).prefix(80)) has no \"\(key)\""
        + (near.map { "; did you mean \"\($0)\"?" } ?? "; give pluck a default"))
  }
}
