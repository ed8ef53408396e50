import Foundation
import Graph

/// Turns a panel's data into lines.
struct PanelDrawing {
  /// Eyes lose the line beyond this; what could be wider stays at the left.
  static let readableWidth = 100
  static let indent = 2
  static let gap = 2

  var width: Int
  var glyphs: Glyphs
  /// Seconds since 1970.
  var now: Double
  var zone: TimeZone

  /// - Returns: nothing for a panel without rows and without a text for that case.
  /// - Throws: `DashboardError` for a column that the answer does not have.
  func lines(_ panel: Panel, _ data: PanelData, of dashboard: Dashboard) throws(DashboardError) -> [StyledText] {
    let answer = Answer(panel: panel, data: data, file: dashboard.file)
    try answer.check()
    var lines: [StyledText] = []
    if data.rows.isEmpty {
      guard let empty = panel.empty else { return [] }
      lines = indented(wrapped(empty).map { StyledText($0, .dim) })
    } else {
      switch panel.kind {
      case .facts: lines = facts(answer)
      case .table: lines = indented(table(answer, hasHeader: true))
      case .bars: lines = indented(table(bars(answer), hasHeader: false))
      case .chart: lines = indented(chart(answer))
      case .text: lines = paragraphs(answer)
      }
      guard !lines.isEmpty else { return [] }
      switch data.rest {
      case .none: break
      case .some(let count):
        lines += indented([StyledText("\(glyphs.ellipsis) \(Format.count(count)) more", .dim)])
      case .unknown: lines += indented([StyledText("\(glyphs.ellipsis) and more", .dim)])
      }
    }
    guard let title = panel.title else { return lines }
    return [StyledText(title, .bold)] + lines
  }

  var room: Int { max(1, width - PanelDrawing.indent) }

  func indented(_ lines: [StyledText]) -> [StyledText] {
    lines.map { StyledText(String(repeating: " ", count: PanelDrawing.indent)) + $0 }
  }

  func wrapped(_ text: String) -> [String] {
    TextWidth.wrapped(TextWidth.printable(text), to: min(room, PanelDrawing.readableWidth))
  }

  // MARK: - Cells

  /// - Returns: `nil` for NULL. Bars are drawn elsewhere: they need to know their width.
  func cell(_ column: PanelColumn, _ row: Answer.Row) -> StyledText? {
    let value = row[column.name]
    if value == .null { return nil }
    let text = TextWidth.printable(self.text(column, value, whole: column.of.flatMap { row[$0].number }))
    return StyledText(text, column.style ?? (column.format == .state ? PanelDrawing.style(ofState: text) : .plain))
  }

  private func text(_ column: PanelColumn, _ value: PanelData.Value, whole: Double?) -> String {
    guard let number = value.number else {
      if case .text(let text) = value { return text }
      return ""
    }
    switch column.format {
    case .count: return Format.count(number)
    case .bytes: return Format.bytes(number)
    case .seconds: return Format.duration(number)
    case .percent: return Format.percent(column.of == nil ? number : whole.map { $0 > 0 ? number / $0 : 0 } ?? 0)
    case .rate: return Format.rate(number)
    case .time: return Format.time(number, now: now, zone: zone)
    case .text, .path, .state, .bar:
      if case .integer(let whole) = value { return String(whole) }
      return "\(number)"
    }
  }

  static func style(ofState state: String) -> TextStyle {
    switch state.prefix(while: \.isLetter) {
    case "running": .accent
    case "done": .good
    case "failed", "died": .bad
    case "interrupted", "cancelled": .warn
    default: .plain
    }
  }

  func bar(_ column: PanelColumn, _ row: Answer.Row, largest: Double, width: Int) -> StyledText {
    guard let value = row[column.name].number else { return StyledText() }
    let whole = column.of.map { row[$0].number ?? 0 } ?? largest
    let fraction = whole > 0 ? value / whole : 0
    let style = column.style ?? (column.of != nil && fraction >= 1 ? .good : .accent)
    return Bar.drawn(fraction, width: width, style: style, glyphs: glyphs)
  }

  // MARK: - Kinds

  private func bars(_ answer: Answer) -> Answer {
    var answer = answer
    let label = answer.panel.columns[0]
    var figure = answer.panel.columns[1]
    var bar = figure
    bar.format = .bar
    bar.align = nil
    figure.of = figure.format == .percent ? figure.of : nil
    figure.align = .right
    answer.panel.columns = [label, bar, figure]
    return answer
  }

  private func chart(_ answer: Answer) -> [StyledText] {
    guard let x = answer.panel.x else { return [] }
    let rows = answer.rows.filter { $0[x.name].number != nil }.sorted {
      ($0[x.name].number ?? 0) < ($1[x.name].number ?? 0)
    }
    let styles: [TextStyle] = [.accent, .warn, .good, .plain]
    let format = answer.panel.columns[0]
    let limit = answer.panel.bound.flatMap { bound in
      rows.lazy.compactMap { $0[bound.name].number }.max().map { (name: bound.header, value: $0) }
    }
    let chart = Chart(
      positions: rows.compactMap { $0[x.name].number },
      series: answer.panel.columns.enumerated().map { index, column in
        Chart.Series(
          name: column.header, values: rows.map { $0[column.name].number },
          style: column.style ?? styles[index % styles.count])
      },
      limit: limit, height: answer.panel.height,
      formatValue: { text(format, .real($0), whole: nil) }, formatPosition: { text(x, .real($0), whole: nil) })
    return chart.drawn(width: min(room, PanelDrawing.readableWidth), glyphs: glyphs)
  }

  /// For each row its first column as a heading, below it the others, each with its name.
  private func paragraphs(_ answer: Answer) -> [StyledText] {
    let names = answer.panel.columns.dropFirst()
    let labelWidth = names.map { TextWidth.of($0.header) }.max() ?? 0
    let margin = PanelDrawing.indent * 2
    var lines: [StyledText] = []
    for row in answer.rows {
      if !lines.isEmpty, !names.isEmpty { lines.append(StyledText()) }
      if let heading = cell(answer.panel.columns[0], row) {
        lines += indented(wrapped(heading.plain).map { StyledText($0, answer.panel.columns[0].style ?? .plain) })
      }
      let textWidth = min(width, PanelDrawing.readableWidth) - margin - labelWidth - PanelDrawing.gap
      for column in names {
        guard let text = cell(column, row) else { continue }
        for (number, part) in TextWidth.wrapped(text.plain, to: textWidth).enumerated() {
          var line = StyledText(String(repeating: " ", count: margin))
          line += StyledText(number == 0 ? column.header : "", .dim).padded(to: labelWidth + PanelDrawing.gap)
          lines.append(line + StyledText(part, text.spans.first?.style ?? .plain))
        }
      }
    }
    return lines
  }
}

/// Data together with what the panel wants of it.
struct Answer {
  var panel: Panel
  var data: PanelData
  var file: String
  private let places: [String: Int]

  init(panel: Panel, data: PanelData, file: String) {
    self.panel = panel
    self.data = data
    self.file = file
    places = Dictionary(data.names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  struct Row {
    fileprivate var values: [PanelData.Value]
    fileprivate var places: [String: Int]

    subscript(name: String) -> PanelData.Value { places[name].map { values[$0] } ?? .null }
  }

  var rows: [Row] { data.rows.map { Row(values: $0, places: places) } }

  func check() throws(DashboardError) {
    for column in panel.columns + [panel.x, panel.bound].compactMap({ $0 }) {
      for name in [column.name, column.of, column.beside].compactMap({ $0 }) where places[name] == nil {
        let near = nearestName(to: name, among: data.names).map { "; did you mean \"\($0)\"?" } ?? ""
        let known = near.isEmpty ? " (it gives \(data.names.joined(separator: ", ")))" : ""
        throw DashboardError(
          file: file, line: column.line, panel: panel.shownName,
          message: "the SQL gives no column \"\(name)\"\(near)\(known)")
      }
    }
  }
}
