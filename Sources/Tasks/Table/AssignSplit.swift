import Graph

/// `table.assignSplit`: which part of the data each record belongs to, such as train, validation or test.
///
/// With columns to go by, a hash of what they hold decides: a record stays where it is however much data comes to it, and
/// those that are alike stand on one side. Without, the record's place decides.
struct AssignSplit: PartitionOp {
  private let into: String
  private let by: [String]
  private let seed: UInt64
  /// By name; and where each ends, of 2⁶⁴.
  private let parts: [(name: String, end: UInt64)]

  init(_ arguments: OpArguments) throws {
    into = arguments.require(OpArguments.string, "into")
    by = arguments.strings("by") ?? []
    // Other numbers than those of other operations with this seed, and of another split.
    var name = into
    let salt = name.withUTF8 { StableHash.of(UnsafeRawBufferPointer($0)) }
    seed = StableHash.combine(UInt64(bitPattern: Int64(arguments.require(OpArguments.integer, "seed"))), salt)
    guard by.firstRepeated == nil else { throw ParameterError("by", "a column is named twice") }
    guard by.count <= KeyBatch.mostColumns else {
      throw ParameterError("by", "at most \(KeyBatch.mostColumns) columns are possible")
    }
    let shares = try arguments.require(OpArguments.map, "shares").sorted { $0.key < $1.key }.map { name, text in
      guard let share = Double(text), share >= 0, share <= 1 else {
        throw ParameterError("shares", "\"\(name)\" is to get \(jsonQuoted(text)), which is no share from 0 to 1")
      }
      return (name: name, share: share)
    }
    let sum = shares.reduce(0) { $0 + $1.share }
    guard abs(sum - 1) < 1e-9 else {
      throw ParameterError("shares", "they make \(sum) together, and should make 1, as {train: 0.8, test: 0.2}")
    }
    var end = 0.0
    parts = shares.map { name, share in
      end += share
      return (name, end >= 1 ? .max : UInt64(end * 0x1p64))
    }
  }

  var dependsOnIndex: Bool { by.isEmpty }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0] * 5 / 2 + 16_384, scratch: inputBytes[0] + 65_536)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    var names = StringColumnBuilder(rows: table.count, byteCount: table.count * 5)
    func part(_ chance: UInt64) -> String { (parts.first { chance < $0.end } ?? parts.last!).name }
    if by.isEmpty {
      var random = SampleRandom(seed: seed, part: partition.index)
      for _ in 0..<table.count { try names.append(part(random.next())) }
    } else {
      let columns = try by.map { try table.column($0, file: file) }
      for (name, column) in zip(by, columns) where column.type.isNested {
        throw TaskError(
          .wrongType, "column \"\(name)\" holds \(column.type); name one of strings, numbers, dates or flags",
          file: file)
      }
      let batch = KeyBatch(columns)
      for start in stride(from: 0, to: table.count, by: KeyBatch.mostRows) {
        try context.checkCancellation()
        let rows = start..<min(start + KeyBatch.mostRows, table.count)
        batch.load(rows)
        for index in 0..<rows.count { try names.append(part(StableHash.combine(seed, batch.hashes[index]))) }
      }
    }
    return try table.appending([(into, names.finish())], file: file)
  }

  static let definition = OpDefinition(
    name: "table.assignSplit", version: 1,
    summary: "says of each record which part of the data it belongs to: train, test",
    inputs: [OpInput("table", .any, summary: "any table")],
    parameters: [
      OpParameter("shares", .map, summary: "each part and its share of the records; together 1"),
      OpParameter(
        "by", .strings, isOptional: true,
        summary:
          "columns whose content decides, so that a record stays in its part when data is added; its place, if left out"
      ),
      OpParameter("seed", .integer(Int.min...Int.max), default: .integer(1), summary: "another seed, other parts"),
      OpParameter("into", .string, default: .string("split"), summary: "the new column's name"),
    ],
    output: "the table's columns, and behind them the part's name (string); table.filter takes one of them",
    example: """
      parts:
        op: table.assignSplit
        from: names
        with: {shares: {train: 0.8, validation: 0.1, test: 0.1}, by: text}
      """,
    maker: .perPartition { try AssignSplit($0) })
}
