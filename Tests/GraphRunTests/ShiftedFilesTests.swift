import Foundation
import Graph
import GraphRun
import Synchronization
import Testing

/// Computations with a state folder whose list of files changed: what they take over must be what they would compute.
@Suite struct ShiftedFilesTests {
  /// Computes with and without the state folder's help, before and after a file came that lies before the others.
  private func check<Value: Equatable & Sendable>(
    files: [String: String], first: String,
    _ compute: (_ lines: Bag<String>, _ options: ComputeOptions) async throws -> Value
  ) async throws {
    let folder = try TemporaryFolder()
    let durable = ComputeOptions(memory: nil, workers: 2, state: folder.path + "/state")
    let fresh = ComputeOptions(memory: nil, workers: 2)
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    }
    func lines() throws -> Bag<String> {
      var format = TextFileFormat()
      format.keepsLineEnds = false
      return try Bag.readText(folder.path + "/*.txt", format: format)
    }
    for (name, text) in files { try write(name, text) }
    let before = try await compute(lines(), durable)
    #expect(try await compute(lines(), fresh) == before)
    try write("a.txt", first)
    let after = try await compute(lines(), durable)
    #expect(after != before)
    #expect(try await compute(lines(), fresh) == after)
    #expect(try await compute(lines(), durable) == after)
  }

  private static let words = (0..<40).map { "word \($0)\n" }.joined()

  @Test func numberedPartitionsGetTheirNewNumbers() async throws {
    try await check(files: ["b.txt": "x\ny\n", "c.txt": "z\n"], first: "w\n") { lines, options in
      try await lines.mapPartitions(numbered: { number, lines in lines.map { "\(number) \($0)" } }).named("numbered")
        .computePartitions(options)
    }
  }

  @Test func aSampleIsThatOfTheNewPartitions() async throws {
    try await check(files: ["b.txt": Self.words, "c.txt": Self.words], first: Self.words) { lines, options in
      try await lines.randomSample(0.5, seed: 7).computePartitions(options)
    }
    try await check(files: ["b.txt": Self.words, "c.txt": Self.words], first: Self.words) { lines, options in
      try await lines.sample(10, seed: 7).compute(options) + lines.choices(10, seed: 7).compute(options)
    }
  }

  @Test func equalCountsAreOrderedByTheNewFirstOccurrence() async throws {
    try await check(files: ["b.txt": "x\ny\n", "c.txt": "z\n"], first: "z\ny\nx\n") { lines, options in
      try await lines.sortedFrequencies().computePartitions(options)
    }
  }

  @Test func moreInputPartitionsAreCutIntoFewerPieces() async throws {
    try await check(files: ["b.txt": Self.words, "c.txt": Self.words], first: Self.words) { lines, options in
      try await lines.repartition(into: 6).computePartitions(options)
    }
  }
}

/// What is said of the step that writes files holds for the stage that does it.
@Suite struct WrittenFilesTests {
  private final class GraphSeen: TaskObserver {
    let graph = Mutex<TaskGraph?>(nil)
    func computationWillStart(_ graph: TaskGraph) { self.graph.withLock { $0 = graph } }
  }

  @Test func optionsReachTheStageThatWrites() async throws {
    let folder = try TemporaryFolder()
    let seen = GraphSeen()
    var options = ComputeOptions(memory: nil, workers: 2)
    options.observers = [seen]
    let calls = Counter()
    struct Flaky: Error {}
    let lines = Bag(["a", "b"], partitions: 1).map { line in
      if calls.add() < 3 { throw Flaky() }
      return line
    }
    let files = try lines.toTextFiles(folder.path + "/out-*.txt").retries(3, delay: 0.001).priority(5).timeout(60)
    #expect(try await files.compute(options).count == 1)
    let policy = try #require(seen.graph.withLock { $0?.stages.first { $0.op.name == "swift.toTextFiles" } }).policy
    #expect(policy.retries == 3)
    #expect(policy.priority == 5)
    #expect(policy.timeout == 60)
    #expect(try String(contentsOfFile: folder.path + "/out-0.txt", encoding: .utf8) == "a\nb")
  }

  @Test func filesThatAreThereAreNotWrittenAgain() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 2, state: folder.path + "/state")
    let calls = Counter()
    func write(version: Int) async throws {
      let lines = Bag(["a", "b"], partitions: 1).map { line in
        calls.add()
        return line + "\(version)"
      }.named("lines", version: version)
      _ = try await lines.toTextFiles(folder.path + "/out-*.txt").named("report").compute(options)
    }
    for (version, expected) in [(1, 2), (1, 2), (2, 4)] {
      try await write(version: version)
      #expect(calls.value == expected)
      #expect(
        try String(contentsOfFile: folder.path + "/out-0.txt", encoding: .utf8) == "a\(version)\nb\(version)")
    }
  }

  @Test func aReductionThatReadsWhatAnotherStageWritesIsRefused() async throws {
    let folder = try TemporaryFolder()
    try Data("old\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/out-0.txt"))
    let files = try Bag(["new"]).toTextFiles(folder.path + "/out-*.txt")
    let count = try Bag.readText(folder.path + "/out-0.txt").filter { !$0.isEmpty }.count()
    let error = await #expect(throws: GraphError.self) { try await compute(files, count) }
    #expect(error?.code == .fileClash)
    #expect(error?.message.contains(folder.path + "/out-0.txt") == true)
    #expect(try String(contentsOfFile: folder.path + "/out-0.txt", encoding: .utf8) == "old\n")
  }
}
