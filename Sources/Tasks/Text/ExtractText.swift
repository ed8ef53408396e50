import Graph

/// `text.extract`: what a regular expression finds in texts.
struct ExtractText: PartitionOp {
  private let column: String
  private let into: String
  private let expression: RegularExpression
  private let group: Int
  private let failsWithout: Bool

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    into = arguments.require(OpArguments.string, "into")
    do {
      expression = try RegularExpression(arguments.require(OpArguments.string, "pattern"))
    } catch {
      throw ParameterError("pattern", "\(error)")
    }
    group = arguments.integer("group") ?? min(expression.groupCount, 1)
    guard group <= expression.groupCount else {
      throw ParameterError(
        "group",
        "the pattern has \(expression.groupCount) groups, and \(group) is none of them; 0 means all that is found")
    }
    failsWithout = arguments.require(OpArguments.string, "missing") == "fail"
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0] * 3 / 2 + 16_384, scratch: inputBytes[0] / 2 + 16_384)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let texts = try table.strings(column, "only strings are searched", file: file)
    let matcher = try RegularExpression.Matcher(expression, group: group)
    var found = StringColumnBuilder(rows: texts.count)
    try texts.withStrings { cells in
      // Neighbours are alike, as paths are: they are searched once.
      var (last, lastFound): (Int?, Range<Int>?) = (nil, nil)
      for row in 0..<cells.count {
        if row % 4096 == 4095 { try context.checkCancellation() }
        guard !texts.isNull(row) else {
          try found.appendNull()
          continue
        }
        let text = cells[row]
        if last.map({ sameBytes(cells[$0], text) }) != true {
          do {
            lastFound = try matcher.range(in: text)
          } catch {
            throw TaskError(.badRecord, "column \"\(column)\": \(error)", file: file, record: partition.record(row))
          }
          last = row
        }
        if let range = lastFound {
          try found.append(UnsafeBufferPointer(rebasing: text[range]))
        } else if failsWithout {
          throw TaskError(
            .badRecord,
            "the pattern is not found in \(jsonQuoted(String(decoding: text.prefix(80), as: UTF8.self))); "
              + "correct it, or let missing: null give a null", file: file, record: partition.record(row))
        } else {
          try found.appendNull()
        }
      }
    }
    return try table.appending([(into, found.finish())], file: file)
  }

  static let definition = OpDefinition(
    name: "text.extract", version: 1, summary: "takes a part of each text, by a regular expression",
    inputs: [OpInput("table", .any, summary: "a table with a column of strings")],
    parameters: [
      OpParameter("column", .string, default: .string("text"), summary: "the column that is searched"),
      OpParameter("pattern", .string, summary: "a regular expression as Perl has them; what is found first counts"),
      OpParameter(
        "group", .integer(0...100), isOptional: true,
        summary: "which group's text is taken; the first if left out, and where there is none all that is found"),
      OpParameter("into", .string, summary: "the new column's name"),
      OpParameter(
        "missing", .choice(["null", "fail"]), default: .string("null"), summary: "what to do where nothing is found"),
    ],
    output: "the table's columns, and behind them a string per record; null where the text is null or nothing is found",
    example: """
      labelled:
        op: text.extract
        from: lines
        with: {column: path, pattern: '([^/]+)_dga\\.txt$', into: family}
      """,
    maker: .perPartition { try ExtractText($0) })
}
