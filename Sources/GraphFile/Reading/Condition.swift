/// One of `when:`: a word that is true or false, or a comparison of texts.
struct Condition: Sendable {
  enum Test: Sendable {
    case isTrue
    case equals(RawScalar)
    case differs(RawScalar)
    case isAmong(RawValue)
  }

  let left: RawScalar
  let test: Test
  /// As it is written.
  let whole: RawScalar

  static let forms = "true, false, \"${a} == b\", \"${a} != b\" or \"${a} in [b, c]\""

  /// - Returns: `nil` if the text is no condition, or more than one.
  init?(_ scalar: RawScalar) {
    whole = scalar
    guard let cut = Condition.firstOperator(in: scalar.text) else {
      left = scalar
      test = .isTrue
      return
    }
    func operand(_ text: some StringProtocol) -> RawScalar? {
      let trimmed = trimmed(text)
      guard let first = trimmed.first else { return nil }
      if first == "'" || first == "\"" {
        guard trimmed.count > 1, trimmed.last == first else { return nil }
        return RawScalar(text: String(trimmed.dropFirst().dropLast()), isQuoted: true, position: scalar.position)
      }
      return RawScalar(text: trimmed, isQuoted: true, position: scalar.position)
    }
    let rest = scalar.text[cut.range.upperBound...]
    guard let left = operand(scalar.text[..<cut.range.lowerBound]),
      Condition.firstOperator(in: String(rest)) == nil, let right = operand(rest)
    else { return nil }
    self.left = left
    switch cut.name {
    case "==": test = .equals(right)
    case "!=": test = .differs(right)
    default:
      let list = trimmed(rest)
      guard list.hasPrefix("["), list.hasSuffix("]"), list.count > 1 else {
        test = .isAmong(.scalar(right))
        return
      }
      let inside = list.dropFirst().dropLast()
      guard !trimmed(inside).isEmpty else { return nil }
      var items: [RawScalar] = []
      for item in inside.split(separator: ",", omittingEmptySubsequences: false) {
        guard let item = operand(item) else { return nil }
        items.append(item)
      }
      test = .isAmong(.list(items, scalar.position))
    }
  }

  /// All texts in it.
  var operands: [RawValue] {
    switch test {
    case .isTrue: [.scalar(left)]
    case .equals(let right), .differs(let right): [.scalar(left), .scalar(right)]
    case .isAmong(let right): [.scalar(left), right]
    }
  }

  /// The first `==`, `!=`, or ` in ` that stands neither in quotes nor in `${…}`.
  private static func firstOperator(in text: String) -> (name: String, range: Range<String.Index>)? {
    var index = text.startIndex
    var quote: Character?
    var isReference = false
    // Where a quotation mark is one; inside a word it is a letter.
    var isOperandStart = true
    while index < text.endIndex {
      let character = text[index]
      let rest = text[index...]
      if let open = quote {
        if character == open { quote = nil }
      } else if isReference {
        isReference = character != "}"
      } else if isOperandStart, character == "'" || character == "\"" {
        quote = character
      } else if rest.hasPrefix("${") {
        isReference = true
      } else {
        for name in ["==", "!=", " in "] where rest.hasPrefix(name) {
          return (name, index..<text.index(index, offsetBy: name.count))
        }
      }
      isOperandStart = "[,".contains(character) || (isOperandStart && (character == " " || character == "\t"))
      index = text.index(after: index)
    }
    return nil
  }
}

/// Without spaces and tabs on both sides.
private func trimmed(_ text: some StringProtocol) -> String {
  let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\n" }
  let start = text.drop(while: isSpace)
  guard let last = start.lastIndex(where: { !isSpace($0) }) else { return "" }
  return String(start[...last])
}
