import Graph

// Cutting text into tokens.
//
// Every character is white space, a mark, or part of a word. White space separates, a mark is a token of its own,
// and what lies between is a token. ASCII is told by one look into a table of 256 bytes. The few other characters
// that separate, Python's white space and the typographic marks, are looked up by code point, and only when a
// leading byte of more than 0x7F turns up.
//
// A token is copied sixteen bytes at a time while it is found: words are short, and a call of memcpy would cost
// more than the bytes it moves. Room for the worst case, every byte a token, is made once per text. Text that is
// no UTF-8 (a damaged spill file) cannot lead outside: a sequence that does not fit counts as one odd character.

/// Tells marks, white space and words apart.
struct Tokenizer: Sendable {
  /// What the set is: ASCII punctuation without the backslash, and some marks beyond ASCII.
  static let defaultMarks = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~“”¨«»®´·º½¾¿¡§£₤‘’"

  private enum Class {
    static let word: UInt8 = 0
    static let space: UInt8 = 1
    static let mark: UInt8 = 2
    /// The first byte of a longer sequence that may be white space or a mark.
    static let decode: UInt8 = 3
  }

  /// A class for every byte.
  private let table: [UInt8]
  /// Sorted scalars beyond ASCII that are marks.
  private let wideMarks: [UInt32]

  /// - Parameter marks: characters that become tokens of their own; white space among them counts as a mark.
  init(marks: String = defaultMarks) {
    var table = [UInt8](repeating: Class.word, count: 256)
    for code in 0..<128 where Tokenizer.isWhiteSpace(UInt32(code)) { table[code] = Class.space }
    var wide: [UInt32] = []
    for scalar in marks.unicodeScalars {
      if scalar.isASCII { table[Int(scalar.value)] = Class.mark } else { wide.append(scalar.value) }
    }
    wideMarks = Set(wide).sorted()
    // Only these leading bytes need a closer look; the others begin nothing but letters.
    let spaces: [UInt32] = [0x85, 0xA0, 0x1680, 0x2000, 0x2028, 0x202F, 0x205F, 0x3000]
    for scalar in (spaces + wide).compactMap(Unicode.Scalar.init) {
      if let lead = UTF8.encode(scalar)?.first { table[Int(lead)] = Class.decode }
    }
    self.table = table
  }

  /// White space as Python's `str.split()` sees it.
  static func isWhiteSpace(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  private func wideClass(_ scalar: UInt32) -> UInt8 {
    if wideMarks.contains(scalar) { return Class.mark }
    return Tokenizer.isWhiteSpace(scalar) ? Class.space : Class.word
  }

  /// The scalar that begins at `index` and its bytes; what is no UTF-8 counts as one odd character of one byte.
  @inline(never)
  private func decode(_ text: UnsafePointer<UInt8>, _ index: Int, _ end: Int) -> (class: UInt8, length: Int) {
    let byte = UInt32(text[index])
    let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
    guard length > 1, index + length <= end else { return (Class.word, 1) }
    var scalar = byte & (0x7F >> UInt32(length))
    for place in 1..<length { scalar = scalar << 6 | UInt32(text[index + place] & 0x3F) }
    return (wideClass(scalar), length)
  }

  /// The tokens of one text.
  func tokens(_ text: String) -> [String] {
    var text = text
    var found: [String] = []
    text.withUTF8 { bytes in
      var ends = [Int32](repeating: 0, count: bytes.count + 1)
      var out = [UInt8](repeating: 0, count: bytes.count + 16)
      let result = ends.withUnsafeMutableBufferPointer { ends in
        out.withUnsafeMutableBufferPointer { out in
          tokenize(bytes, readable: bytes.count, into: out.baseAddress!, at: 0, ends: ends.baseAddress!)
        }
      }
      var start = 0
      for end in ends[..<result.tokens] {
        found.append(String(decoding: out[start..<Int(end)], as: UTF8.self))
        start = Int(end)
      }
    }
    return found
  }

  /// The kernel.
  ///
  /// - Parameters:
  ///   - text: one text's bytes.
  ///   - readable: bytes from the text's first on that may be read, at least its own.
  ///   - out: where tokens go, side by side; from `start` on there is room for the text and 16 bytes.
  ///   - start: the offset in `out` to begin at.
  ///   - ends: gets each token's end offset in `out`; room for one per byte of text.
  /// - Returns: the offset behind the last token, and how many there are.
  /// - Complexity: O(bytes); no memory.
  @inline(__always)
  func tokenize(
    _ text: UnsafeBufferPointer<UInt8>, readable: Int, into out: UnsafeMutablePointer<UInt8>, at start: Int,
    ends: UnsafeMutablePointer<Int32>
  ) -> (end: Int, tokens: Int) {
    guard let bytes = text.baseAddress else { return (start, 0) }
    return table.withUnsafeBufferPointer { table in
      guard let table = table.baseAddress else { return (start, 0) }
      let count = text.count
      let wideLimit = readable - 16
      var at = start
      var tokens = 0
      var index = 0
      while index < count {
        let kind = table[Int(bytes[index])]
        if kind == Class.space {
          index &+= 1
          continue
        }
        if kind == Class.mark {
          out[at] = bytes[index]
          at &+= 1
          index &+= 1
          ends[tokens] = Int32(truncatingIfNeeded: at)
          tokens &+= 1
          continue
        }
        let first = index
        if kind == Class.decode {
          let wide = decode(bytes, index, count)
          index &+= wide.length
          if wide.class == Class.space { continue }
          if wide.class == Class.mark {
            for place in first..<index {
              out[at] = bytes[place]
              at &+= 1
            }
            ends[tokens] = Int32(truncatingIfNeeded: at)
            tokens &+= 1
            continue
          }
        } else {
          index &+= 1
        }
        while index < count {
          let kind = table[Int(bytes[index])]
          if kind == Class.word {
            index &+= 1
          } else if kind == Class.decode {
            let wide = decode(bytes, index, count)
            if wide.class != Class.word { break }
            index &+= wide.length
          } else {
            break
          }
        }
        let length = index &- first
        if first <= wideLimit {
          copy16(bytes + first, out + at)
          var copied = 16
          while copied < length {
            if first &+ copied <= wideLimit {
              copy16(bytes + first + copied, out + at + copied)
            } else {
              for place in copied..<length { out[at &+ place] = bytes[first &+ place] }
              break
            }
            copied &+= 16
          }
        } else {
          for place in 0..<length { out[at &+ place] = bytes[first &+ place] }
        }
        at &+= length
        ends[tokens] = Int32(truncatingIfNeeded: at)
        tokens &+= 1
      }
      return (at, tokens)
    }
  }

  @inline(__always)
  private func copy16(_ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>) {
    UnsafeMutableRawPointer(target).storeBytes(
      of: UnsafeRawPointer(source).loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
  }

  /// Tokens of every cell of a string column, as a column of lists of strings; null stays null.
  ///
  /// - Throws: `TaskError` with code `.tooLarge` beyond 2³¹ - 1 tokens, or what `context` throws when cancelled.
  /// - Complexity: O(bytes); memory: the result, which is about 1.7 times the text.
  func tokenize(_ column: Column, context: any TaskContext) throws -> Column {
    try column.withStrings { cells in
      let first = Int(cells.offsets[0])
      let textBytes = Int(cells.offsets[cells.count]) - first
      // Tokens are never more bytes than their text, so this room is never outgrown; what is not used costs nothing.
      var bytes = BufferBuilder(capacity: textBytes + 16)
      var ends = BufferBuilder(capacity: textBytes + 64)
      var offsets = BufferBuilder(capacity: (cells.count + 1) * 4)
      ends.append(Int32(0))
      offsets.append(Int32(0))
      var tokens = 0
      for row in 0..<cells.count {
        if row % 4096 == 4095 { try context.checkCancellation() }
        let text = cells[row]
        if !column.isNull(row) {
          let readable = cells.byteCount - Int(cells.offsets[row])
          var found = 0
          let start = bytes.count
          bytes.appendDirect(most: text.count + 16) { out in
            var end = start
            ends.appendDirect(most: text.count * 4) { place in
              let places = UnsafeMutableRawPointer(place).assumingMemoryBound(to: Int32.self)
              let result = tokenize(text, readable: readable, into: out - start, at: start, ends: places)
              (end, found) = (result.end, result.tokens)
              return found * 4
            }
            return end - start
          }
          tokens += found
        }
        offsets.append(try checkedOffset(tokens, of: "tokens"))
      }
      let items = Column(
        type: .utf8, count: tokens, storage: .strings(offsets: ends.finish(), bytes: bytes.finish()))
      return Column(
        type: .list(.utf8), count: cells.count, nullCount: column.nullCount, validity: column.validity,
        storage: .lists(offsets: offsets.finish(), items: items))
    }
  }
}
