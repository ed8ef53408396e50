import Graph

@testable import Tasks

/// Configures and runs operations the way the engine does.
enum Ops {
  static let registry = {
    var registry = OpRegistry()
    StandardOps.register(into: &registry)
    return registry
  }()

  private static func configured(_ name: String, _ values: [String: ParameterValue]) throws -> (OpMaker, OpArguments) {
    guard let definition = registry[name] else { throw TaskError(.failed, "no op \(name)") }
    return (definition.maker, try OpArguments(values, for: definition))
  }

  static func source(_ name: String, _ values: [String: ParameterValue]) throws -> any SourceOp {
    guard case (.source(let make), let arguments) = try configured(name, values) else {
      throw TaskError(.failed, "\(name) is no source")
    }
    return try make(arguments)
  }

  static func partition(_ name: String, _ values: [String: ParameterValue] = [:]) throws -> any PartitionOp {
    guard case (.perPartition(let make), let arguments) = try configured(name, values) else {
      throw TaskError(.failed, "\(name) does not work per partition")
    }
    return try make(arguments)
  }

  static func sink(_ name: String, _ values: [String: ParameterValue]) throws -> any SinkOp {
    guard case (.sink(let make), let arguments) = try configured(name, values) else {
      throw TaskError(.failed, "\(name) is no sink")
    }
    return try make(arguments)
  }

  static func reduction(_ name: String, _ values: [String: ParameterValue] = [:]) throws -> any ReductionOp {
    guard case (.reduction(let make), let arguments) = try configured(name, values) else {
      throw TaskError(.failed, "\(name) is no reduction")
    }
    return try make(arguments)
  }

  static func shuffle(_ name: String, _ values: [String: ParameterValue]) throws -> any ShuffleOp {
    guard case (.shuffle(let make), let arguments) = try configured(name, values) else {
      throw TaskError(.failed, "\(name) is no shuffle")
    }
    return try make(arguments)
  }

  static func regroup(_ name: String, _ values: [String: ParameterValue]) throws -> any RegroupOp {
    guard case (.regroup(let make), let arguments) = try configured(name, values) else {
      throw TaskError(.failed, "\(name) regroups nothing")
    }
    return try make(arguments)
  }

  static func join(_ name: String, _ values: [String: ParameterValue]) throws -> any JoinOp {
    guard case (.join(let make), let arguments) = try configured(name, values) else {
      throw TaskError(.failed, "\(name) is no join")
    }
    return try make(arguments)
  }

  /// Reads one file.
  static func read(
    _ op: String, _ path: String, _ values: [String: ParameterValue] = [:], context: TestContext = TestContext()
  ) throws -> Table {
    let source = try source(op, values.merging(["files": .strings([path])]) { a, _ in a })
    let partition = try source.partitions()[0]
    return try Table.from(source.read(partition, context: context))
  }

  static func apply(_ op: String, _ values: [String: ParameterValue], to inputs: Table...) throws -> Table {
    try Table.from(
      partition(op, values).apply(
        inputs, partition: Partition(index: 0, label: "test"), context: TestContext()))
  }

  /// Reduces tables, `fanIn` at a time.
  static func reduce(_ op: String, _ values: [String: ParameterValue] = [:], _ tables: [Table]) throws -> Table {
    let reduction = try reduction(op, values)
    let context = TestContext()
    var level: [any TaskValue] = try tables.enumerated().map {
      try reduction.partial($1, partition: Partition(index: $0, label: "\($0)"), context: context)
    }
    while level.count > reduction.fanIn {
      level = try stride(from: 0, to: level.count, by: reduction.fanIn).map {
        try reduction.combine(Array(level[$0..<min($0 + reduction.fanIn, level.count)]), context: context)
      }
    }
    return try Table.from(reduction.finish(reduction.combine(level, context: context), context: context))
  }

  /// Fits to values of a bag's partitions.
  static func fit(
    _ op: String, _ values: [String: ParameterValue], to partitions: [any TaskValue], memoryLimit: Int = 1 << 30
  ) throws -> Table {
    guard case (.fit(let make), let arguments) = try configured(op, values) else {
      throw TaskError(.failed, "\(op) fits nothing")
    }
    let fit = try make(arguments)
    let context = TestContext(memoryLimit: memoryLimit)
    let packed = try partitions.enumerated().map {
      try fit.pack(
        $1, partition: Partition(index: $0, label: "part \($0)"), of: partitions.count, context: context)
    }
    return try Table.from(fit.fit(packed, context: context))
  }

  /// A table's records as JSON lines.
  static func jsonLines(_ table: Table) throws -> String {
    let sink = MemorySink()
    let op = try Ops.sink("jsonl.write", ["directory": .string("/tmp")])
    _ = try op.write(table, partition: Partition(index: 0, label: "x"), to: sink, context: TestContext())
    return String(decoding: sink.bytes, as: UTF8.self)
  }
}

extension Table {
  /// A table of one column of strings.
  static func strings(_ name: String, _ texts: [String?]) throws -> Table {
    var builder = StringColumnBuilder()
    for text in texts { if let text { try builder.append(text) } else { try builder.appendNull() } }
    return Table([(name, builder.finish())])
  }

  static func lists(_ name: String, _ lists: [[String]?]) throws -> Table {
    var builder = StringListColumnBuilder()
    for list in lists {
      guard let list else {
        try builder.appendNull()
        continue
      }
      for text in list { try builder.appendItem(text) }
      try builder.closeRow()
    }
    return Table([(name, builder.finish())])
  }

  static func integers(_ name: String, _ values: [Int64?]) -> Table {
    var builder = FixedColumnBuilder<Int64>()
    for value in values { if let value { builder.append(value) } else { builder.appendNull() } }
    return Table([(name, builder.finish())])
  }
}
