import Foundation
import GraphRun
import Testing

@Suite struct TextTests {
  @Test func linesAreWrittenAndReadBack() async throws {
    let folder = try TemporaryFolder()
    let lines = Bag(["eins", "zwei", "drei · 3", "vier"], partitions: 3)
    for ending in ["txt", "txt.gz", "txt.zst"] {
      let paths = try await lines.toTextFiles(folder.path + "/lines-*.\(ending)").compute()
      #expect(paths.map { $0.split(separator: "/").last } == ["lines-0.\(ending)", "lines-1.\(ending)"])
      let read = try Bag.readText(folder.path + "/lines-*.\(ending)")
      #expect(try await read.computePartitions() == [["eins\n", "zwei"], ["drei · 3\n", "vier"]])
      #expect(try await read.stripped().compute() == ["eins", "zwei", "drei · 3", "vier"])
    }
  }

  @Test func blocksCutAFileBetweenLines() async throws {
    let folder = try TemporaryFolder()
    let text = (0..<1000).map { "line \($0)\n" }.joined()
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/a.txt"))
    let blocks = try Bag.readText(folder.path + "/a.txt", splitting: .blocksize(1000))
    #expect(blocks.partitionCount > 5)
    #expect(try await blocks.compute().joined() == text)
    let counts = try await blocks.split().map { $0[0] }.frequencies().compute()
    #expect(counts == [KeyValue(key: "line", value: 1000)])
  }

  @Test func jsonLinesAreValues() async throws {
    struct Visit: Codable, Sendable, Equatable {
      var customer: String
      var amount: Double?
    }
    let folder = try TemporaryFolder()
    let visits = (0..<100).map { Visit(customer: "c\($0 % 7)", amount: $0 % 5 == 0 ? nil : Double($0) / 4) }
    let paths = try await Bag(visits, partitions: 4).toJSONLines(folder.path + "/visits-*.jsonl.gz").compute()
    #expect(paths.count == 4)
    let typed = try Bag<Visit>.readJSONLines(folder.path + "/visits-*.jsonl.gz")
    #expect(try await typed.compute() == visits)
    let untyped = try Bag<JSONValue>.readJSONLines(folder.path + "/visits-*.jsonl.gz")
    let customers = try await untyped.pluck("customer").distinct().compute()
    #expect(Set(customers.compactMap(\.string)) == Set((0..<7).map { "c\($0)" }))
    #expect(try await untyped.pluck("amount", default: 0).map { $0.double ?? -1 }.min().compute() == 0)
    let error = await #expect(throws: ComputeError.self) { try await untyped.pluck("custmer").count().compute() }
    #expect("\(error!)".contains("did you mean \"customer\"?"))
  }

  @Test func aLineThatIsNoValueIsNamed() async throws {
    let folder = try TemporaryFolder()
    try Data("{\"a\": 1}\n\n{\"a\": oops}\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/x.jsonl"))
    let error = await #expect(throws: ComputeError.self) {
      try await Bag<[String: Int]>.readJSONLines(folder.path + "/x.jsonl").count().compute()
    }
    #expect("\(error!)".contains("x.jsonl: record line 3: it is no Dictionary<String, Int>"))
  }

  @Test func writtenFilesAreTakenOverWhereTheStateKnowsThem() async throws {
    let folder = try TemporaryFolder()
    let options = ComputeOptions(memory: nil, workers: 2, state: folder.path + "/state")
    let calls = Counter()
    func write() async throws -> [String] {
      try await Bag(["a", "b"], partitions: 2).map { text in
        calls.add()
        return text + "!"
      }.named("marked").toTextFiles(folder.path + "/out").compute(options)
    }
    let paths = try await write()
    #expect(paths == [folder.path + "/out/0.part", folder.path + "/out/1.part"])
    #expect(try await write() == paths)
    #expect(calls.value == 2)
    try FileManager.default.removeItem(atPath: paths[1])
    #expect(try await write() == paths)
    #expect(calls.value == 3)
    #expect(try String(contentsOfFile: paths[1], encoding: .utf8) == "b!")
  }
}
