/// A function that cases call by its name; what it does is said twice, in Swift and as a Python expression.
struct NamedFunction: Sendable {
  let name: String
  /// `int -> int`, `int, int -> int`. Single letters stand for any type: `n` for a number, `o` for what is ordered, `k`
  /// for what can be a key, others for all.
  let signature: String
  /// What it is, for Python's `eval`.
  let python: String
  let body: Body
  /// Binary only: `f(f(x, y), z) == f(x, f(y, z))`.
  let isAssociative: Bool
  /// Binary only: `f(x, y) == f(y, x)`.
  let isCommutative: Bool

  enum Body: Sendable {
    case unary(@Sendable (PythonValue) throws -> PythonValue)
    case binary(@Sendable (PythonValue, PythonValue) throws -> PythonValue)
  }

  var arity: Int {
    switch body {
    case .unary: 1
    case .binary: 2
    }
  }

  static func unary(
    _ name: String, _ signature: String, _ python: String,
    _ body: @escaping @Sendable (PythonValue) throws -> PythonValue
  ) -> NamedFunction {
    NamedFunction(
      name: name, signature: signature, python: python, body: .unary(body), isAssociative: false, isCommutative: false)
  }

  static func predicate(
    _ name: String, _ signature: String, _ python: String, _ body: @escaping @Sendable (PythonValue) throws -> Bool
  ) -> NamedFunction {
    unary(name, signature + " -> bool", python) { .bool(try body($0)) }
  }

  static func binary(
    _ name: String, _ signature: String, _ python: String, associative: Bool = false, commutative: Bool = false,
    _ body: @escaping @Sendable (PythonValue, PythonValue) throws -> PythonValue
  ) -> NamedFunction {
    NamedFunction(
      name: name, signature: signature, python: python, body: .binary(body), isAssociative: associative,
      isCommutative: commutative)
  }

  /// All of them, in the order of `--list`.
  static let all: [NamedFunction] = predicates + numbers + texts + collections + binaries + partitions

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  static func named(_ name: String) -> NamedFunction? { byName[name] }
}

// MARK: - Calling

extension NamedFunction {
  /// - Precondition: `arity` is 1.
  var unaryBody: @Sendable (PythonValue) throws -> PythonValue {
    guard case .unary(let body) = body else { preconditionFailure("\(name) takes two arguments") }
    return body
  }

  /// - Precondition: `arity` is 2.
  var binaryBody: @Sendable (PythonValue, PythonValue) throws -> PythonValue {
    guard case .binary(let body) = body else { preconditionFailure("\(name) takes one argument") }
    return body
  }
}
