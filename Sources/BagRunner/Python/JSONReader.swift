/// Reads JSON as Python's `json` does: integers and floats apart, `NaN` and `Infinity` too, the last of equal keys.
struct JSONReader {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// Why a text is no JSON that can be read, and where.
  struct Problem: Error, CustomStringConvertible {
    let message: String
    /// Counted from 1, columns in bytes.
    let line: Int
    let column: Int

    var description: String { "\(message) (line \(line), column \(column))" }
  }

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// One document.
  /// - Throws: `Problem` for what is no JSON, for integers beyond 64 bits and for lone surrogates, which Swift's
  ///   strings cannot hold.
  static func read(_ bytes: [UInt8]) throws -> PythonValue {
    var reader = JSONReader(bytes)
    let value = try reader.value()
    reader.skipSpace()
    guard reader.position == bytes.count else { throw reader.problem("text behind the end of the document") }
    return value
  }

  static func read(_ text: String) throws -> PythonValue { try read(Array(text.utf8)) }

  // MARK: Values

  private mutating func value() throws -> PythonValue {
    skipSpace()
    guard let byte = peek else { throw problem("the document ends early") }
    switch byte {
    case UInt8(ascii: "{"): return try nested { try $0.object() }
    case UInt8(ascii: "["): return try nested { try $0.array() }
    case UInt8(ascii: "\""): return .str(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .none)
    case UInt8(ascii: "N"): return try word("NaN", .float(.nan))
    case UInt8(ascii: "I"): return try word("Infinity", .float(.infinity))
    case UInt8(ascii: "-") where bytes[position...].starts(with: "-I".utf8):
      return try word("-Infinity", .float(-.infinity))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw problem("no value starts here")
    }
  }

  private mutating func nested(_ read: (inout JSONReader) throws -> PythonValue) throws -> PythonValue {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 512 else { throw problem("nested more than 512 deep") }
    position += 1
    return try read(&self)
  }

  private mutating func array() throws -> PythonValue {
    var items: [PythonValue] = []
    skipSpace()
    if skip("]") { return .list(items) }
    while true {
      items.append(try value())
      skipSpace()
      if skip("]") { return .list(items) }
      guard skip(",") else { throw problem("a list goes on with ',' or ends with ']'") }
    }
  }

  private mutating func object() throws -> PythonValue {
    var dict = PythonDict()
    skipSpace()
    if skip("}") { return .dict(dict) }
    while true {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw problem("a key is a string") }
      let key = try string()
      skipSpace()
      guard skip(":") else { throw problem("':' belongs behind a key") }
      dict[key] = try value()
      skipSpace()
      if skip("}") { return .dict(dict) }
      guard skip(",") else { throw problem("an object goes on with ',' or ends with '}'") }
    }
  }

  private mutating func word(_ word: StaticString, _ value: PythonValue) throws -> PythonValue {
    let length = word.utf8CodeUnitCount
    let expected = UnsafeBufferPointer(start: word.utf8Start, count: length)
    guard bytes[position...].starts(with: expected) else { throw problem("no value starts here") }
    position += length
    return value
  }

  private mutating func number() throws -> PythonValue {
    let start = position
    _ = skip("-")
    let whole = skipDigits()
    guard whole > 0, whole == 1 || bytes[position - whole] != UInt8(ascii: "0") else {
      throw problem("no number: digits are missing, or it starts with 0")
    }
    var isFloat = false
    if skip(".") {
      isFloat = true
      guard skipDigits() > 0 else { throw problem("digits are missing behind '.'") }
    }
    if skip("e") || skip("E") {
      isFloat = true
      if !skip("-") { _ = skip("+") }
      guard skipDigits() > 0 else { throw problem("digits are missing in the exponent") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isFloat {
      guard let value = Double(text) else { throw problem("\(text) is no number") }
      return .float(value)
    }
    guard let value = Int(text) else { throw problem("the integer \(text) does not fit 64 bits") }
    return .int(value)
  }

  // MARK: Strings

  private mutating func string() throws -> String {
    position += 1
    let start = position
    while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
      guard byte >= 0x20 else { throw problem("a control character in a string must be escaped") }
      position += 1
    }
    var text = bytes[start..<position]
    while !skip("\"") {
      guard let byte = peek else { throw problem("a string does not end") }
      guard byte >= 0x20 else { throw problem("a control character in a string must be escaped") }
      position += 1
      if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
    }
    guard let string = String(validating: text, as: UTF8.self) else { throw problem("a string is no UTF-8") }
    return string
  }

  private mutating func escape(into text: inout ArraySlice<UInt8>) throws {
    guard let byte = peek else { throw problem("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "u"):
      var code = try hexCode()
      if (0xD800..<0xDC00).contains(code), skip("\\"), skip("u") {
        let low = try hexCode()
        guard (0xDC00..<0xE000).contains(low) else { throw problem("a surrogate without its other half") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw problem("a surrogate without its other half") }
      text.append(contentsOf: UTF8.encode(scalar)!)
    default: throw problem("no escape: \\\(Character(Unicode.Scalar(byte)))")
    }
  }

  private mutating func hexCode() throws -> UInt32 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw problem("four hexadecimal digits belong behind \\u") }
    position += 4
    return code
  }

  // MARK: Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D { position += 1 }
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return position - start
  }

  private func problem(_ message: String) -> Problem {
    let before = bytes[..<min(position, bytes.count)]
    let line = before.count { $0 == 0x0A } + 1
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return Problem(message: message, line: line, column: before.count - lineStart + 1)
  }
}
