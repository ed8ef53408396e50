import Foundation
import GraphRun
import TestSupport
import Testing

@Suite struct PipelineTests {
  private func totals(_ folder: String) throws -> Pipeline {
    var pipeline = Pipeline()
    try pipeline.add("rows", "jsonl.read", with: ["files": .string(folder + "/*.jsonl")])
    try pipeline.add("wanted", "table.filter", from: "rows", with: ["where": "n > 1"])
    try pipeline.add(
      "totals", "group.aggregate", from: "wanted",
      with: ["by": "key", "columns": ["total": ["sum": "n"], "rows": ["count": "*"]], "partitions": 1])
    try pipeline.add("written", "csv.write", from: "totals", with: ["path": .string(folder + "/out/totals.csv")])
    return pipeline
  }

  @Test func `A pipeline writes what a DAG file does, with a state folder or without`() async throws {
    try await TestFiles.withFolder { folder in
      try TestFiles.write("{\"key\":\"a\",\"n\":1}\n{\"key\":\"a\",\"n\":2}\n", to: folder + "/1.jsonl")
      try TestFiles.write("{\"key\":\"a\",\"n\":3}\n", to: folder + "/2.jsonl")
      let summary = try await totals(folder).run()
      #expect(summary.outcome == .done)
      let file = folder + "/out/totals.csv"
      #expect(try TestFiles.text(file) == "key,total,rows\na,5,2\n")
      try FileManager.default.removeItem(atPath: file)
      let durable = ComputeOptions(memory: nil, state: folder + "/state")
      #expect(try await totals(folder).run(durable).written.map(\.path) == [file])
      #expect(try TestFiles.text(file) == "key,total,rows\na,5,2\n")
      #expect(try await totals(folder).run(durable).outcome == .upToDate)
    }
  }

  @Test func `What fails is thrown with its task and cause`() async throws {
    try await TestFiles.withFolder { folder in
      try TestFiles.write("{\"key\":\"a\",\"n\":1}\nno JSON\n", to: folder + "/1.jsonl")
      let pipeline = try totals(folder)
      let error = await #expect(throws: ComputeError.self) { try await pipeline.run() }
      #expect(error?.failures.first?.key.stage == "rows" && error?.message.contains("line 2") == true)
    }
  }

  @Test func `Mistakes are answered when the task is added`() throws {
    var pipeline = Pipeline()
    let operation = #expect(throws: GraphError.self) { try pipeline.add("a", "csv.reed") }
    #expect(operation?.message == "there is no operation \"csv.reed\"; did you mean \"csv.read\"?")
    #expect(throws: ParameterError.self) { try pipeline.add("a", "debug.noop", with: ["partition": 3]) }
    let input = #expect(throws: GraphError.self) { try pipeline.add("a", "bag.count", from: "b") }
    #expect(input?.code == .unknownInput)
  }
}
