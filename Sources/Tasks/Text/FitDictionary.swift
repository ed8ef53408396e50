import Graph

/// `text.fitDictionary`: the tokens of all documents, see `TokenDictionary`.
struct FitDictionary: ReductionOp {
  private let column: String
  private let noBelow: Int
  private let noAbove: Double
  private let most: Int?
  private let isSorted: Bool
  let fanIn: Int

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    noBelow = arguments.require(OpArguments.integer, "no_below")
    noAbove = arguments.require(OpArguments.number, "no_above")
    guard noAbove >= 0, noAbove <= 1 else {
      throw ParameterError("no_above", "\(noAbove) is no share of the documents; it goes from 0, none, to 1, all")
    }
    most = arguments.integer("keep_n")
    isSorted = arguments.require(OpArguments.string, "order") == "sorted"
    fanIn = arguments.require(OpArguments.integer, "split_every")
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    // Nobody knows how many tokens differ; a short one takes some times what it takes in a list.
    return MemoryEstimate(output: all + 65_536, scratch: all * 4 + 131_072)
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    var counts = DictionaryCounts()
    try counts.add(Table.from(value, file: file).tokens(column, file: file), context: context)
    return try counts.finish()
  }

  private func combined(_ values: [any TaskValue], _ context: any TaskContext) throws -> DictionaryCounts {
    var counts = DictionaryCounts()
    for value in values {
      try context.checkCancellation()
      counts.add(try TokenDictionary(value))
    }
    return counts
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    values.count > 1 ? try combined(values, context).finish() : values[0]
  }

  func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue {
    try combined([value], context).filtered(noBelow: noBelow, noAbove: noAbove, most: most, isSorted: isSorted)
  }

  static let definition = OpDefinition(
    name: "text.fitDictionary", version: 1,
    summary: "finds the tokens of all documents, an id for each, and in how many documents they are",
    inputs: [OpInput("table", summary: "a table with a column of lists of strings, as text.tokenize makes it")],
    parameters: [
      OpParameter("column", .string, default: .string("tokens"), summary: "the column of tokens"),
      OpParameter(
        "no_below", .integer(0...Int.max), default: .integer(1), summary: "leave out tokens that are in fewer documents"
      ),
      OpParameter(
        "no_above", .number, default: .number(1),
        summary: "leave out tokens that are in more than this share of the documents, 0 to 1"),
      OpParameter(
        "keep_n", .integer(1...Int(Int32.max)), isOptional: true,
        summary: "of what is left, keep only so many that are in most documents"),
      OpParameter(
        "order", .choice(["first", "sorted"]), default: .string("first"),
        summary:
          "ids by the first document a token is in, and there by code point, as gensim; or all by code point, as scikit-learn"
      ),
      .splitEvery,
    ],
    output: """
      one table in the order of ids: token (string), id (int32, from 0), documents and count (int64: in how many documents, how \
      often), total (int64: how many documents there are, the same in all records). The same for any partitions
      """,
    example: """
      dictionary:
        op: text.fitDictionary
        from: tokenized
        with: {no_below: 5, no_above: 0.5, keep_n: 100000}
      """,
    maker: .reduction { try FitDictionary($0) })
}

extension Table {
  /// A column of lists of strings.
  ///
  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  func tokens(_ name: String, file: String?) throws -> Column {
    let column = try column(name, file: file)
    guard column.type == .list(.utf8) else {
      throw TaskError(
        .wrongType,
        "column \"\(name)\" holds \(column.type), and tokens are lists of strings; make them with text.tokenize",
        file: file)
    }
    return column
  }
}
