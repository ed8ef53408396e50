import Graph

/// Lists of `Int32` as vectors of one width: what is missing is filled in when they are looked at.
///
/// Short texts padded to the longest there can be take dozens of times their own bytes, which no step in between needs.
struct PaddedLists: Sendable {
  enum Side: String, Sendable, CaseIterable { case pre, post }

  /// What is filled in, and where.
  struct Padding: Hashable, Sendable {
    var side = Side.post
    var value: Int32 = 0
  }

  /// With no more than `width` items in each; which of them are null the column of vectors says.
  let lists: Column
  let width: Int
  let padding: Padding

  func with(_ lists: Column) -> PaddedLists { PaddedLists(lists: lists, width: width, padding: padding) }

  /// A vector may not have more items.
  static let greatestWidth = 1 << 20

  /// The same as lists of `width` items, which are all there in memory.
  ///
  /// - Throws: `TaskError` with code `.tooLarge` beyond 2³¹ - 1 items.
  func filled() throws -> Column {
    _ = try checkedOffset(lists.count * width, of: "items of vectors")
    var offsets = BufferBuilder(capacity: (lists.count + 1) * 4)
    var items = BufferBuilder(capacity: lists.count * width * 4)
    let rows = IntegerLists(lists: lists, validity: nil, width: width, padding: padding)
    for row in 0..<lists.count {
      offsets.append(Int32(row * width))
      items.appendDirect(most: width * 4) { start in
        start.withMemoryRebound(to: Int32.self, capacity: width) { rows.fill(row, into: $0) }
        return width * 4
      }
    }
    offsets.append(Int32(lists.count * width))
    let column = Column(type: .int32, count: lists.count * width, storage: .fixed(items.finish()))
    return Column(type: .list(.int32), count: lists.count, storage: .lists(offsets: offsets.finish(), items: column))
  }
}

/// A column of lists of `Int32`, padded or not, in plain memory. The column must outlive it.
struct IntegerLists {
  let count: Int
  private let validity: UnsafePointer<UInt8>?
  private let offsets: UnsafePointer<Int32>
  let items: UnsafePointer<Int32>
  /// Of vectors; `nil` of lists.
  let width: Int?
  private let padding: PaddedLists.Padding
  private let filling: UnsafeRawPointer?
  /// Bytes of what pads one place, and a comma.
  private let fillingByteCount: Int
  private let smallNumbers = IntegerLists.smallNumbers

  /// By number below 1000: its digits and a comma, the first in the lowest byte.
  private nonisolated(unsafe) static let smallNumbers: UnsafePointer<UInt32> = {
    let texts = UnsafeMutablePointer<UInt32>.allocate(capacity: 1000)
    for number in 0..<1000 {
      texts[number] = "\(number),".utf8.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    return UnsafePointer(texts)
  }()

  /// What pads a row without items, as text with commas behind; empty for lists that are not padded.
  static func filling(of column: Column) -> Buffer {
    guard case .padded(let padded) = column.storage else { return Buffer([]) }
    let one = Array("\(padded.padding.value),".utf8)
    return Buffer((0..<padded.width).flatMap { _ in one })
  }

  /// - Parameter filling: the column's, where `putText` is going to be called; it must outlive this.
  /// - Returns: `nil` for a column of anything else, and for one whose lists hold nulls.
  init?(_ column: Column, filling: Buffer? = nil) {
    let validity = column.validity?.base.assumingMemoryBound(to: UInt8.self)
    switch column.storage {
    case .lists(_, let items):
      guard items.type == .int32, items.nullCount == 0 else { return nil }
      self.init(lists: column, validity: validity, width: nil, padding: PaddedLists.Padding())
    case .padded(let padded):
      self.init(
        lists: padded.lists, validity: validity, width: padded.width, padding: padded.padding, filling: filling?.base)
    case .fixed, .strings, .structures: return nil
    }
  }

  init(
    lists: Column, validity: UnsafePointer<UInt8>?, width: Int?, padding: PaddedLists.Padding,
    filling: UnsafeRawPointer? = nil
  ) {
    guard case .lists(let offsets, let items) = lists.storage, case .fixed(let values) = items.storage else {
      preconditionFailure("a column of \(lists.type) holds no lists of numbers")
    }
    count = lists.count
    self.validity = validity
    self.offsets = offsets.base.assumingMemoryBound(to: Int32.self)
    self.items = values.base.assumingMemoryBound(to: Int32.self)
    self.width = width
    self.padding = padding
    self.filling = filling
    fillingByteCount = "\(padding.value),".utf8.count
  }

  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`.
  static func of(_ table: Table, _ name: String, for purpose: String, file: String?) throws -> IntegerLists {
    let column = try table.column(name, file: file)
    guard let lists = IntegerLists(column) else {
      throw TaskError(
        .wrongType,
        "column \"\(name)\" holds \(column.type), but \(purpose) takes lists of int32, as text.encode makes them; name "
          + "another column", file: file)
    }
    return lists
  }

  func isNull(_ row: Int) -> Bool { validity.map { $0[row >> 3] & (1 << UInt8(row & 7)) == 0 } ?? false }

  /// What the row holds without what pads it.
  @inline(__always)
  subscript(row: Int) -> UnsafeBufferPointer<Int32> {
    let start = Int(offsets[row])
    return UnsafeBufferPointer(start: items + start, count: Int(offsets[row + 1]) - start)
  }

  /// Writes a row of a vector, `width` numbers.
  @inline(__always)
  func fill<Number: FixedWidthInteger>(_ row: Int, into place: UnsafeMutablePointer<Number>) {
    let own = self[row]
    let width = width!
    let front = padding.side == .pre ? width - own.count : 0
    for index in 0..<own.count { place[front + index] = Number(truncatingIfNeeded: own[index]) }
    let filling = Number(truncatingIfNeeded: padding.value)
    (place + (padding.side == .pre ? 0 : own.count)).update(repeating: filling, count: width - own.count)
  }

  /// Whether all numbers of a row, and what pads it, lie in a range.
  func fits(_ row: Int, in range: ClosedRange<Int32>) -> Bool {
    self[row].allSatisfy { range.contains($0) }
      && (width.map { $0 == self[row].count } ?? true || range.contains(padding.value))
  }

  /// Bytes that `putText` writes at most.
  func mostText(_ row: Int) -> Int { (width ?? self[row].count) * 12 + 16 }

  /// Writes a row's numbers with commas between them.
  ///
  /// - Precondition: there is room for `mostText` bytes.
  func putText(_ row: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    let own = self[row]
    let start = at
    let missing = (width ?? own.count) - own.count
    if padding.side == .pre { putFilling(missing, &at) }
    for number in own {
      if number >= 0, number < 1000 {
        // Four bytes whatever its length: the next is written over what is too many.
        UnsafeMutableRawPointer(at).storeBytes(of: smallNumbers[Int(number)].littleEndian, as: UInt32.self)
        at += 2 + (number > 9 ? 1 : 0) + (number > 99 ? 1 : 0)
      } else {
        at.put(Int64(number))
        at.put(UInt8(ascii: ","))
      }
    }
    if padding.side == .post { putFilling(missing, &at) }
    if at > start { at -= 1 }
  }

  private func putFilling(_ count: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    guard count > 0 else { return }
    UnsafeMutableRawPointer(at).copyMemory(from: filling!, byteCount: count * fillingByteCount)
    at += count * fillingByteCount
  }

  /// Bytes that `putText` writes.
  func textByteCount(_ row: Int) -> Int {
    let own = self[row]
    let missing = (width ?? own.count) - own.count
    var bytes = missing * fillingByteCount + own.count * 2
    for number in own {
      if number >= 0, number < 1000 {
        bytes += (number > 9 ? 1 : 0) + (number > 99 ? 1 : 0)
      } else {
        bytes += "\(number)".utf8.count - 1
      }
    }
    // No comma behind the last.
    return max(bytes - 1, 0)
  }
}
