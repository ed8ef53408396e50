/// What `--list` prints: every operation with its parameters and every named function.
enum Listing {
  static var document: PythonValue {
    var dict = PythonDict()
    dict["ops"] = .list(OpSpec.all.map(op))
    dict["functions"] = .list(NamedFunction.all.map(function))
    return .dict(dict)
  }

  private static func op(_ spec: OpSpec) -> PythonValue {
    var dict = PythonDict()
    dict["op"] = .str(spec.name)
    dict["parameters"] = .list(spec.parameters.map(parameter))
    dict["gives"] = .str(
      spec.gives == .either && spec.name == "unzip" ? "bags, or a bag with pick" : spec.gives.rawValue)
    dict["order"] = .str(spec.order.rawValue)
    if !spec.note.isEmpty { dict["note"] = .str(spec.note) }
    return .dict(dict)
  }

  private static func parameter(_ parameter: OpSpec.Parameter) -> PythonValue {
    var dict = PythonDict()
    dict["name"] = .str(parameter.name)
    dict["type"] = .str(parameter.kind.text)
    dict["required"] = .bool(parameter.fallback == nil)
    if let fallback = parameter.fallback, let value = try? JSONReader.read(fallback) { dict["default"] = value }
    return .dict(dict)
  }

  private static func function(_ function: NamedFunction) -> PythonValue {
    var dict = PythonDict()
    dict["name"] = .str(function.name)
    dict["arity"] = .int(function.arity)
    dict["signature"] = .str(function.signature)
    dict["python"] = .str(function.python)
    if function.arity == 2 {
      dict["associative"] = .bool(function.isAssociative)
      dict["commutative"] = .bool(function.isCommutative)
    }
    return .dict(dict)
  }
}
