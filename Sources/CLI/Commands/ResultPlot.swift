import Graph
import Tasks

/// A result's numbers as lines of letters in axes.
struct ResultPlot {
  private let lines: [(name: String, points: [(x: Double, y: Double)])]
  private let names: (x: String, y: String)
  private let rows: Int

  /// - Parameters:
  ///   - preview: the whole result.
  ///   - x: the column along the horizontal axis.
  ///   - y: the column along the vertical axis.
  ///   - by: a line for each of the values of these columns.
  ///   - rows: rows of the drawing.
  /// - Throws: `CommandFailure` where there is no such column, or what it holds is no number.
  init(_ preview: ValuePreview, x: String, y: String, by: [String], rows: Int) throws {
    func place(_ name: String) throws -> Int {
      if let place = preview.columns.firstIndex(of: name) { return place }
      let near = nearestName(to: name, among: preview.columns).map { "; did you mean \"\($0)\"?" } ?? ""
      throw CommandFailure(
        .usage,
        "the result has no column \"\(name)\"\(near) (there are \(preview.columns.joined(separator: ", ")))")
    }
    let (xPlace, yPlace, byPlaces) = (try place(x), try place(y), try by.map(place))
    var lines: [(name: String, points: [(x: Double, y: Double)])] = []
    var places: [String: Int] = [:]
    for row in preview.rows {
      guard let xValue = Double(row[xPlace]), let yValue = Double(row[yPlace]), xValue.isFinite, yValue.isFinite else {
        // A null.
        if row[xPlace].isEmpty || row[yPlace].isEmpty { continue }
        throw CommandFailure(
          .usage, "\"\(row[xPlace])\" and \"\(row[yPlace])\" make no point: what is drawn are numbers")
      }
      let name = byPlaces.map { row[$0] }.joined(separator: ", ")
      let line = places[name] ?? lines.count
      if line == lines.count {
        places[name] = line
        lines.append((name, []))
      }
      lines[line].points.append((xValue, yValue))
    }
    self.lines = lines
    names = (x, y)
    self.rows = max(rows, 4)
  }

  private static let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  private static let styles: [TextStyle] = [.accent, .good, .warn, .bad, .plain, .bold]

  func drawn(width: Int, glyphs: Glyphs) -> [StyledText] {
    let points = lines.lazy.flatMap(\.points)
    let (across, up) = (ChartAxis(points.map(\.x), ticks: 5), ChartAxis(points.map(\.y), ticks: min(6, rows / 3 + 1)))
    let labelWidth = up.ticks.map { TextWidth.of(up.text($0)) }.max() ?? 0
    let columns = max(width - labelWidth - 2, 8)
    var cells = [[Int?]](repeating: [Int?](repeating: nil, count: columns), count: rows)
    func place(_ point: (x: Double, y: Double)) -> (Int, Int) {
      (
        Int((across.place(point.x) * Double(columns - 1)).rounded()),
        Int(((1 - up.place(point.y)) * Double(rows - 1)).rounded())
      )
    }
    for (number, line) in lines.enumerated() {
      var last: (Int, Int)?
      for point in line.points {
        let cell = place(point)
        // What lies between two points, by steps of at most a cell.
        let from = last ?? cell
        let steps = max(abs(cell.0 - from.0), abs(cell.1 - from.1), 1)
        for step in 0...steps {
          let (column, row) = (
            from.0 + (cell.0 - from.0) * step / steps, from.1 + (cell.1 - from.1) * step / steps
          )
          cells[row][column] = number
        }
        last = cell
      }
    }
    var labels: [Int: String] = [:]
    for tick in up.ticks { labels[place((across.range.lowerBound, tick)).1] = up.text(tick) }
    let (edge, corner, floor): (String, String, String) = glyphs == .unicode ? ("│", "└", "─") : ("|", "+", "-")
    var drawn = [StyledText(names.y, .dim)]
    for (row, line) in cells.enumerated() {
      var text = StyledText(labels[row] ?? "", .dim).padded(to: labelWidth, .right) + StyledText(edge, .dim)
      for number in line {
        guard let number else {
          text.append(" ")
          continue
        }
        text.append(
          String(ResultPlot.letters[number % ResultPlot.letters.count]),
          ResultPlot.styles[number % ResultPlot.styles.count])
      }
      drawn.append(text)
    }
    let indent = String(repeating: " ", count: labelWidth)
    drawn.append(StyledText(indent + corner + String(repeating: floor, count: columns), .dim))
    var axis = ""
    for tick in across.ticks {
      let text = across.text(tick)
      let start = Int((across.place(tick) * Double(columns - 1)).rounded()) - TextWidth.of(text) / 2
      let wanted = min(max(start, 0), columns - TextWidth.of(text))
      if wanted > TextWidth.of(axis) || axis.isEmpty {
        axis += String(repeating: " ", count: max(wanted - TextWidth.of(axis), 0)) + text
      }
    }
    drawn.append(StyledText(indent + " " + axis, .dim))
    drawn.append(StyledText(indent + " " + names.x, .dim))
    if lines.count > 1 {
      for (number, line) in lines.enumerated() {
        drawn.append(
          StyledText(
            "  \(ResultPlot.letters[number % ResultPlot.letters.count])",
            ResultPlot.styles[number % ResultPlot.styles.count]) + StyledText("  " + line.name))
      }
    }
    return drawn.map { $0.truncated(to: width, ellipsis: glyphs.ellipsis) }
  }
}
