import Graph

/// The tokens of all texts with how often they were seen, and the id each is encoded as: Keras's fitted `Tokenizer`.
public struct FittedTokenizer: TaskValue {
  public static let kind = "tokenizer"

  public let settings: TokenizerSettings
  /// How many texts it has seen.
  public let documentCount: Int
  /// One row a token, in the order in which they first came: `word`, `count` and `documents` (int64), `id` (int32; 0 for
  /// none, as while it is being fitted).
  public let words: Table

  /// - Parameter words: with the columns that `words` has.
  init(settings: TokenizerSettings, documentCount: Int, words: Table) {
    self.settings = settings
    self.documentCount = documentCount
    self.words = words
  }

  public var byteCount: Int { words.byteCount + 256 }
  public var rowCount: Int? { words.count }

  /// The id of the token for those that are not in the vocabulary.
  ///
  /// It is the first, unless the token is one of the texts' own words: then it is that word's.
  var oovID: Int32? {
    guard let token = settings.oovToken else { return nil }
    let row = (0..<words.count).first { texts.string(at: $0).map(ByteText.init) == ByteText(token) }
    return row.map { ids[$0] } ?? 1
  }

  var texts: Column { words.columns[0] }
  var counts: UnsafeBufferPointer<Int64> { words.columns[1].values(as: Int64.self) }
  var documents: UnsafeBufferPointer<Int64> { words.columns[2].values(as: Int64.self) }
  var ids: UnsafeBufferPointer<Int32> { words.columns[3].values(as: Int32.self) }

  /// Rows by id: the most frequent first; of those that are as frequent, the one that came first.
  var ranking: [Int] {
    let counts = counts
    return (0..<words.count).sorted { counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1 }
  }

  /// With ids given out, from 1; the token for unknown ones has the first if there is one.
  func ranked() -> FittedTokenizer {
    var ids = [Int32](repeating: 0, count: words.count)
    for (rank, row) in ranking.enumerated() { ids[row] = Int32(rank + (settings.oovToken == nil ? 1 : 2)) }
    var column = FixedColumnBuilder<Int32>(capacity: ids.count)
    for id in ids { column.append(id) }
    return FittedTokenizer(
      settings: settings, documentCount: documentCount,
      words: Table(Array(zip(words.names.prefix(3), words.columns)) + [("id", column.finish())]))
  }

  static func words(_ texts: Column, _ counts: [Int64], _ documents: [Int64], _ ids: [Int32]) -> Table {
    var countColumn = FixedColumnBuilder<Int64>(capacity: counts.count)
    for count in counts { countColumn.append(count) }
    var documentColumn = FixedColumnBuilder<Int64>(capacity: documents.count)
    for count in documents { documentColumn.append(count) }
    var idColumn = FixedColumnBuilder<Int32>(capacity: ids.count)
    for id in ids { idColumn.append(id) }
    return Table([
      ("word", texts), ("count", countColumn.finish()), ("documents", documentColumn.finish()),
      ("id", idColumn.finish()),
    ])
  }

  /// - Throws: `TaskError` with code `.wrongType`.
  static func from(_ value: any TaskValue) throws -> FittedTokenizer {
    guard let tokenizer = value as? FittedTokenizer else {
      throw TaskError(
        .wrongType,
        "the input \"tokenizer\" is a \(type(of: value).kind); take it from text.fitTokenizer or text.readTokenizer")
    }
    return tokenizer
  }

  // MARK: - On disk
  //
  // The table, then what Keras calls the configuration as JSON, then Int64 bytes of that. The table's words are left out
  // of the JSON.

  public func write(to sink: any ByteSink) throws {
    try words.write(to: sink)
    let text = TokenizerFile.configuration(self)
    try sink.write(text)
    try sink.write(value: Int64(text.utf8.count))
  }

  public init(contentsOf buffer: Buffer) throws {
    func damaged() -> TaskError {
      TaskError(.corruptValue, "these bytes are no tokenizer; delete the file and run again")
    }
    guard buffer.count >= 8 else { throw damaged() }
    let length = buffer.bytes.loadUnaligned(fromByteOffset: buffer.count - 8, as: Int64.self)
    guard length >= 0, length <= buffer.count - 8 else { throw damaged() }
    let end = buffer.count - 8 - Int(length)
    let words = try Table(contentsOf: buffer.slice(0..<end))
    guard words.columns.map(\.type) == [.utf8, .int64, .int64, .int32], words.columns.allSatisfy({ $0.nullCount == 0 })
    else { throw damaged() }
    let text = String(decoding: buffer.bytes[end..<(buffer.count - 8)], as: UTF8.self)
    guard let configuration = try? TokenizerFile.Configuration(text) else { throw damaged() }
    self.init(settings: configuration.settings, documentCount: configuration.documentCount, words: words)
  }

  public func preview(limit: Int) -> ValuePreview {
    let ranking = Array(ranking.prefix(max(limit, 0))).map(Int32.init)
    let first = try? ranking.withUnsafeBufferPointer { try words.rows(at: $0) }
    let shown = (first ?? words).preview(limit: limit)
    return ValuePreview(columns: shown.columns, rows: shown.rows, rowCount: words.count, json: shown.json)
  }
}
