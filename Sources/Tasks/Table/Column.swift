import Graph

/// What a column's cells are.
public indirect enum ColumnType: Hashable, Sendable, CustomStringConvertible {
  case int8
  case int32
  case int64
  case float32
  case float64
  /// One bit a cell.
  case bool
  /// Days since 1970-01-01, 32 bits.
  case date
  /// Microseconds since 1970-01-01 00:00:00, 64 bits, without a time zone.
  case timestamp
  /// Text.
  case utf8
  case list(ColumnType)
  /// So many items in every cell.
  case vector(ColumnType, width: Int)
  /// Fields under names that differ in their bytes, each of which may be null.
  case structure([Field])

  /// A field of a structure.
  public struct Field: Hashable, Sendable {
    public let name: String
    public let type: ColumnType

    public init(_ name: String, _ type: ColumnType) {
      self.name = name
      self.type = type
    }
  }

  public var description: String {
    switch self {
    case .int8: "int8"
    case .int32: "int32"
    case .int64: "int64"
    case .float32: "float32"
    case .float64: "float64"
    case .bool: "bool"
    case .date: "date"
    case .timestamp: "timestamp"
    case .utf8: "string"
    case .list(let item): "list of \(item)"
    case .vector(let item, let width): "vector of \(width) \(item)"
    case .structure(let fields): "structure of (\(fields.map { "\($0.name): \($0.type)" }.joined(separator: ", ")))"
    }
  }

  /// Numbers and flags, which can be added up.
  public var isNumeric: Bool {
    switch self {
    case .int8, .int32, .int64, .float32, .float64, .bool: true
    case .date, .timestamp, .utf8, .list, .vector, .structure: false
    }
  }

  /// Lists, vectors and structures, which are no keys.
  var isNested: Bool {
    switch self {
    case .list, .vector, .structure: true
    default: false
    }
  }

  /// Bytes that `count` cells of a fixed-width type take; `nil` for the others.
  func byteCount(cells count: Int) -> Int? {
    switch self {
    case .int8: count
    case .int32, .float32, .date: count * 4
    case .int64, .float64, .timestamp: count * 8
    case .bool: (count + 7) / 8
    case .utf8, .list, .vector, .structure: nil
    }
  }
}

/// One column of a table in Arrow's memory layout.
///
/// - Numbers lie side by side; `bool` and validity take one bit a cell, lowest bit first.
/// - Strings are `count + 1` offsets of `Int32` and the bytes they cut into cells.
/// - Lists are `count + 1` offsets of `Int32` and a column of the items they cut into cells.
/// - Vectors are lists that are padded when they are looked at: see `PaddedLists`.
/// - Structures are a column for each field, with as many cells.
/// - Without validity every cell holds a value. What lies under a null is unspecified, but cut correctly.
public struct Column: Sendable {
  public let type: ColumnType
  public let count: Int
  public let nullCount: Int
  let validity: Buffer?
  let storage: Storage

  enum Storage: Sendable {
    case fixed(Buffer)
    case strings(offsets: Buffer, bytes: Buffer)
    indirect case lists(offsets: Buffer, items: Column)
    indirect case padded(PaddedLists)
    case structures([Column])
  }

  /// The parts must fit together; bytes from a file go through `Table.init(contentsOf:)`, which checks them.
  init(type: ColumnType, count: Int, nullCount: Int = 0, validity: Buffer? = nil, storage: Storage) {
    self.type = type
    self.count = count
    self.nullCount = nullCount
    self.validity = nullCount > 0 ? validity : nil
    self.storage = storage
  }

  /// Bytes of all buffers.
  public var byteCount: Int {
    let own = validity?.count ?? 0
    switch storage {
    case .fixed(let values): return own + values.count
    case .strings(let offsets, let bytes): return own + offsets.count + bytes.count
    case .lists(let offsets, let items): return own + offsets.count + items.byteCount
    case .padded(let padded): return own + padded.lists.byteCount
    case .structures(let fields): return own + fields.reduce(0) { $0 + $1.byteCount }
    }
  }

  public func isNull(_ row: Int) -> Bool {
    precondition(row >= 0 && row < count, "row outside the column")
    guard let validity else { return false }
    return validity.bytes[row >> 3] & (1 << UInt8(row & 7)) == 0
  }

  /// The values of a fixed-width column, null or not. The type must be the column's.
  public func values<T: BitwiseCopyable>(as type: T.Type) -> UnsafeBufferPointer<T> {
    guard case .fixed(let values) = storage else { preconditionFailure("a column of \(self.type) has no values") }
    precondition(values.count >= count * MemoryLayout<T>.stride, "values of another type")
    return UnsafeBufferPointer(rebasing: values.elements(of: type)[0..<count])
  }

  /// The text in a cell of a string column; `nil` where it is null.
  public func string(at row: Int) -> String? {
    guard !isNull(row) else { return nil }
    return withStrings { String(decoding: $0[row], as: UTF8.self) }
  }

  /// The texts in a cell of a column of lists of strings; `nil` where it is null.
  public func strings(at row: Int) -> [String]? {
    guard !isNull(row), case .lists(_, let items) = storage else { return nil }
    return withOffsets { offsets in
      (Int(offsets[row])..<Int(offsets[row + 1])).map { items.string(at: $0) ?? "" }
    }
  }

  /// A whole number, flag, date or timestamp in a cell as `Int64`; `nil` where it is null or the column holds none.
  public func integer(at row: Int) -> Int64? {
    guard !isNull(row) else { return nil }
    switch type {
    case .int8: return Int64(values(as: Int8.self)[row])
    case .int32, .date: return Int64(values(as: Int32.self)[row])
    case .int64, .timestamp: return values(as: Int64.self)[row]
    case .bool: return bit(at: row) ? 1 : 0
    case .float32, .float64, .utf8, .list, .vector, .structure: return nil
    }
  }

  /// A number of any kind in a cell as `Double`; `nil` where it is null or the column holds none.
  public func number(at row: Int) -> Double? {
    guard !isNull(row) else { return nil }
    switch type {
    case .float32: return Double(values(as: Float.self)[row])
    case .float64: return values(as: Double.self)[row]
    case .int8, .int32, .int64, .bool: return integer(at: row).map(Double.init)
    case .date, .timestamp, .utf8, .list, .vector, .structure: return nil
    }
  }

  func bit(at row: Int) -> Bool {
    guard case .fixed(let bits) = storage else { return false }
    return bits.bytes[row >> 3] & (1 << UInt8(row & 7)) != 0
  }

  /// The items of a list column, all rows' behind each other.
  public var items: Column? {
    guard case .lists(_, let items) = storage else { return nil }
    return items
  }

  /// The columns of a structure column, in the order of its type's fields.
  public var fields: [Column]? {
    guard case .structures(let fields) = storage else { return nil }
    return fields
  }

  /// The cells of a string column as bytes, for as long as `body` runs.
  public func withStrings<R>(_ body: (StringCells) throws -> R) rethrows -> R {
    guard case .strings(let offsets, let bytes) = storage else {
      preconditionFailure("a column of \(type) holds no strings")
    }
    return try withExtendedLifetime((offsets, bytes)) {
      try body(
        StringCells(
          offsets: offsets.base.assumingMemoryBound(to: Int32.self),
          bytes: bytes.base.assumingMemoryBound(to: UInt8.self),
          count: count, byteCount: bytes.count))
    }
  }

  /// The `count + 1` offsets of a column of strings or lists, for as long as `body` runs.
  public func withOffsets<R>(_ body: (UnsafePointer<Int32>) throws -> R) rethrows -> R {
    switch storage {
    case .strings(let offsets, _), .lists(let offsets, _):
      return try withExtendedLifetime(offsets) { try body(offsets.base.assumingMemoryBound(to: Int32.self)) }
    case .fixed, .padded, .structures: preconditionFailure("a column of \(type) has no offsets")
    }
  }
}

/// The cells of a string column as bytes; valid while `Column.withStrings` runs.
public struct StringCells {
  public let offsets: UnsafePointer<Int32>
  public let bytes: UnsafePointer<UInt8>
  public let count: Int
  /// Readable bytes from `bytes` on, which may be more than the cells use.
  public let byteCount: Int

  @inline(__always)
  public subscript(row: Int) -> UnsafeBufferPointer<UInt8> {
    let start = Int(offsets[row])
    return UnsafeBufferPointer(start: bytes + start, count: Int(offsets[row + 1]) - start)
  }
}
