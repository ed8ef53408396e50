import Graph

/// `text.fitTokenizer`: the vocabulary of all texts, see `FittedTokenizer`.
struct FitTokenizer: ReductionOp {
  let column: String
  let settings: TokenizerSettings
  let fanIn: Int

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    fanIn = arguments.require(OpArguments.integer, "split_every")
    settings = TokenizerSettings(
      numWords: arguments.integer("num_words"), filters: arguments.require(OpArguments.string, "filters"),
      lower: arguments.require(OpArguments.boolean, "lower"), split: arguments.require(OpArguments.string, "split"),
      charLevel: arguments.require(OpArguments.boolean, "char_level"), oovToken: arguments.string("oov_token"))
    guard !settings.split.isEmpty else { throw ParameterError("split", "words have to be separated by something") }
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    // Of words nobody knows how many differ, and those of other partitions need not be the same; of characters there are few.
    let all = settings.charLevel ? 0 : inputBytes.reduce(0, +)
    return MemoryEstimate(output: all / 2 + 65_536, scratch: all * 3 / 2 + 131_072)
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let texts = try Table.from(value, file: file).strings(column, file: file)
    let counts = TokenCounts(settings)
    try texts.withStrings { cells in
      for row in 0..<cells.count {
        if row % 4096 == 4095 { try context.checkCancellation() }
        if !texts.isNull(row) { counts.add(cells[row]) }
      }
    }
    return try counts.finish()
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    guard values.count > 1 else { return values[0] }
    let counts = TokenCounts(settings)
    for value in values {
      try context.checkCancellation()
      counts.add(try FittedTokenizer.from(value))
    }
    return try counts.finish()
  }

  func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue {
    try FittedTokenizer.from(value).ranked()
  }

  static let definition = OpDefinition(
    name: "text.fitTokenizer", version: 2,
    summary: "finds the vocabulary of all texts, words or characters, and gives each an id by how frequent it is",
    inputs: [OpInput("table", summary: "a table with a column of strings")],
    parameters: [
      OpParameter("column", .string, default: .string("text"), summary: "the column of text"),
      OpParameter(
        "char_level", .boolean, default: .boolean(false), summary: "whether every character is a token, or every word"),
      OpParameter(
        "lower", .boolean, default: .boolean(true), summary: "lower-case texts first, as Python's str.lower does"),
      OpParameter(
        "filters", .string, default: .string(TokenizerSettings.defaultFilters),
        summary: "characters that separate words, too; of no effect at character level, as in Keras"),
      OpParameter("split", .string, default: .string(" "), summary: "what stands between words"),
      OpParameter(
        "num_words", .integer(1...Int(Int32.max)), isOptional: true,
        summary: "encode only tokens with ids below this; all if left out"),
      OpParameter(
        "oov_token", .string, isOptional: true,
        summary: "the token, with id 1, for those that are not in the vocabulary; they are left out if it is"),
      .splitEvery,
    ],
    output: """
      a tokenizer, with the semantics of Keras's: ids from 1 by falling count, of equally frequent tokens the one that comes \
      first in the data's order first; null texts are no documents
      """,
    example: """
      tokenizer:
        op: text.fitTokenizer
        from: lines
        with: {char_level: true}
      """,
    maker: .reduction { try FitTokenizer($0) })
}

/// Counts tokens in the order in which they first come.
private final class TokenCounts {
  /// What is known of one token.
  private struct Tally {
    var count: Int64 = 0
    var documents: Int64 = 0
    /// The last text it was seen in, from 1.
    var lastText: Int64 = 0
  }

  private let settings: TokenizerSettings
  private let tokens: TextTokens
  private var table = StringTable()
  /// By number in `table`, in memory of its own: arrays check each access, of which there is one for every character.
  private var tallies = UnsafeMutablePointer<Tally>.allocate(capacity: 256)
  private var capacity = 256
  private var texts: Int64 = 0
  private let ascii: ASCIICounts

  init(_ settings: TokenizerSettings) {
    self.settings = settings
    tokens = TextTokens(settings)
    ascii = ASCIICounts(lower: settings.lower)
  }

  deinit { tallies.deallocate() }

  func add(_ text: UnsafeBufferPointer<UInt8>) {
    texts += 1
    if settings.charLevel, text.isASCII {
      // What was not seen before gets its number where it first stands.
      if ascii.add(text) { for byte in text { insert(ascii: byte) } }
      return
    }
    tokens.forEach(in: text) { token in
      // Before `tallies` is looked at: it may move.
      let number = insert(token)
      count(tallies + number)
    }
  }

  @discardableResult
  private func insert(ascii byte: UInt8) -> Int {
    var token = ascii.token(of: byte)
    return withUnsafePointer(to: &token) { insert(UnsafeBufferPointer(start: $0, count: 1)) }
  }

  @inline(__always)
  private func count(_ tally: UnsafeMutablePointer<Tally>) {
    tally.pointee.count &+= 1
    if tally.pointee.lastText != texts {
      tally.pointee.lastText = texts
      tally.pointee.documents &+= 1
    }
  }

  /// The token's number; there is room for its tally. `tallies` may be another place then.
  private func insert(_ token: UnsafeBufferPointer<UInt8>) -> Int {
    let before = table.count
    let number = table.insert(token)
    guard number == before else { return number }
    if number == capacity {
      let larger = UnsafeMutablePointer<Tally>.allocate(capacity: capacity * 2)
      larger.moveInitialize(from: tallies, count: capacity)
      tallies.deallocate()
      (tallies, capacity) = (larger, capacity * 2)
    }
    (tallies + number).initialize(to: Tally())
    return number
  }

  /// Adds what was counted in texts that come behind all so far.
  func add(_ other: FittedTokenizer) {
    texts += Int64(other.documentCount)
    other.texts.withStrings { cells in
      for row in 0..<cells.count {
        let number = insert(cells[row])
        let tally = tallies + number
        tally.pointee.count += other.counts[row]
        tally.pointee.documents += other.documents[row]
      }
    }
  }

  /// - Precondition: it is called once, behind all texts.
  func finish() throws -> FittedTokenizer {
    for (byte, counted) in ascii.counts where counted > 0 {
      let number = insert(ascii: byte)
      tallies[number].count += counted
    }
    for (byte, texts) in ascii.documents where texts > 0 {
      let number = insert(ascii: byte)
      tallies[number].documents += texts
    }
    let count = table.count
    var words = StringColumnBuilder(rows: count)
    for number in 0..<count { try words.append(table.text(number)) }
    let found = UnsafeBufferPointer(start: tallies, count: count)
    return FittedTokenizer(
      settings: settings, documentCount: Int(texts),
      words: FittedTokenizer.words(
        words.finish(), found.map(\.count), found.map(\.documents), [Int32](repeating: 0, count: count)))
  }
}
