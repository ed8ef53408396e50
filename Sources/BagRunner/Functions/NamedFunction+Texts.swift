extension PythonValue {
  /// The string whose method is called.
  /// - Throws: `AttributeError` if it is none.
  func string(_ method: String) throws -> PythonString {
    guard case .str(let text) = self else { throw PythonError.attribute(method, of: self) }
    return PythonString(text)
  }
}

extension NamedFunction {
  static let texts: [NamedFunction] = [
    unary("str", "a -> str", "lambda x: str(x)") { .str($0.text) },
    unary("repr", "a -> str", "lambda x: repr(x)") { .str($0.repr) },
    unary("strlen", "str -> int", "lambda x: len(x)") { .int(try $0.length()) },
    text("upper", "lambda x: x.upper()") { $0.uppercased() },
    text("lower", "lambda x: x.lower()") { $0.lowercased() },
    text("title", "lambda x: x.title()") { $0.titled() },
    text("capitalize", "lambda x: x.capitalize()") { $0.capitalized() },
    text("swapcase", "lambda x: x.swapcase()") { $0.swappingCase() },
    text("strip", "lambda x: x.strip()") { $0.stripped(of: nil) },
    text("reverse_str", "lambda x: x[::-1]") { PythonString(Array($0.scalars.reversed())[...]) },
    text("twice", "lambda x: x + x") { PythonString($0.scalars + $0.scalars) },
    text("first_char", "lambda x: x[:1]") { PythonString($0.scalars.prefix(1)) },
    text("last3", "lambda x: x[-3:]") { PythonString($0.scalars.suffix(3)) },
    text("a_to_b", "lambda x: x.replace('a', 'b')") { $0.replacing(PythonString("a"), with: PythonString("b")) },
    text("exclaim", "lambda x: x + '!'") { PythonString($0.scalars + ["!"]) },
    unary("words", "str -> list[str]", "lambda x: x.split()") {
      .list(try $0.string("split").words().map { .str($0.text) })
    },
    unary("chars", "str -> list[str]", "lambda x: list(x)") { .list(try $0.elements()) },
    unary("code_sum", "str -> int", "lambda x: sum(ord(c) for c in x)") {
      .int(try $0.string("elements").scalars.reduce(0) { $0 + Int($1.value) })
    },
    unary("keyed_len", "str -> pair[int,str]", "lambda x: (len(x), x)") { .pair(.int(try $0.length()), $0) },
  ]

  private static func text(
    _ name: String, _ python: String, _ body: @escaping @Sendable (PythonString) -> PythonString
  ) -> NamedFunction {
    unary(name, "str -> str", python) { .str(body(try $0.string(name)).text) }
  }
}
