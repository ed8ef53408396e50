import CSimdJSON
import Graph

// A file that is one object of papers.
//
// Good files take one pass. A file that simdjson refuses is walked again by `JSONScan`, which finds the record to
// blame. With on_error: skip it is then mended in memory and parsed anew: records with bytes that are no UTF-8 are
// overwritten with null, so that the parser takes the rest; an end that is missing is put behind the last complete
// record. A break in the grammar in the middle cannot be mended: what comes before it is kept, the rest is set
// aside as one.

extension ArxivRead {
  func readKeyed(
    _ file: FileIdentity, into papers: inout ArxivColumns, problems: RecordProblems, context: any TaskContext
  ) throws {
    var document = try FileBytes(file, context: context)
    guard !JSONScan.isBlank(document.bytes) else { return try problems.reportEmpty() }
    let reader = try RecordReader()
    let wanted = ArxivColumn.wanted(columns)
    let overwritten = try begin(reader, &document, wanted: wanted, file: file, problems: problems)
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
          try problems.report(record: paper.id.count > 0 ? paper.id.string : "record \(number)", paper.why) {
            let scan = JSONScan(document.bytes)
            return scan.endOfValue(paper.offset).map { scan.text(paper.offset..<$0) }
          }
        }
      default:
        try reader.checkMemory()
        return try reportBreak(reader.failure, document.bytes, problems: problems)
      }
    }
  }

  /// Opens the document, mending it where that is asked for.
  ///
  /// - Returns: where records begin that were overwritten and have been reported; `nil` if nothing can be read.
  private func begin(
    _ reader: borrowing RecordReader, _ document: inout FileBytes, wanted: UInt32, file: FileIdentity,
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
        guard !damaged.isEmpty else { return try giveUp(failure, document.bytes, problems: problems) }
        overwritten.formUnion(damaged)
      case SJ_CUT_OFF:
        guard try closeEarly(&document, problems: problems) else { return nil }
      default: return try giveUp(failure, document.bytes, problems: problems)
      }
    }
    return try giveUp(reader.failure, document.bytes, problems: problems)
  }

  private func giveUp(
    _ failure: sj_failure, _ bytes: UnsafeBufferPointer<UInt8>, problems: RecordProblems
  ) throws -> Set<Int>? {
    var why = failure.why(of: "the file")
    if failure.kind == SJ_NOT_AN_OBJECT || bytes[JSONScan.skipSpace(bytes, 0)] != UInt8(ascii: "{") {
      why = "the file is no object of papers keyed by id"
    }
    if failure.kind == SJ_INVALID_UTF8, let place = firstInvalidUTF8(bytes) { why += " from byte \(place + 1) on" }
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
      let offset = entry.key.lowerBound + place
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
  private func closeEarly(_ document: inout FileBytes, problems: RecordProblems) throws -> Bool {
    var scan = JSONScan(document.bytes)
    var lastEnd: Int?
    while true {
      switch scan.next() {
      case .entry(let entry): lastEnd = entry.value.upperBound
      case .cutOff(let key, _):
        let start = lastEnd ?? 0
        try reportCut(scan, key: key, from: start, problems: problems)
        guard let lastEnd, lastEnd < document.count else { return false }
        document.cut(at: lastEnd, closingWith: UInt8(ascii: "}"))
        return true
      case .end, .broken:
        try reportBreak(
          sj_failure(kind: SJ_BAD_GRAMMAR, message: nil, offset: lastEnd ?? 0), document.bytes, problems: problems)
        guard let lastEnd, lastEnd < document.count else { return false }
        document.cut(at: lastEnd, closingWith: UInt8(ascii: "}"))
        return true
      }
    }
  }

  private func reportCut(_ scan: JSONScan, key: Range<Int>?, from start: Int, problems: RecordProblems) throws {
    let record = key.map { scan.text($0) } ?? "whole file"
    let place = key == nil ? "after its last complete record" : "in the middle of this record"
    try problems.report(
      record: key == nil && start > 0 ? "the last" : record,
      "the file is cut off \(place), at byte \(scan.bytes.count)", code: .badInput
    ) { scan.text(start..<scan.bytes.count) }
  }

  /// The grammar breaks while records are being handed out.
  private func reportBreak(
    _ failure: sj_failure, _ bytes: UnsafeBufferPointer<UInt8>, problems: RecordProblems
  ) throws {
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
        return try reportCut(scan, key: key, from: lastEnd, problems: problems)
      case .end, .broken: break scanning
      }
    }
    let record = blamed.map { scan.text($0) } ?? "after byte \(lastEnd)"
    try problems.report(
      record: record, "the JSON breaks near byte \(failure.offset + 1), and what follows in the file cannot be read",
      code: .badInput, cause: failure.message.map { String(cString: $0) }
    ) { scan.text(lastEnd..<bytes.count) }
  }
}
