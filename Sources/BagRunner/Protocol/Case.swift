/// Partitions and the operations on them, checked against `OpSpec`.
struct Case: Sendable {
  let partitions: [[PythonValue]]
  let ops: [OpCall]

  /// Whether it gives a bag, an item or several bags.
  var gives: OpSpec.Output { ops.last?.gives ?? .bag }

  /// Whether the result is exactly Dask's, cut into partitions included; otherwise its elements are, in any order.
  var isOrdered: Bool {
    ops.reduce(true) { isOrdered, op in
      if op.spec.name == "from_sequence" || op.spec.name == "range" { return true }
      let others = op.cases.allSatisfy(\.isOrdered)
      return isOrdered && others && op.keepsOrder
    }
  }
}

/// An operation with its arguments.
struct OpCall: Sendable {
  let spec: OpSpec
  let arguments: [String: Argument]

  enum Argument: Sendable {
    case function(NamedFunction)
    case item(PythonValue)
    case value(PythonValue)
    case nested(Case)
    case list([Case])
  }

  var gives: OpSpec.Output {
    guard spec.gives == .either else { return spec.gives }
    if spec.name == "unzip" { return arguments["pick"] == nil ? .bags : .bag }
    return value("out_type") == .str("bag") ? .bag : .item
  }

  fileprivate var keepsOrder: Bool {
    switch spec.order {
    case .kept: true
    case .lost: false
    case .lostUnlessSorted: bool("sort") ?? false
    }
  }

  fileprivate var cases: [Case] {
    arguments.values.flatMap { argument -> [Case] in
      switch argument {
      case .nested(let one): [one]
      case .list(let several): several
      default: []
      }
    }
  }

  // MARK: Arguments, as the spec has checked them

  func value(_ name: String) -> PythonValue? {
    if case .value(let value)? = arguments[name] { return value }
    return nil
  }

  func integer(_ name: String) -> Int? {
    if case .int(let value)? = value(name)?.number { return value }
    return nil
  }

  func double(_ name: String) -> Double? { value(name)?.number?.asDouble }

  func bool(_ name: String) -> Bool? { value(name).map(\.isTrue) }

  func text(_ name: String) -> PythonString? {
    if case .str(let text)? = value(name) { return PythonString(text) }
    return nil
  }

  func values(_ name: String) -> [PythonValue]? { try? value(name)?.elements() }

  func function(_ name: String) -> NamedFunction? {
    if case .function(let function)? = arguments[name] { return function }
    return nil
  }

  /// A key function: a named one, or `x[key]`.
  func key(_ name: String) -> (@Sendable (PythonValue) throws -> PythonValue)? {
    switch arguments[name] {
    case .function(let function)?: return function.unaryBody
    case .item(let key)?: return { try $0.plucked(key, default: nil) }
    default: return nil
    }
  }

  func nested(_ name: String) -> Case? {
    if case .nested(let one)? = arguments[name] { return one }
    return nil
  }

  func list(_ name: String) -> [Case] {
    if case .list(let several)? = arguments[name] { return several }
    return []
  }
}
