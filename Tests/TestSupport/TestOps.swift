import Graph

/// A value of a chosen size whose content follows from one number, so that any byte that is wrong is noticed.
public struct TestValue: TaskValue, Hashable {
  public static let kind = "test"
  public let number: UInt64
  public let words: [UInt64]

  public init(number: UInt64, byteCount: Int) {
    self.number = number
    var random = SeededRandom(seed: number)
    words = (0..<max(0, byteCount / 8)).map { _ in random.next() }
  }

  public var byteCount: Int { words.count * 8 }
  public var rowCount: Int? { words.count }

  public func write(to sink: any ByteSink) throws {
    try sink.write(value: number)
    try words.withUnsafeBytes { try sink.write($0) }
  }

  public init(contentsOf buffer: Buffer) throws {
    guard buffer.count >= 8 else { throw TaskError(.corruptValue, "too short") }
    let all = Array(buffer.elements(of: UInt64.self))
    number = all[0]
    words = Array(all[1...])
  }

  /// Whether every byte is what `number` says.
  public var isIntact: Bool { TestValue(number: number, byteCount: byteCount) == self }

  public func preview(limit: Int) -> ValuePreview {
    ValuePreview(columns: ["number"], rows: [["\(number)"]], rowCount: 1, json: #"{"number":\#(number)}"#)
  }
}

/// A value that stands for parts of which nobody looks at the bytes.
public struct TestShards: TaskValue {
  public static let kind = "test-shards"
  public let value: TestValue
  public let partByteCounts: [Int]?

  init(value: TestValue, partByteCounts: [Int]) {
    self.value = value
    self.partByteCounts = partByteCounts
  }

  public var byteCount: Int { value.byteCount }

  public func write(to sink: any ByteSink) throws {
    try sink.write(value: partByteCounts?.count ?? 0)
    try value.write(to: sink)
  }

  public init(contentsOf buffer: Buffer) throws {
    value = try TestValue(contentsOf: buffer.slice(8..<buffer.count))
    let count = buffer.bytes.loadUnaligned(as: Int.self)
    partByteCounts = Array(repeating: value.byteCount / count, count: count)
  }

  public func preview(limit: Int) -> ValuePreview { value.preview(limit: limit) }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
public struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Operations for tests: what they compute can be worked out from the graph alone.
public enum TestOps {
  public static let parameters = [
    OpParameter(
      "seed", .integer(0...(.max)), default: .integer(0), summary: "what tells this task's value from others'"),
    OpParameter("bytes", .integer(0...(.max)), default: .integer(1024), summary: "size of the result"),
    OpParameter("partitions", .integer(1...(.max)), default: .integer(1), summary: "partitions of a source"),
    OpParameter("fail", .string, isOptional: true, summary: "\"always\", or a file whose presence makes the task fail"),
    OpParameter(
      "reserve", .integer(0...(.max)), default: .integer(0), summary: "what mixing asks for beyond its estimate"),
    OpParameter(
      "estimate", .integer(1...1000), default: .integer(100), summary: "estimated size, in percent of the real one"),
  ]

  /// A bag of `partitions` values.
  public static let source = OpDefinition(
    name: "test.source", version: 1, summary: "makes values", parameters: parameters, output: "a number", example: "",
    maker: .source { Source(settings: Settings($0)) })

  /// Mixes `arity` bags, partition by partition.
  public static func mix(_ arity: Int, values: Int = 0) -> OpDefinition {
    OpDefinition(
      name: "test.mix\(arity)", version: 1, summary: "mixes values",
      inputs: (0..<arity).map { OpInput("input\($0)", summary: "a bag") }
        + (0..<values).map { OpInput("value\($0)", .value, summary: "a value") },
      parameters: parameters, output: "a number", example: "", maker: .perPartition { Mix(settings: Settings($0)) })
  }

  /// Mixes a bag as a tree.
  public static let reduce = OpDefinition(
    name: "test.reduce", version: 1, summary: "mixes a bag", inputs: [OpInput("bag", summary: "a bag")],
    parameters: parameters, output: "a number", example: "", maker: .reduction { Reduce(settings: Settings($0)) })

  /// Mixes each partition with all of a bag's, into `partitions` others.
  public static let join = OpDefinition(
    name: "test.join", version: 1, summary: "mixes two bags",
    inputs: [OpInput("left", .any, summary: "a bag"), OpInput("right", .any, summary: "a bag")],
    parameters: parameters + [OpParameter("splits", .boolean, default: .boolean(false), summary: "both sides")],
    output: "a number", example: "",
    maker: .join { Join(settings: Settings($0), splits: $0.boolean("splits") ?? false) })

  public static let shuffle = OpDefinition(
    name: "test.shuffle", version: 1, summary: "mixes a bag", inputs: [OpInput("bag", summary: "a bag")],
    parameters: parameters, output: "a number", example: "", maker: .shuffle { Shuffle(settings: Settings($0)) })

  /// Mixes a bag in one task, which reads what was packed of each partition.
  public static let fit = OpDefinition(
    name: "test.fit", version: 1, summary: "mixes a bag", inputs: [OpInput("bag", summary: "a bag")],
    parameters: parameters, output: "a number", example: "", maker: .fit { Fit(settings: Settings($0)) })

  public static func registry() -> OpRegistry {
    var registry = OpRegistry()
    registry.register(TestValue.self)
    registry.register(TestShards.self)
    return registry
  }

  struct Settings: Sendable {
    let seed: UInt64
    let bytes: Int
    let partitions: Int
    let fail: String?
    let estimate: Int
    let reserve: Int

    init(_ arguments: OpArguments) {
      seed = UInt64(arguments.require(OpArguments.integer, "seed"))
      bytes = arguments.require(OpArguments.integer, "bytes")
      partitions = arguments.require(OpArguments.integer, "partitions")
      fail = arguments.string("fail")
      estimate = arguments.require(OpArguments.integer, "estimate")
      reserve = arguments.require(OpArguments.integer, "reserve")
    }

    func value(_ number: UInt64) throws -> TestValue {
      if let fail, fail == "always" || TestFiles.exists(fail) {
        throw TaskError(.failed, "told to fail", file: "input.txt", record: "line 7")
      }
      return TestValue(number: number, byteCount: bytes)
    }

    var memory: MemoryEstimate { MemoryEstimate(output: bytes * estimate / 100, scratch: 0) }
  }

  struct Source: SourceOp {
    let settings: Settings
    func partitions() throws -> Partitions {
      Partitions((0..<settings.partitions).map { Partition(index: $0, label: "part-\($0)") })
    }
    func estimate(_ partition: Partition) -> MemoryEstimate { settings.memory }
    func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
      try settings.value(mixed(settings.seed, UInt64(partition.index)))
    }
  }

  struct Mix: PartitionOp {
    let settings: Settings
    func estimate(inputBytes: [Int]) -> MemoryEstimate { settings.memory }
    func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
      try context.reserve(
        more: settings.reserve, for: TaskError(.tooLarge, "a record is larger than foreseen", record: "line 9"))
      return try settings.value(try inputs.reduce(settings.seed) { mixed($0, try number($1)) })
    }
  }

  struct Reduce: ReductionOp {
    let settings: Settings
    var fanIn: Int { 4 }
    func estimate(inputBytes: [Int]) -> MemoryEstimate { settings.memory }
    func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue {
      try settings.value(mixed(try number(value), UInt64(partition.index)))
    }
    func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
      try settings.value(try values.reduce(0) { $0 &+ (try number($1)) })
    }
  }

  struct Shuffle: ShuffleOp {
    let settings: Settings
    private var partitionCount: Int { settings.partitions }
    func partitionCount(of inputCount: Int) -> Int { partitionCount }
    func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate { settings.memory }
    func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
      MemoryEstimate(output: max(inputBytes, settings.memory.output), scratch: 0)
    }
    func split(
      _ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext
    ) throws -> any TaskValue {
      TestShards(
        value: try settings.value(mixed(settings.seed, try number(value))),
        partByteCounts: Array(repeating: settings.bytes / partitionCount, count: partitionCount))
    }
    func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
      let numbers = try shards.map { try number(($0 as? TestShards)?.value ?? $0) }
      return try settings.value(numbers.reduce(UInt64(partition.index), mixed))
    }
  }

  struct Fit: FitOp {
    let settings: Settings
    func estimatePack(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate { settings.memory }
    func estimateFit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
      MemoryEstimate(output: settings.memory.output, scratch: inputBytes)
    }
    func pack(_ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext) throws
      -> any TaskValue
    {
      TestShards(
        value: try settings.value(mixed(settings.seed, try number(value))), partByteCounts: [settings.bytes])
    }
    func fit(_ packed: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
      let numbers = try packed.map { try number(($0 as? TestShards)?.value ?? $0) }
      return try settings.value(numbers.reduce(settings.seed, mixed))
    }
  }

  struct Join: JoinOp {
    let settings: Settings
    let splits: Bool
    func strategy(left: Int, right: Int) -> JoinStrategy {
      splits ? .partitioned(settings.partitions) : .broadcast
    }
    var tableRemedy: String { "do something else" }
    func estimateTable(inputBytes: [Int]) -> MemoryEstimate { settings.memory }
    func table(_ right: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
      try settings.value(right.map(number).reduce(settings.seed, mixed))
    }
    func estimateLookup(inputBytes: Int) -> MemoryEstimate { settings.memory }
    func lookup(
      _ left: any TaskValue, in table: any TaskValue, partition: Partition, context: any TaskContext
    ) throws -> any TaskValue { try settings.value(mixed(number(left), number(table))) }
    func estimateSplit(_ side: JoinSide, inputBytes: Int, memoryLimit: Int) -> MemoryEstimate { settings.memory }
    func split(
      _ value: any TaskValue, _ side: JoinSide, partition: Partition, of count: Int, into shardCount: Int,
      context: any TaskContext
    ) throws -> any TaskValue {
      TestShards(
        value: try settings.value(mixed(side == .left ? 1 : 2, try number(value))),
        partByteCounts: Array(repeating: settings.bytes / shardCount, count: shardCount))
    }
    func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate {
      MemoryEstimate(output: max(inputBytes, settings.memory.output), scratch: 0)
    }
    func gather(
      left: [any TaskValue], right: [any TaskValue], partition: Partition, of count: Int, context: any TaskContext
    ) throws -> any TaskValue {
      let numbers = try (left + right).map { try number(($0 as? TestShards)?.value ?? $0) }
      return try settings.value(numbers.reduce(UInt64(partition.index), mixed))
    }
  }

  static func number(_ value: any TaskValue) throws -> UInt64 {
    guard let value = value as? TestValue, value.isIntact else {
      throw TaskError(.corruptValue, "an input's bytes are wrong")
    }
    return value.number
  }

  public static func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var random = SeededRandom(seed: a ^ (b &* 0xD6E8_FEB8_6659_FD93))
    return random.next()
  }
}
