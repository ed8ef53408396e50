/// An error as Python raises it: its exception's name and what that says.
struct PythonError: Error, Hashable, Sendable, CustomStringConvertible {
  let type: Kind
  let message: String

  init(_ type: Kind, _ message: String) {
    self.type = type
    self.message = message
  }

  /// `TypeError: 'int' object is not iterable`; `init(in:)` finds it again in a longer text.
  var description: String { "\(type.rawValue): \(message)" }

  enum Kind: String, CaseIterable, Sendable {
    case typeError = "TypeError"
    case valueError = "ValueError"
    case indexError = "IndexError"
    case keyError = "KeyError"
    case attributeError = "AttributeError"
    case zeroDivisionError = "ZeroDivisionError"
    case overflowError = "OverflowError"
    case assertionError = "AssertionError"
    case notImplementedError = "NotImplementedError"
  }

  static func type(_ message: String) -> PythonError { PythonError(.typeError, message) }
  static func value(_ message: String) -> PythonError { PythonError(.valueError, message) }
  static func attribute(_ name: String, of value: PythonValue) -> PythonError {
    PythonError(.attributeError, "'\(value.typeName)' object has no attribute '\(name)'")
  }
  /// Python's integers have no bound; ours are machine words, and a result that is not the true one is never given.
  static func overflow(_ operation: String) -> PythonError {
    PythonError(.overflowError, "\(operation) does not fit an integer of 64 bits")
  }

  /// The error that a closure threw and the engine has wrapped into a text of its own.
  init?(in text: String) {
    var first: (range: Range<String.Index>, kind: Kind)?
    for kind in Kind.allCases {
      guard let range = text.firstRange(of: kind.rawValue + ": ") else { continue }
      if first.map({ range.lowerBound < $0.range.lowerBound }) ?? true { first = (range, kind) }
    }
    guard let first else { return nil }
    self.init(first.kind, String(text[first.range.upperBound...]))
  }
}
