import CSimdJSON
import Graph

// A file that is one object of papers.
//
// A file that is cut into blocks is read as one object a block: its records between braces (see KeyedBorders.swift).
//
// Good files take one pass. A file that simdjson refuses is walked again by `JSONScan`, which finds the record to
// blame. With on_error: skip it is then mended in memory and parsed anew: records with bytes that are no UTF-8 are
// overwritten with null, so that the parser takes the rest; an end that is missing is put behind the last complete
// record. A break in the grammar in the middle cannot be mended: what comes before it is kept, the rest is set
// aside as one.

extension ArxivRead {
  func readKeyed(
    _ partition: Partition, into papers: inout ArxivColumns, problems: RecordProblems, context: any TaskContext
  ) throws {
    let piece = files.blocks.piece(of: partition)
    guard piece.block != nil else {
      return try readObject(
        FileBytes(piece.file, context: context), of: "file", into: &papers, problems: problems, context: context)
    }
    switch try files.records(of: partition, context: context) {
    case .records(let block):
      guard !block.range.isEmpty else { return }
      try reserve(for: block, of: piece, beyond: estimate(partition), context: context)
      try readBlock(block, of: piece, into: &papers, problems: problems, context: context)
    case .blank: if partition.block?.number == 0 { try problems.reportEmpty() }
    case .noObject: if partition.block?.number == 0 { try reportNoObject(problems) }
    }
  }

  private func readBlock(
    _ block: KeyedBorders.Block, of piece: TextPiece, into papers: inout ArxivColumns, problems: RecordProblems,
    context: any TaskContext
  ) throws {
    let (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
    if let last = block.last {
      // Else it would lie in memory beside all records before it.
      try readObject(
        FileBytes(
          piece.file, block.range.lowerBound..<last.before, opening: block.opens ? nil : open, closing: close,
          context: context),
        of: "block", into: &papers, problems: problems, context: context)
    }
    try readObject(
      FileBytes(
        piece.file, block.last?.range ?? block.range, opening: block.opens && block.last == nil ? nil : open,
        closing: block.closes ? nil : close, context: context),
      of: "block", into: &papers, problems: problems, context: context)
  }

  /// Sees to it that a block with large records finds the memory it takes beyond the estimate.
  private func reserve(
    for block: KeyedBorders.Block, of piece: TextPiece, beyond estimate: MemoryEstimate, context: any TaskContext
  ) throws {
    // What lies in memory as text at once, with the parser's index of ordinary records; and what the table takes of it at
    // the most.
    let text =
      block.last.map { max(($0.before - block.range.lowerBound) * 13 / 10, $0.range.count) }
      ?? block.range.count * 13 / 10
    var more = max(text - piece.byteCount * 13 / 10, 0) + max(block.range.count - estimate.output, 0)
    // All of a large record's strings, and what the parser notes of it.
    let file = try InputFile(piece.file)
    more +=
      try [block.largest, block.last?.range ?? 0..<0].filter { $0.count >= JSONWeight.leastCounted }
      .map { try JSONWeight(of: $0, in: file, context: context).parserByteCount }.max() ?? 0
    guard more > JSONWeight.leastCounted else { return }
    try context.reserve(
      more: more,
      for: TaskError(
        .tooLarge,
        "the record takes \(ByteCount(block.largest.count)) of the file, unless a quote or bracket in it is never closed",
        file: piece.file.path,
        record: try ArxivRead.key(at: block.largest.lowerBound, in: file)))
  }

  /// The key whose opening quote stands there.
  private static func key(at place: Int, in file: borrowing InputFile) throws -> String {
    let range = place..<min(place + 1024, file.identity.byteCount)
    return try withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 16) { memory in
      try file.read(range, into: memory.baseAddress!)
      let scan = JSONScan(UnsafeBufferPointer(rebasing: memory.bindMemory(to: UInt8.self)[..<range.count]))
      return scan.text(1..<((scan.endOfString(0) ?? range.count + 1) - 1))
    }
  }

  private func reportNoObject(_ problems: RecordProblems) throws {
    try problems.report(
      record: "whole file", "the file is no object of papers keyed by id", code: .badInput, text: { nil })
  }

  /// - Parameters:
  ///   - document: the file, or the object that was made of a part of it.
  ///   - scope: what it is, for messages.
  ///   - papers: where the records go.
  ///   - problems: where those go that cannot be used.
  ///   - context: asked now and then whether to go on.
  private func readObject(
    _ document: consuming FileBytes, of scope: String, into papers: inout ArxivColumns, problems: RecordProblems,
    context: any TaskContext
  ) throws {
    guard !JSONScan.isBlank(document.bytes) else { return try problems.reportEmpty() }
    let reader = try RecordReader()
    let wanted = ArxivColumn.wanted(columns)
    let overwritten = try begin(reader, &document, of: scope, wanted: wanted, problems: problems)
    guard let overwritten else { return }

    var paper = sj_paper()
    var number = 0
    while true {
      number += 1
      if number % 1024 == 0 { try context.checkCancellation() }
      switch sj_keyed_next(reader.pointer, &paper) {
      case SJ_END: return
      case SJ_RECORD:
        if paper.problem == SJ_FINE {
          try papers.append(keyed: paper)
        } else if !overwritten.contains(paper.offset) {
          let ofScope = scope == "file" ? "" : " of those from byte \(max(document.offset, 0) + 1) on"
          try problems.report(record: paper.id.count > 0 ? paper.id.string : "number \(number)\(ofScope)", paper.why) {
            let scan = JSONScan(document.bytes)
            return scan.endOfValue(paper.offset).map { scan.text(paper.offset..<$0) }
          }
        }
      default:
        try reader.checkMemory()
        return try reportBreak(reader.failure, document, of: scope, problems: problems)
      }
    }
  }

  /// Opens the document, mending it where that is asked for.
  ///
  /// - Returns: where records begin that were overwritten and have been reported; `nil` if nothing can be read.
  private func begin(
    _ reader: borrowing RecordReader, _ document: inout FileBytes, of scope: String, wanted: UInt32,
    problems: RecordProblems
  ) throws -> Set<Int>? {
    var overwritten: Set<Int> = []
    // At most one mending of each kind can help.
    for _ in 0..<3 {
      if sj_keyed_begin(reader.pointer, document.base, document.count, wanted) == SJ_RECORD { return overwritten }
      try reader.checkMemory()
      let failure = reader.failure
      switch failure.kind {
      case SJ_INVALID_UTF8:
        let damaged = try overwriteDamaged(&document, problems: problems)
        guard !damaged.isEmpty else { return try giveUp(failure, document, problems: problems) }
        overwritten.formUnion(damaged)
      case SJ_CUT_OFF:
        guard try closeEarly(&document, of: scope, problems: problems) else { return nil }
      default: return try giveUp(failure, document, problems: problems)
      }
    }
    return try giveUp(reader.failure, document, problems: problems)
  }

  private func giveUp(
    _ failure: sj_failure, _ document: borrowing FileBytes, problems: RecordProblems
  ) throws -> Set<Int>? {
    let bytes = document.bytes
    var why = failure.why(of: "the file")
    if failure.kind == SJ_NOT_AN_OBJECT || bytes[JSONScan.skipSpace(bytes, 0)] != UInt8(ascii: "{") {
      why = "the file is no object of papers keyed by id"
    }
    if failure.kind == SJ_INVALID_UTF8, let place = firstInvalidUTF8(bytes) {
      why += " from byte \(document.offset + place + 1) on"
    }
    try problems.report(
      record: "whole file", why, code: .badInput, cause: String(cString: failure.message)
    ) { nil }
    return nil
  }

  /// Reports every record that holds bytes that are no UTF-8 and puts null in its place.
  private func overwriteDamaged(_ document: inout FileBytes, problems: RecordProblems) throws -> Set<Int> {
    var places: Set<Int> = []
    var scan = JSONScan(document.bytes)
    while case .entry(let entry) = scan.next() {
      let whole = UnsafeBufferPointer(rebasing: document.bytes[entry.key.lowerBound..<entry.value.upperBound])
      guard let place = firstInvalidUTF8(whole) else { continue }
      let offset = document.offset + entry.key.lowerBound + place
      try problems.report(
        record: scan.text(entry.key), "the record is not valid UTF-8 from byte \(offset + 1) of the file on"
      ) { scan.text(entry.value) }
      for index in entry.key where document.base[index] >= 0x80 { document.base[index] = UInt8(ascii: "?") }
      for index in entry.value { document.base[index] = UInt8(ascii: " ") }
      for (index, byte) in zip(entry.value, "null".utf8) { document.base[index] = byte }
      places.insert(entry.value.lowerBound)
    }
    return places
  }

  /// Reports the record in which the text ends and closes the object behind the last complete one.
  private func closeEarly(
    _ document: inout FileBytes, of scope: String, problems: RecordProblems
  ) throws -> Bool {
    var scan = JSONScan(document.bytes)
    var lastEnd: Int?
    while true {
      switch scan.next() {
      case .entry(let entry): lastEnd = entry.value.upperBound
      case .cutOff(let key, _):
        let start = lastEnd ?? 0
        try reportCut(scan, key: key, from: start, document, problems: problems)
        guard let lastEnd, lastEnd < document.count else { return false }
        document.cut(at: lastEnd, closingWith: UInt8(ascii: "}"))
        return true
      case .end, .broken:
        try reportBreak(
          sj_failure(kind: SJ_BAD_GRAMMAR, message: nil, offset: lastEnd ?? 0), document, of: scope, problems: problems)
        guard let lastEnd, lastEnd < document.count else { return false }
        document.cut(at: lastEnd, closingWith: UInt8(ascii: "}"))
        return true
      }
    }
  }

  private func reportCut(
    _ scan: JSONScan, key: Range<Int>?, from start: Int, _ document: borrowing FileBytes, problems: RecordProblems
  ) throws {
    let record = key.map { scan.text($0) } ?? "whole file"
    let place = key == nil ? "after its last complete record" : "in the middle of this record"
    try problems.report(
      record: key == nil && (start > 0 || !document.isFromBeginning) ? "the last" : record,
      "the file is cut off \(place), at byte \(document.offset + scan.bytes.count)", code: .badInput
    ) { scan.text(start..<scan.bytes.count) }
  }

  /// The grammar breaks while records are being handed out.
  private func reportBreak(
    _ failure: sj_failure, _ document: borrowing FileBytes, of scope: String, problems: RecordProblems
  ) throws {
    let bytes = document.bytes
    var scan = JSONScan(bytes)
    var lastEnd = 0
    var blamed: Range<Int>?
    scanning: while true {
      switch scan.next() {
      case .entry(let entry):
        if failure.offset < entry.value.upperBound {
          blamed = entry.key
          break scanning
        }
        lastEnd = entry.value.upperBound
      case .cutOff(let key, _):
        return try reportCut(scan, key: key, from: lastEnd, document, problems: problems)
      case .end, .broken: break scanning
      }
    }
    let record = blamed.map { scan.text($0) } ?? "after byte \(document.offset + lastEnd)"
    try problems.report(
      record: record,
      "the JSON breaks near byte \(document.offset + failure.offset + 1), and what follows in the \(scope) cannot be read",
      code: .badInput, cause: failure.message.map { String(cString: $0) }
    ) { scan.text(lastEnd..<bytes.count) }
  }
}
