import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Texts to a sparse matrix in the real program, read again by Python's own zipfile and struct.
@Suite struct TermsTests {
  private static let dag = """
    version: 1
    parameters: {blocksize: 2KB, output: out}
    tasks:
      lines: {op: text.read, with: {files: lines.txt, blocksize: "${blocksize}"}}
      tokenized: {op: text.tokenize, from: lines, with: {column: text, into: tokens}}
      dictionary: {op: text.fitDictionary, from: tokenized, with: {no_below: 2}}
      weighed: {op: text.tfidf, from: [tokenized, dictionary]}
      matrix: {op: npz.write, from: [weighed, dictionary], with: {path: "${output}/tfidf.npz"}}
      rows: {op: jsonl.write, from: weighed, with: {directory: "${output}/rows", name: "part-{index}.jsonl"}}
    """

  private static let reader = """
    import json, struct, sys, zipfile, ast, glob
    archive = zipfile.ZipFile(sys.argv[1])
    assert archive.testzip() is None
    def array(name):
        data = archive.read(name + ".npy")
        assert data[:8] == b"\\x93NUMPY\\x01\\x00"
        length = struct.unpack("<H", data[8:10])[0]
        head = ast.literal_eval(data[10:10 + length].decode())
        body = data[10 + length:]
        if head["descr"] == "|S3":
            return body.decode()
        letter = {"<i4": "i", "<i8": "q", "<f8": "d"}[head["descr"]]
        return list(struct.unpack("<%d%s" % (head["shape"][0], letter), body))
    assert array("format") == "csr", array("format")
    data, indices, starts, shape = array("data"), array("indices"), array("indptr"), array("shape")
    rows = [json.loads(line) for path in sorted(glob.glob(sys.argv[2] + "/*")) for line in open(path)]
    assert shape == [len(rows), max(indices) + 1], shape
    assert len(starts) == len(rows) + 1 and starts[-1] == len(data) == len(indices)
    for number, row in enumerate(rows):
        part = slice(starts[number], starts[number + 1])
        assert indices[part] == row["ids"] and data[part] == row["weights"], number
    print("rows", len(rows), "values", len(data))
    """

  @Test func aMatrixIsWhatItsRowsAre() throws {
    try TestFiles.withFolder { folder in
      let words = ["graph", "task", "memory", "disk", "page", "run", "state", "kill", "resume", "Spill"]
      let lines = (0..<600).map { line in
        (0..<(line % 13)).map { words[($0 * 7 + line * line) % words.count] + (line % 50 == 0 ? "\(line)" : "") }
          .joined(separator: " ")
      }
      try TestFiles.write(lines.map { $0 + "\n" }.joined(), to: folder + "/lines.txt")
      try TestFiles.write(Self.dag, to: folder + "/dag.yaml")
      try TestFiles.write(Self.reader, to: folder + "/read.py")
      #expect(try Program.run("run", "dag.yaml", in: folder).status == 0)
      let matrix = try Data(contentsOf: URL(fileURLWithPath: folder + "/out/tfidf.npz"))
      let other = try Program.run(
        "run", "dag.yaml", "--set", "blocksize=64KB", "--set", "output=other", "--memory", "64MB", "--workers", "1",
        in: folder)
      #expect(other.status == 0, "\(other.output)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/other/tfidf.npz")) == matrix)
      let python = Process()
      let pipe = Pipe()
      python.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      python.arguments = ["python3", "read.py", "other/tfidf.npz", "other/rows"]
      python.currentDirectoryURL = URL(fileURLWithPath: folder)
      python.standardOutput = pipe
      python.standardError = pipe
      try python.run()
      let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      python.waitUntilExit()
      if python.terminationStatus == 127 {
        print("skipped: there is no python3 to read the matrix")
      } else {
        #expect(python.terminationStatus == 0 && said.hasPrefix("rows 600 "), "\(said)")
      }
    }
  }

  /// `examples/arxiv/terms.yaml`: the same bytes in little memory and after kills; a label for each row.
  @Test func theExampleSurvivesKills() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(4000, files: 6, in: folder)
      _ = try FileManager.default.copyItem(
        atPath: TestFiles.root + "/examples/arxiv/terms.yaml", toPath: folder + "/terms.yaml")
      #expect(try Program.run("run", "terms.yaml", in: folder).status == 0)
      let bytes = Pipelines.contents(of: folder + "/out-terms")
      #expect(bytes.count == 5)
      for name in ["out-terms", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
      var kills = 0
      for attempt in 0..<6 {
        let program = try Program(["run", "terms.yaml", "--memory", "64MB"], in: folder)
        Thread.sleep(forTimeInterval: Double(attempt + 1) * 0.02)
        kill(program.process.processIdentifier, SIGKILL)
        if program.wait().status != 0 { kills += 1 }
      }
      #expect(kills > 0)
      let rest = try Program.run("run", "terms.yaml", "--memory", "64MB", in: folder)
      #expect(rest.status == 0, "\(rest.output)")
      #expect(Pipelines.contents(of: folder + "/out-terms") == bytes)
      let rows = try ["train", "validation"].map { part in
        try TestFiles.text(folder + "/out-terms/\(part).csv").split(separator: "\n").count - 1
      }
      #expect(rows[0] + rows[1] == 4000 && rows[1] > 650 && rows[1] < 950, "\(rows)")
    }
  }

  /// `examples/arxiv/classify.yaml`: the same models in little memory and after kills, which tell categories apart.
  @Test func theClassifierSurvivesKills() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(3000, files: 4, in: folder)
      for name in ["terms.yaml", "classify.yaml"] {
        try FileManager.default.copyItem(
          atPath: TestFiles.root + "/examples/arxiv/" + name, toPath: folder + "/" + name)
      }
      func result(_ arguments: String...) throws -> String {
        let shown = try Program(["result"] + arguments + ["--file", "classify.yaml"], in: folder).wait()
        #expect(shown.status == 0, "\(shown.output)")
        return shown.output
      }
      #expect(try Program.run("run", "classify.yaml", in: folder).status == 0)
      let picture = try TestFiles.text(folder + "/out-classify/curves.svg")
      let scores = try result("scores", "--json")
      let model = try result("model@Physics-4", "--rows", "100000")
      for name in ["out-classify", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
      var kills = 0
      for attempt in 0..<8 {
        let program = try Program(["run", "classify.yaml", "--memory", "64MB", "--workers", "1"], in: folder)
        Thread.sleep(forTimeInterval: Double(attempt + 1) * 0.05)
        kill(program.process.processIdentifier, SIGKILL)
        if program.wait().status != 0 { kills += 1 }
      }
      #expect(kills > 0)
      let rest = try Program.run("run", "classify.yaml", "--memory", "64MB", in: folder)
      #expect(rest.status == 0, "\(rest.output)")
      #expect(try TestFiles.text(folder + "/out-classify/curves.svg") == picture)
      #expect(try result("scores", "--json") == scores && result("model@Physics-4", "--rows", "100000") == model)

      struct Score: Decodable {
        var curve: String
        var average_precision: Double
      }
      let found = try JSONDecoder().decode([Score].self, from: Data(scores.utf8))
      #expect(found.count == 15 && found.filter { $0.curve == "Physics" }.allSatisfy { $0.average_precision > 0.9 })
      let document = XMLParser(data: Data(picture.utf8))
      #expect(document.parse() && picture.contains("Quantitative Biology, C = "))
      let plot = try result("best", "--chart", "--x", "recall", "--y", "precision", "--by", "curve", "--rows", "12")
      #expect(plot.contains("a  Computer Science\n") && plot.split(separator: "\n").count == 12 + 9, "\(plot)")
      let refused = try Program.run(
        "result", "best", "--chart", "--x", "recal", "--y", "precision", "--file", "classify.yaml", in: folder)
      #expect(refused.status == 64 && refused.errors.contains("did you mean \"recall\""), "\(refused)")
    }
  }

  /// Every DAG file in docs/learn.md.
  @Test func theDocumentedFilesRun() throws {
    let blocks = try TestFiles.text(TestFiles.root + "/docs/learn.md").components(separatedBy: "```yaml\n").dropFirst()
    #expect(!blocks.isEmpty)
    for block in blocks {
      try TestFiles.withFolder { folder in
        try Pipelines.sample(600, files: 2, in: folder)
        try TestFiles.write(block.components(separatedBy: "```")[0], to: folder + "/dag.yaml")
        let outcome = try Program.run("run", "dag.yaml", in: folder)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
      }
    }
  }
}
