import Graph

/// Notes which cells hold a value; costs nothing until the first null.
struct ValidityBuilder: ~Copyable {
  private var bits = BufferBuilder()
  private var count = 0
  private(set) var nullCount = 0

  @inline(__always)
  mutating func append(isValid: Bool) {
    if nullCount > 0 || !isValid { write(isValid) }
    count += 1
  }

  private mutating func write(_ isValid: Bool) {
    if nullCount == 0 {
      for _ in 0..<(count / 8) { bits.append(UInt8(0xFF)) }
      if count % 8 != 0 { bits.append(UInt8((1 << (count % 8)) - 1)) }
    }
    if count % 8 == 0 { bits.append(UInt8(0)) }
    if isValid {
      bits.base.assumingMemoryBound(to: UInt8.self)[count / 8] |= 1 << UInt8(count % 8)
    } else {
      nullCount += 1
    }
  }

  consuming func finish() -> Buffer? {
    nullCount == 0 ? nil : bits.finish()
  }
}

/// Builds a column of numbers (`Int8`, `Int32`, `Int64`, `Float` or `Double`), dates (`Int32`) or timestamps (`Int64`).
public struct FixedColumnBuilder<Value: BitwiseCopyable>: ~Copyable {
  private let type: ColumnType
  private var values: BufferBuilder
  private var validity = ValidityBuilder()
  public private(set) var count = 0

  init(type: ColumnType, capacity: Int) {
    self.type = type
    values = BufferBuilder(capacity: capacity * MemoryLayout<Value>.stride)
  }

  public mutating func append(_ value: Value) {
    values.append(value)
    validity.append(isValid: true)
    count += 1
  }

  public consuming func finish() -> Column {
    let nullCount = validity.nullCount
    return Column(
      type: type, count: count, nullCount: nullCount, validity: validity.finish(), storage: .fixed(values.finish()))
  }
}

extension FixedColumnBuilder where Value: Numeric {
  public mutating func appendNull() {
    values.append(Value.zero)
    validity.append(isValid: false)
    count += 1
  }
}

extension FixedColumnBuilder where Value == Int8 {
  public init(capacity: Int = 0) { self.init(type: .int8, capacity: capacity) }
}
extension FixedColumnBuilder where Value == Int32 {
  public init(capacity: Int = 0) { self.init(type: .int32, capacity: capacity) }
}
extension FixedColumnBuilder where Value == Int64 {
  public init(capacity: Int = 0) { self.init(type: .int64, capacity: capacity) }
}
extension FixedColumnBuilder where Value == Float {
  public init(capacity: Int = 0) { self.init(type: .float32, capacity: capacity) }
}
extension FixedColumnBuilder where Value == Double {
  public init(capacity: Int = 0) { self.init(type: .float64, capacity: capacity) }
}
extension FixedColumnBuilder where Value == Int32 {
  /// Of days since 1970-01-01.
  public static func dates(capacity: Int = 0) -> Self { Self(type: .date, capacity: capacity) }
}
extension FixedColumnBuilder where Value == Int64 {
  /// Of microseconds since 1970-01-01 00:00:00.
  public static func timestamps(capacity: Int = 0) -> Self { Self(type: .timestamp, capacity: capacity) }
}

extension Column {
  /// Of whole numbers, none of them null.
  static func of(_ values: [Int64]) -> Column {
    values.withUnsafeBytes { Column(type: .int64, count: values.count, storage: .fixed(Buffer($0))) }
  }

  /// Of numbers, none of them null.
  static func of(_ values: [Double]) -> Column {
    values.withUnsafeBytes { Column(type: .float64, count: values.count, storage: .fixed(Buffer($0))) }
  }
}

/// Builds a column of flags, one bit a cell.
public struct BoolColumnBuilder: ~Copyable {
  private var bits = BufferBuilder()
  private var validity = ValidityBuilder()
  public private(set) var count = 0

  public init() {}

  public mutating func append(_ value: Bool) { append(value, isValid: true) }
  public mutating func appendNull() { append(false, isValid: false) }

  private mutating func append(_ value: Bool, isValid: Bool) {
    if count % 8 == 0 { bits.append(UInt8(0)) }
    if value { bits.base.assumingMemoryBound(to: UInt8.self)[count / 8] |= 1 << UInt8(count % 8) }
    validity.append(isValid: isValid)
    count += 1
  }

  public consuming func finish() -> Column {
    let nullCount = validity.nullCount
    return Column(
      type: .bool, count: count, nullCount: nullCount, validity: validity.finish(), storage: .fixed(bits.finish()))
  }
}

/// Builds a column of strings.
public struct StringColumnBuilder: ~Copyable {
  private var offsets: BufferBuilder
  private var bytes: BufferBuilder
  private var validity = ValidityBuilder()
  public private(set) var count = 0

  /// - Parameters:
  ///   - rows: how many cells to make room for.
  ///   - byteCount: how many bytes of text to make room for.
  public init(rows: Int = 0, byteCount: Int = 0) {
    offsets = BufferBuilder(capacity: (rows + 1) * 4)
    bytes = BufferBuilder(capacity: byteCount)
    offsets.append(Int32(0))
  }

  public var byteCount: Int { bytes.count }

  /// - Throws: `TaskError` with code `.tooLarge` beyond 2 GB of text.
  public mutating func append(_ text: UnsafeBufferPointer<UInt8>) throws {
    bytes.append(UnsafeRawBufferPointer(text))
    try close(isValid: true)
  }

  public mutating func append(_ text: String) throws {
    bytes.append(text)
    try close(isValid: true)
  }

  public mutating func appendNull() throws { try close(isValid: false) }

  @inline(__always)
  private mutating func close(isValid: Bool) throws {
    offsets.append(try checkedOffset(bytes.count, of: "bytes of text"))
    validity.append(isValid: isValid)
    count += 1
  }

  public consuming func finish() -> Column {
    let nullCount = validity.nullCount
    return Column(
      type: .utf8, count: count, nullCount: nullCount, validity: validity.finish(),
      storage: .strings(offsets: offsets.finish(), bytes: bytes.finish()))
  }
}

/// Builds a column of lists of strings: items one by one, then `closeRow()`.
public struct StringListColumnBuilder: ~Copyable {
  private var offsets = BufferBuilder()
  private var items: StringColumnBuilder
  private var validity = ValidityBuilder()
  public private(set) var count = 0

  public init(byteCount: Int = 0) {
    items = StringColumnBuilder(byteCount: byteCount)
    offsets.append(Int32(0))
  }

  public mutating func appendItem(_ text: UnsafeBufferPointer<UInt8>) throws { try items.append(text) }
  public mutating func appendItem(_ text: String) throws { try items.append(text) }

  public mutating func closeRow() throws { try close(isValid: true) }
  public mutating func appendNull() throws { try close(isValid: false) }

  private mutating func close(isValid: Bool) throws {
    offsets.append(try checkedOffset(items.count, of: "list items"))
    validity.append(isValid: isValid)
    count += 1
  }

  public consuming func finish() -> Column {
    let nullCount = validity.nullCount
    return Column(
      type: .list(.utf8), count: count, nullCount: nullCount, validity: validity.finish(),
      storage: .lists(offsets: offsets.finish(), items: items.finish()))
  }
}

/// Builds a column of structures from its fields: which rows hold one, row by row, then the fields' columns.
public struct StructureColumnBuilder: ~Copyable {
  private var validity = ValidityBuilder()
  public private(set) var count = 0

  public init() {}

  public mutating func append() { append(isValid: true) }
  public mutating func appendNull() { append(isValid: false) }

  private mutating func append(isValid: Bool) {
    validity.append(isValid: isValid)
    count += 1
  }

  /// - Parameter fields: with a cell for every row, also for those that are null; names must differ in their bytes.
  public consuming func finish(_ fields: [(name: String, column: Column)]) -> Column {
    precondition(fields.allSatisfy { $0.column.count == count }, "fields of different lengths")
    precondition(fields.map(\.name).firstRepeated == nil, "two fields of one name")
    let nullCount = validity.nullCount
    return Column(
      type: .structure(fields.map { ColumnType.Field($0.name, $0.column.type) }), count: count, nullCount: nullCount,
      validity: validity.finish(), storage: .structures(fields.map(\.column)))
  }
}

/// Arrow's offsets are of 32 bits, so a partition's column ends at 2³¹ - 1.
@inline(__always)
func checkedOffset(_ value: Int, of what: String) throws -> Int32 {
  guard value <= Int(Int32.max) else { throw tooManyForOffsets(what) }
  return Int32(truncatingIfNeeded: value)
}

@inline(never)
func tooManyForOffsets(_ what: String) -> TaskError {
  TaskError(
    .tooLarge,
    "one column of this partition would hold more than \(Int32.max) \(what); split the input file into smaller ones, or "
      + "make more partitions")
}
