import Graph

/// Which records of a left table go with which of a right one, and what comes of it.
struct JoinRows {
  enum Kind: String, CaseIterable {
    /// Each pair of records with the same key.
    case inner
    /// The same, and each record of the left that has no partner, with nulls.
    case left
    /// Each record of the left that has a partner, once.
    case semi
    /// Each record of the left that has none.
    case anti

    /// Whether the right side's columns come out.
    var takesRight: Bool { self == .inner || self == .left }
  }

  let kind: Kind
  let leftKeys: [String]
  let rightKeys: [String]
  /// Goes behind names of the right side that the left has too.
  let suffix: String

  /// - Parameters:
  ///   - left: some records of the left side.
  ///   - right: all that may be their partners.
  ///   - file: what the left is from, for messages.
  ///   - context: the task's way to what is outside it.
  ///   - check: throws where so many bytes are more than the result may take.
  /// - Returns: the left's records in their order, each with its partners in theirs.
  /// - Throws: `TaskError` with code `.missingColumn`, `.wrongType`, `.invalidParameter` or `.tooLarge`.
  func joined(
    _ left: Table, with right: JoinTable, file: String?, context: any TaskContext, check: (_ bytes: Int) throws -> Void
  ) throws -> Table {
    // A partition without records may say nothing about its columns.
    guard left.count > 0 || !left.names.isEmpty else { return left }
    let keys = try leftKeys.map { name in try JoinRows.key(left, name, of: .left, file: file) }
    let rightColumns = kind.takesRight ? try rightColumns(of: right, left: left.names) : []
    var pairs = JoinPairs()
    defer { pairs.free() }
    let comparable = try isComparable(keys, with: right)
    let batch = comparable ? KeyBatch(keys) : nil
    let found = UnsafeMutablePointer<Int32>.allocate(capacity: KeyBatch.mostRows)
    defer { found.deallocate() }
    let width = JoinRows.rowBytes(left) + (kind.takesRight ? JoinRows.rowBytes(right.records) : 0)
    for start in stride(from: 0, to: left.count, by: KeyBatch.mostRows) {
      if start % (KeyBatch.mostRows * 16) == 0 { try context.checkCancellation() }
      let rows = start..<min(start + KeyBatch.mostRows, left.count)
      if let batch {
        batch.load(rows)
        right.find(batch, into: found)
      } else {
        found.update(repeating: -1, count: rows.count)
      }
      switch kind {
      case .semi: for (index, row) in rows.enumerated() where found[index] >= 0 { pairs.append(row) }
      case .anti: for (index, row) in rows.enumerated() where found[index] < 0 { pairs.append(row) }
      case .inner, .left:
        try right.withFollowers { next in
          for (index, row) in rows.enumerated() {
            var record = found[index]
            if record < 0, kind == .left { pairs.append(row, Int32(truncatingIfNeeded: right.count)) }
            while record >= 0 {
              pairs.append(row, record)
              record = next[Int(record)]
              // One record may have all others as its partners.
              if pairs.count % 65_536 == 0 {
                try context.checkCancellation()
                try check(pairs.count * (width + 8))
              }
            }
          }
        }
      }
      try check(pairs.count * (width + 8))
    }
    // Records may be of very different sizes.
    try check(
      left.byteCount(ofRows: pairs.leftRows)
        + rightColumns.reduce(0) { $0 + $1.column.byteCount(ofCells: pairs.rightRows) })
    return try made(left, pairs, rightColumns)
  }

  /// What comes of a left side that has these columns and no records.
  func outline(left: Table, right: JoinTable) throws -> Table {
    guard kind.takesRight else { return left }
    let others = try rightColumns(of: right, left: left.names).map {
      ($0.name, Column.nulls(of: $0.column.type, count: 0))
    }
    return Table(names: left.names + others.map(\.0), columns: left.columns + others.map(\.1), count: 0)
  }

  private func made(
    _ left: Table, _ pairs: JoinPairs, _ rightColumns: [(name: String, column: Column)]
  ) throws -> Table {
    // Where each record of the left has one partner, its columns stay as they are.
    let leftColumns =
      pairs.count == left.count && pairs.isEachOnce
      ? left.columns : try left.columns.map { try $0.cells(at: pairs.leftRows) }
    let others = try rightColumns.map { try $0.column.cells(at: pairs.rightRows) }
    return Table(
      names: left.names + rightColumns.map(\.name), columns: leftColumns + others, count: pairs.count)
  }

  /// The right's columns but its keys, with the names they get.
  private func rightColumns(of right: JoinTable, left: [String]) throws -> [(name: String, column: Column)] {
    var taken = Set(left.map(ByteText.init))
    return try zip(right.records.names, right.records.columns).filter { !rightKeys.containsBytes(of: $0.0) }
      .map { name, column in
        let own = left.containsBytes(of: name) ? name + suffix : name
        guard taken.insert(ByteText(own)).inserted else {
          throw TaskError(
            .invalidParameter,
            "two columns would be called \"\(own)\"; rename or drop one of them before, or set another \"suffix\"")
        }
        return (own, column)
      }
  }

  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  static func key(_ table: Table, _ name: String, of side: JoinSide, file: String?) throws -> Column {
    guard let column = table[name] else {
      let missing = table.missing(name, file: file)
      throw TaskError(.missingColumn, "\(side.rawValue) side: " + missing.message, file: file)
    }
    guard !column.type.isNested else {
      throw TaskError(
        .wrongType,
        "\(side.rawValue) side: column \"\(name)\" holds \(column.type), and a key is a string, a number, a date or a "
          + "flag; name another", file: file)
    }
    return column
  }

  /// Whether any key can be equal: where one side has only nulls, none is.
  private func isComparable(_ left: [Column], with right: JoinTable) throws -> Bool {
    for (number, column) in left.enumerated() {
      let other = try right.records.column(rightKeys[number])
      if column.nullCount == column.count || other.nullCount == other.count { return false }
      try check(number, column.type, other.type)
    }
    return true
  }

  private func check(_ key: Int, _ left: ColumnType, _ right: ColumnType) throws {
    guard KeyClass(left) != KeyClass(right) else { return }
    throw TaskError(
      .wrongType,
      "column \"\(leftKeys[key])\" holds \(left) on the left, and \"\(rightKeys[key])\" \(right) on the right: they are "
        + "never equal; make them one type with table.cast before")
  }

  /// - Throws: `TaskError` with code `.wrongType` where keys of both sides that hold something are never equal.
  func checkKeys(_ left: ShardSchema, _ right: ShardSchema) throws {
    for number in leftKeys.indices {
      guard let one = left.type(of: leftKeys[number]), let other = right.type(of: rightKeys[number]) else { continue }
      try check(number, one, other)
    }
  }

  /// What can be compared with what.
  private enum KeyClass {
    case whole, number, flag, date, timestamp, text, nested

    init(_ type: ColumnType) {
      self =
        switch type {
        case .int8, .int32, .int64: .whole
        case .float32, .float64: .number
        case .bool: .flag
        case .date: .date
        case .timestamp: .timestamp
        case .utf8: .text
        case .list, .vector, .structure: .nested
        }
    }
  }

  private static func rowBytes(_ table: Table) -> Int { table.byteCount / max(table.count, 1) }
}

/// Numbers of rows that go together; its owner frees it.
private struct JoinPairs {
  private var left = RawArray<Int32>()
  private var right = RawArray<Int32>()
  /// Whether the left's rows are 0, 1, 2, …
  private(set) var isEachOnce = true

  var count: Int { left.count }

  func free() {
    left.free()
    right.free()
  }

  @inline(__always)
  mutating func append(_ row: Int) {
    isEachOnce = isEachOnce && row == left.count
    left.append(Int32(truncatingIfNeeded: row))
  }

  @inline(__always)
  mutating func append(_ row: Int, _ record: Int32) {
    append(row)
    right.append(record)
  }

  var leftRows: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: left.base, count: left.count) }
  var rightRows: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: right.base, count: right.count) }
}
