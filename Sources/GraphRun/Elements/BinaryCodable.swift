import Graph

/// An element that knows a compact binary form of itself: spilling it takes no coder.
///
/// Numbers, `Bool`, `String`, and arrays, optionals, dictionaries, pairs and keyed values of such elements conform. Other
/// `Codable` types are spilled as JSON; a type of your own that is spilled often may conform to save that.
public protocol BinaryCodable: Sendable {
  /// Bytes of memory it costs beyond its own `MemoryLayout` size.
  var heapByteCount: Int { get }
  /// Appends its binary form.
  func encode(to builder: inout BufferBuilder)
  /// Reads what `encode(to:)` wrote.
  /// - Throws: `TaskError` with code `.corruptValue` if the bytes end early or make no sense.
  init(from reader: inout BinaryReader) throws
}

extension BinaryCodable {
  /// Nothing.
  public var heapByteCount: Int { 0 }
}

/// Reads binary forms one behind the other, never past their end.
public struct BinaryReader {
  private let bytes: UnsafeRawBufferPointer
  /// Bytes read so far.
  public private(set) var position = 0

  /// Reads `bytes`, which must outlive the reader.
  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Whether nothing is left.
  public var isAtEnd: Bool { position == bytes.count }

  /// The next `count` bytes, valid as long as the reader's own bytes.
  /// - Throws: `TaskError` with code `.corruptValue` if there are not so many.
  public mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, count <= bytes.count - position else {
      throw TaskError(.corruptValue, "a stored value ends early; resume computes it again")
    }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  /// The next value, as `BufferBuilder.append(_:)` wrote it.
  /// - Throws: `TaskError` with code `.corruptValue` if there are not so many bytes.
  public mutating func read<T: BitwiseCopyable>(_ type: T.Type) throws -> T {
    try take(MemoryLayout<T>.size).loadUnaligned(as: T.self)
  }

  /// A number of things of at least `leastBytes` each that are still to come: 4 bytes.
  /// - Throws: `TaskError` with code `.corruptValue` if so many cannot follow; so whoever makes room for them makes no more
  ///   than there can be.
  public mutating func readCount(leastBytes: Int = 1) throws -> Int {
    let count = try read(UInt32.self)
    guard Int(count) * leastBytes <= bytes.count - position else {
      throw TaskError(.corruptValue, "a stored value ends early; resume computes it again")
    }
    return Int(count)
  }
}

extension FixedWidthInteger where Self: BitwiseCopyable & Sendable {
  /// Appends the number as it lies in memory.
  public func encode(to builder: inout BufferBuilder) { builder.append(self) }
  /// Reads a number.
  /// - Throws: `TaskError` with code `.corruptValue` if the bytes end early.
  public init(from reader: inout BinaryReader) throws { self = try reader.read(Self.self) }
}

extension Int: BinaryCodable {}
extension Int8: BinaryCodable {}
extension Int16: BinaryCodable {}
extension Int32: BinaryCodable {}
extension Int64: BinaryCodable {}
extension UInt: BinaryCodable {}
extension UInt8: BinaryCodable {}
extension UInt16: BinaryCodable {}
extension UInt32: BinaryCodable {}
extension UInt64: BinaryCodable {}

extension Double: BinaryCodable {
  public func encode(to builder: inout BufferBuilder) { builder.append(self) }
  public init(from reader: inout BinaryReader) throws { self = try reader.read(Double.self) }
}

extension Float: BinaryCodable {
  public func encode(to builder: inout BufferBuilder) { builder.append(self) }
  public init(from reader: inout BinaryReader) throws { self = try reader.read(Float.self) }
}

extension Bool: BinaryCodable {
  public func encode(to builder: inout BufferBuilder) { builder.append(self ? 1 : 0 as UInt8) }
  public init(from reader: inout BinaryReader) throws { self = try reader.read(UInt8.self) != 0 }
}

extension String: BinaryCodable {
  /// Up to 15 bytes lie in the string itself; more in an object of the heap.
  public var heapByteCount: Int { utf8.count > 15 ? utf8.count + 32 : 0 }

  public func encode(to builder: inout BufferBuilder) {
    builder.append(UInt32(truncatingIfNeeded: utf8.count))
    builder.append(self)
  }

  public init(from reader: inout BinaryReader) throws {
    self.init(decoding: try reader.take(try reader.readCount()), as: UTF8.self)
  }
}

extension Array: BinaryCodable where Element: BinaryCodable {
  public var heapByteCount: Int {
    var bytes = isEmpty ? 0 : 32 + count * MemoryLayout<Element>.stride
    if !_isPOD(Element.self) { for element in self { bytes += element.heapByteCount } }
    return bytes
  }

  public func encode(to builder: inout BufferBuilder) {
    builder.append(UInt32(truncatingIfNeeded: count))
    if Element.self == UInt8.self {
      withUnsafeBytes { builder.append($0) }
    } else {
      for element in self { element.encode(to: &builder) }
    }
  }

  public init(from reader: inout BinaryReader) throws {
    let count = try reader.readCount()
    if Element.self == UInt8.self {
      self = [UInt8](try reader.take(count)) as! [Element]
      return
    }
    self = []
    reserveCapacity(count)
    for _ in 0..<count { append(try Element(from: &reader)) }
  }
}

extension Optional: BinaryCodable where Wrapped: BinaryCodable {
  public var heapByteCount: Int { self?.heapByteCount ?? 0 }

  public func encode(to builder: inout BufferBuilder) {
    builder.append(self == nil ? 0 : 1 as UInt8)
    self?.encode(to: &builder)
  }

  public init(from reader: inout BinaryReader) throws {
    self = try reader.read(UInt8.self) == 0 ? nil : .some(try Wrapped(from: &reader))
  }
}

extension Dictionary: BinaryCodable where Key: BinaryCodable, Value: BinaryCodable {
  public var heapByteCount: Int {
    var bytes = isEmpty ? 0 : 64 + capacity * 4 / 3 * (MemoryLayout<Key>.stride + MemoryLayout<Value>.stride)
    for (key, value) in self { bytes += key.heapByteCount + value.heapByteCount }
    return bytes
  }

  public func encode(to builder: inout BufferBuilder) {
    builder.append(UInt32(truncatingIfNeeded: count))
    for (key, value) in self {
      key.encode(to: &builder)
      value.encode(to: &builder)
    }
  }

  public init(from reader: inout BinaryReader) throws {
    let count = try reader.readCount()
    self.init(minimumCapacity: count)
    for _ in 0..<count {
      let key = try Key(from: &reader)
      self[key] = try Value(from: &reader)
    }
  }
}

extension Pair: BinaryCodable where First: BinaryCodable, Second: BinaryCodable {
  public var heapByteCount: Int { first.heapByteCount + second.heapByteCount }

  public func encode(to builder: inout BufferBuilder) {
    first.encode(to: &builder)
    second.encode(to: &builder)
  }

  public init(from reader: inout BinaryReader) throws {
    self.init(try First(from: &reader), try Second(from: &reader))
  }
}

extension KeyValue: BinaryCodable where Key: BinaryCodable, Value: BinaryCodable {
  public var heapByteCount: Int { key.heapByteCount + value.heapByteCount }

  public func encode(to builder: inout BufferBuilder) {
    key.encode(to: &builder)
    value.encode(to: &builder)
  }

  public init(from reader: inout BinaryReader) throws {
    self.init(key: try Key(from: &reader), value: try Value(from: &reader))
  }
}
