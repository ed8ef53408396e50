/// One field as it stands in the file.
struct CSVField {
  /// What is between the quotes, or all of it.
  let content: UnsafeBufferPointer<UInt8>
  let isQuoted: Bool
  /// Whether quotes are doubled in it.
  let hasEscapes: Bool
  /// At the delimiter, or at what ends the record.
  let next: UnsafePointer<UInt8>
  /// Whether the record ends here.
  let isLast: Bool
  /// Where the next field, or record, begins.
  let following: UnsafePointer<UInt8>
}

/// Finds fields in memory that has a line end behind its end, and sixteen more bytes that can be read.
struct CSVScan {
  let format: CSVFormat
  private let delimiters: UInt64
  private let quotes: UInt64
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let newlines: UInt64 = ones &* 0x0A

  enum Outcome {
    case field(CSVField)
    /// A quote is open where the text ends.
    case unclosed
    /// The memory ends before the field does.
    case incomplete
    case problem(String)
  }

  static let unclosed = "a quote is opened in its field that is never closed; close it, or set quote: none"

  init(_ format: CSVFormat) {
    self.format = format
    delimiters = CSVScan.ones &* UInt64(format.delimiter)
    // Without quotes, line ends are looked for twice.
    quotes = CSVScan.ones &* UInt64(format.quote ?? CSVFormat.newline)
  }

  /// The first delimiter, line end or quote at or behind `start`.
  @inline(__always)
  func special(from start: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
    var at = UnsafeRawPointer(start)
    while true {
      let word = UInt64(littleEndian: at.loadUnaligned(as: UInt64.self))
      let a = word ^ delimiters
      let b = word ^ CSVScan.newlines
      let c = word ^ quotes
      // A byte that is 0 gets its high bit; what may be wrong lies behind the first.
      let found =
        ((a &- CSVScan.ones) & ~a | (b &- CSVScan.ones) & ~b | (c &- CSVScan.ones) & ~c) & 0x8080_8080_8080_8080
      if found != 0 {
        return (at + (found.trailingZeroBitCount >> 3)).assumingMemoryBound(to: UInt8.self)
      }
      at += 8
    }
  }

  /// The field that begins at `start`; `end` is where the memory ends, and `isFinal` whether the file does too.
  func field(from start: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>, isFinal: Bool) -> Outcome {
    if let quote = format.quote, start < end, start[0] == quote { return quoted(start, end, isFinal, quote) }
    let stop = special(from: start)
    guard stop < end || isFinal else { return .incomplete }
    if stop < end, stop[0] == format.quote, stop[0] != CSVFormat.newline {
      return .problem(
        "a quote stands inside a field that does not begin with one; put the field in quotes and double those in it, or "
          + "set quote: none")
    }
    if stop < end, stop[0] == format.delimiter {
      return .field(
        CSVField(
          content: UnsafeBufferPointer(start: start, count: stop - start), isQuoted: false, hasEscapes: false,
          next: stop,
          isLast: false, following: stop + 1))
    }
    let stopOfText = stop > start && stop[-1] == CSVFormat.carriageReturn ? stop - 1 : stop
    return .field(
      CSVField(
        content: UnsafeBufferPointer(start: start, count: stopOfText - start), isQuoted: false, hasEscapes: false,
        next: stopOfText, isLast: true, following: min(stop + 1, end)))
  }

  private func quoted(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ isFinal: Bool, _ quote: UInt8
  ) -> Outcome {
    var at = start + 1
    var hasEscapes = false
    while true {
      while at < end, at[0] != quote { at = after(at, quote) }
      guard at < end else {
        return isFinal ? .unclosed : .incomplete
      }
      // What comes behind the last byte decides whether the quote is a doubled one.
      guard at + 1 < end || isFinal else { return .incomplete }
      guard at + 1 < end, at[1] == quote else { break }
      hasEscapes = true
      at += 2
    }
    let content = UnsafeBufferPointer(start: start + 1, count: at - start - 1)
    let behind = at + 1
    func made(isLast: Bool, following: UnsafePointer<UInt8>) -> Outcome {
      .field(
        CSVField(
          content: content, isQuoted: true, hasEscapes: hasEscapes, next: behind, isLast: isLast, following: following))
    }
    if behind >= end { return made(isLast: true, following: end) }
    if behind[0] == format.delimiter { return made(isLast: false, following: behind + 1) }
    if behind[0] == CSVFormat.newline { return made(isLast: true, following: behind + 1) }
    if behind[0] == CSVFormat.carriageReturn {
      guard behind + 1 < end || isFinal else { return .incomplete }
      if behind + 1 >= end { return made(isLast: true, following: end) }
      if behind[1] == CSVFormat.newline { return made(isLast: true, following: behind + 2) }
    }
    return .problem("text stands behind the quote that closes a field; double the quotes inside it, or set quote: none")
  }

  /// A place behind `at`, none of the bytes between being a quote.
  @inline(__always)
  private func after(_ at: UnsafePointer<UInt8>, _ quote: UInt8) -> UnsafePointer<UInt8> {
    let word = UInt64(littleEndian: UnsafeRawPointer(at).loadUnaligned(as: UInt64.self))
    let x = word ^ quotes
    let found = (x &- CSVScan.ones) & ~x & 0x8080_8080_8080_8080
    let step = found == 0 ? 8 : found.trailingZeroBitCount >> 3
    return at + max(step, 1)
  }

  /// Appends the content with doubled quotes made single.
  func unescape(_ field: CSVField, into out: inout [UInt8]) {
    out.removeAll(keepingCapacity: true)
    var index = 0
    while index < field.content.count {
      let byte = field.content[index]
      out.append(byte)
      index += byte == format.quote ? 2 : 1
    }
  }

  /// The fields of the record that begins at `start`, as texts; `nil` where the memory ends before it does.
  ///
  /// - Throws: `CSVProblem`.
  func record(
    from start: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>, isFinal: Bool
  ) throws -> (fields: [(text: [UInt8], isQuoted: Bool)], following: UnsafePointer<UInt8>)? {
    var fields: [(text: [UInt8], isQuoted: Bool)] = []
    var at = start
    while true {
      switch field(from: at, end: end, isFinal: isFinal) {
      case .incomplete: return nil
      case .unclosed: throw CSVProblem(why: CSVScan.unclosed)
      case .problem(let why): throw CSVProblem(why: why)
      case .field(let field):
        var text = Array(field.content)
        if field.hasEscapes { unescape(field, into: &text) }
        fields.append((text, field.isQuoted))
        at = field.following
        if field.isLast { return (fields, at) }
      }
    }
  }
}

/// What is wrong with a record, in words; whoever knows the place adds it.
struct CSVProblem: Error {
  let why: String
}
