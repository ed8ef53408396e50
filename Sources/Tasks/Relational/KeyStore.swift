import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The keys of groups, one behind the other, as they came.
final class KeyStore {
  let types: [ColumnType]
  private let columns: UnsafeMutableBufferPointer<KeyStoreColumn>
  private let rows: UnsafeMutablePointer<Rows>
  private let hasNulls = UnsafeMutablePointer<Bool>.allocate(capacity: 1)

  private struct Rows {
    var hashes = RawArray<UInt64>()
    var nulls = RawArray<UInt64>()
  }

  init(_ types: [ColumnType]) {
    self.types = types
    columns = .allocate(capacity: types.count)
    for (index, type) in types.enumerated() {
      (columns.baseAddress! + index).initialize(to: KeyStoreColumn(isText: type == .utf8))
    }
    rows = .allocate(capacity: 1)
    rows.initialize(to: Rows())
    hasNulls.initialize(to: false)
  }

  deinit {
    for column in columns { column.free() }
    columns.deallocate()
    rows.pointee.hashes.free()
    rows.pointee.nulls.free()
    rows.deallocate()
    hasNulls.deallocate()
  }

  @inline(__always)
  var count: Int { rows.pointee.hashes.count }

  @inline(__always)
  func hash(_ group: Int) -> UInt64 { rows.pointee.hashes[group] }

  /// Whether any cell of the group's key is null.
  func hasNull(_ group: Int) -> Bool { rows.pointee.nulls[group] != 0 }

  /// Bytes of memory they take.
  var byteCount: Int { count * 16 + columns.reduce(0) { $0 + $1.byteCount } }

  func append(_ batch: KeyBatch, _ index: Int) {
    for number in columns.indices {
      columns[number].append(batch.columns[number], batch.rows.lowerBound + index, index)
    }
    rows.pointee.hashes.append(batch.hashes[index])
    rows.pointee.nulls.append(batch.nulls[index])
    if batch.nulls[index] != 0 { hasNulls.pointee = true }
  }

  @inline(__always)
  func equals(_ group: Int, _ batch: KeyBatch, _ index: Int) -> Bool {
    guard rows.pointee.nulls[group] == batch.nulls[index] else { return false }
    for number in columns.indices
    where !columns[number].equals(group, batch.columns[number], batch.rows.lowerBound + index, index) {
      return false
    }
    return true
  }

  /// Makes those of the groups -1 whose key is not that of the batch's row.
  func dropUnequal(_ batch: KeyBatch, _ groups: UnsafeMutablePointer<Int32>) {
    let count = batch.rows.count
    let nulls = rows.pointee.nulls
    if hasNulls.pointee || batch.hasNulls {
      for row in 0..<count where groups[row] >= 0 && nulls[Int(groups[row])] != batch.nulls[row] { groups[row] = -1 }
    }
    for number in columns.indices { columns[number].dropUnequal(batch.columns[number], batch.rows, groups) }
  }

  func removeAll() {
    hasNulls.pointee = false
    for number in columns.indices { columns[number].removeAll() }
    rows.pointee.hashes.removeAll()
    rows.pointee.nulls.removeAll()
  }

  /// The keys of the groups of those numbers, as columns.
  ///
  /// - Throws: `TaskError` with code `.tooLarge` beyond 2³¹ - 1 bytes of text in a column.
  func columns(_ groups: UnsafeBufferPointer<Int32>) throws -> [Column] {
    try types.enumerated().map { number, type in
      let store = columns[number]
      let nulls = rows.pointee.nulls
      let bit: UInt64 = 1 << UInt64(number)
      func fixed<T: BitwiseCopyable & Numeric>(
        _ builder: consuming FixedColumnBuilder<T>, _ value: (UInt64) -> T
      ) -> Column {
        var builder = builder
        for group in groups {
          if nulls[Int(group)] & bit == 0 {
            builder.append(value(store.words[Int(group)]))
          } else {
            builder.appendNull()
          }
        }
        return builder.finish()
      }
      switch type {
      case .int8: return fixed(FixedColumnBuilder<Int8>(capacity: groups.count)) { Int8(truncatingIfNeeded: $0) }
      case .int32: return fixed(FixedColumnBuilder<Int32>(capacity: groups.count)) { Int32(truncatingIfNeeded: $0) }
      case .date: return fixed(.dates(capacity: groups.count)) { Int32(truncatingIfNeeded: $0) }
      case .int64: return fixed(FixedColumnBuilder<Int64>(capacity: groups.count)) { Int64(bitPattern: $0) }
      case .timestamp: return fixed(.timestamps(capacity: groups.count)) { Int64(bitPattern: $0) }
      case .float32:
        return fixed(FixedColumnBuilder<Float>(capacity: groups.count)) { Float(Double(bitPattern: $0)) }
      case .float64: return fixed(FixedColumnBuilder<Double>(capacity: groups.count)) { Double(bitPattern: $0) }
      case .bool:
        var builder = BoolColumnBuilder()
        for group in groups {
          if nulls[Int(group)] & bit == 0 { builder.append(store.words[Int(group)] != 0) } else { builder.appendNull() }
        }
        return builder.finish()
      case .utf8:
        var builder = StringColumnBuilder(rows: groups.count)
        for group in groups {
          if nulls[Int(group)] & bit == 0 {
            try builder.append(store.text(Int(group)))
          } else {
            try builder.appendNull()
          }
        }
        return builder.finish()
      case .list, .vector, .structure: preconditionFailure("a list is no key")
      }
    }
  }
}

/// One key column's cells: words, or text and where each cell's ends.
private struct KeyStoreColumn {
  let isText: Bool
  var words = RawArray<UInt64>()
  private var ends = RawArray<Int>()
  private var bytes = RawArray<UInt8>()

  init(isText: Bool) { self.isText = isText }

  func free() {
    words.free()
    ends.free()
    bytes.free()
  }

  var byteCount: Int { words.count * 8 + ends.count * 8 + bytes.count }

  mutating func append(_ column: KeyBatchColumn, _ row: Int, _ index: Int) {
    if let cells = column.cells {
      bytes.append(cells[row])
      ends.append(bytes.count)
    } else {
      words.append(column.words[index])
    }
  }

  @inline(__always)
  func text(_ group: Int) -> UnsafeBufferPointer<UInt8> {
    let start = group == 0 ? 0 : ends[group - 1]
    return UnsafeBufferPointer(start: bytes.base + start, count: ends[group] - start)
  }

  @inline(__always)
  func equals(_ group: Int, _ column: KeyBatchColumn, _ row: Int, _ index: Int) -> Bool {
    guard let cells = column.cells else { return words[group] == column.words[index] }
    return sameBytes(text(group), cells[row])
  }

  func dropUnequal(_ column: KeyBatchColumn, _ rows: Range<Int>, _ groups: UnsafeMutablePointer<Int32>) {
    guard let cells = column.cells else {
      let (words, others) = (words.base, column.words)
      for row in 0..<rows.count {
        let group = Int(groups[row])
        if words[max(group, 0)] != others[row] { groups[row] = -1 }
      }
      return
    }
    for row in 0..<rows.count where groups[row] >= 0 {
      if !sameBytes(text(Int(groups[row])), cells[rows.lowerBound + row]) { groups[row] = -1 }
    }
  }

  mutating func removeAll() {
    words.removeAll()
    ends.removeAll()
    bytes.removeAll()
  }
}

@inline(__always)
func sameBytes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
  a.count == b.count && (a.count == 0 || memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0)
}

/// An array of plain values in memory that its owner frees.
struct RawArray<Element: BitwiseCopyable> {
  private(set) var base: UnsafeMutablePointer<Element>
  private(set) var count = 0
  private var capacity = 16

  init() { base = RawArray.grown(nil, 16) }

  func free() { release(base) }

  @inline(__always)
  subscript(index: Int) -> Element {
    get { base[index] }
    nonmutating set { base[index] = newValue }
  }

  @inline(__always)
  mutating func append(_ element: Element) {
    if count == capacity { reserve(count + 1) }
    base[count] = element
    count += 1
  }

  mutating func append(_ elements: UnsafeBufferPointer<Element>) {
    guard let source = elements.baseAddress, elements.count > 0 else { return }
    if count + elements.count > capacity { reserve(count + elements.count) }
    (base + count).update(from: source, count: elements.count)
    count += elements.count
  }

  /// Makes it `length` long; new elements are `value`.
  @inline(__always)
  mutating func grow(to length: Int, _ value: Element) {
    guard length > count else { return }
    if length > capacity { reserve(length) }
    (base + count).update(repeating: value, count: length - count)
    count = length
  }

  mutating func removeAll() { count = 0 }

  @inline(never)
  private mutating func reserve(_ length: Int) {
    capacity = max(length, capacity * 2)
    base = RawArray.grown(base, capacity)
  }

  private static func grown(_ memory: UnsafeMutablePointer<Element>?, _ capacity: Int) -> UnsafeMutablePointer<Element>
  {
    let bytes = capacity * MemoryLayout<Element>.stride
    guard let larger = realloc(memory, bytes) else { fatalError("the kernel refused \(bytes) bytes of memory") }
    return larger.assumingMemoryBound(to: Element.self)
  }
}

private func release(_ memory: UnsafeMutableRawPointer) { free(memory) }
