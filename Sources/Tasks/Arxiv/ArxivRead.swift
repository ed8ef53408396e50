import CSimdJSON
import Graph

/// Reads arXiv metadata, one partition a file or a block of one.
struct ArxivRead: SourceOp {
  private let listed: Listed<ArxivFiles>
  var files: ArxivFiles { listed.value }
  let columns: [ArxivColumn]
  let onError: OnError

  init(_ arguments: OpArguments) throws {
    onError = OnError(arguments)
    let names = arguments.require(OpArguments.strings, "columns")
    columns = try names.map { name in
      guard let column = ArxivColumn(rawValue: name) else {
        let all = ArxivColumn.allCases.map(\.rawValue)
        let near = nearestName(to: name, among: all).map { "; did you mean \"\($0)\"?" } ?? ""
        throw ParameterError("columns", "\"\(name)\" is none of \(all.joined(separator: ", "))\(near)")
      }
      return column
    }
    guard !columns.isEmpty else { throw ParameterError("columns", "name at least one column") }
    guard Set(columns).count == columns.count else { throw ParameterError("columns", "a column is named twice") }
    let patterns = arguments.require(OpArguments.strings, "files")
    let blocksize = try FileBlocks.blocksize(arguments)
    let layout = ArxivLayout(rawValue: arguments.require(OpArguments.string, "layout"))
    listed = Listed { ArxivFiles(try FileBlocks(patterns, blocksize: blocksize), layout: layout) }
  }

  func partitions() throws -> Partitions { try listed.list().blocks.partitions }

  func identity(of partition: Partition) -> [IdentityPart] { files.blocks.identity(of: partition) }

  func estimate(_ partition: Partition) -> MemoryEstimate {
    let piece = files.blocks.piece(of: partition)
    let bytes = piece.byteCount
    // Shares of a file's bytes, a tenth above what real metadata and generated samples gave.
    let shares: [ArxivColumn: Double] = [
      .id: 0.012, .title: 0.065, .abstract: 0.7, .authors: 0.05, .journalRef: 0.024, .mainCategories: 0.022,
      .subCategories: 0.022,
    ]
    let share = columns.reduce(0) { $0 + (shares[$1] ?? 0) }
    let output = Int(Double(bytes) * share) + 16_384
    // A keyed file or block lies in memory whole, and simdjson's index of it takes 4 bytes for each of its tokens: 28 % of
    // the file. A file of lines needs no more than its window.
    let scratch: Int
    switch files.foreseenLayout(of: partition) {
    case .keyed:
      scratch = bytes + bytes * 3 / 10 + 262_144 + (piece.block == nil ? 0 : KeyedBorders.scratchByteCount)
    case .snapshot: scratch = min(bytes, LineReader.windowByteCount) * 2 + 262_144
    }
    return MemoryEstimate(output: output, scratch: scratch)
  }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let problems = RecordProblems(
      file: files.blocks.piece(of: partition).file, onError: onError, context: context)
    var papers = ArxivColumns(columns, categories: ArxivCategories())
    switch try files.layout(of: partition) {
    case .keyed: try readKeyed(partition, into: &papers, problems: problems, context: context)
    case .snapshot: try readLines(partition, into: &papers, problems: problems, context: context)
    }
    return papers.finish()
  }

  private func readLines(
    _ partition: Partition, into papers: inout ArxivColumns, problems: RecordProblems, context: any TaskContext
  ) throws {
    let piece = files.blocks.piece(of: partition)
    var lines = try LineReader(
      piece, numbers: files.lineNumbers(for: partition), foreseen: estimate(partition).output, context: context)
    let reader = try RecordReader()
    let wanted = ArxivColumn.wanted(columns)
    var paper = sj_paper()
    var isEmpty = true
    while let line = try lines.next() {
      if lines.lineNumber % 1024 == 0 { try context.checkCancellation() }
      if JSONScan.isBlank(line) { continue }
      isEmpty = false
      func report(_ why: String, cause: String? = nil) throws {
        try problems.report(record: "line \(lines.numberInFile(lines.lineNumber))", why, cause: cause) {
          String(decoding: line, as: UTF8.self)
        }
      }
      let result = sj_line_paper(reader.pointer, line.baseAddress, line.count, wanted, &paper)
      if result == SJ_BROKEN {
        try reader.checkMemory()
        try report(lineFailure(reader.failure, line), cause: String(cString: reader.failure.message))
      } else if paper.problem != SJ_FINE {
        try report(paper.why + (paper.id.bytes == nil ? "" : " (id \(paper.id.string))"))
      } else if let unknown = try papers.append(snapshot: paper) {
        try report("\"\(unknown)\" belongs to no archive that arXiv has (id \(paper.id.string))")
      }
    }
    if isEmpty, try lines.isOfBlankFile() { try problems.reportEmpty() }
  }

  private func lineFailure(_ failure: sj_failure, _ line: UnsafeBufferPointer<UInt8>) -> String {
    if failure.kind == SJ_INVALID_UTF8, let place = firstInvalidUTF8(line) {
      return "the line is not valid UTF-8 from its byte \(place + 1) on"
    }
    let start = JSONScan.skipSpace(line, 0)
    if line[start] == UInt8(ascii: "[") {
      return "a list begins here, but papers come as one object keyed by id or as one object a line"
    }
    return failure.why(of: "the line")
  }
}

extension ArxivRead {
  static let definition = OpDefinition(
    name: "arxiv.read", version: 1,
    summary: "reads arXiv metadata from either of its two layouts, cut at records into partitions",
    parameters: [
      OpParameter("files", .files, isIdentity: false, summary: "files, folders or glob patterns"),
      OpParameter(
        "layout", .choice(["auto"] + ArxivLayout.allCases.map(\.rawValue)), default: .string("auto"),
        summary: "keyed: one object per file, keyed by id; snapshot: one object per line; auto: told from each file"),
      OpParameter(
        "columns", .strings, default: .strings(ArxivColumn.defaults.map(\.rawValue)),
        summary: "which columns and in which order, of "
          + ArxivColumn.allCases.map(\.rawValue).joined(separator: ", ")),
      FileBlocks.parameter(),
      OnError.parameter,
    ],
    output: """
      a record per paper, in the file's order. id, title, abstract: string; authors: list of strings "Forenames Keyname"; \
      journal_ref: string or null; main_cat_list: the paper's main categories, sorted, each once; sub_categories: \
      list of strings as they stand in the file. Only what the wanted columns need must be in a record
      """,
    example: """
      papers:
        op: arxiv.read
        with: {files: "data/arXiv_metadata_*.json", on_error: skip}
      """,
    maker: .source { try ArxivRead($0) })
}
