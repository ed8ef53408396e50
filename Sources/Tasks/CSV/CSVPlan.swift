import Graph

/// Which records of which files make up which partition, and what columns they have; settled before anything is read.
struct CSVPlan: Sendable {
  let format: CSVFormat
  let partitions: Partitions
  /// The columns of the table.
  let columns: [(name: String, type: ColumnType)]
  private let pieces: [TextPiece]
  /// As the first file has them: what the others must have.
  private let allNames: [String]
  private let isChosen: Bool
  private let names: [String]?
  /// Of the records looked at: bytes each, and bytes of text in string columns.
  private let recordByteCount: Double
  private let textByteCount: Double

  /// Files that are looked at to learn the types, and bytes of text in each.
  private static let mostSampled = 8
  private static let sampleByteCount = 1 << 20

  /// - Parameters:
  ///   - blocksize: of a partition, in bytes; `nil` for whole files.
  ///   - chosen: the columns to read, in their order; all if `nil`.
  ///   - types: by column; the others' are learnt from the first records.
  /// - Throws: `ParameterError` where there is nothing to read, or a name is none of the columns'.
  init(
    files: [String], format: CSVFormat, compression: TextFileFormat.Compression, blocksize: Int?, names: [String]?,
    chosen: [String]?, types: [String: ColumnType]
  ) throws {
    self.format = format
    self.names = names
    isChosen = chosen != nil
    let listed = try FileListing.partitions(of: files).compactMap(\.file)
    let whole = try listed.map {
      TextPiece(file: $0, compression: try compression.resolved(for: $0.path, parameter: "compression"), block: nil)
    }
    pieces = whole.flatMap { $0.cut(into: blocksize) }
    partitions = Partitions(TextPiece.partitions(of: pieces))

    // Files that hold nothing are reported when they are read.
    let candidates = whole.filter { $0.file.byteCount > 0 }
    let sampled = candidates.isEmpty ? [whole[0]] : candidates.spread(most: CSVPlan.mostSampled)
    let heads = try sampled.map { piece in
      do {
        return try CSVHead(
          piece.file, piece.compression, format, names: names, most: CSVPlan.sampleByteCount / sampled.count)
      } catch let error as TaskError {
        throw ParameterError("files", error.description)
      }
    }
    allNames = heads[0].names
    let wanted = chosen ?? allNames
    if let name = wanted.first(where: { !heads[0].names.containsBytes(of: $0) }) {
      throw ParameterError("columns", CSVPlan.missing(name, among: heads[0].names, in: sampled[0].file))
    }
    if let name = types.keys.sorted().first(where: { !heads[0].names.containsBytes(of: $0) }) {
      throw ParameterError("types", CSVPlan.missing(name, among: heads[0].names, in: sampled[0].file))
    }
    var (records, bytes, text) = (0, 0, 0)
    columns = wanted.map { name in
      if let type = types[name] { return (name, type) }
      var guess = CSVTypeGuess()
      for head in heads {
        guard let place = head.names.firstIndex(where: { ByteText($0) == ByteText(name) }) else { continue }
        for record in head.sample where place < record.count {
          guess.see(record[place].text, isQuoted: record[place].isQuoted, nulls: format.nulls)
        }
      }
      return (name, guess.type)
    }
    for head in heads {
      records += head.sample.count
      bytes += head.sampleByteCount
      for (name, type) in columns where type == .utf8 {
        guard let place = head.names.firstIndex(where: { ByteText($0) == ByteText(name) }) else { continue }
        text += head.sample.reduce(0) { $0 + (place < $1.count ? $1[place].text.count : 0) }
      }
    }
    recordByteCount = records == 0 ? 32 : max(Double(bytes) / Double(records), 1)
    textByteCount = records == 0 ? 0 : Double(text) / Double(records)
  }

  private static func missing(_ name: String, among names: [String], in file: FileIdentity) -> String {
    let near = nearestName(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
    return "there is no column \"\(name)\" in \(file.path)\(near) (there are \(names.joined(separator: ", ")))"
  }

  /// What tells a partition's records from all others.
  func identity(of partition: Partition) -> [IdentityPart] {
    [
      .text(name: "format", value: format.identity),
      .text(
        name: "columns", value: columns.map { "\(jsonQuoted($0.name)): \($0.type)" }.joined(separator: ", ")),
    ] + pieces[partition.index].identity
  }

  private func expectedRows(_ piece: TextPiece) -> Int {
    let bytes = piece.byteCount * (piece.compression == .none ? 1 : 4)
    return Int(Double(bytes) / recordByteCount * 1.02) + 16
  }

  /// Bytes that a partition's table takes, as far as its first records tell.
  func expectedByteCount(of partition: Partition) -> Int {
    let width = columns.reduce(0) { $0 + CSVKind($1.type).width }
    return expectedRows(pieces[partition.index]) * (width + Int(textByteCount)) + 16_384
  }

  /// The table of a partition.
  ///
  /// - Throws: `TaskError` for a file that cannot be read, has other columns, or a record that cannot be used.
  func read(_ partition: Partition, onError: OnError, context: any TaskContext) throws -> Table {
    let piece = pieces[partition.index]
    let head = try CSVHead(piece.file, piece.compression, format, names: names, most: 16 << 10)
    let fields = try fields(of: head, in: piece.file)
    let problems = RecordProblems(file: piece.file, onError: onError, context: context)
    let opened: CSVSource
    var (isCut, isProven) = (false, true)
    if piece.compression == .none {
      let file = try InputFile(piece.file)
      var range = head.start..<max(piece.file.byteCount, head.start)
      if let block = piece.block {
        (range, isProven) = try CSVBorders(format: format, from: head.start).records(
          of: block, in: file, context: context)
      }
      isCut = range.upperBound < piece.file.byteCount
      opened = CSVSource(file, range)
    } else {
      opened = try CSVSource(piece.file, piece.compression)
    }
    let lines = CSVLineCounter { try CSVSource(piece.file, piece.compression) }
    var reader = CSVTableReader(
      format: format, fields: fields, types: columns.map(\.type), source: opened.source,
      offset: opened.offset, skipped: max(head.start - opened.offset, 0), isCut: isCut,
      expectedRows: expectedRows(piece), lines: lines, problems: problems)
    do {
      return Table(names: columns.map(\.name), columns: try reader.read(), count: reader.rowCount)
    } catch let error as TaskError where error.code == .badRecord && !isProven {
      throw TaskError(
        .badRecord, error.message + " (or this is no record: " + CSVBorders.unproven + ")", file: error.file,
        record: error.record, cause: error.cause)
    }
  }

  /// What becomes of each field of a file.
  private func fields(of head: CSVHead, in file: FileIdentity) throws -> [CSVFieldPlan] {
    let places = Dictionary(uniqueKeysWithValues: columns.enumerated().map { (ByteText($1.name), $0) })
    for (name, _) in columns where !head.names.containsBytes(of: name) {
      throw TaskError(
        .missingColumn,
        CSVPlan.missing(name, among: head.names, in: file) + "; leave it out of columns, or the file out",
        file: file.path)
    }
    if !isChosen, let name = head.names.first(where: { !allNames.containsBytes(of: $0) }) {
      throw TaskError(
        .badInput,
        "the file has a column \"\(name)\", which the first file has not; name the columns to read: columns: "
          + "[\(allNames.prefix(4).joined(separator: ", "))\(allNames.count > 4 ? ", …" : "")]", file: file.path)
    }
    return head.names.map { name in
      let place = places[ByteText(name)]
      return CSVFieldPlan(column: place, type: place.map { columns[$0].type } ?? .utf8, name: name)
    }
  }
}
