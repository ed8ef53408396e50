import Foundation
import TestSupport
import Testing

/// `files.manifest` in the real program: what it says of files is true, and the same whatever happened on the way.
@Suite(.serialized) struct ManifestTests {
  private static let pipeline = """
    tasks:
      records: {op: jsonl.read, with: {files: "data/*.jsonl"}}
      lines: {op: text.read, with: {files: words.txt}}
      some: {op: table.filter, from: records, with: {where: "amount > 10"}}
      parts: {op: jsonl.write, from: some, with: {directory: out/parts}}
      whole: {op: csv.write, from: some, with: {path: out/whole.csv}}
      packed: {op: text.write, from: some, with: {directory: out/packed, name: "{stem}.txt.gz"}}
      words: {op: text.write, from: lines, with: {directory: other}}
      copied:
        op: command
        from: parts
        with: {run: "cp {input} {output}", output: "out/copies/{name}"}
      manifest:
        op: files.manifest
        from: [parts, whole, packed, copied, words]
        with: {path: out/manifest.jsonl}
    """

  private struct Line: Codable {
    let path: String
    let rows: Int?
    let bytes: Int
    let checksum: String
  }

  private func prepare(_ folder: String, files: Int = 6, rows: Int = 500) throws {
    for file in 0..<files {
      let lines = (0..<rows).map { row in
        let number = (file * rows + row) * 7919 % 1009
        return #"{"amount":\#(number % 100),"text":"\#(String(repeating: "word \(number) ", count: 12))"}"#
      }
      try TestFiles.write(lines.joined(separator: "\n") + "\n", to: "\(folder)/data/part-\(file + 100).jsonl")
    }
    try TestFiles.write(
      (0..<20_000).map { "line \($0) of a text that is longer than a block\n" }.joined(), to: folder + "/words.txt")
    try TestFiles.write(ManifestTests.pipeline, to: folder + "/dag.yaml")
  }

  private func lines(_ folder: String) throws -> [Line] {
    try TestFiles.text(folder + "/out/manifest.jsonl").split(separator: "\n").map {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8))
    }
  }

  @Test func everyFileIsListedAsItIs() throws {
    try TestFiles.withFolder { folder in
      try prepare(folder)
      let outcome = try Program.run("run", "dag.yaml", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let lines = try lines(folder)
      let names = (100..<106).map { "part-\($0)" }
      #expect(
        lines.map(\.path) == names.map { "parts/\($0).jsonl" } + ["whole.csv"] + names.map { "packed/\($0).txt.gz" }
          + names.map { "copies/\($0).jsonl" } + ["../other/words.txt"])
      var rows = 0
      for (index, line) in lines.enumerated() {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out/\(line.path)"))
        #expect(line.bytes == bytes.count)
        if line.path.hasPrefix("parts/") {
          rows += line.rows ?? 0
          #expect(line.rows == bytes.count { $0 == UInt8(ascii: "\n") })
          // What a program copied is read; what a sink wrote is not.
          let copy = lines[index + 6 + 1 + 6]
          #expect(copy.checksum == line.checksum && copy.rows == nil)
        }
      }
      #expect(lines[6].rows == rows && rows > 1000)
      // By python-xxhash 4.1.0.
      #expect(lines.last?.checksum == "xxh128:345d6b4da8ef8c53950a9d7186b21170")
      #expect(Set(lines.map(\.checksum)).count == lines.count - 6)
    }
  }

  @Test func itIsWrittenAgainOnlyWhenItHasTo() throws {
    try TestFiles.withFolder { folder in
      try prepare(folder)
      #expect(try Program.run("run", "dag.yaml", "--memory", "64MB", in: folder).status == 0)
      let manifest = try TestFiles.text(folder + "/out/manifest.jsonl")
      func tasksDone() throws -> Int? {
        let outcome = try Program.run("run", "dag.yaml", "--json", in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try outcome.json()["done"] as? Int
      }
      #expect(try tasksDone() == 0)
      try FileManager.default.removeItem(atPath: folder + "/out/manifest.jsonl")
      #expect(try tasksDone() == 1)
      #expect(try TestFiles.text(folder + "/out/manifest.jsonl") == manifest)
      // A file that somebody spoilt is written again, with the same bytes.
      try TestFiles.write("x", to: folder + "/out/parts/part-103.jsonl")
      #expect(try tasksDone() ?? 0 > 1)
      #expect(try TestFiles.text(folder + "/out/manifest.jsonl") == manifest)
      try TestFiles.write(#"{"amount":99,"text":"x"}"# + "\n", to: folder + "/data/part-103.jsonl")
      #expect(try tasksDone() ?? 0 > 1)
      let other = try lines(folder)
      #expect(other[3].rows == 1 && other[3].bytes == 25)
      // A run of its own with other bounds says the same.
      let changed = try TestFiles.text(folder + "/out/manifest.jsonl")
      for name in ["out", "other", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
      #expect(try Program.run("run", "dag.yaml", "--memory", "1GB", "--workers", "1", in: folder).status == 0)
      #expect(try TestFiles.text(folder + "/out/manifest.jsonl") == changed)
    }
  }

  @Test func killedAndResumedItIsTheSame() throws {
    try TestFiles.withFolder { folder in
      try prepare(folder, files: 60, rows: 3000)
      let arguments = ["run", "dag.yaml", "--memory", "64MB", "--workers", "1"]
      let begin = Date()
      #expect(try Program(arguments, in: folder).wait().status == 0)
      let whole = max(Date().timeIntervalSince(begin), 0.2)
      let expected = Pipelines.contents(of: folder + "/out/parts")
      let manifest = try TestFiles.text(folder + "/out/manifest.jsonl")
      for name in ["out", "other", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
      var random = SeededRandom(seed: 4)
      var (kills, ended) = (0, false)
      for _ in 0..<100 where !ended {
        let program = try Program(arguments, in: folder)
        usleep(UInt32(Double.random(in: 0.05...0.35, using: &random) * whole * 1e6))
        program.signal(SIGKILL)
        ended = program.wait().status == 0
        kills += ended ? 0 : 1
        // It is there when it is whole, and then it is right.
        if TestFiles.exists(folder + "/out/manifest.jsonl") {
          #expect(try TestFiles.text(folder + "/out/manifest.jsonl") == manifest)
        }
      }
      #expect(kills >= 2)
      #expect(try Program.run("resume", "dag.yaml", in: folder).status == 0)
      #expect(try TestFiles.text(folder + "/out/manifest.jsonl") == manifest)
      #expect(Pipelines.contents(of: folder + "/out/parts") == expected)
    }
  }

  @Test func whatWritesNoFileIsRefusedBeforeTheRun() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write("{\"a\":1}\n", to: folder + "/x.jsonl")
      try TestFiles.write(
        """
        tasks:
          x: {op: jsonl.read, with: {files: x.jsonl}}
          said: {op: command, with: {run: "true"}}
          one: {op: files.manifest, from: x, with: {path: one.jsonl}}
          two: {op: files.manifest, from: said, with: {path: two.jsonl}}
        """, to: folder + "/dag.yaml")
      let outcome = try Program.run("run", "dag.yaml", in: folder)
      #expect(outcome.status == 65)
      #expect(
        outcome.errors.contains("\"x\" gives values in memory, and files.manifest reads files"), "\(outcome.errors)")
      try TestFiles.write(
        """
        tasks:
          said: {op: command, with: {run: "true"}}
          two: {op: files.manifest, from: said, with: {path: two.jsonl}}
        """, to: folder + "/dag.yaml")
      let nothing = try Program.run("run", "dag.yaml", in: folder)
      #expect(nothing.status != 0 && nothing.errors.contains("there is nothing to list"), "\(nothing.errors)")
    }
  }
}
