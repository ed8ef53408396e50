import CSimdJSON
import Graph

/// Which lines of which files make up which partition, and what columns their records have; settled before anything is read.
struct JSONLinesPlan: Sendable {
  let blocks: FileBlocks
  /// By file.
  private let lineNumbers: [LineNumbers]
  let columns: [JSONColumn]
  private let isChosen: Bool
  /// Of the records looked at, for each of their bytes: bytes of text, and records.
  private let textShare: Double
  private let recordShare: Double

  /// Blocks that are looked at to learn the columns, and bytes of text in all of them.
  private static let mostSampled = 8
  private static let sampleByteCount = 2 << 20
  /// How far the first line's end is looked for.
  private static let mostOfLine = 4 << 20

  /// - Parameters:
  ///   - chosen: the columns to read, in their order; those of the records at the beginning of some of the blocks, in the
  ///     order of first appearance, if `nil`.
  ///   - types: by column; the others' are learnt from these records.
  /// - Throws: `ParameterError` for a file that cannot be read.
  init(_ blocks: FileBlocks, chosen: [String]?, types: [String: JSONType]) throws {
    self.blocks = blocks
    lineNumbers = blocks.blocks.map { LineNumbers(blocks.pieces[$0.lowerBound].file) }
    isChosen = chosen != nil
    var learner = Learner()
    // Files that hold nothing are reported when they are read.
    let candidates = blocks.pieces.indices.filter { blocks.pieces[$0].byteCount > 0 }
    let sampled = candidates.spread(most: JSONLinesPlan.mostSampled)
    for (number, index) in sampled.enumerated() {
      do {
        try learner.look(
          at: blocks.pieces[index], ofFile: blocks.fileNumbers[index],
          most: JSONLinesPlan.sampleByteCount / sampled.count,
          mostOfLine: number == 0 ? JSONLinesPlan.mostOfLine : 0)
      } catch let error as TaskError {
        throw ParameterError("files", error.description)
      }
    }
    let added = types.keys.sorted().filter { !learner.names.containsBytes(of: $0) }
    columns = (chosen ?? learner.names + added).map { name in
      if let type = types[name] { return JSONColumn(name: name, type: type, origin: .given) }
      guard let found = learner.types[ByteText(name)] else {
        return JSONColumn(name: name, type: .string, origin: .nulls)
      }
      return JSONColumn(name: name, type: found.type, origin: .line(file: found.file, offset: found.offset))
    }
    textShare = Double(learner.textByteCount) / Double(max(learner.byteCount, 1))
    recordShare = Double(learner.recordCount) / Double(max(learner.byteCount, 1))
  }

  /// What tells a partition's records from all others.
  func identity(of partition: Partition) -> [IdentityPart] {
    [.text(name: "columns", value: columns.map { "\(jsonQuoted($0.name)): \($0.type)" }.joined(separator: ", "))]
      + blocks.identity(of: partition)
  }

  /// Bytes that a partition's table takes, as far as the records looked at tell.
  func expectedByteCount(of partition: Partition) -> Int {
    let bytes = Double(blocks.piece(of: partition).byteCount)
    let width = Double(columns.reduce(0) { $0 + $1.type.width })
    // Lists of tokens take 4 bytes of offset where the file has three of quotes and comma.
    return Int(max(bytes * 1.25, bytes * (textShare + recordShare * width) * 1.1)) + 16_384
  }

  /// The table of a partition.
  ///
  /// - Throws: `TaskError` for a file that cannot be read, or a record that cannot be used.
  func read(_ partition: Partition, onError: OnError, context: any TaskContext) throws -> Table {
    let piece = blocks.piece(of: partition)
    let problems = RecordProblems(file: piece.file, onError: onError, context: context)
    let fileNumber = blocks.fileNumbers[partition.index]
    var lines = try LineReader(
      piece, numbers: lineNumbers[fileNumber], foreseen: expectedByteCount(of: partition), context: context)
    let reader = try RecordReader()
    var record = sj_fields()
    var table = JSONColumnsBuilder(columns, isChosen: isChosen)
    var isEmpty = true
    while let line = try lines.next() {
      if lines.lineNumber % 1024 == 0 { try context.checkCancellation() }
      if JSONScan.isBlank(line) { continue }
      isEmpty = false
      func report(_ why: String, cause: String? = nil) throws {
        try problems.report(record: "line \(lines.numberInFile(lines.lineNumber))", why, cause: cause) {
          String(decoding: line, as: UTF8.self)
        }
      }
      guard sj_line_fields(reader.pointer, line.baseAddress, line.count, &record) == SJ_RECORD else {
        try reader.checkMemory()
        var why = reader.failure.why(of: "the line")
        if reader.failure.kind == SJ_INVALID_UTF8, let place = firstInvalidUTF8(line) {
          why += " from its byte \(place + 1) on"
        }
        try report(why, cause: String(cString: reader.failure.message))
        continue
      }
      if let problem = try table.append(UnsafeBufferPointer(start: record.fields, count: record.field_count)) {
        try report(
          problem.why + (problem.column.map { try place(of: columns[$0], from: fileNumber, context: context) } ?? ""))
      }
    }
    if isEmpty, try lines.isOfBlankFile() { try problems.reportEmpty() }
    return try table.finish()
  }

  /// Where a column's type comes from, in words.
  private func place(of column: JSONColumn, from fileNumber: Int, context: any TaskContext) throws -> String {
    guard case .line(let file, let offset) = column.origin else { return "" }
    let line = try lineNumbers[file].linesBefore(offset, context: context) + 1
    return " in line \(line)"
      + (file == fileNumber ? "" : " of \(blocks.pieces[blocks.blocks[file].lowerBound].file.path)")
  }
}

/// Finds out which fields records have.
private struct Learner {
  /// In the order of first appearance.
  private(set) var names: [String] = []
  private var known: Set<ByteText> = []
  private(set) var types: [ByteText: (type: JSONType, file: Int, offset: Int)] = [:]
  private(set) var recordCount = 0
  private(set) var byteCount = 0
  private(set) var textByteCount = 0

  /// Looks at the records at the beginning of a file or block.
  ///
  /// - Parameters:
  ///   - fileNumber: of the piece's file.
  ///   - most: bytes.
  ///   - mostOfLine: bytes, if no line ends before.
  mutating func look(at piece: TextPiece, ofFile fileNumber: Int, most: Int, mostOfLine: Int) throws {
    let file = try InputFile(piece.file)
    let start = piece.block?.lowerBound ?? 0
    let first = start == 0 ? try file.markLength() : start
    var bytes: [UInt8] = []
    var (wanted, stop) = (most, 0)
    while true {
      let range = first..<min(first + wanted, piece.file.byteCount)
      bytes = [UInt8](repeating: 0, count: range.count + Int(SJ_PADDING))
      try bytes.withUnsafeMutableBytes { try file.read(range, into: $0.baseAddress!) }
      // What the sample cuts off is no record.
      stop = range.upperBound == piece.file.byteCount ? range.count : bytes[..<range.count].lastIndex(of: 0x0A) ?? 0
      if stop > 0 || wanted >= mostOfLine { break }
      wanted = min(wanted * 2, mostOfLine)
    }
    let reader = try RecordReader()
    var record = sj_fields()
    try bytes.withUnsafeBufferPointer { bytes in
      // The line across the block's beginning is the block's before.
      var place = start == 0 ? 0 : bytes[..<stop].firstIndex(of: 0x0A).map { $0 + 1 } ?? stop
      while place < stop {
        let end = bytes[place..<stop].firstIndex(of: 0x0A) ?? stop
        let line = UnsafeBufferPointer(rebasing: bytes[place..<end])
        // Records that cannot be read are reported when they are; here they only say nothing.
        if sj_line_fields(reader.pointer, line.baseAddress, line.count, &record) == SJ_RECORD {
          note(
            UnsafeBufferPointer(start: record.fields, count: record.field_count), file: fileNumber,
            offset: first + place)
          recordCount += 1
          byteCount += line.count + 1
        } else {
          try reader.checkMemory()
        }
        place = end + 1
      }
    }
  }

  private mutating func note(_ fields: UnsafeBufferPointer<sj_field>, file: Int, offset: Int) {
    for field in fields {
      let name = String(decoding: field.name.buffer, as: UTF8.self)
      if known.insert(ByteText(name)).inserted { names.append(name) }
      guard let type = JSONType(field.kind) else { continue }
      textByteCount += field.text.count
      for index in 0..<field.item_count { textByteCount += field.items[index].count + 4 }
      if let found = types[ByteText(name)] {
        // Whole numbers become numbers when a fraction turns up; other contradictions are reported when they are read.
        if type.holds(found.type) { types[ByteText(name)]?.type = type }
      } else {
        types[ByteText(name)] = (type, file, offset)
      }
    }
  }
}
