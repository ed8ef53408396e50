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

  /// Bytes of an encoded block before its payload.
  static func headerBytes(layout: String) -> Int { 13 + layout.utf8.count }

  static func encodeHeader(_ form: Form, count: Int, layout: String, to builder: inout BufferBuilder) {
    builder.append(form.rawValue)
    builder.append(count)
    builder.append(UInt32(layout.utf8.count))
    if !layout.isEmpty { builder.append(layout) }
  }

  /// - Parameter format: of the element's type, for who encodes many blocks.
  static func encode<Element: Codable>(
    _ block: ContiguousArray<Element>, as format: ElementFormat? = nil, to builder: inout BufferBuilder
  ) throws {
    let format = format ?? ElementFormat(of: Element.self)
    encodeHeader(
      format.form, count: block.count, layout: block.first.map { format.layout(of: $0) } ?? "", to: &builder)
    switch format.form {
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

  /// - Parameter format: of the element's type, for who decodes many blocks.
  static func decode<Element: Codable>(
    _ type: Element.Type, as format: ElementFormat? = nil, from reader: inout BinaryReader
  ) throws -> ContiguousArray<Element> {
    let format = format ?? ElementFormat(of: type)
    let form = try reader.read(UInt8.self)
    let count = try reader.read(Int.self)
    let layout = try reader.take(Int(try reader.read(UInt32.self)))
    guard form == format.form.rawValue, count >= 0 else { throw otherType(type) }
    switch format.form {
    case .raw:
      let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
      guard !overflow else { throw otherType(type) }
      let source = try reader.take(bytes)
      let block = ContiguousArray<Element>(unsafeUninitializedCapacity: count) { buffer, filled in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
        filled = count
      }
      if let first = block.first, !format.layout(of: first).utf8.elementsEqual(layout) { throw otherType(type) }
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

  /// A trivially copyable value's type, size and fields: `Point(16,16){x:Double,y:Double}`.
  fileprivate static func description(of value: Any) -> String {
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
    let name = TypeName.of(type)
    return prefix + "-" + String(StableHash.of(utf8: name), radix: 36)
  }
}

/// The form in which elements of a type are written, decided once: asking what a type conforms to costs as much as
/// writing a few elements.
struct ElementFormat: Sendable {
  let form: ElementCodec.Form
  /// Whether the layout of the type in memory is written, too. Types that know a binary form of themselves are this
  /// package's own or say by that form that theirs is fixed.
  private let describesLayout: Bool

  init<Element>(of type: Element.Type) {
    let isBinary = type is any BinaryCodable.Type
    form = _isPOD(type) ? .raw : isBinary ? .binary : .json
    describesLayout = form == .raw && !isBinary
  }

  /// What tells how the type of a value is laid out; empty where that is not written.
  func layout<Element>(of value: Element) -> String { describesLayout ? ElementCodec.description(of: value) : "" }
}

/// Names of types, as text that is the same in every process.
enum TypeName {
  /// As `String(reflecting:)` gives it, which first asks at length what else the type could be.
  static func of<T>(_ type: T.Type) -> String { _typeName(type, qualified: true) }
}
