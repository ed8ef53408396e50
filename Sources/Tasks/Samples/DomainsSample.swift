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
    let maker = NameMaker()
    let sample = SampleFiles(names: SampleFiles.numbered("domains", "txt", count: files), seed: seed, items: items)
    return try sample.write(to: directory, progress: progress) { _, _, random, block in
      if random.chance(0.1) {
        for _ in 0..<(8 + random.below(18)) { block.append(UInt8(ascii: "a") + UInt8(random.below(26))) }
      } else {
        maker.appendName(&random, &block)
      }
      maker.appendEnding(&random, &block)
    }
  }
}

/// Domain names by family, a file for each: those that people chose, and those that programs make up to find their master, which
/// a network is to tell apart. Made up, as `DomainsSample`.
public struct FamiliesSample: Sendable {
  public let seed: UInt64
  public let items: Int

  /// - Parameters:
  ///   - seed: another gives other names.
  ///   - items: names in all, spread evenly over the families.
  public init(seed: UInt64, items: Int) {
    self.seed = seed
    self.items = items
  }

  private static let families = ["chosen", "letters", "hexadecimal", "syllables", "words"]

  /// Writes `FAMILY.txt` for each family.
  ///
  /// - Parameters:
  ///   - directory: where to; it is made if it is missing.
  ///   - progress: gets the number of names written so far, now and then and at the end.
  /// - Returns: the files' paths, in order.
  /// - Throws: `TaskError` with code `.cannotWrite` or `.diskFull`, or what `progress` throws.
  public func write(to directory: String, progress: (Int) throws -> Void = { _ in }) throws -> [String] {
    let maker = NameMaker()
    let sample = SampleFiles(names: FamiliesSample.families.map { "\($0).txt" }, seed: seed, items: items)
    return try sample.write(to: directory, progress: progress) { family, _, random, block in
      switch FamiliesSample.families[family] {
      case "letters":
        for _ in 0..<(7 + random.below(14)) { block.append(UInt8(ascii: "a") + UInt8(random.below(26))) }
      case "hexadecimal": for _ in 0..<16 { block.append(Array("0123456789abcdef".utf8)[random.below(16)]) }
      case "syllables": for _ in 0..<(3 + random.below(4)) { maker.appendSyllable(&random, &block) }
      case "words": for _ in 0..<3 { maker.appendWord(&random, &block) }
      default: maker.appendName(&random, &block)
      }
      maker.appendEnding(&random, &block)
    }
  }
}

/// Parts of made-up domain names.
private struct NameMaker {
  private let words = NameMaker.words()
  private let word = Zipf(count: NameMaker.wordCount, skew: 0.9)
  private let ending = Zipf(count: NameMaker.endings.count, skew: 1.3)

  func appendWord(_ random: inout SampleRandom, _ block: inout BufferBuilder) {
    block.append(words[word.next(&random)])
  }

  func appendSyllable(_ random: inout SampleRandom, _ block: inout BufferBuilder) {
    block.append(NameMaker.syllables[random.below(NameMaker.syllables.count)])
  }

  /// One to three words, as people choose them.
  func appendName(_ random: inout SampleRandom, _ block: inout BufferBuilder) {
    if random.chance(0.05) { block.append("www.") }
    appendWord(&random, &block)
    for _ in 0..<random.below(3) {
      if random.chance(0.15) { block.append("-") }
      appendWord(&random, &block)
    }
    if random.chance(0.08) { block.append("\(random.below(1000))") }
  }

  func appendEnding(_ random: inout SampleRandom, _ block: inout BufferBuilder) {
    block.append(NameMaker.endings[ending.next(&random)])
  }

  private static let syllables = [
    "ba", "do", "fe", "gi", "ka", "lo", "mu", "na", "pe", "qui", "ro", "sa", "ti", "vo", "xu", "za",
  ]
  private static let endings = [
    ".com", ".net", ".org", ".de", ".co.uk", ".ru", ".info", ".com.br", ".fr", ".nl", ".it", ".pl", ".in", ".jp",
    ".edu", ".com.au", ".io", ".eu", ".biz", ".ca", ".us", ".ch", ".se", ".es", ".cz", ".tv", ".me", ".co", ".online",
    ".xyz",
  ].map { $0 + "\n" }

  private static let wordCount = 20_000

  private static func words() -> [String] {
    var random = SampleRandom(seed: 0xD0_5EED)
    return (0..<wordCount).map { _ in SampleWords.invent(&random) }
  }
}
