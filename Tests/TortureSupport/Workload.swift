import Foundation

/// What is run, killed and resumed, and how its results are checked.
protocol Workload {
  /// For messages.
  var name: String { get }
  /// How much there is to do, in units of which only the relation counts: bytes through tasks.
  var work: Double { get }
  /// Writes the DAG file.
  func prepare(_ bench: Bench) throws
  /// What must hold at any moment.
  func checkAfterKill(_ bench: Bench) throws
  /// What must hold at the end.
  func checkEnd(_ bench: Bench) throws
}

extension DebugGraph: Workload {
  var work: Double { Double(size.bytes + size.tasks * DebugGraph.bytesPerTask) }

  /// What a task costs beside its bytes.
  private static let bytesPerTask = 200_000

  func prepare(_ bench: Bench) throws { try bench.write(self) }
  func checkAfterKill(_ bench: Bench) throws {}
  func checkEnd(_ bench: Bench) throws { try bench.expectResults(of: self) }
}

/// Made-up papers that become JSON lines: output files of a user's, compared byte for byte with an undisturbed run.
struct Papers: Workload {
  let folder: String
  let expected: [String: Data]
  let totals: String
  let items: Int

  var name: String { "papers" }
  var work: Double { Double(items) * 20_000 }

  /// Makes the papers and runs the pipeline once, undisturbed.
  init(program: String, folder: String, items: Int, files: Int, seed: UInt64) throws {
    let bench = try Bench(program: program, folder: folder)
    self.folder = folder
    self.items = items
    let sample = try bench.run(
      "sample", "arxiv", "--items", "\(items)", "--files", "\(files)", "--seed", "\(seed % 1000)", "--output",
      folder + "/data")
    guard sample.isDone else { throw ChildProcess.Failure(description: "sample: \(sample.said)") }
    try bench.write(Papers.text(data: folder + "/data", output: "out"))
    let run = try bench.finish(bench.start(bench.runArguments()))
    guard run.isDone else { throw ChildProcess.Failure(description: "the undisturbed run of papers: \(run.said)") }
    expected = Files.contents(of: folder + "/out")
    totals = try bench.run("result", "totals", "--file", bench.dagFile, "--json").output
  }

  static func text(data: String, output: String) -> String {
    """
    version: 1
    name: papers
    tasks:
      papers: {op: arxiv.read, with: {files: "\(data)/*.json"}}
      prepared: {op: arxiv.preprocess, from: papers, with: {categories: [Computer Science, Mathematics, Physics]}}
      written: {op: jsonl.write, from: prepared, with: {directory: "\(output)"}}
      totals: {op: bag.sum, from: prepared, with: {columns: [Computer Science, Mathematics, Physics]}}

    """
  }

  func prepare(_ bench: Bench) throws { try bench.write(Papers.text(data: folder + "/data", output: "out")) }

  /// Whatever stands under a final name is whole.
  func checkAfterKill(_ bench: Bench) throws { checkFiles(bench, in: bench.folder + "/out") }

  func checkFiles(_ bench: Bench, in output: String) {
    for (name, bytes) in Files.contents(of: output) where bytes != expected[name] {
      bench.report(
        .wrong, "\(name) has \(bytes.count) bytes, and must have \(expected[name]?.count ?? 0), or others")
    }
  }

  func checkEnd(_ bench: Bench) throws { try checkEnd(bench, in: bench.folder + "/out") }

  func checkEnd(_ bench: Bench, in output: String) throws {
    checkFiles(bench, in: output)
    let written = Files.names(in: output)
    bench.expect(
      written == expected.keys.sorted(), "\(written.count) files are written, and must be \(expected.count)",
      kind: .lost)
    let totals = try bench.run("result", "totals", "--file", bench.dagFile, "--json")
    bench.expect(totals.output == self.totals, "totals: \(totals.said)", kind: .wrong)
  }
}
