import Graph

/// The different values of some columns, or of combinations of them, in memory, and how often each is there. Rows in which
/// one is null are left out.
final class ValueGroups {
  private let table: GroupTable
  private let counts = CountAccumulator(countType: .int64)
  private let found = UnsafeMutablePointer<Int32>.allocate(capacity: KeyBatch.mostRows)
  private let limit: Limit

  /// How much memory they may take.
  struct Limit {
    /// `--memory`.
    let memory: Int
    /// How many partial results are in memory at once.
    let fanIn: Int
    /// What is counted, for messages.
    let what: String
    /// What to do where it is too much.
    let remedy: String

    /// While they are looked up.
    var most: Int { memory / 4 }
    /// As a partial result, of which several are in memory at once.
    var mostStored: Int { memory / 2 / fanIn }
  }

  init(_ types: [ColumnType], _ limit: Limit) {
    table = GroupTable(types)
    self.limit = limit
  }

  deinit { found.deallocate() }

  /// Bytes of memory they take.
  var byteCount: Int { table.byteCount + counts.byteCount }

  /// Takes up rows.
  ///
  /// - Parameters:
  ///   - columns: of the types it was made with.
  ///   - rowCounts: how often each row counts, int64; once if left out.
  /// - Throws: `TaskError` with code `.tooLarge` where they take too much memory.
  func take(_ columns: [Column], rowCounts: Column? = nil, context: any TaskContext) throws {
    let batch = KeyBatch(columns)
    let count = columns[0].count
    for start in stride(from: 0, to: count, by: KeyBatch.mostRows) {
      let rows = start..<min(start + KeyBatch.mostRows, count)
      batch.load(rows)
      table.find(batch, into: found)
      counts.grow(to: table.count)
      if let rowCounts { counts.merge([rowCounts], rows, found) } else { counts.update(nil, rows, found) }
      guard start % (KeyBatch.mostRows * 16) == 0 || rows.upperBound == count else { continue }
      try context.checkCancellation()
      guard byteCount <= limit.most else {
        throw TaskError(
          .tooLarge,
          "\(limit.what) has \(table.count) different values so far, which take \(ByteCount(byteCount)), and may take "
            + "\(ByteCount(limit.most)), a quarter of --memory; \(limit.remedy)")
      }
    }
  }

  /// The values in the order of their first rows, and how often each is there.
  ///
  /// - Parameters:
  ///   - context: the task whose result they are. The tree's last is not held with others.
  ///   - areCounted: whether it has the counts too.
  /// - Throws: `TaskError` with code `.tooLarge`.
  func result(of context: any TaskContext, areCounted: Bool) throws -> (values: [Column], counts: Column) {
    var groups: [Int32] = []
    for group in 0..<table.count where !table.keys.hasNull(group) { groups.append(Int32(truncatingIfNeeded: group)) }
    let values = try groups.withUnsafeBufferPointer { try table.keys.columns($0) }
    let counts = try groups.withUnsafeBufferPointer { try self.counts.result($0) }
    let bytes = values.reduce(areCounted ? counts.byteCount : 0) { $0 + $1.byteCount }
    guard bytes <= limit.mostStored || context.key.role == .whole else {
      throw TaskError(
        .tooLarge,
        "\(limit.what) has \(counts.count) different values so far, a partial result of \(ByteCount(bytes)), and one may take "
          + "\(ByteCount(limit.mostStored)), for \"split_every\" of them are in memory at once; \(limit.remedy), or set "
          + "\"split_every\" to less")
    }
    return (values, counts)
  }
}

extension Table {
  /// A column's values as they are counted: those of lists item by item.
  ///
  /// - Throws: `TaskError` with code `.missingColumn`, or `.wrongType` for what cannot be told apart.
  func countable(_ name: String, for purpose: String, file: String?) throws -> Column {
    let column = try column(name, file: file)
    guard case .lists(_, let items) = column.storage else {
      guard !column.type.isNested else { throw uncountable(name, column, purpose, file) }
      return column
    }
    guard !items.type.isNested else { throw uncountable(name, column, purpose, file) }
    return try column.withOffsets { offsets in
      if column.nullCount == 0, offsets[0] == 0, Int(offsets[column.count]) == items.count { return items }
      var numbers = BufferBuilder(capacity: items.count * 4)
      for row in 0..<column.count where !column.isNull(row) {
        for item in offsets[row]..<offsets[row + 1] { numbers.append(item) }
      }
      let wanted = numbers.finish()
      return try withExtendedLifetime(wanted) { try items.cells(at: wanted.elements(of: Int32.self)) }
    }
  }

  private func uncountable(_ name: String, _ column: Column, _ purpose: String, _ file: String?) -> TaskError {
    TaskError(
      .wrongType,
      "column \"\(name)\" holds \(column.type), and \(purpose) takes strings, numbers, dates, flags and lists of them; name "
        + "another column", file: file)
  }
}
