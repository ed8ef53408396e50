import Graph

/// `text.tokenize`: see `Tokenizer`.
struct TokenizeOp: PartitionOp {
  let target: DerivedColumn
  let tokenizer: Tokenizer

  init(_ arguments: OpArguments) throws {
    target = try DerivedColumn(arguments)
    tokenizer = Tokenizer(marks: arguments.require(OpArguments.string, "marks"))
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { TextEstimates.tokenize(inputBytes[0]) }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let tokens = try tokenizer.tokenize(table.strings(target.column, file: file), context: context)
    return try target.adding(tokens, to: table, file: file)
  }

  static let marks = OpParameter(
    "marks", .string, default: .string(Tokenizer.defaultMarks),
    summary: "characters that become tokens of their own; the text between them is split at Unicode white space")

  static let definition = OpDefinition(
    name: "text.tokenize", version: 1,
    summary: "cuts a column of text into tokens: words, and marks as tokens of their own",
    inputs: [OpInput("table", summary: "a table with a column of strings")],
    parameters: [
      OpParameter("column", .string, summary: "the column of text"),
      OpParameter("into", .string, default: .string("tokens"), summary: "the new column's name"),
      OpParameter("keep", .boolean, default: .boolean(true), summary: "keep the column of text too"),
      marks,
    ],
    output: "the table's columns, and behind them a list of strings per record; a null text gives a null list",
    example: """
      tokenized:
        op: text.tokenize
        from: papers
        with: {column: abstract, into: tokens, keep: false}
      """,
    maker: .perPartition { try TokenizeOp($0) })
}

/// `text.oneHot`: see `OneHot`.
struct OneHotOp: PartitionOp {
  let column: String
  let keep: Bool
  let encoder: OneHot

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    keep = arguments.require(OpArguments.boolean, "keep")
    encoder = try OneHot(
      categories: arguments.require(OpArguments.strings, "categories"),
      columns: OneHot.Columns(rawValue: arguments.require(OpArguments.string, "columns")) ?? .present,
      other: arguments.require(OpArguments.boolean, "other"))
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { TextEstimates.oneHot(inputBytes[0]) }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let categories = try inputs.count > 1 ? OneHotOp.list(in: inputs[1]) : []
    let encoder = try OneHotOp.adding(categories, to: self.encoder)
    let flags = try encoder.encode(
      table.texts(column, for: "one-hot", file: file), name: column, ids: table["id"], file: file, context: context)
    return try (keep ? table : table.dropping([column])).appending(flags, file: file)
  }

  /// The parameter's categories, then those of the second input that are not among them.
  static func adding(_ more: [String], to encoder: OneHot) throws -> OneHot {
    var known = Set(encoder.categories.map(ByteText.init))
    let new = more.filter { known.insert(ByteText($0)).inserted }
    return new.isEmpty
      ? encoder : try OneHot(categories: encoder.categories + new, columns: encoder.columns, other: encoder.other)
  }

  /// The texts of the first string column of a value such as `bag.distinct` makes.
  static func list(in value: any TaskValue) throws -> [String] {
    let table = try Table.from(value)
    guard let column = table.columns.first(where: { $0.type == .utf8 }) else {
      throw TaskError(
        .wrongType, "the input \"categories\" has no column of strings; take it from a bag.distinct of strings")
    }
    return (0..<column.count).compactMap { column.string(at: $0) }
  }

  static let definition = OpDefinition(
    name: "text.oneHot", version: 1,
    summary: "makes one 0/1 column for every category in a column of strings or of lists of strings",
    inputs: [
      OpInput("table", summary: "a table with a column of strings or of lists of strings"),
      OpInput(
        "categories", .value, isOptional: true,
        summary: "more categories: a table whose first string column lists them, as bag.distinct makes"),
    ],
    parameters: [
      OpParameter("column", .string, summary: "the column of categories"),
      OneHotParameters.categories,
      OneHotParameters.columns,
      OneHotParameters.other,
      OpParameter("keep", .boolean, default: .boolean(true), summary: "keep the column of categories too"),
    ],
    output: "the table's columns, and behind them an int8 column of 0 and 1 per category; a null gives zeros",
    example: """
      encoded:
        op: text.oneHot
        from: papers
        with: {column: main_cat_list, categories: [Mathematics, Physics], columns: fixed, other: true}
      """,
    maker: .perPartition { try OneHotOp($0) })
}

/// Parameters that every operation with one-hot columns has.
enum OneHotParameters {
  static let categories = OpParameter(
    "categories", .strings, default: .strings([]), summary: "categories that get a column also where they do not occur")
  static let columns = OpParameter(
    "columns", .choice(OneHot.Columns.allCases.map(\.rawValue)), default: .string("present"),
    summary: "present: those in the partition, sorted, then the others of categories; "
      + "fixed: exactly categories, in their order, in every partition")
  static let other = OpParameter(
    "other", .boolean, default: .boolean(false),
    summary: "with columns: fixed, flag categories outside the list in a column \"other\" and do not fail")
}

/// What text operations need, from the size of their input.
enum TextEstimates {
  /// Tokens take the text without its spaces and 4 bytes each. Measured on abstracts: 1.57 times the input.
  static func tokenize(_ inputBytes: Int) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes * 17 / 10 + 4096, scratch: 4096)
  }

  /// A byte per record and category; the numbers in between.
  static func oneHot(_ inputBytes: Int) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes / 20 + 4096, scratch: inputBytes / 20 + 16_384)
  }
}
