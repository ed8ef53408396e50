/// How many columns of a terminal a text takes.
///
/// Combining marks take none; what Unicode's East Asian Width calls wide, and emoji, take two. A cluster of several
/// characters takes what its widest scalar takes, which is what terminals that know about clusters do.
enum TextWidth {
  static func of(_ text: some StringProtocol) -> Int {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text.utf8.count }
    return text.reduce(0) { $0 + of($1) }
  }

  static func of(_ character: Character) -> Int {
    var width = 0
    for scalar in character.unicodeScalars {
      if scalar.value == 0xFE0F { return 2 }
      width = max(width, of(scalar))
    }
    return width
  }

  private static func of(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? 0 : 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    // The vowels and finals of a Hangul syllable written in parts stand within its first letter's cell.
    if (0x1160...0x11FF).contains(scalar.value) { return 0 }
    return isWide(scalar) ? 2 : 1
  }

  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0xA4CF,
      0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1B000...0x1B2FF, 0x1F200...0x1F320, 0x20000...0x3FFFD:
      true
    default: scalar.properties.isEmojiPresentation
    }
  }

  /// Text from a file made safe to show: one line, no escape sequences.
  static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var result = String.UnicodeScalarView()
    var spaced = false
    for scalar in text.unicodeScalars {
      if scalar == "\n" || scalar == "\r" || scalar == "\t" {
        if !spaced { result.append(" ") }
        spaced = true
      } else {
        result.append(isControl(scalar) ? "\u{FFFD}" : scalar)
        spaced = false
      }
    }
    return String(result)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    // Also what turns the direction of writing, or breaks lines: a file's name could reorder a whole row with it.
    case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// The longest beginning of `text` that takes at most `width` columns.
  static func prefix(_ text: String, _ width: Int) -> String {
    var used = 0
    var end = text.startIndex
    for index in text.indices {
      used += of(text[index])
      if used > width { break }
      end = text.index(after: index)
    }
    return String(text[..<end])
  }

  private static func suffix(_ text: String, _ width: Int) -> String {
    var used = 0
    var start = text.endIndex
    for index in text.indices.reversed() {
      used += of(text[index])
      if used > width { break }
      start = index
    }
    return String(text[start...])
  }

  /// Cuts at the end: `the abstract is a num…`.
  static func truncated(_ text: String, to width: Int, ellipsis: String = "…") -> String {
    guard of(text) > width else { return text }
    let room = width - of(ellipsis)
    guard room > 0 else { return prefix(ellipsis, max(0, width)) }
    return prefix(text, room) + ellipsis
  }

  /// Cuts in the middle, since a path's beginning says less than its end: `data/arXiv…ta_17.json`.
  static func truncatedMiddle(_ text: String, to width: Int, ellipsis: String = "…") -> String {
    guard of(text) > width else { return text }
    let room = width - of(ellipsis)
    guard room > 2 else { return truncated(text, to: width, ellipsis: ellipsis) }
    return prefix(text, room / 3) + ellipsis + suffix(text, room - room / 3)
  }

  /// Breaks at spaces; a word longer than a line is broken where the line ends.
  static func wrapped(_ text: String, to width: Int) -> [String] {
    let width = max(1, width)
    var lines: [String] = []
    var line = ""
    var used = 0
    for word in text.split(separator: " ", omittingEmptySubsequences: true) {
      var word = String(word)
      var length = of(word)
      if used > 0, used + 1 + length > width {
        lines.append(line)
        (line, used) = ("", 0)
      }
      while length > width {
        let head = prefix(word, width)
        // A cell of two columns does not fit into one: give up rather than turn in circles.
        guard !head.isEmpty else { break }
        lines.append(head)
        word = String(word.dropFirst(head.count))
        length = of(word)
      }
      guard !word.isEmpty else { continue }
      line += used > 0 ? " " + word : word
      used += used > 0 ? 1 + length : length
    }
    if used > 0 || lines.isEmpty { lines.append(line) }
    return lines
  }
}
