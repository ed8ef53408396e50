import GraphRun

/// Why a document is no case: what is wrong and where, and what was probably meant.
struct CaseProblem: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  fileprivate static func unknown(
    _ what: String, _ name: String, among names: some Sequence<String>, _ place: String
  ) -> CaseProblem {
    let meant = nearestName(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? "; --list prints all"
    return CaseProblem("\(place)there is no \(what) \"\(name)\"\(meant)")
  }
}

extension Case {
  /// Reads a case as the protocol has it.
  /// - Throws: `CaseProblem` or `JSONReader.Problem`.
  static func read(_ bytes: [UInt8]) throws -> Case { try Case(JSONReader.read(bytes), at: "") }

  /// - Parameter place: where in the document it stands, for messages: "", or `op 2 (zip), other: `.
  init(_ document: PythonValue, at place: String) throws {
    guard case .dict(let dict) = document else {
      throw CaseProblem("\(place)a case is an object with \"partitions\" and \"ops\", not \(jsonKind(document))")
    }
    for key in dict.keys where key != .str("partitions") && key != .str("ops") {
      throw CaseProblem.unknown("member", key.text, among: ["partitions", "ops"], place)
    }
    let ops = try Self.list(dict["ops"] ?? .list([]), "\"ops\"", place)
    var calls: [OpCall] = []
    for (number, op) in ops.enumerated() {
      let call = try OpCall(op, number: number + 1, at: place)
      if let last = calls.last, last.gives != .bag {
        let what = last.gives == .bags ? "several bags (with \"pick\" the chain goes on with one)" : "an item"
        throw CaseProblem("\(place)op \(number) (\(last.spec.name)) gives \(what): no op can follow")
      }
      calls.append(call)
    }
    guard let partitions = dict["partitions"] else {
      guard let first = calls.first?.spec.name, first == "from_sequence" || first == "range" else {
        throw CaseProblem("\(place)\"partitions\" is missing, and the first op is not from_sequence or range")
      }
      self.init(partitions: [[]], ops: calls)
      return
    }
    let lists = try Self.list(partitions, "\"partitions\"", place).enumerated().map { number, partition in
      try Self.list(partition, "partition \(number)", place)
    }
    self.init(partitions: lists, ops: calls)
  }

  private static func list(_ value: PythonValue, _ what: String, _ place: String) throws -> [PythonValue] {
    guard case .list(let items) = value else { throw CaseProblem("\(place)\(what) is a list, not \(jsonKind(value))") }
    return items
  }
}

extension OpCall {
  fileprivate init(_ document: PythonValue, number: Int, at outer: String) throws {
    var place = "\(outer)op \(number): "
    guard case .dict(let dict) = document else {
      throw CaseProblem("\(place)an op is an object, not \(jsonKind(document))")
    }
    guard case .str(let name)? = dict["op"] else {
      throw CaseProblem("\(place)\"op\" names the operation; it is missing")
    }
    guard let spec = OpSpec.byName[name] else {
      throw CaseProblem.unknown("op", name, among: OpSpec.all.map(\.name), place)
    }
    place = "\(outer)op \(number) (\(name)): "
    for key in dict.keys where key != .str("op") && !spec.parameters.contains(where: { key == .str($0.name) }) {
      throw CaseProblem.unknown("parameter", key.text, among: spec.parameters.map(\.name), place)
    }
    self.spec = spec
    var arguments: [String: Argument] = [:]
    for parameter in spec.parameters {
      guard let given = dict[parameter.name] else {
        if parameter.fallback == nil { throw CaseProblem("\(place)the parameter \"\(parameter.name)\" is missing") }
        continue
      }
      // `null` is a value where any value is taken; elsewhere it means the default.
      if given == .none, parameter.fallback != nil, !parameter.kind.takesNull { continue }
      arguments[parameter.name] = try Self.argument(
        given, parameter.kind.adapted(to: spec, dict), parameter.name, place)
    }
    self.arguments = arguments
    try check(place)
  }

  private static func argument(
    _ given: PythonValue, _ kind: OpSpec.Kind, _ name: String, _ place: String
  ) throws -> Argument {
    let wrong = CaseProblem("\(place)\"\(name)\" is \(jsonKind(given)); it takes \(kind.text)")
    switch (kind, given) {
    case (.function(let arity), .str(let function)): return .function(try named(function, arity, name, place))
    case (.key, .str(let function)): return .function(try named(function, 1, name, place))
    case (.key, .dict(let dict)):
      guard dict.count == 1, let key = dict["item"] else { throw wrong }
      return .item(key)
    case (.integer(let least), .int(let value)):
      guard value >= least ?? .min else { throw CaseProblem("\(place)\"\(name)\" is \(value); it takes \(kind.text)") }
      return .value(given)
    case (.number, .int), (.number, .float), (.bool, .bool), (.text, .str), (.values, .list), (.value, _):
      return .value(given)
    case (.choice(let names), .str(let choice)):
      guard names.contains(choice) else { throw CaseProblem.unknown(name, choice, among: names, place) }
      return .value(given)
    case (.splitEvery, .bool(false)): return .value(given)
    case (.splitEvery, .int(let value)):
      // With 1 Dask's loop never ends.
      guard value >= 2 else { throw CaseProblem("\(place)\"\(name)\" is \(value); it takes \(kind.text)") }
      return .value(given)
    case (.bagOrValues, .list): return .value(given)
    case (.bag, .dict), (.bagOrItem, .dict), (.bagOrValues, .dict):
      return .nested(try nested(given, mayBeItem: kind.takesItem, "\(place)\(name): "))
    case (.bags, .list(let cases)):
      return .list(
        try cases.enumerated().map { try nested($0.element, mayBeItem: false, "\(place)\(name)[\($0.offset)]: ") })
    default: throw wrong
    }
  }

  private static func nested(_ document: PythonValue, mayBeItem: Bool, _ place: String) throws -> Case {
    let one = try Case(document, at: place)
    guard one.gives == .bag || (mayBeItem && one.gives == .item) else {
      throw CaseProblem(
        "\(place)the case gives \(one.gives == .item ? "an item" : "several bags") where a bag is wanted")
    }
    return one
  }

  private static func named(_ name: String, _ arity: Int, _ parameter: String, _ place: String) throws -> NamedFunction
  {
    guard let function = NamedFunction.named(name) else {
      throw CaseProblem.unknown("function", name, among: NamedFunction.all.map(\.name), place)
    }
    guard function.arity == arity else {
      throw CaseProblem(
        "\(place)\"\(parameter)\" takes a function of \(arity), and \(name) is one of \(function.arity): "
          + function.python
      )
    }
    return function
  }

  /// What one parameter alone does not show.
  private func check(_ place: String) throws {
    switch spec.name {
    case "map" where arguments["other"] != nil && arguments["arg"] != nil:
      throw CaseProblem("\(place)\"other\" and \"arg\" cannot both be given")
    case "unzip":
      if let pick = integer("pick"), let n = integer("n"), pick >= n {
        throw CaseProblem("\(place)\"pick\" is \(pick), and there are only \(n) bags: 0 to \(n - 1)")
      }
    default: break
    }
  }
}

extension OpSpec.Kind {
  fileprivate var takesNull: Bool {
    if case .value = self { return true }
    return false
  }

  fileprivate var takesItem: Bool {
    if case .bagOrItem = self { return true }
    return false
  }

  /// `map` with another bag or a value takes a function of two.
  fileprivate func adapted(to spec: OpSpec, _ dict: PythonDict) -> OpSpec.Kind {
    if case .function(1) = self, spec.name == "map", (dict["other"] ?? .none) != .none || dict["arg"] != nil {
      return .function(2)
    }
    return self
  }
}

/// What JSON calls a value, with its article.
private func jsonKind(_ value: PythonValue) -> String {
  switch value {
  case .none: "null"
  case .bool(let value): value ? "true" : "false"
  case .int(let value): "the integer \(value)"
  case .float: "a number with a fraction"
  case .str: "a string"
  case .list, .tuple: "a list"
  case .dict: "an object"
  }
}
