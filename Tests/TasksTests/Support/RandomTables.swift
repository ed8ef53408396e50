import Graph

@testable import Tasks

/// Seeded tables with columns of most types, nulls, empty and long texts, lists, and structures.
enum RandomTables {
  static let texts = ["", "a", "Ada", "caf\u{E9}", "cafe\u{301}", "日本語", "👩‍👩‍👧", "x\0y", "\"quoted\\\""]

  /// - Parameters:
  ///   - ids: how many different values each column has at most.
  ///   - row: the number of the first row, which stands in column `row`.
  static func table(rows: Int, ids: Int, from row: Int, using random: inout SeededNumbers) throws -> Table {
    var number = FixedColumnBuilder<Int64>()
    var tiny = FixedColumnBuilder<Int8>()
    var small = FixedColumnBuilder<Int32>()
    var large = FixedColumnBuilder<Int64>()
    var real = FixedColumnBuilder<Double>()
    var flag = BoolColumnBuilder()
    var text = StringColumnBuilder()
    var list = StringListColumnBuilder()
    var single = FixedColumnBuilder<Float>()
    var day = FixedColumnBuilder<Int32>.dates()
    var moment = FixedColumnBuilder<Int64>.timestamps()
    var tags = StringListColumnBuilder()
    var pair = StructureColumnBuilder()
    for index in 0..<rows {
      number.append(Int64(row + index))
      let id = Int.random(in: 0..<ids, using: &random)
      let nulls = UInt8.random(in: 0...255, using: &random)
      if nulls & 1 == 0 { tiny.append(Int8(truncatingIfNeeded: id)) } else { tiny.appendNull() }
      if nulls & 2 == 0 { small.append(Int32(id) * 7919) } else { small.appendNull() }
      large.append(Int64(id) << 40)
      if nulls & 4 == 0 { real.append([0, -0.0, 1.5, 1e300, Double(id)][id % 5]) } else { real.appendNull() }
      if nulls & 24 == 0 { flag.appendNull() } else { flag.append(id % 3 == 0) }
      if nulls & 96 == 0 {
        try text.appendNull()
      } else {
        try text.append(id < texts.count ? texts[id] : String(repeating: "id \(id) ", count: 1 + id % 9))
      }
      if nulls & 128 == 0 {
        try list.appendNull()
      } else {
        for item in 0..<(id % 4) { try list.appendItem(texts[(id + item) % texts.count]) }
        try list.closeRow()
      }
      if nulls & 3 == 0 { single.appendNull() } else { single.append(Float(id) / 3) }
      if nulls & 5 == 0 { day.appendNull() } else { day.append(Int32(id) * 37 - 9000) }
      if nulls & 9 == 0 { moment.appendNull() } else { moment.append(Int64(id) * 1_000_000_007 - 5_000_000) }
      if id % 4 == 1 { try tags.appendItem(texts[id % texts.count]) }
      if id % 5 == 1 { try tags.appendNull() } else { try tags.closeRow() }
      if nulls & 17 == 0 { pair.appendNull() } else { pair.append() }
    }
    return Table([
      ("row", number.finish()), ("tiny", tiny.finish()), ("small", small.finish()), ("large", large.finish()),
      ("real", real.finish()), ("flag", flag.finish()), ("text", text.finish()), ("list", list.finish()),
      (
        "pair",
        pair.finish([
          ("single", single.finish()), ("day", day.finish()), ("moment", moment.finish()), ("tags", tags.finish()),
        ])
      ),
    ])
  }
}
