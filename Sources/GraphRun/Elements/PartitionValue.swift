import Foundation
import Graph

/// The elements of one partition, as a stage leaves them for the next.
struct PartitionValue<Element: Codable & Sendable>: TaskValue {
  let blocks: [ContiguousArray<Element>]
  let count: Int
  let byteCount: Int

  init(_ blocks: [ContiguousArray<Element>]) {
    self.blocks = blocks
    count = blocks.reduce(0) { $0 + $1.count }
    byteCount = 64 + blocks.reduce(0) { $0 + 32 + ElementCodec.byteCount($1) }
  }

  static var kind: String { ElementCodec.kind("bag", Element.self) }

  var rowCount: Int? { count }

  func write(to sink: any ByteSink) throws {
    try sink.write(value: blocks.count)
    for block in blocks {
      var builder = BufferBuilder()
      try ElementCodec.encode(block, to: &builder)
      try sink.write(builder.bytes)
    }
  }

  init(contentsOf buffer: Buffer) throws {
    var reader = BinaryReader(buffer.bytes)
    var blocks: [ContiguousArray<Element>] = []
    for _ in 0..<(try reader.read(Int.self)) { blocks.append(try ElementCodec.decode(Element.self, from: &reader)) }
    self.init(blocks)
  }

  func preview(limit: Int) -> ValuePreview {
    let head = blocks.lazy.joined().prefix(max(limit, 0)).map(JSONText.of)
    return ValuePreview(
      columns: ["element"], rows: head.map { [$0] }, rowCount: count, json: "[" + head.joined(separator: ",") + "]")
  }
}

/// One value, as a task that gives no bag leaves it.
struct ScalarValue<Value: Codable & Sendable>: TaskValue {
  let value: Value
  let byteCount: Int

  init(_ value: Value) {
    self.value = value
    byteCount = 32 + ElementCodec.byteCount([value])
  }

  static var kind: String { ElementCodec.kind("one", Value.self) }

  func write(to sink: any ByteSink) throws {
    var builder = BufferBuilder()
    try ElementCodec.encode([value], to: &builder)
    try sink.write(builder.bytes)
  }

  init(contentsOf buffer: Buffer) throws {
    var reader = BinaryReader(buffer.bytes)
    let block = try ElementCodec.decode(Value.self, from: &reader)
    guard block.count == 1 else {
      throw TaskError(.corruptValue, "a stored value is missing; resume computes it again")
    }
    self.init(block[0])
  }

  func preview(limit: Int) -> ValuePreview {
    let json = JSONText.of(value)
    return ValuePreview(columns: ["value"], rows: [[json]], rowCount: 1, json: json)
  }
}

/// Elements as JSON text for people to look at.
enum JSONText {
  static func of<T: Encodable>(_ value: T) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    guard let data = try? encoder.encode(value) else { return jsonQuoted("\(value)") }
    return String(decoding: data, as: UTF8.self)
  }
}

/// Parameters of a step, as text that tells them from others.
@usableFromInline
enum Parameters {
  @usableFromInline
  static func text<T: Encodable>(_ value: T) -> String {
    // The usual ones, without starting a coder.
    if let number = value as? Int { return "\(number)" }
    return JSONText.of(value)
  }
}
