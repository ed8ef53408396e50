import CSimdJSON
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An open input file that must still be the one that was planned with.
struct InputFile: ~Copyable {
  let identity: FileIdentity
  private let descriptor: Int32
  private(set) var bytesRead = 0

  /// - Throws: `TaskError` with code `.cannotRead` if it cannot be opened or has changed since planning.
  init(_ identity: FileIdentity) throws {
    self.identity = identity
    let descriptor = open(identity.path, O_RDONLY | O_CLOEXEC)
    self.descriptor = descriptor
    guard descriptor >= 0 else {
      throw TaskError(
        .cannotRead, "the file cannot be opened; put it back or make it readable, then resume", file: identity.path,
        cause: systemMessage(errno))
    }
    try checkUnchanged()
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// - Throws: `TaskError` with code `.cannotRead` if the file is no longer the one that was planned with.
  func checkUnchanged() throws {
    var info = stat()
    guard fstat(descriptor, &info) == 0, Int(info.st_size) == identity.byteCount,
      modificationTime(info) == identity.modified
    else { throw changed() }
  }

  func changed() -> TaskError {
    TaskError(
      .cannotRead, "the file has changed since the run was planned; run again, so that it is planned as it is now",
      file: identity.path)
  }

  /// Reads up to `most` bytes from `offset` on; 0 at the end of the file. Looks at nothing else.
  func read(at offset: Int, into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    while true {
      let count = pread(descriptor, place, most, off_t(offset))
      if count >= 0 { return count }
      guard errno == EINTR else { throw unreadable() }
    }
  }

  private func unreadable() -> TaskError {
    TaskError(
      .cannotRead, "the file cannot be read; look at the disk, then resume", file: identity.path,
      cause: systemMessage(errno))
  }

  /// Reads up to `most` bytes; 0 at the end of the file, which is where the file is looked at once more.
  mutating func read(into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    while true {
      #if canImport(Glibc)
        let count = Glibc.read(descriptor, place, most)
      #else
        let count = Darwin.read(descriptor, place, most)
      #endif
      if count > 0 { bytesRead += count }
      if count == 0 {
        guard bytesRead == identity.byteCount else { throw changed() }
        try checkUnchanged()
      }
      if count >= 0 { return count }
      guard errno == EINTR else { throw unreadable() }
    }
  }
}

/// A whole file in memory, followed by zero bytes for simdjson; freed with its owner.
///
/// A byte order mark is left out: it lies before `base`.
struct FileBytes: ~Copyable {
  private let memory: UnsafeMutablePointer<UInt8>
  let base: UnsafeMutablePointer<UInt8>
  /// Bytes that count; whoever cuts a damaged end off lowers it.
  var count: Int

  /// - Throws: `TaskError` with code `.cannotRead`, or `.tooLarge` from 4 GB on, simdjson's limit for one document.
  init(_ identity: FileIdentity, context: any TaskContext) throws {
    guard identity.byteCount < Int(UInt32.max) else {
      throw TaskError(
        .tooLarge, "the file is one JSON document of \(ByteCount(identity.byteCount)), more than 4 GB; split it",
        file: identity.path)
    }
    var file = try InputFile(identity)
    let capacity = identity.byteCount + Int(SJ_PADDING)
    guard let memory = malloc(capacity)?.assumingMemoryBound(to: UInt8.self) else {
      throw TaskError(.outOfMemory, "there are no \(ByteCount(capacity)) for the file", file: identity.path)
    }
    do {
      try FileBytes.fill(memory, identity.byteCount, from: &file, context: context)
    } catch {
      free(memory)
      throw error
    }
    memset(memory + identity.byteCount, 0, Int(SJ_PADDING))
    let mark = JSONScan.markLength(UnsafeBufferPointer(start: memory, count: identity.byteCount))
    self.memory = memory
    base = memory + mark
    count = identity.byteCount - mark
  }

  private static func fill(
    _ base: UnsafeMutablePointer<UInt8>, _ count: Int, from file: inout InputFile, context: any TaskContext
  ) throws {
    var filled = 0
    while true {
      try context.checkCancellation()
      // A file that grew gives one byte too many, which the padding has room for; the look at its end refuses it.
      let got = try file.read(into: base + filled, most: min(max(count - filled, 1), 4 << 20))
      if got == 0 { return }
      filled = min(filled + got, count)
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

/// A file's lines one after the other, in a window of about a megabyte.
struct LineReader: ~Copyable {
  private var file: InputFile
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity = LineReader.windowByteCount
  private var start = 0
  private var end = 0
  private var isAtEnd = false
  /// Of the line that `next` gave last, from 1.
  private(set) var lineNumber = 0

  static let windowByteCount = 1 << 20
  private static let greatestLine = 1 << 30

  init(_ identity: FileIdentity) throws {
    let file = try InputFile(identity)
    base = try LineReader.allocate(LineReader.windowByteCount, file: identity)
    self.file = file
  }

  deinit { free(base) }

  private static func allocate(_ capacity: Int, file: FileIdentity) throws -> UnsafeMutablePointer<UInt8> {
    guard let base = malloc(capacity + Int(SJ_PADDING)) else {
      throw TaskError(.outOfMemory, "there are no \(ByteCount(capacity)) for a line of the file", file: file.path)
    }
    memset(base + capacity, 0, Int(SJ_PADDING))
    return base.assumingMemoryBound(to: UInt8.self)
  }

  /// The first bytes of the file, as many as the window holds; before any `next`.
  mutating func head() throws -> UnsafeBufferPointer<UInt8> {
    while end < capacity, !isAtEnd { try fill() }
    return UnsafeBufferPointer(start: base, count: end)
  }

  /// The next line without its end, and the first without a byte order mark; or `nil`. Valid until the next call; SJ_PADDING more bytes are readable.
  mutating func next() throws -> UnsafeBufferPointer<UInt8>? {
    var looked = start
    while true {
      if let found = memchr(base + looked, 0x0A, end - looked) {
        let stop = found.assumingMemoryBound(to: UInt8.self) - base
        defer { start = stop + 1 }
        return line(to: stop)
      }
      looked = end
      if isAtEnd {
        guard start < end else { return nil }
        defer { start = end }
        return line(to: end)
      }
      if start > 0 {
        memmove(base, base + start, end - start)
        looked -= start
        end -= start
        start = 0
      }
      if end == capacity { try grow() }
      try fill()
    }
  }

  private mutating func line(to stop: Int) -> UnsafeBufferPointer<UInt8> {
    lineNumber += 1
    if lineNumber == 1 {
      start += JSONScan.markLength(UnsafeBufferPointer(start: base + start, count: stop - start))
    }
    let count = stop - start
    let hasReturn = count > 0 && base[stop - 1] == 0x0D
    return UnsafeBufferPointer(start: base + start, count: hasReturn ? count - 1 : count)
  }

  private mutating func fill() throws {
    let got = try file.read(into: base + end, most: capacity - end)
    end += got
    isAtEnd = got == 0
  }

  private mutating func grow() throws {
    guard capacity < LineReader.greatestLine else {
      throw TaskError(
        .tooLarge, "the line is longer than \(ByteCount(capacity)); one record a line is expected",
        file: file.identity.path, record: "line \(lineNumber + 1)")
    }
    let larger = try LineReader.allocate(capacity * 2, file: file.identity)
    memcpy(larger, base, end)
    free(base)
    base = larger
    capacity *= 2
  }
}
