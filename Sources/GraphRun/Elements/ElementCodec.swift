import Foundation
import Graph

// How elements of any type take memory and go to disk. Three forms, the best that the element's type allows:
//
// - `raw`: trivially copyable elements are written as they lie in memory. What was written by a build in which the type
//   was laid out otherwise is refused, by a description of its fields: it is computed again.
// - `binary`: elements that are `BinaryCodable` write themselves.
// - `json`: all others go through Foundation's JSON coder, a block at a time.
//
// An encoded block: form (1 byte), count (8), length of the description (4), description, payload.

@usableFromInline
enum ElementCodec {
  enum Form: UInt8 {
    case raw
    case binary
    case json
  }

  static func form<Element>(of type: Element.Type) -> Form {
    if _isPOD(type) { return .raw }
    return type is any BinaryCodable.Type ? .binary : .json
  }

  /// Bytes of memory that elements cost; for types that cannot say it, by a sample of 64.
  @usableFromInline
  static func byteCount<Element>(_ block: ContiguousArray<Element>) -> Int {
    let own = block.count * MemoryLayout<Element>.stride
    if _isPOD(Element.self) { return own }
    if let type = Element.self as? any BinaryCodable.Type { return own + heapBytes(type, block) }
    guard !block.isEmpty else { return 0 }
    let step = max(1, block.count / 64)
    var bytes = 0
    var seen = 0
    for index in stride(from: 0, to: block.count, by: step) {
      bytes += heapBytes(reflecting: block[index], depth: 0)
      seen += 1
    }
    return own + bytes * block.count / seen
  }

  private static func heapBytes<Element, B: BinaryCodable>(_ type: B.Type, _ block: ContiguousArray<Element>) -> Int {
    let block = block as! ContiguousArray<B>
    var bytes = 0
    for element in block { bytes += element.heapByteCount }
    return bytes
  }

  private static func heapBytes(reflecting value: Any, depth: Int) -> Int {
    if let value = value as? any BinaryCodable { return value.heapByteCount }
    if let value = value as? Data { return value.count + 32 }
    guard depth < 8 else { return 64 }
    let mirror = Mirror(reflecting: value)
    var bytes = 0
    switch mirror.displayStyle {
    case .collection, .set, .dictionary: bytes += 64 + 32 * mirror.children.count
    case .class: bytes += 48
    default: break
    }
    for child in mirror.children { bytes += heapBytes(reflecting: child.value, depth: depth + 1) }
    return bytes
  }

  static func encode<Element: Codable>(_ block: ContiguousArray<Element>, to builder: inout BufferBuilder) throws {
    let form = form(of: Element.self)
    builder.append(form.rawValue)
    builder.append(block.count)
    let layout = form == .raw ? block.first.map { self.layout(of: $0) } ?? "" : ""
    builder.append(UInt32(layout.utf8.count))
    builder.append(layout)
    switch form {
    case .raw: block.withUnsafeBytes { builder.append($0) }
    case .binary:
      let type = Element.self as! any BinaryCodable.Type
      encode(block, as: type, to: &builder)
    case .json:
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      let data = try encoder.encode(block)
      builder.append(data.count)
      data.withUnsafeBytes { builder.append($0) }
    }
  }

  private static func encode<Element, B: BinaryCodable>(
    _ block: ContiguousArray<Element>, as type: B.Type, to builder: inout BufferBuilder
  ) {
    for element in block as! ContiguousArray<B> { element.encode(to: &builder) }
  }

  static func decode<Element: Codable>(
    _ type: Element.Type, from reader: inout BinaryReader
  ) throws -> ContiguousArray<Element> {
    let form = try reader.read(UInt8.self)
    let count = try reader.read(Int.self)
    let layout = String(decoding: try reader.take(Int(try reader.read(UInt32.self))), as: UTF8.self)
    guard form == self.form(of: type).rawValue, count >= 0 else { throw otherType(type) }
    switch self.form(of: type) {
    case .raw:
      let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
      guard !overflow else { throw otherType(type) }
      let source = try reader.take(bytes)
      let block = ContiguousArray<Element>(unsafeUninitializedCapacity: count) { buffer, filled in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
        filled = count
      }
      if let first = block.first, self.layout(of: first) != layout { throw otherType(type) }
      return block
    case .binary:
      let type = Element.self as! any BinaryCodable.Type
      return try decode(type, count, from: &reader) as! ContiguousArray<Element>
    case .json:
      let bytes = try reader.take(try reader.read(Int.self))
      let decoder = JSONDecoder()
      decoder.nonConformingFloatDecodingStrategy = .convertFromString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      do {
        return try decoder.decode(ContiguousArray<Element>.self, from: Data(bytes))
      } catch {
        throw TaskError(
          .corruptValue, "a stored value is no \(type); resume computes it again", cause: "\(error)")
      }
    }
  }

  private static func decode<B: BinaryCodable>(
    _ type: B.Type, _ count: Int, from reader: inout BinaryReader
  ) throws -> Any {
    var block = ContiguousArray<B>()
    block.reserveCapacity(min(count, 1 << 16))
    for _ in 0..<count { block.append(try B(from: &reader)) }
    return block
  }

  private static func otherType<Element>(_ type: Element.Type) -> TaskError {
    TaskError(.corruptValue, "a stored value is no \(type), or of an older layout of it; resume computes it again")
  }

  /// What tells how a trivially copyable type is laid out. Types that know a binary form of themselves are this package's
  /// own or say by that form that theirs is fixed.
  private static func layout<Element>(of value: Element) -> String {
    Element.self is any BinaryCodable.Type ? "" : description(of: value)
  }

  /// A trivially copyable value's type, size and fields: `Point(16,16){x:Double,y:Double}`.
  private static func description(of value: Any) -> String {
    func describe<T>(_ value: T) -> String { "\(T.self)(\(MemoryLayout<T>.size),\(MemoryLayout<T>.stride))" }
    var text = _openExistential(value, do: describe)
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .struct || mirror.displayStyle == .tuple, !mirror.children.isEmpty {
      text +=
        "{" + mirror.children.map { "\($0.label ?? ""):" + description(of: $0.value) }.joined(separator: ",") + "}"
    } else if !(value is any BinaryCodable) {
      // Of an enumeration nothing tells which bits stand for which case: only the same build can know.
      text += Program.build
    }
    return text
  }

  /// A short name that tells a type from others in files: values' kinds are at most 39 bytes long.
  static func kind<T>(_ prefix: String, _ type: T.Type) -> String {
    let name = String(reflecting: type)
    return prefix + "-" + String(StableHash.of(utf8: name), radix: 36)
  }
}
