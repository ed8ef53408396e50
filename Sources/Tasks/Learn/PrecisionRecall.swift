import Graph

/// `curve.precisionRecall`: how good a score tells what has a label, at each threshold.
struct PrecisionRecall: ReductionOp {
  private let label: String
  private let score: String
  private let name: String?
  private let variant: String?
  private let intermediate: Bool
  let fanIn: Int

  init(_ arguments: OpArguments) {
    label = arguments.require(OpArguments.string, "label")
    score = arguments.require(OpArguments.string, "score")
    name = arguments.string("name")
    variant = arguments.string("variant")
    intermediate = arguments.require(OpArguments.boolean, "intermediate")
    fanIn = arguments.require(OpArguments.integer, "split_every")
  }

  /// 24 bytes for each score that differs from the others, a few times over while they are merged; what a partition's records
  /// take beyond that, `partial` asks for.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let all = inputBytes.reduce(0, +)
    return MemoryEstimate(output: all + (16 << 10), scratch: all * 3 + (64 << 10))
  }

  /// The records of each score, from the highest on.
  private struct Tallies {
    var scores: [Double] = []
    var positives: [Int64] = []
    var counts: [Int64] = []

    init() {}

    init(_ table: Table) {
      scores = Array(table.columns[0].values(as: Double.self))
      positives = Array(table.columns[1].values(as: Int64.self))
      counts = Array(table.columns[2].values(as: Int64.self))
    }

    mutating func add(_ score: Double, positives more: Int64, of count: Int64) {
      if scores.last == score {
        positives[positives.count - 1] += more
        counts[counts.count - 1] += count
      } else {
        scores.append(score)
        positives.append(more)
        counts.append(count)
      }
    }

    var table: Table {
      Table(
        names: ["score", "positives", "count"],
        columns: [.of(scores), .of(positives), .of(counts)], count: scores.count)
    }
  }

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    let flags = try LabelColumn(table, label, partition: partition)
    let column = try table.column(score, file: file)
    guard column.type == .float64 || column.type == .float32 || column.type == .int32 || column.type == .int64 else {
      throw TaskError(
        .wrongType, "column \"\(score)\" holds \(column.type), and scores are numbers; name another column", file: file)
    }
    // Pairs and what sorting takes, tallies and their columns: 88 bytes a record.
    try context.reserve(
      more: table.count * 88 - table.byteCount * 4,
      for: TaskError(
        .tooLarge, "\(table.count) scores are in one partition; read smaller partitions, or repartition them",
        file: file))
    var order: [(score: Double, isPositive: Bool)] = []
    order.reserveCapacity(table.count)
    for row in 0..<table.count {
      if row % 4096 == 4095 { try context.checkCancellation() }
      guard let number = column.number(at: row), !number.isNaN else {
        throw TaskError(
          .badRecord, "score \"\(score)\" is null or no number; filter such records out before",
          file: file, record: partition.record(row))
      }
      order.append((number, try flags.flag(at: row)))
    }
    order.sort { $0.score > $1.score }
    var tallies = Tallies()
    for (score, isPositive) in order { tallies.add(score, positives: isPositive ? 1 : 0, of: 1) }
    return tallies.table
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    guard values.count > 1 else { return values[0] }
    var parts = try values.map { Tallies(try Table.from($0)) }
    // Two at a time: what is merged is as long as its parts only.
    while parts.count > 1 {
      parts = try stride(from: 0, to: parts.count, by: 2).map { index in
        try context.checkCancellation()
        guard index + 1 < parts.count else { return parts[index] }
        let (a, b) = (parts[index], parts[index + 1])
        var merged = Tallies()
        var (i, j) = (0, 0)
        while i < a.scores.count || j < b.scores.count {
          if j == b.scores.count || i < a.scores.count && a.scores[i] >= b.scores[j] {
            merged.add(a.scores[i], positives: a.positives[i], of: a.counts[i])
            i += 1
          } else {
            merged.add(b.scores[j], positives: b.positives[j], of: b.counts[j])
            j += 1
          }
        }
        return merged
      }
    }
    return parts[0].table
  }

  func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue {
    let tallies = Tallies(try Table.from(value))
    let positives = tallies.positives.reduce(0, +)
    guard positives > 0 else {
      throw TaskError(
        .failed,
        "\"\(label)\" is 0 in all \(tallies.counts.reduce(0, +)) records, so that there is nothing to recall; leave this label "
          + "out, or take more records")
    }
    var (found, seen) = (Int64(0), Int64(0))
    var curve = Curve()
    for index in tallies.scores.indices {
      found += tallies.positives[index]
      seen += tallies.counts[index]
      // Between two records with the label only precision falls: the ends of such a line say it all.
      let isCorner =
        tallies.positives[index] > 0 || index + 1 == tallies.scores.count || tallies.positives[index + 1] > 0
      guard intermediate || isCorner else { continue }
      curve.thresholds.append(tallies.scores[index])
      curve.found.append(found)
      curve.predicted.append(seen)
    }
    return try curve.table(name: name ?? label, variant: variant)
  }

  static let definition = OpDefinition(
    name: "curve.precisionRecall", version: 1,
    summary: "precision and recall of a score at each threshold, as scikit-learn's precision_recall_curve",
    inputs: [OpInput("table", summary: "a table with scores and labels")],
    parameters: [
      OpParameter("label", .string, summary: "the column of 0 and 1, or of false and true"),
      OpParameter(
        "score", .string, default: .string("probability"), summary: "the column of numbers; higher means more likely"),
      OpParameter("name", .string, isOptional: true, summary: "what the curve is called; the label if left out"),
      OpParameter(
        "variant", .string, isOptional: true,
        summary: "which of several curves of this name, such as the model's parameters"),
      OpParameter(
        "intermediate", .boolean, default: .boolean(false),
        summary: "keep thresholds between two records with the label too, where a drawn curve has no corner"),
      OpParameter(
        "split_every", .integer(2...1024), default: .integer(8), isIdentity: false,
        summary: "how many partial results one task combines"),
    ],
    output: """
      a record for each score at which the curve has a corner, from the highest on: curve and variant (string), threshold (float64), predicted (int64, records \
      with this score or a higher one), found (int64, those with the label), precision = found / predicted and recall = found / \
      all with the label (float64)
      """,
    example: """
      curve:
        op: curve.precisionRecall
        from: scored
        with: {label: Physics}
      """,
    maker: .reduction { PrecisionRecall($0) })
}

/// A precision-recall curve.
struct Curve {
  private static let names = ["curve", "variant", "threshold", "predicted", "found", "precision", "recall"]
  private static let types: [ColumnType] = [.utf8, .utf8, .float64, .int64, .int64, .float64, .float64]

  var thresholds: [Double] = []
  /// Records with so high a score.
  var predicted: [Int64] = []
  /// Those of them that have the label.
  var found: [Int64] = []

  func table(name: String, variant: String?) throws -> Table {
    var names = StringColumnBuilder(rows: found.count)
    var variants = StringColumnBuilder(rows: found.count)
    for _ in found {
      try names.append(name)
      if let variant { try variants.append(variant) } else { try variants.appendNull() }
    }
    let all = Double(found.last ?? 0)
    return Table(
      names: Curve.names,
      columns: [
        names.finish(), variants.finish(), .of(thresholds), .of(predicted), .of(found),
        .of(zip(found, predicted).map { Double($0) / Double($1) }), .of(found.map { Double($0) / all }),
      ], count: found.count)
  }

  /// - Throws: `TaskError` with code `.wrongType` for what is no curve.
  static func from(_ value: any TaskValue, _ key: TaskKey) throws -> Table {
    guard let table = value as? Table, table.names.elementsEqual(Curve.names),
      table.columns.map(\.type) == Curve.types, table.count > 0
    else { throw TaskError(.wrongType, "\(key) gives no precision-recall curve; take it from curve.precisionRecall") }
    return table
  }

  /// The mean of the precisions, each as often as recall rises there.
  ///
  /// - Note: Source: scikit-learn's `average_precision_score`.
  static func averagePrecision(_ table: Table) -> Double {
    let (precisions, recalls) = (table.columns[5].values(as: Double.self), table.columns[6].values(as: Double.self))
    var (sum, before) = (0.0, 0.0)
    for row in 0..<table.count {
      sum += (recalls[row] - before) * precisions[row]
      before = recalls[row]
    }
    return sum
  }
}

/// `curve.averagePrecision` and `curve.best`: several curves beside each other.
struct CompareCurves: PartitionOp {
  /// Whether the curves themselves are given, one of each name.
  let picksBest: Bool

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: (picksBest ? inputBytes.reduce(0, +) : 0) + (64 << 10), scratch: 64 << 10)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let curves = try inputs.enumerated().map { place, value in
      let table = try Curve.from(value, context.inputKey(place))
      return (table: table, figure: Curve.averagePrecision(table))
    }
    guard picksBest else {
      var names = StringColumnBuilder()
      var variants = StringColumnBuilder()
      for (table, _) in curves {
        try names.append(table.columns[0].string(at: 0) ?? "")
        if let variant = table.columns[1].string(at: 0) {
          try variants.append(variant)
        } else {
          try variants.appendNull()
        }
      }
      func last(_ column: Int) -> Column {
        .of(curves.map { $0.table.columns[column].values(as: Int64.self)[$0.table.count - 1] })
      }
      return Table(
        names: ["curve", "variant", "records", "positives", "average_precision"],
        columns: [names.finish(), variants.finish(), last(3), last(4), .of(curves.map(\.figure))], count: curves.count)
    }
    var best: [(table: Table, figure: Double)] = []
    var places: [ByteText: Int] = [:]
    for curve in curves {
      let name = ByteText(curve.table.columns[0].string(at: 0) ?? "")
      if let place = places[name] {
        if curve.figure > best[place].figure { best[place] = curve }
      } else {
        places[name] = best.count
        best.append(curve)
      }
    }
    return try TableUnion.joined(best.map(\.table)) { best[$0].table.columns[0].string(at: 0) ?? "a curve" }
  }

  private static let inputs = [
    OpInput("curves", .value, isRepeated: true, summary: "from curve.precisionRecall")
  ]

  static let averages = OpDefinition(
    name: "curve.averagePrecision", version: 1,
    summary: "the average precision of precision-recall curves, as scikit-learn's average_precision_score",
    inputs: inputs,
    output: """
      a record for each curve, in their order: curve and variant (string), records and positives (int64), average_precision \
      (float64)
      """,
    example: """
      scores:
        op: curve.averagePrecision
        from: [first, second]
      """,
    maker: .perPartition { _ in CompareCurves(picksBest: false) })

  static let best = OpDefinition(
    name: "curve.best", version: 1,
    summary: "of the precision-recall curves of one name the one with the best average precision, for each name",
    inputs: inputs,
    output: "the best curves' records, behind one another in the order of their names' first appearance",
    example: """
      chosen:
        op: curve.best
        from: [first, second]
      """,
    maker: .perPartition { _ in CompareCurves(picksBest: true) })
}
