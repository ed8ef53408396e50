import Foundation
import Graph
import Testing

@testable import Tasks

@Suite(.enabled(if: DataFolder.isThere, Comment(rawValue: DataFolder.absence)))
struct ArxivGoldenTests {
  static let categories = [
    "Computer Science", "Mathematics", "Physics", "Quantitative Biology", "Quantitative Finance", "Statistics",
    "Economics", "Electrical Engineering and Systems Science",
  ]
  static let files = ["arXiv_metadata_000000000000.json", "arXiv_metadata_000000000001.json"]
  private var preprocess: [String: ParameterValue] { ["categories": .strings(ArxivGoldenTests.categories)] }

  private func keys(_ line: Substring) -> [String] {
    var copy = String(line)
    return copy.withUTF8 { bytes in
      var scan = JSONScan(bytes)
      var found: [String] = []
      while case .entry(let entry) = scan.next() { found.append(scan.text(entry.key)) }
      return found
    }
  }

  @Test(arguments: files)
  func theOutputEqualsTheGoldenRecordByRecord(name: String) throws {
    let papers = try Ops.read("arxiv.read", DataFolder.file("arxiv/raw/" + name))
    #expect(papers.names == ["id", "abstract", "main_cat_list"])
    let ours = try Ops.jsonLines(Ops.apply("arxiv.preprocess", preprocess, to: papers)).split(separator: "\n")
    let golden = try String(contentsOfFile: DataFolder.file("arxiv/golden/" + name), encoding: .utf8)
      .split(separator: "\n")
    try #require(ours.count == 500)
    try #require(golden.count == 500)
    for (ours, golden) in zip(ours, golden) {
      let a = try JSONSerialization.jsonObject(with: Data(ours.utf8)) as? NSDictionary
      let b = try JSONSerialization.jsonObject(with: Data(golden.utf8)) as? NSDictionary
      try #require(a == b)
      try #require(keys(ours) == keys(golden))
    }
  }

  @Test func theOneStepOpIsTheTwoOpsTogether() throws {
    let papers = try Ops.read("arxiv.read", DataFolder.file("arxiv/raw/" + ArxivGoldenTests.files[0]))
    let whole = try Ops.apply("arxiv.preprocess", preprocess, to: papers)
    var parts = try Ops.apply(
      "text.tokenize", ["column": .string("abstract"), "into": .string("token_abs"), "keep": .boolean(false)],
      to: papers)
    parts = try Ops.apply(
      "text.oneHot", ["column": .string("main_cat_list"), "categories": .strings(ArxivGoldenTests.categories)],
      to: parts)
    parts = try parts.selecting(whole.names)
    #expect(try Ops.jsonLines(parts) == Ops.jsonLines(whole))
  }

  @Test func totalsOfTheRealFilesAreTheGoldensColumnSums() throws {
    let tables = try ArxivGoldenTests.files.map {
      try Ops.apply("arxiv.preprocess", preprocess, to: Ops.read("arxiv.read", DataFolder.file("arxiv/raw/" + $0)))
    }
    let totals = try Ops.reduce("bag.sum", ["columns": .strings(ArxivGoldenTests.categories)], tables)
    #expect(
      totals.preview(limit: 1).json
        == #"{"Computer Science":39,"Mathematics":234,"Physics":776,"Quantitative Biology":18,"Quantitative Finance":7,"#
        + #""Statistics":12,"Economics":0,"Electrical Engineering and Systems Science":0}"#)
  }

  @Test func aThousandLinesOfTheSnapshotAreRead() throws {
    let table = try Ops.read(
      "arxiv.read", DataFolder.file("arxiv/arxiv-metadata-oai-slice.jsonl"),
      ["columns": .strings(ArxivColumn.allCases.map(\.rawValue))])
    #expect(table.count == 1000)
    #expect(table["id"]?.string(at: 0) == "0704.0001")
    #expect(table["main_cat_list"]?.strings(at: 0) == ["Physics"])
    #expect(table["main_cat_list"]?.strings(at: 1) == ["Computer Science", "Mathematics"])
    #expect(table["sub_categories"]?.strings(at: 1) == ["math.CO", "cs.CG"])
    #expect(table["authors"]?.strings(at: 0) == ["C. Balázs", "E. L. Berger", "P. M. Nadolsky", "C. -P. Yuan"])
    #expect(table["journal_ref"]?.string(at: 1) == nil)
    #expect(table["journal_ref"]?.string(at: 0) == "Phys.Rev.D76:013009,2007")
    #expect(table["title"]?.string(at: 1) == "Sparsity-certifying Graph Decompositions")
  }

  @Test func bothLayoutsOfTheSamePapersGiveTheSameTokensAndCategories() throws {
    let keyed = try ArxivGoldenTests.files.map { try Ops.read("arxiv.read", DataFolder.file("arxiv/raw/" + $0)) }
    let lines = try Ops.read("arxiv.read", DataFolder.file("arxiv/arxiv-metadata-oai-slice.jsonl"))
    let tokenizer = Tokenizer()
    var place: [String: Int] = [:]
    for row in 0..<lines.count { place[lines["id"]?.string(at: row) ?? ""] = row }
    var same = 0
    for table in keyed {
      for row in 0..<table.count {
        guard let other = place[table["id"]?.string(at: row) ?? ""] else { continue }
        let a = tokenizer.tokens(table["abstract"]?.string(at: row) ?? "")
        let b = tokenizer.tokens(lines["abstract"]?.string(at: other) ?? "")
        if a == b, table["main_cat_list"]?.strings(at: row) == lines["main_cat_list"]?.strings(at: other) { same += 1 }
      }
    }
    #expect(same > 950)
  }
}
