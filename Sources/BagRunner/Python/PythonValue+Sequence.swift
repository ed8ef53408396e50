extension PythonValue {
  /// What `for item in x` gives: elements, code points, keys.
  /// - Throws: `TypeError` if it cannot be iterated.
  func elements() throws -> [PythonValue] {
    switch self {
    case .list(let items), .tuple(let items): return items
    case .str(let text): return text.unicodeScalars.map { .str(String($0)) }
    case .dict(let dict): return dict.keys
    default: throw PythonError.type("'\(typeName)' object is not iterable")
    }
  }

  /// `len(x)`; of a string, code points.
  func length() throws -> Int {
    switch self {
    case .list(let items), .tuple(let items): return items.count
    case .str(let text): return text.unicodeScalars.count
    case .dict(let dict): return dict.count
    default: throw PythonError.type("object of type '\(typeName)' has no len()")
    }
  }

  /// `x[key]`; negative indices count from the end.
  func item(_ key: PythonValue) throws -> PythonValue {
    switch self {
    case .list(let items), .tuple(let items):
      return items[try position(key, in: items.count)]
    case .str(let text):
      let scalars = text.unicodeScalars
      let position = try position(key, in: scalars.count)
      return .str(String(scalars[scalars.index(scalars.startIndex, offsetBy: position)]))
    case .dict(let dict):
      guard let value = dict[try key.hashable()] else { throw PythonError(.keyError, key.repr) }
      return value
    default:
      throw PythonError.type("'\(typeName)' object is not subscriptable")
    }
  }

  private func position(_ key: PythonValue, in count: Int) throws -> Int {
    guard case .int(let index)? = key.number else {
      let subject = typeName == "str" ? "string" : typeName
      throw PythonError.type("\(subject) indices must be integers or slices, not \(key.typeName)")
    }
    let position = index < 0 ? index &+ count : index
    guard position >= 0, position < count else {
      throw PythonError(.indexError, "\(typeName == "str" ? "string" : typeName) index out of range")
    }
    return position
  }

  /// `item in x`.
  func contains(_ item: PythonValue) throws -> Bool {
    switch self {
    case .str(let text):
      guard case .str(let part) = item else {
        throw PythonError.type("'in <string>' requires string as left operand, not \(item.typeName)")
      }
      return PythonString(text).find(PythonString(part)) >= 0
    case .dict(let dict): return dict[try item.hashable()] != nil
    default: return try elements().contains(item)
    }
  }

  /// What a pluck gives: `x[key]`, or a tuple for a list of keys; `fallback` where the index or key is not there.
  func plucked(_ key: PythonValue, default fallback: PythonValue?) throws -> PythonValue {
    if case .list(let keys) = key { return .tuple(try keys.map { try plucked($0, default: fallback) }) }
    do {
      return try item(key)
    } catch let error as PythonError where error.type == .indexError || error.type == .keyError {
      guard let fallback else { throw error }
      return fallback
    }
  }
}
