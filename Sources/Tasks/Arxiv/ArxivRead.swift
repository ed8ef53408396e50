import CSimdJSON
import Graph

/// Reads arXiv metadata, one partition a file.
struct ArxivRead: SourceOp {
  let files: [String]
  /// `nil`: told from each file's beginning.
  let layout: ArxivLayout?
  let columns: [ArxivColumn]
  let onError: OnError

  init(_ arguments: OpArguments) throws {
    files = arguments.require(OpArguments.strings, "files")
    layout = ArxivLayout(rawValue: arguments.require(OpArguments.string, "layout"))
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
  }

  func partitions() throws -> Partitions { Partitions(try FileListing.partitions(of: files)) }

  func estimate(_ partition: Partition) -> MemoryEstimate {
    let bytes = partition.file?.byteCount ?? 0
    // Shares of a file's bytes, a tenth above what real metadata and generated samples gave.
    let shares: [ArxivColumn: Double] = [
      .id: 0.012, .title: 0.065, .abstract: 0.7, .authors: 0.05, .journalRef: 0.024, .mainCategories: 0.022,
      .subCategories: 0.022,
    ]
    let share = columns.reduce(0) { $0 + (shares[$1] ?? 0) }
    let output = Int(Double(bytes) * share) + 16_384
    // A keyed file lies in memory whole, and simdjson's index of it takes 4 bytes for each of its tokens: 28 % of
    // the file. A file of lines needs no more than its window.
    let scratch: Int
    switch partition.file.map(foreseenLayout) ?? .keyed {
    case .keyed: scratch = bytes + bytes * 3 / 10 + 262_144
    case .snapshot: scratch = min(bytes, LineReader.windowByteCount) * 2 + 262_144
    }
    return MemoryEstimate(output: output, scratch: scratch)
  }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    guard let file = partition.file else {
      throw TaskError(.failed, "partition \(partition.index) has no file to read")
    }
    let problems = RecordProblems(file: file, onError: onError, context: context)
    var papers = ArxivColumns(columns, categories: ArxivCategories())
    let found = try layout ?? recognize(file)
    switch found {
    case .keyed: try readKeyed(file, into: &papers, problems: problems, context: context)
    case .snapshot: try readLines(file, into: &papers, problems: problems, context: context)
    }
    return papers.finish()
  }

  /// The layout, as far as it can be told for little: small files are taken for keyed, which needs more memory.
  private func foreseenLayout(_ file: FileIdentity) -> ArxivLayout {
    if let layout { return layout }
    guard file.byteCount > 4 << 20, var input = try? InputFile(file) else { return .keyed }
    return withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { head in
      guard let base = head.baseAddress, let count = try? input.read(into: base, most: head.count) else {
        return .keyed
      }
      return ArxivLayout(
        recognizing: UnsafeRawBufferPointer(rebasing: head[..<count]).assumingMemoryBound(to: UInt8.self))
    }
  }

  private func recognize(_ file: FileIdentity) throws -> ArxivLayout {
    var reader = try LineReader(file)
    return ArxivLayout(recognizing: try reader.head())
  }

  private func readLines(
    _ file: FileIdentity, into papers: inout ArxivColumns, problems: RecordProblems, context: any TaskContext
  ) throws {
    var lines = try LineReader(file)
    let reader = try RecordReader()
    let wanted = ArxivColumn.wanted(columns)
    var paper = sj_paper()
    var isEmpty = true
    while let line = try lines.next() {
      if lines.lineNumber % 1024 == 0 { try context.checkCancellation() }
      if JSONScan.isBlank(line) { continue }
      isEmpty = false
      func report(_ why: String, cause: String? = nil) throws {
        try problems.report(record: "line \(lines.lineNumber)", why, cause: cause) {
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
    if isEmpty { try problems.reportEmpty() }
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
    summary: "reads arXiv metadata, one partition per file, from either of its two layouts",
    parameters: [
      OpParameter(
        "files", .files, isIdentity: false, summary: "files, folders or glob patterns; one partition per file"),
      OpParameter(
        "layout", .choice(["auto"] + ArxivLayout.allCases.map(\.rawValue)), default: .string("auto"),
        summary: "keyed: one object per file, keyed by id; snapshot: one object per line; auto: told from each file"),
      OpParameter(
        "columns", .strings, default: .strings(ArxivColumn.defaults.map(\.rawValue)),
        summary: "which columns and in which order, of "
          + ArxivColumn.allCases.map(\.rawValue).joined(separator: ", ")),
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
