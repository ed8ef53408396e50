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
  private var bytesRead = 0

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

  /// Fills a place with the bytes of a range.
  ///
  /// - Throws: `TaskError` with code `.cannotRead`, also where the file ends before.
  func read(_ range: Range<Int>, into place: UnsafeMutableRawPointer) throws {
    var filled = 0
    while filled < range.count {
      let got = try read(at: range.lowerBound + filled, into: place + filled, most: range.count - filled)
      guard got > 0 else { throw changed() }
      filled += got
    }
  }

  /// Gives the bytes of a range in parts of up to a megabyte, until `body` returns false.
  func scan(
    _ range: Range<Int>, context: any TaskContext, _ body: (UnsafeRawBufferPointer) throws -> Bool
  ) throws {
    let size = min(1 << 20, range.count)
    guard let memory = malloc(max(size, 1)) else {
      throw TaskError(.outOfMemory, "there are no \(ByteCount(size)) to read the file", file: identity.path)
    }
    defer { free(memory) }
    var place = range.lowerBound
    while place < range.upperBound {
      try context.checkCancellation()
      let part = place..<min(place + size, range.upperBound)
      try read(part, into: memory)
      place = part.upperBound
      guard try body(UnsafeRawBufferPointer(start: memory, count: part.count)) else { return }
    }
  }

  /// Where the first byte of a range stands that is no white space.
  func firstThing(in range: Range<Int>, context: any TaskContext) throws -> Int? {
    var place = range.lowerBound
    var found: Int?
    try scan(range, context: context) { part in
      found = part.firstIndex { !JSONScan.isSpace($0) }.map { place + $0 }
      place += part.count
      return found == nil
    }
    return found
  }

  /// How many bytes of a range stand before the first `\n` or `\r` in it.
  func firstLineEnd(in range: Range<Int>, context: any TaskContext) throws -> Int? {
    var passed = 0
    var found: Int?
    try scan(range, context: context) { part in
      let base = part.baseAddress!
      let newline = memchr(base, 0x0A, part.count).map { UnsafeRawPointer($0) - base } ?? part.count
      let first = memchr(base, 0x0D, newline).map { UnsafeRawPointer($0) - base } ?? newline
      if first < part.count { found = passed + first }
      passed += part.count
      return found == nil
    }
    return found
  }

  /// The length of the byte order mark that some editors put before a file's text; 0 without.
  func markLength() throws -> Int {
    var head: UInt32 = 0
    let count = min(identity.byteCount, 4)
    return try withUnsafeMutableBytes(of: &head) { head in
      try read(0..<count, into: head.baseAddress!)
      return JSONScan.markLength(UnsafeBufferPointer(rebasing: head.bindMemory(to: UInt8.self)[..<count]))
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
