/// Reads a condition by recursive descent: `or` binds less than `and`, `and` less than `not`, `not` less than comparisons.
struct FilterParser {
  private let tokens: [FilterToken]
  private var place = 0
  private var depth = 0

  /// More would only be written by a program, and each takes stack.
  private static let deepest = 100

  /// - Throws: `FilterSyntaxError`
  static func parse(_ source: String) throws -> FilterExpression {
    var parser = FilterParser(tokens: try FilterToken.all(in: source))
    guard parser.token.kind != .end else { throw FilterSyntaxError(message: "there is no condition", offset: 0) }
    let whole = try parser.condition(parser.disjunction(), at: 0)
    guard parser.token.kind == .end else { throw parser.unexpected("\"and\", \"or\" or the end") }
    return whole
  }

  private init(tokens: [FilterToken]) { self.tokens = tokens }

  private var token: FilterToken { tokens[place] }

  private func unexpected(_ wanted: String) -> FilterSyntaxError {
    FilterSyntaxError(message: "here \(wanted) should stand", offset: token.offset)
  }

  private mutating func take(_ symbol: String) -> Bool {
    guard token.kind == .symbol(symbol) else { return false }
    place += 1
    return true
  }

  private mutating func take(keyword: String) -> Bool {
    guard token.keyword == keyword else { return false }
    place += 1
    return true
  }

  private mutating func nested<R>(_ body: (inout FilterParser) throws -> R) throws -> R {
    depth += 1
    defer { depth -= 1 }
    guard depth <= FilterParser.deepest else {
      throw FilterSyntaxError(
        message: "more than \(FilterParser.deepest) conditions within each other", offset: token.offset)
    }
    return try body(&self)
  }

  // MARK: - Grammar

  private mutating func disjunction() throws -> FilterExpression {
    let start = token.offset
    var parts = [try conjunction()]
    while take(keyword: "or") {
      if parts.count == 1 { parts[0] = try condition(parts[0], at: start) }
      let offset = token.offset
      parts.append(try condition(conjunction(), at: offset))
    }
    return parts.count == 1 ? parts[0] : .or(parts)
  }

  private mutating func conjunction() throws -> FilterExpression {
    let start = token.offset
    var parts = [try negation()]
    while take(keyword: "and") {
      if parts.count == 1 { parts[0] = try condition(parts[0], at: start) }
      let offset = token.offset
      parts.append(try condition(negation(), at: offset))
    }
    return parts.count == 1 ? parts[0] : .and(parts)
  }

  private mutating func negation() throws -> FilterExpression {
    guard take(keyword: "not") else { return try predicate() }
    let offset = token.offset
    return .not(try condition(nested { try $0.negation() }, at: offset))
  }

  /// What can be true or false: not a value alone, unless it may be a flag.
  private func condition(_ expression: FilterExpression, at offset: Int) throws -> FilterExpression {
    switch expression {
    case .literal(.bool), .literal(.null), .column: return expression
    case .literal(let literal):
      throw FilterSyntaxError(
        message: "\(literal.kind) alone is no condition; compare it with something", offset: offset)
    default: return expression
    }
  }

  private mutating func predicate() throws -> FilterExpression {
    let start = token.offset
    let left = try primary()
    if case .symbol(let symbol) = token.kind, let comparison = ComparisonOperator(symbol) {
      let offset = token.offset
      try requireOperand(left, at: start)
      place += 1
      let rightOffset = token.offset
      let right = try primary()
      try requireOperand(right, at: rightOffset)
      if case .symbol(let next) = token.kind, ComparisonOperator(next) != nil {
        throw FilterSyntaxError(message: "comparisons are joined by \"and\" or \"or\"", offset: token.offset)
      }
      return try compared(comparison, left, right, at: offset)
    }
    if take(keyword: "is") {
      let isNegated = take(keyword: "not")
      guard take(keyword: "null") else { throw unexpected(isNegated ? "\"null\"" : "\"null\" or \"not null\"") }
      return isNegated ? .not(.isNull(left)) : .isNull(left)
    }
    let isNegated = token.keyword == "not"
    let word = isNegated ? tokens[place + 1].keyword : token.keyword
    guard let word, ["in", "between", "like", "matches"].contains(word) else {
      guard !isNegated else {
        place += 1
        throw unexpected("\"in\", \"between\", \"like\" or \"matches\"")
      }
      return left
    }
    place += isNegated ? 2 : 1
    try requireOperand(left, at: start)
    let found: FilterExpression
    switch word {
    case "in": found = try list(of: left)
    case "between":
      let offset = token.offset
      let low = try primary()
      try requireOperand(low, at: offset)
      guard take(keyword: "and") else { throw unexpected("\"and\" and the upper bound") }
      let highOffset = token.offset
      let high = try primary()
      try requireOperand(high, at: highOffset)
      found = .and([
        try compared(.greaterOrEqual, left, low, at: offset), try compared(.lessOrEqual, left, high, at: highOffset),
      ])
    case "like": found = .like(left, try likePattern())
    default:
      let pattern = try text("a regular expression in single quotes")
      do {
        found = .matches(left, try RegularExpression(pattern.text))
      } catch let problem as RegularExpression.Problem {
        throw FilterSyntaxError(message: "\(problem.description)", offset: pattern.offset)
      }
    }
    return isNegated ? .not(found) : found
  }

  private func requireOperand(_ expression: FilterExpression, at offset: Int) throws {
    guard !expression.isOperand else { return }
    throw FilterSyntaxError(message: "a condition cannot be compared: compare columns and values", offset: offset)
  }

  /// Two values are compared here and now; a value stands right of a column.
  private func compared(
    _ comparison: ComparisonOperator, _ left: FilterExpression, _ right: FilterExpression, at offset: Int
  ) throws -> FilterExpression {
    switch (left, right) {
    case (.literal(.null), _), (_, .literal(.null)): return .literal(.null)
    case (.literal(let a), .literal(let b)):
      throw FilterSyntaxError(
        message: "\(a.description) and \(b.description) are both values: one side has to be a column", offset: offset)
    case (.literal, _): return .comparison(comparison.flipped, right, left)
    default: return .comparison(comparison, left, right)
    }
  }

  private mutating func list(of left: FilterExpression) throws -> FilterExpression {
    guard case .column = left else { throw unexpected("a column before \"in\"") }
    guard take("(") else { throw unexpected("a list in parentheses") }
    var items: [FilterLiteral] = []
    var hasNull = false
    repeat {
      let offset = token.offset
      guard case .literal(let literal) = try primary() else {
        throw FilterSyntaxError(
          message: "a list holds values, not columns; texts stand in single quotes", offset: offset)
      }
      if literal == .null {
        hasNull = true
      } else {
        if let first = items.first, first.kind != literal.kind {
          throw FilterSyntaxError(
            message: "the list begins with \(first.kind), and this is \(literal.kind)", offset: offset)
        }
        items.append(literal)
      }
    } while take(",")
    guard take(")") else { throw unexpected("\",\" or \")\"") }
    return .isIn(left, items, hasNull: hasNull)
  }

  private mutating func likePattern() throws -> LikePattern {
    let pattern = try text("a pattern in single quotes")
    var escape: UInt8?
    if take(keyword: "escape") {
      let character = try text("a character in single quotes")
      guard character.text.utf8.count == 1 else {
        throw FilterSyntaxError(message: "one ASCII character escapes others", offset: character.offset)
      }
      escape = character.text.utf8.first
    }
    guard let like = LikePattern(pattern.text, escape: escape) else {
      throw FilterSyntaxError(
        message: "the escape character stands before %, _ or itself", offset: pattern.offset)
    }
    return like
  }

  private mutating func text(_ wanted: String) throws -> (text: String, offset: Int) {
    guard case .text(let text) = token.kind else { throw unexpected(wanted) }
    place += 1
    return (text, tokens[place - 1].offset)
  }

  /// A column, a value, or something in parentheses.
  private mutating func primary() throws -> FilterExpression {
    let start = token
    place += start.kind == .end ? 0 : 1
    switch start.kind {
    case .quoted(let name):
      guard !name.isEmpty else { throw FilterSyntaxError(message: "the name is empty", offset: start.offset) }
      return .column(name)
    case .text(let text): return .literal(.text(text))
    case .integer(let value):
      guard value >= 0 else {
        throw FilterSyntaxError(
          message: "9223372036854775808 is more than 64 bits hold; with a point, it is the nearest float64",
          offset: start.offset)
      }
      return .literal(.integer(value))
    case .number(let value): return .literal(.number(value))
    case .symbol("("):
      let inner = try nested { try $0.disjunction() }
      guard take(")") else { throw unexpected("\")\", for the \"(\" that is open,") }
      return inner
    case .symbol("-"), .symbol("+"): return .literal(try signed(isNegative: start.kind == .symbol("-")))
    case .word(let word):
      switch word.lowercased() {
      case "null": return .literal(.null)
      case "true": return .literal(.bool(true))
      case "false": return .literal(.bool(false))
      case "nan": return .literal(.number(.nan))
      case "inf", "infinity": return .literal(.number(.infinity))
      case "date":
        if case .text(let text) = token.kind { return .literal(try date(text)) }
      case "timestamp":
        if case .text(let text) = token.kind { return .literal(try timestamp(text)) }
      case let word where FilterToken.keywords.contains(word):
        place -= 1
        throw FilterSyntaxError(
          message: "here a column or a value should stand; a column called \(word) stands in quotes",
          offset: start.offset)
      default: break
      }
      if token.kind == .symbol("(") {
        throw FilterSyntaxError(
          message: "there are no functions here; use the op sql for \(word)(…)", offset: start.offset)
      }
      return .column(word)
    default:
      place -= start.kind == .end ? 0 : 1
      throw unexpected("a column or a value")
    }
  }

  private mutating func signed(isNegative: Bool) throws -> FilterLiteral {
    let sign: Int64 = isNegative ? -1 : 1
    let number = token
    place += number.kind == .end ? 0 : 1
    switch number.kind {
    // The smallest number reads as itself, whatever its sign.
    case .integer(let value) where value >= 0 || isNegative: return .integer(value &* sign)
    case .number(let value): return .number(value * Double(sign))
    case .word(let word) where ["inf", "infinity"].contains(word.lowercased()):
      return .number(.infinity * Double(sign))
    default:
      throw FilterSyntaxError(
        message: "here a number should stand; to calculate, use the op sql", offset: number.offset)
    }
  }

  private mutating func date(_ text: String) throws -> FilterLiteral {
    var copy = text
    guard let days = copy.withUTF8({ ValueParsing.date($0) }) else {
      throw FilterSyntaxError(message: "'\(text)' is no date such as '2024-01-31'", offset: token.offset)
    }
    place += 1
    return .date(days)
  }

  private mutating func timestamp(_ text: String) throws -> FilterLiteral {
    var copy = text
    guard let micros = copy.withUTF8({ ValueParsing.timestamp($0) }) else {
      throw FilterSyntaxError(
        message: "'\(text)' is no timestamp such as '2024-01-31 23:59:59'", offset: token.offset)
    }
    place += 1
    return .timestamp(micros)
  }
}
