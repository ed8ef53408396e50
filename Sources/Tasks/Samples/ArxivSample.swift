import Graph

/// Realistic arXiv metadata of any size, in either layout.
///
/// The same arguments give the same bytes. Papers are made one by one: memory does not grow with their number.
public struct ArxivSample: Sendable {
  public enum Layout: String, CaseIterable, Sendable {
    /// One object a file, keyed by id: `arXiv_metadata_000000000000.json`.
    case keyed
    /// One object a line, as in the public snapshot: `arxiv-metadata-000.jsonl`.
    case snapshot
  }

  public let seed: UInt64
  public let items: Int
  public let files: Int
  public let layout: Layout

  /// - Parameters:
  ///   - seed: the same one gives the same bytes.
  ///   - items: papers in all, spread evenly over the files.
  ///   - files: at least 1.
  ///   - layout: of the files.
  /// - Throws: `ParameterError` for numbers that make no sense.
  public init(seed: UInt64, items: Int, files: Int, layout: Layout) throws {
    guard items >= 0 else { throw ParameterError("items", "\(items) is less than none") }
    guard files >= 1, files <= 1_000_000 else { throw ParameterError("files", "\(files) is not between 1 and 1000000") }
    self.seed = seed
    self.items = items
    self.files = files
    self.layout = layout
  }

  /// Writes the files into `directory`, which is made if it is missing.
  ///
  /// Each file appears under its name when it is complete.
  /// - Parameters:
  ///   - directory: where to, absolute or relative to the working folder.
  ///   - progress: gets the number of papers written so far, now and then and at the end.
  /// - Returns: the files' paths, in order.
  /// - Throws: `TaskError` with code `.cannotWrite` or `.diskFull`, or what `progress` throws.
  /// - Complexity: O(bytes), about 90 MB a second on one core; a few megabytes of memory.
  public func write(to directory: String, progress: (Int) throws -> Void = { _ in }) throws -> [String] {
    try SampleFile.makeFolder(directory)
    var maker = ArxivPaperMaker(layout: layout)
    var paths: [String] = []
    for number in 0..<files {
      let first = items * number / files
      let last = items * (number + 1) / files
      let path = directory + "/" + fileName(number)
      var file = try SampleFile(path)
      var random = SampleRandom(seed: seed, part: number)
      var identifiers = ArxivIdentifiers(from: first)
      var block = BufferBuilder(capacity: 320 << 10)
      if layout == .keyed { block.append("{") }
      for index in first..<last {
        if index > first { block.append(layout == .keyed ? ", " : "\n") }
        maker.append(identifiers.next(), &random, to: &block)
        if block.count > 256 << 10 {
          try file.write(block.bytes)
          block.removeAll()
          try progress(index + 1)
        }
      }
      block.append(layout == .keyed ? "}" : last > first ? "\n" : "")
      try file.write(block.bytes)
      try file.publish()
      try progress(last)
      paths.append(path)
    }
    return paths
  }

  private func fileName(_ number: Int) -> String {
    func padded(_ width: Int) -> String {
      let digits = "\(number)"
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return layout == .keyed ? "arXiv_metadata_\(padded(12)).json" : "arxiv-metadata-\(padded(3)).jsonl"
  }
}

/// arXiv's identifiers from April 2007 on, `yymm.nnnn`, with five digits from January 2015.
struct ArxivIdentifiers {
  private var month = 0
  /// Within the month, from 0.
  private var place: Int

  init(from index: Int) {
    place = index
    while place >= capacity { advance() }
  }

  /// Papers a month: it began with some 4,500 and grew.
  private var capacity: Int { min(4_500 + 55 * month, 9_999) }

  private mutating func advance() {
    place -= capacity
    month += 1
  }

  mutating func next() -> String {
    while place >= capacity { advance() }
    defer { place += 1 }
    let year = (7 + (month + 3) / 12) % 100
    let digits = "\(place + 1)"
    let width = month >= 93 ? 5 : 4
    let monthOfYear = (month + 3) % 12 + 1
    return (year < 10 ? "0" : "") + "\(year)" + (monthOfYear < 10 ? "0" : "") + "\(monthOfYear)."
      + String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
