import GraphRun

// What GraphRun asks of elements: a binary form, so that values go to disk without a coder, and hashes that are the
// same in every process.

extension PythonValue: BinaryCodable {
  var heapByteCount: Int {
    switch self {
    case .none, .bool, .int, .float: 0
    case .str(let text): text.heapByteCount
    case .list(let items), .tuple(let items): items.heapByteCount
    case .dict(let dict): 3 * dict.keys.heapByteCount + dict.values.heapByteCount
    }
  }

  func encode(to builder: inout BufferBuilder) {
    switch self {
    case .none: builder.append(0 as UInt8)
    case .bool(let value): builder.append(value ? 2 : 1 as UInt8)
    case .int(let value):
      builder.append(3 as UInt8)
      builder.append(value)
    case .float(let value):
      builder.append(4 as UInt8)
      builder.append(value.bitPattern)
    case .str(let text):
      builder.append(5 as UInt8)
      text.encode(to: &builder)
    case .list(let items):
      builder.append(6 as UInt8)
      items.encode(to: &builder)
    case .tuple(let items):
      builder.append(7 as UInt8)
      items.encode(to: &builder)
    case .dict(let dict):
      builder.append(8 as UInt8)
      dict.keys.encode(to: &builder)
      dict.values.encode(to: &builder)
    }
  }

  init(from reader: inout BinaryReader) throws {
    switch try reader.read(UInt8.self) {
    case 0: self = .none
    case 1: self = .bool(false)
    case 2: self = .bool(true)
    case 3: self = .int(try reader.read(Int.self))
    case 4: self = .float(Double(bitPattern: try reader.read(UInt64.self)))
    case 5: self = .str(try String(from: &reader))
    case 6: self = .list(try [PythonValue](from: &reader))
    case 7: self = .tuple(try [PythonValue](from: &reader))
    case 8:
      let keys = try [PythonValue](from: &reader)
      let values = try [PythonValue](from: &reader)
      guard keys.count == values.count else {
        throw TaskError(.corruptValue, "a stored dict has \(keys.count) keys for \(values.count) values")
      }
      var dict = PythonDict()
      for (key, value) in zip(keys, values) { dict[key] = value }
      self = .dict(dict)
    case let kind: throw TaskError(.corruptValue, "no kind of Python value: \(kind)")
    }
  }
}

extension PythonValue: StablyHashable {
  /// Equal values have equal hashes: `1`, `1.0` and `True` one, strings by their code points.
  var stableHash: UInt64 {
    switch self {
    case .none: return StableHash.of(0 as UInt64)
    case .bool(let value): return (value ? 1 : 0).stableHash
    case .int(let value): return value.stableHash
    case .float(let value): return Int(exactly: value)?.stableHash ?? value.stableHash
    case .str(let text):
      var text = text
      return text.withUTF8 { StableHash.of(UnsafeRawBufferPointer($0)) }
    case .list(let items), .tuple(let items): return items.stableHash
    // No key, but equal dictionaries must agree; the order of their keys does not count.
    case .dict(let dict): return StableHash.of(UInt64(dict.count))
    }
  }
}
