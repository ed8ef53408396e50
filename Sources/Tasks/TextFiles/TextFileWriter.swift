import Graph

/// How lines become a text file's bytes.
///
/// The defaults are those of `dask.bag.to_textfiles`: an ending between lines, none behind the last.
public struct TextOutputFormat: Hashable, Sendable {
  /// How the files are packed; unless given, by their names.
  public var compression: TextFileFormat.Compression
  /// As for reading; `utf-8-sig`, `utf-16` and `utf-32` write a byte order mark before the first line.
  public var encoding: String
  /// What is written between lines.
  public var lineTerminator: String
  /// Whether the last line is ended too. As in Dask, a file without lines then holds one ending.
  public var lastLineEnds: Bool

  /// Dask's defaults, but for what is given.
  public init(
    compression: TextFileFormat.Compression = .infer, encoding: String = "utf-8", lineTerminator: String = "\n",
    lastLineEnds: Bool = false
  ) {
    self.compression = compression
    self.encoding = encoding
    self.lineTerminator = lineTerminator
    self.lastLineEnds = lastLineEnds
  }

  /// All that decides the bytes, as one text for fingerprints.
  public var identity: String {
    "\(compression) \(jsonQuoted(encoding)) \(jsonQuoted(lineTerminator)) \(lastLineEnds)"
  }
}

/// Writes lines to a sink, in memory of a block and the longest line; the same lines always give the same bytes.
///
/// Not thread-safe: one task writes.
public final class TextFileWriter {
  private let path: String
  private let terminator: [UInt8]
  private let lastLineEnds: Bool
  private let encoder: TextEncoder?
  private let sink: any FinishingSink
  private var block = BufferBuilder(capacity: TextFileWriter.blockByteCount + 16_384)
  /// Lines written.
  public private(set) var lineCount = 0

  static let blockByteCount = 256 << 10

  /// - Parameters:
  ///   - sink: gets blocks of a reasonable size.
  ///   - path: the file's final name, from which compression is inferred.
  ///   - format: how lines become bytes.
  /// - Throws: `ParameterError` for an unknown encoding, a line terminator that it cannot write, or a file name that
  ///   asks for a compression not known here.
  public init(to sink: any ByteSink, path: String, format: TextOutputFormat = TextOutputFormat()) throws {
    self.path = path
    lastLineEnds = format.lastLineEnds
    let encoding = try TextEncoding(format.encoding)
    _ = try encoding.bytes(of: format.lineTerminator, parameter: "line_terminator")
    terminator = Array(format.lineTerminator.utf8)
    encoder = encoding.form == .utf8 ? nil : try TextEncoder(encoding)
    self.sink =
      switch try format.compression.resolved(for: path, parameter: "compression") {
      case .gzip: try GzipSink(sink, path: path)
      case .zstd: try ZstdSink(sink, path: path)
      case .none, .infer: PlainSink(sink)
      }
  }

  /// Adds a line; an ending goes before it unless it is the first.
  ///
  /// - Throws: `TaskError` with code `.badRecord` for a character that the encoding does not have, and what the sink
  ///   throws.
  public func write(_ line: String) throws {
    var line = line
    try line.withUTF8 { try write($0) }
  }

  /// Adds a line that is UTF-8.
  public func write(_ line: UnsafeBufferPointer<UInt8>) throws {
    if lineCount > 0 { try append(terminator) }
    lineCount += 1
    try append(line)
    if block.count >= TextFileWriter.blockByteCount { try flush() }
  }

  /// Ends the last line if that is wanted, and the compressed data; to be called once, after the last line.
  ///
  /// - Returns: how many lines were written.
  public func finish() throws -> Int {
    if lastLineEnds { try append(terminator) }
    try encoder?.finish(into: &block)
    try flush()
    try sink.finish()
    return lineCount
  }

  private func flush() throws {
    if block.count > 0 { try sink.write(block.bytes) }
    block.removeAll()
  }

  private func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBufferPointer { try append($0) }
  }

  private func append(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    guard let encoder else { return block.append(UnsafeRawBufferPointer(bytes)) }
    guard let bad = encoder.append(UnsafeRawBufferPointer(bytes), to: &block) else { return }
    let character = String(decoding: bytes[bad...].prefix(4), as: UTF8.self).unicodeScalars.first
    let code = character.map { "U+" + String($0.value, radix: 16, uppercase: true) } ?? "a character"
    throw TaskError(
      .badRecord,
      "\(character.map { "\"\($0)\" (\(code))" } ?? code) cannot be written in \(encoder.name); write in utf-8",
      file: path, record: "line \(lineCount)")
  }
}

/// UTF-8 to any encoding that iconv knows, with the mark that Python writes.
final class TextEncoder {
  let name: String
  private let converter: Iconv?
  /// What goes before the first byte, until it is written.
  private var mark: [UInt8]

  init(_ encoding: TextEncoding) throws {
    name = encoding.name
    converter =
      encoding.isUTF8 ? nil : try Iconv(to: encoding.iconvName(isBig: false), from: "UTF-8")
    mark =
      switch encoding.form {
      case .utf8WithMark: [0xEF, 0xBB, 0xBF]
      case .wide(2, nil): [0xFF, 0xFE]
      case .wide(4, nil): [0xFF, 0xFE, 0, 0]
      default: []
      }
  }

  /// - Returns: `nil`, or where a character begins that cannot be written.
  func append(_ bytes: UnsafeRawBufferPointer, to block: inout BufferBuilder) -> Int? {
    guard !bytes.isEmpty else { return nil }
    if !mark.isEmpty {
      mark.withUnsafeBytes { block.append($0) }
      mark = []
    }
    guard let converter else {
      block.append(bytes)
      return nil
    }
    var rest = bytes
    while !rest.isEmpty {
      var (outcome, used) = (Iconv.Outcome.done, 0)
      block.appendDirect(most: rest.count + 64) { place in
        let result = converter.convert(rest, into: UnsafeMutableRawBufferPointer(start: place, count: rest.count + 64))
        (outcome, used) = (result.outcome, result.used)
        return result.made
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[used...])
      if outcome == .invalid || outcome == .incomplete { return bytes.count - rest.count }
    }
    return nil
  }

  /// Brings encodings with shifts back to their first state.
  func finish(into block: inout BufferBuilder) throws {
    guard let converter else { return }
    block.appendDirect(most: 64) { converter.flush(into: UnsafeMutableRawBufferPointer(start: $0, count: 64)) ?? 0 }
  }
}
