import Foundation
import GRDB
import TestSupport
import Testing

/// Files larger than `--memory`, and records that are large beside it.
@Suite(.serialized) struct LargeFileTests {
  private static let bound = 96 << 20

  private static func paper(_ number: Int, _ abstract: String) -> String {
    "\"\(number)\": {\"abstract\": \"\(abstract)\", \"categories\": {\"c\": {\"main_category\": \"Physics\"}}}"
  }

  /// Writes records between `opening` and `closing`, the one at `place` with a long text.
  private static func write(
    _ path: String, count: Int, large: Int = 0, at place: Int = -1, opening: String = "", separator: String = "\n",
    closing: String = "", record: (Int, String) -> String
  ) throws {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let file = try #require(FileHandle(forWritingAtPath: path))
    let text = String(repeating: #"a {\"word\"}, and \\ another; "#, count: 40)
    var block = opening
    for number in 0..<count {
      if number > 0 { block += separator }
      block += record(number, number == place ? String(repeating: "long ", count: large / 5) : text)
      if block.utf8.count > 1 << 20 {
        file.write(Data(block.utf8))
        block = ""
      }
    }
    file.write(Data((block + closing).utf8))
    try file.close()
  }

  private func run(_ op: String, _ options: String, in folder: String) throws -> Program.Outcome {
    try TestFiles.write(
      """
      tasks:
        records: {op: \(op), with: {\(options)}}
        count: {op: bag.count, from: records}
      """, to: folder + "/dag.yaml")
    return try Program(["run", "dag.yaml", "--memory", "96MB", "--json"], in: folder).wait()
  }

  private func count(in folder: String) throws -> String {
    try Program(["result", "count", "--file", "dag.yaml"], in: folder).wait().output
  }

  @Test(
    "A file of twice the bound is read within it, whole or with a record of several blocks", arguments: [0, 14 << 20])
  func largeFiles(large: Int) throws {
    try TestFiles.withFolder { folder in
      let count = 170_000
      try LargeFileTests.write(
        folder + "/keyed.json", count: count, large: large, at: 100_000, opening: "{", separator: ", ", closing: "}",
        record: LargeFileTests.paper)
      try LargeFileTests.write(folder + "/lines.jsonl", count: count, large: large, at: 100_000) {
        "{\"id\": \"\($0)\", \"abstract\": \"\($1)\", \"categories\": \"cs.LG\"}"
      }
      for (op, file) in [("arxiv.read", "keyed.json"), ("arxiv.read", "lines.jsonl"), ("jsonl.read", "lines.jsonl")] {
        let outcome = try run(op, "files: \(file), blocksize: 5MB", in: folder)
        #expect(outcome.status == 0, "\(op) \(file): \(outcome.errors)")
        #expect(outcome.peakResident <= LargeFileTests.bound, "\(op) \(file): \(outcome.peakResident >> 20) MB")
        #expect(try self.count(in: folder).contains("\(count)"), "\(op) \(file)")
      }
    }
  }

  @Test("A record larger than the bound is an error that names it, its size and the remedy")
  func largeRecords() throws {
    try TestFiles.withFolder { folder in
      let large = 150 << 20
      try LargeFileTests.write(
        folder + "/keyed.json", count: 1000, large: large, at: 700, opening: "{", separator: ", ", closing: "}",
        record: LargeFileTests.paper)
      try LargeFileTests.write(folder + "/lines.jsonl", count: 1000, large: large, at: 700) {
        "{\"id\": \"\($0)\", \"abstract\": \"\($1)\", \"categories\": \"cs.LG\"}"
      }
      for (op, file, record, size) in [
        ("arxiv.read", "keyed.json", "700", "150 MB"), ("arxiv.read", "lines.jsonl", "line 701", "150 MB"),
        ("jsonl.read", "lines.jsonl", "line 701", "150 MB"),
        ("text.read", "lines.jsonl", "line that begins at byte", "150 MB"),
      ] {
        let outcome = try run(op, "files: \(file), blocksize: 5MB", in: folder)
        #expect(outcome.status == 1, "\(op) \(file)")
        #expect(outcome.peakResident <= LargeFileTests.bound, "\(op) \(file): \(outcome.peakResident >> 20) MB")
        let said = outcome.errors + outcome.output
        for words in [file, record, size, "--memory 96.0 MB leaves", "resume with --memory"] {
          #expect(said.contains(words), "\(op) \(file) \(words): \(said)")
        }
      }
    }
  }

  @Test("A text file of one line is read where it fits, and attempts are not counted for want of room")
  func oneLine() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(String(repeating: "word ", count: 4 << 20), to: folder + "/line.txt")
      for options in ["files: line.txt", "files: line.txt, blocksize: 1MB"] {
        let outcome = try run("text.read", options, in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.peakResident <= LargeFileTests.bound, "\(outcome.peakResident >> 20) MB")
        #expect(try count(in: folder).contains("1"))
        let most = try DatabaseQueue(path: folder + "/.graphrun/state.sqlite").read {
          try Int.fetchOne($0, sql: "SELECT max(number) FROM v1_tasks")
        }
        #expect(most == 1)
      }
    }
  }
}
