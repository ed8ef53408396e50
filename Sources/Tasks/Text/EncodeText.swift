import Graph

/// `text.encode`: texts as lists of ids.
struct EncodeText: PartitionOp {
  let target: DerivedColumn

  init(_ arguments: OpArguments) throws { target = try DerivedColumn(arguments) }

  /// At most an id of four bytes for every byte of text, and an offset.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0] * 4 + 4096, scratch: (inputBytes.dropFirst().first ?? 0) * 2 + 65_536)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let texts = try table.strings(target.column, file: file)
    var encoder = TokenEncoder(try FittedTokenizer.from(inputs[1]))
    let ids = try encoder.encode(texts, context: context)
    return try target.adding(ids, to: table, file: file)
  }

  static let definition = OpDefinition(
    name: "text.encode", version: 1, summary: "turns texts into lists of ids, by a tokenizer's vocabulary",
    inputs: [
      OpInput("table", summary: "a table with a column of strings"),
      OpInput("tokenizer", .value, summary: "from text.fitTokenizer or text.readTokenizer"),
    ],
    parameters: [
      OpParameter("column", .string, default: .string("text"), summary: "the column of text"),
      OpParameter("into", .string, default: .string("ids"), summary: "the new column's name"),
      OpParameter("keep", .boolean, default: .boolean(false), summary: "keep the column of text too"),
    ],
    output: """
      the table's columns, and behind them a list of int32 per record; tokens that are not in the vocabulary are left out, or \
      have the id of oov_token; a null text gives a null list
      """,
    example: """
      encoded:
        op: text.encode
        from: [lines, tokenizer]
      """,
    maker: .perPartition { try EncodeText($0) })
}

/// Looks tokens up.
struct TokenEncoder: ~Copyable {
  private let tokens: TextTokens
  private let isByCharacter: Bool
  private var table = StringTable()
  /// By number in `table`; 0 for what is left out.
  private var ids: [Int32] = []
  /// For what is not in the table; 0 to leave it out.
  private let unknown: Int32
  /// By byte of ASCII, where every character is a token.
  private var byteIDs: [Int32]

  init(_ tokenizer: FittedTokenizer) {
    let settings = tokenizer.settings
    tokens = TextTokens(settings)
    isByCharacter = settings.charLevel
    unknown = tokenizer.oovID ?? 0
    byteIDs = [Int32](repeating: unknown, count: 128)
    let most = settings.numWords.map { Int32(clamping: $0) } ?? .max
    tokenizer.texts.withStrings { cells in
      for row in 0..<cells.count {
        _ = table.insert(cells[row])
        ids.append(tokenizer.ids[row] < most ? tokenizer.ids[row] : unknown)
      }
    }
    for byte in UInt8(0)..<128 {
      var token = settings.lower ? TextTokens.lower(ascii: byte) : byte
      withUnsafePointer(to: &token) {
        if let number = table.number(of: UnsafeBufferPointer(start: $0, count: 1)) { byteIDs[Int(byte)] = ids[number] }
      }
    }
  }

  /// A column of lists of `Int32`.
  mutating func encode(_ texts: Column, context: any TaskContext) throws -> Column {
    var offsets = BufferBuilder(capacity: (texts.count + 1) * 4)
    var items = BufferBuilder(capacity: 4096)
    offsets.append(Int32(0))
    var count = 0
    try texts.withStrings { cells in
      for row in 0..<cells.count {
        if row % 4096 == 4095 { try context.checkCancellation() }
        if !texts.isNull(row) { count += encode(cells[row], into: &items) }
        offsets.append(try checkedOffset(count, of: "ids"))
      }
    }
    let ids = Column(type: .int32, count: count, storage: .fixed(items.finish()))
    return Column(
      type: .list(.int32), count: texts.count, nullCount: texts.nullCount, validity: texts.validity,
      storage: .lists(offsets: offsets.finish(), items: ids))
  }

  /// - Returns: how many ids were written.
  private mutating func encode(_ text: UnsafeBufferPointer<UInt8>, into items: inout BufferBuilder) -> Int {
    if isByCharacter, let count = encodeASCII(text, into: &items) { return count }
    var count = 0
    tokens.forEach(in: text) { token in
      let id = table.number(of: token).map { ids[$0] } ?? unknown
      if id != 0 {
        items.append(id)
        count += 1
      }
    }
    return count
  }

  /// - Returns: `nil` where the text is not all ASCII; then nothing was written.
  @inline(__always)
  private func encodeASCII(_ text: UnsafeBufferPointer<UInt8>, into items: inout BufferBuilder) -> Int? {
    guard text.isASCII else { return nil }
    var count = 0
    byteIDs.withUnsafeBufferPointer { byteIDs in
      items.appendDirect(most: text.count * 4 + 4) { start in
        start.withMemoryRebound(to: Int32.self, capacity: text.count + 1) { out in
          // Written whatever it is, and written over where it is left out.
          for byte in text {
            let id = byteIDs[Int(byte)]
            out[count] = id
            count &+= id == 0 ? 0 : 1
          }
        }
        return count * 4
      }
    }
    return count
  }
}
