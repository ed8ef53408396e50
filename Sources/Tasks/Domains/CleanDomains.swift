import Graph

/// `domain.clean`: names as they are to be learnt from.
struct CleanDomains: PartitionOp {
  private enum Empty: String, CaseIterable { case drop, keep, fail }

  private let column: String
  private let cleaner: DomainCleaner
  private let empty: Empty
  private let onError: OnError

  init(_ arguments: OpArguments) {
    column = arguments.require(OpArguments.string, "column")
    cleaner = DomainCleaner(
      trims: arguments.require(OpArguments.boolean, "trim"), lowers: arguments.require(OpArguments.boolean, "lower"),
      form: DomainCleaner.Form(rawValue: arguments.require(OpArguments.string, "form")) ?? .keep,
      validates: arguments.require(OpArguments.boolean, "validate"))
    empty = Empty(rawValue: arguments.require(OpArguments.string, "empty")) ?? .drop
    onError = OnError(arguments)
  }

  /// A name's other form is seldom longer.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0] * 5 / 4 + 16_384, scratch: inputBytes[0] * 5 / 4 + 16_384)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let texts = try table.strings(column, "names are strings", file: file)
    var names = StringColumnBuilder(rows: texts.count, byteCount: texts.byteCount)
    var kept = BufferBuilder(capacity: texts.count * 4)
    func problem(_ row: Int, _ why: String, _ text: UnsafeBufferPointer<UInt8>) throws {
      guard onError == .skip else {
        let shown = String(decoding: text.prefix(80), as: UTF8.self) + (text.count > 80 ? "…" : "")
        throw TaskError(
          .badRecord, "\(jsonQuoted(shown)) is no domain name: \(why); \(skipRemedy)", file: file,
          record: partition.record(row))
      }
      try context.reject(
        RejectedRecord(
          file: file ?? context.inputKey(0).description, record: partition.record(row),
          reason: "it is no domain name: \(why)",
          text: String(decoding: text, as: UTF8.self)))
    }
    try texts.withStrings { cells in
      for row in 0..<cells.count {
        if row % 4096 == 4095 { try context.checkCancellation() }
        let text = cells[row]
        do {
          let isNull = texts.isNull(row)
          let name = isNull ? .part(text) : try cleaner.clean(text)
          if name.isEmpty {
            switch empty {
            case .drop: continue
            case .keep: break
            case .fail:
              throw TaskError(
                .badRecord, "there is no name; correct it, or let empty: drop leave such records out", file: file,
                record: partition.record(row))
            }
          }
          if isNull { try names.appendNull() } else { try name.withBytes { try names.append($0) } }
          kept.append(Int32(truncatingIfNeeded: row))
        } catch let bad as InternationalNames.Problem {
          try problem(row, bad.why, text)
        }
      }
    }
    let rows = kept.finish()
    let new = names.finish()
    let others =
      new.count == table.count
      ? table : try withExtendedLifetime(rows) { try table.rows(at: rows.elements(of: Int32.self)) }
    var columns = others.columns
    columns[table.names.firstIndex { ByteText($0) == ByteText(column) }!] = new
    return Table(names: table.names, columns: columns, count: new.count)
  }

  static let definition = OpDefinition(
    name: "domain.clean", version: 1,
    summary: "trims and lower-cases domain names, gives them one form, and leaves out what is none",
    inputs: [OpInput("table", summary: "a table with a column of names")],
    parameters: [
      OpParameter("column", .string, default: .string("text"), summary: "the column of names"),
      OpParameter(
        "trim", .boolean, default: .boolean(true),
        summary: "take off white space around names, and the root's dot behind them"),
      OpParameter("lower", .boolean, default: .boolean(true), summary: "lower-case them, as Python's str.lower()"),
      OpParameter(
        "form", .choice(DomainCleaner.Form.allCases.map(\.rawValue)), default: .string("keep"),
        summary:
          "names beyond ASCII: keep them as they are, or give all their ascii (xn--…) or their unicode form, by IDNA 2008"
      ),
      OpParameter(
        "validate", .boolean, default: .boolean(false),
        summary:
          "take only what RFC 1035 and 1123 allow in its ASCII form: letters, digits, hyphens; 63 a label, 253 in all"),
      OpParameter(
        "empty", .choice(Empty.allCases.map(\.rawValue)), default: .string("drop"),
        summary: "what to do with records that have no name, or null: drop or keep them, or fail the task"),
      OnError.parameter,
    ],
    output: "the table with its names cleaned; on_error decides about what has not the form that was asked for",
    example: """
      names:
        op: domain.clean
        from: lines
        with: {form: ascii, validate: true, on_error: skip}
      """,
    maker: .perPartition { CleanDomains($0) })
}

/// Makes one name of what stands in a record.
struct DomainCleaner: Sendable {
  enum Form: String, CaseIterable, Sendable { case keep, ascii, unicode }

  let trims: Bool
  let lowers: Bool
  let form: Form
  let validates: Bool

  /// A name: a part of the text, or made of it.
  enum Name {
    case part(UnsafeBufferPointer<UInt8>)
    case made([UInt8])

    var isEmpty: Bool { withBytes { $0.isEmpty } }

    func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
      switch self {
      case .part(let bytes): try body(bytes)
      case .made(let bytes): try bytes.withUnsafeBufferPointer(body)
      }
    }
  }

  /// - Parameter text: UTF-8.
  /// - Returns: the name; empty where there is none.
  /// - Throws: `InternationalNames.Problem` for what is no name.
  func clean(_ text: UnsafeBufferPointer<UInt8>) throws -> Name {
    let part = trims ? DomainCleaner.trimmed(text) : text
    guard !part.isEmpty else { return .part(part) }
    var (isASCII, hasUpper) = (true, false)
    for byte in part {
      isASCII = isASCII && byte < 0x80
      hasUpper = hasUpper || byte &- UInt8(ascii: "A") < 26
    }
    var name = Name.part(part)
    if lowers, hasUpper || !isASCII { name = .made(DomainCleaner.lowered(part, isASCII: isASCII)) }
    let isPlain = InternationalNames.isPlain(part)
    if form != .keep, !isPlain {
      var made = try name.withBytes(form == .ascii ? InternationalNames.ascii : InternationalNames.unicode)
      // The root's dot may have been one of another script.
      if trims, made.count > 1, made.last == UInt8(ascii: "."), made[made.count - 2] != UInt8(ascii: ".") {
        made.removeLast()
      }
      name = .made(made)
    }
    guard validates else { return name }
    let looked = isPlain || form == .ascii ? name : .made(try name.withBytes(InternationalNames.ascii))
    if let problem = looked.withBytes(DomainName.problem) { throw InternationalNames.Problem(why: problem) }
    return name
  }

  private static func lowered(_ text: UnsafeBufferPointer<UInt8>, isASCII: Bool) -> [UInt8] {
    if isASCII { return text.map(TextTokens.lower(ascii:)) }
    var result = String.UnicodeScalarView()
    result.append(contentsOf: Lowercasing.lowered(Array(String(decoding: text, as: UTF8.self).unicodeScalars)))
    return Array(String(result).utf8)
  }

  /// Without white space around it, and the dot that stands for the root.
  private static func trimmed(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    var (start, end) = (0, text.count)
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
    if end > 0, text[0] < 0x80, text[end - 1] < 0x80 {
      while start < end, isSpace(text[start]) { start += 1 }
      while end > start, isSpace(text[end - 1]) { end -= 1 }
    }
    if end > start, text[start] >= 0x80 || text[end - 1] >= 0x80 {
      // Spaces beyond ASCII, and a byte order mark.
      let scalars = Array(String(decoding: text[start..<end], as: UTF8.self).unicodeScalars)
      func isWide(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace || scalar == "\u{FEFF}" }
      for scalar in scalars.prefix(while: isWide) { start += UTF8.width(scalar) }
      for scalar in scalars.reversed().prefix(while: isWide) where end > start { end -= UTF8.width(scalar) }
    }
    if end - start > 1, text[end - 1] == UInt8(ascii: "."), text[end - 2] != UInt8(ascii: ".") { end -= 1 }
    return UnsafeBufferPointer(rebasing: text[start..<end])
  }
}
