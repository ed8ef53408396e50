import Graph

/// `arxiv.preprocess`: tokens of the abstract and one-hot main categories in one step.
///
/// The same kernels as `text.tokenize` and `text.oneHot`, without a table in between.
struct ArxivPreprocess: PartitionOp {
  let abstract: String
  let category: String
  let tokenizer: Tokenizer
  let encoder: OneHot

  static let tokens = "token_abs"
  static let list = "main_cat_list"

  init(_ arguments: OpArguments) throws {
    abstract = arguments.require(OpArguments.string, "abstract")
    category = arguments.require(OpArguments.string, "category")
    tokenizer = Tokenizer(marks: arguments.require(OpArguments.string, "marks"))
    encoder = try OneHot(
      categories: arguments.require(OpArguments.strings, "categories"),
      columns: OneHot.Columns(rawValue: arguments.require(OpArguments.string, "columns")) ?? .present,
      other: arguments.require(OpArguments.boolean, "other"))
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let text = TextEstimates.tokenize(inputBytes[0])
    let flags = TextEstimates.oneHot(inputBytes[0])
    return MemoryEstimate(output: text.output, scratch: text.scratch + flags.scratch)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let categories = try table.texts(category, for: "one-hot", file: file)
    let flags = try encoder.encode(categories, name: category, ids: table["id"], file: file, context: context)
    let tokens = try tokenizer.tokenize(table.strings(abstract, file: file), context: context)
    return try Table([(ArxivPreprocess.tokens, tokens), (ArxivPreprocess.list, categories)])
      .appending(flags, file: file)
  }

  static let definition = OpDefinition(
    name: "arxiv.preprocess", version: 1,
    summary: "tokenizes each paper's abstract and one-hot encodes its main categories",
    inputs: [OpInput("papers", summary: "a table with abstracts and main categories, as arxiv.read makes")],
    parameters: [
      OneHotParameters.categories,
      OneHotParameters.columns,
      OneHotParameters.other,
      OpParameter("abstract", .string, default: .string("abstract"), summary: "the column of text"),
      OpParameter(
        "category", .string, default: .string("main_cat_list"),
        summary: "the column of categories: strings or lists of strings"),
      TokenizeOp.marks,
    ],
    output: """
      token_abs: the abstract's tokens; main_cat_list: the main categories; then an int8 column of 0 and 1 per category. \
      Nothing else of the input
      """,
    example: """
      prepared:
        op: arxiv.preprocess
        from: papers
        with: {categories: [Computer Science, Mathematics, Physics]}
      """,
    maker: .perPartition { try ArxivPreprocess($0) })
}
