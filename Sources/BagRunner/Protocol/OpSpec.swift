/// What the protocol says about an operation: its parameters and what it gives.
struct OpSpec: Sendable {
  let name: String
  let parameters: [Parameter]
  let gives: Output
  let order: Order
  /// One sentence where Dask's own documentation does not say it.
  let note: String

  init(
    _ name: String, _ parameters: [Parameter] = [], gives: Output = .bag, order: Order = .kept, note: String = ""
  ) {
    self.name = name
    self.parameters = parameters
    self.gives = gives
    self.order = order
    self.note = note
  }

  enum Output: String, Sendable {
    case bag
    /// One value; no operation follows.
    case item
    /// Several bags; no operation follows.
    case bags
    /// As the parameter `out_type` or `pick` says.
    case either = "bag or item"
  }

  /// What becomes of the promise that elements, and their cut into partitions, are exactly Dask's.
  enum Order: String, Sendable {
    /// Ordered if the input is.
    case kept
    /// Elements of the result are compared without order, and so is all that follows.
    case lost
    /// Lost, unless the parameter `sort` is true.
    case lostUnlessSorted = "lost unless sort"
  }

  struct Parameter: Sendable {
    let name: String
    let kind: Kind
    /// As JSON; `nil` if the parameter must be given.
    let fallback: String?

    static func required(_ name: String, _ kind: Kind) -> Parameter { Parameter(name: name, kind: kind, fallback: nil) }
    static func optional(_ name: String, _ kind: Kind, _ fallback: String = "null") -> Parameter {
      Parameter(name: name, kind: kind, fallback: fallback)
    }
  }

  /// What a parameter takes.
  enum Kind: Sendable {
    /// The name of a function of so many arguments.
    case function(Int)
    /// The name of a function of one argument, or `{"item": key}` for `x[key]`.
    case key
    case integer(atLeast: Int?)
    case number
    case bool
    case text
    case choice([String])
    /// Any JSON.
    case value
    case values
    /// An integer from 2 on, or false for no tree.
    case splitEvery
    /// A case that gives a bag.
    case bag
    /// A list of such cases.
    case bags
    /// A case that gives a bag or an item.
    case bagOrItem
    /// A list of elements, or a case that gives a bag.
    case bagOrValues

    var text: String {
      switch self {
      case .function(let arity): "function of \(arity)"
      case .key: "function of 1, or {\"item\": key}"
      case .integer(let least): least.map { "integer >= \($0)" } ?? "integer"
      case .number: "number"
      case .bool: "bool"
      case .text: "string"
      case .choice(let names): names.map { "\"\($0)\"" }.joined(separator: " or ")
      case .value: "any value"
      case .values: "list"
      case .splitEvery: "integer >= 2, or false"
      case .bag: "case that gives a bag"
      case .bags: "list of cases that give bags"
      case .bagOrItem: "case that gives a bag or an item"
      case .bagOrValues: "list, or case that gives a bag"
      }
    }
  }
}

extension OpSpec {
  private static let splitEvery = Parameter.optional("split_every", .splitEvery)

  static let all: [OpSpec] =
    [
      // Bags of their own
      OpSpec(
        "from_sequence",
        [
          .required("data", .values), .optional("npartitions", .integer(atLeast: 0)),
          .optional("partition_size", .integer(atLeast: 1)),
        ], note: "Takes the place of the case's partitions."),
      OpSpec(
        "range", [.required("n", .integer(atLeast: 0)), .required("npartitions", .integer(atLeast: 0))],
        note: "Takes the place of the case's partitions."),
      OpSpec("concat", [.required("others", .bags)], note: "The bag, then the others."),
      OpSpec("zip", [.required("other", .bag)], note: "Tuples (x, other's)."),

      // Element by element
      OpSpec(
        "map", [.required("fn", .function(1)), .optional("other", .bagOrItem), .optional("arg", .value)],
        note: "With other or arg, fn takes two arguments: the element and other's (or the item, or arg)."),
      OpSpec("starmap", [.required("fn", .function(2))]),
      OpSpec("filter", [.required("fn", .function(1))]),
      OpSpec("remove", [.required("fn", .function(1))]),
      OpSpec("map_partitions", [.required("fn", .function(1))], note: "fn takes a partition and gives a list."),
      OpSpec("pluck", [.required("key", .value), .optional("default", .value)]),
      OpSpec("flatten"),
      OpSpec(
        "unzip", [.required("n", .integer(atLeast: 1)), .optional("pick", .integer(atLeast: 0))], gives: .either,
        note: "Gives n bags; with pick the chain goes on with that one."),
      OpSpec(
        "random_sample", [.required("prob", .number), .optional("random_state", .integer(atLeast: nil))],
        note: "Which elements are taken is comparable with Dask only for 0.0 and 1.0."),
      OpSpec("accumulate", [.required("binop", .function(2)), .optional("initial", .value)]),
      OpSpec("product", [.required("other", .bag)]),
      OpSpec(
        "join", [.required("other", .bagOrValues), .required("on_self", .key), .optional("on_other", .key)],
        note: "Tuples (other's, x)."),
      OpSpec("repartition", [.required("npartitions", .integer(atLeast: 0))]),

      // To one partition
      OpSpec("distinct", [.optional("key", .key)], order: .lost),
      OpSpec("frequencies", [splitEvery, .optional("sort", .bool, "false")], order: .lostUnlessSorted),
      OpSpec("topk", [.required("k", .integer(atLeast: nil)), .optional("key", .key), splitEvery]),
      OpSpec(
        "foldby",
        [
          .required("key", .key), .required("binop", .function(2)), .optional("initial", .value),
          .optional("combine", .function(2)), .optional("combine_initial", .value), splitEvery,
        ], order: .lost),
      OpSpec(
        "groupby", [.required("grouper", .key), .optional("npartitions", .integer(atLeast: 1))], order: .lost,
        note: "The elements of a group are in the bag's order."),

      // To one value
      OpSpec(
        "fold",
        [
          .required("binop", .function(2)), .optional("combine", .function(2)), .optional("initial", .value),
          splitEvery,
        ], gives: .item),
      OpSpec(
        "reduction",
        [
          .required("perpartition", .function(1)), .required("aggregate", .function(1)), splitEvery,
          .optional("out_type", .choice(["item", "bag"]), "\"item\""),
        ], gives: .either, note: "The functions take a sequence; with out_type bag, aggregate gives a list."),
      OpSpec("sum", [splitEvery], gives: .item),
      OpSpec("count", [splitEvery], gives: .item),
      OpSpec("min", [splitEvery], gives: .item),
      OpSpec("max", [splitEvery], gives: .item),
      OpSpec("any", [splitEvery], gives: .item),
      OpSpec("all", [splitEvery], gives: .item),
      OpSpec("mean", gives: .item),
      OpSpec("var", [.optional("ddof", .integer(atLeast: nil), "0")], gives: .item),
      OpSpec("std", [.optional("ddof", .integer(atLeast: nil), "0")], gives: .item),
      OpSpec(
        "take", [.required("k", .integer(atLeast: nil)), .optional("npartitions", .integer(atLeast: nil), "1")],
        gives: .item, note: "npartitions -1: all."),
    ] + StringMethod.all.map(\.spec)

  static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}
