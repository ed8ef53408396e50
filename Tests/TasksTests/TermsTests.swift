import Foundation
import Graph
import TestSupport
import Testing

@testable import Tasks

/// Figures are those of gensim 4.4.0 (`Dictionary`, `TfidfModel`) and scikit-learn 1.9.1 (`TfidfVectorizer`).
@Suite struct TermsTests {
  private static let documents: [[String]?] = [
    ["the", "zebra", "saw", "the", "ape"], ["an", "ape", "is", "no", "zebra"], [], ["the", "quick", "é", "quick", "Z"],
    ["the", "the", "the"], ["ape"],
  ]

  /// The documents in so many partitions.
  private static func bag(_ count: Int) throws -> [Table] {
    try (0..<count).map { part in
      try .lists("tokens", Array(documents[documents.count * part / count..<documents.count * (part + 1) / count]))
    }
  }

  private static func dictionary(_ values: [String: ParameterValue] = [:], partitions: Int = 2) throws -> Table {
    try Ops.reduce("text.fitDictionary", values.merging(["split_every": .integer(2)]) { a, _ in a }, bag(partitions))
  }

  private func tokens(_ dictionary: Table) -> [String] {
    (0..<dictionary.count).map { dictionary["token"]!.string(at: $0)! }
  }

  private func figures(_ dictionary: Table, _ name: String) -> [Int64] {
    (0..<dictionary.count).map { dictionary[name]!.integer(at: $0)! }
  }

  @Test(arguments: [1, 2, 3, 6]) func `A dictionary is gensim's, however the documents are cut`(partitions: Int) throws
  {
    let found = try Self.dictionary(partitions: partitions)
    #expect(tokens(found) == ["ape", "saw", "the", "zebra", "an", "is", "no", "Z", "quick", "é"])
    #expect(figures(found, "id") == Array(0..<10))
    #expect(figures(found, "documents") == [3, 1, 3, 2, 1, 1, 1, 1, 1, 1])
    #expect(figures(found, "count") == [3, 1, 6, 2, 1, 1, 1, 1, 2, 1])
    #expect(Set(figures(found, "total")) == [6])
    #expect(
      try tokens(Self.dictionary(["order": .string("sorted")], partitions: partitions))
        == ["Z", "an", "ape", "is", "no", "quick", "saw", "the", "zebra", "é"])
  }

  @Test func `Rare and frequent tokens are left out as by filter_extremes`() throws {
    let kept = try Self.dictionary(["no_above": .number(0.5), "keep_n": .integer(4)])
    #expect(tokens(kept) == ["ape", "saw", "the", "zebra"] && figures(kept, "id") == [0, 1, 2, 3])
    #expect(try tokens(Self.dictionary(["no_below": .integer(2)])) == ["ape", "the", "zebra"])
    #expect(try tokens(Self.dictionary(["no_below": .integer(2), "no_above": .number(0.4)])) == ["zebra"])
    #expect(throws: ParameterError.self) { try Self.dictionary(["no_above": .number(1.5)]) }
    #expect(throws: TaskError.self) {
      try Ops.reduce("text.fitDictionary", [:], [.strings("tokens", ["not a list"])])
    }
  }

  private func terms(_ op: String, _ values: [String: ParameterValue], _ dictionary: Table) throws -> [[(
    Int64, Double
  )]] {
    let result = try Ops.apply(op, values, to: .lists("tokens", Self.documents), dictionary)
    let (ids, weights) = (result.columns[0], result.columns[1])
    return ids.withOffsets { offsets in
      (0..<result.count).map { row in
        (Int(offsets[row])..<Int(offsets[row + 1])).map {
          (ids.items!.integer(at: $0)!, weights.items!.number(at: $0)!)
        }
      }
    }
  }

  private func expectEqual(_ found: [[(Int64, Double)]], _ expected: [[(Int64, Double)]]) {
    #expect(found.map { $0.map(\.0) } == expected.map { $0.map(\.0) })
    for (row, other) in zip(found, expected) {
      for (a, b) in zip(row, other) { #expect(abs(a.1 - b.1) < 1e-14, "\(a) \(b)") }
    }
  }

  @Test func `Weights are gensim's and scikit-learn's`() throws {
    expectEqual(
      try terms("text.tfidf", [:], Self.dictionary()),
      [
        [(0, 0.26542724522741457), (1, 0.6861194755825851), (2, 0.5308544904548291), (3, 0.4206922303551706)],
        [
          (0, 0.20602928349930588), (3, 0.3265486883968479), (4, 0.5325779718961537), (5, 0.5325779718961537),
          (6, 0.5325779718961537),
        ], [],
        [(2, 0.15599848233732447), (7, 0.40325022701139535), (8, 0.8065004540227907), (9, 0.40325022701139535)],
        [(2, 1)], [(0, 1)],
      ])
    expectEqual(
      try terms("text.tfidf", ["weighting": .string("sklearn")], Self.dictionary(["order": .string("sorted")])),
      [
        [(2, 0.3432126611636917), (6, 0.4957482345134654), (7, 0.6864253223273834), (8, 0.40652064407784644)],
        [
          (1, 0.49077900350475), (2, 0.3397724008063106), (3, 0.49077900350475), (4, 0.49077900350475),
          (8, 0.4024458035648648),
        ], [],
        [(0, 0.39285842683370015), (5, 0.7857168536674003), (7, 0.27198076916300823), (9, 0.39285842683370015)],
        [(7, 1)], [(2, 1)],
      ])
    // doc2bow; what is not in the dictionary is left out.
    expectEqual(
      try terms("text.bagOfWords", [:], Self.dictionary(["no_below": .integer(2)])),
      [[(0, 1), (1, 2), (2, 1)], [(0, 1), (2, 1)], [], [(1, 1)], [(1, 3)], [(0, 1)]])
  }

  /// gensim leaves out what is in every document: it weighs nothing.
  @Test func `What tells nothing apart has no weight, and an empty dictionary gives empty lists`() throws {
    let one = try Table.lists("tokens", [["a", "b"], ["a"]])
    let dictionary = try Ops.reduce("text.fitDictionary", [:], [one])
    let weighed = try Ops.apply("text.tfidf", [:], to: one, dictionary)
    #expect(try Ops.jsonLines(weighed) == "{\"ids\":[1],\"weights\":[1.0]}\n{\"ids\":[],\"weights\":[]}\n")
    let none = try Ops.reduce("text.fitDictionary", [:], [Table.lists("tokens", [])])
    #expect(none.count == 0)
    #expect(
      try Ops.jsonLines(Ops.apply("text.tfidf", [:], to: one, none))
        == "{\"ids\":[],\"weights\":[]}\n{\"ids\":[],\"weights\":[]}\n")
    let error = #expect(throws: TaskError.self) { try Ops.apply("text.tfidf", [:], to: one, one) }
    #expect(error?.message.contains("text.fitDictionary") == true)
  }
}
