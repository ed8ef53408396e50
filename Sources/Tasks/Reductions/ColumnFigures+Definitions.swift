import Graph

extension OpParameter {
  /// Of a reduction whose result does not depend on how its tree is cut.
  static let splitEvery = OpParameter(
    "split_every", .integer(2...Int.max), default: .integer(8), isIdentity: false,
    summary: "how many partial results one combining task takes")

  /// Of one that adds up `float64`, which rounds differently when the tree is cut differently.
  fileprivate static let roundedSplitEvery = OpParameter(
    "split_every", .integer(2...Int.max), default: .integer(8),
    summary: "how many partial results one combining task takes")

  fileprivate static let numberColumns = OpParameter(
    "columns", .strings, isOptional: true,
    summary: "which columns and in which order; all columns of numbers in the order of appearance if left out")

  fileprivate static let anyColumns = OpParameter(
    "columns", .strings, isOptional: true,
    summary: "which columns and in which order; all but lists and structures in the order of appearance if left out")

  fileprivate static let ddof = OpParameter(
    "ddof", .integer(0...Int.max), default: .integer(1),
    summary: "what is taken off the count that the squares' sum is divided by: 1 for a sample, as in pandas and "
      + "group.aggregate, 0 for all there is, as in NumPy and dask.bag")
}

extension ColumnFigures {
  static let definitions = [total, least, greatest, mean, variance, deviation]

  private static let numbers = [OpInput("table", summary: "a table with columns of numbers")]

  private static let total = OpDefinition(
    name: "bag.sum", version: 2, summary: "adds columns up over all partitions", inputs: numbers,
    parameters: [.numberColumns, .roundedSplitEvery],
    output:
      "one record with a total per column: int64 for whole numbers and flags, float64 for numbers; nulls count as 0",
    example: """
      totals:
        op: bag.sum
        from: prepared
        with: {columns: [Mathematics, Physics]}
      """,
    maker: .reduction { try ColumnFigures(.sum, $0) })

  private static let least = OpDefinition(
    name: "bag.min", version: 1, summary: "finds the least value of columns over all partitions",
    inputs: [OpInput("table", summary: "any table")], parameters: [.anyColumns, .splitEvery],
    output:
      "one record with the least value per column, of the column's type; nulls are left out, and of nothing it is null",
    example: """
      first:
        op: bag.min
        from: records
        with: {columns: [year]}
      """,
    maker: .reduction { try ColumnFigures(.min, $0) })

  private static let greatest = OpDefinition(
    name: "bag.max", version: 1, summary: "finds the greatest value of columns over all partitions",
    inputs: [OpInput("table", summary: "any table")], parameters: [.anyColumns, .splitEvery],
    output:
      "one record with the greatest value per column, of the column's type; nulls are left out, and of nothing it is null",
    example: """
      last:
        op: bag.max
        from: records
        with: {columns: [year]}
      """,
    maker: .reduction { try ColumnFigures(.max, $0) })

  private static let mean = OpDefinition(
    name: "bag.mean", version: 1, summary: "averages columns over all partitions", inputs: numbers,
    parameters: [.numberColumns, .roundedSplitEvery],
    output: "one record with the mean per column, float64; nulls are left out, and of nothing it is null",
    example: """
      means:
        op: bag.mean
        from: records
        with: {columns: [amount]}
      """,
    maker: .reduction { try ColumnFigures(.mean, $0) })

  private static let variance = OpDefinition(
    name: "bag.var", version: 1, summary: "gives the variance of columns over all partitions", inputs: numbers,
    parameters: [.numberColumns, .ddof, .roundedSplitEvery],
    output: "one record with the variance per column, float64; nulls are left out, and of too few values it is null",
    example: """
      spread:
        op: bag.var
        from: records
        with: {columns: [amount]}
      """,
    maker: .reduction { try ColumnFigures(.variance, $0) })

  private static let deviation = OpDefinition(
    name: "bag.std", version: 1, summary: "gives the standard deviation of columns over all partitions",
    inputs: numbers, parameters: [.numberColumns, .ddof, .roundedSplitEvery],
    output:
      "one record with the standard deviation per column, float64; nulls are left out, and of too few values it is null",
    example: """
      spread:
        op: bag.std
        from: records
        with: {columns: [amount], ddof: 0}
      """,
    maker: .reduction { try ColumnFigures(.deviation, $0) })
}
