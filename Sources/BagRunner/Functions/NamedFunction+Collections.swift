extension NamedFunction {
  static let collections: [NamedFunction] = [
    unary("len", "list[a] -> int", "lambda x: len(x)") { .int(try $0.length()) },
    unary("wrap", "a -> list[a]", "lambda x: [x]") { .list([$0]) },
    unary("repeat2", "a -> list[a]", "lambda x: [x, x]") { .list([$0, $0]) },
    unary("sorted", "list[o] -> list[o]", "lambda x: sorted(x)") { .list(try PythonValue.sorted($0.elements())) },
    unary("reversed", "list[a] -> list[a]", "lambda x: list(x)[::-1]") { .list(try $0.elements().reversed()) },
    unary("head2", "list[a] -> list[a]", "lambda x: list(x)[:2]") { .list(Array(try $0.elements().prefix(2))) },
    unary("sum_list", "list[n] -> n", "lambda x: sum(x)") { try .sum($0.elements()) },
    unary("max_or0", "list[int] -> int", "lambda x: max(x, default=0)") {
      let items = try $0.elements()
      return items.isEmpty ? .int(0) : try .max(items)
    },
    unary("totuple", "list[k] -> key[k]", "lambda x: tuple(x)") { .tuple(try $0.elements()) },
    unary("first", "pair[a,b] -> a", "lambda x: x[0]") { try $0.item(.int(0)) },
    unary("second", "pair[a,b] -> b", "lambda x: x[1]") { try $0.item(.int(1)) },
    unary("swap", "pair[a,b] -> pair[b,a]", "lambda x: (x[1], x[0])") {
      .pair(try $0.item(.int(1)), try $0.item(.int(0)))
    },
    unary("sum_pair", "pair[int,int] -> int", "lambda x: x[0] + x[1]") { try .add($0.item(.int(0)), $0.item(.int(1))) },
    unary("pair_self", "a -> pair[a,a]", "lambda x: (x, x)") { .pair($0, $0) },
    unary("pair_one", "a -> pair[a,int]", "lambda x: (x, 1)") { .pair($0, .int(1)) },
    unary("pair_tolist", "pair[a,a] -> list[a]", "lambda x: list(x)") { .list(try $0.elements()) },
    unary("get_id", "record -> int", "lambda x: x['id']") { try $0.item(.str("id")) },
    unary("get_name", "record -> str", "lambda x: x['name']") { try $0.item(.str("name")) },
    unary("get_value", "record -> int", "lambda x: x['value']") { try $0.item(.str("value")) },
    unary("record_keys", "record -> list[str]", "lambda x: list(x)") { .list(try $0.elements()) },
  ]

  /// Functions of a whole partition. Python gets an iterable that may be walked once.
  static let partitions: [NamedFunction] = [
    unary("part_list", "part[a] -> part[a]", "lambda x: list(x)") { .list(try $0.elements()) },
    unary("part_sorted", "part[o] -> part[o]", "lambda x: sorted(x)") { .list(try PythonValue.sorted($0.elements())) },
    unary("part_reversed", "part[a] -> part[a]", "lambda x: list(x)[::-1]") { .list(try $0.elements().reversed()) },
    unary("part_head2", "part[a] -> part[a]", "lambda x: list(x)[:2]") { .list(Array(try $0.elements().prefix(2))) },
    unary("part_sum", "part[n] -> part[n]", "lambda x: [sum(x)]") { .list([try .sum($0.elements())]) },
    unary("part_count", "part[a] -> part[int]", "lambda x: [len(list(x))]") { .list([.int(try $0.elements().count)]) },
    unary("part_enumerate", "part[a] -> part[pair[int,a]]", "lambda x: list(enumerate(x))") {
      .list(try $0.elements().enumerated().map { .pair(.int($0.offset), $0.element) })
    },
    unary("part_twice", "part[a] -> part[a]", "lambda x: list(x) * 2") {
      let items = try $0.elements()
      return .list(items + items)
    },
    unary("part_pairwise", "part[a] -> part[pair[a,a]]", "lambda x: (lambda l: list(zip(l, l[1:])))(list(x))") {
      let items = try $0.elements()
      return .list(zip(items, items.dropFirst()).map { .pair($0, $1) })
    },
    unary("part_empty", "part[a] -> part[a]", "lambda x: list(x)[:0]") { _ in .list([]) },
    // For `reduction`, whose functions give one value of a sequence.
    unary("total", "part[n] -> n", "lambda x: sum(x)") { try .sum($0.elements()) },
    unary("largest", "part[o] -> o", "lambda x: max(x)") { try .max($0.elements()) },
    unary("smallest", "part[o] -> o", "lambda x: min(x)") { try .min($0.elements()) },
    unary("how_many", "part[a] -> int", "lambda x: len(list(x))") { .int(try $0.elements().count) },
    unary("ordered", "part[o] -> list[o]", "lambda x: sorted(x)") { .list(try PythonValue.sorted($0.elements())) },
    unary("gathered", "part[a] -> list[a]", "lambda x: list(x)") { .list(try $0.elements()) },
    unary("joined", "part[list[a]] -> list[a]", "lambda x: [z for y in x for z in y]") {
      .list(try $0.elements().flatMap { try $0.elements() })
    },
    // Shows the shape of the tree: how many were aggregated at each node.
    unary("nested_sum", "part[n] -> n", "lambda x: sum(x) * 2 + 1") {
      try .add(.multiply(.sum($0.elements()), .int(2)), .int(1))
    },
  ]
}
