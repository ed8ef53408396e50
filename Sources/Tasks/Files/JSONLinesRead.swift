import CSimdJSON
import Graph

/// `jsonl.read`: JSON lines as a table; the columns' types come from the records.
struct JSONLinesRead: SourceOp {
  private let files: Listed<Files>
  let columns: [String]?
  let onError: OnError

  init(_ arguments: OpArguments) throws {
    columns = arguments.strings("columns")
    onError = OnError(arguments)
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil {
      throw ParameterError("columns", "a column is named twice")
    }
    let patterns = arguments.require(OpArguments.strings, "files")
    let blocksize = try FileBlocks.blocksize(arguments)
    files = Listed { try Files(FileBlocks(patterns, blocksize: blocksize)) }
  }

  private struct Files {
    let blocks: FileBlocks
    /// By file.
    let lineNumbers: [LineNumbers]

    init(_ blocks: FileBlocks) {
      self.blocks = blocks
      lineNumbers = blocks.blocks.map { LineNumbers(blocks.pieces[$0.lowerBound].file) }
    }
  }

  func partitions() throws -> Partitions { try files.list().blocks.partitions }

  func identity(of partition: Partition) -> [IdentityPart] { files.value.blocks.identity(of: partition) }

  func estimate(_ partition: Partition) -> MemoryEstimate {
    let bytes = files.value.blocks.piece(of: partition).byteCount
    // Lists of tokens take 4 bytes of offset where the file has three of quotes and comma.
    return MemoryEstimate(output: bytes * 5 / 4 + 16_384, scratch: LineReader.windowByteCount * 3)
  }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let files = files.value
    let piece = files.blocks.piece(of: partition)
    let problems = RecordProblems(file: piece.file, onError: onError, context: context)
    var lines = try LineReader(
      piece, numbers: files.lineNumbers[files.blocks.fileNumbers[partition.index]],
      foreseen: estimate(partition).output,
      context: context)
    let reader = try RecordReader()
    var record = sj_fields()
    var table = GrowingTable(columns: columns)
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
      let fields = UnsafeBufferPointer(start: record.fields, count: record.field_count)
      if let problem = try table.append(fields, line: lines.lineNumber) {
        try report(problem.why + (try problem.line.map { " in line \(try lines.numberInFile($0))" } ?? ""))
      }
    }
    if isEmpty, try lines.isOfBlankFile() { try problems.reportEmpty() }
    return try table.finish()
  }

  static let definition = OpDefinition(
    name: "jsonl.read", version: 1,
    summary: "reads JSON lines, cut at lines into partitions; columns and their types come from the records",
    parameters: [
      OpParameter("files", .files, isIdentity: false, summary: "files, folders or glob patterns"),
      OpParameter(
        "columns", .strings, isOptional: true,
        summary: "which fields and in which order; all of them in the order of first appearance if left out"),
      FileBlocks.parameter(),
      OnError.parameter,
    ],
    output: """
      a record per line. Strings, true or false (bool), whole numbers (int64), numbers (float64) and lists of strings; \
      a missing field is null; a column that is null throughout counts as strings
      """,
    example: """
      records:
        op: jsonl.read
        with: {files: "data/*.jsonl", columns: [id, text]}
      """,
    maker: .source { try JSONLinesRead($0) })
}

/// A table whose columns turn up while it is filled.
private struct GrowingTable {
  private var columns: [GrowingColumn]
  /// Whether other fields than the first columns are passed over.
  private let isFixed: Bool
  private var count = 0
  /// The field's column for every field of the record at hand; -1 where it is passed over.
  private var places: [Int] = []

  init(columns names: [String]?) {
    isFixed = names != nil
    columns = (names ?? []).map { GrowingColumn($0) }
  }

  /// Adds a record, whole or not at all.
  ///
  /// - Parameters:
  ///   - fields: the record's.
  ///   - line: its number, in the block.
  /// - Returns: why it cannot be added, and the earlier line that it contradicts, if it does; or `nil`.
  mutating func append(_ fields: UnsafeBufferPointer<sj_field>, line: Int) throws -> (why: String, line: Int?)? {
    let known = columns.count
    places.removeAll(keepingCapacity: true)
    for field in fields {
      let place = place(of: field.name.buffer, hint: places.count)
      places.append(place)
      guard place >= 0 else { continue }
      if let problem = columns[place].objection(to: field) {
        columns.removeSubrange(known...)
        return problem
      }
    }
    for (index, place) in places.enumerated() where place >= 0 && places[..<index].contains(place) {
      let name = columns[place].name
      columns.removeSubrange(known...)
      return ("\"\(name)\" stands in the record twice", nil)
    }
    for (field, place) in zip(fields, places) where place >= 0 {
      try columns[place].append(field, row: count, line: line)
    }
    count += 1
    return nil
  }

  private mutating func place(of name: UnsafeBufferPointer<UInt8>, hint: Int) -> Int {
    // Records mostly have the same fields in the same order.
    if hint < columns.count, columns[hint].hasName(name) { return hint }
    if let found = columns.firstIndex(where: { $0.hasName(name) }) { return found }
    if isFixed { return -1 }
    columns.append(GrowingColumn(String(decoding: name, as: UTF8.self)))
    return columns.count - 1
  }

  mutating func finish() throws -> Table {
    Table(names: columns.map(\.name), columns: try columns.map { try $0.finish(count: count) }, count: count)
  }
}

/// A column that learns its type from its first value; whole numbers become numbers when a fraction turns up.
private final class GrowingColumn {
  let name: String
  private let nameBytes: [UInt8]
  private var kind = SJ_NULL
  /// The line that settled `kind`.
  private var settledAt = 0
  private var bools: BoolColumnBuilder?
  private var integers: FixedColumnBuilder<Int64>?
  private var numbers: FixedColumnBuilder<Double>?
  private var texts: StringColumnBuilder?
  private var lists: StringListColumnBuilder?
  /// Cells that hold something or null.
  private var filled = 0

  init(_ name: String) {
    self.name = name
    nameBytes = Array(name.utf8)
  }

  func hasName(_ other: UnsafeBufferPointer<UInt8>) -> Bool { nameBytes.elementsEqual(other) }

  /// Why `field` does not fit this column, and the line that says so.
  func objection(to field: sj_field) -> (why: String, line: Int?)? {
    let what = field.found.map { String(cString: $0) } ?? "something else"
    switch field.kind {
    case SJ_NULL: return nil
    case SJ_BIG_INTEGER: return ("\"\(name)\" is \(what), which no column can hold; write it as a string", nil)
    case SJ_OTHER: return ("\"\(name)\" is \(what), which no column can hold", nil)
    case SJ_INTEGER where kind == SJ_NUMBER, SJ_NUMBER where kind == SJ_INTEGER: return nil
    default:
      guard kind != SJ_NULL, kind != field.kind else { return nil }
      return ("\"\(name)\" is \(what) here, but \(GrowingColumn.words(kind))", settledAt)
    }
  }

  private static func words(_ kind: sj_kind) -> String {
    switch kind {
    case SJ_BOOL: "true or false"
    case SJ_INTEGER, SJ_NUMBER: "a number"
    case SJ_STRING: "a string"
    default: "a list of strings"
    }
  }

  func append(_ field: sj_field, row: Int, line: Int) throws {
    guard field.kind != SJ_NULL else { return }
    if kind == SJ_NULL { settle(field.kind, line: line) }
    if kind == SJ_INTEGER, field.kind == SJ_NUMBER { widen() }
    try fillNulls(to: row)
    filled += 1
    switch kind {
    case SJ_BOOL: bools?.append(field.integer != 0)
    case SJ_INTEGER: integers?.append(field.integer)
    case SJ_NUMBER: numbers?.append(field.number)
    case SJ_STRING: try texts?.append(field.text.buffer)
    default:
      for index in 0..<field.item_count { try lists?.appendItem(field.items[index].buffer) }
      try lists?.closeRow()
    }
  }

  private func settle(_ kind: sj_kind, line: Int) {
    self.kind = kind
    settledAt = line
    switch kind {
    case SJ_BOOL: bools = BoolColumnBuilder()
    case SJ_INTEGER: integers = FixedColumnBuilder<Int64>()
    case SJ_NUMBER: numbers = FixedColumnBuilder<Double>()
    case SJ_STRING: texts = StringColumnBuilder()
    default: lists = StringListColumnBuilder()
    }
  }

  private func widen() {
    kind = SJ_NUMBER
    var wider = FixedColumnBuilder<Double>()
    if let whole = integers.take()?.finish() {
      for row in 0..<whole.count {
        if let value = whole.integer(at: row) { wider.append(Double(value)) } else { wider.appendNull() }
      }
    }
    numbers = consume wider
  }

  private func fillNulls(to row: Int) throws {
    while filled < row {
      filled += 1
      switch kind {
      case SJ_BOOL: bools?.appendNull()
      case SJ_INTEGER: integers?.appendNull()
      case SJ_NUMBER: numbers?.appendNull()
      case SJ_STRING: try texts?.appendNull()
      default: try lists?.appendNull()
      }
    }
  }

  func finish(count: Int) throws -> Column {
    if kind == SJ_NULL { settle(SJ_STRING, line: 0) }
    try fillNulls(to: count)
    if let column = bools.take()?.finish() { return column }
    if let column = integers.take()?.finish() { return column }
    if let column = numbers.take()?.finish() { return column }
    if let column = texts.take()?.finish() { return column }
    return (lists.take() ?? StringListColumnBuilder()).finish()
  }
}
