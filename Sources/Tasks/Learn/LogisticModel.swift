import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A logistic regression as a table: `feature` (int32; null in the first row, which is the intercept, then from 0 on),
/// `coefficient` (float64) and `ratio` (float64; null where features were taken as they are).
///
/// A coefficient is for the feature as it comes: the ratio that it was weighed by while fitting is in it.
struct LogisticModel {
  private static let names = ["feature", "coefficient", "ratio"]
  private static let types: [ColumnType] = [.int32, .float64, .float64]

  let table: Table

  /// - Parameters:
  ///   - intercept: what is added to every score.
  ///   - coefficients: by feature.
  ///   - ratios: by feature, or empty.
  init(intercept: Double, coefficients: [Double], ratios: [Double]) {
    var features = FixedColumnBuilder<Int32>(capacity: coefficients.count + 1)
    var weights = FixedColumnBuilder<Double>(capacity: coefficients.count + 1)
    var factors = FixedColumnBuilder<Double>(capacity: coefficients.count + 1)
    features.appendNull()
    weights.append(intercept)
    factors.appendNull()
    for (feature, coefficient) in coefficients.enumerated() {
      features.append(Int32(truncatingIfNeeded: feature))
      weights.append(coefficient)
      if ratios.isEmpty { factors.appendNull() } else { factors.append(ratios[feature]) }
    }
    table = Table(
      names: LogisticModel.names, columns: [features.finish(), weights.finish(), factors.finish()],
      count: coefficients.count + 1)
  }

  /// - Throws: `TaskError` with code `.wrongType` for another table.
  init(_ value: any TaskValue) throws {
    guard let table = value as? Table, table.names.elementsEqual(LogisticModel.names),
      table.columns.map(\.type) == LogisticModel.types, table.count > 0, table.columns[0].isNull(0),
      table.columns[0].nullCount == 1, table.columns[1].nullCount == 0,
      table.columns[0].values(as: Int32.self).enumerated().allSatisfy({ $0.offset == 0 || $0.offset == $0.element + 1 })
    else {
      throw TaskError(
        .wrongType,
        "the input \"model\" is no logistic regression with all its features in order; take it from logistic.fit")
    }
    self.table = table
  }

  var intercept: Double { table.columns[1].values(as: Double.self)[0] }

  /// By feature.
  var coefficients: Slice<UnsafeBufferPointer<Double>> { table.columns[1].values(as: Double.self).dropFirst() }
}

/// `logistic.fit`: whether an example has a label, learnt from its features.
struct FitLogistic: FitOp {
  private let label: String
  private let packer: ExamplesPacker
  private let settings: LogisticTrainer.Settings

  init(_ arguments: OpArguments) throws {
    label = arguments.require(OpArguments.string, "label")
    packer = ExamplesPacker(
      ids: arguments.require(OpArguments.string, "ids"), values: arguments.require(OpArguments.string, "values"),
      labels: [label])
    var settings = LogisticTrainer.Settings()
    settings.cost = arguments.require(OpArguments.number, "C")
    settings.tolerance = arguments.require(OpArguments.number, "tolerance")
    settings.mostPasses = arguments.require(OpArguments.integer, "max_passes")
    settings.seed = StableHash.combine(
      UInt64(bitPattern: Int64(arguments.require(OpArguments.integer, "seed"))), 0x1061_571C)
    let smoothing = arguments.require(OpArguments.number, "smoothing")
    for (name, value) in [("C", settings.cost), ("tolerance", settings.tolerance), ("smoothing", smoothing)]
    where !(value > 0) || !value.isFinite {
      throw ParameterError(name, "\(value) is out of range: above 0")
    }
    if arguments.require(OpArguments.string, "weighting") == "naive-bayes" { settings.smoothing = smoothing }
    self.settings = settings
  }

  func estimatePack(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    ExamplesPacker.estimate(inputBytes: inputBytes)
  }

  /// How many features there are is not known before the examples are packed: `fit` asks for what is missing.
  func estimateFit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
    let held = LogisticTrainer.heldBytes(limit: memoryLimit)
    return MemoryEstimate(
      output: foreseen(inputBytes: inputBytes, memoryLimit) / 3 + (64 << 10),
      scratch: foreseen(inputBytes: inputBytes, memoryLimit) * 2 / 3 + min(inputBytes, held)
        + min(inputBytes * 3, ExamplesPieces.groupBytes) + ShardReader.bytesAhead * 2 + (256 << 10))
  }

  /// Bytes that are foreseen for coefficients and multipliers.
  private func foreseen(inputBytes: Int, _ memoryLimit: Int) -> Int { min(inputBytes * 8, memoryLimit / 8) }

  func pack(_ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext) throws
    -> any TaskValue
  {
    if let set = value as? ShardSet {
      _ = try place(of: label, in: ExamplesHeader(set))
      return set
    }
    return try packer.pack(
      Table.from(value, file: partition.file?.path), partition: partition, of: count, context: context)
  }

  private func place(of label: String, in header: ExamplesHeader) throws -> Int {
    if let place = header.labels.firstIndex(where: { ByteText($0) == ByteText(label) }) { return place }
    let near = nearestName(to: label, among: header.labels).map { "; did you mean \"\($0)\"?" } ?? ""
    throw TaskError(
      .missingColumn,
      "the examples have no label \"\(label)\"\(near) (there are \(header.labels.joined(separator: ", "))); add it to "
        + "the labels of examples.pack")
  }

  func fit(_ packed: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let sets = try ShardSet.all(packed, count: 1)
    let headers = try sets.map { try ExamplesHeader($0) }
    let label = try place(of: self.label, in: headers[0])
    let pieces = ExamplesPieces(sets, headers: headers, room: LogisticTrainer.heldBytes(limit: context.memoryLimit))
    let needed = LogisticTrainer.byteCount(features: pieces.features, rows: pieces.rowCount)
    let inputBytes = sets.reduce(0) { $0 + $1.byteCount(ofShard: 0) }
    try context.reserve(
      more: needed - foreseen(inputBytes: inputBytes, context.memoryLimit),
      for: TaskError(
        .tooLarge,
        "\(pieces.rowCount) examples of \(pieces.features) features take \(ByteCount(needed)) for coefficients and multipliers"
      ))
    let trainer = LogisticTrainer(pieces, label: label, name: self.label, settings: settings, context: context)
    return try trainer.fitted().table
  }

  static let definition = OpDefinition(
    name: "logistic.fit", version: 1,
    summary:
      "fits a logistic regression to sparse vectors that need not fit into memory, as LIBLINEAR's, or NBSVM's features",
    inputs: [
      OpInput("examples", summary: "from examples.pack; or a table with lists of ids and of values, and the label")
    ],
    parameters: [
      OpParameter("label", .string, summary: "what is learnt: a column of 0 and 1, or of false and true"),
      OpParameter(
        "C", .number, default: .number(1), summary: "the cost of an error: larger follows the examples more closely"),
      OpParameter(
        "weighting", .choice(["naive-bayes", "none"]), default: .string("none"),
        summary:
          "naive-bayes: each feature times the logarithm of how much more frequent it is with the label than without"
      ),
      OpParameter(
        "smoothing", .number, default: .number(1), summary: "with naive-bayes, what is added to each feature's sums"),
      PackExamples.ids, PackExamples.values,
      OpParameter(
        "tolerance", .number, default: .number(0.0001),
        summary: "it ends when no example misses its optimality condition by more"),
      OpParameter(
        "max_passes", .integer(1...1_000_000), default: .integer(1000),
        summary: "passes over the examples; more are an error"),
      OpParameter(
        "seed", .integer(Int.min...Int.max), default: .integer(1), summary: "of the order in which examples are visited"
      ),
    ],
    output: """
      one model, a table: feature (int32, null for the intercept, which comes first), coefficient (float64) and ratio \
      (float64, with naive-bayes: the logarithm). It minimizes |w|²/2 + C·Σ log(1 + exp(-y·f(x))), the intercept in w, within \
      the tolerance
      """,
    example: """
      model:
        op: logistic.fit
        from: examples
        with: {label: Physics, C: 4, weighting: naive-bayes}
      """,
    maker: .fit { try FitLogistic($0) })
}

/// `logistic.predict`: how likely each record has the label.
struct PredictLogistic: PartitionOp {
  private let ids: String
  private let values: String
  private let into: String

  init(_ arguments: OpArguments) {
    ids = arguments.require(OpArguments.string, "ids")
    values = arguments.require(OpArguments.string, "values")
    into = arguments.require(OpArguments.string, "into")
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    // Of a record without a list at most: 4 bytes of offset for each of two lists, and 16 of probability.
    MemoryEstimate(output: inputBytes[0] * 2 + (16 << 10), scratch: inputBytes[0] + (64 << 10))
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let vectors = try SparseLists(table, ids: ids, values: values, partition: partition)
    let model = try LogisticModel(inputs[1])
    let (intercept, coefficients) = (model.intercept, UnsafeBufferPointer(rebasing: model.coefficients))
    let numbers = NumberItems(vectors.valueItems)
    let features = vectors.idItems.values(as: Int32.self)
    var probabilities: [Double] = []
    probabilities.reserveCapacity(table.count)
    try vectors.forEach(context) { _, items, firstValue in
      var score = intercept
      // What no example had has no coefficient.
      for item in items where Int(features[item]) < coefficients.count {
        score += numbers[firstValue + item - items.lowerBound] * coefficients[Int(features[item])]
      }
      probabilities.append(1 / (1 + exp(-score)))
    }
    return try withExtendedLifetime(model) {
      try table.appending([(into, .of(probabilities))], file: file)
    }
  }

  static let definition = OpDefinition(
    name: "logistic.predict", version: 1,
    summary: "says of each record how likely it has the label a model was fitted to",
    inputs: [
      OpInput("table", summary: "a table with lists of ids and of values"),
      OpInput("model", .value, summary: "from logistic.fit"),
    ],
    parameters: [
      PackExamples.ids, PackExamples.values,
      OpParameter("into", .string, default: .string("probability"), summary: "what the new column is called"),
    ],
    output:
      "the table's columns, and behind them the probability (float64, 0 to 1); features the model never saw count nothing",
    example: """
      scored:
        op: logistic.predict
        from: [validation, model]
      """,
    maker: .perPartition { PredictLogistic($0) })
}
