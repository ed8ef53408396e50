/// Where a spilled value lies: a run of bytes in one of the store's files.
///
/// As text, `spill-3.graphrun:8192+4160`: the file's name in the spill folder, the place and the length.
struct SpillExtent: Hashable, Sendable, LosslessStringConvertible {
  /// The file's number within the store.
  let file: Int
  /// A multiple of 64; of 4096 for all but small values.
  let offset: Int
  /// Bytes on disk: the value, padded to 64, and its seal.
  let byteCount: Int

  init(file: Int, offset: Int, byteCount: Int) {
    self.file = file
    self.offset = offset
    self.byteCount = byteCount
  }

  var end: Int { offset + byteCount }

  /// The 4 KiB blocks that hold a part of it.
  var blocks: Range<Int> {
    offset / SpillBlock.byteCount..<(end + SpillBlock.byteCount - 1) / SpillBlock.byteCount
  }

  var fileName: String { SpillExtent.fileName(file) }

  static func fileName(_ number: Int) -> String { "spill-\(number).graphrun" }

  /// The number in a spill file's name; `nil` for other files.
  static func fileNumber(_ name: some StringProtocol) -> Int? {
    guard name.hasPrefix("spill-"), name.hasSuffix(".graphrun") else { return nil }
    let digits = name.dropFirst(6).dropLast(9)
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits), number < 1 << 24,
      fileName(number) == name
    else { return nil }
    return number
  }

  var description: String { "\(fileName):\(offset)+\(byteCount)" }

  /// Reads what `description` writes; `nil` for anything that cannot be an extent.
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let number = SpillExtent.fileNumber(text[..<colon]) else { return nil }
    let parts = text[text.index(after: colon)...].split(separator: "+", omittingEmptySubsequences: false)
    guard parts.count == 2, let offset = Int(parts[0]), let byteCount = Int(parts[1]) else { return nil }
    self.init(file: number, offset: offset, byteCount: byteCount)
    guard isPlausible, description == text else { return nil }
  }

  /// Whether the numbers are such as the store gives out.
  var isPlausible: Bool {
    (0..<1 << 24).contains(file) && (0..<1 << 42).contains(offset)
      && (SpillSeal.byteCount..<1 << 42).contains(byteCount)
      && offset % SpillSeal.byteCount == 0 && byteCount % SpillSeal.byteCount == 0
  }
}

/// The unit in which space is given out, and that direct reads and writes are aligned to.
enum SpillBlock {
  static let byteCount = 4096

  static func count(for bytes: Int) -> Int { (bytes + byteCount - 1) / byteCount }
}
