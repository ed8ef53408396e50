import CArrow
import Graph
import Testing

@testable import Tasks

/// What goes over the Arrow C data interface, without Arrow C++.
@Suite struct ArrowArraysTests {
  private func columns(of schema: ArrowSchema) throws -> [ArrowColumn] {
    try (0..<Int(schema.n_children)).map { try ArrowColumn(schema.children[$0]!.pointee, approximate: false) }
  }

  @Test(arguments: [0, 1, 3, 8, 9, 77])
  func `Cells of any part of an array are those of the rows`(start: Int) throws {
    var random = SeededNumbers(UInt64(start + 1))
    let table = try RandomTables.table(rows: 200, ids: 40, from: 0, using: &random)
    var schema = ArrowSchema(table)
    defer { schema.release(&schema) }
    let kinds = try columns(of: schema)
    #expect(kinds.map(\.type) == table.columns.map(\.type))
    #expect(kinds.map(\.name) == table.names)
    for count in [0, 1, 7, 100, 200 - start] {
      let rows = (start..<(start + count)).map(Int32.init)
      let expected = try rows.withUnsafeBufferPointer { try table.rows(at: $0) }
      var whole = try ArrowArray(table)
      var picked: [(name: String, column: Column)] = []
      for (number, kind) in kinds.enumerated() {
        // Moved out of its parent, as the interface allows, and cut.
        var array = whole.children[number]!.pointee
        whole.children[number]!.pointee.release = nil
        array.offset = Int64(start)
        array.length = Int64(count)
        array.null_count = -1
        picked.append((kind.name, try ArrowCells(array).column(kind.type, kind.decoding, approximate: false)))
      }
      whole.release(&whole)
      #expect(try Ops.jsonLines(Table(picked)) == Ops.jsonLines(expected))
      #expect(picked.map(\.column.nullCount) == expected.columns.map(\.nullCount))
    }
  }

  private func numbers<T: BitwiseCopyable, U: BitwiseCopyable>(
    _ values: [T], _ decoding: ArrowDecoding, as type: U.Type, approximate: Bool = false
  ) throws -> [U] {
    let buffer = try values.withUnsafeBytes {
      try ArrowNumbers(approximate: approximate)
        .converted($0.baseAddress!, from: 0, count: values.count, decoding) { _ in false }
    }
    return withExtendedLifetime(buffer) { Array(buffer.elements(of: type)) }
  }

  @Test func `Numbers of other widths keep their values`() throws {
    #expect(try numbers([0, 1, UInt16.max], .integers(.uint16), as: Int32.self) == [0, 1, 65535])
    #expect(try numbers([UInt32.max, 7], .integers(.uint32), as: Int64.self) == [4_294_967_295, 7])
    #expect(throws: ArrowValueError.self) { try numbers([UInt64(1) << 63], .integers(.uint64), as: Int64.self) }
    let halves: [UInt16] = [0x3C00, 0x8000, 0x0001, 0x7BFF, 0x7C00, 0xFC00, 0x03FF, 0x0400, 0xC248]
    let expected: [Float] = [
      1, -0.0, 5.9604645e-8, 65504, .infinity, -.infinity, 6.097555e-5, 6.1035156e-5, -3.140625,
    ]
    #expect(try numbers(halves, .halves, as: Float.self).map(\.bitPattern) == expected.map(\.bitPattern))
    #expect(try numbers([UInt16(0x7E00)], .halves, as: Float.self)[0].isNaN)
  }

  @Test func `Timestamps become microseconds, or say why not`() throws {
    func micros(_ values: [Int64], _ unit: ArrowTimeUnit, approximate: Bool = false) throws -> [Int64] {
      try numbers(values, .timestamps(unit), as: Int64.self, approximate: approximate)
    }
    #expect(try micros([1, -1], .seconds) == [1_000_000, -1_000_000])
    #expect(try micros([1, -1], .milliseconds) == [1000, -1000])
    #expect(try micros([1000, -2000], .nanoseconds) == [1, -2])
    #expect(
      try micros([1999, -1, -1000, .min], .nanoseconds, approximate: true) == [1, -1, -1, -9_223_372_036_854_776])
    #expect(throws: ArrowValueError.self) { try micros([0, 1], .nanoseconds) }
    #expect(throws: ArrowValueError.self) { try micros([.max], .seconds) }
    #expect(try numbers([Int64(86_400_000), -1, 0], .milliseconds, as: Int32.self) == [1, -1, 0])
    #expect(throws: ArrowValueError.self) { try numbers([Int64.min], .milliseconds, as: Int32.self) }
  }

  @Test func `Decimals become the nearest float64`() throws {
    #expect(
      try numbers([Int64(12345), -5, 0], .decimals(bytes: 8, scale: 2), as: Double.self) == [123.45, -0.05, 0])
    // 10³⁷ + 1 over 10³⁷, and a third of 10⁻¹⁵.
    let large: [Int128] = [10_000_000_000_000_000_000_000_000_000_000_000_001, -3_333_333_333_333_333_333_333]
    #expect(
      try numbers(large, .decimals(bytes: 16, scale: 37), as: Double.self) == [1, -3.333333333333333333333e-16])
  }
}
