import CSimdJSON
import Graph

/// Which lines of which files make up which partition, and what columns their records have; settled before anything is
/// read.
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
  /// How far a block's first whole line is looked for.
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
    for index in sampled {
      do {
        try learner.look(
          at: blocks.pieces[index], ofFile: blocks.fileNumbers[index],
          most: JSONLinesPlan.sampleByteCount / sampled.count,
          mostOfLine: JSONLinesPlan.mostOfLine)
      } catch let error as TaskError {
        throw ParameterError("files", error.description)
      }
    }
    let names = chosen ?? learner.fields.map(\.name) + types.keys.sorted().filter { learner[$0] == nil }
    if learner.recordCount == 0, learner.hasLongLine, chosen == nil || names.contains(where: { types[$0] == nil }) {
      throw ParameterError(
        "columns",
        "no line of \(blocks.pieces[sampled[0]].file.path) ends within \(ByteCount(JSONLinesPlan.mostOfLine)), so that nothing "
          + "is learnt from its records; name the columns with columns, and the type of each with types")
    }
    columns = names.map { name in
      if let type = types[name] { return JSONColumn(name: name, type: type, origin: .given) }
      guard let found = learner[name]?.type else { return JSONColumn(name: name, type: .string, origin: .nowhere) }
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
        try report(problem.why { try place(of: $0, from: fileNumber, context: context) })
      }
    }
    if isEmpty, try lines.isOfBlankFile() { try problems.reportEmpty() }
    return try table.finish()
  }

  /// A line that a column has its type from, in words.
  private func place(
    of line: (file: Int, offset: Int), from fileNumber: Int, context: any TaskContext
  ) throws -> String {
    let number = try lineNumbers[line.file].linesBefore(line.offset, context: context) + 1
    let file = blocks.pieces[blocks.blocks[line.file].lowerBound].file
    return "line \(number)" + (line.file == fileNumber ? "" : " of \(file.path)")
  }
}

/// Finds out which fields records have.
private struct Learner {
  /// In the order of first appearance.
  private(set) var fields: [Field] = []
  private(set) var recordCount = 0
  private(set) var byteCount = 0
  private(set) var textByteCount = 0
  /// Whether a line was too long to be looked at.
  private(set) var hasLongLine = false

  struct Field {
    let name: String
    fileprivate let nameBytes: [UInt8]
    /// By type: how many records have it, and where the first of them begins.
    fileprivate var seen: [JSONType: (count: Int, file: Int, offset: Int)] = [:]

    /// What most records have; of whole numbers and others, numbers; `nil` where there was nothing but null.
    var type: (type: JSONType, file: Int, offset: Int)? {
      var counts = seen
      if let numbers = counts[.float64], let whole = counts.removeValue(forKey: .int64) {
        counts[.float64] = (numbers.count + whole.count, numbers.file, numbers.offset)
      }
      let most = counts.max { ($0.value.count, $1.key.rawValue) < ($1.value.count, $0.key.rawValue) }
      return most.map { ($0.key, $0.value.file, $0.value.offset) }
    }
  }

  subscript(name: String) -> Field? { fields.first { ByteText($0.name) == ByteText(name) } }

  /// Looks at the records at the beginning of a file or block.
  ///
  /// - Parameters:
  ///   - fileNumber: of the piece's file.
  ///   - most: bytes; where no whole line is in them, up to `mostOfLine`.
  mutating func look(at piece: TextPiece, ofFile fileNumber: Int, most: Int, mostOfLine: Int) throws {
    let file = try InputFile(piece.file)
    let start = piece.block?.lowerBound ?? 0
    let first = start == 0 ? try file.markLength() : start
    var bytes: [UInt8] = []
    var wanted = most
    // From the first line that begins here to where the last ends: what the sample cuts off is no record.
    var lines = 0..<0
    while true {
      let range = first..<min(first + wanted, piece.file.byteCount)
      bytes = []
      bytes = [UInt8](repeating: 0, count: range.count + Int(SJ_PADDING))
      try bytes.withUnsafeMutableBytes { try file.read(range, into: $0.baseAddress!) }
      let text = bytes[..<range.count]
      let isAll = range.upperBound == piece.file.byteCount
      let from = start == 0 ? 0 : text.firstIndex(of: 0x0A).map { $0 + 1 } ?? text.count
      lines = from..<max(from, isAll ? text.count : text.lastIndex(of: 0x0A) ?? 0)
      if !lines.isEmpty || isAll { break }
      guard wanted < mostOfLine else {
        hasLongLine = true
        return
      }
      wanted = min(wanted * 2, mostOfLine)
    }
    let reader = try RecordReader()
    var record = sj_fields()
    try bytes.withUnsafeBufferPointer { bytes in
      var place = lines.lowerBound
      while place < lines.upperBound {
        let end = bytes[place..<lines.upperBound].firstIndex(of: 0x0A) ?? lines.upperBound
        let line = UnsafeBufferPointer(rebasing: bytes[place..<end])
        // Records that cannot be read are reported when they are; here they only say nothing.
        if sj_line_fields(reader.pointer, line.baseAddress, line.count, &record) == SJ_RECORD {
          note(
            UnsafeBufferPointer(start: record.fields, count: record.field_count), file: fileNumber,
            offset: first + place)
          byteCount += line.count + 1
        } else {
          try reader.checkMemory()
        }
        place = end + 1
      }
    }
  }

  private mutating func note(_ record: UnsafeBufferPointer<sj_field>, file: Int, offset: Int) {
    let known = fields.count
    var places: [Int] = []
    for field in record {
      // Records mostly have the same fields in the same order.
      var place = (places.last ?? -1) + 1
      if place >= fields.count || !fields[place].nameBytes.elementsEqual(field.name.buffer) {
        place = fields.firstIndex { $0.nameBytes.elementsEqual(field.name.buffer) } ?? fields.count
      }
      if place == fields.count {
        let name = Array(field.name.buffer)
        fields.append(Field(name: String(decoding: name, as: UTF8.self), nameBytes: name))
      }
      if places.contains(place) {
        // A record that has a field twice is refused, too.
        fields.removeSubrange(known...)
        return
      }
      places.append(place)
    }
    recordCount += 1
    for (field, place) in zip(record, places) {
      guard let type = JSONType(field.kind) else { continue }
      textByteCount += field.text.count
      for item in 0..<field.item_count { textByteCount += field.items[item].count + 4 }
      fields[place].seen[type, default: (0, file, offset)].count += 1
    }
  }
}
