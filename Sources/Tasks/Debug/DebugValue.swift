import Foundation
import Graph

/// One step of Steele, Lea and Flood's SplitMix64 (2014): the sequence's number for the state `x`.
func splitmix64(_ x: UInt64) -> UInt64 {
  var z = x &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// Bytes that all follow from one number, the identity, so that a single wrong one is noticed.
///
/// The content is the little-endian words `splitmix64(identity + i)` for i = 0, 1, …, the last one cut.
public struct DebugValue: TaskValue {
  public static let kind = "debug"

  public let identity: UInt64
  /// `nil` where there are none.
  private let content: Buffer?

  /// - Throws: `TaskError` with code `.outOfMemory` if the kernel refuses the bytes.
  public init(identity: UInt64, contentByteCount count: Int) throws {
    self.identity = identity
    guard count > 0 else {
      content = nil
      return
    }
    guard let base = malloc((count + 7) & ~7) else {
      throw TaskError(.outOfMemory, "the kernel refused \(count) bytes of memory")
    }
    let words = base.assumingMemoryBound(to: UInt64.self)
    for index in 0..<(count + 7) / 8 { words[index] = splitmix64(identity &+ UInt64(index)).littleEndian }
    content = Buffer(adoptingHeap: base, count: count)
  }

  public var contentByteCount: Int { content?.count ?? 0 }

  public var byteCount: Int { contentByteCount }

  /// The first byte that is not what the identity says.
  public var firstWrongByte: Int? {
    guard let content else { return nil }
    let bytes = content.bytes
    for index in 0..<bytes.count / 8 {
      let word = bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
      if word != splitmix64(identity &+ UInt64(index)).littleEndian {
        return wrongByte(bytes, from: index * 8)
      }
    }
    return wrongByte(bytes, from: bytes.count & ~7)
  }

  private func wrongByte(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    let word = splitmix64(identity &+ UInt64(start / 8))
    for offset in start..<min(start + 8, bytes.count)
    where bytes[offset] != UInt8(truncatingIfNeeded: word >> (8 * UInt64(offset - start))) {
      return offset
    }
    return nil
  }

  public func write(to sink: any ByteSink) throws {
    try sink.write(value: identity.littleEndian)
    if let content { try sink.write(content.bytes) }
  }

  public init(contentsOf buffer: Buffer) throws {
    guard buffer.count >= 8 else {
      throw TaskError(.corruptValue, "a debug value of \(buffer.count) bytes is too short")
    }
    identity = UInt64(littleEndian: buffer.bytes.loadUnaligned(as: UInt64.self))
    content = buffer.count > 8 ? buffer.slice(8..<buffer.count) : nil
  }

  public func preview(limit: Int) -> ValuePreview {
    let digits = String(identity, radix: 16)
    let hex = "0x" + String(repeating: "0", count: 16 - digits.count) + digits
    return ValuePreview(
      columns: ["identity", "bytes"], rows: [[hex, "\(contentByteCount)"]], rowCount: 1,
      json: #"{"identity": "\#(hex)", "bytes": \#(contentByteCount)}"#)
  }
}

extension DebugValue {
  /// Checks the inputs and gives the identity that they and `seed` make.
  ///
  /// - Throws: `TaskError` with code `.corruptValue` naming the task whose result differs from what its identity says.
  static func mixed(_ seed: UInt64, _ inputs: [any TaskValue], context: any TaskContext) throws -> UInt64 {
    var identity = splitmix64(seed)
    for (position, input) in inputs.enumerated() {
      guard let input = input as? DebugValue else {
        throw TaskError(
          .wrongType, "it mixes results of debug operations, and \(context.inputKey(position)) gives another kind")
      }
      try context.checkCancellation()
      if let offset = input.firstWrongByte {
        throw TaskError(
          .corruptValue,
          "the result of \(context.inputKey(position)) is wrong at byte \(offset) of \(input.contentByteCount): "
            + "this is a defect of graphrun or of the machine's memory, please report it")
      }
      identity = splitmix64(identity ^ input.identity)
    }
    return identity
  }
}
