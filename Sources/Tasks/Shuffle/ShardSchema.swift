import Graph

/// The columns of a table that was split: the header of its shards, so that who gathers a shard without records knows its
/// columns too.
///
/// Files say little about a column that holds nothing: one that is null throughout has any type that the others have. And
/// a table without records has no say where another has some.
struct ShardSchema {
  let names: [String]
  private(set) var types: [ColumnType]
  /// Whether all cells of a column are null.
  private var isNull: [Bool]
  private let hasRows: Bool
  /// Where it is from, for messages.
  private let source: String

  init(_ table: Table, source: String) {
    names = table.names
    types = table.columns.map(\.type)
    isNull = table.columns.map { $0.nullCount == $0.count }
    hasRows = table.count > 0
    self.source = source
  }

  /// A column's type; `nil` where it is not there, or null throughout.
  func type(of name: String) -> ColumnType? {
    names.firstIndex { ByteText($0) == ByteText(name) }.flatMap { isNull[$0] ? nil : types[$0] }
  }

  // Encoded: Int64 length of what follows up to the source; Int64 columns; a byte for each column and one for rows, padded
  // to 8; the table without its rows, padded to 8; the source.

  func encoded() throws -> Buffer {
    let out = PieceBuilder()
    out.builder.append(Int64(0))
    out.builder.append(Int64(names.count))
    for flag in isNull { out.builder.append(UInt8(flag ? 1 : 0)) }
    out.builder.append(UInt8(hasRows ? 1 : 0))
    out.align()
    try TableAppender(names: names, types: types).finish().write(to: out)
    out.align()
    out.builder.base.storeBytes(of: Int64(out.builder.count - 8), as: Int64.self)
    out.builder.append(source)
    return Buffer(out.builder.bytes)
  }

  private init(encoded header: Buffer) throws {
    let damaged = TaskError(.corruptValue, "stored shards are damaged; resume computes them again")
    guard header.count >= 16 else { throw damaged }
    let end = 8 + header.bytes.loadUnaligned(as: Int.self)
    let count = header.bytes.loadUnaligned(fromByteOffset: 8, as: Int.self)
    guard (16...header.count).contains(end), (0..<end).contains(count) else { throw damaged }
    let start = (16 + count + 1 + 7) / 8 * 8
    guard start <= end else { throw damaged }
    let table = try Table(contentsOf: header.slice(start..<end))
    guard table.columns.count == count else { throw damaged }
    names = table.names
    types = table.columns.map(\.type)
    isNull = (0..<count).map { header.bytes[16 + $0] != 0 }
    hasRows = header.bytes[16 + count] != 0
    source = String(decoding: header.bytes[end...], as: UTF8.self)
  }

  /// The columns that all have, in the order of the first.
  ///
  /// - Throws: `TaskError` with code `.badInput` where one has other columns, or another type.
  static func common(to sets: [ShardSet]) throws -> ShardSchema { try common(toSchemas: sets.map(\.header)) }

  /// The same for what `encoded` gave.
  static func common(toSchemas headers: [Buffer]) throws -> ShardSchema {
    var common: ShardSchema?
    var last: Buffer?
    for header in headers {
      // Most are like the one before, but for where they are from.
      if let last, isLike(last, header) { continue }
      last = header
      let schema = try ShardSchema(encoded: header)
      guard let before = common, before.hasRows || (!schema.hasRows && !before.names.isEmpty) else {
        common = schema
        continue
      }
      if schema.hasRows { try common!.take(schema) }
    }
    return common ?? ShardSchema(Table(names: [], columns: [], count: 0), source: "")
  }

  private static func isLike(_ one: Buffer, _ other: Buffer) -> Bool {
    guard one.count >= 8, other.count >= 8 else { return false }
    let (end, otherEnd) = (one.bytes.loadUnaligned(as: Int.self), other.bytes.loadUnaligned(as: Int.self))
    guard end == otherEnd, end >= 0, one.count - 8 >= end, other.count - 8 >= end else { return false }
    return one.bytes[..<(8 + end)].elementsEqual(other.bytes[..<(8 + end)])
  }

  private mutating func take(_ other: ShardSchema) throws {
    if let name = names.first(where: { !other.names.containsBytes(of: $0) }) {
      throw ShardSchema.misfit("\(other.source) has no column \"\(name)\", which \(source) has")
    }
    if let name = other.names.first(where: { !names.containsBytes(of: $0) }) {
      throw ShardSchema.misfit("\(source) has no column \"\(name)\", which \(other.source) has")
    }
    let places = Dictionary(uniqueKeysWithValues: other.names.enumerated().map { (ByteText($1), $0) })
    for (column, name) in names.enumerated() {
      let place = places[ByteText(name)]!
      if other.isNull[place] { continue }
      if isNull[column] {
        types[column] = other.types[place]
        isNull[column] = false
      } else if types[column] != other.types[place] {
        throw ShardSchema.misfit(
          "column \"\(name)\" holds \(types[column]) in \(source) and \(other.types[place]) in \(other.source)")
      }
    }
  }

  private static func misfit(_ what: String) -> TaskError {
    TaskError(
      .badInput,
      "\(what): what is partitioned by ID must have the same columns in all partitions; select those that it has "
        + "everywhere, or name them where the files are read")
  }
}
