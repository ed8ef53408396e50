/// Figures over time in rows of block characters.
///
/// The first series is an area in eighths of a row; further ones are lines over it, and the limit a dashed one. A
/// column of the chart shows the highest value of all samples that fall into it: a peak never disappears, however
/// many samples there are.
struct Chart {
  struct Series {
    var name: String
    var values: [Double?]
    var style: TextStyle
  }

  /// Where each sample stands; ascending, as many as each series has values.
  var positions: [Double]
  var series: [Series]
  var limit: (name: String, value: Double)?
  /// Rows of the drawing itself; legend and labels come on top.
  var height: Int
  var formatValue: (Double) -> String
  var formatPosition: (Double) -> String

  func drawn(width: Int, glyphs: Glyphs) -> [StyledText] {
    let dataTop = series.lazy.flatMap { $0.values }.compactMap { $0 }.max() ?? 0
    // A limit far above everything would press the curves flat: then it is only named.
    let drawnLimit = limit.flatMap { $0.value > 0 && $0.value <= max(dataTop, 0) * 8 ? $0.value : nil }
    let top = max(drawnLimit ?? 0, dataTop)
    let labels = top > 0 ? [formatValue(top), formatValue(0)] : [formatValue(0)]
    let labelWidth = labels.map(TextWidth.of).max() ?? 0
    let columns = width - labelWidth - 1
    guard columns >= 8, !positions.isEmpty else { return [] }
    let levels = series.map { resampled($0.values, to: columns) }
    var lines = [legend(glyphs)]
    for row in 0..<height {
      let label = row == 0 ? labels[0] : row == height - 1 ? formatValue(0) : ""
      var line = StyledText(label, .dim).padded(to: labelWidth, .right) + StyledText(" ")
      for column in 0..<columns {
        let (character, style) = cell(row, column, levels, top, drawnLimit, glyphs)
        line.append(String(character), style)
      }
      lines.append(line)
    }
    let from = formatPosition(positions[0])
    let to = formatPosition(positions[positions.count - 1])
    let gap = max(1, columns - TextWidth.of(from) - TextWidth.of(to))
    let axis = from == to ? from : from + String(repeating: " ", count: gap) + to
    lines.append(StyledText(String(repeating: " ", count: labelWidth + 1) + axis, .dim))
    return lines.map { $0.truncated(to: width, ellipsis: glyphs.ellipsis) }
  }

  private func legend(_ glyphs: Glyphs) -> StyledText {
    var line = StyledText()
    for (number, one) in series.enumerated() {
      if number > 0 { line.append("   ") }
      line.append(String(number == 0 ? glyphs.full : glyphs.line), one.style)
      line.append(" " + one.name, .dim)
    }
    if let limit {
      line.append("   ")
      line.append(String(glyphs.limit), .bad)
      line.append(" \(limit.name) \(formatValue(limit.value))", .dim)
    }
    return line
  }

  private func cell(
    _ row: Int, _ column: Int, _ levels: [[Double?]], _ top: Double, _ limit: Double?, _ glyphs: Glyphs
  ) -> (Character, TextStyle) {
    guard top > 0 else { return (" ", .plain) }
    let base = (height - 1 - row) * 8
    func eighths(_ value: Double) -> Int { Int((value / top * Double(height * 8)).rounded()) }
    var fill = 0
    if let value = levels.first?[column] {
      // What is not zero shows.
      let level = value > 0 ? max(1, eighths(value)) : 0
      fill = min(max(level - base, 0), 8)
    }
    // Where a line runs along the area's edge the edge says the same.
    if fill == 0 || fill == 8 {
      for number in levels.indices.dropFirst() {
        guard let value = levels[number][column], value > 0 else { continue }
        if min(eighths(value) / 8, height - 1) == height - 1 - row { return (glyphs.line, series[number].style) }
      }
    }
    if fill > 0 { return (glyphs.bottom(eighths: fill), series[0].style) }
    if let limit, min(max(0, (eighths(limit) - 1) / 8), height - 1) == height - 1 - row { return (glyphs.limit, .bad) }
    return (" ", .plain)
  }

  /// The highest value in each column; a column without a sample repeats the one before it.
  private func resampled(_ values: [Double?], to columns: Int) -> [Double?] {
    let from = positions[0]
    let span = positions[positions.count - 1] - from
    var result = [Double?](repeating: nil, count: columns)
    for (position, value) in zip(positions, values) {
      guard let value, value.isFinite else { continue }
      let place = span > 0 ? (position - from) / span * Double(columns - 1) : 0
      let column = min(max(Int(place.rounded()), 0), columns - 1)
      result[column] = max(result[column] ?? value, value)
    }
    for column in result.indices.dropFirst() where result[column] == nil && span > 0 {
      result[column] = result[column - 1]
    }
    return result
  }
}
