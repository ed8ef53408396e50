import Graph

/// Domain names, one a line, of any size.
///
/// Most are words and parts of words under a common ending, some with numbers, hyphens or a name in front; every tenth is
/// letters at random, as malware makes them up. The same arguments give the same bytes, and memory does not grow with
/// their number.
public struct DomainsSample: Sendable {
  public let seed: UInt64
  public let items: Int
  public let files: Int

  /// - Parameters:
  ///   - seed: the same one gives the same bytes.
  ///   - items: names in all, spread evenly over the files.
  ///   - files: at least 1.
  /// - Throws: `ParameterError` for numbers that make no sense.
  public init(seed: UInt64, items: Int, files: Int) throws {
    guard items >= 0 else { throw ParameterError("items", "\(items) is less than none") }
    guard files >= 1, files <= 1_000_000 else { throw ParameterError("files", "\(files) is not between 1 and 1000000") }
    self.seed = seed
    self.items = items
    self.files = files
  }

  /// Writes `domains-000.txt` and so on into `directory`, which is made if it is missing.
  ///
  /// Each file appears under its name when it is complete.
  /// - Parameters:
  ///   - directory: where to, absolute or relative to the working folder.
  ///   - progress: gets the number of names written so far, now and then and at the end.
  /// - Returns: the files' paths, in order.
  /// - Throws: `TaskError` with code `.cannotWrite` or `.diskFull`, or what `progress` throws.
  /// - Complexity: O(bytes); a few megabytes of memory.
  public func write(to directory: String, progress: (Int) throws -> Void = { _ in }) throws -> [String] {
    let ending = Zipf(count: DomainsSample.endings.count, skew: 1.3)
    let words = DomainsSample.words()
    let word = Zipf(count: words.count, skew: 0.9)
    let sample = SampleFiles(name: "domains", ending: "txt", seed: seed, items: items, files: files)
    return try sample.write(to: directory, progress: progress) { _, random, block in
      if random.chance(0.1) {
        for _ in 0..<(8 + random.below(18)) { block.append(UInt8(ascii: "a") + UInt8(random.below(26))) }
      } else {
        if random.chance(0.05) { block.append("www.") }
        block.append(words[word.next(&random)])
        for _ in 0..<random.below(3) {
          if random.chance(0.15) { block.append("-") }
          block.append(words[word.next(&random)])
        }
        if random.chance(0.08) { block.append("\(random.below(1000))") }
      }
      block.append(DomainsSample.endings[ending.next(&random)])
    }
  }

  private static let endings = [
    ".com", ".net", ".org", ".de", ".co.uk", ".ru", ".info", ".com.br", ".fr", ".nl", ".it", ".pl", ".in", ".jp",
    ".edu", ".com.au", ".io", ".eu", ".biz", ".ca", ".us", ".ch", ".se", ".es", ".cz", ".tv", ".me", ".co", ".online",
    ".xyz",
  ].map { $0 + "\n" }

  /// Made-up parts of names.
  private static func words() -> [String] {
    var random = SampleRandom(seed: 0xD0_5EED)
    return (0..<20_000).map { _ in SampleWords.invent(&random) }
  }
}
