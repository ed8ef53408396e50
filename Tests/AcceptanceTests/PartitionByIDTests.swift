import Foundation
import GRDB
import TestSupport
import Testing

/// `partition.byID` in the real program: what comes out, within little memory, and after kills.
@Suite(.serialized) struct PartitionByIDTests {
  private static let dag = """
    tasks:
      records: {op: jsonl.read, with: {files: "data/*.jsonl"}}
      byAuthor: {op: partition.byID, from: records, with: {key: author, partitions: 8}, keep: true}
      written: {op: jsonl.write, from: byAuthor, with: {directory: out, name: "{index}.jsonl"}}
    """

  /// Records of 500 authors, a few of whom write the most, and some of nobody.
  private static func makeRecords(_ files: Int, _ rows: Int, in folder: String, author: String? = nil) throws {
    var random = SeededRandom(seed: 7)
    for file in 0..<files {
      var text = ""
      for row in 0..<rows {
        let number = Int(pow(500, Double.random(in: 0...1, using: &random)))
        let name = author ?? (number == 3 ? "null" : "\"Ärztin \(number)\"")
        text +=
          #"{"row":\#(file * rows + row),"author":\#(name),"text":"\#(String(repeating: "word ", count: 5 + number % 90))"}"#
        text += "\n"
      }
      try TestFiles.write(text, to: folder + "/data/part-\(file + 100).jsonl")
    }
    try TestFiles.write(dag, to: folder + "/dag.yaml")
  }

  private static func spillFiles(_ folder: String) -> [String] { TestFiles.names(in: folder + "/.graphrun/spill") }

  private static func forget(_ folder: String) throws {
    for name in ["out", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
  }

  @Test("Each author's records are in one file and in order, with little memory as with much")
  func memory() throws {
    try TestFiles.withFolder { folder in
      try Self.makeRecords(24, 3000, in: folder)
      let small = try Program.run("run", "dag.yaml", "--memory", "48MB", "--json", in: folder)
      #expect(small.status == 0, "\(small.errors)")
      #expect(small.peakResident <= 48 << 20, "peak \(small.peakResident >> 20) MB")
      let spilled = try #require(small.json()["spilled_bytes"] as? Int)
      #expect(spilled > 10 << 20, "spilled \(spilled)")
      #expect(Self.spillFiles(folder).isEmpty)
      let bytes = Pipelines.contents(of: folder + "/out")
      #expect(bytes.count == 8)

      var home: [Substring: String] = [:]
      var last: [Substring: Int] = [:]
      var records = 0
      for (name, data) in bytes {
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
          let fields = line.split(separator: ",", maxSplits: 2)
          let row = try #require(Int(fields[0].dropFirst(#"{"row":"#.count)))
          #expect(home[fields[1]] ?? name == name)
          #expect(last[fields[1]] ?? -1 < row)
          home[fields[1]] = name
          last[fields[1]] = row
          records += 1
        }
      }
      #expect(records == 24 * 3000)
      #expect(home.count > 200 && Set(home.values).count == 8)

      try Self.forget(folder)
      #expect(try Program.run("run", "dag.yaml", "--memory", "1GB", "--workers", "1", in: folder).status == 0)
      #expect(Pipelines.contents(of: folder + "/out") == bytes)
    }
  }

  @Test("Killed while it splits and while it gathers, resume ends with the same bytes and leaves nothing behind")
  func killed() throws {
    try TestFiles.withFolder { folder in
      try Self.makeRecords(12, 2000, in: folder)
      #expect(try Program.run("run", "dag.yaml", "--memory", "48MB", in: folder).status == 0)
      let bytes = Pipelines.contents(of: folder + "/out")
      try Self.forget(folder)

      func kill(_ verb: String, when isTime: () -> Bool) throws {
        let program = try Program([verb, "dag.yaml", "--memory", "48MB", "--workers", "1"], in: folder)
        while program.process.isRunning, !isTime() { usleep(500) }
        program.signal(SIGKILL)
        #expect(program.wait().status == -SIGKILL)
      }
      try kill("run") { Self.spillFiles(folder).contains { $0.hasPrefix("scratch-") } }
      #expect(!Self.spillFiles(folder).isEmpty)
      try kill("resume") { Pipelines.contents(of: folder + "/out").count >= 2 }
      for (name, written) in Pipelines.contents(of: folder + "/out") { #expect(written == bytes[name], "\(name)") }

      let resumed = try Program.run("resume", "dag.yaml", in: folder)
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(Pipelines.contents(of: folder + "/out") == bytes)
      #expect(Self.spillFiles(folder).isEmpty)
      #expect(try Program.run("run", "dag.yaml", in: folder).output.contains("is up to date"))
    }
  }

  @Test("plan, status, graph, explain and result know both halves")
  func verbs() throws {
    try TestFiles.withFolder { folder in
      try Self.makeRecords(3, 40, in: folder)
      #expect(
        try Program.run("validate", "dag.yaml", in: folder).output.contains("is valid: dag, 3 entries, 22 tasks"))
      let plan = try Program.run("plan", "dag.yaml", in: folder).output
      #expect(plan.contains("byAuthor.split  partition.byID    3"), "\(plan)")
      #expect(plan.contains("byAuthor        partition.byID    8"), "\(plan)")
      #expect(try Program.run("graph", "dag.yaml", in: folder).output.contains("byAuthor.split × 3"))
      let ops = try Program.run("ops", in: folder).output
      #expect(ops.contains(/partition\.byID +shuffle/), "\(ops)")
      #expect(try Program.run("run", "dag.yaml", in: folder).status == 0)
      #expect(
        try Program.run("status", "dag.yaml", "--dashboard", "tasks", in: folder).output.contains("byAuthor.split"))

      let explained = try Program.run("explain", "byAuthor[3]", "--file", "dag.yaml", in: folder).output
      #expect(explained.contains("byAuthor[3] is up to date"), "\(explained)")
      #expect(explained.contains("byAuthor.split[0], byAuthor.split[1], byAuthor.split[2]"), "\(explained)")
      let result = try Program.run(
        "result", "byAuthor[3]", "--file", "dag.yaml", "--json", "--rows", "1000", in: folder)
      let rows = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
      let written = try TestFiles.text(folder + "/out/3.jsonl").split(separator: "\n")
      #expect(rows.count == written.count && !rows.isEmpty)

      // Another number of partitions makes all of it again, another name nothing.
      try TestFiles.write(Self.dag.replacing("partitions: 8", with: "partitions: 9"), to: folder + "/dag.yaml")
      let changed = try Program.run("plan", "dag.yaml", in: folder).output
      #expect(changed.contains("byAuthor.split[0]: partitions: 8 → 9") || changed.contains("partitions"), "\(changed)")
    }
  }

  @Test("An author who does not fit into memory is named, and what helps")
  func tooLarge() throws {
    try TestFiles.withFolder { folder in
      try Self.makeRecords(12, 9000, in: folder, author: "\"Zoë\"")
      let outcome = try Program.run("run", "dag.yaml", "--memory", "48MB", in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.peakResident <= 48 << 20, "peak \(outcome.peakResident >> 20) MB")
      #expect(outcome.output.contains("its largest ID, \"Zoë\" in column \"author\", has"), "\(outcome.output)")
      #expect(outcome.output.contains("in 108000 records; more partitions do not divide an ID"), "\(outcome.output)")
      #expect(outcome.output.contains("a third of --memory"), "\(outcome.output)")
      let resumed = try Program.run("resume", "dag.yaml", "--memory", "1GB", in: folder)
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(Self.spillFiles(folder).isEmpty)
    }
  }
}
