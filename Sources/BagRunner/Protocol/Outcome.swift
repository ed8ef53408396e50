/// What a case gives, as it is written.
enum Outcome: Sendable {
  case bag([[PythonValue]], isOrdered: Bool)
  case bags([[[PythonValue]]], isOrdered: Bool)
  case item(PythonValue, isOrdered: Bool)
  case error(PythonError)
  /// In a batch: the line is no case.
  case malformed(String)

  /// `{"partitions": …, "ordered": …}`, `{"bags": …, "ordered": …}`, `{"value": …, "ordered": …}`,
  /// `{"error": {"type": …, "message": …}}` or `{"malformed": …}`.
  var document: PythonValue {
    var dict = PythonDict()
    switch self {
    case .bag(let partitions, let isOrdered):
      dict["partitions"] = .list(partitions.map { .list($0) })
      dict["ordered"] = .bool(isOrdered)
    case .bags(let bags, let isOrdered):
      dict["bags"] = .list(bags.map { .list($0.map { .list($0) }) })
      dict["ordered"] = .bool(isOrdered)
    case .item(let value, let isOrdered):
      dict["value"] = value
      dict["ordered"] = .bool(isOrdered)
    case .error(let error):
      var parts = PythonDict()
      parts["type"] = .str(error.type.rawValue)
      parts["message"] = .str(error.message)
      dict["error"] = .dict(parts)
    case .malformed(let problem):
      dict["malformed"] = .str(problem)
    }
    return .dict(dict)
  }

  /// One line, without its end.
  var line: [UInt8] { JSONWriter.bytes(document) }
}
