/// A text cut into lines exactly as YAML's scanner cuts it, so that its line numbers fit.
struct SourceLines {
  private let lines: [Substring.UnicodeScalarView]

  init(_ text: String) {
    let scalars = text.unicodeScalars
    var lines: [Substring.UnicodeScalarView] = []
    var start = scalars.startIndex
    var index = start
    while index < scalars.endIndex {
      let scalar = scalars[index]
      var next = scalars.index(after: index)
      if isLineBreak(scalar) {
        lines.append(scalars[start..<index])
        if scalar == "\r", next < scalars.endIndex, scalars[next] == "\n" { next = scalars.index(after: next) }
        start = next
      }
      index = next
    }
    if start < scalars.endIndex || lines.isEmpty { lines.append(scalars[start...]) }
    self.lines = lines
  }

  /// The line's text, cut where it is endless, and without what would steer the terminal it is printed on.
  subscript(line: Int) -> String {
    let shown = lines[line - 1].prefix(400).map { scalar -> Unicode.Scalar in
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      return isControl && scalar != "\t" ? "\u{FFFD}" : scalar
    }
    return String(String.UnicodeScalarView(shown))
  }

  /// The nearest place inside the text: YAML puts what is missing after the last line.
  func clamped(_ position: Position) -> Position {
    guard position.line <= lines.count else {
      return Position(line: lines.count, column: lines[lines.count - 1].count + 1)
    }
    let line = max(position.line, 1)
    return Position(line: line, column: min(max(position.column, 1), lines[line - 1].count + 1))
  }
}

func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar {
  case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": true
  default: false
  }
}

/// Where the scalar at `offset` stands.
func position(of offset: Int, in scalars: [Unicode.Scalar]) -> Position {
  var position = Position.start
  for index in 0..<offset {
    if isLineBreak(scalars[index]) {
      if scalars[index] == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { continue }
      position = Position(line: position.line + 1, column: 1)
    } else {
      position.column += 1
    }
  }
  return position
}

/// The reverse of `position(of:in:)`; `nil` past the end.
func offset(of wanted: Position, in scalars: [Unicode.Scalar]) -> Int? {
  var line = 1
  var index = 0
  while line < wanted.line, index < scalars.count {
    if isLineBreak(scalars[index]),
      !(scalars[index] == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n")
    {
      line += 1
    }
    index += 1
  }
  let offset = index + wanted.column - 1
  return line == wanted.line && offset < scalars.count ? offset : nil
}
