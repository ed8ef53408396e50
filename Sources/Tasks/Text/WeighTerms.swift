import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `text.bagOfWords` and `text.tfidf`: documents as sparse vectors over a dictionary.
struct WeighTerms: PartitionOp {
  /// What a token of a document weighs.
  enum Weighting: String, CaseIterable {
    /// How often it is there.
    case counts
    /// gensim's default: its count times log₂(N / n), to unit length; what is in all documents weighs nothing.
    case gensim
    /// scikit-learn's default: its count times ln((1 + N) / (1 + n)) + 1, to unit length.
    case sklearn
  }

  private let column: String
  private let keep: Bool
  private let weighting: Weighting

  init(_ arguments: OpArguments, counting: Bool) {
    column = arguments.require(OpArguments.string, "column")
    keep = arguments.require(OpArguments.boolean, "keep")
    weighting =
      counting ? .counts : Weighting(rawValue: arguments.require(OpArguments.string, "weighting")) ?? .gensim
  }

  /// Twelve bytes for a token of a few letters and its offset, and the dictionary to look it up.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let dictionary = inputBytes.dropFirst().first ?? 0
    return MemoryEstimate(
      output: inputBytes[0] * (keep ? 5 : 3) / 2 + 16_384, scratch: inputBytes[0] / 2 + dictionary * 3 + 65_536)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let documents = try table.tokens(column, file: file)
    let dictionary = try TokenDictionary(inputs[1])
    let tokens = dictionary.lookup()
    let factors = factors(dictionary)
    var tally = [Int32](repeating: 0, count: dictionary.table.count)
    var offsets = BufferBuilder(capacity: (documents.count + 1) * 4)
    var ids = BufferBuilder()
    var values = BufferBuilder()
    offsets.append(Int32(0))
    var seen: [Int32] = []
    var weights: [Double] = []
    try documents.items!.withStrings { cells in
      try documents.withOffsets { starts in
        for row in 0..<documents.count {
          if row % 1024 == 1023 { try context.checkCancellation() }
          seen.removeAll(keepingCapacity: true)
          for item in Int(starts[row])..<Int(starts[row + 1]) where !documents.isNull(row) {
            guard let id = tokens.number(of: cells[item]) else { continue }
            if tally[id] == 0 { seen.append(Int32(truncatingIfNeeded: id)) }
            tally[id] += 1
          }
          seen.sort()
          if weighting == .counts {
            for id in seen {
              ids.append(id)
              values.append(tally[Int(id)])
            }
          } else {
            weights.removeAll(keepingCapacity: true)
            var sum = 0.0
            for id in seen {
              let weight = Double(tally[Int(id)]) * factors[Int(id)]
              weights.append(weight)
              sum += weight * weight
            }
            let length = sum > 0 ? sum.squareRoot() : 1
            for (id, weight) in zip(seen, weights) where abs(weight / length) > WeighTerms.least {
              ids.append(id)
              values.append(weight / length)
            }
          }
          for id in seen { tally[Int(id)] = 0 }
          offsets.append(try checkedOffset(ids.count / 4, of: "terms"))
        }
      }
    }
    let count = ids.count / 4
    let starts = offsets.finish()
    func lists(_ type: ColumnType, _ buffer: Buffer) -> Column {
      Column(
        type: .list(type), count: documents.count, nullCount: documents.nullCount, validity: documents.validity,
        storage: .lists(offsets: starts, items: Column(type: type, count: count, storage: .fixed(buffer))))
    }
    return try (keep ? table : table.dropping([column])).appending(
      [
        ("ids", lists(.int32, ids.finish())),
        weighting == .counts
          ? ("counts", lists(.int32, values.finish())) : ("weights", lists(.float64, values.finish())),
      ], file: file)
  }

  /// Weights below are taken for 0, as by gensim; none of scikit-learn's is.
  private static let least = 1e-12

  /// By id.
  private func factors(_ dictionary: TokenDictionary) -> [Double] {
    let total = Double(dictionary.total)
    switch weighting {
    case .counts: return []
    // NumPy's division by log(2), and not log2: the last bit is not always the same.
    case .gensim: return dictionary.documents.map { log(total / Double($0)) / log(2) }
    case .sklearn: return dictionary.documents.map { log((1 + total) / (1 + Double($0))) + 1 }
    }
  }

  private static let inputs = [
    OpInput("table", summary: "a table with a column of lists of strings"),
    OpInput("dictionary", .value, summary: "from text.fitDictionary"),
  ]
  private static let parameters = [
    OpParameter("column", .string, default: .string("tokens"), summary: "the column of tokens"),
    OpParameter("keep", .boolean, default: .boolean(false), summary: "keep the column of tokens too"),
  ]

  static let bagOfWords = OpDefinition(
    name: "text.bagOfWords", version: 1, summary: "counts how often each token of a dictionary is in a document",
    inputs: inputs, parameters: parameters,
    output: """
      the table's columns, and behind them two lists of one length, of the tokens that are there: ids (int32, ascending) and \
      counts (int32); other tokens are left out
      """,
    example: """
      bags:
        op: text.bagOfWords
        from: [tokenized, dictionary]
      """,
    maker: .perPartition { WeighTerms($0, counting: true) })

  static let tfidf = OpDefinition(
    name: "text.tfidf", version: 1,
    summary: "weighs each document's tokens by how often they are there and how rare in all",
    inputs: inputs,
    parameters: parameters + [
      OpParameter(
        "weighting", .choice(["gensim", "sklearn"]), default: .string("gensim"),
        summary:
          "gensim: count · log2(N/n); sklearn: count · (ln((1+N)/(1+n)) + 1), smoothed. Both to unit length; N documents, n with the token"
      )
    ],
    output: """
      the table's columns, and behind them two lists of one length: ids (int32, ascending) and weights (float64, above 0); \
      tokens that are not in the dictionary are left out
      """,
    example: """
      weighed:
        op: text.tfidf
        from: [tokenized, dictionary]
        with: {weighting: sklearn}
      """,
    maker: .perPartition { WeighTerms($0, counting: false) })
}
