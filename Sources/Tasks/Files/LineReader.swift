import CSimdJSON
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The JSON lines of a file, or of a block of one, one after the other, in a window of about a megabyte.
///
/// A line that does not fit is measured first, and memory reserved for it and for parsing it.
struct LineReader: ~Copyable {
  private let file: InputFile
  private let piece: TextPiece
  private let numbers: LineNumbers
  private let context: any TaskContext
  /// Bytes of the table that the operation reserved.
  private let foreseen: Int
  /// The lines' bytes in the file.
  private let range: Range<Int>
  /// How many of them were read.
  private var filled = 0
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity = LineReader.windowByteCount
  private var start = 0
  private var end = 0
  private var isAtEnd = false
  /// Reserved for the parser, beyond what operations foresee.
  private var parserByteCount = 0
  /// Of the line that `next` gave last, from 1: in the block.
  private(set) var lineNumber = 0

  static let windowByteCount = 1 << 20

  /// - Parameters:
  ///   - piece: the file or block; it owns the lines that begin behind a line end in it, or at 0.
  ///   - numbers: of the file's lines.
  ///   - foreseen: bytes of the table that the operation reserved.
  ///   - context: asked for memory, and now and then whether to go on.
  /// - Throws: `TaskError` with code `.cannotRead` where the file cannot be read, or has changed.
  init(_ piece: TextPiece, numbers: LineNumbers, foreseen: Int, context: any TaskContext) throws {
    let file = try InputFile(piece.file)
    let range =
      try piece.block.map { block in
        try BlockBorders(ending: [0x0A], unit: 1, from: 0).lines(of: block, in: file, context: context)
      } ?? 0..<piece.file.byteCount
    base = try LineReader.allocate(LineReader.windowByteCount, piece.file)
    (self.piece, self.numbers, self.foreseen, self.context, self.range) = (piece, numbers, foreseen, context, range)
    self.file = file
  }

  deinit { free(base) }

  private static func allocate(_ capacity: Int, _ file: FileIdentity) throws -> UnsafeMutablePointer<UInt8> {
    guard let base = malloc(capacity + Int(SJ_PADDING)) else { throw noMemory(capacity, file) }
    return base.assumingMemoryBound(to: UInt8.self)
  }

  private static func noMemory(_ count: Int, _ file: FileIdentity) -> TaskError {
    TaskError(.outOfMemory, "there are no \(ByteCount(count)) for a line of the file", file: file.path)
  }

  /// Whether this is the file, or its first block, and there is nothing but white space in the whole file.
  func isOfBlankFile() throws -> Bool {
    guard range.lowerBound == 0 else { return false }
    let all = try file.markLength()..<piece.file.byteCount
    return try file.firstThing(in: all, context: context) == nil
  }

  /// The number in the file of a line of this block.
  ///
  /// - Complexity: O(bytes before the block), where nobody counted them before.
  func numberInFile(_ line: Int) throws -> Int {
    line + (try numbers.linesBefore(range.lowerBound, context: context))
  }

  /// The next line without its end, and the file's first without a byte order mark; or `nil`. Valid until the next call; SJ_PADDING more bytes are readable.
  ///
  /// - Throws: `TaskError` with code `.tooLarge` for a line that can never fit into memory; `.cannotRead`.
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
    if lineNumber == 1, range.lowerBound == 0 {
      start += JSONScan.markLength(UnsafeBufferPointer(start: base + start, count: stop - start))
    }
    let count = stop - start
    let hasReturn = count > 0 && base[stop - 1] == 0x0D
    return UnsafeBufferPointer(start: base + start, count: hasReturn ? count - 1 : count)
  }

  private mutating func fill() throws {
    let place = range.lowerBound + filled
    let wanted = min(capacity - end, range.upperBound - place)
    guard wanted > 0 else {
      // Here the file is looked at once more.
      try file.checkUnchanged()
      isAtEnd = true
      return
    }
    let got = try file.read(at: place, into: base + end, most: wanted)
    guard got > 0 else { throw file.changed() }
    end += got
    filled += got
  }

  /// Makes room for the line that fills the window.
  private mutating func grow() throws {
    let lineStart = range.lowerBound + filled - end
    let weight = try JSONWeight(of: lineStart..<range.upperBound, isLine: true, in: file, context: context)
    // As much as the line, and a quarter more: longer ones may follow.
    let wanted = min(weight.byteCount + weight.byteCount / 4, range.upperBound - lineStart) + 1
    let parser = max(weight.parserByteCount, parserByteCount)
    // The last line may reach far beyond the block: what becomes of it was not foreseen either.
    let isLast = lineStart + weight.byteCount + 1 >= range.upperBound
    let beyond = isLast ? max(range.count - foreseen, 0) : 0
    let number = lineNumber + 1
    try context.reserve(
      more: wanted - capacity + parser - parserByteCount + beyond,
      for: TaskError(
        .tooLarge, "the line is \(ByteCount(weight.byteCount)) long", file: piece.file.path,
        record: "line \(try numberInFile(number))"))
    guard let larger = realloc(base, wanted + Int(SJ_PADDING)) else { throw LineReader.noMemory(wanted, piece.file) }
    base = larger.assumingMemoryBound(to: UInt8.self)
    (capacity, parserByteCount) = (wanted, parser)
  }
}
