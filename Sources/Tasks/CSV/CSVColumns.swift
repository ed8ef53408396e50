import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a field is read as. Plain, unlike `ColumnType`, whose copies are counted.
enum CSVKind: UInt8 {
  case skipped, int8, int32, int64, float32, float64, bool, date, timestamp, utf8

  /// - Precondition: it is one of `ColumnType.csvTypes`.
  init(_ type: ColumnType) {
    switch type {
    case .int8: self = .int8
    case .int32: self = .int32
    case .int64: self = .int64
    case .float32: self = .float32
    case .float64: self = .float64
    case .bool: self = .bool
    case .date: self = .date
    case .timestamp: self = .timestamp
    case .utf8: self = .utf8
    case .list, .vector, .structure: preconditionFailure("a CSV file has no lists")
    }
  }

  /// Bytes a row; of strings, of their offset.
  var width: Int {
    switch self {
    case .skipped: 0
    case .bool, .int8: 1
    case .int32, .float32, .date, .utf8: 4
    case .int64, .float64, .timestamp: 8
    }
  }
}

/// A column that is being filled. Plain memory, so that the loop over fields costs no more than its stores.
struct CSVColumnSlot {
  let kind: CSVKind
  /// A cell each; of strings the `Int32` offsets; of flags a byte.
  var values: UnsafeMutableRawPointer
  /// Of strings, their text.
  var text: UnsafeMutablePointer<UInt8>
  var textCount = 0
  var textCapacity = 0
  /// Rows that hold null, in order.
  var nulls: UnsafeMutablePointer<Int32>
  var nullCount = 0
  var nullCapacity = 0
}

/// The columns of a table that is being read, all for the same number of rows.
final class CSVColumns {
  let slots: UnsafeMutableBufferPointer<CSVColumnSlot>
  private let types: [ColumnType]
  private(set) var capacity: Int

  init(_ types: [ColumnType], capacity: Int) {
    self.types = types
    self.capacity = max(capacity, 16)
    slots = .allocate(capacity: types.count)
    for (index, type) in types.enumerated() {
      (slots.baseAddress! + index).initialize(
        to: CSVColumnSlot(
          kind: CSVKind(type), values: malloc(16)!, text: malloc(16)!.assumingMemoryBound(to: UInt8.self),
          nulls: malloc(16)!.assumingMemoryBound(to: Int32.self)))
      slots[index].values = CSVColumns.grown(slots[index].values, to: (self.capacity + 1) * slots[index].kind.width)
      if type == .utf8 { slots[index].values.storeBytes(of: 0, as: Int32.self) }
    }
  }

  deinit {
    for slot in slots {
      free(slot.values)
      free(slot.text)
      free(slot.nulls)
    }
    slots.deallocate()
  }

  private static func grown(_ memory: UnsafeMutableRawPointer, to bytes: Int) -> UnsafeMutableRawPointer {
    guard let larger = LargeMemory.reallocate(memory, to: max(bytes, 16)) else {
      fatalError("the kernel refused \(bytes) bytes of memory")
    }
    return larger
  }

  func growRows() {
    capacity += capacity / 2 + 1024
    for index in slots.indices {
      slots[index].values = CSVColumns.grown(slots[index].values, to: (capacity + 1) * slots[index].kind.width)
    }
  }

  /// Makes room for `more` bytes of text, and sixteen that may be written too many.
  @inline(__always)
  static func reserveText(_ slot: UnsafeMutablePointer<CSVColumnSlot>, _ more: Int) {
    if slot.pointee.textCount + more + 16 > slot.pointee.textCapacity { growText(slot, more) }
  }

  @inline(never)
  private static func growText(_ slot: UnsafeMutablePointer<CSVColumnSlot>, _ more: Int) {
    let capacity = max(slot.pointee.textCount + more + 16, slot.pointee.textCapacity * 3 / 2 + 4096)
    slot.pointee.text = grown(slot.pointee.text, to: capacity).assumingMemoryBound(to: UInt8.self)
    slot.pointee.textCapacity = capacity
  }

  /// Makes the cell null.
  @inline(never)
  static func setNull(_ slot: UnsafeMutablePointer<CSVColumnSlot>, _ row: Int) {
    if slot.pointee.nullCount == slot.pointee.nullCapacity {
      slot.pointee.nullCapacity = slot.pointee.nullCapacity * 2 + 256
      slot.pointee.nulls = grown(slot.pointee.nulls, to: slot.pointee.nullCapacity * 4)
        .assumingMemoryBound(to: Int32.self)
    }
    slot.pointee.nulls[slot.pointee.nullCount] = Int32(truncatingIfNeeded: row)
    slot.pointee.nullCount += 1
    switch slot.pointee.kind {
    case .utf8:
      slot.pointee.values.storeBytes(
        of: Int32(truncatingIfNeeded: slot.pointee.textCount), toByteOffset: (row + 1) * 4, as: Int32.self)
    case .bool, .int8: slot.pointee.values.storeBytes(of: 0, toByteOffset: row, as: UInt8.self)
    case .int32, .float32, .date: slot.pointee.values.storeBytes(of: 0, toByteOffset: row * 4, as: UInt32.self)
    default: slot.pointee.values.storeBytes(of: 0, toByteOffset: row * 8, as: UInt64.self)
    }
  }

  /// Takes back what was put into a row that cannot be used.
  func forget(row: Int) {
    for index in slots.indices {
      if slots[index].kind == .utf8 {
        slots[index].textCount = Int(slots[index].values.load(fromByteOffset: row * 4, as: Int32.self))
      }
      while slots[index].nullCount > 0, Int(slots[index].nulls[slots[index].nullCount - 1]) >= row {
        slots[index].nullCount -= 1
      }
    }
  }

  /// Bytes that so many rows take.
  func byteCount(rows: Int) -> Int {
    slots.reduce(0) { $0 + rows * $1.kind.width + $1.textCount }
  }

  /// The columns with so many rows; they are empty afterwards.
  func finish(rows: Int) -> [Column] {
    slots.indices.map { index in
      let slot = slots[index]
      let validity = CSVColumns.validity(slot, rows)
      func made(_ storage: Column.Storage) -> Column {
        Column(type: types[index], count: rows, nullCount: slot.nullCount, validity: validity, storage: storage)
      }
      switch slot.kind {
      case .bool:
        var bits = BufferBuilder(capacity: (rows + 7) / 8)
        let flags = slot.values.assumingMemoryBound(to: UInt8.self)
        for start in stride(from: 0, to: rows, by: 8) {
          var byte: UInt8 = 0
          for bit in 0..<min(8, rows - start) { byte |= flags[start + bit] << UInt8(bit) }
          bits.append(byte)
        }
        return made(.fixed(bits.finish()))
      case .utf8:
        let offsets = adopted(&slots[index].values, (rows + 1) * 4)
        var text = UnsafeMutableRawPointer(slot.text)
        let bytes = adopted(&text, slot.textCount)
        slots[index].text = text.assumingMemoryBound(to: UInt8.self)
        return made(.strings(offsets: offsets, bytes: bytes))
      default: return made(.fixed(adopted(&slots[index].values, rows * slot.kind.width)))
      }
    }
  }

  private func adopted(_ memory: inout UnsafeMutableRawPointer, _ count: Int) -> Buffer {
    let buffer = Buffer(adoptingHeap: CSVColumns.grown(memory, to: count), count: count)
    memory = malloc(16)!
    return buffer
  }

  private static func validity(_ slot: CSVColumnSlot, _ rows: Int) -> Buffer? {
    guard slot.nullCount > 0 else { return nil }
    var bits = [UInt8](repeating: 0xFF, count: (rows + 7) / 8)
    if rows % 8 > 0 { bits[rows / 8] = UInt8((1 << (rows % 8)) - 1) }
    for index in 0..<slot.nullCount {
      let row = Int(slot.nulls[index])
      bits[row >> 3] &= ~(1 << UInt8(row & 7))
    }
    return Buffer(bits)
  }
}
