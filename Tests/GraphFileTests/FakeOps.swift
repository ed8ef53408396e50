import Graph

@testable import GraphFile

/// Operations that do nothing, in every shape, with a parameter of every kind.
let fakeOps: OpRegistry = {
  var registry = OpRegistry()
  registry.register(
    OpDefinition(
      name: "numbers.make", version: 1, summary: "Makes numbers",
      parameters: [
        OpParameter("count", .integer(0...1000), default: .integer(2), summary: "How many partitions"),
        OpParameter("label", .string, isOptional: true, summary: "What they are called"),
        OpParameter("ratio", .number, default: .number(0.5), summary: "A ratio"),
        OpParameter("strict", .boolean, default: .boolean(false), summary: "Whether it matters"),
        OpParameter("mode", .choice(["fast", "safe"]), default: .string("safe"), summary: "How"),
        OpParameter("words", .strings, isOptional: true, summary: "Some words"),
        OpParameter("files", .files, isOptional: true, summary: "Some files"),
        OpParameter("folder", .path, isOptional: true, summary: "A folder"),
      ],
      output: "numbers", example: "made: {op: numbers.make}", maker: .source(FakeSource.init)))
  registry.register(
    OpDefinition(
      name: "numbers.double", version: 1, summary: "Doubles numbers", inputs: [OpInput("numbers", summary: "Numbers")],
      output: "numbers", example: "", maker: .perPartition { _ in FakeMap() }))
  registry.register(
    OpDefinition(
      name: "numbers.sum", version: 1, summary: "Adds numbers", inputs: [OpInput("numbers", summary: "Numbers")],
      output: "a number", example: "", maker: .reduction { _ in FakeReduction() }))
  registry.register(
    OpDefinition(
      name: "numbers.scale", version: 1, summary: "Scales numbers",
      inputs: [
        OpInput("numbers", summary: "Numbers"), OpInput("factor", .value, summary: "By what"),
        OpInput("mask", isOptional: true, summary: "Which"),
      ],
      output: "numbers", example: "", maker: .perPartition { _ in FakeMap() }))
  registry.register(
    OpDefinition(
      name: "numbers.shuffle", version: 1, summary: "Shuffles numbers",
      inputs: [OpInput("numbers", summary: "Numbers")],
      parameters: [OpParameter("key", .string, summary: "By what")], output: "numbers", example: "",
      maker: .shuffle(FakeShuffle.init)))
  registry.register(
    OpDefinition(
      name: "numbers.merge", version: 1, summary: "Merges numbers",
      inputs: [OpInput("numbers", .any, isRepeated: true, summary: "Numbers")], output: "numbers", example: "",
      maker: .perPartition { _ in FakeMap() }))
  registry.register(
    OpDefinition(
      name: "numbers.write", version: 1, summary: "Writes numbers", inputs: [OpInput("numbers", summary: "Numbers")],
      parameters: [
        OpParameter("directory", .path, summary: "Where the files go"),
        OpParameter("limit", .integer(1...Int.max), isOptional: true, summary: "Most records in a file"),
      ],
      output: "files", example: "", maker: .sink(FakeSink.init)))
  return registry
}()

private struct FakeSource: SourceOp {
  let count: Int
  let files: [String]

  init(_ arguments: OpArguments) throws {
    count = arguments.require(OpArguments.integer, "count")
    files = arguments.strings("files") ?? []
    if arguments.string("label") == "refused" { throw ParameterError("label", "is not liked together with count") }
    if arguments.string("label") == "other" { throw ParameterError("ratio", "does not fit the label") }
  }

  func partitions() throws -> Partitions {
    if let file = files.first(where: { $0.contains("missing") }) {
      throw ParameterError("files", "no file matches \"\(file)\"")
    }
    if files.contains(where: { $0.contains("odd") }) { throw TaskError(.cannotRead, "the disk is on fire") }
    return .numbered(count)
  }

  func estimate(_ partition: Partition) -> MemoryEstimate { MemoryEstimate(output: 1, scratch: 0) }
  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue { throw TaskError(.failed, "") }
}

private struct FakeMap: PartitionOp {
  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 1, scratch: 0) }
  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    inputs[0]
  }
}

private struct FakeReduction: ReductionOp {
  let fanIn = 2
  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 1, scratch: 0) }
  func partial(_ value: any TaskValue, partition: Partition, context: any TaskContext) throws -> any TaskValue { value }
  func combine(_ values: [any TaskValue], context: any TaskContext) throws -> any TaskValue { values[0] }
}

private struct FakeShuffle: ShuffleOp {
  func partitionCount(of inputCount: Int) -> Int { 3 }

  init(_ arguments: OpArguments) throws {
    if arguments.string("key") == "refused" { throw ParameterError("key", "is not liked") }
  }

  func estimateSplit(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate { MemoryEstimate(output: 1, scratch: 0) }
  func estimateGather(inputBytes: Int, memoryLimit: Int) -> MemoryEstimate { MemoryEstimate(output: 1, scratch: 0) }
  func split(_ value: any TaskValue, partition: Partition, of count: Int, context: any TaskContext) throws
    -> any TaskValue
  { value }
  func gather(_ shards: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    shards[0]
  }
}

private struct FakeSink: SinkOp {
  let directory: String

  init(_ arguments: OpArguments) { directory = arguments.require(OpArguments.string, "directory") }

  func paths(for partitions: Partitions) throws -> [String] {
    if directory.hasSuffix("clash") { throw ParameterError("directory", "two files would have one name") }
    return partitions.map { "\(directory)/\($0.label).txt" }
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 1, scratch: 0) }
  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  { 0 }
}

// MARK: - Helpers

func build(_ text: String, _ overrides: [Override] = [], path: String = "/data/p.yaml") throws -> Pipeline {
  try DAGFile(text: text, path: path).build(registry: fakeOps, overrides: overrides, home: "/home/ada")
}

/// `line:column: message` of each mistake; empty if there is none.
func complaints(_ text: String, _ overrides: [Override] = []) -> [String] {
  do {
    _ = try build(text, overrides)
    return []
  } catch {
    return lines(of: error)
  }
}

/// The same, looking only at the file.
func checkComplaints(_ text: String) -> [String] {
  do {
    try DAGFile(text: text, path: "/data/p.yaml").check(registry: fakeOps)
    return []
  } catch {
    return lines(of: error)
  }
}

func lines(of error: any Error) -> [String] {
  guard let error = error as? GraphFileError else { return ["not a GraphFileError: \(error)"] }
  return error.mistakes.map { mistake in
    guard let line = mistake.line, let column = mistake.column else { return mistake.message }
    return "\(line):\(column): \(mistake.message)"
  }
}

/// A pipeline of several files, the first of which is asked for: texts by name, all in one folder unless a name says more.
func pipeline(_ files: KeyValuePairs<String, String>, _ overrides: [Override] = []) throws -> Pipeline {
  let texts = Dictionary(uniqueKeysWithValues: files.map { ("/data/" + $0.key, $0.value) })
  let file = try DAGFile(bytes: Array(files[0].value.utf8), path: "/data/" + files[0].key) { path in
    texts[path].map { .success(Array($0.utf8)) } ?? .failure(UnreadableFile(message: "there is no such file"))
  }
  return try file.build(registry: fakeOps, overrides: overrides, home: "/home/ada")
}

/// `file:line:column: message` of each mistake, files named from their common folder.
func complaints(of files: KeyValuePairs<String, String>, _ overrides: [Override] = []) -> [String] {
  do {
    _ = try pipeline(files, overrides)
    return []
  } catch {
    return "\(error)".replacing("/data/", with: "").split(separator: "\n").map(String.init)
  }
}

/// The arguments of the one task `made: {op: numbers.make}` with these lines under `with:`.
func arguments(_ with: String, parameters: String = "", _ overrides: [Override] = []) throws -> [String: ParameterValue]
{
  let indented = with.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n")
  let pipeline = try build(
    """
    \(parameters)
    tasks:
      made:
        op: numbers.make
        with:
    \(indented)
    """, overrides)
  return pipeline.graph.stages[0].parameters
}
