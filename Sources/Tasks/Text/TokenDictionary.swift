import Graph

/// The tokens of a corpus, as a table in the order of their ids: `token` (string), `id` (int32, from 0), `documents` and
/// `count` (int64: in how many documents it is, and how often in all), `total` (int64: how many documents there are).
struct TokenDictionary {
  static let names = ["token", "id", "documents", "count", "total"]
  static let types: [ColumnType] = [.utf8, .int32, .int64, .int64, .int64]

  let table: Table

  /// - Throws: `TaskError` with code `.wrongType` for another table.
  init(_ value: any TaskValue) throws {
    guard let table = value as? Table, table.names.elementsEqual(TokenDictionary.names),
      table.columns.map(\.type) == TokenDictionary.types, table.columns.allSatisfy({ $0.nullCount == 0 }),
      table.columns[1].values(as: Int32.self).enumerated().allSatisfy({ $0.offset == Int($0.element) })
    else {
      throw TaskError(
        .wrongType,
        "the input \"dictionary\" is no dictionary with all its tokens in the order of their ids; take it from "
          + "text.fitDictionary, and leave tokens out there")
    }
    self.table = table
  }

  var documents: UnsafeBufferPointer<Int64> { table.columns[2].values(as: Int64.self) }
  var total: Int64 { table.count == 0 ? 0 : table.columns[4].values(as: Int64.self)[0] }

  /// What looks tokens up: their numbers are their ids.
  func lookup() -> StringTable {
    var tokens = StringTable()
    table.columns[0].withStrings { cells in for row in 0..<cells.count { _ = tokens.insert(cells[row]) } }
    return tokens
  }
}

/// Counts tokens, in the order in which gensim numbers them: by the first document they are in, and within it by code point.
struct DictionaryCounts: ~Copyable {
  private var tokens = StringTable()
  private var documents: [Int64] = []
  private var counts: [Int64] = []
  /// The last document that each was seen in.
  private var last: [Int64] = []
  private var total: Int64 = 0

  /// Counts the documents of a column of lists of strings; nulls are none.
  mutating func add(_ column: Column, context: any TaskContext) throws {
    guard let items = column.items else { preconditionFailure("\(column.type) is no list") }
    var new = StringTable()
    try items.withStrings { cells in
      try column.withOffsets { offsets in
        for row in 0..<column.count where !column.isNull(row) {
          if row % 4096 == 4095 { try context.checkCancellation() }
          total += 1
          let range = Int(offsets[row])..<Int(offsets[row + 1])
          var hasNew = false
          for item in range where tokens.number(of: cells[item]) == nil {
            if !hasNew { new = StringTable() }
            hasNew = true
            _ = new.insert(cells[item])
          }
          if hasNew { for number in new.sorted() { add(new.text(number)) } }
          for item in range {
            let number = tokens.number(of: cells[item])!
            counts[number] += 1
            if last[number] != total {
              last[number] = total
              documents[number] += 1
            }
          }
        }
      }
    }
  }

  /// Adds what was counted in documents that come behind all so far: a table that `finish` gave.
  mutating func add(_ other: TokenDictionary) {
    let (others, all) = (other.documents, other.table.columns[3].values(as: Int64.self))
    other.table.columns[0].withStrings { cells in
      // The last row stands for the documents alone.
      for row in 0..<max(cells.count - 1, 0) {
        add(cells[row])
        let number = tokens.number(of: cells[row])!
        documents[number] += others[row]
        counts[number] += all[row]
      }
    }
    total += other.total
  }

  private mutating func add(_ token: UnsafeBufferPointer<UInt8>) {
    guard tokens.insert(token) == documents.count else { return }
    documents.append(0)
    counts.append(0)
    last.append(0)
  }

  /// The tokens of those numbers, with new ids in their order.
  ///
  /// - Parameter isPartial: whether a row comes behind them that is no token, for documents without any count too.
  private func table(_ numbers: [Int], isPartial: Bool = false) throws -> Table {
    var texts = StringColumnBuilder(rows: numbers.count)
    var columns = (0..<3).map { _ in [Int64]() }
    for number in numbers {
      try texts.append(tokens.text(number))
      columns[0].append(documents[number])
      columns[1].append(counts[number])
      columns[2].append(total)
    }
    if isPartial {
      try texts.append("")
      for (column, value) in [0, 0, total].enumerated() { columns[column].append(value) }
    }
    let count = columns[0].count
    var ids = FixedColumnBuilder<Int32>(capacity: count)
    for id in 0..<count { ids.append(Int32(truncatingIfNeeded: id)) }
    return Table(
      names: TokenDictionary.names, columns: [texts.finish(), ids.finish()] + columns.map { .of($0) }, count: count)
  }

  /// What `add` takes.
  func finish() throws -> Table { try table(Array(0..<tokens.count), isPartial: true) }

  /// Those that are in enough documents and not in too many.
  ///
  /// - Parameters:
  ///   - noBelow: documents at least.
  ///   - noAbove: documents at most, as a share.
  ///   - most: so many of them that are in most documents; of equals those that came first.
  ///   - isSorted: ids by code point; else as tokens came.
  /// - Note: Source: gensim 4, `Dictionary.filter_extremes` and `compactify`.
  func filtered(noBelow: Int, noAbove: Double, most: Int?, isSorted: Bool) throws -> Table {
    let greatest = Int64(noAbove * Double(total))
    var kept = (0..<tokens.count).filter { documents[$0] >= Int64(noBelow) && documents[$0] <= greatest }
    if let most, most < kept.count {
      let ranked = kept.sorted { documents[$0] != documents[$1] ? documents[$0] > documents[$1] : $0 < $1 }
      kept = ranked.prefix(most).sorted()
    }
    guard isSorted else { return try table(kept) }
    var isKept = [Bool](repeating: false, count: tokens.count)
    for number in kept { isKept[number] = true }
    return try table(tokens.sorted().filter { isKept[$0] })
  }
}
