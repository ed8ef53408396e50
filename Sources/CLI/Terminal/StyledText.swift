/// How a piece of text looks. Few looks make a calm screen.
enum TextStyle: String, Sendable, CaseIterable {
  case plain, bold, dim, accent, good, warn, bad

  var code: String {
    switch self {
    case .plain: ""
    case .bold: "1"
    case .dim: "2"
    case .accent: "36"
    case .good: "32"
    case .warn: "33"
    case .bad: "31"
    }
  }
}

/// One line of text whose parts have looks; knows how wide it is.
struct StyledText: Hashable, Sendable, ExpressibleByStringLiteral {
  struct Span: Hashable, Sendable {
    var text: String
    var style: TextStyle
  }

  private(set) var spans: [Span] = []
  private(set) var width = 0

  init() {}

  init(_ text: String, _ style: TextStyle = .plain) { append(text, style) }

  init(stringLiteral text: String) { append(text, .plain) }

  var isEmpty: Bool { width == 0 }

  mutating func append(_ text: String, _ style: TextStyle = .plain) {
    guard !text.isEmpty else { return }
    width += TextWidth.of(text)
    if let last = spans.indices.last, spans[last].style == style {
      spans[last].text += text
    } else {
      spans.append(Span(text: text, style: style))
    }
  }

  mutating func append(_ other: StyledText) {
    for span in other.spans { append(span.text, span.style) }
  }

  static func + (a: StyledText, b: StyledText) -> StyledText {
    var sum = a
    sum.append(b)
    return sum
  }

  enum Side: String, Sendable, CaseIterable {
    case left, right
  }

  /// Filled up with spaces; `side` is where the text stands.
  func padded(to width: Int, _ side: Side = .left) -> StyledText {
    let space = StyledText(String(repeating: " ", count: max(0, width - self.width)))
    return side == .left ? self + space : space + self
  }

  func truncated(to width: Int, ellipsis: String = "…") -> StyledText {
    guard self.width > width else { return self }
    let room = width - TextWidth.of(ellipsis)
    guard room > 0 else { return StyledText(TextWidth.prefix(ellipsis, max(0, width)), .dim) }
    var result = StyledText()
    for span in spans {
      let part = TextWidth.prefix(span.text, room - result.width)
      result.append(part, span.style)
      if part.count < span.text.count { break }
    }
    return result + StyledText(ellipsis, .dim)
  }

  var plain: String { spans.map(\.text).joined() }

  /// The line as it is written, without spaces at its end.
  func rendered(colour: Bool) -> String {
    guard colour else { return StyledText.trimmed(plain) }
    var visible = spans
    while let last = visible.indices.last {
      visible[last].text = StyledText.trimmed(visible[last].text)
      guard visible[last].text.isEmpty else { break }
      visible.removeLast()
    }
    return visible.map { span in
      let isBlank = span.style == .plain || span.text.allSatisfy { $0 == " " }
      return isBlank ? span.text : "\u{1B}[\(span.style.code)m\(span.text)\u{1B}[0m"
    }.joined()
  }

  private static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

extension [StyledText] {
  func rendered(colour: Bool) -> [String] { map { $0.rendered(colour: colour) } }
}
