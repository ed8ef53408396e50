import CSimdJSON
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file, or a part of one, in memory, followed by zero bytes for simdjson; freed with its owner.
///
/// A byte order mark at the file's beginning is left out: it lies before `base`.
struct FileBytes: ~Copyable {
  private let memory: UnsafeMutablePointer<UInt8>
  let base: UnsafeMutablePointer<UInt8>
  /// Bytes that count; whoever cuts a damaged end off lowers it.
  private(set) var count: Int
  /// Where the byte at `base` stands in the file; one before the part where a byte was put in front of it.
  let offset: Int
  /// Whether nothing of the file comes before it.
  let isFromBeginning: Bool

  /// - Parameters:
  ///   - identity: the file.
  ///   - range: the part; `nil` for all of it.
  ///   - opening: a byte to put in front of the part.
  ///   - closing: a byte to put behind it.
  ///   - context: asked now and then whether to go on.
  /// - Throws: `TaskError` with code `.cannotRead`, or `.tooLarge` from 4 GB on, simdjson's limit for one document.
  init(
    _ identity: FileIdentity, _ range: Range<Int>? = nil, opening: UInt8? = nil, closing: UInt8? = nil,
    context: any TaskContext
  ) throws {
    let range = range ?? 0..<identity.byteCount
    guard range.count < Int(UInt32.max) - 2 else {
      throw TaskError(
        .tooLarge,
        "\(ByteCount(range.count)) would be one JSON document, and 4 GB are the most; set blocksize, or split the file",
        file: identity.path)
    }
    let file = try InputFile(identity)
    let capacity = range.count + 2 + Int(SJ_PADDING)
    guard let memory = LargeMemory.allocate(capacity)?.assumingMemoryBound(to: UInt8.self) else {
      throw TaskError(.outOfMemory, "there are no \(ByteCount(capacity)) for the file", file: identity.path)
    }
    let front = opening == nil ? 0 : 1
    do {
      try FileBytes.fill(memory + front, range, from: file, context: context)
      try file.checkUnchanged()
    } catch {
      free(memory)
      throw error
    }
    if let opening { memory[0] = opening }
    let end = front + range.count
    memset(memory + end, 0, capacity - end)
    if let closing { memory[end] = closing }
    let mark = range.lowerBound > 0 ? 0 : JSONScan.markLength(UnsafeBufferPointer(start: memory, count: end))
    self.memory = memory
    base = memory + mark
    count = end + (closing == nil ? 0 : 1) - mark
    offset = range.lowerBound - front + mark
    isFromBeginning = range.lowerBound == 0
  }

  private static func fill(
    _ base: UnsafeMutablePointer<UInt8>, _ range: Range<Int>, from file: borrowing InputFile, context: any TaskContext
  ) throws {
    var place = range.lowerBound
    while place < range.upperBound {
      try context.checkCancellation()
      let part = place..<min(place + (4 << 20), range.upperBound)
      try file.read(part, into: base + (place - range.lowerBound))
      place = part.upperBound
    }
  }

  deinit { free(memory) }

  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }

  /// Ends the document at `end` with `byte` as its last.
  mutating func cut(at end: Int, closingWith byte: UInt8) {
    precondition(end < count)
    base[end] = byte
    memset(base + end + 1, 0, count - end - 1)
    count = end + 1
  }
}
