import CSimdJSON
import Graph

/// What the cells of a column of JSON lines are.
enum JSONType: String, CaseIterable, Sendable {
  case bool
  case int64
  case float64
  case string
  case strings

  /// - Returns: `nil` for null, and for what no column can hold.
  init?(_ kind: sj_kind) {
    switch kind {
    case SJ_BOOL: self = .bool
    case SJ_INTEGER: self = .int64
    case SJ_NUMBER: self = .float64
    case SJ_STRING: self = .string
    case SJ_STRINGS: self = .strings
    default: return nil
    }
  }

  /// Whether a column of this type holds what is of type `other`: numbers hold whole numbers.
  func holds(_ other: JSONType) -> Bool { self == other || (self == .float64 && other == .int64) }

  var words: String {
    switch self {
    case .bool: "true or false"
    case .int64, .float64: "a number"
    case .string: "a string"
    case .strings: "a list of strings"
    }
  }

  /// Bytes that a cell takes, without its text.
  var width: Int {
    switch self {
    case .bool: 1
    case .int64, .float64: 8
    case .string, .strings: 4
    }
  }
}

/// A column of JSON lines, settled before anything is read.
struct JSONColumn: Sendable {
  let name: String
  let type: JSONType
  let origin: Origin

  /// Why it has its type.
  enum Origin: Sendable {
    /// The user said so.
    case given
    /// The line that begins at a byte of one of the files.
    case line(file: Int, offset: Int)
    /// No record says it; strings, then.
    case nowhere
  }
}

/// Fills the columns of a partition with its records.
struct JSONColumnsBuilder {
  private let columns: [JSONColumn]
  /// Whether fields that are none of the columns' are passed over.
  private let isChosen: Bool
  private let builders: [JSONColumnBuilder]
  private var count = 0
  /// The column for every field of the record at hand; -1 where it is passed over.
  private var places: [Int] = []

  /// What is wrong with a record.
  enum Problem {
    case plain(String)
    /// It contradicts the line that a column has its type from: what is said before that line's name, and behind it.
    case contradicts(file: Int, offset: Int, String, String)

    /// - Parameter name: names a line.
    func why(_ name: ((file: Int, offset: Int)) throws -> String) rethrows -> String {
      switch self {
      case .plain(let why): why
      case .contradicts(let file, let offset, let before, let behind): before + (try name((file, offset))) + behind
      }
    }
  }

  init(_ columns: [JSONColumn], isChosen: Bool) {
    (self.columns, self.isChosen) = (columns, isChosen)
    builders = columns.map { JSONColumnBuilder($0) }
  }

  /// Adds a record, whole or not at all.
  ///
  /// - Returns: why it cannot be added, or `nil`.
  mutating func append(_ fields: UnsafeBufferPointer<sj_field>) throws -> Problem? {
    places.removeAll(keepingCapacity: true)
    for field in fields {
      let place = place(of: field.name.buffer, hint: places.count)
      places.append(place)
      if let problem = place >= 0 ? objection(to: field, columns[place]) : objection(toNew: field) { return problem }
    }
    for (index, place) in places.enumerated() where place >= 0 && places[..<index].contains(place) {
      return .plain("\"\(columns[place].name)\" stands in the record twice")
    }
    for (field, place) in zip(fields, places) where place >= 0 { try builders[place].append(field, row: count) }
    count += 1
    return nil
  }

  private func place(of name: UnsafeBufferPointer<UInt8>, hint: Int) -> Int {
    // Records mostly have the same fields in the same order.
    if hint < builders.count, builders[hint].hasName(name) { return hint }
    return builders.firstIndex { $0.hasName(name) } ?? -1
  }

  /// Why a field that is none of the columns' cannot be passed over; nothing is lost with null.
  private func objection(toNew field: sj_field) -> Problem? {
    guard !isChosen, field.kind != SJ_NULL else { return nil }
    let name = jsonQuoted(String(decoding: field.name.buffer, as: UTF8.self))
    let add = JSONType(field.kind).map { "add it with types: {\(name): \($0)}, or " } ?? ""
    return .plain(
      "\(name) is in none of the records that the columns were learnt from; \(add)name the columns to read with columns"
    )
  }

  private func objection(to field: sj_field, _ column: JSONColumn) -> Problem? {
    let name = jsonQuoted(column.name)
    let what = field.found.map { String(cString: $0) } ?? "something else"
    switch field.kind {
    case SJ_NULL: return nil
    case SJ_BIG_INTEGER: return .plain("\(name) is \(what), which no column can hold; write it as a string")
    default: break
    }
    guard let type = JSONType(field.kind) else { return .plain("\(name) is \(what), which no column can hold") }
    if column.type.holds(type) { return nil }
    let remedy = "types: {\(name): \(type)}"
    let isFraction = type.holds(column.type)
    switch column.origin {
    case .given:
      return .plain(
        isFraction
          ? "\(name) is no whole number here, but one by types; say \(remedy)"
          : "\(name) is \(what) here, but \(column.type.words) by types")
    case .nowhere:
      return .plain(
        "\(name) is \(what) here, and no record that the columns were learnt from says its type; say \(remedy)")
    case .line(let file, let offset):
      return isFraction
        ? .plain(
          "\(name) is no whole number here, but one in the records that the columns were learnt from; say \(remedy)")
        : .contradicts(
          file: file, offset: offset, "\(name) is \(what) here, but \(column.type.words) in ",
          ", as in most records looked at; if that is wrong, say \(remedy)")
    }
  }

  func finish() throws -> Table {
    Table(names: columns.map(\.name), columns: try builders.map { try $0.finish(count: count) }, count: count)
  }
}

/// The cells of one column.
private final class JSONColumnBuilder {
  private let nameBytes: [UInt8]
  private let type: JSONType
  // One of these is there.
  private var bools: BoolColumnBuilder?
  private var integers: FixedColumnBuilder<Int64>?
  private var numbers: FixedColumnBuilder<Double>?
  private var texts: StringColumnBuilder?
  private var lists: StringListColumnBuilder?
  /// Cells that hold something or null.
  private var filled = 0

  init(_ column: JSONColumn) {
    nameBytes = Array(column.name.utf8)
    type = column.type
    switch type {
    case .bool: bools = BoolColumnBuilder()
    case .int64: integers = FixedColumnBuilder<Int64>()
    case .float64: numbers = FixedColumnBuilder<Double>()
    case .string: texts = StringColumnBuilder()
    case .strings: lists = StringListColumnBuilder()
    }
  }

  func hasName(_ other: UnsafeBufferPointer<UInt8>) -> Bool { nameBytes.elementsEqual(other) }

  /// - Precondition: the field is null, or of a type that the column holds.
  func append(_ field: sj_field, row: Int) throws {
    guard field.kind != SJ_NULL else { return }
    try fillNulls(to: row)
    filled += 1
    switch type {
    case .bool: bools?.append(field.integer != 0)
    case .int64: integers?.append(field.integer)
    case .float64: numbers?.append(field.kind == SJ_INTEGER ? Double(field.integer) : field.number)
    case .string: try texts?.append(field.text.buffer)
    case .strings:
      for index in 0..<field.item_count { try lists?.appendItem(field.items[index].buffer) }
      try lists?.closeRow()
    }
  }

  private func fillNulls(to row: Int) throws {
    while filled < row {
      filled += 1
      switch type {
      case .bool: bools?.appendNull()
      case .int64: integers?.appendNull()
      case .float64: numbers?.appendNull()
      case .string: try texts?.appendNull()
      case .strings: try lists?.appendNull()
      }
    }
  }

  /// - Precondition: it is called once.
  func finish(count: Int) throws -> Column {
    try fillNulls(to: count)
    if let column = bools.take()?.finish() { return column }
    if let column = integers.take()?.finish() { return column }
    if let column = numbers.take()?.finish() { return column }
    if let column = texts.take()?.finish() { return column }
    return (lists.take() ?? StringListColumnBuilder()).finish()
  }
}
