// Values with Python's semantics, for cases that Dask runs too. What Python decides at run time is decided here in the
// same way: `1`, `1.0` and `True` are equal and one dictionary key, strings are sequences of code points (Swift's own
// `==` calls canonically equivalent strings equal, Python does not), and comparing a number with a string is an error.
//
// Swift's `==` and `hash(into:)` cannot throw, so they are total; `hashable()`, `isLess(than:)` and the arithmetic
// throw `PythonError`s that carry the name of Python's exception.

/// A value of Python: what JSON can hold, and tuples.
enum PythonValue: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case str(String)
  case list([PythonValue])
  case tuple([PythonValue])
  case dict(PythonDict)

  /// Python's name of the type.
  var typeName: String {
    switch self {
    case .none: "NoneType"
    case .bool: "bool"
    case .int: "int"
    case .float: "float"
    case .str: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dict: "dict"
    }
  }

  /// `bool(x)`: false for nothing, zero and what is empty.
  var isTrue: Bool {
    switch self {
    case .none: false
    case .bool(let value): value
    case .int(let value): value != 0
    case .float(let value): value != 0
    case .str(let text): !text.isEmpty
    case .list(let items), .tuple(let items): !items.isEmpty
    case .dict(let dict): !dict.isEmpty
    }
  }

  static func pair(_ first: PythonValue, _ second: PythonValue) -> PythonValue { .tuple([first, second]) }
}

// MARK: - Equality and hashes

extension PythonValue: Hashable {
  static func == (left: PythonValue, right: PythonValue) -> Bool {
    switch (left, right) {
    case (.none, .none): true
    case (.str(let left), .str(let right)): left.utf8.elementsEqual(right.utf8)
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)): left == right
    case (.dict(let left), .dict(let right)): left == right
    default: (left.number).flatMap { left in right.number.map { left.isEqual(to: $0) } } ?? false
    }
  }

  /// Equal values have equal hashes, whatever their types. Lists and dictionaries have one too, as Swift needs it; what
  /// Python refuses as a key is found by `hashable()`.
  func hash(into hasher: inout Hasher) {
    switch self {
    case .none: hasher.combine(0 as UInt8)
    case .bool(let value): PythonNumber.int(value ? 1 : 0).hash(into: &hasher)
    case .int(let value): PythonNumber.int(value).hash(into: &hasher)
    case .float(let value): PythonNumber.float(value).hash(into: &hasher)
    case .str(let text):
      hasher.combine(2 as UInt8)
      var text = text
      text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    case .list(let items):
      hasher.combine(3 as UInt8)
      hasher.combine(items)
    case .tuple(let items):
      hasher.combine(4 as UInt8)
      hasher.combine(items)
    case .dict(let dict):
      hasher.combine(5 as UInt8)
      hasher.combine(dict.count)
    }
  }

  /// The value itself, if Python takes it as a key.
  /// - Throws: `TypeError` for lists and dictionaries, also inside of tuples.
  func hashable() throws -> PythonValue {
    switch self {
    case .list, .dict: throw PythonError.type("unhashable type: '\(typeName)'")
    case .tuple(let items): for item in items { _ = try item.hashable() }
    default: break
    }
    return self
  }
}

// MARK: - Coding

extension PythonValue: Codable {
  /// `[kind, …]`; floats as the bits they have, so that NaN and the infinities pass any coder.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    switch self {
    case .none: try container.encode(0)
    case .bool(let value):
      try container.encode(1)
      try container.encode(value)
    case .int(let value):
      try container.encode(2)
      try container.encode(value)
    case .float(let value):
      try container.encode(3)
      try container.encode(Int(bitPattern: UInt(value.bitPattern)))
    case .str(let text):
      try container.encode(4)
      try container.encode(text)
    case .list(let items):
      try container.encode(5)
      try container.encode(items)
    case .tuple(let items):
      try container.encode(6)
      try container.encode(items)
    case .dict(let dict):
      try container.encode(7)
      try container.encode(dict.keys)
      try container.encode(dict.values)
    }
  }

  init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    let kind = try container.decode(Int.self)
    switch kind {
    case 0: self = .none
    case 1: self = .bool(try container.decode(Bool.self))
    case 2: self = .int(try container.decode(Int.self))
    case 3: self = .float(Double(bitPattern: UInt64(UInt(bitPattern: try container.decode(Int.self)))))
    case 4: self = .str(try container.decode(String.self))
    case 5: self = .list(try container.decode([PythonValue].self))
    case 6: self = .tuple(try container.decode([PythonValue].self))
    case 7:
      let keys = try container.decode([PythonValue].self)
      let values = try container.decode([PythonValue].self)
      guard keys.count == values.count else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "a dict with \(keys.count) keys for \(values.count) values")
      }
      var dict = PythonDict()
      for (key, value) in zip(keys, values) { dict[key] = value }
      self = .dict(dict)
    default:
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no kind of Python value: \(kind)")
    }
  }
}
