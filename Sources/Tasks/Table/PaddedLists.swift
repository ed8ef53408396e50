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
  /// What pads a row without items, as text with commas behind; empty where no text is to be written.
  private let filling: [UInt8]
  /// Bytes of one of them.
  private let fillingByteCount: Int

  /// - Parameter forText: whether `putText` and `textByteCount` are going to be called.
  /// - Returns: `nil` for a column of anything else, and for one whose lists hold nulls.
  init?(_ column: Column, forText: Bool = false) {
    let validity = column.validity?.base.assumingMemoryBound(to: UInt8.self)
    switch column.storage {
    case .lists(_, let items):
      guard items.type == .int32, items.nullCount == 0 else { return nil }
      self.init(lists: column, validity: validity, width: nil, padding: PaddedLists.Padding(), forText: forText)
    case .padded(let padded):
      self.init(
        lists: padded.lists, validity: validity, width: padded.width, padding: padded.padding, forText: forText)
    case .fixed, .strings, .structures: return nil
    }
  }

  init(
    lists: Column, validity: UnsafePointer<UInt8>?, width: Int?, padding: PaddedLists.Padding, forText: Bool = false
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
    let one = Array("\(padding.value),".utf8)
    fillingByteCount = one.count
    filling = forText ? width.map { width in (0..<width).flatMap { _ in one } } ?? [] : []
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
  func putText(_ row: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    let own = self[row]
    let start = at
    let missing = (width ?? own.count) - own.count
    if padding.side == .pre { putFilling(missing, &at) }
    for number in own {
      if number >= 0, number < 10 {
        at[0] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number)
        at += 1
      } else if number >= 10, number < 100 {
        at[0] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / 10)
        at[1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number % 10)
        at += 2
      } else {
        at.put(Int64(number))
      }
      at[0] = UInt8(ascii: ",")
      at += 1
    }
    if padding.side == .post { putFilling(missing, &at) }
    if at > start { at -= 1 }
  }

  private func putFilling(_ count: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    guard count > 0 else { return }
    filling.withUnsafeBytes {
      UnsafeMutableRawPointer(at).copyMemory(from: $0.baseAddress!, byteCount: count * fillingByteCount)
    }
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
