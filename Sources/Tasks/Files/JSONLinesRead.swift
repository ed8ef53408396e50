import Graph

/// `jsonl.read`: JSON lines as a table; the columns and their types come from the records.
struct JSONLinesRead: SourceOp {
  private let plan: Listed<JSONLinesPlan>
  private let onError: OnError

  init(_ arguments: OpArguments) throws {
    let columns = arguments.strings("columns")
    onError = OnError(arguments)
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil {
      throw ParameterError("columns", "a column is named twice")
    }
    let types = try JSONLinesRead.types(arguments.map("types") ?? [:])
    if let columns, let name = types.keys.sorted().first(where: { !columns.containsBytes(of: $0) }) {
      throw ParameterError("types", "\"\(name)\" is none of the columns; add it there, or leave it out here")
    }
    let patterns = arguments.require(OpArguments.strings, "files")
    let blocksize = try FileBlocks.blocksize(arguments)
    plan = Listed {
      try JSONLinesPlan(FileBlocks(patterns, blocksize: blocksize), chosen: columns, types: types)
    }
  }

  private static func types(_ names: [String: String]) throws -> [String: JSONType] {
    try names.mapValues { name in
      guard let type = JSONType(rawValue: name) else {
        let all = JSONType.allCases.map(\.rawValue)
        let near = nearestName(to: name, among: all).map { "; did you mean \"\($0)\"?" } ?? ""
        throw ParameterError(
          "types", "\"\(name)\" is no type\(near) (there are \(all.sorted().joined(separator: ", ")))")
      }
      return type
    }
  }

  func partitions() throws -> Partitions { try plan.list().blocks.partitions }

  func identity(of partition: Partition) -> [IdentityPart] { plan.value.identity(of: partition) }

  func estimate(_ partition: Partition) -> MemoryEstimate {
    MemoryEstimate(output: plan.value.expectedByteCount(of: partition), scratch: LineReader.windowByteCount * 3)
  }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    try plan.value.read(partition, onError: onError, context: context)
  }

  static let definition = OpDefinition(
    name: "jsonl.read", version: 2,
    summary: "reads JSON lines, cut at lines into partitions; columns and their types come from the records",
    parameters: [
      OpParameter("files", .files, isIdentity: false, summary: "files, folders or glob patterns"),
      OpParameter(
        "columns", .strings, isOptional: true,
        summary: "which fields and in which order; if left out, those of the records at the beginning of some of the "
          + "blocks, in the order of first appearance"),
      OpParameter(
        "types", .map, isOptional: true,
        summary:
          "types by column: bool, int64, float64, string, strings (lists of them); learnt from the records at the "
          + "beginning of some of the blocks where left out"),
      FileBlocks.parameter(),
      OnError.parameter,
    ],
    output: """
      a record per line. Strings, true or false (bool), whole numbers (int64), numbers (float64) and lists of strings, the \
      same columns in every partition; a missing field is null; a column that is null throughout counts as strings. Learnt \
      from the records at the beginning of up to 8 blocks; the error of a later one that does not fit says what to write
      """,
    example: """
      records:
        op: jsonl.read
        with: {files: "data/*.jsonl", columns: [id, text]}
      """,
    maker: .source { try JSONLinesRead($0) })
}
