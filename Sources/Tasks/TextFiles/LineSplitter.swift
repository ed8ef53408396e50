// Cutting a stream of UTF-8 into lines.
//
// Bytes are read into a window. Each ending that is looked for has a mark: the place up to which there is none, so
// that no byte is looked at twice for it, however long the line or however rare the ending. A line is handed out as
// a part of the window; where its end is to be translated, that is done in place: `\r\n` becomes `\n` by writing over
// its first byte. Only a line longer than the window makes it grow, and the memory for that is reserved before.

import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What ends a line, ready to be looked for.
enum LineEnds {
  case byte(UInt8)
  case bytes([UInt8])
  /// `\n`, `\r\n`, `\r`; translated to `\n` or left as they are.
  case universal(isTranslated: Bool)

  init(_ delimiter: String?) {
    guard let delimiter, !delimiter.isEmpty else {
      self = .universal(isTranslated: delimiter == nil)
      return
    }
    let bytes = Array(delimiter.utf8)
    self = bytes.count == 1 ? .byte(bytes[0]) : .bytes(bytes)
  }
}

/// The lines of one stream, in a window that is as large as the longest of them.
struct LineSplitter: ~Copyable {
  private let source: any TextByteSource
  private let ends: LineEnds
  private let keepsEnds: Bool
  private let longest: Int
  /// Bytes of an ending, at most.
  private let endLength: Int
  private let context: any TaskContext
  private let origin: Origin

  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// The window's unread bytes.
  private var start = 0
  private var end = 0
  /// Where the line given last began.
  private var taken = 0
  private var isAtEnd = false
  /// No ending begins before these, from `start` on: the first or only kind, and `\r` of universal ones.
  private var mark = 0
  private var returnMark = 0
  /// Bytes of the stream before the window.
  private var passed = 0
  /// Where the line begins that the window was made large enough for.
  private var measured = -1

  static let windowByteCount = 256 << 10
  /// Lines from here on are measured, where that can be, before the window grows.
  private static let leastMeasured = 1 << 20
  /// Room to read into, at the least.
  private static let leastRead = 64 << 10
  /// Readable bytes behind every line, for parsers that look ahead.
  static let padding = 64

  /// - Parameters:
  ///   - longest: a longer line is an error.
  ///   - window: bytes to begin with, at least 128.
  ///   - origin: where the stream comes from.
  init(
    _ source: any TextByteSource, ends: LineEnds, keepsEnds: Bool, longest: Int, context: any TaskContext,
    window: Int = LineSplitter.windowByteCount, origin: Origin = Origin()
  ) throws {
    self.source = source
    self.ends = ends
    self.keepsEnds = keepsEnds
    self.longest = longest
    self.context = context
    self.origin = origin
    endLength =
      switch ends {
      case .byte: 1
      case .bytes(let bytes): bytes.count
      case .universal: 2
      }
    capacity = window
    guard let memory = malloc(capacity + LineSplitter.padding) else { throw LineSplitter.noMemory(capacity) }
    memset(memory, 0, capacity + LineSplitter.padding)
    base = memory.assumingMemoryBound(to: UInt8.self)
  }

  deinit { free(base) }

  private static func noMemory(_ count: Int) -> TaskError {
    TaskError(.outOfMemory, "there are no \(ByteCount(count)) for a line of the file")
  }

  /// Where the next line begins in the stream.
  var offset: Int { passed + start }

  /// Where the line given last begins in the stream, until more is read.
  var offsetOfLast: Int { passed + taken }

  /// Someone asked for a line that is too long.
  struct TooLong: Error {}

  /// The next line, valid until the next call; `nil` at the end.
  mutating func next() throws -> UnsafeBufferPointer<UInt8>? {
    while true {
      if let line = try nextInWindow() { return line }
      guard try readMore() else { return try last() }
    }
  }

  /// Hands out lines that lie in the window, whole and with their ends.
  ///
  /// - Returns: whether there were as many as wanted; otherwise `readMore()` may bring more.
  @inline(__always)
  mutating func forEachInWindow(most: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void) throws -> Bool {
    var given = 0
    while given < most {
      guard let line = try nextInWindow() else { return false }
      try body(line)
      given += 1
    }
    return true
  }

  /// The next line if it lies in the window, whole and with its end.
  @inline(__always)
  mutating func nextInWindow() throws -> UnsafeBufferPointer<UInt8>? {
    let found: (stop: Int, kept: Int, next: Int)
    switch ends {
    case .byte(let byte):
      let stop = LineSplitter.find(byte, from: &mark, start, end, base)
      guard stop < end else { return nil }
      found = (stop, stop + 1, stop + 1)
    case .universal(let isTranslated):
      guard let universal = findUniversal(isTranslated: isTranslated) else { return nil }
      found = universal
    case .bytes(let bytes):
      guard let stop = find(bytes) else { return nil }
      found = (stop, stop + bytes.count, stop + bytes.count)
    }
    let line = UnsafeBufferPointer(start: base + start, count: (keepsEnds ? found.kept : found.stop) - start)
    guard found.stop - start <= longest else { throw TooLong() }
    taken = start
    start = found.next
    return line
  }

  /// What is left when the stream has ended: a line without end, or nothing.
  mutating func last() throws -> UnsafeBufferPointer<UInt8>? {
    guard start < end else { return nil }
    var stop = end
    if case .universal(let isTranslated) = ends, base[end - 1] == 0x0D {
      // A return at the very end is the one ending that cannot be told before.
      if isTranslated { base[end - 1] = 0x0A }
      if !keepsEnds { stop -= 1 }
    }
    guard stop - start <= longest else { throw TooLong() }
    taken = start
    start = end
    return UnsafeBufferPointer(start: base + taken, count: stop - taken)
  }

  /// The first `byte` in the window from `mark` or `start` on, whichever is later, and moves the mark there; `end` if
  /// there is none.
  @inline(__always)
  private static func find(
    _ byte: UInt8, from mark: inout Int, _ start: Int, _ end: Int, _ base: UnsafeMutablePointer<UInt8>
  ) -> Int {
    if mark < start { mark = start }
    if mark < end, base[mark] != byte {
      let found = memchr(base + mark, Int32(byte), end - mark)
      mark = found.map { $0.assumingMemoryBound(to: UInt8.self) - base } ?? end
    }
    return mark
  }

  @inline(__always)
  private mutating func findUniversal(isTranslated: Bool) -> (stop: Int, kept: Int, next: Int)? {
    let newline = LineSplitter.find(0x0A, from: &mark, start, end, base)
    let carriage = LineSplitter.find(0x0D, from: &returnMark, start, end, base)
    guard carriage < newline else { return newline < end ? (newline, newline + 1, newline + 1) : nil }
    guard carriage + 1 < end else { return nil }
    let next = base[carriage + 1] == 0x0A ? carriage + 2 : carriage + 1
    if isTranslated {
      base[carriage] = 0x0A
      return (carriage, carriage + 1, next)
    }
    return (carriage, next, next)
  }

  private mutating func find(_ bytes: [UInt8]) -> Int? {
    if mark < start { mark = start }
    guard let found = firstOccurrence(of: bytes, in: base + mark, count: end - mark) else {
      mark = max(start, end - bytes.count + 1)
      return nil
    }
    mark += found
    return mark
  }

  /// Makes room and reads.
  ///
  /// - Returns: whether the window may hold another line now; not at the end of the stream.
  /// - Throws: what the source throws, the context's cancellation, `TooLong`.
  mutating func readMore() throws -> Bool {
    guard !isAtEnd else { return false }
    try context.checkCancellation()
    let kept = end - start
    guard kept - endLength <= longest else { throw TooLong() }
    if start > 0 {
      memmove(base, base + start, kept)
      mark = max(mark - start, 0)
      returnMark = max(returnMark - start, 0)
      passed += start
      (start, end) = (0, kept)
    }
    if kept > capacity / 2, measured != passed || capacity - end < LineSplitter.padding { try grow(kept) }
    let got = try source.read(into: base + end, most: capacity - end)
    end += got
    isAtEnd = got == 0
    return got > 0
  }

  private mutating func grow(_ kept: Int) throws {
    let length = capacity < LineSplitter.leastMeasured ? nil : try origin.measure(passed)
    var wanted = capacity * 2
    if let length, measured != passed {
      measured = passed
      wanted = length + endLength + LineSplitter.leastRead
      guard wanted > capacity else { return }
    }
    try context.reserve(more: wanted - capacity, for: origin.tooLarge(passed, length, atLeast: kept))
    guard let larger = realloc(base, wanted + LineSplitter.padding) else { throw LineSplitter.noMemory(wanted) }
    base = larger.assumingMemoryBound(to: UInt8.self)
    memset(base + wanted, 0, LineSplitter.padding)
    capacity = wanted
  }

  /// Where a stream comes from: for messages, and to look ahead.
  struct Origin {
    var path: String?
    /// Where the stream begins in the text.
    var offset = 0
    /// How long the line is that begins at an offset of the stream; `nil` where only reading it tells.
    var measure: (_ offset: Int) throws -> Int? = { _ in nil }

    func tooLarge(_ place: Int, _ length: Int?, atLeast kept: Int) -> TaskError {
      let size = length.map { "\(ByteCount($0)) long" } ?? "longer than \(ByteCount(kept))"
      return TaskError(
        .tooLarge, "the line is \(size)", file: path, record: "line that begins at byte \(offset + place)")
    }
  }
}
