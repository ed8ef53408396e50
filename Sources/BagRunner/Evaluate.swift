import GraphRun

// Runs a case with `Bag`. Every operation of the protocol becomes calls of `Bag` and `Delayed` here and nowhere else;
// what is done besides is to turn elements into what Swift's types ask for (keys that can be keys, numbers, pairs) and
// to find those errors of arguments that Swift calls programmer errors.

/// How cases are run.
struct RunSettings: Sendable {
  var memory: ByteCount?
  var workers: Int?

  var options: ComputeOptions { ComputeOptions(memory: memory, workers: workers) }
}

extension Case {
  typealias Value = PythonValue

  /// A lazy result: nothing has run yet.
  enum Lazy: Sendable {
    case bag(Bag<Value>)
    case bags([Bag<Value>])
    case item(Delayed<Value>)
  }

  /// Runs the case.
  /// - Returns: also what fails because of the case's own data, as an error with Python's name.
  func outcome(_ settings: RunSettings) async -> Outcome {
    do {
      switch try lazy() {
      case .bag(let bag): return .bag(try await bag.computePartitions(settings.options), isOrdered: isOrdered)
      case .bags(let bags):
        var results: [[[Value]]] = []
        for bag in bags { results.append(try await bag.computePartitions(settings.options)) }
        return .bags(results, isOrdered: isOrdered)
      case .item(let item): return .item(try await item.compute(settings.options), isOrdered: isOrdered)
      }
    } catch {
      return .error(pythonError(error))
    }
  }

  /// What a closure threw, or what Python calls the error that `Bag` found itself.
  private func pythonError(_ error: any Error) -> PythonError {
    if let error = error as? PythonError { return error }
    let text = (error as? ComputeError)?.failures.first?.error.message ?? String(describing: error)
    return PythonError(in: text) ?? PythonError(ops.last?.spec.name == "fold" ? .typeError : .valueError, text)
  }

  func lazy() throws -> Lazy {
    var bag = Bag(partitions: partitions)
    for op in ops {
      switch try op.applied(to: bag) {
      case .bag(let next): bag = next
      case let end: return end
      }
    }
    return .bag(bag)
  }

  /// - Precondition: the case gives a bag.
  fileprivate func bag() throws -> Bag<Value> {
    guard case .bag(let bag) = try lazy() else { preconditionFailure("the reader let a case pass that gives no bag") }
    return bag
  }
}

extension OpCall {
  private typealias Value = PythonValue

  fileprivate func applied(to bag: Bag<PythonValue>) throws -> Case.Lazy {
    if let method = StringMethod.byName[spec.name] { return .bag(strings(bag, method)) }
    switch spec.name {
    case "from_sequence", "range", "concat", "zip", "product", "join", "repartition": return .bag(try combined(bag))
    case "distinct", "frequencies", "topk", "foldby", "groupby": return .bag(try gathered(bag))
    case "fold", "reduction", "sum", "count", "min", "max", "any", "all", "mean", "var", "std", "take":
      return try reduced(bag)
    case "unzip":
      let bags = unzipped(bag, integer("n")!)
      return integer("pick").map { .bag(bags[$0]) } ?? .bags(bags)
    default: return .bag(try mapped(bag))
    }
  }

  // MARK: Whole bags

  private func combined(_ bag: Bag<PythonValue>) throws -> Bag<PythonValue> {
    switch spec.name {
    case "from_sequence":
      let (data, size, count) = (values("data")!, integer("partition_size"), integer("npartitions"))
      // Without a size Dask cannot go on.
      guard size != nil || count != 0 else {
        throw PythonError.type("can't multiply sequence by non-int of type 'NoneType'")
      }
      return Bag(data, partitions: count, partitionSize: size)
    case "range":
      let (n, count) = (integer("n")!, integer("npartitions")!)
      guard count != 0 else { throw PythonError(.zeroDivisionError, "integer division or modulo by zero") }
      guard n >= count else { throw PythonError.value("range() arg 3 must not be zero") }
      return Bag<Int>.range(n, partitions: count).map { .int($0) }
    case "concat": return Bag.concat([bag] + (try list("others").map { try $0.bag() }))
    case "zip":
      let other = try nested("other")!.bag()
      guard other.partitionCount == bag.partitionCount else { throw PythonError(.assertionError, "") }
      return Bag.zip(bag, other).map { .pair($0.first, $0.second) }
    case "product":
      return bag.product(try nested("other")!.bag()).map { .pair($0.first, $0.second) }
    case "join":
      let onSelf = key("on_self")!
      let onOther = key("on_other") ?? onSelf
      let own: @Sendable (PythonValue) throws -> PythonValue = { try onSelf($0).hashable() }
      let others: @Sendable (PythonValue) throws -> PythonValue = { try onOther($0).hashable() }
      guard let nested = nested("other") else {
        return bag.join(values("other")!, on: own, otherKey: others).map { .pair($0.first, $0.second) }
      }
      let other = try nested.bag()
      guard other.partitionCount == 1 else {
        throw PythonError(.notImplementedError, "Multi-bag joins are not implemented.")
      }
      return bag.join(other.toDelayed()[0], on: own, otherKey: others).map { .pair($0.first, $0.second) }
    default:
      let count = integer("npartitions")!
      guard count != 0 else { throw PythonError(.zeroDivisionError, "division by zero") }
      return bag.repartition(into: count)
    }
  }

  // MARK: Element by element

  private func mapped(_ bag: Bag<PythonValue>) throws -> Bag<PythonValue> {
    switch spec.name {
    case "map": return try mapped(bag, function("fn")!)
    case "starmap":
      let body = function("fn")!.binaryBody
      return bag.map { arguments in
        let items = try arguments.elements()
        guard items.count == 2 else {
          throw PythonError.type("<lambda>() takes 2 positional arguments but \(items.count) were given")
        }
        return Pair(items[0], items[1])
      }.starmap { try body($0, $1) }
    case "filter":
      let body = function("fn")!.unaryBody
      return bag.filter { try body($0).isTrue }
    case "remove":
      let body = function("fn")!.unaryBody
      return bag.remove { try body($0).isTrue }
    case "map_partitions":
      let body = function("fn")!.unaryBody
      return bag.mapPartitions { try body(.list(Array($0))).elements() }
    case "pluck":
      let (key, fallback) = (value("key")!, value("default"))
      return bag.map { try $0.plucked(key, default: fallback) }
    case "flatten": return bag.map { try $0.elements() }.flatten()
    case "random_sample":
      let probability = double("prob")!
      guard (0...1).contains(probability) else {
        throw PythonError.value("prob must be a number in the interval [0, 1]")
      }
      return bag.randomSample(probability, seed: UInt64(bitPattern: Int64(integer("random_state") ?? 0)))
    case "accumulate":
      let body = function("binop")!.binaryBody
      guard let initial = value("initial") else { return bag.accumulate { try body($0, $1) } }
      return bag.accumulate(initial: initial) { try body($0, $1) }
    default: preconditionFailure("OpSpec lists \(spec.name), which nothing runs")
    }
  }

  private func mapped(_ bag: Bag<PythonValue>, _ function: NamedFunction) throws -> Bag<PythonValue> {
    if let constant = value("arg") {
      let body = function.binaryBody
      return bag.map { try body($0, constant) }
    }
    guard let other = nested("other") else {
      let body = function.unaryBody
      return bag.map { try body($0) }
    }
    let body = function.binaryBody
    switch try other.lazy() {
    case .bag(let other):
      guard other.partitionCount == bag.partitionCount else {
        throw PythonError.value("All bags must have the same number of partitions.")
      }
      return bag.map(with: other) { try body($0, $1) }
    case .item(let item): return bag.map(with: item) { try body($0, $1) }
    case .bags: preconditionFailure("the reader let several bags pass")
    }
  }

  /// Bag's own methods where it has them without arguments; the others as a map.
  private func strings(_ bag: Bag<PythonValue>, _ method: StringMethod) -> Bag<PythonValue> {
    let call = self
    if method.name == "match" {
      return bag.filter { element in
        guard case .str(let text) = element else {
          throw PythonError.type("expected str, bytes or os.PathLike object, not \(element.typeName)")
        }
        return try method.body(PythonString(text), call).isTrue
      }
    }
    let texts: @Sendable (PythonValue) throws -> String = { try $0.string(method.name).text }
    let isPlain = arguments.isEmpty
    switch method.name {
    case "lower" where isPlain: return bag.map(texts).lowercased().map { .str($0) }
    case "upper" where isPlain: return bag.map(texts).uppercased().map { .str($0) }
    case "strip" where isPlain: return bag.map(texts).stripped().map { .str($0) }
    case "split" where isPlain: return bag.map(texts).split().map { .list($0.map { .str($0) }) }
    default: return bag.map { try method.body($0.string(method.name), call) }
    }
  }

  /// The first of `count` bags by `unzip`, the others from the second half, and so on.
  private func unzipped(_ bag: Bag<PythonValue>, _ count: Int) -> [Bag<PythonValue>] {
    var bags: [Bag<PythonValue>] = []
    var rest = bag
    for position in 0..<(count - 1) {
      let (first, others) = rest.map { Pair(try $0.item(.int(position)), $0) }.unzip()
      bags.append(first)
      rest = others
    }
    return bags + [rest.map { try $0.item(.int(count - 1)) }]
  }

  // MARK: To one partition

  private func gathered(_ bag: Bag<PythonValue>) throws -> Bag<PythonValue> {
    switch spec.name {
    case "distinct":
      guard let key = key("key") else { return bag.map { try $0.hashable() }.distinct() }
      return bag.distinct(by: { try key($0).hashable() })
    case "frequencies":
      let keys = bag.map { try $0.hashable() }
      return (bool("sort") == true ? keys.sortedFrequencies() : keys.frequencies()).map {
        .pair($0.key, .int($0.value))
      }
    case "topk":
      guard let key = key("key") else { return bag.topk(integer("k")!) { try $0.isLess(than: $1) } }
      return bag.topk(integer("k")!) { try key($0).isLess(than: key($1)) }
    case "groupby":
      let key = key("grouper")!
      return bag.groupby({ try key($0).hashable() }, into: integer("npartitions")).map {
        .pair($0.key, .list($0.value))
      }
    default: return foldedBy(bag)
    }
  }

  private func foldedBy(_ bag: Bag<PythonValue>) -> Bag<PythonValue> {
    let (key, binop) = (key("key")!, function("binop")!.binaryBody)
    let combine = function("combine")?.binaryBody ?? binop
    let own: @Sendable (PythonValue) throws -> PythonValue = { try key($0).hashable() }
    let initial = value("initial")
    guard let combineInitial = value("combine_initial") else {
      guard let initial else {
        return bag.foldby(own, { try binop($0, $1) }, combine: { try combine($0, $1) }).map { .pair($0.key, $0.value) }
      }
      return bag.foldby(own, initial: initial, { try binop($0, $1) }, combine: { try combine($0, $1) })
        .map { .pair($0.key, $0.value) }
    }
    // Without an initial value the first element of a key is its value: nothing to begin with.
    return bag.foldby(
      own, initial: initial, combineInitial: combineInitial, splitEvery: splitEvery(bag),
      { before, element in try before.map { try binop($0, element) } ?? element }, combine: { try combine($0!, $1!) }
    ).map { .pair($0.key, $0.value!) }
  }

  // MARK: To one value

  private func reduced(_ bag: Bag<PythonValue>) throws -> Case.Lazy {
    switch spec.name {
    case "fold": return .item(folded(bag))
    case "reduction":
      let (perPartition, aggregate) = (function("perpartition")!.unaryBody, function("aggregate")!.unaryBody)
      let result = bag.reduction(splitEvery: splitEvery(bag)) {
        try perPartition(.list(Array($0)))
      } aggregate: {
        try aggregate(.list($0))
      }
      return gives == .item ? .item(result) : .bag(Bag([result.map { try $0.elements() }]))
    case "sum":
      return .item(
        bag.reduction(splitEvery: splitEvery(bag)) {
          try PythonValue.sum(Array($0))
        } aggregate: {
          try PythonValue.sum($0)
        })
    case "count": return .item(bag.count().map { .int($0) })
    case "min": return .item(bag.min { try $0.isLess(than: $1) })
    case "max": return .item(bag.max { try $0.isLess(than: $1) })
    case "any": return .item(bag.map(\.isTrue).any().map { .bool($0) })
    case "all": return .item(bag.map(\.isTrue).all().map { .bool($0) })
    case "mean": return .item(bag.map { try $0.double() }.mean().map { .float($0) })
    case "var": return .item(bag.map { try $0.double() }.variance(ddof: integer("ddof") ?? 0).map { .float($0) })
    case "std":
      return .item(bag.map { try $0.double() }.standardDeviation(ddof: integer("ddof") ?? 0).map { .float($0) })
    default: return .item(try taken(bag))
    }
  }

  private func folded(_ bag: Bag<PythonValue>) -> Delayed<PythonValue> {
    let (binop, combine) = (function("binop")!.binaryBody, function("combine")?.binaryBody)
    if let initial = value("initial") {
      let combine = combine ?? binop
      return bag.fold(
        initial: initial, splitEvery: splitEvery(bag), { try binop($0, $1) }, combine: { try combine($0, $1) })
    }
    guard let combine else { return bag.fold(splitEvery: splitEvery(bag)) { try binop($0, $1) } }
    // Without an initial value Bag has one operation for both.
    return bag.reduction(splitEvery: splitEvery(bag)) {
      try Self.reduce(Array($0), binop)
    } aggregate: {
      try Self.reduce($0, combine)
    }
  }

  private static func reduce(
    _ items: [PythonValue], _ body: (PythonValue, PythonValue) throws -> PythonValue
  ) throws -> PythonValue {
    guard let first = items.first else { throw PythonError.type("reduce() of empty iterable with no initial value") }
    return try items.dropFirst().reduce(first, body)
  }

  private func taken(_ bag: Bag<PythonValue>) throws -> Delayed<PythonValue> {
    let (count, partitions) = (integer("k")!, integer("npartitions") ?? 1)
    guard count >= 0 else {
      throw PythonError.value("Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.")
    }
    guard partitions <= bag.partitionCount else {
      throw PythonError.value("only \(bag.partitionCount) partitions, take received \(partitions)")
    }
    return bag.take(count, partitions: partitions < 0 ? nil : max(partitions, 1)).map { .tuple($0) }
  }

  /// `False`: all partitions at once.
  private func splitEvery(_ bag: Bag<PythonValue>) -> Int? {
    value("split_every") == .bool(false) ? max(bag.partitionCount, 2) : integer("split_every")
  }
}
