import CSimdJSON
import Graph

// Keras's own form of a fitted tokenizer: `Tokenizer.to_json()`, which `tokenizer_from_json()` reads. It is an object with
// the class's name and a configuration, in which vocabulary and counts are texts that hold JSON themselves.
//
// Source: keras_preprocessing/text.py, as TensorFlow 2.21 has it.

enum TokenizerFile {
  /// Settings and how many texts were seen; without the vocabulary this is what a tokenizer is kept with.
  struct Configuration {
    let settings: TokenizerSettings
    let documentCount: Int

    /// - Throws: `TokenizerFile.Problem`.
    init(_ json: String) throws {
      try self.init(fields: try Fields(Array(json.utf8)))
    }

    fileprivate init(fields: Fields) throws {
      settings = TokenizerSettings(
        numWords: try fields.integer("num_words"), filters: try fields.text("filters") ?? "",
        lower: try fields.flag("lower"), split: try fields.text("split") ?? " ",
        charLevel: try fields.flag("char_level"), oovToken: try fields.text("oov_token"))
      documentCount = try fields.integer("document_count") ?? 0
      guard documentCount >= 0, settings.numWords.map({ $0 > 0 }) ?? true, !settings.split.isEmpty else {
        throw Problem("num_words, document_count or split is not what it can be")
      }
    }
  }

  /// What is wrong with a file, as a clause.
  struct Problem: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  static func configuration(_ tokenizer: FittedTokenizer) -> String { "{\(settings(tokenizer))}" }

  private static func settings(_ tokenizer: FittedTokenizer) -> String {
    let settings = tokenizer.settings
    return
      #""num_words": \#(settings.numWords.map(String.init) ?? "null"), "filters": \#(jsonQuoted(settings.filters)), "#
      + #""lower": \#(settings.lower), "split": \#(jsonQuoted(settings.split)), "char_level": \#(settings.charLevel), "#
      + #""oov_token": \#(settings.oovToken.map(jsonQuoted) ?? "null"), "document_count": \#(tokenizer.documentCount)"#
  }

  // MARK: - Writing

  static func json(_ tokenizer: FittedTokenizer) -> String {
    let all = 0..<tokenizer.words.count
    let names = all.map { jsonQuoted(tokenizer.texts.string(at: $0) ?? "") }
    // What was given an id and never seen has no count.
    let rows = all.filter { tokenizer.counts[$0] > 0 }
    func object(_ entries: [String]) -> String { jsonQuoted("{" + entries.joined(separator: ", ") + "}") }
    var ids = all.sorted { tokenizer.ids[$0] < tokenizer.ids[$1] }.map { (name: names[$0], id: tokenizer.ids[$0]) }
    if let token = tokenizer.settings.oovToken, let id = tokenizer.oovID, !ids.contains(where: { $0.id == id }) {
      ids.insert((jsonQuoted(token), id), at: 0)
    }
    let parts: [(String, String)] = [
      ("word_counts", object(rows.map { "\(names[$0]): \(tokenizer.counts[$0])" })),
      ("word_docs", object(rows.map { "\(names[$0]): \(tokenizer.documents[$0])" })),
      ("index_docs", object(rows.map { "\"\(tokenizer.ids[$0])\": \(tokenizer.documents[$0])" })),
      ("index_word", object(ids.map { "\"\($0.id)\": \($0.name)" })),
      ("word_index", object(ids.map { "\($0.name): \($0.id)" })),
    ]
    return #"{"class_name": "Tokenizer", "config": {\#(settings(tokenizer)), "#
      + parts.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}}"
  }

  // MARK: - Reading

  /// - Throws: `TokenizerFile.Problem`.
  static func tokenizer(_ json: UnsafeBufferPointer<UInt8>) throws -> FittedTokenizer {
    if let name = entry("class_name", in: json), !name.elementsEqual("\"Tokenizer\"".utf8) {
      let shown = String(decoding: name.prefix(60), as: UTF8.self)
      throw Problem("it is a \(shown), and what is read here is Keras's Tokenizer, as its to_json() writes it")
    }
    guard let configuration = entry("config", in: json) else {
      throw Problem("it is no object with a \"config\", as Keras's Tokenizer.to_json() writes it")
    }
    let fields = try Fields(Array(configuration))
    let head = try Configuration(fields: fields)
    func numbers(_ name: String) throws -> [(word: String, number: Int)] {
      guard let text = try fields.text(name) else {
        throw Problem("its configuration has no \"\(name)\": it is from another version of Keras")
      }
      return try Fields(Array(text.utf8)).integers(of: name)
    }
    var words = StringColumnBuilder()
    var counts: [Int64] = []
    var documents: [Int64] = []
    var ids: [Int32] = []
    let given = try numbers("word_index")
    let index = Dictionary(given.map { (ByteText($0.word), $0.number) }, uniquingKeysWith: { $1 })
    let seen = Dictionary(
      try numbers("word_docs").map { (ByteText($0.word), $0.number) }, uniquingKeysWith: { $1 })
    let counted = try numbers("word_counts")
    var taken: Set<Int> = []
    // The token for unknown ones, where it is no word itself, has the first id and no row.
    var known = Set(counted.map { ByteText($0.word) })
    if let token = head.settings.oovToken.map({ ByteText($0) }), !known.contains(token) {
      guard let id = index[token] else { throw Problem("\"word_index\" has no id for the \"oov_token\"") }
      if id == 1 {
        known.insert(token)
        taken.insert(1)
      }
    }
    // Words that were given ids and never seen come behind those that were.
    let unseen = given.filter { !known.contains(ByteText($0.word)) }.map { (word: $0.word, number: 0) }
    for (word, count) in counted + unseen {
      guard let id = index[ByteText(word)], id > 0, id <= Int(Int32.max), taken.insert(id).inserted else {
        throw Problem("\"word_index\" gives \(jsonQuoted(word)) no id of its own")
      }
      try words.append(word)
      counts.append(Int64(count))
      documents.append(Int64(seen[ByteText(word)] ?? 0))
      ids.append(Int32(id))
    }
    return FittedTokenizer(
      settings: head.settings, documentCount: head.documentCount,
      words: FittedTokenizer.words(words.finish(), counts, documents, ids))
  }

  private static func entry(
    _ name: String, in json: UnsafeBufferPointer<UInt8>
  ) -> Slice<UnsafeBufferPointer<UInt8>>? {
    var scan = JSONScan(json)
    while case .entry(let entry) = scan.next() {
      if json[entry.key].elementsEqual(name.utf8) { return json[entry.value] }
    }
    return nil
  }

  /// The fields of one JSON object, in their order.
  fileprivate struct Fields {
    private enum Value {
      case null
      case integer(Int)
      case flag(Bool)
      case text(String)
      case other(String)
    }

    private var values: [(name: String, value: Value)] = []
    private var places: [ByteText: Int] = [:]

    init(_ json: [UInt8]) throws {
      let reader = try RecordReader()
      let padded = json + [UInt8](repeating: 0, count: Int(SJ_PADDING))
      try padded.withUnsafeBufferPointer { bytes in
        var record = sj_fields()
        guard sj_line_fields(reader.pointer, bytes.baseAddress, json.count, &record) == SJ_RECORD else {
          throw Problem("it is not all JSON: \(String(cString: reader.failure.message))")
        }
        for field in UnsafeBufferPointer(start: record.fields, count: record.field_count) {
          let name = String(
            decoding: UnsafeBufferPointer(start: field.name.bytes, count: field.name.count), as: UTF8.self)
          places[ByteText(name)] = values.count
          let value: Value =
            switch field.kind {
            case SJ_NULL: .null
            case SJ_INTEGER: .integer(Int(field.integer))
            case SJ_BOOL: .flag(field.integer != 0)
            case SJ_STRING:
              .text(
                String(decoding: UnsafeBufferPointer(start: field.text.bytes, count: field.text.count), as: UTF8.self))
            default: .other(String(cString: field.found))
            }
          values.append((name, value))
        }
      }
    }

    private subscript(name: String) -> Value { places[ByteText(name)].map { values[$0].value } ?? .null }

    private func wrong(_ name: String, _ wanted: String) -> Problem { Problem("\"\(name)\" is no \(wanted)") }

    func integer(_ name: String) throws -> Int? {
      switch self[name] {
      case .null: nil
      case .integer(let number): number
      default: throw wrong(name, "whole number")
      }
    }

    func flag(_ name: String) throws -> Bool {
      guard case .flag(let flag) = self[name] else { throw wrong(name, "true or false") }
      return flag
    }

    func text(_ name: String) throws -> String? {
      switch self[name] {
      case .null: nil
      case .text(let text): text
      default: throw wrong(name, "text")
      }
    }

    /// All fields, which must be whole numbers from 0 on.
    func integers(of name: String) throws -> [(word: String, number: Int)] {
      try values.map { word, value in
        guard case .integer(let number) = value, number >= 0 else {
          throw Problem("\"\(name)\" holds for \(jsonQuoted(word)) no whole number")
        }
        return (word, number)
      }
    }
  }
}

/// `text.readTokenizer`: a tokenizer that Keras, or `text.writeTokenizer`, wrote.
struct ReadTokenizer: SourceOp {
  private let file: [String]

  init(_ arguments: OpArguments) throws { file = arguments.require(OpArguments.strings, "file") }

  var isSingle: Bool { true }

  func partitions() throws -> Partitions {
    let files = try FileListing.partitions(of: file, parameter: "file")
    guard files.count == 1 else { throw ParameterError("file", "it names \(files.count) files; a tokenizer is one") }
    return Partitions(files)
  }

  func estimate(_ partition: Partition) -> MemoryEstimate {
    let bytes = partition.file?.byteCount ?? 0
    return MemoryEstimate(output: bytes + 4096, scratch: bytes * 8 + 65_536)
  }

  func read(_ partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file!
    let bytes = try FileBytes(file, context: context)
    do {
      return try TokenizerFile.tokenizer(bytes.bytes)
    } catch let problem as TokenizerFile.Problem {
      throw TaskError(.badInput, "it holds no tokenizer: \(problem.text)", file: file.path)
    }
  }

  static let definition = OpDefinition(
    name: "text.readTokenizer", version: 1, summary: "reads a tokenizer that Keras saved, or text.writeTokenizer",
    parameters: [
      OpParameter(
        "file", .files, isIdentity: false, summary: "JSON, as Keras's Tokenizer.to_json() gives it")
    ],
    output: "a tokenizer, which gives each token the id that the file gives it",
    example: """
      tokenizer:
        op: text.readTokenizer
        with: {file: tokenizer.json}
      """,
    maker: .source { try ReadTokenizer($0) })
}

/// `text.writeTokenizer`: a tokenizer as Keras saves it.
struct WriteTokenizer: SinkOp {
  private let path: String

  init(_ arguments: OpArguments) throws { path = arguments.require(OpArguments.string, "path") }

  func paths(for partitions: Partitions) throws -> [String] { partitions.map { _ in path } }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: 256, scratch: inputBytes[0] * 16 + 65_536)
  }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let tokenizer = try FittedTokenizer.from(value)
    try sink.write(TokenizerFile.json(tokenizer))
    return tokenizer.words.count
  }

  static let definition = OpDefinition(
    name: "text.writeTokenizer", version: 1, summary: "writes a tokenizer as Keras does, which Keras reads",
    inputs: [OpInput("tokenizer", .value, summary: "from text.fitTokenizer or text.readTokenizer")],
    parameters: [OpParameter("path", .path, isIdentity: false, summary: "the JSON file")],
    output: "the file's path, size and how many tokens it has; tensorflow's tokenizer_from_json reads it",
    example: """
      saved:
        op: text.writeTokenizer
        from: tokenizer
        with: {path: tokenizer.json}
      """,
    maker: .sink { try WriteTokenizer($0) })
}
