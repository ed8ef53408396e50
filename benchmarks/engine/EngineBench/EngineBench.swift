import ArgumentParser
import Foundation
import Graph
import Scheduler

/// Times the engine without files on the shapes of `benchmarks/engine/README.md`.
@main
struct EngineBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine-bench", abstract: "Time the engine on graphs of tasks that do almost nothing.")

  @Option(help: "Threads that run tasks.")
  var workers = 2
  @Option(name: .customLong("repeat"), help: "Rounds; the fastest counts.")
  var rounds = 5
  @Option(help: "One shape only.")
  var shape: String?
  @Option(help: "Of the layered shape.")
  var seed: UInt64 = 1
  @Flag(help: "Print a line of JSON a shape.")
  var json = false

  func run() throws {
    ProcessMemory.tuneAllocator()
    for shape in Shape.all where self.shape == nil || self.shape == shape.name { try time(shape) }
  }

  private func time(_ shape: Shape) throws {
    let before = ProcessMemory.resident()
    let body = SumBody(count: shape.count)
    var graph = TaskGraph()
    try graph.addStage("tasks", op: SumBody.definition, body: body, layout: .bag(.numbered(shape.count))) {
      index, inputs in
      shape.edges(index, seed, &inputs)
    }
    let included = [Bool](repeating: true, count: graph.taskCount)
    let consumers = graph.consumers()
    let orderSeconds = seconds { _ = graph.ordered(included, consumers: consumers) }
    var best = Double.infinity
    var bytes = 0
    for round in 0..<max(rounds, 1) {
      body.clear()
      let run = InMemoryRun(graph, workers: workers)
      var done = 0
      best = min(best, seconds { done = run.run().done })
      guard done == shape.count else {
        throw ValidationError("\(shape.name): only \(done) of \(shape.count) tasks ran")
      }
      if round == 0 { bytes = ProcessMemory.resident() - before - 8 * shape.count }
    }
    let leaves = graph.leaves()
    let checksum = leaves.reduce(UInt64(0)) { $0 &+ body.results[Int($1)] }
    let edges = graph.tasks.reduce(0) { $0 + graph.inputs(of: $1).count }
    let perTask = best / Double(shape.count) * 1e6
    let perOrder = orderSeconds / Double(shape.count) * 1e6
    if json {
      print(
        #"{"peer": "graphrun", "shape": "\#(shape.name)", "tasks": \#(shape.count), "edges": \#(edges), "#
          + #""checksum": "\#(hex(checksum))", "seconds_order": \#(orderSeconds), "seconds_run": \#(best), "#
          + #""us_per_task_run": \#(perTask), "bytes_per_task": \#(Double(bytes) / Double(shape.count))}"#)
    } else {
      let name = shape.name.padding(toLength: 12, withPad: " ", startingAt: 0)
      print(
        "\(name) \(shape.count) tasks  run \(rounded(perTask)) µs a task  order \(rounded(perOrder)) µs a task  "
          + "\(bytes / shape.count) bytes a task")
    }
  }

  private func rounded(_ value: Double) -> String { String(format: "%.3f", value) }

  private func hex(_ word: UInt64) -> String { String(format: "%016llx", word) }

  private func seconds(_ body: () -> Void) -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    body()
    return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
  }
}

/// A graph's shape: how many tasks, and what each reads.
struct Shape: Sendable {
  let name: String
  let count: Int
  let edges: @Sendable (_ index: Int, _ seed: UInt64, _ inputs: inout [TaskID]) -> Void

  static let all: [Shape] = [
    Shape(name: "tiny", count: 1) { _, _, _ in },
    Shape(name: "independent", count: 1_000_000) { _, _, _ in },
    Shape(name: "chain", count: 100_000) { index, _, inputs in if index > 0 { inputs.append(TaskID(index - 1)) } },
    Shape(name: "tree", count: (1 << 18) - 1) { index, _, inputs in
      guard index >= 1 << 17 else { return }
      inputs.append(TaskID(2 * (index - (1 << 17))))
      inputs.append(TaskID(2 * (index - (1 << 17)) + 1))
    },
    layered("layered", width: 1000) { index, column, seed in
      var parents: [Int] = []
      for k in 0..<3 {
        var parent = Int(splitmix64(seed &+ UInt64(index * 3 + k)) % 1000)
        while parents.contains(parent) { parent = (parent + 1) % 1000 }
        parents.append(parent)
      }
      return parents
    },
    layered("stencil", width: 1000) { _, column, _ in
      [column - 1, column, column + 1].filter { (0..<1000).contains($0) }
    },
    layered("fft", width: 1024) { index, column, _ in
      let step = 1 << ((index / 1024 - 1) % 10)
      return [column, column - step, column + step].filter { (0..<1024).contains($0) }
    },
    layered("all_to_all", width: 64) { _, _, _ in Array(0..<64) },
  ]

  private static func layered(
    _ name: String, width: Int, depth: Int = 100,
    _ parents: @escaping @Sendable (_ index: Int, _ column: Int, _ seed: UInt64) -> [Int]
  ) -> Shape {
    Shape(name: name, count: width * depth) { index, seed, inputs in
      guard index >= width else { return }
      let below = (index / width - 1) * width
      for parent in parents(index, index % width, seed) { inputs.append(TaskID(below + parent)) }
    }
  }
}

private func splitmix64(_ x: UInt64) -> UInt64 {
  var z = x &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// Eight bytes that flow along an edge.
private struct Number: TaskValue {
  static let kind = "number"
  let value: UInt64
  var byteCount: Int { 8 }

  init(_ value: UInt64) { self.value = value }
  init(contentsOf buffer: Buffer) throws { value = buffer.bytes.loadUnaligned(as: UInt64.self) }
  func write(to sink: any ByteSink) throws { try sink.write(value: value) }
  func preview(limit: Int) -> ValuePreview { ValuePreview(columns: [], rows: [], rowCount: 1, json: "\(value)") }
}

/// Adds its inputs up, and one.
///
/// - Note: `@unchecked Sendable`: each task writes a place of its own, read when all are done.
private final class SumBody: TaskBody, @unchecked Sendable {
  static let definition = OpDefinition(
    name: "bench.sum", version: 1, summary: "adds", output: "a number", example: "",
    maker: .source { _ in throw ParameterError("", "only for benchmarks") })

  let results: UnsafeMutablePointer<UInt64>
  private let count: Int

  init(count: Int) {
    self.count = count
    results = .allocate(capacity: count)
    clear()
  }

  deinit { results.deallocate() }

  func clear() { results.initialize(repeating: 0, count: count) }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: 8, scratch: 0)
  }

  /// What `as?` gives, without asking the runtime for conformances.
  private static func number<Value: TaskValue>(_ value: Value) -> UInt64? {
    guard Value.self == Number.self else { return nil }
    return withUnsafePointer(to: value) { UnsafeRawPointer($0).load(as: UInt64.self) }
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    guard case .partition(let index) = role else { throw TaskError(.failed, "no such task") }
    var sum: UInt64 = 1
    for input in inputs {
      guard let number = SumBody.number(input) else { throw TaskError(.wrongType, "no number") }
      sum &+= number
    }
    results[Int(index)] = sum
    return Number(sum)
  }
}
