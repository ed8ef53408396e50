extension NamedFunction {
  static let binaries: [NamedFunction] = [
    binary("add", "n, n -> n", "lambda x, y: x + y", associative: true, commutative: true) { try .add($0, $1) },
    binary("sub", "n, n -> n", "lambda x, y: x - y") { try .subtract($0, $1) },
    binary("mul", "n, n -> n", "lambda x, y: x * y", associative: true, commutative: true) { try .multiply($0, $1) },
    binary("max2", "o, o -> o", "lambda x, y: max(x, y)", associative: true, commutative: true) { try .max([$0, $1]) },
    binary("min2", "o, o -> o", "lambda x, y: min(x, y)", associative: true, commutative: true) { try .min([$0, $1]) },
    binary("mul_mod", "int, int -> int", "lambda x, y: (x * y) % 1000003", associative: true, commutative: true) {
      try .modulo(.multiply(.modulo($0, .int(1_000_003)), .modulo($1, .int(1_000_003))), .int(1_000_003))
    },
    binary("add_mod", "int, int -> int", "lambda x, y: (x + y) % 97", associative: true, commutative: true) {
      try .modulo(.add($0, $1), .int(97))
    },
    // Neither associative nor commutative: the shape of a tree shows.
    binary("twist", "int, int -> int", "lambda x, y: (x * 31 + y) % 65521") {
      try .modulo(.add(.multiply(.modulo($0, .int(65521)), .int(31)), $1), .int(65521))
    },
    binary("xor", "bool, bool -> bool", "lambda x, y: x != y", associative: true, commutative: true) {
      .bool($0 != $1)
    },
    binary("both", "bool, bool -> bool", "lambda x, y: x and y", associative: true, commutative: true) {
      $0.isTrue ? $1 : $0
    },
    binary("either", "bool, bool -> bool", "lambda x, y: x or y", associative: true, commutative: true) {
      $0.isTrue ? $0 : $1
    },
    binary("left", "a, b -> a", "lambda x, y: x", associative: true) { left, _ in left },
    binary("right", "a, b -> b", "lambda x, y: y", associative: true) { _, right in right },
    binary("pair", "a, b -> pair[a,b]", "lambda x, y: (x, y)") { .pair($0, $1) },
    binary("equal", "a, a -> bool", "lambda x, y: x == y", commutative: true) { .bool($0 == $1) },
    binary("less", "o, o -> bool", "lambda x, y: x < y") { .bool(try $0.isLess(than: $1)) },
    binary("concat", "str, str -> str", "lambda x, y: x + y", associative: true) { try .add($0, $1) },
    binary("concat_list", "list[a], list[a] -> list[a]", "lambda x, y: x + y", associative: true) { try .add($0, $1) },
    binary("append", "list[a], a -> list[a]", "lambda x, y: x + [y]") { try .add($0, .list([$1])) },
    binary("count_up", "int, a -> int", "lambda x, y: x + 1") { count, _ in try .add(count, .int(1)) },
    binary("add_len", "int, str -> int", "lambda x, y: x + len(y)") { try .add($0, .int($1.length())) },
    binary("add_second", "int, pair[a,int] -> int", "lambda x, y: x + y[1]") { try .add($0, $1.item(.int(1))) },
    binary("add_value", "int, record -> int", "lambda x, y: x + y['value']") { try .add($0, $1.item(.str("value"))) },
    binary("longer", "str, str -> str", "lambda x, y: y if len(y) > len(x) else x", associative: true) {
      try $1.length() > $0.length() ? $1 : $0
    },
    binary("repeat", "int, str -> str", "lambda x, y: y * (x % 4)") {
      .str(String(repeating: $1.text, count: try PythonValue.modulo($0, .int(4)).integer()))
    },
    binary("ismultiple", "int, int -> bool", "lambda x, y: y != 0 and x % y == 0") {
      try .bool($1 != .int(0) && PythonValue.modulo($0, $1) == .int(0))
    },
  ]
}
