import Graph

/// A CSV file, or a part of one, that was opened: its text from the first byte that counts.
struct CSVSource {
  let source: any TextByteSource
  /// Where the source's bytes begin in the text.
  let offset: Int

  /// The text from its beginning, a byte order mark left out.
  ///
  /// - Throws: `TaskError` for a file that cannot be read, has changed since it was planned with, or is UTF-16.
  init(_ file: FileIdentity, _ compression: TextFileFormat.Compression) throws {
    let opened = try InputFile(file)
    let packed = FileRangeSource(opened, 0..<file.byteCount)
    let plain: any TextByteSource
    switch compression {
    case .gzip: plain = try GzipSource(packed, path: file.path)
    case .zstd: plain = try ZstdSource(packed, path: file.path)
    case .none, .infer: plain = packed
    }
    let looked = try PrefixedSource(plain)
    let mark = looked.takeMark(of: try TextEncoding("utf-8-sig"))
    source = looked
    offset = mark.length
  }

  /// The bytes of a file that is not packed.
  init(_ file: consuming InputFile, _ range: Range<Int>) {
    source = FileRangeSource(file, range)
    offset = range.lowerBound
  }
}

/// The beginning of a CSV file: its header, and some records.
struct CSVHead {
  /// As the header has them; `column0`, `column1`, … without one, and for those without a name.
  let names: [String]
  /// Where the first record begins in the text.
  let start: Int
  /// The records that were looked at.
  let sample: [[(text: [UInt8], isQuoted: Bool)]]
  /// Bytes that these records take in the text.
  let sampleByteCount: Int

  /// - Parameters:
  ///   - most: bytes of text to look at, at least; more where the header is longer.
  /// - Throws: `TaskError` with code `.badInput` or `.badRecord` for an empty file, or a header that is none.
  init(
    _ file: FileIdentity, _ compression: TextFileFormat.Compression, _ format: CSVFormat, names given: [String]?,
    most: Int
  ) throws {
    let opened = try CSVSource(file, compression)
    var text: [UInt8] = []
    var isFinal = false
    func more(_ count: Int) throws {
      while text.count < count, !isFinal {
        let got = try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 64) { place in
          let got = try opened.source.read(into: place.baseAddress!, most: place.count)
          text.append(contentsOf: UnsafeRawBufferPointer(rebasing: place[..<got]))
          return got
        }
        isFinal = got == 0
      }
    }
    try more(most)
    var at = 0
    for _ in 0..<format.skippedLines {
      while true {
        if let end = text[at...].firstIndex(of: CSVFormat.newline) {
          at = end + 1
          break
        }
        guard !isFinal else {
          throw TaskError(.badInput, "the file has fewer lines than skip_lines passes over", file: file.path)
        }
        try more(text.count * 2)
      }
    }
    // Empty lines mean nothing, in front of the header as anywhere.
    while format.hasHeader {
      if text.count - at < 2 { try more(text.count + 2) }
      guard at < text.count else { break }
      if text[at] == CSVFormat.newline {
        at += 1
      } else if text[at] == CSVFormat.carriageReturn, at + 1 < text.count, text[at + 1] == CSVFormat.newline {
        at += 2
      } else {
        break
      }
    }
    let scan = CSVScan(format)
    func record(_ place: Int) throws -> (fields: [(text: [UInt8], isQuoted: Bool)], following: Int)? {
      var padded = text
      padded.append(CSVFormat.newline)
      padded.append(contentsOf: repeatElement(0, count: 31))
      return try padded.withUnsafeBufferPointer { bytes in
        let end = bytes.baseAddress! + text.count
        return try scan.record(from: bytes.baseAddress! + place, end: end, isFinal: isFinal)
          .map { ($0.fields, $0.following - bytes.baseAddress!) }
      }
    }
    guard at < text.count else {
      throw TaskError(
        .badInput,
        format.hasHeader
          ? "the file is empty: it has no header; take it out of files"
          : "the file is empty; "
            + "take it out of files", file: file.path)
    }
    var header: [String]?
    if format.hasHeader {
      while true {
        do {
          if let (fields, following) = try record(at) {
            header = fields.map { String(decoding: $0.text, as: UTF8.self) }
            at = following
            break
          }
        } catch let problem as CSVProblem {
          throw TaskError(.badRecord, "\(problem.why)", file: file.path, record: "the header")
        }
        try more(text.count * 2)
      }
    }
    start = at + opened.offset
    // The sample, copied once.
    var padded = text
    padded.append(CSVFormat.newline)
    padded.append(contentsOf: repeatElement(0, count: 31))
    var sample: [[(text: [UInt8], isQuoted: Bool)]] = []
    var first = header?.count ?? given?.count
    var place = at
    padded.withUnsafeBufferPointer { bytes in
      let end = bytes.baseAddress! + text.count
      while place < text.count {
        // Records that cannot be read are reported when they are; here they only say nothing.
        guard let found = try? scan.record(from: bytes.baseAddress! + place, end: end, isFinal: isFinal) else { break }
        place = found.following - bytes.baseAddress!
        // An empty line is no record, and says nothing where it is one.
        if found.fields.count == 1, found.fields[0].text.isEmpty, !found.fields[0].isQuoted { continue }
        if first == nil { first = found.fields.count }
        if found.fields.count == first { sample.append(found.fields) }
      }
    }
    self.sample = sample
    sampleByteCount = place - at
    let count = first ?? 0
    if let given, let header, given.count != header.count {
      throw TaskError(
        .badInput, "the header has \(header.count) fields, and names \(given.count); give as many", file: file.path)
    }
    names =
      given
      ?? (0..<count).map { index in
        header.map { $0[index] }.flatMap { $0.isEmpty ? nil : $0 } ?? "column\(index)"
      }
    if let twice = names.firstRepeated {
      throw TaskError(
        .badInput,
        "the header has \"\(twice)\" twice; give the columns other names: names: [\(names.indices.map { "c\($0)" }.prefix(3).joined(separator: ", ")), …]",
        file: file.path)
    }
  }
}
