import Graph

/// A value after `${…}` was replaced.
indirect enum Value: Sendable {
  case scalar(Text)
  case list([Text], origin: Origin?)
  case mapping([(name: String, value: Value)])
  /// Already reported.
  case broken
}

extension Value {
  var isList: Bool { if case .list = self { true } else { false } }
}

/// A single value's text, and who wrote it.
struct Text: Sendable {
  var text: String
  var isQuoted: Bool
  /// `null`, `~` or nothing, where nobody wrote quotes.
  var isNull = false
  /// The folder of whoever wrote the beginning: what a relative path is taken from.
  var folder: String
  /// The parameter this is the value of, if it is all there is.
  var origin: Origin?
}

/// The parameter a value comes from.
struct Origin: Sendable {
  let parameter: String
  let line: Int
  /// As messages name it, where it is not the file that was asked for.
  var file: String?
  /// Whether a run, or who includes the file, gave the value.
  let isOverridden: Bool

  /// What a message appends, for the mistake may be there.
  var description: String {
    " (from parameter \(shown(parameter))"
      + (isOverridden ? ", as it was set)" : " on line \(line)\(file.map { " of \($0)" } ?? ""))")
  }
}

/// What one instance of an entry calls by name: `key`, and `item` or `matrix`.
struct Scope: Sendable {
  let kind: Expansion.Kind
  /// What stands behind the `@` of its name.
  let key: String
  /// The item; of a matrix, one for each list.
  let value: Value

  static let names = ["key", "item", "matrix"]

  /// Whether `${name}` may stand for another value in each instance.
  static func isName(_ name: some StringProtocol) -> Bool {
    let first = name.prefix { $0 != "." }
    return names.contains { $0 == first }
  }
}
