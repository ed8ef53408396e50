import Graph

/// `svg.write`: lines of a table as a picture.
struct SVGWrite: SinkOp {
  private let path: String
  private let x: String
  private let y: String
  private let series: [String]
  private let title: String?

  init(_ arguments: OpArguments) {
    path = arguments.require(OpArguments.string, "path")
    x = arguments.require(OpArguments.string, "x")
    y = arguments.require(OpArguments.string, "y")
    series = arguments.strings("series") ?? []
    title = arguments.string("title")
  }

  func paths(for partitions: Partitions) throws -> [String] { partitions.map { _ in path } }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: 256, scratch: inputBytes[0] * 3 + (256 << 10))
  }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let table = try Table.from(value)
    let lines = try ChartLines(table, x: x, y: y, series: series)
    var text = SVGChart(lines: lines, x: x, y: y, title: title).text
    try text.withUTF8 { try sink.write(UnsafeRawBufferPointer($0)) }
    return table.count
  }

  static let definition = OpDefinition(
    name: "svg.write", version: 1, summary: "draws a table's numbers as lines, a picture that browsers show",
    inputs: [
      OpInput("table", .value, summary: "a table of one value, such as curve.best or curve.precisionRecall gives")
    ],
    parameters: [
      OpParameter("path", .path, isIdentity: false, summary: "the file that is written, as a rule NAME.svg"),
      OpParameter("x", .string, summary: "the column of numbers along the horizontal axis"),
      OpParameter("y", .string, summary: "the column of numbers along the vertical axis"),
      OpParameter(
        "series", .strings, isOptional: true,
        summary: "columns of strings: a line for each of their values; one if left out"),
      OpParameter("title", .string, isOptional: true, summary: "what stands above it"),
    ],
    output:
      "the file's path and size; a point for each record, joined in their order; records with a null are left out",
    example: """
      picture:
        op: svg.write
        from: best
        with: {path: out/curves.svg, x: recall, y: precision, series: [curve]}
      """,
    maker: .sink { SVGWrite($0) })
}

/// The points of a table, line by line.
struct ChartLines {
  struct Line {
    let name: String
    var points: [(x: Double, y: Double)] = []
  }

  private(set) var lines: [Line] = []

  /// - Throws: `TaskError` with code `.missingColumn` or `.wrongType`, or where a number is infinite.
  init(_ table: Table, x: String, y: String, series: [String]) throws {
    let numbers = try [x, y].map { name in
      let column = try table.column(name)
      switch column.type {
      case .int8, .int32, .int64, .float32, .float64: return column
      default:
        throw TaskError(
          .wrongType, "column \"\(name)\" holds \(column.type), and what is drawn are numbers; name another column")
      }
    }
    let names = try series.map { name in
      let column = try table.column(name)
      guard column.type == .utf8 else {
        throw TaskError(
          .wrongType, "column \"\(name)\" holds \(column.type), and what lines are called are strings; cast it before")
      }
      return column
    }
    var places: [ByteText: Int] = [:]
    for row in 0..<table.count {
      guard let x = numbers[0].number(at: row), let y = numbers[1].number(at: row) else { continue }
      guard x.isFinite, y.isFinite else {
        throw TaskError(
          .badRecord, "\(x) and \(y) make no point; filter such records out before", record: "\(row + 1)")
      }
      let name = names.compactMap { $0.string(at: row) }.joined(separator: ", ")
      let place = places[ByteText(name)] ?? lines.count
      if place == lines.count {
        places[ByteText(name)] = place
        lines.append(Line(name: name))
      }
      lines[place].points.append((x, y))
    }
  }
}

/// A picture of lines in axes, as SVG 1.1.
struct SVGChart {
  let lines: ChartLines
  let x: String
  let y: String
  let title: String?

  private static let (width, height) = (560.0, 400.0)
  private static let (left, top) = (64.0, 40.0)
  /// What colour-blind people tell apart: M. Okabe and K. Ito's palette, without its yellow, which is pale on white.
  private static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
  private static let dashes = ["", "6 3", "2 2", "8 3 2 3"]
  private static let legendRow = 18.0

  var text: String {
    let (width, height, left, top) = (SVGChart.width, SVGChart.height, SVGChart.left, SVGChart.top)
    let points = lines.lines.lazy.flatMap(\.points)
    let (across, up) = (ChartAxis(points.map(\.x)), ChartAxis(points.map(\.y)))
    let hasLegend = lines.lines.count > 1 || lines.lines.first.map { !$0.name.isEmpty } == true
    let longest = lines.lines.map { $0.name.unicodeScalars.count }.max() ?? 0
    let total = (
      width: left + width + 24 + (hasLegend ? 44 + Double(longest) * 7.5 : 0),
      height: max(top + height + 56, top + Double(lines.lines.count) * SVGChart.legendRow + 24)
    )
    var out = """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(total.width)) \(number(total.height))" \
      width="\(number(total.width))" height="\(number(total.height))" font-family="sans-serif" font-size="12">
      <rect width="100%" height="100%" fill="#ffffff"/>

      """
    func put(_ text: String, _ x: Double, _ y: Double, _ anchor: String, _ more: String = "") {
      out +=
        "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\"\(more)>\(SVGChart.escaped(text))</text>\n"
    }
    func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String) {
      out +=
        "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" stroke=\"\(colour)\"/>\n"
    }
    if let title { put(title, left + width / 2, top - 16, "middle", " font-size=\"15\"") }
    for tick in across.ticks {
      let place = left + across.place(tick) * width
      line(place, top, place, top + height, "#e5e5e5")
      put(across.text(tick), place, top + height + 18, "middle")
    }
    for tick in up.ticks {
      let place = top + height - up.place(tick) * height
      line(left, place, left + width, place, "#e5e5e5")
      put(up.text(tick), left - 8, place + 4, "end")
    }
    line(left, top + height, left + width, top + height, "#404040")
    line(left, top, left, top + height, "#404040")
    put(x, left + width / 2, top + height + 42, "middle")
    let middle = top + height / 2
    put(y, 18, middle, "middle", " transform=\"rotate(-90 18 \(number(middle)))\"")
    for (index, one) in lines.lines.enumerated() {
      let colour = SVGChart.colours[index % SVGChart.colours.count]
      let dash = SVGChart.dashes[index / SVGChart.colours.count % SVGChart.dashes.count]
      let style =
        "fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.8\""
        + (dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\"")
      let places = thinned(
        one.points.map { (left + across.place($0.x) * width, top + height - up.place($0.y) * height) })
      if places.count == 1 {
        out += "<circle cx=\"\(number(places[0].0))\" cy=\"\(number(places[0].1))\" r=\"3\" fill=\"\(colour)\"/>\n"
      } else {
        let list = places.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        out += "<polyline points=\"\(list)\" \(style)/>\n"
      }
      if hasLegend {
        let (x, y) = (left + width + 24, top + Double(index) * SVGChart.legendRow + 8)
        out += "<path d=\"M\(number(x)) \(number(y))h24\" \(style)/>\n"
        put(one.name, x + 32, y + 4, "start")
      }
    }
    return out + "</svg>\n"
  }

  /// Without points that nobody sees: closer than half a unit to the last one drawn. The last point stays.
  private func thinned(_ points: [(Double, Double)]) -> [(Double, Double)] {
    var kept: [(Double, Double)] = []
    for (index, point) in points.enumerated() {
      if let last = kept.last, index + 1 < points.count, abs(point.0 - last.0) < 0.5, abs(point.1 - last.1) < 0.5 {
        continue
      }
      kept.append(point)
    }
    return kept
  }

  /// With two digits behind the point at most.
  private func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let (whole, rest) = (hundredths / 100, abs(hundredths % 100))
    let sign = hundredths < 0 && whole == 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    return "\(sign)\(whole)." + (rest % 10 == 0 ? "\(rest / 10)" : rest < 10 ? "0\(rest)" : "\(rest)")
  }

  /// For XML: its signs as entities, and characters that it cannot hold as U+FFFD.
  private static func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "\u{0}"..<"\u{20}", "\u{FFFE}", "\u{FFFF}": out += "\u{FFFD}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
