extension PythonValue {
  /// `self < other`.
  /// - Throws: `TypeError` where Python has no order: mixed types, `None`, dictionaries.
  func isLess(than other: PythonValue) throws -> Bool { try isBefore(other, "<") { $0 } }

  /// `self > other`, which names itself in errors.
  func isGreater(than other: PythonValue) throws -> Bool { try other.isBefore(self, ">") { ($0.1, $0.0) } }

  private func isBefore(
    _ other: PythonValue, _ sign: String, _ asWritten: ((PythonValue, PythonValue)) -> (PythonValue, PythonValue)
  ) throws -> Bool {
    switch (self, other) {
    // The order of UTF-8 is that of code points.
    case (.str(let left), .str(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      for (left, right) in zip(left, right) where left != right { return try left.isBefore(right, sign, asWritten) }
      return left.count < right.count
    default:
      guard let left = number, let right = other.number else {
        let (first, second) = asWritten((self, other))
        throw PythonError.type(
          "'\(sign)' not supported between instances of '\(first.typeName)' and '\(second.typeName)'")
      }
      return left.isLess(than: right)
    }
  }

  /// `sorted(items)`: stable, equal ones stay in their order.
  static func sorted(_ items: [PythonValue]) throws -> [PythonValue] {
    try items.sorted { try $0.isLess(than: $1) }
  }

  /// `max(items)`: of equals, the first.
  static func max(_ items: [PythonValue]) throws -> PythonValue {
    guard var best = items.first else { throw PythonError.value("max() arg is an empty sequence") }
    for item in items.dropFirst() where try item.isGreater(than: best) { best = item }
    return best
  }

  /// `min(items)`: of equals, the first.
  static func min(_ items: [PythonValue]) throws -> PythonValue {
    guard var best = items.first else { throw PythonError.value("min() arg is an empty sequence") }
    for item in items.dropFirst() where try item.isLess(than: best) { best = item }
    return best
  }
}
