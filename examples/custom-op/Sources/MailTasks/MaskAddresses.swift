import GraphRunCLI

/// `mail.mask`: e-mail addresses in a column of text, made unreadable.
struct MaskAddresses: PartitionOp {
  enum Keep: String, CaseIterable {
    case domain, nothing
  }

  let column: String
  let keep: Keep
  let mark: [UInt8]
  let counts: String?

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    keep = Keep(rawValue: arguments.require(OpArguments.string, "keep")) ?? .domain
    let mark = arguments.require(OpArguments.string, "mark")
    counts = arguments.string("counts")
    guard !mark.contains("@") else {
      throw ParameterError("mark", "\"\(mark)\" has an \"@\" in it, so that what is masked could be an address again")
    }
    self.mark = Array(mark.utf8)
  }

  /// A mark may be longer than what it stands for: an eighth on top covers text in which every tenth word is an address.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0] * 9 / 8 + 4096, scratch: inputBytes[0] / 4 + 4096)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let texts = try MailColumn.of(table, column, file: file)
    var masked = StringColumnBuilder(rows: texts.count, byteCount: texts.byteCount)
    var found = FixedColumnBuilder<Int64>(capacity: texts.count)
    try texts.withStrings { cells in
      var text: [UInt8] = []
      for row in 0..<texts.count {
        if row % 1024 == 1023 { try context.checkCancellation() }
        guard !texts.isNull(row) else {
          try masked.appendNull()
          found.append(0)
          continue
        }
        found.append(mask(cells[row], into: &text))
        try text.withUnsafeBufferPointer { try masked.append($0) }
      }
    }
    let (column, counted) = (masked.finish(), found.finish())
    // Names are compared byte by byte, as everywhere: for a String "é" and "e\u{301}" would be the same.
    let result = Table(
      zip(table.names, table.columns).map { ($0, $0.utf8.elementsEqual(self.column.utf8) ? column : $1) })
    return try counts.map { try result.appending([($0, counted)], file: file) } ?? result
  }

  /// - Returns: how many addresses there were.
  func mask(_ text: UnsafeBufferPointer<UInt8>, into masked: inout [UInt8]) -> Int64 {
    masked.removeAll(keepingCapacity: true)
    var scanner = AddressScanner(text)
    var copied = 0
    var count: Int64 = 0
    while let address = scanner.next() {
      masked += text[copied..<address.start]
      masked += mark
      if keep == .domain { masked += text[address.at..<address.end] }
      copied = address.end
      count += 1
    }
    masked += text[copied...]
    return count
  }

  static let definition = OpDefinition(
    name: "mail.mask", version: 1, summary: "masks e-mail addresses in a column of text",
    inputs: [OpInput("table", summary: "a table with a column of strings")],
    parameters: [
      OpParameter("column", .string, summary: "the column of text"),
      OpParameter(
        "keep", .choice(Keep.allCases.map(\.rawValue)), default: .string(Keep.domain.rawValue),
        summary: "what stays readable of an address"),
      OpParameter("mark", .string, default: .string("***"), summary: "what stands for the rest"),
      OpParameter(
        "counts", .string, isOptional: true, summary: "a new column with the number of addresses in each record"),
    ],
    output: "the table's columns, the text masked, and behind them the counts (int64); a null stays null and counts 0",
    example: """
      masked:
        op: mail.mask
        from: messages
        with: {column: text, keep: domain, counts: addresses}
      """,
    maker: .perPartition { try MaskAddresses($0) })
}

/// Columns that mail is read from.
enum MailColumn {
  static func of(_ table: Table, _ name: String, file: String?) throws -> Column {
    let column = try table.column(name, file: file)
    guard column.type == .utf8 else {
      throw TaskError(
        .wrongType, "column \"\(name)\" holds \(column.type), and addresses are looked for in strings; name another",
        file: file)
    }
    return column
  }
}
