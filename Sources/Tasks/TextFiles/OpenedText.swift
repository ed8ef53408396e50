import Graph

/// A piece that was opened: its text, from the first byte of its first line to the end of its last.
struct OpenedText {
  let source: any TextByteSource
  /// Whether the source gives the file's own bytes as UTF-8 that nobody checked.
  let isChecked: Bool
  /// Where the source's bytes begin in the text.
  let offset: Int
  let isFromBeginning: Bool
  let isUnpacked: Bool
  /// Bytes of the file that hold the lines.
  let byteCount: Int

  /// - Throws: `TaskError` for a file that cannot be read or has changed since it was planned with.
  init(
    _ piece: TextPiece, format: TextFileFormat, encoding: TextEncoding, context: any TaskContext
  ) throws {
    let path = piece.file.path
    let file = try InputFile(piece.file)
    var plain: any TextByteSource
    let mark: (length: Int, isBig: Bool)
    switch piece.compression {
    case .gzip, .zstd:
      let packed = FileRangeSource(file, 0..<piece.file.byteCount)
      let unpacked: any TextByteSource =
        piece.compression == .gzip
        ? try GzipSource(packed, path: path) : try ZstdSource(packed, path: path)
      let looked = try PrefixedSource(unpacked)
      mark = looked.takeMark(of: encoding)
      plain = looked
      offset = mark.length
      isUnpacked = true
      byteCount = piece.byteCount
      isFromBeginning = true
    case .none, .infer:
      mark = try OpenedText.mark(of: file, encoding)
      var range = mark.length..<max(piece.file.byteCount, mark.length)
      if let block = piece.block {
        let ending = format.blockEnding
        let borders = BlockBorders(
          ending: try encoding.bytes(of: ending, isBig: mark.isBig, parameter: "delimiter"), unit: encoding.unit,
          from: mark.length)
        range = try borders.lines(of: block, in: file, context: context)
      }
      plain = FileRangeSource(file, range)
      offset = range.lowerBound
      isUnpacked = false
      byteCount = range.count
      isFromBeginning = range.lowerBound == mark.length
    }
    if encoding.isUTF8 {
      isChecked = format.errors == .strict
      source = isChecked ? plain : UTF8RepairSource(plain, replaces: format.errors == .replace)
    } else {
      isChecked = false
      source = try TranscodingSource(
        plain, encoding: encoding, isBig: mark.isBig, errors: format.errors, offset: offset)
    }
  }

  private static func mark(of file: borrowing InputFile, _ encoding: TextEncoding) throws -> (
    length: Int, isBig: Bool
  ) {
    var head: UInt32 = 0
    return try withUnsafeMutableBytes(of: &head) { head in
      let count = try file.read(at: 0, into: head.baseAddress!, most: 4)
      return encoding.mark(in: UnsafeRawBufferPointer(rebasing: head.prefix(count)))
    }
  }
}

extension TextFileFormat {
  /// What blocks are cut behind. Universal ones are cut behind `\n` only, so that no `\r\n` is torn, as Dask does.
  var blockEnding: String { delimiter.flatMap { $0.isEmpty ? nil : $0 } ?? "\n" }
}
