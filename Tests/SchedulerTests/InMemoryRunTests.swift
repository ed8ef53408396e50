import Graph
import TestSupport
import Testing

@testable import Scheduler

/// A megabyte of one byte.
private struct Block: TaskValue {
  static let kind = "block"
  let bytes: [UInt8]

  init(_ byte: UInt8) { bytes = [UInt8](repeating: byte, count: 1 << 20) }
  init(contentsOf buffer: Buffer) throws { bytes = [UInt8](buffer.bytes) }
  var byteCount: Int { bytes.count }
  func write(to sink: any ByteSink) throws { try bytes.withUnsafeBytes { try sink.write($0) } }
  func preview(limit: Int) -> ValuePreview { ValuePreview(columns: [], rows: [], rowCount: 1, json: "\(bytes[0])") }
}

/// Gives the block of its number; what it reads must be the blocks of the tasks it reads.
private struct BlockBody: TaskBody {
  static let definition = OpDefinition(
    name: "test.block", version: 1, summary: "makes blocks", output: "a block", example: "",
    maker: .source { _ in throw ParameterError("", "only for tests") })
  let inputs: [[TaskID]]

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: 1 << 20, scratch: 0)
  }

  func run(_ role: TaskRole, inputs values: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    guard case .partition(let index) = role else { throw TaskError(.failed, "no such task") }
    for (input, value) in zip(inputs[Int(index)], values) {
      guard let block = value as? Block, block.bytes == Block(UInt8(input % 251)).bytes else {
        throw TaskError(.corruptValue, "the result of task \(input) is wrong")
      }
    }
    return Block(UInt8(index % 251))
  }
}

@Suite struct InMemoryRunTests {
  // 128 sources; 16 tasks read eight of them each, one reads the 16; 128 tasks read a source once more, and that one
  @Test("Without a state file, what does not fit is spilled, read back intact and gone at the end")
  func spilling() throws {
    let inputs: [[TaskID]] =
      .init(repeating: [], count: 128)
      + (0..<16).map { group in (0..<8).map { TaskID($0 * 16 + group) } }
      + [Array(128..<144)] + (0..<128).map { [$0, 144] }
    var graph = TaskGraph()
    try graph.addStage(
      "t", op: BlockBody.definition, body: BlockBody(inputs: inputs), layout: .bag(.numbered(inputs.count))
    ) { index, list in list += inputs[index] }
    try TestFiles.withFolder { folder in
      // 17 blocks at once have to fit; beside that, tests that run at the same time need some.
      var settings = InMemoryRun.Settings(workers: 2, memory: ProcessMemory.resident() + (64 << 20))
      settings.folder = folder
      settings.registry.register(Block.self)
      let summary = InMemoryRun(graph, settings).runToEnd()
      #expect(summary.failures.isEmpty, "\(summary.failures.first?.error.description ?? "")")
      #expect(summary.last.done == graph.taskCount)
      #expect(summary.last.spilledTotal > 0)
      #expect(TestFiles.names(in: folder + "/spill").isEmpty)
    }
  }
}
