extension PanelDrawing {
  private static let barWidth = 30
  private static let mostColumns = 4

  private struct Fact {
    var label: String
    var value: StyledText
  }

  /// The first row's values, each beside its name: bars on lines of their own, the rest in as many columns as fit,
  /// read downwards.
  func facts(_ answer: Answer) -> [StyledText] {
    guard let row = answer.rows.first else { return [] }
    let shown = answer.panel.columns.filter { row[$0.name] != .null }
    let barLabels = shown.filter { $0.format == .bar }.map { TextWidth.of($0.header) }.max() ?? 0
    var lines: [StyledText] = []
    var group: [Fact] = []
    func flush() {
      guard !group.isEmpty else { return }
      if !lines.isEmpty { lines.append(StyledText()) }
      lines += indented(grid(group, firstLabel: barLabels))
      group = []
    }
    for column in shown {
      guard column.format == .bar else {
        if let value = cell(column, row) { group.append(Fact(label: column.header, value: value)) }
        continue
      }
      flush()
      var line = StyledText(column.header, .dim).padded(to: barLabels + PanelDrawing.gap)
      let beside = column.beside.flatMap { name -> StyledText? in
        var text = column
        (text.name, text.format, text.style) = (name, .text, nil)
        return cell(text, row)
      }
      let besideWidth = beside.map { $0.width + PanelDrawing.gap } ?? 0
      let barWidth = min(column.most ?? PanelDrawing.barWidth, room - line.width - besideWidth)
      let largest = row[column.name].number ?? 0
      if barWidth >= 6 { line += bar(column, row, largest: largest, width: barWidth) }
      if let beside { line += StyledText(barWidth >= 6 ? "  " : "") + beside }
      lines += indented([line])
    }
    flush()
    return lines
  }

  private func grid(_ facts: [Fact], firstLabel: Int) -> [StyledText] {
    for count in stride(from: min(PanelDrawing.mostColumns, facts.count), through: 1, by: -1) {
      let height = (facts.count + count - 1) / count
      let columns = stride(from: 0, to: facts.count, by: height).map {
        Array(facts[$0..<min($0 + height, facts.count)])
      }
      let labels = columns.enumerated().map { index, column in
        max(index == 0 ? firstLabel : 0, column.map { TextWidth.of($0.label) }.max() ?? 0)
      }
      let values = columns.map { column in column.map(\.value.width).max() ?? 0 }
      let gap = PanelDrawing.gap * 2
      let total = labels.reduce(0, +) + values.reduce(0, +) + columns.count * (PanelDrawing.gap + gap) - gap
      guard total <= min(room, PanelDrawing.readableWidth) || count == 1 else { continue }
      return (0..<height).map { row in
        var line = StyledText()
        for (index, column) in columns.enumerated() where row < column.count {
          let cell =
            StyledText(column[row].label, .dim).padded(to: labels[index] + PanelDrawing.gap)
            + column[row].value.padded(to: values[index])
          line += cell
          if index < columns.count - 1 { line += StyledText(String(repeating: " ", count: gap)) }
        }
        return line.truncated(to: room, ellipsis: glyphs.ellipsis)
      }
    }
    return []
  }
}
