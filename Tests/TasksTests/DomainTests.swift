import Foundation
import Graph
import TestSupport
import Testing

@testable import Tasks

@Suite struct DomainTests {
  private func clean(
    _ names: [String?], _ values: [String: ParameterValue] = [:], context: TestContext = TestContext()
  ) throws -> [String?] {
    let table = try Table.from(
      Ops.partition("domain.clean", values).apply(
        [Table.strings("text", names)], partition: Partition(index: 0, label: "test"), context: context))
    return (0..<table.count).map { table.columns[0].string(at: $0) }
  }

  private func isName(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { DomainName.problem($0) == nil }
  }

  @Test func `Names are trimmed and lower-cased, and what is empty goes`() throws {
    let given = [" Example.COM\t", "a.b.", "", "\u{FEFF}x.de", "\u{A0}y\u{3000}", nil, ".", "a..", "ΣΑΣ.gr"]
    #expect(try clean(given) == ["example.com", "a.b", "x.de", "y", ".", "a..", "σασ.gr"])
    #expect(
      try clean([" A.", "", nil], ["trim": .boolean(false), "lower": .boolean(false), "empty": .string("keep")])
        == [" A.", "", nil])
    let error = #expect(throws: TaskError.self) { try clean(["a", " "], ["empty": .string("fail")]) }
    #expect(error?.record == "2 of partition 0" && error?.message.contains("empty: drop") == true)
  }

  /// `idna.encode(name, uts46=True)` and `idna.decode` of Python's idna 3.10.
  @Test(arguments: [
    ("bücher.example", "xn--bcher-kva.example"), ("straße.de", "xn--strae-oqa.de"),
    ("ドメイン名例.jp", "xn--eckwd4c7cu47r2wf.jp"), ("президент.рф", "xn--d1abbgf6aiiy.xn--p1ai"),
    ("한국.kr", "xn--3e0b707e.kr"), ("plain.org", "plain.org"),
  ])
  func `Names have an ASCII and a Unicode form`(unicode: String, ascii: String) throws {
    #expect(try clean([unicode, ascii], ["form": .string("ascii")]) == [ascii, ascii])
    #expect(try clean([unicode, ascii], ["form": .string("unicode")]) == [unicode, unicode])
  }

  @Test func `All spellings of a name come to one form, and hosts keep names that IDNA does not know`() throws {
    let spellings = ["bücher.de", "bu\u{308}cher.de", "bücher。de", "ｂücher.de", "xn--bcher-kva.de", "BÜCHER.de。"]
    #expect(try Set(clean(spellings, ["form": .string("ascii"), "validate": .boolean(true)])) == ["xn--bcher-kva.de"])
    #expect(try Set(clean(spellings, ["form": .string("unicode")])).count == 1)
    let hosts = ["r3---sn-abc.googlevideo.com", "ab--cd.com"]
    for form in ["keep", "ascii", "unicode"] {
      #expect(try clean(hosts, ["form": .string(form), "validate": .boolean(true)]) == hosts)
    }
    #expect(throws: TaskError.self) { try clean(["xn--a.com"], ["form": .string("unicode")]) }
  }

  @Test func `What is no name is an error that says where, or is set aside`() throws {
    let label = String(repeating: "a", count: 63)
    let longest = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
    #expect(longest.utf8.count == 253 && isName(longest) && isName("1.x") && isName("xn--bcher-kva.de"))
    for bad in [longest + "c", label + "a", "a..b", "-a", "a-", "a_b", "a b", "é", "a.\0", ".a", ""] {
      #expect(!isName(bad), "\(bad)")
    }
    let given = ["ok.de", "un_der.de", "bücher.de", "a\0b.de", label + "a.de"]
    let error = #expect(throws: TaskError.self) { try clean(given, ["validate": .boolean(true)]) }
    #expect(error?.record == "2 of partition 0" && error?.code == .badRecord)
    #expect(error?.message.contains("\"un_der.de\" is no domain name: ") == true)
    let context = TestContext()
    #expect(
      try clean(given, ["validate": .boolean(true), "on_error": .string("skip")], context: context)
        == ["ok.de", "bücher.de"])
    #expect(context.rejects.map(\.record) == ["2 of partition 0", "4 of partition 0", "5 of partition 0"])
    // Without a form or a check everything is taken.
    #expect(try clean(given) == given)
  }

  @Test func `A part of each text is taken`() throws {
    func extract(_ pattern: String, _ values: [String: ParameterValue] = [:]) throws -> [String?] {
      let all = values.merging(["pattern": .string(pattern), "into": .string("found")]) { a, _ in a }
      let table = try Ops.apply(
        "text.extract", all, to: .strings("text", ["/d/gozi_dga.txt", "/d/gozi_dga.txt", "none", nil, "x_dga.txt"]))
      return (0..<table.count).map { table["found"]!.string(at: $0) }
    }
    #expect(try extract("([^/]+)_dga\\.txt$") == ["gozi", "gozi", nil, nil, "x"])
    #expect(try extract("_dga") == ["_dga", "_dga", nil, nil, "_dga"])
    #expect(try extract("(.)_(.)", ["group": .integer(2)]) == ["d", "d", nil, nil, "d"])
    // A group that took no part.
    #expect(try extract("(q)?_dga") == [nil, nil, nil, nil, nil])
    #expect(throws: ParameterError.self) { try extract("(") }
    #expect(throws: ParameterError.self) { try extract("(a)", ["group": .integer(2)]) }
    let error = #expect(throws: TaskError.self) { try extract("dga", ["missing": .string("fail")]) }
    #expect(error?.record == "3 of partition 0")
  }

  private func shuffle(_ tables: [Table], seed: Int, into count: Int?, memory: Int = 1 << 30) throws -> [Table] {
    var values: [String: ParameterValue] = ["seed": .integer(seed)]
    values["partitions"] = count.map(ParameterValue.integer)
    let op = try Ops.shuffle("table.shuffle", values)
    let context = TestContext(memoryLimit: memory)
    let shards = try tables.enumerated().map {
      try op.split($1, partition: Partition(index: $0, label: "\($0)"), of: tables.count, context: context)
    }
    return try (0..<op.partitionCount(of: tables.count)).map {
      try Table.from(op.gather(shards, partition: Partition(index: $0, label: "\($0)"), context: context))
    }
  }

  @Test(arguments: 0..<6) func `A shuffle keeps every record and depends on the seed alone`(seed: Int) throws {
    var random = SeededNumbers(UInt64(seed) + 3)
    let bag = try (0..<(1 + seed)).map {
      try RandomTables.table(rows: $0 == 2 ? 0 : 500, ids: 9, from: $0 * 10_000, using: &random)
    }
    func lines(_ tables: [Table]) throws -> [Substring] {
      try tables.flatMap { try Ops.jsonLines($0).split(separator: "\n") }
    }
    let mixed = try lines(shuffle(bag, seed: seed, into: nil))
    #expect(try mixed.sorted() == lines(bag).sorted() && mixed != lines(bag))
    #expect(try lines(shuffle(bag, seed: seed, into: nil, memory: 4 << 20)) == mixed)
    #expect(try lines(shuffle(bag, seed: seed + 1, into: nil)) != mixed)
    #expect(try shuffle(bag, seed: seed, into: 7).count == 7)
  }

  /// Every record is as likely anywhere: of 4000 orders of three records each of the six is near a sixth.
  @Test func `All orders are as likely`() throws {
    var counts: [String: Int] = [:]
    for seed in 0..<4000 {
      let tables = try shuffle([.strings("a", ["1", "2"]), .strings("a", ["3"])], seed: seed, into: 2)
      counts[try tables.map { try Ops.jsonLines($0) }.joined().filter(\.isNumber), default: 0] += 1
    }
    #expect(counts.count == 6)
    for (_, count) in counts { #expect((550...790).contains(count), "\(counts)") }
  }

  private func split(
    _ table: Table, _ values: [String: ParameterValue] = [:], partition: Int = 0
  ) throws -> [String] {
    let shares = ParameterValue.map(["train": "0.8", "validation": "0.1", "test": "0.1"])
    let op = try Ops.partition("table.assignSplit", values.merging(["shares": shares]) { a, _ in a })
    let result = try Table.from(
      op.apply([table], partition: Partition(index: partition, label: "x"), context: TestContext()))
    return (0..<result.count).map { result["split"]!.string(at: $0)! }
  }

  @Test func `A record's part depends on what it holds, or on its place`() throws {
    let names = (0..<20_000).map { "name\($0)" }
    let parts = try split(.strings("text", names), ["by": .strings(["text"])])
    for (name, share) in [("train", 16_000), ("validation", 2000), ("test", 2000)] {
      #expect(abs(parts.count { $0 == name } - share) < 300)
    }
    // However much stands before it, and in which partition.
    #expect(
      try split(.strings("text", ["new"] + names.suffix(50)), ["by": .strings(["text"])], partition: 3).dropFirst()
        == parts.suffix(50))
    #expect(try split(.strings("text", names), ["by": .strings(["text"]), "seed": .integer(2)]) != parts)
    let placed = try split(.strings("text", names))
    #expect(try split(.strings("text", names)) == placed && split(.strings("text", names), partition: 1) != placed)
    #expect(abs(placed.count { $0 == "train" } - 16_000) < 300)
    for shares in [["a": "0.5"], ["a": "0.5", "b": "x"], ["a": "1.5", "b": "-0.5"]] {
      #expect(throws: ParameterError.self) { try split(.strings("text", []), ["shares": .map(shares)]) }
    }
    #expect(try Set(split(.strings("text", names), ["shares": .map(["all": "1", "none": "0"])])) == ["all"])
  }

  @Test func `So many lines of each file are read`() throws {
    try TestFiles.withFolder { folder in
      for (name, lines) in [("a", 5), ("b", 2), ("c", 0)] {
        try (0..<lines).map { "\(name)\($0)\n" }.joined()
          .write(toFile: "\(folder)/\(name).txt", atomically: true, encoding: .utf8)
      }
      let op = try Ops.source(
        "text.read",
        ["files": .strings([folder + "/*.txt"]), "lines_per_file": .integer(3), "files_per_partition": .integer(3)])
      let table = try Table.from(op.read(op.partitions()[0], context: TestContext()))
      #expect((0..<table.count).map { table.columns[0].string(at: $0) } == ["a0", "a1", "a2", "b0", "b1"])
      #expect(throws: ParameterError.self) {
        try Ops.source(
          "text.read",
          ["files": .strings([folder + "/a.txt"]), "lines_per_file": .integer(3), "blocksize": .string("1MB")])
      }
    }
  }
}
