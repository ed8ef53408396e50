import Foundation
import Graph
import TestSupport
import Testing

@testable import Tasks

/// Figures are those of scikit-learn 1.9.1: `LogisticRegression(dual=True, solver="liblinear", tol=1e-10)` on `made`, whose
/// features were multiplied by the ratios for naive Bayes, and `average_precision_score`.
@Suite struct LogisticTests {
  /// 600 examples of 50 features from a linear congruential generator; 400 to learn from, 200 to validate with.
  private static let made: (items: [[(Int32, Double)]], labels: [Int64]) = {
    var state = 1
    func next() -> Int {
      state = (state * 1_103_515_245 + 12345) & 0x7FFF_FFFF
      return state >> 16
    }
    var (items, labels): ([[(Int32, Double)]], [Int64]) = ([], [])
    for _ in 0..<600 {
      var row: [Int32: Double] = [:]
      for _ in 0..<3 + next() % 8 {
        let id = Int32(next() % 50)
        row[id] = Double(1 + next() % 8) / 8
      }
      var score = row.reduce(0) { $0 + ($1.key < 15 ? $1.value : $1.key >= 35 ? -$1.value : 0) }
      score += Double(next() % 17 - 8) / 8
      items.append(row.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
      labels.append(score > 0 ? 1 : 0)
    }
    return (items, labels)
  }()

  private static func table(_ rows: Range<Int>) throws -> Table {
    try table(Array(made.items[rows]), labels: Array(made.labels[rows]))
  }

  private static func table(_ items: [[(Int32, Double)]], labels: [Int64?]) throws -> Table {
    var ids = FixedColumnBuilder<Int32>()
    var values = FixedColumnBuilder<Double>()
    var offsets = BufferBuilder()
    offsets.append(Int32(0))
    for row in items {
      for (id, value) in row {
        ids.append(id)
        values.append(value)
      }
      offsets.append(Int32(ids.count))
    }
    let starts = offsets.finish()
    func lists(_ column: Column) -> Column {
      Column(type: .list(column.type), count: items.count, storage: .lists(offsets: starts, items: column))
    }
    return Table([
      ("ids", lists(ids.finish())), ("weights", lists(values.finish())),
      ("yes", Table.integers("yes", labels).columns[0]),
    ])
  }

  private static func training(_ partitions: Int) throws -> [Table] {
    try (0..<partitions).map { try table(400 * $0 / partitions..<400 * ($0 + 1) / partitions) }
  }

  private struct Golden {
    var parameters: [String: ParameterValue]
    var intercept: Double
    /// Of features 0, 7, 20 and 49.
    var coefficients: [Double]
    var averagePrecision: Double
    /// Of the first example to validate with.
    var probability: Double
    var thresholds: Int
  }

  private static let golden = [
    Golden(
      parameters: [:], intercept: -0.28024169135965266,
      coefficients: [1.9365700641995183, 1.63462710030457, 0.18975042014324967, -1.2906785510545864],
      averagePrecision: 0.935832329214566, probability: 0.24432410452077008, thresholds: 120),
    Golden(
      parameters: ["weighting": .string("naive-bayes")], intercept: -0.20156985184833653,
      coefficients: [1.9421897938805381, 1.592845525271127, 0.0634427804151437, -0.9617423625946919],
      averagePrecision: 0.902810949500991, probability: 0.24520045773393664, thresholds: 125),
    Golden(
      parameters: ["weighting": .string("naive-bayes"), "C": .number(100)], intercept: -0.7192574656383186,
      coefficients: [5.4876562742427675, 3.939602703109059, -0.12405983602270401, -4.0032991548535986],
      averagePrecision: 0.9202598924432897, probability: 0.02673342460057255, thresholds: 121),
    Golden(
      parameters: ["C": .number(0.01)], intercept: -0.06029447647682534,
      coefficients: [0.08542795961281571, 0.07353256306977718, 0.01782124838554608, -0.05224241256062036],
      averagePrecision: 0.9187409736502296, probability: 0.468283458058547, thresholds: 119),
  ]

  @Test(arguments: [1, 3, 40]) func `Models are LIBLINEAR's, however the examples are cut`(partitions: Int) throws {
    for golden in Self.golden {
      let parameters: [String: ParameterValue] = golden.parameters.merging(
        ["label": .string("yes"), "tolerance": .number(1e-9), "max_passes": .integer(100_000)]) { a, _ in a }
      let model = try Ops.fit("logistic.fit", parameters, to: Self.training(partitions))
      let coefficients = model.columns[1].values(as: Double.self)
      #expect(model.count == 51)
      #expect(abs(coefficients[0] - golden.intercept) < 1e-6, "\(coefficients[0]) \(golden.intercept)")
      for (feature, expected) in zip([0, 7, 20, 49], golden.coefficients) {
        #expect(
          abs(coefficients[feature + 1] - expected) < 1e-6, "\(feature): \(coefficients[feature + 1]) \(expected)")
      }
      let scored = try Ops.apply("logistic.predict", [:], to: Self.table(400..<600), model)
      #expect(abs(scored["probability"]!.number(at: 0)! - golden.probability) < 1e-6)
      let parts = try (0..<partitions).map { part in
        try Ops.apply(
          "logistic.predict", [:], to: Self.table(400 + 200 * part / partitions..<400 + 200 * (part + 1) / partitions),
          model)
      }
      let curve = try Ops.reduce(
        "curve.precisionRecall", ["label": .string("yes"), "split_every": .integer(2)], parts)
      let figures = try Ops.apply("curve.averagePrecision", [:], to: curve)
      #expect(abs(figures["average_precision"]!.number(at: 0)! - golden.averagePrecision) < 1e-12)
      #expect(figures["records"]!.integer(at: 0) == 200 && figures["positives"]!.integer(at: 0) == 96)
      // scikit-learn's drop_intermediate keeps the same corners, and always the first.
      #expect(golden.thresholds - 1...golden.thresholds ~= curve.count, "\(curve.count) \(golden.thresholds)")
    }
  }

  @Test func `Naive Bayes ratios are logarithms of shares`() throws {
    let model = try Ops.fit(
      "logistic.fit", ["label": .string("yes"), "weighting": .string("naive-bayes")], to: Self.training(2))
    #expect(abs(model["ratio"]!.number(at: 1)! - 1.1067262377070515) < 1e-12)
    #expect(model["ratio"]!.isNull(0) && model["feature"]!.isNull(0) && model["feature"]!.integer(at: 1) == 0)
    let plain = try Ops.fit("logistic.fit", ["label": .string("yes")], to: Self.training(2))
    #expect(plain["ratio"]!.nullCount == 51)
  }

  @Test func `Examples that were packed for several labels give what the table gives, in little memory too`() throws {
    let repeated = try (0..<30).map { _ in try Self.table(0..<400) }
    let direct = try Ops.fit("logistic.fit", ["label": .string("yes")], to: repeated)
    let context = TestContext(memoryLimit: 1 << 20)
    let packing = try Ops.partition("examples.pack", ["labels": .strings(["yes"])])
    let packed = try repeated.enumerated().map {
      try packing.apply([$1], partition: Partition(index: $0, label: "\($0)"), context: context)
    }
    #expect(context.storage.writes > 0)
    // An eighth of this holds half of the pieces.
    let little = try Ops.fit("logistic.fit", ["label": .string("yes")], to: packed, memoryLimit: 4 << 20)
    #expect(try Ops.jsonLines(little) == Ops.jsonLines(direct))
    let error = #expect(throws: TaskError.self) {
      try Ops.fit("logistic.fit", ["label": .string("yess")], to: packed)
    }
    #expect(error?.message.contains("did you mean \"yes\"") == true)
  }

  @Test func `What cannot be learnt from says why`() throws {
    func message(
      _ items: [[(Int32, Double)]], _ labels: [Int64?], _ parameters: [String: ParameterValue] = [:],
      memoryLimit: Int = 1 << 30
    ) throws -> String {
      let table = try Self.table(items, labels: labels)
      let error = #expect(throws: TaskError.self) {
        try Ops.fit(
          "logistic.fit", parameters.merging(["label": .string("yes")]) { a, _ in a }, to: [table],
          memoryLimit: memoryLimit)
      }
      return "\(error?.record ?? "") \(error?.message ?? "")"
    }
    #expect(try message([[(0, 1)], [(1, 1)]], [1, 1]).contains("1 in all 2 examples"))
    #expect(try message([[(0, 1)], [(1, 1)]], [0, 2]).contains("2 of partition 0 label \"yes\" is 2.0"))
    #expect(try message([[(0, 1)], [(1, 1)]], [0, nil]).contains("is null"))
    #expect(try message([[(-1, 1)], [(1, 1)]], [0, 1]).contains("1 of partition 0 id -1"))
    #expect(
      try message([[(3, 1), (1, 1), (3, 1)], [(1, 1)]], [0, 1]).contains("1 of partition 0 id 3 is there twice"))
    #expect(try message([[(0, 1e300)], [(1, 1)]], [0, 1]).contains("1 of partition 0 value 1e+300"))
    #expect(
      try message([[(0, -2)], [(1, 1)]], [0, 1], ["weighting": .string("naive-bayes")]).contains("raise smoothing"))
    #expect(
      try message([[(0, 1)], [(1, 1)]], [0, 1], ["max_passes": .integer(1)]).contains("raise max_passes"))
    #expect(
      try message([[(0, 1)], [(2_000_000, 1)]], [0, 1], memoryLimit: 16 << 20).contains(
        "2 examples of 2000001 features take")
    )
    #expect(throws: ParameterError.self) {
      try Ops.fit("logistic.fit", ["label": .string("yes"), "C": .number(0)], to: [])
    }
  }

  /// Margins of -60 and of 1000: the multiplier, or what it lacks of C, has no digits beside C.
  @Test func `An example that is far on either side does not keep it from converging`() throws {
    var items: [[(Int32, Double)]] = []
    var labels: [Int64] = []
    for number in 0..<200 {
      items.append([(0, 1)])
      labels.append(1)
      items.append([(Int32(1 + number), 1)])
      labels.append(0)
    }
    for (value, label) in [(60.0, Int64(0)), (1000, 1)] {
      let table = try Self.table(items + [[(0, value)]], labels: labels + [label])
      let model = try Ops.fit("logistic.fit", ["label": .string("yes"), "C": .number(4)], to: [table])
      let coefficients = model.columns[1].values(as: Double.self)
      #expect(coefficients[1] > 0.1 && coefficients.allSatisfy(\.isFinite), "\(coefficients[1])")
    }
  }

  @Test func `Axes hold any finite numbers`() {
    for values in [
      [0, 5e-324], [1.3e308, 1.3e308], [1.7e308, -1.7e308], [1e-300, 2e-300], [-3, -3], [0, 0], [0.2, 0.9],
    ] {
      let axis = ChartAxis(values)
      #expect(axis.ticks.count >= 2 && axis.ticks.count < 20 && axis.ticks.allSatisfy(\.isFinite), "\(values)")
      #expect(values.allSatisfy { axis.place($0).isFinite } && axis.ticks.allSatisfy { !axis.text($0).isEmpty })
    }
    #expect(
      ChartAxis([0.2, 0.9]).ticks.map { ChartAxis([0.2, 0.9]).text($0) } == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(ChartAxis([-3, 17], ticks: 5).range == -5...20)
  }

  /// Each score's record decides; equal scores are one threshold.
  @Test func `Curves tell equal scores once, and the best of a name is chosen`() throws {
    func scored(_ pairs: [(Double, Int64)]) -> Table {
      Table([("probability", .of(pairs.map(\.0))), ("yes", .of(pairs.map(\.1)))])
    }
    let parts = [
      scored([(0.5, 1), (0.1, 0), (0.9, 1)]), scored([]), scored([(0.5, 0), (0.7, 0), (0.2, 0), (0.5, 1)]),
    ]
    func curve(_ values: [String: ParameterValue] = [:], _ tables: [Table]) throws -> Table {
      try Ops.reduce("curve.precisionRecall", values.merging(["label": .string("yes")]) { a, _ in a }, tables)
    }
    let whole = try curve(["intermediate": .boolean(true)], parts)
    #expect(whole["threshold"]!.values(as: Double.self).elementsEqual([0.9, 0.7, 0.5, 0.2, 0.1]))
    #expect(whole["predicted"]!.values(as: Int64.self).elementsEqual([1, 2, 5, 6, 7]))
    #expect(whole["found"]!.values(as: Int64.self).elementsEqual([1, 1, 3, 3, 3]))
    #expect(whole["precision"]!.number(at: 2) == 0.6 && whole["recall"]!.number(at: 0) == 1.0 / 3)
    let corners = try curve([:], parts)
    #expect(corners["threshold"]!.values(as: Double.self).elementsEqual([0.9, 0.7, 0.5, 0.1]))
    func average(_ curve: Table) throws -> Double {
      try Ops.apply("curve.averagePrecision", [:], to: curve)["average_precision"]!.number(at: 0)!
    }
    #expect(try average(corners) == average(whole))
    let better = try curve(
      ["name": .string("yes"), "variant": .string("C=4")], [scored([(0.9, 1), (0.8, 1), (0.1, 0)])])
    let best = try Ops.apply("curve.best", [:], to: corners, better, curve(["name": .string("other")], parts))
    #expect(best["variant"]!.string(at: 0) == "C=4" && best["curve"]!.string(at: best.count - 1) == "other")
    #expect(throws: TaskError.self) { try curve([:], [scored([(0.5, 0)])]) }
    #expect(throws: TaskError.self) { try curve([:], [scored([(.nan, 0), (1, 1)])]) }
    #expect(throws: TaskError.self) { try Ops.apply("curve.best", [:], to: scored([])) }
  }
}
