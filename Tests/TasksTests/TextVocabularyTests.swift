import Foundation
import Graph
import Testing

@testable import Tasks

/// Figures are those of Keras's `Tokenizer` and `pad_sequences` (keras-preprocessing 1.1.2), unless they follow from the
/// definition; Tests/TextDifferential compares with it on random texts.
@Suite struct TextVocabularyTests {
  private func fit(
    _ partitions: [[String?]], _ values: [String: ParameterValue] = [:], fanIn: Int = 2
  ) throws -> FittedTokenizer {
    let op = try Ops.reduction("text.fitTokenizer", values.merging(["split_every": .integer(fanIn)]) { a, _ in a })
    let context = TestContext()
    var level: [any TaskValue] = try partitions.enumerated().map {
      try op.partial(Table.strings("text", $1), partition: Partition(index: $0, label: "\($0)"), context: context)
    }
    while level.count > fanIn {
      level = try stride(from: 0, to: level.count, by: fanIn).map {
        try op.combine(Array(level[$0..<min($0 + fanIn, level.count)]), context: context)
      }
    }
    return try FittedTokenizer.from(op.finish(op.combine(level, context: context), context: context))
  }

  private func ids(_ tokenizer: FittedTokenizer) -> [String: Int32] {
    Dictionary(
      uniqueKeysWithValues: (0..<tokenizer.words.count).map { (tokenizer.texts.string(at: $0)!, tokenizer.ids[$0]) })
  }

  private func encode(_ texts: [String?], _ tokenizer: FittedTokenizer) throws -> [[Int32]?] {
    let op = try Ops.partition("text.encode")
    let table = try Table.from(
      op.apply(
        [Table.strings("text", texts), tokenizer], partition: Partition(index: 0, label: "test"), context: TestContext()
      ))
    return lists(table.columns[0])
  }

  private func lists(_ column: Column) -> [[Int32]?] {
    let lists = IntegerLists(column)!
    return (0..<lists.count).map { lists.isNull($0) ? nil : Array(lists[$0]) }
  }

  private func table(_ lists: [[Int32]?]) -> Table {
    var offsets = BufferBuilder()
    var items = BufferBuilder()
    var validity = [UInt8](repeating: 0, count: (lists.count + 7) / 8)
    offsets.append(Int32(0))
    for (row, list) in lists.enumerated() {
      for item in list ?? [] { items.append(item) }
      offsets.append(Int32(items.count / 4))
      if list != nil { validity[row >> 3] |= 1 << UInt8(row & 7) }
    }
    let inside = Column(type: .int32, count: items.count / 4, storage: .fixed(items.finish()))
    return Table([
      (
        "ids",
        Column(
          type: .list(.int32), count: lists.count, nullCount: lists.count { $0 == nil }, validity: Buffer(validity),
          storage: .lists(offsets: offsets.finish(), items: inside))
      )
    ])
  }

  private func cut<Text>(_ texts: [Text], into pieces: Int) -> [[Text?]] {
    (0..<pieces).map { piece in
      let (start, end) = (piece * texts.count / pieces, (piece + 1) * texts.count / pieces)
      return texts[start..<end].map { $0 }
    }
  }

  // MARK: - Vocabulary

  @Test func `Words are cut, lower-cased and ranked as Keras does`() throws {
    let texts = ["The cat, the CAT.", "a\tcat on the\u{A0}mat", "", nil, "mat!"]
    let tokenizer = try fit([texts])
    // "the\u{A0}mat" is one word: what separates is the space alone, and what is filtered.
    #expect(ids(tokenizer) == ["cat": 1, "the": 2, "a": 3, "on": 4, "the\u{A0}mat": 5, "mat": 6])
    #expect(tokenizer.documentCount == 4)
    #expect(try encode(["the cat sat", "MAT mat", nil], tokenizer) == [[2, 1], [6, 6], nil])
  }

  @Test func `Ties go to what comes first in the data's order, however the data is cut`() throws {
    var random = SeededNumbers(7)
    var texts: [String] = []
    for number in 0..<200 { texts.append(String("zyxwvutsrqponm".shuffled(using: &random)) + "\(number % 7)") }
    let whole = try fit([texts], ["char_level": .boolean(true)])
    for pieces in [2, 3, 17, 200] {
      let parts = cut(texts, into: pieces)
      for fanIn in [2, 8] {
        let tokenizer = try fit(parts, ["char_level": .boolean(true)], fanIn: fanIn)
        #expect(TokenizerFile.json(tokenizer) == TokenizerFile.json(whole))
      }
    }
  }

  @Test func `Vocabularies of more than a few hundred words are counted whole, in partitions and together`() throws {
    let words = (0..<3000).map { "w\($0)" }
    // The later a word, the more often.
    let texts = words.enumerated().map { number, word in
      Array(repeating: word, count: 1 + number % 7).joined(separator: " ")
    }
    for pieces in [1, 3] {
      let tokenizer = try fit(cut(texts + texts.reversed(), into: pieces))
      #expect(tokenizer.words.count == 3000)
      for row in 0..<tokenizer.words.count {
        let number = Int(try #require(tokenizer.texts.string(at: row)?.dropFirst())) ?? -1
        #expect(tokenizer.counts[row] == Int64(2 * (1 + number % 7)) && tokenizer.documents[row] == 2, "\(number)")
      }
    }
  }

  @Test(arguments: [true, false], 0..<6)
  func `Characters are counted and ranked as the definition says, of ASCII or not`(lower: Bool, seed: Int) throws {
    var random = SeededNumbers(UInt64(seed))
    let pool = seed % 2 == 0 ? Array("abcABC-. \u{0}z") : Array("aAbBé量É\u{7F}Z")
    let texts = (0..<300).map { _ in
      String((0..<Int.random(in: 0..<9, using: &random)).map { _ in pool.randomElement(using: &random)! })
    }
    var (counts, documents, order): ([String: Int64], [String: Int64], [String]) = ([:], [:], [])
    for text in texts {
      let characters = (lower ? text.lowercased() : text).unicodeScalars.map { String($0) }
      for character in characters {
        if counts.updateValue((counts[character] ?? 0) + 1, forKey: character) == nil { order.append(character) }
      }
      for character in Set(characters) { documents[character, default: 0] += 1 }
    }
    let ranked = order.enumerated().sorted { (-counts[$0.1]!, $0.0) < (-counts[$1.1]!, $1.0) }.map(\.1)
    let tokenizer = try fit(cut(texts, into: 1 + seed), ["char_level": .boolean(true), "lower": .boolean(lower)])
    #expect(ids(tokenizer) == Dictionary(uniqueKeysWithValues: zip(ranked, 1...)))
    for row in 0..<tokenizer.words.count {
      let word = try #require(tokenizer.texts.string(at: row))
      #expect(tokenizer.counts[row] == counts[word] && tokenizer.documents[row] == documents[word], "\(word)")
    }
  }

  @Test func `The token for unknown words has the first id, and num_words bounds all`() throws {
    let tokenizer = try fit([["b b b a a c"]], ["oov_token": .string("?"), "num_words": .integer(3)])
    #expect(ids(tokenizer) == ["b": 2, "a": 3, "c": 4])
    #expect(try encode(["a b c d"], tokenizer) == [[1, 2, 1, 1]])
    let without = try fit([["b b b a a c"]], ["num_words": .integer(3)])
    #expect(try encode(["a b c d"], without) == [[2, 1]])
    // A word of the texts that is called like the token takes its place.
    let own = try fit([["a a b"]], ["oov_token": .string("a")])
    #expect(own.oovID == 2)
    #expect(try encode(["a b c"], own) == [[2, 3, 2]])
  }

  @Test func `Letters are lower-cased as by Python`() throws {
    func lower(_ text: String) -> String {
      var view = String.UnicodeScalarView()
      view.append(contentsOf: Lowercasing.lowered(Array(text.unicodeScalars)))
      return String(view)
    }
    // Python 3.11: "ΑΣ ΣΑΣΑ Σ. ΑΣ'".lower()
    #expect(lower("ΑΣ ΣΑΣΑ Σ. ΑΣ'").unicodeScalars.elementsEqual("ας σασα σ. ας'".unicodeScalars))
    #expect(lower("İẞK\u{212A}Ǆ").unicodeScalars.elementsEqual("i\u{307}ßkkǆ".unicodeScalars))
    let tokenizer = try fit([["AΣ", "aς"]], ["char_level": .boolean(true)])
    #expect(ids(tokenizer) == ["a": 1, "ς": 2])
  }

  @Test func `Characters that Swift calls equal are tokens of their own`() throws {
    let tokenizer = try fit([["\u{C5}\u{C5}\u{212B}"]], ["char_level": .boolean(true), "lower": .boolean(false)])
    #expect(tokenizer.words.count == 2)
    #expect(try encode(["\u{212B}\u{C5}"], tokenizer) == [[2, 1]])
    let read = try reread(tokenizer)
    #expect(try encode(["\u{212B}\u{C5}"], read) == [[2, 1]])
  }

  // MARK: - Keras's figures on real domains (TensorFlow 2.21)

  @Test(.enabled(if: DataFolder.isThere, Comment(rawValue: DataFolder.absence)))
  func `Real domains have the vocabulary, the rows and the CSV that Keras and Spark gave`() throws {
    let lines = try Ops.read("text.read", DataFolder.file("domains/domains-50k.txt"), ["delimiter": .string("\n")])
    let column = try lines.column("text")
    let texts: [String?] = (0..<lines.count).map { column.string(at: $0) }
    let tokenizer = try fit(
      cut(texts.map { $0 ?? "" }, into: 9), ["char_level": .boolean(true), "filters": .string("")])

    func configuration(_ json: String) throws -> [String: Any] {
      let all = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
      return try #require(all?["config"] as? [String: Any]).mapValues { value in
        guard let text = value as? String, text.hasPrefix("{") else { return value }
        return try JSONSerialization.jsonObject(with: Data(text.utf8))
      }
    }
    let golden = try String(
      contentsOfFile: DataFolder.file("domains/golden/domains50k.tokenizer.json"), encoding: .utf8)
    let own = try configuration(TokenizerFile.json(tokenizer)) as NSDictionary
    let kerasOwn = try configuration(golden) as NSDictionary
    #expect(own == kerasOwn)
    var bytes = Array(golden.utf8)
    let read = try bytes.withUnsafeMutableBufferPointer { try TokenizerFile.tokenizer(UnsafeBufferPointer($0)) }
    #expect(TokenizerFile.json(read) == TokenizerFile.json(tokenizer))

    let encoded = table(try encode(texts, read))
    let summary =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: DataFolder.file("domains/golden/summary.json")))) as? [String: Any]
    let figures = try #require(summary?["domains50k"] as? [String: Any])
    for side in ["pre", "post"] {
      let padded = try Ops.apply("sequence.pad", ["length": .string("253"), "padding": .string(side)], to: encoded)
      let rows = try npy(padded)[128...]
      let first = try Data(
        contentsOf: URL(fileURLWithPath: DataFolder.file("domains/golden/domains50k.\(side)_first500.npy")))
      #expect(rows.prefix(500 * 253 * 4).elementsEqual(first.suffix(500 * 253 * 4)))
      #expect(try sha256(Array(rows)) == figures["sha256_\(side)_le_i32"] as? String)
    }
    let padded = try Ops.apply(
      "sequence.pad", ["length": .string("253"), "padding": .string("post"), "into": .string("_1")], to: encoded)
    let sink = MemorySink()
    _ = try Ops.sink("csv.write", ["directory": .string("/tmp")]).write(
      padded, partition: Partition(index: 0, label: "x"), to: sink, context: TestContext())
    let spark = try Data(contentsOf: URL(fileURLWithPath: DataFolder.file("domains/golden/seed-padded.csv")))
    #expect(sink.bytes.prefix(spark.count).elementsEqual(spark))
  }

  /// By coreutils' program.
  private func sha256(_ bytes: [UInt8]) throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/graphrun-\(UUID().uuidString)"
    defer { unlink(path) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["sha256sum", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: output.prefix(64), as: UTF8.self)
  }

  // MARK: - Saved tokenizers

  private func reread(_ tokenizer: FittedTokenizer) throws -> FittedTokenizer {
    var json = Array(TokenizerFile.json(tokenizer).utf8)
    return try json.withUnsafeMutableBufferPointer { try TokenizerFile.tokenizer(UnsafeBufferPointer($0)) }
  }

  @Test func `A tokenizer comes back from Keras's JSON and from a spill file as it was`() throws {
    let settings: [[String: ParameterValue]] = [
      ["char_level": .boolean(true)], ["oov_token": .string("<\"\\>"), "num_words": .integer(2)],
      ["filters": .string("\n\u{1F}é"), "split": .string(". ")],
    ]
    for values in settings {
      let tokenizer = try fit([["a \"b\" \\ ü\u{1}. a 😀", "b"], [nil], []], values)
      let read = try reread(tokenizer)
      #expect(TokenizerFile.json(read) == TokenizerFile.json(tokenizer))
      let sink = MemorySink()
      try tokenizer.write(to: sink)
      let back = try FittedTokenizer(contentsOf: Buffer(sink.bytes))
      #expect(TokenizerFile.json(back) == TokenizerFile.json(tokenizer))
      for length in stride(from: 0, to: sink.bytes.count, by: 7) {
        #expect(throws: TaskError.self) { try FittedTokenizer(contentsOf: Buffer(Array(sink.bytes[..<length]))) }
      }
    }
  }

  @Test(arguments: [
    ("[1]", "config"), ("{\"class_name\": \"Tokenizer\"}", "config"),
    ("{\"config\": {\"num_words\": \"many\"}}", "\"num_words\" is no whole number"),
    ("{\"config\": {\"lower\": true, \"char_level\": true, \"split\": \" \"}}", "another version"),
    (
      "{\"config\": {\"lower\": true, \"char_level\": true, \"word_index\": \"{\\\"a\\\": 1}\", \"word_docs\": \"{}\", \"word_counts\": \"{\\\"b\\\": 1}\"}}",
      "no id of its own"
    ),
  ]) func `What is no tokenizer is refused with its reason`(json: String, reason: String) throws {
    var bytes = Array(json.utf8)
    bytes.withUnsafeMutableBufferPointer { bytes in
      let error = #expect(throws: TokenizerFile.Problem.self) {
        try TokenizerFile.tokenizer(UnsafeBufferPointer(bytes))
      }
      #expect(error?.text.contains(reason) == true, "\(error?.text ?? "")")
    }
  }

  @Test func `Ids that a file gives are kept, also of words that were never seen`() throws {
    // As for a network over a fixed alphabet: the vocabulary is set by hand, the token for unknown ones behind it.
    let json =
      #"{"class_name": "Tokenizer", "config": {"num_words": null, "filters": "", "lower": true, "split": " ", "#
      + #""char_level": true, "oov_token": "?", "document_count": 0, "word_counts": "{}", "word_docs": "{}", "#
      + #""index_docs": "{}", "index_word": "{}", "word_index": "{\"a\": 1, \"b\": 2, \"?\": 3}"}}"#
    var bytes = Array(json.utf8)
    let tokenizer = try bytes.withUnsafeMutableBufferPointer { try TokenizerFile.tokenizer(UnsafeBufferPointer($0)) }
    #expect(try encode(["abz"], tokenizer) == [[1, 2, 3]])
    #expect(try encode(["abz"], reread(tokenizer)) == [[1, 2, 3]])
    #expect(TokenizerFile.json(tokenizer).contains(#""word_counts": "{}""#))
  }

  @Test func `Texts come back from ids`() throws {
    let tokenizer = try fit([["google.com", "ab"]], ["char_level": .boolean(true)])
    let encoded = table(try encode(["GOOGLE.com", "a?b", nil], tokenizer))
    let padded = try Ops.apply("sequence.pad", ["length": .string("12")], to: encoded)
    for table in [encoded, padded] {
      let decoded = try Table.from(
        Ops.partition("text.decode").apply(
          [table, tokenizer], partition: Partition(index: 0, label: "test"), context: TestContext()))
      #expect((0..<3).map { decoded["text"]!.string(at: $0) } == ["google.com", "ab", nil])
    }
  }

  // MARK: - Padding

  private func padded(_ lists: [[Int32]?], _ values: [String: ParameterValue]) throws -> String {
    try Ops.jsonLines(Ops.apply("sequence.pad", values, to: table(lists)))
  }

  @Test func `Lists are filled up and cut in front or behind`() throws {
    let lists: [[Int32]?] = [[1, 2], [], nil, [1, 2, 3, 4, 5], [-7]]
    func rows(_ padding: String, _ truncating: String, _ value: Int = 0) throws -> String {
      try padded(
        lists,
        [
          "length": .string("3"), "padding": .string(padding), "truncating": .string(truncating),
          "value": .integer(value),
        ]
      ).replacing("{\"ids\":", with: "").replacing("}\n", with: " ")
    }
    #expect(try rows("pre", "pre") == "[0,1,2] [0,0,0] null [3,4,5] [0,0,-7] ")
    #expect(try rows("post", "pre") == "[1,2,0] [0,0,0] null [3,4,5] [-7,0,0] ")
    #expect(try rows("pre", "post", 9) == "[9,1,2] [9,9,9] null [1,2,3] [9,9,-7] ")
    #expect(try rows("post", "post", -10) == "[1,2,-10] [-10,-10,-10] null [1,2,3] [-7,-10,-10] ")
    let error = #expect(throws: TaskError.self) { try rows("pre", "error") }
    #expect(error?.code == .badRecord && error?.record == "4 of partition 0", "\(error.debugDescription)")
  }

  @Test func `Vectors go through spill files, picking, appending and JSON as they are`() throws {
    let lists: [[Int32]?] = [[1, 2], nil, [3, 4, 5], []]
    let one = try Ops.apply("sequence.pad", ["length": .string("3"), "value": .integer(8)], to: table(lists))
    let other = try Ops.apply("sequence.pad", ["length": .string("3"), "padding": .string("post")], to: table(lists))
    #expect(one.columns[0].type == .vector(.int32, width: 3))
    let sink = MemorySink()
    try one.write(to: sink)
    #expect(try Ops.jsonLines(Table(contentsOf: Buffer(sink.bytes))) == Ops.jsonLines(one))
    // Padded otherwise, they stand behind one another all the same.
    var appender = TableAppender(names: one.names, types: one.columns.map(\.type))
    try appender.append(one)
    try appender.append(other)
    let both = appender.finish()
    #expect(try Ops.jsonLines(both) == Ops.jsonLines(one) + Ops.jsonLines(other))
    let picked = try [Int32(6), 0, 1, 6].withUnsafeBufferPointer { try both.rows(at: $0) }
    let lines = try Ops.jsonLines(both).split(separator: "\n")
    #expect(try Ops.jsonLines(picked).split(separator: "\n") == [lines[6], lines[0], lines[1], lines[6]])
  }

  @Test func `The longest of all is the length if that is asked for`() throws {
    let parts = [table([[1], [1, 2, 3, 4]]), table([nil, []]), table([[2]])]
    let lengths = try Ops.reduce("sequence.lengths", [:], parts)
    #expect(
      try Ops.jsonLines(lengths)
        == "{\"length\":0,\"count\":1}\n{\"length\":1,\"count\":2}\n{\"length\":4,\"count\":1}\n")
    let padded = try Ops.apply("sequence.pad", ["length": .string("max")], to: parts[0], lengths)
    #expect(padded.columns[0].type == .vector(.int32, width: 4))
    #expect(throws: TaskError.self) { try Ops.apply("sequence.pad", ["length": .string("max")], to: parts[0]) }
  }

  // MARK: - Writing

  private func npy(_ table: Table, _ values: [String: ParameterValue] = [:]) throws -> [UInt8] {
    let op = try Ops.sink("npy.write", values.merging(["directory": .string("/tmp")]) { a, _ in a })
    let sink = MemorySink()
    _ = try op.write(table, partition: Partition(index: 0, label: "x"), to: sink, context: TestContext())
    return sink.bytes
  }

  @Test func `An array has NumPy's head, and its rows`() throws {
    let vectors = try Ops.apply(
      "sequence.pad", ["length": .string("3"), "padding": .string("post"), "value": .integer(-1)],
      to: table([[1, 2], [300, 4, 5]]))
    let bytes = try npy(vectors, ["dtype": .string("int16")])
    // numpy.lib.format, version 1.0: what is read is the text up to its length.
    #expect(bytes[..<10] == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 118, 0] && bytes.count == 128 + 12)
    let head = String(decoding: bytes[10..<128], as: UTF8.self)
    #expect(head.hasPrefix("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }  ") && head.hasSuffix(" \n"))
    #expect(Array(bytes[128...]) == [1, 0, 2, 0, 255, 255, 44, 1, 4, 0, 5, 0])
    for type in ["uint8", "uint16", "int8"] {
      let error = #expect(throws: TaskError.self) { try npy(vectors, ["dtype": .string(type)]) }
      #expect(
        error?.record == (type == "int8" ? "2 of partition 0" : "1 of partition 0"),
        "\(type): \(error.debugDescription)")
    }
    #expect(try Array(npy(vectors, ["dtype": .string("float64")])[128..<136]) == [0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
    #expect(try npy(vectors).count == 128 + 24)
    let large = try Ops.apply("sequence.pad", ["length": .string("1")], to: table([[16_777_216], [16_777_217]]))
    let inexact = #expect(throws: TaskError.self) { try npy(large, ["dtype": .string("float32")]) }
    #expect(inexact?.record == "2 of partition 0")
    let error = #expect(throws: TaskError.self) {
      try npy(Ops.apply("sequence.pad", ["length": .string("1")], to: table([[1], nil])))
    }
    #expect(error?.record == "2 of partition 0")
    #expect(throws: TaskError.self) { try npy(Table.strings("ids", ["a"])) }
  }

  @Test func `Lists are texts with commas in CSV, as long as they were said to be`() throws {
    var random = SeededNumbers(3)
    let lists: [[Int32]?] = (0..<300).map { row in
      row % 17 == 3
        ? nil
        : (0..<Int.random(in: 0...6, using: &random)).map { _ in Int32.random(in: -1200...12_000, using: &random) }
    }
    let plain = table(lists)
    let padded = try Ops.apply("sequence.pad", ["length": .string("7"), "value": .integer(-3)], to: plain)
    for table in [plain, padded] {
      let sink = MemorySink()
      let op = try Ops.sink("csv.write", ["directory": .string("/tmp")])
      let partition = Partition(index: 0, label: "x")
      _ = try op.write(table, partition: partition, to: sink, context: TestContext())
      let placed = try #require(try Ops.sink("csv.write", ["path": .string("/tmp/x.csv")]).placed)
      let size = try placed.size(of: table, partition: partition, context: TestContext())
      #expect(try size.bytes + placed.headByteCount(form: size.form) == sink.bytes.count)
      let lines = String(decoding: sink.bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      let expected = try Ops.jsonLines(table).split(separator: "\n").map {
        $0.contains("null") ? "" : $0.replacing("{\"ids\":[", with: "\"").replacing("]}", with: "\"")
      }
      #expect(lines.dropFirst().dropLast().elementsEqual(expected) { String($0) == String($1) })
    }
  }
}
