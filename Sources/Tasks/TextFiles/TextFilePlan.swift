import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Which lines of which files make up which partition, settled before anything is read.
///
/// The semantics are those of `dask.bag.read_text`, where they differ by `blocksize` those without it.
/// - Note: Source: dask 2026.8.0, `bag/text.py` and `bytes/core.py`.
public struct TextFilePlan: Sendable {
  public let format: TextFileFormat
  /// A partition of one file, or of a block of one, knows the file and is labelled `name` or `name[0..<1000]`;
  /// one of several files is labelled by the first and the last, `a.txt..c.txt`.
  public let partitions: Partitions

  private let encoding: TextEncoding
  private let pieces: [[TextPiece]]

  /// Lists the files and cuts them.
  ///
  /// - Parameters:
  ///   - paths: paths, folders and glob patterns, in the order they are to be read; relative ones count from the
  ///     working folder. The matches of a pattern are sorted by name. No file is read twice.
  ///   - format: how bytes become lines.
  ///   - splitting: how files become partitions.
  /// - Throws: `ParameterError` for a pattern that matches nothing, a file that cannot be read or an unknown encoding;
  ///   for `blocksize` with compressed files, with encodings that cannot be read from the middle, or if all are empty.
  /// - Complexity: O(files · log files + partitions); no file is opened.
  public init(
    _ paths: [String], format: TextFileFormat = TextFileFormat(), splitting: TextFileSplitting = .byFile
  ) throws {
    self.format = format
    encoding = try TextEncoding(format.encoding)
    try TextFilePlan.check(format, splitting, encoding)
    let files = try FileListing.partitions(of: paths.map(TextFilePlan.absolute)).compactMap(\.file)
    let whole = try files.map {
      TextPiece(
        file: $0, compression: try format.compression.resolved(for: $0.path, parameter: "compression"), block: nil)
    }
    switch splitting {
    case .byFile: pieces = whole.map { [$0] }
    case .filesPerPartition(let count):
      pieces = stride(from: 0, to: whole.count, by: count).map {
        Array(whole[$0..<min($0 + count, whole.count)])
      }
    case .blocksOrFiles(let bytes):
      let cut = try whole.flatMap { $0.compression == .none ? try TextFilePlan.blocks(of: $0, bytes) : [$0] }
      pieces = (cut.isEmpty ? whole : cut).map { [$0] }
    case .blocksize(let bytes):
      pieces = try whole.flatMap { try TextFilePlan.blocks(of: $0, bytes) }.map { [$0] }
      guard !pieces.isEmpty else {
        throw ParameterError("blocksize", "all files are empty, so that there are no blocks; leave blocksize out")
      }
    }
    partitions = Partitions(
      pieces.allSatisfy { $0.count == 1 }
        ? TextPiece.partitions(of: pieces.map { $0[0] })
        : pieces.enumerated().map { index, pieces in
          Partition(
            index: index, label: TextFilePlan.label(of: pieces), file: pieces.count == 1 ? pieces[0].file : nil)
        })
  }

  private static func check(
    _ format: TextFileFormat, _ splitting: TextFileSplitting, _ encoding: TextEncoding
  ) throws {
    let ending = format.blockEnding
    guard ending.utf8.count * 4 <= BlockBorders.longestEnding else {
      throw ParameterError("delimiter", "it has \(ending.utf8.count) bytes; at most 4096 are possible")
    }
    switch splitting {
    case .byFile: break
    case .filesPerPartition(let count):
      guard count >= 1 else { throw ParameterError("files_per_partition", "\(count) is out of range: at least 1") }
    case .blocksize(let bytes), .blocksOrFiles(let bytes):
      guard bytes >= 1 else { throw ParameterError("blocksize", "\(bytes) bytes are out of range: at least 1") }
      if let objection = encoding.objectionToBlocks(at: ending) {
        throw ParameterError("blocksize", "\(objection); leave blocksize out, or convert the files to UTF-8")
      }
      _ = try encoding.bytes(of: ending, parameter: "delimiter")
    }
  }

  private static func blocks(of piece: TextPiece, _ blocksize: Int) throws -> [TextPiece] {
    guard piece.compression == .none else {
      throw ParameterError(
        "blocksize",
        "\(piece.file.path) is compressed and can only be read from its beginning; leave blocksize out, "
          + "or unpack it")
    }
    return piece.file.byteCount > 0 ? piece.blocks(of: blocksize) : []
  }

  private static func label(of pieces: [TextPiece]) -> String {
    pieces.count == 1 ? pieces[0].label : "\(pieces[0].file.name)..\(pieces[pieces.count - 1].file.name)"
  }

  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), !path.isEmpty else { return path }
    if path.hasPrefix("~/"), let home = getenv("HOME") { return String(cString: home) + path.dropFirst() }
    guard let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return String(cString: folder) + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
  }

  /// What tells a partition's lines from all others: its files as they are, its block and the format.
  public func identity(of partition: Partition) -> [IdentityPart] {
    [.text(name: "format", value: format.identity)] + pieces[partition.index].flatMap(\.identity)
  }

  /// Bytes that a partition's text takes in memory, as far as one can tell without reading it.
  ///
  /// Compressed files are taken to hold four times their size.
  public func expectedByteCount(of partition: Partition) -> Int {
    pieces[partition.index].reduce(0) { $0 + $1.byteCount * ($1.compression == .none ? 1 : 4) }
  }

  /// A reader of the partition's lines as bytes or in batches.
  ///
  /// - Parameters:
  ///   - partition: one of `partitions`.
  ///   - context: asked now and then whether to go on.
  ///   - longestLine: bytes of UTF-8 that a line may have, without its end.
  public func lineReader(
    _ partition: Partition, context: any TaskContext, longestLine: Int = TextLineReader.longestLine
  ) -> TextLineReader {
    TextLineReader(
      pieces[partition.index], format: format, encoding: encoding, longest: longestLine, context: context)
  }

  /// What gives the partition's lines, some thousands or about 256 KB at a time, then `nil`.
  ///
  /// What it gives throws as `TextLineReader.next()`. Nothing is opened before its first call.
  public func makeReader(
    _ partition: Partition, context: any TaskContext, longestLine: Int = TextLineReader.longestLine
  ) -> () throws -> ContiguousArray<String>? {
    let reader = lineReader(partition, context: context, longestLine: longestLine)
    return { try reader.nextBatch() }
  }

  /// As `makeReader`, each line with the path of its file: Dask's `include_path`.
  public func makePathReader(
    _ partition: Partition, context: any TaskContext, longestLine: Int = TextLineReader.longestLine
  ) -> () throws -> ContiguousArray<TextLine>? {
    let reader = lineReader(partition, context: context, longestLine: longestLine)
    return {
      guard let lines = try reader.nextBatch() else { return nil }
      return ContiguousArray(lines.lazy.map { TextLine($0, path: reader.path) })
    }
  }
}
