extension PanelDrawing {
  private static let widestBar = 24
  private static let narrowestBar = 6
  private static let narrowestText = 24
  /// A column that may go altogether goes rather than be cut to a stump.
  private static let narrowestOptionalText = 16

  /// A column and the room it needs.
  private struct Shown {
    var column: PanelColumn
    /// Empty for bars.
    var cells: [StyledText?]
    var header: StyledText
    var least: Int
    var wanted: Int
    var width = 0
  }

  /// Columns in which nothing stands are left out; where the rest is too wide for the terminal, columns go in the
  /// order of their `drop`, then texts are cut, bars grow last.
  func table(_ answer: Answer, hasHeader: Bool) -> [StyledText] {
    let rows = answer.rows
    var shown = answer.panel.columns.compactMap { measured($0, rows, hasHeader) }
    func needed() -> Int { shown.reduce(0) { $0 + $1.least + PanelDrawing.gap } - PanelDrawing.gap }
    while needed() > room, shown.count > 1 {
      guard let drop = shown.compactMap(\.column.drop).max(),
        let index = shown.lastIndex(where: { $0.column.drop == drop })
      else { break }
      shown.remove(at: index)
    }
    distribute(&shown, spare: room - needed())
    var lines: [StyledText] = []
    if hasHeader { lines.append(line(shown.map { ($0.header, $0.column.side, $0.width) })) }
    for (number, row) in rows.enumerated() {
      lines.append(
        line(
          shown.map { one in
            guard one.column.format != .bar else {
              return (bar(one.column, row, largest: largest(one.column, rows), width: one.width), .left, one.width)
            }
            return (fitted(one.cells[number] ?? StyledText(), one), one.column.side, one.width)
          }))
    }
    return lines.map { $0.truncated(to: room, ellipsis: glyphs.ellipsis) }
  }

  private func measured(_ column: PanelColumn, _ rows: [Answer.Row], _ hasHeader: Bool) -> Shown? {
    guard rows.contains(where: { $0[column.name] != .null }) else { return nil }
    let header = StyledText(hasHeader ? column.header : "", .dim)
    if column.format == .bar {
      let least = column.least ?? PanelDrawing.narrowestBar
      return Shown(
        column: column, cells: [], header: header, least: max(least, header.width),
        wanted: max(column.most ?? PanelDrawing.widestBar, least, header.width))
    }
    let cells = rows.map { cell(column, $0) }
    var natural = max(header.width, cells.compactMap { $0?.width }.max() ?? 0)
    if let most = column.most { natural = min(natural, max(most, header.width)) }
    // Half a figure is a wrong figure.
    let isWhole = column.format.isNumeric || column.side == .right || column.format == .state
    let usual = column.drop == nil ? PanelDrawing.narrowestText : PanelDrawing.narrowestOptionalText
    let least = isWhole ? natural : min(natural, max(column.least ?? usual, header.width))
    return Shown(column: column, cells: cells, header: header, least: least, wanted: natural)
  }

  /// Gives what is left to texts first, so that none is cut in vain, then to bars.
  private func distribute(_ shown: inout [Shown], spare: Int) {
    var spare = spare
    for index in shown.indices { shown[index].width = shown[index].least }
    for wantsBars in [false, true] {
      let indices = shown.indices.filter { (shown[$0].column.format == .bar) == wantsBars }
      // Small wishes first: what they leave over goes to the larger ones.
      var left = indices.sorted { shown[$0].wanted - shown[$0].least < shown[$1].wanted - shown[$1].least }
      while let index = left.first, spare > 0 {
        let share = min(shown[index].wanted - shown[index].least, spare / left.count)
        shown[index].width += share
        spare -= share
        left.removeFirst()
      }
    }
    // Still too wide: texts give way down to nothing, the widest first.
    while spare < 0 {
      let texts = shown.indices.filter { !shown[$0].column.format.isNumeric && shown[$0].width > 3 }
      guard let index = texts.max(by: { shown[$0].width < shown[$1].width }) else { break }
      shown[index].width -= 1
      spare += 1
    }
  }

  private func fitted(_ cell: StyledText, _ shown: Shown) -> StyledText {
    guard cell.width > shown.width else { return cell }
    guard shown.column.format == .path else { return cell.truncated(to: shown.width, ellipsis: glyphs.ellipsis) }
    let text = TextWidth.truncatedMiddle(cell.plain, to: shown.width, ellipsis: glyphs.ellipsis)
    return StyledText(text, cell.spans.first?.style ?? .plain)
  }

  private func largest(_ column: PanelColumn, _ rows: [Answer.Row]) -> Double {
    rows.lazy.compactMap { $0[column.name].number }.max() ?? 0
  }

  private func line(_ cells: [(StyledText, StyledText.Side, Int)]) -> StyledText {
    var line = StyledText()
    for (number, (text, side, width)) in cells.enumerated() {
      if number > 0 { line += StyledText(String(repeating: " ", count: PanelDrawing.gap)) }
      line += text.truncated(to: width, ellipsis: glyphs.ellipsis).padded(to: width, side)
    }
    return line
  }
}
