import Graph

/// Gathers one figure for each of many groups, a batch of rows at a time.
///
/// What was gathered of a part of the rows goes to others as columns, the states, and is taken up by `merge`.
protocol Accumulator: AnyObject {
  /// The states' columns.
  var stateTypes: [ColumnType] { get }
  /// Bytes of memory it takes.
  var byteCount: Int { get }
  /// Makes room for groups numbered below `count`.
  func grow(to count: Int)
  /// Takes up rows.
  /// - Parameters:
  ///   - rows: the column's rows.
  ///   - groups: each row's group, from 0 on.
  func update(_ column: Column?, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>)
  /// Takes up states of others, which were gathered of rows behind those taken up so far.
  func merge(_ states: [Column], _ rows: Range<Int>, _ groups: UnsafePointer<Int32>)
  /// The states of the groups of those numbers.
  func states(_ groups: UnsafeBufferPointer<Int32>) throws -> [Column]
  /// The figures of the groups of those numbers.
  /// - Throws: `TaskError` with code `.tooLarge` where one does not fit its column.
  func result(_ groups: UnsafeBufferPointer<Int32>) throws -> Column
  func removeAll()
}

/// Calls `body` for each row that holds a value, with its place in the batch.
@inline(__always)
func forEachValue(_ column: Column, _ rows: Range<Int>, _ body: (_ index: Int, _ row: Int) -> Void) {
  guard column.nullCount > 0, let validity = column.validity else {
    for index in 0..<rows.count { body(index, rows.lowerBound + index) }
    return
  }
  let bits = validity.base.assumingMemoryBound(to: UInt8.self)
  for index in 0..<rows.count {
    let row = rows.lowerBound + index
    if bits[row >> 3] & (1 << UInt8(row & 7)) != 0 { body(index, row) }
  }
}

/// Whole numbers of groups among their states, as `int32`, which holds what is counted in a part of a partition, or as
/// `int64`, for what is counted in a bag.
func wholeStates(
  _ type: ColumnType, _ groups: UnsafeBufferPointer<Int32>, _ number: (_ group: Int) -> Int64
) -> Column {
  if type == .int64 {
    var builder = FixedColumnBuilder<Int64>(capacity: groups.count)
    for group in groups { builder.append(number(Int(group))) }
    return builder.finish()
  }
  var builder = FixedColumnBuilder<Int32>(capacity: groups.count)
  for group in groups { builder.append(Int32(truncatingIfNeeded: number(Int(group)))) }
  return builder.finish()
}

/// How many rows a group has, or how many hold a value.
final class CountAccumulator: Accumulator {
  private let countType: ColumnType
  private let counts = Box<Int64>()

  /// - Parameter countType: of counts in states, `int32` or `int64`.
  init(countType: ColumnType = .int32) { self.countType = countType }

  var stateTypes: [ColumnType] { [countType] }
  var byteCount: Int { counts.byteCount }
  func grow(to count: Int) { counts.grow(to: count, 0) }

  func update(_ column: Column?, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    let counts = counts.base
    guard let column else {
      for index in 0..<rows.count { counts[Int(groups[index])] += 1 }
      return
    }
    forEachValue(column, rows) { index, _ in counts[Int(groups[index])] += 1 }
  }

  func merge(_ states: [Column], _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    let counts = counts.base
    @inline(__always)
    func add<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) {
      let values = states[0].values(as: type)
      forEachValue(states[0], rows) { index, row in
        counts[Int(groups[index])] += Int64(truncatingIfNeeded: values[row])
      }
    }
    if states[0].type == .int64 { add(Int64.self) } else { add(Int32.self) }
  }

  /// Counts more in one group.
  func add(_ more: Int, to group: Int) { counts.base[group] += Int64(more) }

  func states(_ groups: UnsafeBufferPointer<Int32>) throws -> [Column] {
    [wholeStates(countType, groups) { counts.base[$0] }]
  }

  func result(_ groups: UnsafeBufferPointer<Int32>) throws -> Column {
    var builder = FixedColumnBuilder<Int64>(capacity: groups.count)
    for group in groups { builder.append(counts.base[Int(group)]) }
    return builder.finish()
  }

  func removeAll() { counts.removeAll() }
}

/// Totals, or means, of whole numbers and flags: exact, in 128 bits.
final class WholeSumAccumulator: Accumulator {
  private struct Total {
    var sum: Int128 = 0
    var count: Int64 = 0
  }

  private let name: String
  private let isMean: Bool
  private let countType: ColumnType
  private let totals = Box<Total>()

  /// - Parameters:
  ///   - name: the column's, for messages.
  ///   - countType: of counts in states, `int32` or `int64`.
  init(name: String, isMean: Bool, countType: ColumnType = .int32) {
    self.name = name
    self.isMean = isMean
    self.countType = countType
  }

  /// The lower half of the sum, the upper, which fits in 32 bits for less than 2³¹ rows, and the count.
  var stateTypes: [ColumnType] { [.int64, countType, countType] }
  var byteCount: Int { totals.byteCount }
  func grow(to count: Int) { totals.grow(to: count, Total()) }

  func update(_ column: Column?, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    guard let column else { return }
    let totals = totals.base
    @inline(__always)
    func add<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) {
      let values = column.values(as: type)
      forEachValue(column, rows) { index, row in
        totals[Int(groups[index])].sum &+= Int128(truncatingIfNeeded: values[row])
        totals[Int(groups[index])].count &+= 1
      }
    }
    switch column.type {
    case .int8: add(Int8.self)
    case .int32: add(Int32.self)
    case .int64: add(Int64.self)
    default:
      forEachValue(column, rows) { index, row in
        totals[Int(groups[index])].sum &+= column.bit(at: row) ? 1 : 0
        totals[Int(groups[index])].count &+= 1
      }
    }
  }

  func merge(_ states: [Column], _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    let totals = totals.base
    let low = states[0].values(as: UInt64.self)
    @inline(__always)
    func add<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) {
      let (high, counts) = (states[1].values(as: type), states[2].values(as: type))
      forEachValue(states[2], rows) { index, row in
        totals[Int(groups[index])].sum &+= Int128(truncatingIfNeeded: high[row]) << 64 | Int128(low[row])
        totals[Int(groups[index])].count &+= Int64(truncatingIfNeeded: counts[row])
      }
    }
    if states[2].type == .int64 { add(Int64.self) } else { add(Int32.self) }
  }

  func states(_ groups: UnsafeBufferPointer<Int32>) throws -> [Column] {
    let totals = totals.base
    return [
      wholeStates(.int64, groups) { Int64(truncatingIfNeeded: totals[$0].sum) },
      wholeStates(countType, groups) { Int64(truncatingIfNeeded: totals[$0].sum >> 64) },
      wholeStates(countType, groups) { totals[$0].count },
    ]
  }

  func result(_ groups: UnsafeBufferPointer<Int32>) throws -> Column {
    if isMean {
      var builder = FixedColumnBuilder<Double>(capacity: groups.count)
      for group in groups {
        let total = totals.base[Int(group)]
        if total.count == 0 { builder.appendNull() } else { builder.append(Double(total.sum) / Double(total.count)) }
      }
      return builder.finish()
    }
    var builder = FixedColumnBuilder<Int64>(capacity: groups.count)
    for group in groups {
      let total = totals.base[Int(group)]
      guard total.count > 0 else {
        builder.appendNull()
        continue
      }
      guard let sum = Int64(exactly: total.sum) else {
        throw TaskError(
          .tooLarge, "the total of column \"\(name)\" is beyond 2⁶³ - 1; make it a column of float64 with table.cast")
      }
      builder.append(sum)
    }
    return builder.finish()
  }

  func removeAll() { totals.removeAll() }
}

/// Totals, or means, of numbers, added up in the rows' order.
final class SumAccumulator: Accumulator {
  private struct Total {
    var sum = 0.0
    var count: Int64 = 0
  }

  private let isMean: Bool
  private let countType: ColumnType
  private let totals = Box<Total>()

  /// - Parameter countType: of counts in states, `int32` or `int64`.
  init(isMean: Bool, countType: ColumnType = .int32) {
    self.isMean = isMean
    self.countType = countType
  }

  var stateTypes: [ColumnType] { [.float64, countType] }
  var byteCount: Int { totals.byteCount }
  func grow(to count: Int) { totals.grow(to: count, Total()) }

  func update(_ column: Column?, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    guard let column else { return }
    let totals = totals.base
    @inline(__always)
    func add<T: BinaryFloatingPoint & BitwiseCopyable>(_ type: T.Type) {
      let values = column.values(as: type)
      forEachValue(column, rows) { index, row in
        totals[Int(groups[index])].sum += Double(values[row])
        totals[Int(groups[index])].count &+= 1
      }
    }
    if column.type == .float32 { add(Float.self) } else { add(Double.self) }
  }

  func merge(_ states: [Column], _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    let totals = totals.base
    let sums = states[0].values(as: Double.self)
    @inline(__always)
    func add<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) {
      let counts = states[1].values(as: type)
      forEachValue(states[1], rows) { index, row in
        totals[Int(groups[index])].sum += sums[row]
        totals[Int(groups[index])].count &+= Int64(truncatingIfNeeded: counts[row])
      }
    }
    if states[1].type == .int64 { add(Int64.self) } else { add(Int32.self) }
  }

  func states(_ groups: UnsafeBufferPointer<Int32>) throws -> [Column] {
    var sums = FixedColumnBuilder<Double>(capacity: groups.count)
    for group in groups { sums.append(totals.base[Int(group)].sum) }
    return [sums.finish(), wholeStates(countType, groups) { totals.base[$0].count }]
  }

  func result(_ groups: UnsafeBufferPointer<Int32>) throws -> Column {
    var builder = FixedColumnBuilder<Double>(capacity: groups.count)
    for group in groups {
      let total = totals.base[Int(group)]
      if total.count == 0 {
        builder.appendNull()
      } else {
        builder.append(isMean ? total.sum / Double(total.count) : total.sum)
      }
    }
    return builder.finish()
  }

  func removeAll() { totals.removeAll() }
}

/// A growing array behind a pointer that never changes, so that reaching it is not checked.
final class Box<Element: BitwiseCopyable> {
  private let array = UnsafeMutablePointer<RawArray<Element>>.allocate(capacity: 1)

  init() { array.initialize(to: RawArray()) }

  deinit {
    array.pointee.free()
    array.deallocate()
  }

  @inline(__always)
  var base: UnsafeMutablePointer<Element> { array.pointee.base }
  var count: Int { array.pointee.count }
  var byteCount: Int { count * MemoryLayout<Element>.stride }
  func grow(to count: Int, _ value: Element) { array.pointee.grow(to: count, value) }
  func append(_ bytes: UnsafeBufferPointer<Element>) { array.pointee.append(bytes) }
  func removeAll() { array.pointee.removeAll() }
}
