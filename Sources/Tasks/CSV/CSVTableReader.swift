import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What becomes of one field of a file's records: the column it fills, or none.
struct CSVFieldPlan {
  /// `nil`: the field is passed over.
  let column: Int?
  let type: ColumnType
  /// As the header has it.
  let name: String
}

/// Reads the records of a file, or of a block of one, into a table.
///
/// The usual fields (short numbers, ISO times, texts without quotes) are read in one loop straight into the columns' memory;
/// whatever is not usual takes the way through `CSVScan`, field by field.
struct CSVTableReader: ~Copyable {
  private let scan: CSVScan
  private let fields: [CSVFieldPlan]
  private let plans: [Plan]
  private let source: any TextByteSource
  private let problems: RecordProblems
  private let lines: CSVLineCounter
  private let nulls: [[UInt8]]
  /// Where the source's bytes begin in the text.
  private var offset: Int
  /// Bytes to pass over before the first record.
  private var skipped: Int
  /// Whether the source ends before the file does.
  private let isCut: Bool
  private let columns: CSVColumns
  private var memory: UnsafeMutablePointer<UInt8>
  private var capacity = CSVTableReader.windowByteCount
  private var row = 0
  private var scratch: [UInt8] = []

  static let windowByteCount = 1 << 20
  /// Bytes that are readable behind the window.
  private static let padding = 32
  /// Records longer than this are taken for a quote that was never closed.
  private static let longestRecord = 256 << 20

  /// What the loop needs of a field.
  private struct Plan {
    let kind: CSVKind
    let column: Int32
  }

  /// - Parameters:
  ///   - offset: where the source's bytes begin in the file's text.
  ///   - skipped: bytes to pass over before the first record.
  ///   - isCut: whether the source ends before the file does.
  ///   - expectedRows: to make room for.
  init(
    format: CSVFormat, fields: [CSVFieldPlan], types: [ColumnType], source: any TextByteSource, offset: Int,
    skipped: Int = 0, isCut: Bool = false, expectedRows: Int, lines: CSVLineCounter, problems: RecordProblems
  ) {
    scan = CSVScan(format)
    self.fields = fields
    plans = fields.map { Plan(kind: $0.column == nil ? .skipped : CSVKind($0.type), column: Int32($0.column ?? -1)) }
    self.source = source
    self.offset = offset
    self.skipped = skipped
    self.isCut = isCut
    self.lines = lines
    self.problems = problems
    nulls = format.nulls.map { Array($0.utf8) }
    columns = CSVColumns(types, capacity: expectedRows)
    memory = .allocate(capacity: capacity + CSVTableReader.padding)
  }

  deinit { memory.deallocate() }

  /// Records read.
  var rowCount: Int { row }

  /// All records; whether every string is UTF-8 is looked at in the end.
  mutating func read() throws -> [Column] {
    var filled = 0
    while true {
      try problems.context.checkCancellation()
      var isFinal = false
      while filled < capacity {
        let got = try source.read(into: memory + filled, most: capacity - filled)
        filled += got
        isFinal = got == 0
        if isFinal { break }
      }
      if skipped > 0 {
        let count = min(skipped, filled)
        memmove(memory, memory + count, filled - count)
        filled -= count
        offset += count
        skipped -= count
        if skipped > 0, !isFinal { continue }
      }
      memory[filled] = CSVFormat.newline
      memset(memory + filled + 1, 0, CSVTableReader.padding - 1)
      let used = try records(in: memory, upTo: memory + filled, isFinal: isFinal)
      if isFinal { break }
      if used == 0 {
        try grow(filled)
      } else {
        memmove(memory, memory + used, filled - used)
        filled -= used
        offset += used
      }
    }
    return try checked(columns.finish(rows: row))
  }

  private mutating func grow(_ filled: Int) throws {
    guard capacity < CSVTableReader.longestRecord else {
      throw TaskError(
        .badRecord,
        "the record is longer than \(ByteCount(CSVTableReader.longestRecord)); a quote in it may never be closed",
        file: problems.file.path, record: "line \(try lines.line(at: offset))")
    }
    // What it holds goes to a table nobody foresaw either, and while it is copied there are two windows.
    try problems.context.reserve(
      more: capacity * 2,
      for: TaskError(
        .tooLarge, "the record is longer than \(ByteCount(capacity)); a quote in it may never be closed",
        file: problems.file.path, record: "line \(try lines.line(at: offset))"))
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2 + CSVTableReader.padding)
    memcpy(larger, memory, filled)
    memory.deallocate()
    memory = larger
    capacity *= 2
  }

  // MARK: - Records

  /// Reads the whole records.
  ///
  /// - Returns: how many bytes they have.
  private mutating func records(
    in start: UnsafeMutablePointer<UInt8>, upTo stop: UnsafeMutablePointer<UInt8>, isFinal: Bool
  ) throws -> Int {
    let begin = UnsafePointer(start)
    let end = UnsafePointer(stop)
    let last = plans.count - 1
    var at = begin
    records: while at < end {
      if row >= columns.capacity {
        guard row < Int(Int32.max) - 1 else { throw tooManyForOffsets("records") }
        columns.growRows()
      }
      // Between records of more than one field, empty lines mean nothing.
      if last > 0, at[0] == CSVFormat.newline {
        at += 1
        continue
      }
      // Behind the memory's end a line end stands that is none of the file's.
      if last > 0, at[0] == CSVFormat.carriageReturn, at[1] == CSVFormat.newline, at + 1 < end || isFinal {
        at += 2
        continue
      }
      let record = at
      var field = 0
      while field <= last {
        if let next = usual(plans[field], isLast: field == last, at, end) {
          at = next
          field &+= 1
          continue
        }
        switch scan.field(from: at, end: end, isFinal: isFinal) {
        case .incomplete:
          columns.forget(row: row)
          return record - begin
        case .unclosed where isCut:
          // Nobody may skip this: the records behind the cut are read by another, from a wrong place.
          throw TaskError(
            .badRecord, CSVBorders.unproven, file: problems.file.path,
            record: "line \(try lines.line(at: offset + (at - begin)))")
        case .unclosed:
          guard try setAside(record, CSVScan.unclosed, at, begin, upTo: end, end, isFinal) else {
            return record - begin
          }
          at = end
          continue records
        case .problem(let why):
          // Where the next record begins is anybody's guess: behind the line.
          guard try setAside(record, why, at, begin, upTo: lineEnd(at, end), end, isFinal) else {
            return record - begin
          }
          at = lineEnd(at, end)
          continue records
        case .field(let found):
          let why = found.isLast == (field == last) ? store(found, field) : nil
          if found.isLast != (field == last) || why != nil {
            guard let (count, following) = try rest(of: found, field + 1, end, isFinal) else {
              columns.forget(row: row)
              return record - begin
            }
            let names = last == 0 ? "1 column" : "\(last + 1) columns"
            let text = why ?? "the record has \(count) field\(count == 1 ? "" : "s"), and the file \(names)"
            guard try setAside(record, text, record, begin, upTo: following, end, isFinal) else {
              return record - begin
            }
            at = following
            continue records
          }
          at = found.following
          field &+= 1
        }
      }
      row &+= 1
    }
    return min(at, end) - begin
  }

  /// Reads a field that is as most are, with what has to stand behind it.
  ///
  /// - Returns: where the next field or record begins; `nil` if the field is not as most are.
  @inline(__always)
  private func usual(
    _ plan: Plan, isLast: Bool, _ at: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> UnsafePointer<UInt8>? {
    let slot = columns.slots.baseAddress! + Int(plan.column)
    switch plan.kind {
    case .int64:
      var digits = at
      var value: UInt64 = 0
      let isNegative = at[0] == UInt8(ascii: "-")
      if isNegative { digits += 1 }
      let first = digits
      while digits[0] &- 0x30 <= 9 {
        value = value &* 10 &+ UInt64(digits[0] &- 0x30)
        digits += 1
      }
      guard digits > first, digits - first <= 18 else { return nil }
      slot.pointee.values.storeBytes(of: isNegative ? 0 &- value : value, toByteOffset: row &* 8, as: UInt64.self)
      return behind(digits, isLast, end)
    case .float64:
      guard let (value, stop) = CSVTableReader.number(at) else { return nil }
      slot.pointee.values.storeBytes(of: value, toByteOffset: row &* 8, as: Double.self)
      return behind(stop, isLast, end)
    case .timestamp:
      guard end - at > 19, let value = ValueParsing.timestamp(UnsafeBufferPointer(start: at, count: 19)) else {
        return nil
      }
      slot.pointee.values.storeBytes(of: value, toByteOffset: row &* 8, as: Int64.self)
      return behind(at + 19, isLast, end)
    case .utf8:
      guard nulls.isEmpty else { return nil }
      let stop = scan.special(from: at)
      guard stop < end, stop[0] == (isLast ? CSVFormat.newline : scan.format.delimiter) else { return nil }
      let textEnd = isLast && stop > at && stop[-1] == CSVFormat.carriageReturn ? stop - 1 : stop
      let count = textEnd - at
      guard count > 0 else { return nil }
      CSVColumns.reserveText(slot, count)
      CSVTableReader.copy(at, count, to: slot.pointee.text + slot.pointee.textCount)
      slot.pointee.textCount &+= count
      slot.pointee.values.storeBytes(
        of: Int32(truncatingIfNeeded: slot.pointee.textCount), toByteOffset: (row &+ 1) &* 4, as: Int32.self)
      return stop + 1
    case .skipped:
      let stop = scan.special(from: at)
      guard stop < end, stop[0] == (isLast ? CSVFormat.newline : scan.format.delimiter) else { return nil }
      return stop + 1
    case .int8, .int32, .float32, .bool, .date: return nil
    }
  }

  /// Behind the delimiter or line end at `stop`; `nil` if there is another.
  @inline(__always)
  private func behind(
    _ stop: UnsafePointer<UInt8>, _ isLast: Bool, _ end: UnsafePointer<UInt8>
  ) -> UnsafePointer<UInt8>? {
    guard stop < end else { return nil }
    if !isLast { return stop[0] == scan.format.delimiter ? stop + 1 : nil }
    if stop[0] == CSVFormat.newline { return stop + 1 }
    return stop[0] == CSVFormat.carriageReturn && stop + 1 < end && stop[1] == CSVFormat.newline ? stop + 2 : nil
  }

  /// Up to sixteen bytes in one go: so many can be read and written.
  @inline(__always)
  private static func copy(_ from: UnsafePointer<UInt8>, _ count: Int, to: UnsafeMutablePointer<UInt8>) {
    if count <= 16 {
      let bytes = UnsafeRawPointer(from).loadUnaligned(as: SIMD16<UInt8>.self)
      UnsafeMutableRawPointer(to).storeBytes(of: bytes, as: SIMD16<UInt8>.self)
    } else {
      memcpy(to, from, count)
    }
  }

  /// A number of few digits without exponent, exactly; `nil` for others.
  @inline(__always)
  private static func number(_ start: UnsafePointer<UInt8>) -> (Double, UnsafePointer<UInt8>)? {
    var at = start
    let isNegative = at[0] == UInt8(ascii: "-")
    if isNegative { at += 1 }
    let first = at
    var value: UInt64 = 0
    while at[0] &- 0x30 <= 9 {
      value = value &* 10 &+ UInt64(at[0] &- 0x30)
      at += 1
    }
    var digits = at - first
    var fraction = 0
    if at[0] == UInt8(ascii: ".") {
      at += 1
      let begin = at
      while at[0] &- 0x30 <= 9 {
        value = value &* 10 &+ UInt64(at[0] &- 0x30)
        at += 1
      }
      fraction = at - begin
      digits += fraction
    }
    // Both are exact then, and one division rounds once.
    guard digits > 0, digits <= 15 else { return nil }
    let number = fraction == 0 ? Double(value) : Double(value) / ValueParsing.power(fraction)
    return (isNegative ? -number : number, at)
  }

  // MARK: - What is not usual

  /// Puts a field into its column.
  ///
  /// - Returns: why it cannot be.
  private mutating func store(_ field: CSVField, _ number: Int) -> String? {
    guard let column = fields[number].column else { return nil }
    let slot = columns.slots.baseAddress! + column
    if !field.isQuoted, field.content.count == 0 || nulls.contains(where: { $0.elementsEqual(field.content) }) {
      CSVColumns.setNull(slot, row)
      return nil
    }
    if field.hasEscapes {
      scan.unescape(field, into: &scratch)
      return scratch.withUnsafeBufferPointer { put($0, slot, number) }
    }
    return put(field.content, slot, number)
  }

  private func put(
    _ text: UnsafeBufferPointer<UInt8>, _ slot: UnsafeMutablePointer<CSVColumnSlot>, _ number: Int
  ) -> String? {
    let values = slot.pointee.values
    switch slot.pointee.kind {
    case .utf8:
      let end = slot.pointee.textCount + text.count
      guard end <= Int(Int32.max) else {
        return "the texts of column \"\(fields[number].name)\" have more than 2 GB; set a smaller blocksize"
      }
      CSVColumns.reserveText(slot, text.count)
      if text.count > 0 { memcpy(slot.pointee.text + slot.pointee.textCount, text.baseAddress!, text.count) }
      slot.pointee.textCount = end
      values.storeBytes(of: Int32(end), toByteOffset: (row + 1) * 4, as: Int32.self)
      return nil
    case .int64:
      guard let value = ValueParsing.int64(text.trimmed) else { return misfit(text, number) }
      values.storeBytes(of: value, toByteOffset: row * 8, as: Int64.self)
    case .int32:
      guard let value = ValueParsing.int64(text.trimmed).flatMap({ Int32(exactly: $0) }) else {
        return misfit(text, number)
      }
      values.storeBytes(of: value, toByteOffset: row * 4, as: Int32.self)
    case .int8:
      guard let value = ValueParsing.int64(text.trimmed).flatMap({ Int8(exactly: $0) }) else {
        return misfit(text, number)
      }
      values.storeBytes(of: value, toByteOffset: row, as: Int8.self)
    case .float64:
      guard let value = ValueParsing.float64(text.trimmed) else { return misfit(text, number) }
      values.storeBytes(of: value, toByteOffset: row * 8, as: Double.self)
    case .float32:
      guard let value = ValueParsing.float64(text.trimmed) else { return misfit(text, number) }
      values.storeBytes(of: Float(value), toByteOffset: row * 4, as: Float.self)
    case .bool:
      guard let value = ValueParsing.bool(text.trimmed) else { return misfit(text, number) }
      values.storeBytes(of: value ? 1 : 0, toByteOffset: row, as: UInt8.self)
    case .date:
      guard let value = ValueParsing.date(text.trimmed) else { return misfit(text, number) }
      values.storeBytes(of: value, toByteOffset: row * 4, as: Int32.self)
    case .timestamp:
      guard let value = ValueParsing.timestamp(text.trimmed) else { return misfit(text, number) }
      values.storeBytes(of: value, toByteOffset: row * 8, as: Int64.self)
    case .skipped: break
    }
    return nil
  }

  private func misfit(_ text: UnsafeBufferPointer<UInt8>, _ number: Int) -> String {
    let shown = String(decoding: text.prefix(60), as: UTF8.self) + (text.count > 60 ? "…" : "")
    let field = fields[number]
    return "column \"\(field.name)\" holds \(jsonQuoted(shown)), which is no \(field.type); say types: "
      + "{\(field.name): string} if it is meant to be"
  }

  /// Passes over the rest of a record.
  ///
  /// - Returns: how many fields it has, and where the next record begins; `nil` where the memory ends before.
  private func rest(
    of field: CSVField, _ seen: Int, _ end: UnsafePointer<UInt8>, _ isFinal: Bool
  ) throws -> (count: Int, following: UnsafePointer<UInt8>)? {
    var (count, field) = (seen, field)
    while !field.isLast {
      switch scan.field(from: field.following, end: end, isFinal: isFinal) {
      case .incomplete: return nil
      case .unclosed: return (count + 1, end)
      case .problem: return (count + 1, lineEnd(field.following, end))
      case .field(let next): (count, field) = (count + 1, next)
      }
    }
    return (count, field.following)
  }

  private func lineEnd(_ at: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
    guard let found = memchr(at, Int32(CSVFormat.newline), end - at) else { return end }
    return UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) + 1
  }

  /// Reports the record and takes back what was stored of it.
  ///
  /// - Returns: `false` if its end is not in memory yet.
  private func setAside(
    _ record: UnsafePointer<UInt8>, _ why: String, _ place: UnsafePointer<UInt8>, _ begin: UnsafePointer<UInt8>,
    upTo following: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ isFinal: Bool
  ) throws -> Bool {
    columns.forget(row: row)
    guard following < end || isFinal || following[-1] == CSVFormat.newline else { return false }
    let line = try lines.line(at: offset + (place - begin))
    try problems.report(record: "line \(line)", why) {
      String(decoding: UnsafeBufferPointer(start: record, count: following - record).prefix(1 << 20), as: UTF8.self)
        .trimmingNewline()
    }
    return true
  }

  /// Makes sure that all text is UTF-8.
  private func checked(_ columns: [Column]) throws -> [Column] {
    for (number, field) in fields.enumerated() {
      guard let place = field.column, columns[place].type == .utf8 else { continue }
      try columns[place].withStrings { cells in
        let bytes = UnsafeBufferPointer(start: cells.bytes, count: Int(cells.offsets[cells.count]))
        let bad = UTF8Scan.firstIllFormed(bytes)
        // A cell that ends inside a character makes the whole look well-formed only if the next goes on with it.
        guard bad < bytes.count || cells.hasTornCharacter else { return }
        let row = (0..<cells.count).first { UTF8Scan.firstIllFormed(cells[$0]) < cells[$0].count } ?? 0
        throw TaskError(
          .badInput,
          "column \"\(fields[number].name)\" holds bytes that are no UTF-8; convert the file, for example with iconv -f "
            + "latin1 -t utf-8", file: problems.file.path, record: "\(row + 1) of the partition")
      }
    }
    return columns
  }
}

extension StringCells {
  /// Whether a cell begins inside a character.
  fileprivate var hasTornCharacter: Bool {
    (0..<count).contains { offsets[$0] < offsets[$0 + 1] && bytes[Int(offsets[$0])] & 0xC0 == 0x80 }
  }
}

extension String {
  fileprivate func trimmingNewline() -> String {
    hasSuffix("\r\n") ? String(dropLast()) : hasSuffix("\n") ? String(dropLast()) : self
  }
}
