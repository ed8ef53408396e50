import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// Records as JSON text.
//
// Nearly all bytes written are tokens: short strings, side by side in one buffer. Whether a record's tokens need
// escapes is found out once for all of them, eight bytes at a time, and most records need none. Those are
// copied sixteen bytes a token without asking for its length first; what is copied too much is overwritten by what
// comes next. Room for the worst case is made once a record, so that nothing inside it asks for room.

/// Turns a table's records into JSON objects, columns in the table's order, UTF-8 unescaped.
///
/// `bool` gives `true` or `false`, numbers their shortest text, dates `"2024-01-31"`, timestamps
/// `"2024-01-31 23:59:59.5"`, structures objects, numbers that are not finite and nulls `null`.
struct JSONRowWriter {
  /// Keeps the buffers alive that `plans` point into.
  private let table: Table
  private let plans: [Plan]
  private let nested: [Plan]
  private let prefixes: Buffer
  private let fillings: [Buffer]

  private struct Plan {
    /// `,"name":` in `prefixes`.
    let prefix: UnsafePointer<UInt8>
    let prefixCount: Int
    let validity: UnsafePointer<UInt8>?
    let cells: Cells
  }

  private enum Cells {
    case int8(UnsafePointer<Int8>)
    case int32(UnsafePointer<Int32>)
    case int64(UnsafePointer<Int64>)
    case dates(UnsafePointer<Int32>)
    case timestamps(UnsafePointer<Int64>)
    case float32(UnsafePointer<Float>)
    case float64(UnsafePointer<Double>)
    case bits(UnsafePointer<UInt8>)
    case text(StringCells)
    case texts(UnsafePointer<Int32>, StringCells)
    /// Anything else: offsets, and where the items' plan stands in `nested`.
    case list(UnsafePointer<Int32>, Int)
    case padded(IntegerLists)
    /// Where the fields' plans stand in `nested`.
    case structure(Range<Int>)
  }

  init(_ table: Table) {
    self.table = table
    var text = BufferBuilder()
    var places: [Range<Int>] = []
    JSONRowWriter.append(table.names, of: table.columns, to: &text, &places)
    prefixes = text.finish()
    var planner = Planner(names: prefixes.base.assumingMemoryBound(to: UInt8.self), places: places)
    plans = planner.plans(table.columns)
    nested = planner.nested
    fillings = planner.fillings
  }

  /// Appends names as they stand in a record, those of structures' fields behind them.
  private static func append(
    _ names: [String], of columns: [Column], to text: inout BufferBuilder, _ places: inout [Range<Int>]
  ) {
    for (number, name) in names.enumerated() {
      let start = text.count
      if number > 0 { text.append(UInt8(ascii: ",")) }
      text.append(jsonQuoted(name))
      text.append(UInt8(ascii: ":"))
      places.append(start..<text.count)
    }
    for column in columns {
      var inside = column
      while let items = inside.items { inside = items }
      guard case .structure(let fields) = inside.type, let columns = inside.fields else { continue }
      append(fields.map(\.name), of: columns, to: &text, &places)
    }
  }

  /// Takes the names in the order in which `append` put them there.
  private struct Planner {
    let names: UnsafePointer<UInt8>
    let places: [Range<Int>]
    var used = 0
    var nested: [Plan] = []
    /// What pads lists.
    var fillings: [Buffer] = []

    mutating func plans(_ columns: [Column]) -> [Plan] {
      let first = used
      used += columns.count
      return columns.enumerated().map { number, column in
        let place = places[first + number]
        return plan(column, prefix: names + place.lowerBound, count: place.count)
      }
    }

    mutating func plan(_ column: Column, prefix: UnsafePointer<UInt8>, count: Int) -> Plan {
      let cells: Cells
      switch column.storage {
      case .fixed(let values):
        switch column.type {
        case .int8: cells = .int8(values.base.assumingMemoryBound(to: Int8.self))
        case .int32: cells = .int32(values.base.assumingMemoryBound(to: Int32.self))
        case .int64: cells = .int64(values.base.assumingMemoryBound(to: Int64.self))
        case .date: cells = .dates(values.base.assumingMemoryBound(to: Int32.self))
        case .timestamp: cells = .timestamps(values.base.assumingMemoryBound(to: Int64.self))
        case .float32: cells = .float32(values.base.assumingMemoryBound(to: Float.self))
        case .float64: cells = .float64(values.base.assumingMemoryBound(to: Double.self))
        case .bool, .utf8, .list, .vector, .structure: cells = .bits(values.base.assumingMemoryBound(to: UInt8.self))
        }
      case .strings: cells = .text(column.withStrings { $0 })
      case .lists(let offsets, let items):
        let starts = offsets.base.assumingMemoryBound(to: Int32.self)
        if items.type == .utf8, items.nullCount == 0 {
          cells = .texts(starts, items.withStrings { $0 })
        } else {
          nested.append(plan(items, prefix: prefix, count: 0))
          cells = .list(starts, nested.count - 1)
        }
      case .padded:
        let filling = IntegerLists.filling(of: column)
        fillings.append(filling)
        cells = .padded(IntegerLists(column, filling: filling)!)
      case .structures(let fields):
        let fieldPlans = plans(fields)
        cells = .structure(nested.count..<(nested.count + fieldPlans.count))
        nested += fieldPlans
      }
      return Plan(
        prefix: prefix, prefixCount: count, validity: column.validity?.base.assumingMemoryBound(to: UInt8.self),
        cells: cells)
    }
  }

  /// Appends `{"name":value,…}` without a line break.
  func append(row: Int, to out: inout BufferBuilder) {
    var room = 2 + JSONRowWriter.slack
    for plan in plans { room += plan.prefixCount + most(plan, row) }
    out.appendDirect(most: room) { start in
      var at = start
      at.put(UInt8(ascii: "{"))
      for plan in plans {
        at.copyShort(plan.prefix, plan.prefixCount)
        put(plan, row, &at)
      }
      at.put(UInt8(ascii: "}"))
      return at - start
    }
  }

  /// Appends one cell's value alone.
  func appendCell(column: Int, row: Int, to out: inout BufferBuilder) {
    out.appendDirect(most: most(plans[column], row) + JSONRowWriter.slack) { start in
      var at = start
      put(plans[column], row, &at)
      return at - start
    }
  }

  /// Bytes that a wide copy may write beyond its end.
  private static let slack = 32

  /// More bytes than the cell's text takes.
  private func most(_ plan: Plan, _ row: Int) -> Int {
    switch plan.cells {
    case .int8, .bits: 8
    case .int32, .int64, .dates, .float32, .float64: 32
    case .timestamps: CalendarText.longestTimestamp + 2
    case .text(let cells): (Int(cells.offsets[row + 1]) - Int(cells.offsets[row])) * 6 + 8
    case .texts(let offsets, let cells):
      (Int(cells.offsets[Int(offsets[row + 1])]) - Int(cells.offsets[Int(offsets[row])])) * 6
        + (Int(offsets[row + 1]) - Int(offsets[row])) * 3 + 8
    case .list(let offsets, let place):
      (Int(offsets[row])..<Int(offsets[row + 1])).reduce(8) { $0 + most(nested[place], $1) + 1 }
    case .padded(let lists): lists.width! * 12 + 8
    case .structure(let places): places.reduce(8) { $0 + nested[$1].prefixCount + most(nested[$1], row) }
    }
  }

  private func put(_ plan: Plan, _ row: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    if let validity = plan.validity, validity[row >> 3] & (1 << UInt8(row & 7)) == 0 { return at.put("null") }
    switch plan.cells {
    case .int8(let values):
      let value = values[row]
      if value >= 0, value < 10 { at.put(UInt8(ascii: "0") &+ UInt8(bitPattern: value)) } else { at.put(Int64(value)) }
    case .int32(let values): at.put(Int64(values[row]))
    case .int64(let values): at.put(values[row])
    case .dates(let values):
      at.put(UInt8(ascii: "\""))
      CalendarText.put(date: values[row], &at)
      at.put(UInt8(ascii: "\""))
    case .timestamps(let values):
      at.put(UInt8(ascii: "\""))
      CalendarText.put(timestamp: values[row], &at)
      at.put(UInt8(ascii: "\""))
    case .float32(let values):
      let value = values[row]
      at.put(value.isFinite ? value.description : "null")
    case .float64(let values):
      let value = values[row]
      at.put(value.isFinite ? value.description : "null")
    case .bits(let bits): at.put(bits[row >> 3] & (1 << UInt8(row & 7)) == 0 ? "false" : "true")
    case .text(let cells):
      at.put(UInt8(ascii: "\""))
      at.putEscaped(cells[row])
      at.put(UInt8(ascii: "\""))
    case .texts(let offsets, let cells): putTexts(cells, Int(offsets[row]), Int(offsets[row + 1]), &at)
    case .list(let offsets, let place):
      at.put(UInt8(ascii: "["))
      for item in Int(offsets[row])..<Int(offsets[row + 1]) {
        if item > Int(offsets[row]) { at.put(UInt8(ascii: ",")) }
        put(nested[place], item, &at)
      }
      at.put(UInt8(ascii: "]"))
    case .padded(let lists):
      at.put(UInt8(ascii: "["))
      lists.putText(row, &at)
      at.put(UInt8(ascii: "]"))
    case .structure(let places):
      at.put(UInt8(ascii: "{"))
      for place in places {
        at.copyShort(nested[place].prefix, nested[place].prefixCount)
        put(nested[place], row, &at)
      }
      at.put(UInt8(ascii: "}"))
    }
  }

  /// Strings `first ..< last` as an array.
  private func putTexts(_ cells: StringCells, _ first: Int, _ last: Int, _ at: inout UnsafeMutablePointer<UInt8>) {
    at.put(UInt8(ascii: "["))
    guard first < last else { return at.put(UInt8(ascii: "]")) }
    var start = Int(cells.offsets[first])
    let end = Int(cells.offsets[last])
    var out = at
    // Sixteen bytes from any token's beginning must be readable.
    if end + 16 <= cells.byteCount, !needsEscape(cells.bytes + start, end - start) {
      var index = first
      while index < last {
        index &+= 1
        let next = Int(cells.offsets[index])
        out[0] = UInt8(ascii: "\"")
        let count = next &- start
        UnsafeMutableRawPointer(out + 1).storeBytes(
          of: UnsafeRawPointer(cells.bytes + start).loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
        if count > 16 { memcpy(out + 1, cells.bytes + start, count) }
        out += count &+ 1
        UnsafeMutableRawPointer(out).storeBytes(of: 0x2C22, as: UInt16.self)  // ",
        out += 2
        start = next
      }
    } else {
      for index in first..<last {
        out.put(UInt8(ascii: "\""))
        out.putEscaped(cells[index])
        out.put(UInt8(ascii: "\""))
        out.put(UInt8(ascii: ","))
      }
    }
    // The comma after the last item becomes the bracket.
    (out - 1).pointee = UInt8(ascii: "]")
    at = out
  }
}

/// Whether any byte is a quote, a backslash or a control character.
///
/// Eight bytes in a word: `(x - k·0x01…) & ~x & 0x80…` has a bit set if and only if a byte of x is less than k. The
/// compiler makes vectors of this; of comparisons of Swift's SIMD types it makes a loop over bytes.
@inline(__always)
private func needsEscape(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
  let ones: UInt64 = 0x0101_0101_0101_0101
  let raw = UnsafeRawPointer(bytes)
  var index = 0
  var found: UInt64 = 0
  while index &+ 8 <= count {
    let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    found |= (word &- ones &* 0x20) & ~word
    found |= (quote &- ones) & ~quote
    found |= (backslash &- ones) & ~backslash
    index &+= 8
  }
  var rest = found & (ones &* 0x80) != 0
  while index < count {
    let byte = bytes[index]
    rest = rest || byte < 0x20 || byte == 0x22 || byte == 0x5C
    index &+= 1
  }
  return rest
}

extension UnsafeMutablePointer<UInt8> {
  @inline(__always)
  fileprivate mutating func copyShort(_ source: UnsafePointer<UInt8>, _ count: Int) {
    memcpy(self, source, count)
    self += count
  }

  @inline(__always)
  fileprivate mutating func putEscaped(_ text: UnsafeBufferPointer<UInt8>) {
    for byte in text {
      if byte >= 0x20, byte != 0x22, byte != 0x5C { put(byte) } else { putEscape(byte) }
    }
  }

  private mutating func putEscape(_ byte: UInt8) {
    put(UInt8(ascii: "\\"))
    switch byte {
    case 0x22, 0x5C: put(byte)
    case 0x08: put(UInt8(ascii: "b"))
    case 0x09: put(UInt8(ascii: "t"))
    case 0x0A: put(UInt8(ascii: "n"))
    case 0x0C: put(UInt8(ascii: "f"))
    case 0x0D: put(UInt8(ascii: "r"))
    default:
      let hex = Array("0123456789abcdef".utf8)
      put("u00")
      put(hex[Int(byte >> 4)])
      put(hex[Int(byte & 15)])
    }
  }
}
