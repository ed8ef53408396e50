import Foundation
import TestSupport
import Testing

/// The issue's main job on real files, against what the tutorial's own pandas code wrote (pandas 3.1.1).
@Suite struct ArxivTests {
  private static func records(_ path: String) throws -> [[String: Any]] {
    try TestFiles.text(path).split(separator: "\n").map { line in
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
    }
  }

  /// The order in which the columns stand in a line. No token can hold `"name":`, its quotes would be escaped.
  private static func columnOrder(_ line: Substring, among names: some Collection<String>) -> [String] {
    names.compactMap { name in line.range(of: "\"\(name)\":").map { (name, $0.lowerBound) } }
      .sorted { $0.1 < $1.1 }.map(\.0)
  }

  @Test(
    "On the real files the output equals the golden record by record, columns in the same order",
    .enabled(if: TestFiles.shared != nil, "the real files lie in ../shared, which is not here"))
  func golden() throws {
    let shared = try #require(TestFiles.shared)
    try TestFiles.withFolder { folder in
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let outcome = try Program.run("run", file, "--set", "input=\(shared)/data/arxiv/raw/*.json", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let names = TestFiles.names(in: shared + "/data/arxiv/golden")
      #expect(TestFiles.names(in: folder + "/out") == names)
      for name in names {
        let ours = try Self.records(folder + "/out/" + name)
        let golden = try Self.records(shared + "/data/arxiv/golden/" + name)
        #expect(ours.count == golden.count)
        for (our, theirs) in zip(ours, golden) { #expect(NSDictionary(dictionary: our).isEqual(to: theirs)) }
        let ourLine = try #require(TestFiles.text(folder + "/out/" + name).split(separator: "\n").first)
        let goldenLine = try #require(
          TestFiles.text(shared + "/data/arxiv/golden/" + name).split(separator: "\n").first)
        let columns = try #require(golden.first).keys
        #expect(Self.columnOrder(ourLine, among: columns) == Self.columnOrder(goldenLine, among: columns))
      }
      let totals = try Program.run("result", "totals", "--file", file, "--json", in: folder).json()
      for category in Pipelines.categories {
        let expected = try names.reduce(0) { sum, name in
          try sum + Self.records(shared + "/data/arxiv/golden/" + name).reduce(0) { $0 + ($1[category] as? Int ?? 0) }
        }
        #expect(totals[category] as? Int == expected, "\(category)")
      }
    }
  }

  @Test(
    "The public snapshot's layout gives the same records as the keyed one",
    .enabled(if: TestFiles.shared != nil, "the real files lie in ../shared, which is not here"))
  func snapshot() throws {
    let shared = try #require(TestFiles.shared)
    try TestFiles.withFolder { folder in
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let slice = shared + "/data/arxiv/arxiv-metadata-oai-slice.jsonl"
      #expect(try Program.run("run", file, "--set", "input=\(slice)", in: folder).status == 0)
      let ours = try Self.records(folder + "/out/arxiv-metadata-oai-slice.jsonl")
      #expect(ours.count == 1000)
      // The first thousand papers of the snapshot are those of the two keyed files.
      let keyed = try ["arXiv_metadata_000000000000.json", "arXiv_metadata_000000000001.json"].flatMap {
        try Self.records(shared + "/data/arxiv/golden/" + $0)
      }
      let same = zip(ours, keyed).filter { NSDictionary(dictionary: $0.0).isEqual(to: $0.1) }.count
      #expect(same > 950, "\(same) of \(keyed.count) are the same")
    }
  }

  @Test("Both sample layouts hold the same papers, and the same seed gives the same bytes")
  func samples() throws {
    try TestFiles.withFolder { folder in
      for (layout, place) in [("keyed", "a"), ("keyed", "b"), ("snapshot", "c")] {
        try FileManager.default.createDirectory(atPath: folder + "/" + place, withIntermediateDirectories: true)
        try Pipelines.sample(300, files: 3, seed: 7, layout: layout, in: folder + "/" + place)
      }
      #expect(Pipelines.contents(of: folder + "/a/data") == Pipelines.contents(of: folder + "/b/data"))
      var totals: [[String: Any]] = []
      for place in ["a", "c"] {
        let file = try Pipelines.copy(Pipelines.arxiv, to: folder + "/" + place)
        #expect(try Program.run("run", file, "--set", "input=\(folder)/\(place)/data/*", in: folder).status == 0)
        totals.append(try Program.run("result", "totals", "--file", file, "--json", in: folder).json())
      }
      #expect(NSDictionary(dictionary: totals[0]).isEqual(to: totals[1]))
    }
  }

  @Test(
    "A second run does nothing and says so; a touched file redoes its tasks and the totals; a parameter what it reaches"
  )
  func upToDate() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(200, files: 4, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let first = try Program.run("run", file, "--json", in: folder).json()
      #expect(first["done"] as? Int == 4 + 4 + 4 + 4 + 1)
      let second = try Program.run("run", file, in: folder)
      #expect(second.status == 0)
      #expect(second.output == "arxiv is up to date: nothing to do (17 tasks)\n")

      let touched = folder + "/data/arXiv_metadata_000000000002.json"
      try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: touched)
      let plan = try Program.run("plan", file, in: folder).output
      #expect(plan.contains("papers[2]: \(touched) has changed"), "\(plan)")
      #expect(plan.contains("totals: its input totals[2] changes"), "\(plan)")
      let explained = try Program.run("explain", "written[2]", "--file", file, in: folder).output
      #expect(explained.contains("written[2] would run: its input prepared[2] changes"), "\(explained)")
      #expect(explained.contains("because papers[2] runs: \(touched) has changed"), "\(explained)")
      #expect(try Program.run("run", file, "--json", in: folder).json()["done"] as? Int == 5)

      let changed = try Program.run("run", file, "--set", "categories=[Physics]", "--json", in: folder).json()
      #expect(changed["done"] as? Int == 17)
      try FileManager.default.removeItem(atPath: folder + "/out/arXiv_metadata_000000000001.json")
      let missing = try Program.run("plan", file, "--set", "categories=[Physics]", in: folder).output
      #expect(missing.contains("written[1]: \(folder)/out/arXiv_metadata_000000000001.json is missing"), "\(missing)")
      #expect(missing.contains("papers[1]: prepared[1] needs it, and its result was not kept"), "\(missing)")
    }
  }

  @Test("The two-pass example gives every file the same columns, all of them found in the data")
  func twoPasses() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(300, files: 3, in: folder)
      let file = try Pipelines.copy(Pipelines.twoPasses, to: folder)
      #expect(try Program.run("run", file, in: folder).status == 0)
      let names = TestFiles.names(in: folder + "/out-two-passes")
      #expect(names.count == 3)
      let columns = try names.map { try Set(Self.records(folder + "/out-two-passes/" + $0)[0].keys) }
      #expect(Set(columns).count == 1)
      #expect(columns[0].contains("Physics"))
    }
  }

  @Test("Names with blanks and other scripts are fine, in files, folders and results")
  func names() throws {
    try TestFiles.withFolder { folder in
      let odd = folder + "/Прочее und mehr"
      try TestFiles.write("{\(Pipelines.paper("0704.0001"))}", to: odd + "/données 1 [x].json")
      let file = try Pipelines.copy(Pipelines.arxiv, to: odd)
      let outcome = try Program.run("run", file, "--set", "input=données*.json", in: odd)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(TestFiles.names(in: odd + "/out") == ["données 1 [x].json"])
    }
  }
}
