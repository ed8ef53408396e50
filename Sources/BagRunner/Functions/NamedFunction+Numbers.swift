extension NamedFunction {
  static let predicates: [NamedFunction] = [
    predicate("iseven", "int", "lambda x: x % 2 == 0") { try .modulo($0, .int(2)) == .int(0) },
    predicate("isodd", "int", "lambda x: x % 2 == 1") { try .modulo($0, .int(2)) == .int(1) },
    predicate("ismultiple3", "int", "lambda x: x % 3 == 0") { try .modulo($0, .int(3)) == .int(0) },
    predicate("ispositive", "n", "lambda x: x > 0") { try $0.isGreater(than: .int(0)) },
    predicate("isnegative", "n", "lambda x: x < 0") { try $0.isLess(than: .int(0)) },
    predicate("issmall", "n", "lambda x: abs(x) < 10") { try $0.magnitude().isLess(than: .int(10)) },
    predicate("iszero", "a", "lambda x: x == 0") { $0 == .int(0) },
    predicate("isnone", "a", "lambda x: x is None") { $0 == .none },
    predicate("istrue", "a", "lambda x: bool(x)") { $0.isTrue },
    predicate("isfalse", "a", "lambda x: not x") { !$0.isTrue },
    predicate("always", "a", "lambda x: True") { _ in true },
    predicate("never", "a", "lambda x: False") { _ in false },
    predicate("isempty", "list[a]", "lambda x: len(x) == 0") { try $0.length() == 0 },
    predicate("islong", "str", "lambda x: len(x) > 3") { try $0.length() > 3 },
    predicate("hasletter_a", "str", "lambda x: 'a' in x") { try $0.contains(.str("a")) },
    predicate("isalpha", "str", "lambda x: x.isalpha()") { try $0.string("isalpha").isAlphabetic },
    predicate("isupper", "str", "lambda x: x.isupper()") { try $0.string("isupper").isUpper },
    predicate("isblank", "str", "lambda x: x.strip() == ''") { try $0.string("strip").stripped(of: nil).count == 0 },
    predicate("first_ispositive", "pair[n,a]", "lambda x: x[0] > 0") { try $0.item(.int(0)).isGreater(than: .int(0)) },
    predicate("iseven_id", "record", "lambda x: x['id'] % 2 == 0") {
      try .modulo($0.item(.str("id")), .int(2)) == .int(0)
    },
  ]

  static let numbers: [NamedFunction] = [
    unary("identity", "a -> a", "lambda x: x") { $0 },
    unary("zero", "a -> int", "lambda x: 0") { _ in .int(0) },
    unary("one", "a -> int", "lambda x: 1") { _ in .int(1) },
    unary("inc", "n -> n", "lambda x: x + 1") { try .add($0, .int(1)) },
    unary("dec", "n -> n", "lambda x: x - 1") { try .subtract($0, .int(1)) },
    unary("neg", "n -> n", "lambda x: -x") { try $0.negated() },
    unary("abs", "n -> n", "lambda x: abs(x)") { try $0.magnitude() },
    unary("double", "n -> n", "lambda x: x * 2") { try .multiply($0, .int(2)) },
    unary("square", "n -> n", "lambda x: x * x") { try .multiply($0, $0) },
    unary("half", "n -> float", "lambda x: x / 2") { try .divide($0, .int(2)) },
    unary("third", "n -> float", "lambda x: x / 3") { try .divide($0, .int(3)) },
    unary("floorhalf", "n -> n", "lambda x: x // 2") { try .floorDivide($0, .int(2)) },
    unary("floordiv_neg3", "n -> n", "lambda x: x // -3") { try .floorDivide($0, .int(-3)) },
    unary("mod2", "n -> n", "lambda x: x % 2") { try .modulo($0, .int(2)) },
    unary("mod3", "n -> n", "lambda x: x % 3") { try .modulo($0, .int(3)) },
    unary("mod7", "n -> n", "lambda x: x % 7") { try .modulo($0, .int(7)) },
    unary("mod_neg5", "n -> n", "lambda x: x % -5") { try .modulo($0, .int(-5)) },
    unary("clamp", "n -> n", "lambda x: max(-5, min(5, x))") {
      try .max([.int(-5), .min([.int(5), $0])])
    },
    unary("sign", "n -> int", "lambda x: (x > 0) - (x < 0)") {
      .int(try $0.isGreater(than: .int(0)) ? 1 : try $0.isLess(than: .int(0)) ? -1 : 0)
    },
    unary("tofloat", "n -> float", "lambda x: float(x)") { .float(try $0.double()) },
    unary("toint", "bool -> int", "lambda x: int(x)") { .int(try $0.integer()) },
    unary("not", "a -> bool", "lambda x: not x") { .bool(!$0.isTrue) },
    // Numbers that are equal and of different types: which of them stands for the key?
    unary("mixed", "int -> n", "lambda x: [x % 2, float(x % 2), x % 2 == 1][x % 3]") {
      let bit = try modulo($0, .int(2)).integer()
      let forms: [PythonValue] = [.int(bit), .float(Double(bit)), .bool(bit == 1)]
      return forms[try modulo($0, .int(3)).integer()]
    },
    unary("none_if_odd", "int -> option[int]", "lambda x: None if x % 2 else x") {
      try modulo($0, .int(2)).isTrue ? .none : $0
    },
    unary("tolist_upto", "int -> list[int]", "lambda x: list(range(x % 4))") {
      .list((0..<(try modulo($0, .int(4)).integer())).map { .int($0) })
    },
    unary("divmod3", "int -> pair[int,int]", "lambda x: (x // 3, x % 3)") {
      .pair(try floorDivide($0, .int(3)), try modulo($0, .int(3)))
    },
    unary("keyed2", "int -> pair[int,int]", "lambda x: (x % 2, x)") { .pair(try modulo($0, .int(2)), $0) },
    unary("keyed5", "int -> pair[int,int]", "lambda x: (x % 5, x)") { .pair(try modulo($0, .int(5)), $0) },
    unary("record", "int -> record", "lambda x: {'id': x % 5, 'value': x, 'name': 'n' + str(x % 3)}") {
      var dict = PythonDict()
      dict["id"] = try modulo($0, .int(5))
      dict["value"] = $0
      dict["name"] = .str("n" + (try modulo($0, .int(3))).text)
      return .dict(dict)
    },
    unary("letter", "int -> str", "lambda x: 'abcdefg'[x % 7]") {
      try PythonValue.str("abcdefg").item(modulo($0, .int(7)))
    },
    unary("word", "int -> str", "lambda x: 'ab' * (x % 3)") {
      .str(String(repeating: "ab", count: try modulo($0, .int(3)).integer()))
    },
  ]

  private static func modulo(_ left: PythonValue, _ right: PythonValue) throws -> PythonValue {
    try PythonValue.modulo(left, right)
  }
  private static func floorDivide(_ left: PythonValue, _ right: PythonValue) throws -> PythonValue {
    try PythonValue.floorDivide(left, right)
  }
}
