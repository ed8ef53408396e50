import Graph

extension Table {
  public func preview(limit: Int) -> ValuePreview {
    let shown = min(max(limit, 0), count)
    var out = BufferBuilder()
    var rows: [[String]] = []
    let writer = JSONRowWriter(self)
    if count != 1 { out.append(UInt8(ascii: "[")) }
    for row in 0..<shown {
      if row > 0 { out.append(UInt8(ascii: ",")) }
      writer.append(row: row, to: &out)
      rows.append(columns.map { cellText($0, row) })
    }
    if count != 1 { out.append(UInt8(ascii: "]")) }
    return ValuePreview(
      columns: names, rows: rows, rowCount: count, json: String(decoding: out.bytes, as: UTF8.self))
  }

  /// Text as it is, everything else as JSON.
  private func cellText(_ column: Column, _ row: Int) -> String {
    if column.isNull(row) { return "" }
    if column.type == .utf8 { return column.string(at: row) ?? "" }
    var out = BufferBuilder()
    let writer = JSONRowWriter(Table([("", column)]))
    writer.appendCell(column: 0, row: row, to: &out)
    return String(decoding: out.bytes, as: UTF8.self)
  }
}
