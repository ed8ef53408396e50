import Graph

/// `text.decode`: lists of ids as texts, the inverse of `text.encode`.
struct DecodeText: PartitionOp {
  let target: DerivedColumn
  let separator: String?

  init(_ arguments: OpArguments) throws {
    target = try DerivedColumn(arguments)
    separator = arguments.string("separator")
  }

  /// Words are longer than ids as a rule, but not by much; characters are shorter.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0] * 2 + 4096, scratch: (inputBytes.dropFirst().first ?? 0) * 2 + 65_536)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let lists = try IntegerLists.of(table, target.column, for: "text.decode", file: file)
    let tokenizer = try FittedTokenizer.from(inputs[1])
    let most = tokenizer.settings.numWords.map { Int32(clamping: $0) } ?? .max
    let oov = tokenizer.oovID
    var words: [Int32: String] = [:]
    for row in 0..<tokenizer.words.count { words[tokenizer.ids[row]] = tokenizer.texts.string(at: row) }
    if let oov, let token = tokenizer.settings.oovToken { words[oov] = token }
    let separator = self.separator ?? (tokenizer.settings.charLevel ? "" : " ")
    var texts = StringColumnBuilder(rows: table.count)
    for row in 0..<lists.count {
      if row % 4096 == 4095 { try context.checkCancellation() }
      if lists.isNull(row) {
        try texts.appendNull()
        continue
      }
      var text = ""
      var isFirst = true
      for id in lists[row] {
        // As Keras: what the vocabulary has not, or not any more, is the token for unknown ones where there is one.
        let word = words[id].flatMap { id < most || id == oov ? $0 : nil } ?? oov.flatMap { words[$0] }
        guard let word, id != 0 || words[0] != nil else { continue }
        if !isFirst { text += separator }
        text += word
        isFirst = false
      }
      try texts.append(text)
    }
    return try target.adding(texts.finish(), to: table, file: file)
  }

  static let definition = OpDefinition(
    name: "text.decode", version: 1, summary: "turns lists of ids back into texts, by a tokenizer's vocabulary",
    inputs: [
      OpInput("table", summary: "a table with a column of lists of int32, padded or not"),
      OpInput("tokenizer", .value, summary: "from text.fitTokenizer or text.readTokenizer"),
    ],
    parameters: [
      OpParameter("column", .string, default: .string("ids"), summary: "the column of ids"),
      OpParameter("into", .string, default: .string("text"), summary: "the new column's name"),
      OpParameter("keep", .boolean, default: .boolean(false), summary: "keep the column of ids too"),
      OpParameter(
        "separator", .string, isOptional: true,
        summary: "what to put between tokens: nothing at character level and a space between words, if left out"),
    ],
    output: """
      the table's columns, and behind them a text per record, lower-cased as it was encoded; 0, which pads, is left out, and \
      ids that the vocabulary has not are left out or have the oov_token
      """,
    example: """
      texts:
        op: text.decode
        from: [encoded, tokenizer]
      """,
    maker: .perPartition { try DecodeText($0) })
}
