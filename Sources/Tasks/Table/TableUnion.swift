import Graph

/// The columns of tables that are put behind one another: by name, in the order of the first table that has records.
///
/// What a file says little about fits everything: a column that is null throughout has any type that the others have, and
/// a table without records has no say where another has some. Numbers of different types become the wider one, whole ones
/// `float64` where others have fractions; all else has to be the same.
struct TableUnion {
  private(set) var names: [String] = []
  private(set) var types: [ColumnType] = []
  /// Where each type is from, for messages; `nil` while its column is null throughout.
  private var origins: [String?] = []
  private var hasRows = false
  private var isEmpty = true
  private var source = ""
  /// Whether a table may lack columns that another has.
  let fillsMissing: Bool

  init(fillsMissing: Bool) { self.fillsMissing = fillsMissing }

  /// What was found before, from its `outline`.
  init(outline: Table) {
    fillsMissing = true
    names = outline.names
    types = outline.columns.map(\.type)
    origins = outline.columns.map { $0.nullCount == 0 ? "" : nil }
  }

  /// - Parameter source: what the table is called in messages.
  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  mutating func add(_ table: Table, source: String) throws {
    if isEmpty || (!fillsMissing && table.count > 0 && !hasRows) {
      names = table.names
      types = table.columns.map(\.type)
      origins = table.columns.map { $0.nullCount < $0.count ? source : nil }
      hasRows = table.count > 0
      isEmpty = table.names.isEmpty
      self.source = source
      return
    }
    guard fillsMissing || table.count > 0 || !hasRows else { return }
    hasRows = hasRows || table.count > 0
    if !fillsMissing, let name = names.first(where: { !table.names.containsBytes(of: $0) }) {
      throw missing(name, in: source, there: self.source)
    }
    for (name, column) in zip(table.names, table.columns) {
      guard let place = names.firstIndex(where: { ByteText($0) == ByteText(name) }) else {
        guard fillsMissing else { throw missing(name, in: self.source, there: source) }
        names.append(name)
        types.append(column.type)
        origins.append(column.nullCount < column.count ? source : nil)
        continue
      }
      if column.nullCount == column.count { continue }
      guard let origin = origins[place] else {
        types[place] = column.type
        origins[place] = source
        continue
      }
      guard let common = TableUnion.common(types[place], column.type) else {
        throw TaskError(
          .wrongType,
          "column \"\(name)\" holds \(types[place]) in \(origin) and \(column.type) in \(source); make it one type with "
            + "table.cast before")
      }
      types[place] = common
    }
  }

  private func missing(_ name: String, in poor: String, there: String) -> TaskError {
    TaskError(
      .missingColumn,
      "\(poor) has no column \"\(name)\", which \(there) has; select those that all have, or name the columns where the "
        + "files are read")
  }

  /// The type that holds the values of both; `nil` if there is none.
  static func common(_ a: ColumnType, _ b: ColumnType) -> ColumnType? {
    if a == b { return a }
    let whole: [ColumnType] = [.int8, .int32, .int64]
    if let x = whole.firstIndex(of: a), let y = whole.firstIndex(of: b) { return whole[max(x, y)] }
    func isNumber(_ type: ColumnType) -> Bool { whole.contains(type) || type == .float32 || type == .float64 }
    return isNumber(a) && isNumber(b) ? .float64 : nil
  }

  /// The table with these columns in this order, cells of their types; what is missing is null.
  ///
  /// - Throws: `TaskError` with code `.wrongType` where a whole number is none that `float64` holds.
  func fitted(_ table: Table, source: String) throws -> Table {
    var columns: [Column] = []
    for (place, (name, type)) in zip(names, types).enumerated() {
      guard let column = table[name] else {
        columns.append(Column.nulls(of: type, count: table.count))
        continue
      }
      // Where nothing is known of the type, each table has its own.
      if column.type == type || origins[place] == nil {
        columns.append(column)
      } else if column.nullCount == column.count {
        columns.append(Column.nulls(of: type, count: table.count))
      } else {
        guard TableUnion.common(column.type, type) == type else {
          throw TaskError(
            .wrongType,
            "column \"\(name)\" holds \(column.type) in \(source) and \(type) elsewhere; make it one type with table.cast "
              + "before")
        }
        let (cast, failed) = try ColumnCast(column, to: type, exact: true).run()
        if let row = failed.first {
          throw TaskError(
            .wrongType,
            "column \"\(name)\" is of float64, which does not hold \(ColumnCast.text(of: column, at: row)) in \(source) "
              + "exactly; make it one type with table.cast before", record: "\(row + 1)")
        }
        columns.append(cast)
      }
    }
    return Table(names: names, columns: columns, count: table.count)
  }

  /// Several tables behind one another.
  ///
  /// - Throws: as `add` and `fitted` do; `TaskError` with code `.tooLarge`.
  static func joined(_ tables: [Table], source: (Int) -> String) throws -> Table {
    guard tables.count > 1 else { return tables.first ?? Table([]) }
    var union = TableUnion(fillsMissing: false)
    for (index, table) in tables.enumerated() { try union.add(table, source: source(index)) }
    var all = TableAppender(names: union.names, types: union.types)
    for (index, table) in tables.enumerated() where table.count > 0 {
      try all.append(union.fitted(table, source: source(index)))
    }
    return all.finish()
  }

  /// What tables agree on, as a table of one record: columns of their types, null where no type is known.
  func outline() -> Table {
    Table(
      names: names,
      columns: zip(types, origins).map { type, origin in
        let null = Column.nulls(of: type, count: 1)
        return origin == nil ? null : Column(type: type, count: 1, storage: null.storage)
      }, count: 1)
  }
}

extension Column {
  /// A column that holds nothing.
  static func nulls(of type: ColumnType, count: Int) -> Column {
    let appender = ColumnAppender(type)
    appender.appendNulls(count)
    return appender.finish()
  }
}
