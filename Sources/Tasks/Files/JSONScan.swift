// Finding one's way in a damaged document.
//
// simdjson says that something is wrong, not in which record. Where it matters, on the way to an error message or
// to saving what can be saved, this scan walks the document again: it knows strings, brackets and nothing else, so
// it works on text that no parser takes. It is never on the path of good input.

/// Walks an object of objects without believing that it is complete.
struct JSONScan {
  let bytes: UnsafeBufferPointer<UInt8>

  struct Entry {
    /// Without the quotes, escapes and all.
    let key: Range<Int>
    let value: Range<Int>
  }

  enum Step {
    case entry(Entry)
    /// The object is closed here.
    case end(Int)
    /// The text ends inside this entry or before the object is closed.
    case cutOff(key: Range<Int>?, at: Int)
    /// What stands here can be no entry.
    case broken(Int)
  }

  private var position: Int

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    position = JSONScan.skipSpace(bytes, 0)
    if position < bytes.count, bytes[position] == UInt8(ascii: "{") { position += 1 }
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

  static func skipSpace(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    var index = start
    while index < bytes.count, isSpace(bytes[index]) { index += 1 }
    return index
  }

  /// The length of the byte order mark that some editors put before a file's text; 0 without.
  static func markLength(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// Whether there is nothing but white space.
  static func isBlank(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool { skipSpace(bytes, 0) == bytes.count }

  mutating func next() -> Step {
    position = JSONScan.skipSpace(bytes, position)
    if position < bytes.count, bytes[position] == UInt8(ascii: ",") {
      position = JSONScan.skipSpace(bytes, position + 1)
    }
    guard position < bytes.count else { return .cutOff(key: nil, at: position) }
    if bytes[position] == UInt8(ascii: "}") { return .end(position + 1) }
    guard bytes[position] == UInt8(ascii: "\"") else { return .broken(position) }
    let keyStart = position + 1
    guard let keyEnd = endOfString(position) else { return .cutOff(key: nil, at: bytes.count) }
    let key = keyStart..<(keyEnd - 1)
    let colon = JSONScan.skipSpace(bytes, keyEnd)
    guard colon < bytes.count else { return .cutOff(key: key, at: colon) }
    guard bytes[colon] == UInt8(ascii: ":") else { return .broken(colon) }
    let valueStart = JSONScan.skipSpace(bytes, colon + 1)
    guard let valueEnd = endOfValue(valueStart) else { return .cutOff(key: key, at: bytes.count) }
    position = valueEnd
    return .entry(Entry(key: key, value: valueStart..<valueEnd))
  }

  /// - Parameter start: where the opening quote stands.
  /// - Returns: behind the closing quote; `nil` if there is none.
  func endOfString(_ start: Int) -> Int? {
    var index = start + 1
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\\"): index += 2
      case UInt8(ascii: "\""): return index + 1
      default: index += 1
      }
    }
    return nil
  }

  /// Behind the value that begins at `start`; `nil` if the text ends first.
  func endOfValue(_ start: Int) -> Int? {
    guard start < bytes.count else { return nil }
    var index = start
    var depth = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        guard let end = endOfString(index) else { return nil }
        index = end
        if depth == 0 { return index }
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return index }
        depth -= 1
        index += 1
        if depth == 0 { return index }
      case UInt8(ascii: ",") where depth == 0: return index
      default: index += 1
      }
    }
    return nil
  }

  /// A part of the text for people; damaged UTF-8 is shown as U+FFFD.
  func text(_ range: Range<Int>, most: Int = 1 << 20) -> String {
    String(decoding: bytes[range.lowerBound..<min(range.upperBound, range.lowerBound + most)], as: UTF8.self)
  }
}

/// The offset of the first byte that is no UTF-8, or `nil`.
func firstInvalidUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
  func isContinuation(_ index: Int) -> Bool { index < bytes.count && bytes[index] & 0xC0 == 0x80 }
  var index = 0
  while index < bytes.count {
    let byte = bytes[index]
    let length: Int
    switch byte {
    case 0..<0x80: length = 1
    case 0xC2..<0xE0: length = 2
    case 0xE0..<0xF0: length = 3
    case 0xF0..<0xF5: length = 4
    default: return index
    }
    for place in 1..<max(length, 1) where length > 1 && !isContinuation(index + place) { return index }
    // Too long a form, a surrogate, or beyond U+10FFFF.
    if length == 3, byte == 0xE0, bytes[index + 1] < 0xA0 { return index }
    if length == 3, byte == 0xED, bytes[index + 1] >= 0xA0 { return index }
    if length == 4, byte == 0xF0, bytes[index + 1] < 0x90 { return index }
    if length == 4, byte == 0xF4, bytes[index + 1] >= 0x90 { return index }
    index += length
  }
  return nil
}
