import Graph

/// A line and the file it comes from.
public struct TextLine: Hashable, Codable, Sendable {
  /// The line, with its end if the format keeps it.
  public let text: String
  /// Absolute path.
  public let path: String

  /// A line of the file at `path`.
  public init(_ text: String, path: String) {
    self.text = text
    self.path = path
  }
}

/// Reads the lines of a partition one after the other, in memory bounded by the longest of them.
///
/// Not thread-safe: one task reads. Files are opened when their turn comes and must be as they were planned with.
public final class TextLineReader {
  private let format: TextFileFormat
  private let encoding: TextEncoding
  private let longest: Int
  private let context: any TaskContext

  private var pieces: ArraySlice<TextPiece>
  private var piece: OpenPiece?
  private var lastBatchCount = 0
  /// Reserved for a line as a string.
  private var stringByteCount = LineSplitter.windowByteCount

  /// How long a line may be unless told otherwise: 1 GB.
  public static let longestLine = 1 << 30
  /// Lines of a batch, at most.
  static let batchLineCount = 4096

  /// One file or block at work.
  private final class OpenPiece {
    let path: String
    var lines: LineSplitter
    /// Whether the bytes are yet to be checked: text that was decoded is well-formed.
    let isChecked: Bool
    /// Where the bytes that `lines` gets begin in the text.
    let offset: Int
    /// Whether lines count from the file's first.
    let isFromBeginning: Bool
    /// Whether positions count in what was unpacked, not in the file itself.
    let isUnpacked: Bool
    /// Lines given so far.
    var lineCount = 0

    init(_ opened: OpenedText, path: String, lines: consuming LineSplitter) {
      self.path = path
      isChecked = opened.isChecked
      offset = opened.offset
      isFromBeginning = opened.isFromBeginning
      isUnpacked = opened.isUnpacked
      self.lines = lines
    }
  }

  init(
    _ pieces: [TextPiece], format: TextFileFormat, encoding: TextEncoding, longest: Int, context: any TaskContext
  ) {
    self.pieces = pieces[...]
    self.format = format
    self.encoding = encoding
    self.longest = longest
    self.context = context
  }

  /// The file that the line or batch given last comes from; empty before the first.
  public private(set) var path = ""

  /// The line given last, from 1: of its file, or of its block.
  public var lineNumber: Int { piece?.lineCount ?? 0 }

  /// The next line as UTF-8, without a copy; `nil` behind the partition's last.
  ///
  /// Valid until the next call. 64 more bytes are readable behind it, as parsers want that look ahead.
  /// - Throws: `TaskError` that names the file and the place: `.cannotRead` if it cannot be read or has changed,
  ///   `.badRecord` for bytes that are no text, `.badInput` for damaged compressed data, `.tooLarge` for a line beyond
  ///   the limit; `.cancelled` or `.timeout` as the context says.
  /// - Complexity: O(bytes of the line).
  public func next() throws -> UnsafeBufferPointer<UInt8>? {
    while let piece = try current() {
      let line = try located(piece) {
        let line = try piece.lines.next()
        if piece.isChecked, let line { try TextLineReader.check(line) }
        return line
      }
      if let line {
        piece.lineCount += 1
        return line
      }
      self.piece = nil
    }
    return nil
  }

  /// Goes on with the next file, whatever is left of this one.
  func skipRestOfFile() { piece = nil }

  /// The next lines of one file: at least one, at most 4096, of 256 KB together unless one is longer; `nil` behind the
  /// partition's last.
  ///
  /// - Throws: as `next()`.
  public func nextBatch() throws -> ContiguousArray<String>? {
    while let piece = try current() {
      var batch = ContiguousArray<String>()
      batch.reserveCapacity(lastBatchCount)
      let (isChecked, first) = (piece.isChecked, piece.lineCount)
      try located(piece) {
        defer { piece.lineCount = first + batch.count }
        repeat {
          _ = try piece.lines.forEachInWindow(most: TextLineReader.batchLineCount) { line in
            if isChecked { try TextLineReader.check(line) }
            if line.count > stringByteCount { try reserveString(line.count, piece) }
            batch.append(String(decoding: line, as: UTF8.self))
          }
        } while try batch.isEmpty && piece.lines.readMore()
        if batch.isEmpty, let line = try piece.lines.last() {
          if isChecked { try TextLineReader.check(line) }
          if line.count > stringByteCount { try reserveString(line.count, piece) }
          batch.append(String(decoding: line, as: UTF8.self))
        }
      }
      lastBatchCount = min(batch.count + batch.count / 8, TextLineReader.batchLineCount)
      if !batch.isEmpty { return batch }
      self.piece = nil
    }
    return nil
  }

  /// Calls `body` with the rest of the partition's lines, each as from `next()` and as long valid as `body` runs.
  ///
  /// - Throws: as `next()`, and what `body` throws.
  public func forEachLine(_ body: (UnsafeBufferPointer<UInt8>) throws -> Void) throws {
    while let piece = try current() {
      let isChecked = piece.isChecked
      try located(piece) {
        repeat {
          _ = try piece.lines.forEachInWindow(most: .max) { line in
            if isChecked { try TextLineReader.check(line) }
            piece.lineCount += 1
            try body(line)
          }
        } while try piece.lines.readMore()
        guard let line = try piece.lines.last() else { return }
        if isChecked { try TextLineReader.check(line) }
        piece.lineCount += 1
        try body(line)
      }
      self.piece = nil
    }
  }

  /// Bytes of a line that are no UTF-8.
  private struct IllFormed: Error {
    /// Of the first of them in the line.
    let offset: Int
    let bytes: [UInt8]
  }

  /// `String(validating:)` would do it too, but is not specialised and takes several times as long.
  @inline(__always)
  private static func check(_ line: UnsafeBufferPointer<UInt8>) throws {
    let bad = UTF8Scan.firstIllFormed(line)
    guard bad < line.count else { return }
    let (length, _) = UTF8Scan.illFormed(line, at: bad)
    throw IllFormed(offset: bad, bytes: Array(line[bad..<(bad + length)]))
  }

  private func reserveString(_ count: Int, _ piece: OpenPiece) throws {
    try context.reserve(
      more: count - stringByteCount,
      for: TaskError(
        .tooLarge, "the line is \(ByteCount(count)) long", file: piece.path,
        record: "line that begins at \(position(piece.offset + piece.lines.offsetOfLast, in: piece))"))
    stringByteCount = count
  }

  private func current() throws -> OpenPiece? {
    if let piece { return piece }
    guard let next = pieces.popFirst() else { return nil }
    path = next.file.path
    let opened = try OpenedText(next, format: format, encoding: encoding, context: context)
    var origin = LineSplitter.Origin(path: path, offset: opened.offset)
    // Only there an offset in the text is one in the file.
    if opened.isChecked, !opened.isUnpacked {
      let range = opened.offset..<(opened.offset + opened.byteCount)
      let ending = Array(format.blockEnding.utf8)
      let isUniversal = if case .universal = LineEnds(format.delimiter) { true } else { false }
      origin.measure = { [context] offset in
        let file = try InputFile(next.file)
        let start = opened.offset + offset
        if isUniversal {
          return try file.firstLineEnd(in: start..<range.upperBound, context: context) ?? range.upperBound - start
        }
        let borders = BlockBorders(ending: ending, unit: 1, from: range.lowerBound)
        return (try borders.first(in: start..<range.upperBound, of: file, context: context) ?? range.upperBound) - start
      }
    }
    // A block's last line may reach far beyond it, which nobody foresaw.
    let beyond = opened.byteCount - next.byteCount
    if next.block != nil, beyond > LineSplitter.windowByteCount {
      try context.reserve(more: beyond, for: try tooLarge(lastOf: next, opened, origin))
    }
    let lines = try LineSplitter(
      opened.source, ends: LineEnds(format.delimiter), keepsEnds: format.keepsLineEnds, longest: longest,
      context: context, origin: origin)
    piece = OpenPiece(opened, path: path, lines: lines)
    return piece
  }

  /// Says that the last line of a block is too large.
  private func tooLarge(
    lastOf piece: TextPiece, _ opened: OpenedText, _ origin: LineSplitter.Origin
  ) throws -> TaskError {
    let end = opened.offset + opened.byteCount
    // Where the line before it ends, or about there.
    var start = opened.offset
    var place = start
    let byte = Array(format.blockEnding.utf8).last!
    try InputFile(piece.file).scan(start..<min(piece.block!.upperBound, end), context: context) { part in
      if let last = part.lastIndex(of: byte) { start = place + last + 1 }
      place += part.count
      return true
    }
    return origin.tooLarge(start - opened.offset, end - start, atLeast: 0)
  }

  /// Runs `body` and says of what it throws which file and line it is about.
  private func located<T>(_ piece: OpenPiece, _ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch is LineSplitter.TooLong {
      let remedy =
        format.delimiter.map { "are its lines ended by \(jsonQuoted($0))?" } ?? "is it a file of lines at all?"
      throw TaskError(
        .tooLarge,
        "the line that begins at \(position(piece.offset + piece.lines.offset, in: piece)) is longer than "
          + "\(ByteCount(longest)); \(remedy)", file: piece.path, record: record(in: piece))
    } catch let bad as IllFormed {
      let bytes = bad.bytes.map { "0x" + String($0, radix: 16, uppercase: true) }.joined(separator: " ")
      throw decodingError(
        TextDecodingProblem(
          offset: piece.offset + piece.lines.offsetOfLast + bad.offset,
          what: "\(bytes) is no text in \(encoding.name)"),
        in: piece)
    } catch let problem as TextDecodingProblem {
      throw decodingError(problem, in: piece)
    } catch let error as TaskError where error.file == nil && error.code == .outOfMemory {
      throw TaskError(error.code, error.message, file: piece.path, record: record(in: piece))
    }
  }

  private func decodingError(_ problem: TextDecodingProblem, in piece: OpenPiece) -> TaskError {
    TaskError(
      .badRecord,
      "at \(position(problem.offset, in: piece)), \(problem.what); name the file's encoding, "
        + "or let errors: replace or ignore pass over such bytes",
      file: piece.path, record: record(in: piece))
  }

  private func position(_ offset: Int, in piece: OpenPiece) -> String {
    "byte \(offset)" + (piece.isUnpacked ? " of the unpacked text" : "")
  }

  /// The line that was not given yet.
  private func record(in piece: OpenPiece) -> String {
    "line \(piece.lineCount + 1)" + (piece.isFromBeginning ? "" : " of the block from byte \(piece.offset) on")
  }
}
