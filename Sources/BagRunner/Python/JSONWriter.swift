/// Writes JSON as Python's `json.dumps(…, ensure_ascii=False)` does: tuples as lists, floats always with a point or an
/// exponent, `NaN` and `Infinity`.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

  static func bytes(_ value: PythonValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.write(value)
    return writer.bytes
  }

  static func text(_ value: PythonValue) -> String { String(decoding: bytes(value), as: UTF8.self) }

  mutating func write(_ value: PythonValue) {
    switch value {
    case .none: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .int(let value): append(String(value))
    case .float(let value): append(Self.text(of: value))
    case .str(let text): write(text)
    case .list(let items), .tuple(let items):
      append("[")
      for (index, item) in items.enumerated() {
        if index > 0 { append(", ") }
        write(item)
      }
      append("]")
    case .dict(let dict):
      append("{")
      for (index, (key, value)) in zip(dict.keys, dict.values).enumerated() {
        if index > 0 { append(", ") }
        write(Self.keyText(key))
        append(": ")
        write(value)
      }
      append("}")
    }
  }

  private static func text(of value: Double) -> String {
    if value.isFinite { return pythonFloatText(value) }
    return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
  }

  /// As Python writes keys: JSON has only strings. Tuples, which Python refuses, as their `repr`.
  private static func keyText(_ key: PythonValue) -> String {
    switch key {
    case .str(let text): text
    case .bool, .none, .int, .float: text(key)
    default: key.repr
    }
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func write(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0..<0x20:
        let hex = String(byte, radix: 16)
        append("\\u00" + (hex.count == 1 ? "0" : "") + hex)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
