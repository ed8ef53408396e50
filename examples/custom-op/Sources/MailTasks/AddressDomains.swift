import GraphRunCLI

/// `mail.domains`: of which domains the addresses in a column are, as a tree reduction.
///
/// Partial results hold all domains, sorted by name; only the last step cuts them down to the most frequent. So what
/// comes out does not depend on how the tree is cut.
struct AddressDomains: ReductionOp {
  let column: String
  let top: Int
  let fanIn: Int

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    top = arguments.require(OpArguments.integer, "top")
    fanIn = arguments.require(OpArguments.integer, "split_every")
  }

  /// How many domains there are is not to be foreseen.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    return MemoryEstimate(output: all / 64 + 16_384, scratch: all / 32 + 32_768)
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let texts = try MailColumn.of(try Table.from(value, file: file), column, file: file)
    var counts: [String: Int64] = [:]
    try texts.withStrings { cells in
      for row in 0..<texts.count {
        if row % 1024 == 1023 { try context.checkCancellation() }
        guard !texts.isNull(row) else { continue }
        var scanner = AddressScanner(cells[row])
        while let address = scanner.next() {
          let domain = cells[row][(address.at + 1)..<address.end]
          counts[String(decoding: domain, as: UTF8.self).lowercased(), default: 0] += 1
        }
      }
    }
    return try AddressDomains.table(counts.sorted { $0.key < $1.key })
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    var counts: [String: Int64] = [:]
    for value in values {
      for (domain, count) in try AddressDomains.entries(of: value) { counts[domain, default: 0] += count }
    }
    return try AddressDomains.table(counts.sorted { $0.key < $1.key })
  }

  func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue {
    let entries = try AddressDomains.entries(of: value).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return try AddressDomains.table(Array(entries.prefix(top)))
  }

  private static func entries(of value: any TaskValue) throws -> [(key: String, value: Int64)] {
    let table = try Table.from(value)
    let (domains, counts) = (try table.column("domain"), try table.column("addresses"))
    return (0..<table.count).map { (domains.string(at: $0) ?? "", counts.integer(at: $0) ?? 0) }
  }

  private static func table(_ entries: [(key: String, value: Int64)]) throws -> Table {
    var domains = StringColumnBuilder(rows: entries.count)
    var counts = FixedColumnBuilder<Int64>(capacity: entries.count)
    for (domain, count) in entries {
      try domains.append(domain)
      counts.append(count)
    }
    return Table([("domain", domains.finish()), ("addresses", counts.finish())])
  }

  static let definition = OpDefinition(
    name: "mail.domains", version: 1, summary: "counts the domains of the e-mail addresses in a column of text",
    inputs: [OpInput("table", summary: "a table with a column of strings")],
    parameters: [
      OpParameter("column", .string, summary: "the column of text"),
      OpParameter(
        "top", .integer(1...Int.max), default: .integer(10), summary: "how many of the most frequent to list"),
      OpParameter(
        "split_every", .integer(2...Int.max), default: .integer(8), isIdentity: false,
        summary: "how many partial results one combining task takes"),
    ],
    output: "domain (lower case) and addresses (int64), the most frequent first, equally frequent ones by name",
    example: """
      domains:
        op: mail.domains
        from: messages
        with: {column: text, top: 3}
      """,
    maker: .reduction { try AddressDomains($0) })
}
