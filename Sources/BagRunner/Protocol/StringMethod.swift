/// A method of Python's `str`, as the operation `str.name`.
struct StringMethod: Sendable {
  let name: String
  let parameters: [OpSpec.Parameter]
  let body: @Sendable (PythonString, OpCall) throws -> PythonValue

  var spec: OpSpec { OpSpec("str." + name, parameters, note: note) }

  private var note: String {
    name == "match" ? "A filter: elements that match the shell pattern (*, ?, [seq], [!seq]) as a whole." : ""
  }

  static let byName = Dictionary(uniqueKeysWithValues: all.map { ("str." + $0.name, $0) })

  static let all: [StringMethod] = [
    plain("lower") { $0.lowercased() },
    plain("upper") { $0.uppercased() },
    plain("title") { $0.titled() },
    plain("capitalize") { $0.capitalized() },
    plain("swapcase") { $0.swappingCase() },
    stripping("strip", left: true, right: true),
    stripping("lstrip", left: true, right: false),
    stripping("rstrip", left: false, right: true),
    StringMethod(
      name: "split",
      parameters: [.optional("sep", .text), .optional("maxsplit", .integer(atLeast: nil), "-1")]
    ) { text, call in
      let limit = call.integer("maxsplit") ?? -1
      guard let separator = call.text("sep") else { return list(text.words(limit: limit)) }
      guard separator.count > 0 else { throw PythonError.value("empty separator") }
      return list(text.pieces(between: separator, limit: limit))
    },
    StringMethod(name: "splitlines", parameters: []) { text, _ in list(text.lines()) },
    StringMethod(
      name: "replace",
      parameters: [
        .required("old", .text), .required("new", .text), .optional("count", .integer(atLeast: nil), "-1"),
      ]
    ) { text, call in
      let limit = call.integer("count") ?? -1
      return .str(text.replacing(call.text("old")!, with: call.text("new")!, limit: limit).text)
    },
    search("startswith", "prefix") { .bool($0.hasPrefix($1)) },
    search("endswith", "suffix") { .bool($0.hasSuffix($1)) },
    search("find", "sub") { .int($0.find($1)) },
    search("count", "sub") { .int($0.occurrences(of: $1)) },
    search("removeprefix", "prefix") {
      .str($0.hasPrefix($1) ? PythonString($0.scalars.dropFirst($1.count)).text : $0.text)
    },
    search("removesuffix", "suffix") {
      .str($0.hasSuffix($1) ? PythonString($0.scalars.dropLast($1.count)).text : $0.text)
    },
    kind("isalpha") { $0.isAlphabetic },
    kind("isalnum") { $0.isAlphanumeric },
    kind("isdecimal") { $0.isDecimal },
    kind("isdigit") { $0.isDigit },
    kind("isspace") { $0.isSpace },
    kind("isupper") { $0.isUpper },
    kind("islower") { $0.isLower },
    kind("isascii") { $0.isASCII },
    StringMethod(name: "zfill", parameters: [.required("width", .integer(atLeast: nil))]) { text, call in
      let missing = max(call.integer("width")! - text.count, 0)
      let sign = text.scalars.prefix { $0 == "+" || $0 == "-" }.prefix(1)
      let zeros = Array(repeating: "0" as Unicode.Scalar, count: missing)
      return .str(PythonString((sign + zeros + text.scalars.dropFirst(sign.count))[...]).text)
    },
    StringMethod(name: "match", parameters: [.required("pattern", .text)]) { text, call in
      .bool(ShellPattern(call.text("pattern")!).matches(text))
    },
  ]

  // MARK: Shapes

  private static func plain(_ name: String, _ body: @escaping @Sendable (PythonString) -> PythonString) -> StringMethod
  {
    StringMethod(name: name, parameters: []) { text, _ in .str(body(text).text) }
  }

  private static func kind(_ name: String, _ body: @escaping @Sendable (PythonString) -> Bool) -> StringMethod {
    StringMethod(name: name, parameters: []) { text, _ in .bool(body(text)) }
  }

  private static func search(
    _ name: String, _ parameter: String, _ body: @escaping @Sendable (PythonString, PythonString) -> PythonValue
  ) -> StringMethod {
    StringMethod(name: name, parameters: [.required(parameter, .text)]) { text, call in
      body(text, call.text(parameter)!)
    }
  }

  private static func stripping(_ name: String, left: Bool, right: Bool) -> StringMethod {
    StringMethod(name: name, parameters: [.optional("chars", .text)]) { text, call in
      .str(text.stripped(of: call.text("chars"), left: left, right: right).text)
    }
  }

  private static func list(_ parts: [PythonString]) -> PythonValue { .list(parts.map { .str($0.text) }) }
}

/// A pattern of Python's `fnmatch` on a system where letter case counts.
struct ShellPattern {
  private enum Piece {
    case any
    case one
    case scalar(Unicode.Scalar)
    case set([ClosedRange<Unicode.Scalar>], isNegated: Bool)
  }

  private let pieces: [Piece]

  init(_ pattern: PythonString) {
    let scalars = Array(pattern.scalars)
    var pieces: [Piece] = []
    var place = 0
    while place < scalars.count {
      switch scalars[place] {
      case "*": pieces.append(.any)
      case "?": pieces.append(.one)
      case "[":
        if let (set, end) = Self.set(scalars, from: place + 1) {
          pieces.append(set)
          place = end
        } else {
          pieces.append(.scalar("["))
        }
      case let scalar: pieces.append(.scalar(scalar))
      }
      place += 1
    }
    self.pieces = pieces
  }

  /// A `[set]` and where its `]` is; `nil` if it does not end, and `[` stands for itself.
  private static func set(_ scalars: [Unicode.Scalar], from start: Int) -> (Piece, end: Int)? {
    var place = start
    let isNegated = place < scalars.count && scalars[place] == "!"
    if isNegated { place += 1 }
    let first = place
    guard let end = scalars.indices.dropFirst(first + 1).first(where: { scalars[$0] == "]" }) else { return nil }
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    while place < end {
      if place + 2 < end, scalars[place + 1] == "-" {
        // A range that runs backwards holds nothing.
        if scalars[place] <= scalars[place + 2] { ranges.append(scalars[place]...scalars[place + 2]) }
        place += 3
      } else {
        ranges.append(scalars[place]...scalars[place])
        place += 1
      }
    }
    return (.set(ranges, isNegated: isNegated), end)
  }

  func matches(_ text: PythonString) -> Bool {
    let scalars = Array(text.scalars)
    // Places of the text that the pattern so far can have come to.
    var places: Set<Int> = [0]
    for piece in pieces {
      switch piece {
      case .any: places = places.min().map { Set($0...scalars.count) } ?? []
      case .one: places = advance(places, scalars) { _ in true }
      case .scalar(let wanted): places = advance(places, scalars) { $0 == wanted }
      case .set(let ranges, let isNegated):
        places = advance(places, scalars) { scalar in ranges.contains { $0.contains(scalar) } != isNegated }
      }
    }
    return places.contains(scalars.count)
  }

  private func advance(
    _ places: Set<Int>, _ scalars: [Unicode.Scalar], _ fits: (Unicode.Scalar) -> Bool
  ) -> Set<Int> {
    Set(places.filter { $0 < scalars.count && fits(scalars[$0]) }.map { $0 + 1 })
  }
}
