import Graph

/// `bag.sum`, `bag.mean`, `bag.var`, `bag.std`, `bag.min` and `bag.max`: one figure of each column over all partitions, as a
/// table of one record.
///
/// Each column of a partition is gathered as one group, as `group.aggregate` does, and its states go up the tree. Rows are
/// taken up in their order, and states in that of the partitions.
struct ColumnFigures: ReductionOp {
  private let function: Aggregation.Function
  /// `nil`: all that the figure can be made of.
  private let columns: [String]?
  private let ddof: Int
  let fanIn: Int
  var hasSmallResults: Bool { true }

  init(_ function: Aggregation.Function, _ arguments: OpArguments) throws {
    self.function = function
    columns = arguments.strings("columns")
    ddof = arguments.integer("ddof") ?? 1
    fanIn = arguments.require(OpArguments.integer, "split_every")
    guard columns?.isEmpty != true else { throw ParameterError("columns", "name at least one column, or leave it out") }
    if columns?.firstRepeated != nil { throw ParameterError("columns", "a column is named twice") }
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 4096, scratch: 32 << 10) }

  private var isExtreme: Bool { function == .min || function == .max }

  private func takes(_ type: ColumnType) -> Bool { isExtreme ? !type.isNested : type.isNumeric }

  private func accumulator(_ name: String, _ type: ColumnType, file: String? = nil) throws -> any Accumulator {
    try Aggregation(name: name, function: function, column: name)
      .accumulator(type, file: file, countType: .int64, ddof: ddof)
  }

  // MARK: - The tree

  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(value, file: file)
    // A partition without records may say nothing about its columns.
    guard table.count > 0 || !table.names.isEmpty else { return ColumnFigure.table([]) }
    let groups = [Int32](repeating: 0, count: KeyBatch.mostRows)
    var figures: [(name: String, figure: ColumnFigure)] = []
    for name in columns ?? table.names {
      let column = try table.column(name, file: file)
      let holdsNothing = column.nullCount == column.count
      if columns == nil, !takes(column.type) {
        // What holds nothing goes with any type: what it is, other partitions know.
        if !holdsNothing { figures.append((name, .refused(column.type))) }
        continue
      }
      let type = holdsNothing && !takes(column.type) ? (isExtreme ? .utf8 : .int64) : column.type
      let accumulator = try accumulator(name, type, file: file)
      accumulator.grow(to: 1)
      for start in stride(from: 0, to: holdsNothing ? 0 : table.count, by: groups.count) {
        if start % (groups.count * 64) == 0 { try context.checkCancellation() }
        accumulator.update(column, start..<min(start + groups.count, table.count), groups)
      }
      figures.append((name, .gathered(try groups.prefix(1).withUnsafeBufferPointer { try accumulator.states($0) })))
    }
    return ColumnFigure.table(figures)
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    var names: [String] = []
    var parts: [[(source: Int, figure: ColumnFigure)]] = []
    var places: [ByteText: Int] = [:]
    for (source, value) in values.enumerated() {
      for (name, figure) in try ColumnFigure.figures(in: Table.from(value)) {
        if let place = places[ByteText(name)] {
          parts[place].append((source, figure))
        } else {
          places[ByteText(name)] = names.count
          names.append(name)
          parts.append([(source, figure)])
        }
      }
    }
    return ColumnFigure.table(
      try zip(names, parts).map { name, parts in
        (name, try merged(name, parts) { "\(context.inputKey($0))" })
      })
  }

  func finish(_ value: any TaskValue, context: any TaskContext) throws -> any TaskValue {
    var made: [(name: String, column: Column)] = []
    for (name, figure) in try ColumnFigure.figures(in: Table.from(value)) {
      guard case .gathered(let states) = figure else { continue }
      let accumulator = try accumulator(name, type(of: states))
      accumulator.grow(to: 1)
      accumulator.merge(states, 0..<1, [0])
      var column = try [Int32(0)].withUnsafeBufferPointer { try accumulator.result($0) }
      // A total of nothing is 0.
      if function == .sum, column.isNull(0) {
        column = Column(type: column.type, count: 1, storage: Column.nulls(of: column.type, count: 1).storage)
      }
      made.append((name, column))
    }
    return Table(made)
  }

  /// What an accumulator is made for, to take up such states.
  private func type(of states: [Column]) -> ColumnType {
    switch function {
    case .min, .max: states[0].type
    case .sum, .mean: states.count == 3 ? .int64 : .float64
    default: .float64
    }
  }

  private func isNothing(_ states: [Column]) -> Bool {
    switch function {
    case .min, .max: states[0].isNull(0)
    case .sum, .mean: states[states.count - 1].integer(at: 0) == 0
    default: states[0].number(at: 0) == 0
    }
  }

  // MARK: - One column of several partitions

  private func merged(
    _ name: String, _ parts: [(source: Int, figure: ColumnFigure)], source: (Int) -> String
  ) throws -> ColumnFigure {
    var refused: (source: Int, type: ColumnType)?
    var gathered: [(source: Int, states: [Column])] = []
    for part in parts {
      switch part.figure {
      case .refused(let type): refused = refused ?? (part.source, type)
      case .gathered(let states): gathered.append((part.source, states))
      }
    }
    let something = gathered.filter { !isNothing($0.states) }
    if let refused {
      guard let other = something.first else { return .refused(refused.type) }
      throw TaskError(
        .wrongType,
        "column \"\(name)\" holds \(refused.type) in \(source(refused.source)), but "
          + "\(isExtreme ? "what has an order" : "numbers") in \(source(other.source)); make it one type with table.cast "
          + "before, or name the columns: columns")
    }
    let common = try commonType(name, something.isEmpty ? gathered : something, source)
    let accumulator = try accumulator(name, common)
    accumulator.grow(to: 1)
    for part in something { accumulator.merge(try conformed(part.states, to: common), 0..<1, [0]) }
    return .gathered(try [Int32(0)].withUnsafeBufferPointer { try accumulator.states($0) })
  }

  private func commonType(
    _ name: String, _ parts: [(source: Int, states: [Column])], _ source: (Int) -> String
  ) throws -> ColumnType {
    var found = type(of: parts[0].states)
    for part in parts.dropFirst() {
      let other = type(of: part.states)
      guard let common = TableUnion.common(found, other) else {
        // Where nothing is there, one is as good as the other.
        if isNothing(part.states) { continue }
        throw TaskError(
          .wrongType,
          "column \"\(name)\" holds \(found) in \(source(parts[0].source)) and \(other) in \(source(part.source)); make it "
            + "one type with table.cast before")
      }
      found = common
    }
    return found
  }

  /// States as those of a column of that type: whole numbers beside others become the nearest `float64`, which keeps their
  /// order.
  private func conformed(_ states: [Column], to type: ColumnType) throws -> [Column] {
    if self.type(of: states) == type { return states }
    switch function {
    case .min, .max: return [try ColumnCast(states[0], to: type).run().0]
    case .sum, .mean:
      let (low, high) = (states[0].values(as: UInt64.self)[0], states[1].values(as: Int64.self)[0])
      var sum = FixedColumnBuilder<Double>(capacity: 1)
      sum.append(Double(Int128(high) << 64 | Int128(low)))
      return [sum.finish(), states[2]]
    default: return states
    }
  }
}

/// What is known of a column's figure so far.
private enum ColumnFigure {
  /// An accumulator's states, in one row.
  case gathered([Column])
  /// The figure cannot be made of the column, which holds that.
  case refused(ColumnType)

  // In a table: the states of a column behind each other, called by their number and the column's name, "0:amount"; what was
  // refused is a null of the type, "x:amount".

  static func table(_ figures: [(name: String, figure: ColumnFigure)]) -> Table {
    var columns: [(name: String, column: Column)] = []
    for (name, figure) in figures {
      switch figure {
      case .gathered(let states): columns += states.enumerated().map { ("\($0):\(name)", $1) }
      case .refused(let type): columns.append(("x:\(name)", .nulls(of: type, count: 1)))
      }
    }
    return Table(columns)
  }

  static func figures(in table: Table) throws -> [(name: String, figure: ColumnFigure)] {
    var figures: [(name: String, figure: ColumnFigure)] = []
    for (label, column) in zip(table.names, table.columns) {
      // By bytes: a name may begin with what clings to the character before it.
      let name = String(decoding: label.utf8.dropFirst(2), as: UTF8.self)
      switch (label.utf8.first, figures.last?.figure) {
      case (UInt8(ascii: "x"), _): figures.append((name, .refused(column.type)))
      case (UInt8(ascii: "0"), _): figures.append((name, .gathered([column])))
      case (_, .gathered(let states)?): figures[figures.count - 1].figure = .gathered(states + [column])
      default: throw TaskError(.corruptValue, "a stored partial result is damaged; resume computes it again")
      }
    }
    return figures
  }
}
