/// A condition on records, as `table.filter` reads it.
indirect enum FilterExpression: Sendable {
  case column(String)
  case literal(FilterLiteral)
  case comparison(ComparisonOperator, FilterExpression, FilterExpression)
  /// Only literals of one kind, without null, and whether null is among those written.
  case isIn(FilterExpression, [FilterLiteral], hasNull: Bool)
  case like(FilterExpression, LikePattern)
  case matches(FilterExpression, RegularExpression)
  case isNull(FilterExpression)
  case not(FilterExpression)
  case and([FilterExpression])
  case or([FilterExpression])

  /// Whether it is a value to be compared, not a condition.
  var isOperand: Bool {
    switch self {
    case .column, .literal: true
    default: false
    }
  }
}

/// A value that stands in a condition.
enum FilterLiteral: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case text(String)
  /// Days and microseconds, as columns hold them.
  case date(Int32)
  case timestamp(Int64)

  /// As it could be written.
  var description: String {
    switch self {
    case .null: return "null"
    case .bool(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .number(let value): return "\(value)"
    case .text(let text):
      return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    case .date, .timestamp: return kind
    }
  }

  /// What it is, for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer, .number: "a number"
    case .text: "a text"
    case .date: "a date"
    case .timestamp: "a timestamp"
    }
  }
}

enum ComparisonOperator: Hashable, Sendable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

  init?(_ symbol: String) {
    switch symbol {
    case "=", "==": self = .equal
    case "!=", "<>": self = .notEqual
    case "<": self = .less
    case "<=": self = .lessOrEqual
    case ">": self = .greater
    case ">=": self = .greaterOrEqual
    default: return nil
    }
  }

  /// The same with sides exchanged.
  var flipped: ComparisonOperator {
    switch self {
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    case .equal, .notEqual: self
    }
  }

  /// Whether it holds where the left side is so to the right: negative for less, 0 for equal.
  @inline(__always)
  func holds(_ order: Int) -> Bool {
    switch self {
    case .equal: order == 0
    case .notEqual: order != 0
    case .less: order < 0
    case .lessOrEqual: order <= 0
    case .greater: order > 0
    case .greaterOrEqual: order >= 0
    }
  }
}
