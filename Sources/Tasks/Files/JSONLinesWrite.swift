import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `jsonl.write`: one file of JSON lines for every partition.
struct JSONLinesWrite: SinkOp {
  let directory: String
  let template: String
  /// `nil`: all of the table's.
  let columns: [String]?

  /// Bytes handed to the file at a time.
  private static let blockByteCount = 256 << 10

  init(_ arguments: OpArguments) throws {
    directory = arguments.require(OpArguments.string, "directory")
    template = arguments.require(OpArguments.string, "name")
    columns = arguments.strings("columns")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil {
      throw ParameterError("columns", "a column is named twice")
    }
    var rest = template
    for known in ["{name}", "{stem}", "{index}"] { rest = rest.split(separator: known).joined() }
    guard !rest.contains("{"), !rest.contains("}") else {
      throw ParameterError("name", "\"\(template)\" may hold {name}, {stem} and {index}, and no other braces")
    }
    guard !template.utf8.contains(UInt8(ascii: "/")), !template.isEmpty, template != ".", template != ".." else {
      throw ParameterError("name", "\"\(template)\" is no plain file name; the folder is set by directory")
    }
  }

  func paths(for partitions: Partitions) throws -> [String] {
    let folder = directory.hasSuffix("/") ? directory : directory + "/"
    let inputs = Inputs(partitions)
    var owners: [ByteText: Partition] = [:]
    return try partitions.map { partition in
      let name = try fileName(for: partition)
      let path = folder + name
      if let first = owners.updateValue(partition, forKey: ByteText(path)) {
        throw ParameterError(
          "name",
          "\(described(first)) and \(described(partition)) would both be written to \(path); "
            + "use name: \"{index}-{name}\"")
      }
      if let input = inputs.same(as: path) {
        throw ParameterError(
          "directory", "\(path) is the input file \(input) and would be overwritten; write to another folder")
      }
      return path
    }
  }

  private func described(_ partition: Partition) -> String { partition.file?.path ?? partition.label }

  private func fileName(for partition: Partition) throws -> String {
    let name = partition.file?.name ?? partition.label
    var stem = name
    if let dot = name.lastIndex(of: "."), dot > name.startIndex { stem = String(name[..<dot]) }
    let parts = ["name": name, "stem": stem, "index": "\(partition.index)"]
    var result = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      result += parts[String(rest[rest.index(after: open)..<close])] ?? ""
      rest = rest[rest.index(after: close)...]
    }
    result += rest
    guard !result.utf8.contains(UInt8(ascii: "/")), !result.isEmpty, result != ".", result != "..",
      result.utf8.count <= 255
    else {
      throw ParameterError(
        "name", "\"\(template)\" gives \"\(result)\" for \(described(partition)), which is no file name")
    }
    return result
  }

  /// The files that partitions come from, by path and by what they are on disk.
  private struct Inputs {
    private struct Node: Hashable {
      let device: UInt64
      let number: UInt64

      init?(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: info.st_dev)
        number = UInt64(truncatingIfNeeded: info.st_ino)
      }
    }

    private var nodes: [Node: String] = [:]
    private var paths: Set<ByteText> = []

    init(_ partitions: Partitions) {
      for path in partitions.compactMap(\.file?.path) {
        paths.insert(ByteText(path))
        if let node = Node(path) { nodes[node] = path }
      }
    }

    func same(as path: String) -> String? {
      paths.contains(ByteText(path)) ? path : Node(path).flatMap { nodes[$0] }
    }
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    // Blocks, and one record's text in the worst case.
    MemoryEstimate(output: 256, scratch: JSONLinesWrite.blockByteCount * 2 + 65_536)
  }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let whole = try Table.from(value, file: partition.file?.path)
    let table = try columns.map { try whole.selecting($0, file: partition.file?.path) } ?? whole
    let writer = JSONRowWriter(table)
    var block = BufferBuilder(capacity: JSONLinesWrite.blockByteCount + 16_384)
    for row in 0..<table.count {
      writer.append(row: row, to: &block)
      block.append(UInt8(ascii: "\n"))
      if block.count >= JSONLinesWrite.blockByteCount {
        try context.checkCancellation()
        try sink.write(block.bytes)
        block.removeAll()
      }
    }
    if block.count > 0 { try sink.write(block.bytes) }
    return table.count
  }

  static let definition = OpDefinition(
    name: "jsonl.write", version: 1,
    summary: "writes every partition to a file of its own, one JSON object per line",
    inputs: [OpInput("table", summary: "the records to write")],
    parameters: [
      OpParameter(
        "directory", .path, isIdentity: false, summary: "the folder for the files; it is made if it is missing"),
      OpParameter(
        "name", .string, default: .string("{name}"), isIdentity: false,
        summary: "the files' names: {name} is the input file's name, {stem} the same without its ending, "
          + "{index} the partition's number"),
      OpParameter(
        "columns", .strings, isOptional: true, summary: "which columns and in which order; all if left out"),
    ],
    output: "the files' paths, sizes and record counts; a file holds UTF-8, int8 as 0 and 1, nulls as null",
    example: """
      written:
        op: jsonl.write
        from: prepared
        with: {directory: out, name: "{stem}.jsonl"}
      """,
    maker: .sink { try JSONLinesWrite($0) })
}
