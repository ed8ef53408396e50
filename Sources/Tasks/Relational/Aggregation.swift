import Graph

/// One figure of each group: what it is called, how it is made, and of which column.
struct Aggregation: Hashable, Sendable {
  enum Function: String, Sendable {
    case count, sum, mean, min, max, variance = "var", deviation = "std", first, last, countDistinct
    /// What stands in the first record, be it null. Not for users, who have `table.distinct`.
    case ofFirstRecord = ""

    static let names = ["count", "sum", "mean", "min", "max", "var", "std", "first", "last", "countDistinct"]
  }

  let name: String
  let function: Function
  /// `nil`: rows are counted, whatever they hold.
  let column: String?

  /// - Throws: `ParameterError` for what is no function, or more than one.
  static func all(_ maps: [NamedMap], parameter: String) throws -> [Aggregation] {
    guard !maps.isEmpty else { throw ParameterError(parameter, "name at least one column") }
    return try maps.map { map in
      guard map.values.count == 1, let (function, column) = map.values.first else {
        throw ParameterError(
          parameter, "\"\(map.name)\" wants one function and its column, such as {sum: amount}")
      }
      let names = Function.names
      guard names.contains(function), let known = Function(rawValue: function) else {
        let near = nearestName(to: function, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
        throw ParameterError(
          parameter, "\"\(function)\" is no function\(near) (there are \(names.joined(separator: ", ")))")
      }
      if column == "*" {
        guard known == .count else {
          throw ParameterError(parameter, "\"\(map.name)\": only count takes \"*\"; \(function) wants a column")
        }
        return Aggregation(name: map.name, function: known, column: nil)
      }
      return Aggregation(name: map.name, function: known, column: column)
    }
  }

  /// What gathers it from a column of that type; nothing does for `countDistinct`, which is counted apart.
  ///
  /// - Parameters:
  ///   - countType: of counts in states: `int32` for a part of a partition, `int64` for a bag.
  ///   - ddof: what `var` and `std` take off the count they divide by.
  /// - Throws: `TaskError` with code `.wrongType`.
  func accumulator(
    _ type: ColumnType?, file: String?, countType: ColumnType = .int32, ddof: Int = 1
  ) throws -> any Accumulator {
    guard let type, let column else { return CountAccumulator(countType: countType) }
    if type.isNested { throw wrongType(type, file) }
    switch function {
    case .count, .countDistinct: return CountAccumulator(countType: countType)
    case .min: return PickAccumulator(.least, type)
    case .max: return PickAccumulator(.greatest, type)
    case .first: return PickAccumulator(.first, type)
    case .ofFirstRecord: return PickAccumulator(.ofFirstRow, type)
    case .last: return PickAccumulator(.last, type)
    case .sum, .mean, .variance, .deviation:
      guard type.isNumeric else { throw wrongType(type, file) }
      switch (function, type) {
      case (.variance, _): return VarianceAccumulator(isDeviation: false, ddof: ddof)
      case (.deviation, _): return VarianceAccumulator(isDeviation: true, ddof: ddof)
      case (_, .float32), (_, .float64): return SumAccumulator(isMean: function == .mean, countType: countType)
      default: return WholeSumAccumulator(name: column, isMean: function == .mean, countType: countType)
      }
    }
  }

  private func wrongType(_ type: ColumnType, _ file: String?) -> TaskError {
    TaskError(
      .wrongType,
      function == .ofFirstRecord
        ? "column \"\(name)\" holds \(type), which table.distinct does not take; leave it out with table.drop"
        : "\"\(name)\": \(function.rawValue) cannot be made of column \"\(column ?? "*")\", which holds \(type); "
          + "\(type == .utf8 ? "cast it with table.cast, or say its type where it is read" : "name another column")",
      file: file)
  }
}
