import Foundation
import TestSupport
import Testing

/// Operations on tables in the real program: beside DuckDB and SQLite, within little memory, as the docs show them.
@Suite(.serialized) struct TableTests {
  @Test(.timeLimit(.minutes(10))) func randomTablesGiveWhatDuckDBAndSQLiteGive() throws {
    let script = TestFiles.root + "/Tests/TableDifferential/differential"
    try TestFiles.withFolder { folder in
      let outcome = try Program.run(
        "--rounds", "4", "--cases", "60", "--seed", "11", "--program", Program.path, "--keep", folder, in: folder,
        path: script)
      // 2: Python or PyPI is not to be had.
      guard outcome.status != 2 else {
        print("skipped: DuckDB cannot be had here: \(outcome.errors.suffix(300))")
        return
      }
      #expect(outcome.status == 0, "\(outcome.output.suffix(4000)) \(outcome.errors.suffix(2000))")
      #expect(outcome.output.contains("240 cases") && outcome.output.contains(": 0 differences"))
    }
  }

  /// Every DAG file in docs/tables.md.
  @Test func theExamplesInTheDocsRun() throws {
    let blocks = try TestFiles.text(TestFiles.root + "/docs/tables.md").components(separatedBy: "```yaml\n").dropFirst()
      .map { $0.components(separatedBy: "```\n")[0] }
    #expect(blocks.count >= 6)
    for block in blocks {
      try TestFiles.withFolder { folder in
        for (path, from) in [("data/a", 0), ("data/b", 50), ("data/2023/a", 0), ("data/2024/a", 100)] {
          let lines = (from..<from + 50).map {
            #"{"id":\#($0),"cust":"c\#($0 % 7)","page":"/\#($0 % 2 == 0 ? "a" : "b")","amount":\#($0 % 5 - 1),"#
              + #""day":"2024-01-1\#($0 % 10)","zip":\#(1000 + $0),"name":\#($0 % 3 == 0 ? "null" : "\"x\($0)\""),"#
              + #""time":"2024-01-01 0\#($0 % 10):00:00"}"#
          }
          try TestFiles.write(lines.joined(separator: "\n") + "\n", to: "\(folder)/\(path).jsonl")
        }
        try TestFiles.write(#"{"page":"/a","title":"A"}"# + "\n", to: folder + "/pages.jsonl")
        try TestFiles.write(block, to: folder + "/dag.yaml")
        let outcome = try Program.run("run", "dag.yaml", in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)\n\(block)")
      }
    }
  }

  private static let wide = """
    tasks:
      old: {op: jsonl.read, with: {files: "data/*.jsonl"}}
      new: {op: jsonl.read, with: {files: "more/*.jsonl"}}
      all: {op: table.concat, from: [old, new], with: {missing: null}}
      typed: {op: table.cast, from: all, with: {columns: {day: date, amount: float32}}}
      wanted: {op: table.filter, from: typed, with: {where: "amount between 1 and 90 and text not matches 'word 7 '"}}
      some: {op: table.sample, from: wanted, with: {fraction: 0.8, seed: 3}}
      parts: {op: table.repartition, from: some, with: {partitions: 7}}
      daily: {op: sql, from: parts, with: {query: "SELECT day, text, amount, extra FROM parts ORDER BY amount, text"}}
      written: {op: jsonl.write, from: daily, with: {directory: out, name: "{index}.jsonl"}}
    """

  private static func makeRecords(in folder: String) throws {
    for (name, files) in [("data", 20), ("more", 10)] {
      for file in 0..<files {
        var text = ""
        for row in 0..<4000 {
          let number = (file * 4000 + row) * 7919 % 1009
          let extra = name == "more" ? #","extra":\#(row)"# : ""
          text +=
            #"{"day":"2024-02-0\#(1 + number % 9)","amount":\#(Double(number % 100) / 2),"text":"\#(String(repeating: "word \(number % 50) ", count: 20))"\#(extra)}"#
          text += "\n"
        }
        try TestFiles.write(text, to: "\(folder)/\(name)/part-\(file + 100).jsonl")
      }
    }
    try TestFiles.write(wide, to: folder + "/dag.yaml")
  }

  @Test func littleMemoryGivesTheSameBytesAsMuch() throws {
    try TestFiles.withFolder { folder in
      try Self.makeRecords(in: folder)
      let small = try Program.run("run", "dag.yaml", "--memory", "64MB", in: folder)
      #expect(small.status == 0, "\(small.errors)")
      #expect(small.peakResident <= 64 << 20, "peak \(small.peakResident >> 20) MB")
      let bytes = Pipelines.contents(of: folder + "/out")
      #expect(bytes.count == 7 && bytes.values.allSatisfy { $0.count > 100_000 })
      for name in ["out", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
      let large = try Program.run("run", "dag.yaml", "--memory", "1GB", "--workers", "1", in: folder)
      #expect(large.status == 0, "\(large.errors)")
      #expect(Pipelines.contents(of: folder + "/out") == bytes)
      let again = try Program.run("run", "dag.yaml", "--json", in: folder)
      #expect(try again.status == 0 && again.json()["done"] as? Int == 0, "\(again.output)")
    }
  }

  /// Two sides of 60 MB each, joined within 64.
  @Test func aJoinOfTwoLargeSidesFitsAndASmallSideThatIsNoneIsRefusedBeforeItIsTried() throws {
    try TestFiles.withFolder { folder in
      let rows = 60_000
      for (name, files) in [("left", 6), ("right", 6)] {
        for file in 0..<files {
          var text = "id,\(name),\(name)_text\n"
          for number in 0..<rows {
            // Every third of the right's ids is on the left, two times each.
            let id = name == "left" ? (file * rows + number) / 2 * 3 : file * rows + number
            text += "\(id),\(number),\(String(repeating: "\(name) \(id) ", count: 8))\n"
          }
          try TestFiles.write(text, to: "\(folder)/\(name)/\(file).csv")
        }
      }
      func dag(_ strategy: String) throws {
        try TestFiles.write(
          """
          tasks:
            left: {op: csv.read, with: {files: "left/*.csv", blocksize: 4MB}}
            right: {op: csv.read, with: {files: "right/*.csv", blocksize: 4MB}}
            both: {op: table.join, from: [left, right], with: {on: id, \(strategy)}}
            sorted: {op: table.sort, from: both, with: {by: [id, left], partitions: 40}}
            written: {op: csv.write, from: sorted, with: {path: out.csv}}
          """, to: folder + "/dag.yaml")
      }
      try dag("strategy: broadcast")
      let refused = try Program.run("run", "dag.yaml", "--memory", "64MB", in: folder)
      #expect(refused.status != 0 && refused.peakResident <= 64 << 20)
      for word in ["both.table", "it needs about", "--memory", "strategy: partitioned"] {
        #expect(refused.errors.contains(word) || refused.output.contains(word), "\(word): \(refused.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/out.csv"))

      try dag("strategy: partitioned, partitions: 32")
      let small = try Program.run("run", "dag.yaml", "--memory", "64MB", in: folder)
      #expect(small.status == 0, "\(small.errors)")
      #expect(small.peakResident <= 64 << 20, "peak \(small.peakResident >> 20) MB")
      let bytes = try TestFiles.text(folder + "/out.csv")
      let lines = bytes.split(separator: "\n")
      #expect(lines.first == "id,left,left_text,right,right_text")
      #expect(lines.count == 1 + 6 * rows / 3 * 2)
      for name in ["out.csv", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
      try dag("strategy: broadcast")
      #expect(try Program.run("run", "dag.yaml", "--memory", "2GB", in: folder).status == 0)
      #expect(try TestFiles.text(folder + "/out.csv") == bytes)
    }
  }

  @Test func mistakesAreAnsweredBeforeTheRunWithTheirPlace() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write("{\"a\":1}\n", to: folder + "/x.jsonl")
      try TestFiles.write(
        """
        tasks:
          x: {op: jsonl.read, with: {files: x.jsonl}}
          y: {op: filter, from: x, with: {where: "a > 0"}}
          z: {op: table.filter, from: x, with: {where: "a > 0 or"}}
          q: {op: sql, from: x, with: {query: "SELECT a FROM input GROUP"}}
          c: {op: table.cast, from: x, with: {columns: {a: flaot64}}}
        """, to: folder + "/dag.yaml")
      let outcome = try Program.run("run", "dag.yaml", in: folder)
      #expect(outcome.status == 65)
      for words in [
        "dag.yaml:3:11: task \"y\": there is no operation \"filter\"; did you mean \"table.filter\"?",
        "dag.yaml:4:48: task \"z\": parameter \"where\": here a column or a value should stand (column 9, at the end)",
        "dag.yaml:5:39: task \"q\": parameter \"query\": the query cannot be run: incomplete input",
        "did you mean \"float64\"?",
      ] { #expect(outcome.errors.contains(words), "\(words)\n\(outcome.errors)") }
    }
  }
}
