import Foundation
import Graph

/// Operations whose results anyone can work out, to try the engine and to prove it.
///
/// `docs/debug-ops.md` gives their semantics exactly.
enum DebugOps {
  static let definitions = [
    bytes, mix, reduce, noop, sleep, fail, crash, allocate,
  ]

  private static let anyInputs = [
    OpInput(
      "inputs", .any, isOptional: true, isRepeated: true, summary: "what it takes; a bag makes it run per partition")
  ]
  private static let seed = OpParameter(
    "seed", .string, default: .string("0"),
    summary: "an unsigned 64-bit number that tells this task's result from others'"
  )
  private static let partitions = OpParameter(
    "partitions", .integer(1...100_000_000), isOptional: true,
    summary: "give a bag of so many partitions; one value unless given. Not where \"from\" names a bag")

  private static let bytes = OpDefinition(
    name: "debug.bytes", version: 1, summary: "makes bytes that follow from a number",
    parameters: [
      OpParameter("bytes", .integer(0...(1 << 40)), default: .integer(8), summary: "size of the result"), seed,
      partitions,
    ],
    output: "identity splitmix64(seed + partition), and as many bytes made from it",
    example: """
      made:
        op: debug.bytes
        with: {bytes: 1000000, seed: 1, partitions: 100}
      """,
    maker: .source { arguments in
      let maker = try ValueMaker(arguments)
      let count = arguments.integer("partitions")
      return DebugSource(count: count, maker: maker)
    })

  private static let mix = OpDefinition(
    name: "debug.mix", version: 1, summary: "checks every byte of its inputs and mixes their identities",
    inputs: anyInputs,
    parameters: [
      OpParameter("bytes", .integer(0...(1 << 40)), default: .integer(8), summary: "size of the result"), seed,
    ],
    output: "identity h = splitmix64(seed), then h = splitmix64(h xor x) for each input's identity x",
    example: """
      mixed:
        op: debug.mix
        from: [made, others]
        with: {bytes: 1000, seed: 7}
      """,
    maker: .perPartition { arguments in
      let maker = try ValueMaker(arguments)
      return DebugStep(need: { _ in MemoryEstimate(output: maker.bytes, scratch: 0) }) { inputs, context in
        try maker.value(DebugValue.mixed(maker.seed, inputs, context: context))
      }
    })

  private static let reduce = OpDefinition(
    name: "debug.reduce", version: 1, summary: "mixes a bag as a tree",
    inputs: [OpInput("bag", summary: "results of debug operations")],
    parameters: [
      OpParameter(
        "split_every", .integer(2...1_000_000), default: .integer(8), summary: "how many neighbours are mixed into one"),
      OpParameter(
        "bytes", .integer(0...(1 << 40)), isOptional: true,
        summary: "size of each result; that of the largest input unless given"),
      seed,
    ],
    output: "as debug.mix of split_every neighbours at a time, until one is left",
    example: """
      total:
        op: debug.reduce
        from: made
        with: {split_every: 16}
      """,
    maker: .reduction { arguments in
      DebugReduce(
        fanIn: arguments.require(OpArguments.integer, "split_every"), bytes: arguments.integer("bytes"),
        seed: try seedValue(arguments))
    })

  private static let noop = OpDefinition(
    name: "debug.noop", version: 1, summary: "does nothing", inputs: anyInputs, parameters: [partitions],
    output: "a value of no bytes",
    example: """
      nothing:
        op: debug.noop
        with: {partitions: 1000000}
      """,
    maker: .perPartition { arguments in
      DebugStep(partitions: arguments.integer("partitions")) { _, _ in try DebugValue(identity: 0, contentByteCount: 0)
      }
    })

  private static let sleep = OpDefinition(
    name: "debug.sleep", version: 1, summary: "waits", inputs: anyInputs,
    parameters: [
      OpParameter("seconds", .number, default: .number(1), summary: "how long; cancelling ends it early"), partitions,
    ],
    output: "a value of no bytes",
    example: """
      wait:
        op: debug.sleep
        from: made
        with: {seconds: 0.5}
      """,
    maker: .perPartition { arguments in
      let seconds = arguments.require(OpArguments.number, "seconds")
      guard seconds >= 0, seconds < 1e9 else { throw ParameterError("seconds", "\(seconds) is no time to wait") }
      return DebugStep(partitions: arguments.integer("partitions")) { _, context in
        let end = DispatchTime.now().uptimeNanoseconds + UInt64(seconds * 1e9)
        while true {
          try context.checkCancellation()
          let now = DispatchTime.now().uptimeNanoseconds
          guard now < end else { break }
          usleep(UInt32(min((end - now) / 1000 + 1, 20_000)))
        }
        return try DebugValue(identity: 0, contentByteCount: 0)
      }
    })

  private static let fail = OpDefinition(
    name: "debug.fail", version: 1, summary: "fails a number of attempts, then succeeds", inputs: anyInputs,
    parameters: [
      OpParameter(
        "times", .integer(0...1_000_000), default: .integer(1), isIdentity: false,
        summary: "how many attempts fail; those of earlier runs count"), partitions,
    ],
    output: "a value of no bytes",
    example: """
      shaky:
        op: debug.fail
        with: {times: 2}
        retries: 3
      """,
    maker: .perPartition { arguments in
      let times = arguments.require(OpArguments.integer, "times")
      return DebugStep(partitions: arguments.integer("partitions")) { _, context in
        guard context.attempt > times else {
          throw TaskError(.failed, "attempt \(context.attempt) fails, as debug.fail was told (times: \(times))")
        }
        return try DebugValue(identity: 0, contentByteCount: 0)
      }
    })

  private static let crash = OpDefinition(
    name: "debug.crash", version: 1, summary: "kills the process it runs in, with SIGKILL", inputs: anyInputs,
    parameters: [
      OpParameter(
        "unless", .path, isOptional: true, isIdentity: false, summary: "a file whose presence lets it succeed")
    ],
    output: "a value of no bytes",
    example: """
      crash:
        op: debug.crash
        from: made
        with: {unless: repaired.txt}
      """,
    maker: .perPartition { arguments in
      let file = arguments.string("unless")
      return DebugStep { _, _ in
        if file.map({ access($0, F_OK) != 0 }) ?? true { kill(getpid(), SIGKILL) }
        return try DebugValue(identity: 0, contentByteCount: 0)
      }
    })

  private static let allocate = OpDefinition(
    name: "debug.allocate", version: 1, summary: "touches working memory", inputs: anyInputs,
    parameters: [
      OpParameter("bytes", .integer(0...(1 << 40)), default: .integer(1 << 20), summary: "how much"),
      OpParameter(
        "declare", .integer(0...(1 << 40)), isOptional: true, isIdentity: false,
        summary: "what it says it needs; the truth unless given"),
      OpParameter(
        "seconds", .number, default: .number(0), isIdentity: false, summary: "how long it keeps the memory"),
      partitions,
    ],
    output: "a value of no bytes",
    example: """
      hungry:
        op: debug.allocate
        from: made
        with: {bytes: 50000000, declare: 1000000}
      """,
    maker: .perPartition { arguments in
      let bytes = arguments.require(OpArguments.integer, "bytes")
      let seconds = arguments.require(OpArguments.number, "seconds")
      let declared = arguments.integer("declare") ?? bytes
      return DebugStep(
        partitions: arguments.integer("partitions"), need: { _ in MemoryEstimate(output: 0, scratch: declared) }
      ) { _, context in
        // A map of its own: the compiler may leave out a block of `malloc` that nobody reads.
        guard bytes > 0 else { return try DebugValue(identity: 0, contentByteCount: 0) }
        guard let base = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
          base != MAP_FAILED
        else { throw TaskError(.outOfMemory, "the kernel refused \(bytes) bytes of memory") }
        defer { munmap(base, bytes) }
        for offset in stride(from: 0, to: bytes, by: 4096) {
          base.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
          if offset % (1 << 20) == 0 { try context.checkCancellation() }
        }
        let end = DispatchTime.now().uptimeNanoseconds + UInt64(max(seconds, 0) * 1e9)
        while DispatchTime.now().uptimeNanoseconds < end {
          try context.checkCancellation()
          usleep(5000)
        }
        return try DebugValue(identity: 0, contentByteCount: 0)
      }
    })

  fileprivate static func seedValue(_ arguments: OpArguments) throws -> UInt64 {
    let text = arguments.require(OpArguments.string, "seed")
    let (digits, radix) = text.hasPrefix("0x") ? (text.dropFirst(2), 16) : (Substring(text), 10)
    if let seed = UInt64(digits, radix: radix) { return seed }
    if let seed = Int64(digits, radix: radix) { return UInt64(bitPattern: seed) }
    throw ParameterError("seed", "\"\(text)\" is no 64-bit integer")
  }
}

/// What `debug.bytes` and `debug.mix` are told.
private struct ValueMaker: Sendable {
  let bytes: Int
  let seed: UInt64

  init(_ arguments: OpArguments) throws {
    bytes = arguments.require(OpArguments.integer, "bytes")
    seed = try DebugOps.seedValue(arguments)
  }

  func value(_ identity: UInt64) throws -> DebugValue { try DebugValue(identity: identity, contentByteCount: bytes) }
}

private struct DebugSource: SourceOp {
  /// `nil` for one value.
  let count: Int?
  let maker: ValueMaker

  var isSingle: Bool { count == nil }
  func partitions() throws -> Partitions { .numbered(count ?? 1) }
  func estimate(_ partition: Partition) -> MemoryEstimate { MemoryEstimate(output: maker.bytes, scratch: 0) }
  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    try maker.value(splitmix64(maker.seed &+ UInt64(partition.index)))
  }
}

/// One step from any inputs to one value.
private struct DebugStep: PartitionOp {
  var partitions: Int?
  var need: @Sendable ([Int]) -> MemoryEstimate = { _ in MemoryEstimate(output: 0, scratch: 0) }
  let body: @Sendable ([any TaskValue], any TaskContext) throws -> DebugValue

  var partitionCount: Int? { partitions }
  func estimate(inputBytes: [Int]) -> MemoryEstimate { need(inputBytes) }
  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    try body(inputs, context)
  }
}

private struct DebugReduce: ReductionOp {
  let fanIn: Int
  /// `nil`: as large as the largest input.
  let bytes: Int?
  let seed: UInt64

  var mapsPartitions: Bool { false }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: bytes ?? inputBytes.max() ?? 0, scratch: 0)
  }

  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let identity = try DebugValue.mixed(seed, values, context: context)
    return try DebugValue(identity: identity, contentByteCount: bytes ?? values.map(\.byteCount).max() ?? 0)
  }
}
