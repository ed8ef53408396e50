import Graph

/// `table.sample`: each record with a chance of its own.
///
/// Whether a record is taken depends on the seed, the partition's number and the record's place in it, and on nothing
/// else: a run in little memory, or one that was resumed, takes the same.
struct SampleRows: PartitionOp {
  let fraction: Double
  let seed: Int

  init(_ arguments: OpArguments) throws {
    fraction = arguments.require(OpArguments.number, "fraction")
    seed = arguments.require(OpArguments.integer, "seed")
    guard fraction >= 0, fraction <= 1 else {
      throw ParameterError("fraction", "\(fraction) is no share; it goes from 0, none, to 1, all")
    }
  }

  var dependsOnIndex: Bool { true }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    let taken = Int(Double(inputBytes[0]) * fraction) + 16_384
    return MemoryEstimate(output: taken, scratch: taken)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let table = try Table.from(inputs[0], file: partition.file?.path)
    var random = SampleRandom(seed: UInt64(bitPattern: Int64(seed)), part: partition.index)
    var numbers = BufferBuilder(capacity: Int(Double(table.count) * fraction) * 4)
    for row in 0..<table.count where random.unit() < fraction { numbers.append(Int32(truncatingIfNeeded: row)) }
    let rows = numbers.finish()
    return try withExtendedLifetime(rows) { try table.rows(at: rows.elements(of: Int32.self)) }
  }

  static let definition = OpDefinition(
    name: "table.sample", version: 1, summary: "takes each record with the same chance",
    inputs: [OpInput("table", .any, summary: "any table")],
    parameters: [
      OpParameter("fraction", .number, summary: "the chance of each record, 0 to 1"),
      OpParameter("seed", .integer(Int.min...Int.max), default: .integer(1), summary: "another seed, another sample"),
    ],
    output:
      "the records taken, in their order; the same for the same seed and partitions, however much memory there is",
    example: """
      tenth:
        op: table.sample
        from: visits
        with: {fraction: 0.1, seed: 7}
      """,
    maker: .perPartition { try SampleRows($0) })
}
