import Graph

private let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

/// UTF-8 in which everything ill-formed is replaced or left out.
final class UTF8RepairSource: TextByteSource {
  private let source: any TextByteSource
  private let replaces: Bool
  private var input = SourceBuffer()
  private var isAtEnd = false

  init(_ source: any TextByteSource, replaces: Bool) {
    self.source = source
    self.replaces = replaces
  }

  func read(into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    var made = 0
    while made == 0 {
      if input.unread.isEmpty, try !refill() { return 0 }
      // There is room for one character at least, so that what is cut here is looked at whole the next time.
      while !input.unread.isEmpty, most - made >= 4 {
        let bytes = input.bytes.bindMemory(to: UInt8.self)
        let looked = UnsafeBufferPointer(rebasing: bytes.prefix(most - made))
        let valid = UTF8Scan.firstIllFormed(looked)
        if valid > 0 {
          (place + made).copyMemory(from: looked.baseAddress!, byteCount: valid)
          made += valid
          input.use(valid)
          continue
        }
        let (length, isCutOff) = UTF8Scan.illFormed(bytes, at: 0)
        if isCutOff, !isAtEnd, try refill() { continue }
        input.use(length)
        guard replaces else { continue }
        replacement.withUnsafeBytes { (place + made).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        made += replacement.count
      }
    }
    return made
  }

  private func refill() throws -> Bool {
    let got = try input.refill(from: source)
    if !got { isAtEnd = true }
    return got
  }
}

/// Any encoding that iconv knows as UTF-8.
final class TranscodingSource: TextByteSource {
  private let source: any TextByteSource
  private let converter: Iconv
  private let encoding: TextEncoding
  private let errors: TextFileFormat.DecodingErrors
  private var input = SourceBuffer()
  /// Where the unread bytes of `input` stand in the text.
  private var offset: Int
  private var isAtEnd = false
  private var isFlushed = false

  /// - Parameter offset: where `source` begins in the text.
  init(
    _ source: any TextByteSource, encoding: TextEncoding, isBig: Bool, errors: TextFileFormat.DecodingErrors,
    offset: Int
  ) throws {
    self.source = source
    self.encoding = encoding
    self.errors = errors
    self.offset = offset
    converter = try Iconv(to: "UTF-8", from: encoding.iconvName(isBig: isBig))
  }

  func read(into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    while true {
      if input.unread.isEmpty, try !refill() {
        guard !isFlushed else { return 0 }
        isFlushed = true
        return converter.flush(into: UnsafeMutableRawBufferPointer(start: place, count: most)) ?? 0
      }
      let (outcome, used, made) = converter.convert(
        input.bytes, into: UnsafeMutableRawBufferPointer(start: place, count: most))
      use(used)
      // What stopped it stands at the front now, and stops it again at once.
      if made > 0 { return made }
      let bad: Int
      switch outcome {
      case .done: continue
      case .full: preconditionFailure("a reader must have room for a character")
      case .incomplete:
        if try refill() { continue }
        bad = input.unread.count
      case .invalid: bad = min(encoding.unit, input.unread.count)
      }
      if errors == .strict { throw problem(bad, isCutOff: outcome == .incomplete) }
      use(bad)
      guard errors == .replace else { continue }
      replacement.withUnsafeBytes { place.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      return replacement.count
    }
  }

  private func use(_ count: Int) {
    input.use(count)
    offset += count
  }

  private func refill() throws -> Bool {
    guard !isAtEnd else { return false }
    isAtEnd = try !input.refill(from: source)
    return !isAtEnd
  }

  private func problem(_ bad: Int, isCutOff: Bool) -> TextDecodingProblem {
    let bytes = input.bytes.prefix(bad).map { "0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
    let what =
      isCutOff
      ? "the text ends inside a \(encoding.name) character"
      : "\(bytes.joined(separator: " ")) is no text in \(encoding.name)"
    return TextDecodingProblem(offset: offset, what: what)
  }
}
