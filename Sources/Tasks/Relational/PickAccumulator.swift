import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One value of each group: the least, the greatest, the first or the last, nulls left out; or what stands in its first
/// row, be it null.
///
/// Texts are compared by their bytes. Of numbers, what is none is greater than all others.
final class PickAccumulator: Accumulator {
  enum Rule: Sendable {
    case least, greatest, first, last, ofFirstRow
  }

  private let rule: Rule
  private let type: ColumnType
  /// 1 where there is a value, 2 where it is null for good.
  private let isSet = Box<UInt8>()
  /// Of cells of fixed width: numbers in the order of the values.
  private let ranks = Box<Int64>()
  private let texts: TextCells?

  init(_ rule: Rule, _ type: ColumnType) {
    self.rule = rule
    self.type = type
    texts = type == .utf8 ? TextCells() : nil
  }

  var stateTypes: [ColumnType] { [type] }
  var byteCount: Int { isSet.byteCount + ranks.byteCount + (texts?.byteCount ?? 0) }

  func grow(to count: Int) {
    isSet.grow(to: count, 0)
    if let texts { texts.grow(to: count) } else { ranks.grow(to: count, 0) }
  }

  func merge(_ states: [Column], _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    update(states[0], rows, groups)
  }

  func update(_ column: Column?, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    guard let column else { return }
    if rule == .ofFirstRow, column.nullCount > 0 {
      // Row by row, so that a null comes before what stands behind it.
      for index in 0..<rows.count {
        let row = rows.lowerBound + index
        if column.isNull(row) {
          if isSet.base[Int(groups[index])] == 0 { isSet.base[Int(groups[index])] = 2 }
        } else {
          update(values: column, row..<row + 1, groups + index)
        }
      }
      return
    }
    update(values: column, rows, groups)
  }

  private func update(values column: Column, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    if let texts { return update(texts, column, rows, groups) }
    switch type {
    case .int8: update(column, rows, groups, column.values(as: Int8.self)) { Int64($0) }
    case .int32, .date: update(column, rows, groups, column.values(as: Int32.self)) { Int64($0) }
    case .float32: update(column, rows, groups, column.values(as: Float.self)) { PickAccumulator.rank(Double($0)) }
    case .float64: update(column, rows, groups, column.values(as: Double.self)) { PickAccumulator.rank($0) }
    case .bool:
      forEachValue(column, rows) { index, row in take(Int(groups[index]), column.bit(at: row) ? 1 : 0) }
    default: update(column, rows, groups, column.values(as: Int64.self)) { $0 }
    }
  }

  @inline(__always)
  private func update<T: BitwiseCopyable>(
    _ column: Column, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>, _ values: UnsafeBufferPointer<T>,
    _ rank: (T) -> Int64
  ) {
    forEachValue(column, rows) { index, row in take(Int(groups[index]), rank(values[row])) }
  }

  @inline(__always)
  private func take(_ group: Int, _ rank: Int64) {
    let isTaken: Bool
    if isSet.base[group] == 0 {
      isSet.base[group] = 1
      isTaken = true
    } else {
      switch rule {
      case .least: isTaken = rank < ranks.base[group]
      case .greatest: isTaken = rank > ranks.base[group]
      case .first, .ofFirstRow: isTaken = false
      case .last: isTaken = true
      }
    }
    if isTaken { ranks.base[group] = rank }
  }

  private func update(
    _ texts: TextCells, _ column: Column, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>
  ) {
    column.withStrings { cells in
      forEachValue(column, rows) { index, row in
        let group = Int(groups[index])
        let isTaken: Bool
        if isSet.base[group] == 0 {
          isSet.base[group] = 1
          isTaken = true
        } else {
          switch rule {
          case .least: isTaken = PickAccumulator.isLess(cells[row], texts[group])
          case .greatest: isTaken = PickAccumulator.isLess(texts[group], cells[row])
          case .first, .ofFirstRow: isTaken = false
          case .last: isTaken = true
          }
        }
        if isTaken { texts.set(group, cells[row]) }
      }
    }
  }

  private static func isLess(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
    let common = min(a.count, b.count)
    let order = common == 0 ? 0 : memcmp(a.baseAddress!, b.baseAddress!, common)
    return order != 0 ? order < 0 : a.count < b.count
  }

  /// A number in the order of doubles; all that is no number is the greatest.
  private static func rank(_ value: Double) -> Int64 {
    let bits = Int64(bitPattern: value.isNaN ? Double.nan.bitPattern : value.bitPattern)
    return bits >= 0 ? bits : bits ^ .max
  }

  private static func number(_ rank: Int64) -> Double {
    Double(bitPattern: UInt64(bitPattern: rank >= 0 ? rank : rank ^ .max))
  }

  func states(_ groups: UnsafeBufferPointer<Int32>) throws -> [Column] { [try result(groups)] }

  func result(_ groups: UnsafeBufferPointer<Int32>) throws -> Column {
    func fixed<T: BitwiseCopyable & Numeric>(
      _ builder: consuming FixedColumnBuilder<T>, _ value: (Int64) -> T
    ) -> Column {
      var builder = builder
      for group in groups {
        if isSet.base[Int(group)] != 1 { builder.appendNull() } else { builder.append(value(ranks.base[Int(group)])) }
      }
      return builder.finish()
    }
    switch type {
    case .int8: return fixed(FixedColumnBuilder<Int8>(capacity: groups.count)) { Int8(truncatingIfNeeded: $0) }
    case .int32: return fixed(FixedColumnBuilder<Int32>(capacity: groups.count)) { Int32(truncatingIfNeeded: $0) }
    case .date: return fixed(.dates(capacity: groups.count)) { Int32(truncatingIfNeeded: $0) }
    case .timestamp: return fixed(.timestamps(capacity: groups.count)) { $0 }
    case .float32:
      return fixed(FixedColumnBuilder<Float>(capacity: groups.count)) { Float(PickAccumulator.number($0)) }
    case .float64:
      return fixed(FixedColumnBuilder<Double>(capacity: groups.count)) { PickAccumulator.number($0) }
    case .bool:
      var builder = BoolColumnBuilder()
      for group in groups {
        if isSet.base[Int(group)] != 1 { builder.appendNull() } else { builder.append(ranks.base[Int(group)] != 0) }
      }
      return builder.finish()
    case .utf8:
      var builder = StringColumnBuilder(rows: groups.count)
      for group in groups {
        if isSet.base[Int(group)] != 1 {
          try builder.appendNull()
        } else {
          try builder.append(texts![Int(group)])
        }
      }
      return builder.finish()
    default: return fixed(FixedColumnBuilder<Int64>(capacity: groups.count)) { $0 }
    }
  }

  func removeAll() {
    isSet.removeAll()
    ranks.removeAll()
    texts?.removeAll()
  }
}

/// A text for each group, which may change. Texts that were replaced are dropped when they are more than half.
private final class TextCells {
  private struct Place {
    var start = 0
    var count = 0
  }

  private let places = Box<Place>()
  private let bytes = UnsafeMutablePointer<RawArray<UInt8>>.allocate(capacity: 1)
  private let live = UnsafeMutablePointer<Int>.allocate(capacity: 1)

  init() {
    bytes.initialize(to: RawArray())
    live.initialize(to: 0)
  }

  deinit {
    bytes.pointee.free()
    bytes.deallocate()
    live.deallocate()
  }

  var byteCount: Int { places.byteCount + bytes.pointee.count }

  func grow(to count: Int) { places.grow(to: count, Place()) }

  subscript(group: Int) -> UnsafeBufferPointer<UInt8> {
    let place = places.base[group]
    return UnsafeBufferPointer(start: bytes.pointee.base + place.start, count: place.count)
  }

  func set(_ group: Int, _ text: UnsafeBufferPointer<UInt8>) {
    live.pointee += text.count - places.base[group].count
    if bytes.pointee.count > 2 * live.pointee + (1 << 16) { compact() }
    places.base[group] = Place(start: bytes.pointee.count, count: text.count)
    bytes.pointee.append(text)
  }

  private func compact() {
    var kept = RawArray<UInt8>()
    for group in 0..<places.count {
      let text = self[group]
      places.base[group].start = kept.count
      kept.append(text)
    }
    bytes.pointee.free()
    bytes.pointee = kept
  }

  func removeAll() {
    places.removeAll()
    bytes.pointee.removeAll()
    live.pointee = 0
  }
}
