import Graph

/// A result of two columns, a label and a number, as horizontal bars.
///
/// Where the labels are whole numbers and there are more of them than rows, neighbours are added up: a histogram.
struct ResultChart {
  private let header: (String, String)
  private let bars: [(label: String, value: Double)]
  /// What does not fit; 0 where all is drawn.
  private let leftOut: Int

  /// - Parameters:
  ///   - preview: the whole result.
  ///   - rows: bars at most.
  /// - Throws: `CommandFailure` where it is no label and number.
  init(_ preview: ValuePreview, rows: Int) throws {
    guard preview.columns.count == 2, preview.rows.allSatisfy({ Double($0[1]) != nil }) else {
      throw CommandFailure(
        .usage,
        "only a result of two columns, a label and a number, can be drawn as bars, and this one has "
          + preview.columns.map { "\"\($0)\"" }.joined(separator: ", ") + "; give --x and --y for lines")
    }
    header = (preview.columns[0], preview.columns[1])
    let values = preview.rows.map { (label: $0[0], value: Double($0[1])!) }
    let rows = max(rows, 1)
    let numbers = values.compactMap { Int($0.label) }
    guard values.count > rows, numbers.count == values.count, let least = numbers.min(), let greatest = numbers.max(),
      case let (span, overflows) = greatest.subtractingReportingOverflow(least), !overflows, span < Int.max / 16
    else {
      bars = Array(values.prefix(rows))
      leftOut = values.count - bars.count
      return
    }
    let width = ResultChart.step(over: span + 1, rows: rows)
    let first = least.quotientDown(width)
    var sums = [Double](repeating: 0, count: greatest.quotientDown(width) - first + 1)
    for (number, value) in zip(numbers, values) { sums[number.quotientDown(width) - first] += value.value }
    bars = sums.enumerated().map { index, sum in
      let start = (first + index) * width
      return ("\(start)–\(start + width - 1)", sum)
    }
    leftOut = 0
  }

  /// The smallest of 1, 2, 5, 10, 20 … that cuts so many numbers into less parts than there are rows.
  private static func step(over count: Int, rows: Int) -> Int {
    var power = 1
    while true {
      for factor in [1, 2, 5] where count / (power * factor) < rows - 1 || rows == 1 && count <= power * factor {
        return power * factor
      }
      power *= 10
    }
  }

  func drawn(width: Int, glyphs: Glyphs) -> [StyledText] {
    let labels = bars.map {
      TextWidth.truncated(glyphs == .ascii ? $0.label.replacing("–", with: "-") : $0.label, to: 30)
    }
    let numbers = bars.map { Int(exactly: $0.value).map { Format.count($0) } ?? "\($0.value)" }
    let labelWidth = max(labels.map(TextWidth.of).max() ?? 0, TextWidth.of(header.0))
    let numberWidth = max(numbers.map(TextWidth.of).max() ?? 0, TextWidth.of(header.1))
    let greatest = bars.map(\.value).max() ?? 0
    let room = max(width - labelWidth - numberWidth - 4, 4)
    var lines = [
      StyledText(header.0, .dim).padded(to: labelWidth, .right) + StyledText("  ")
        + StyledText(header.1, .dim).padded(to: numberWidth, .right)
    ]
    for (index, bar) in bars.enumerated() {
      let line =
        StyledText(labels[index]).padded(to: labelWidth, .right) + StyledText("  ")
        + StyledText(numbers[index]).padded(to: numberWidth, .right) + StyledText("  ")
      let share = greatest > 0 ? max(bar.value, 0) / greatest : 0
      // Without the track: the bars' ends are what is looked at.
      let eighths = bar.value > 0 ? max(Int(share * Double(room * 8)), 1) : 0
      var drawn = String(repeating: glyphs.full, count: eighths / 8)
      if eighths % 8 > 0, glyphs == .unicode { drawn.append(glyphs.left(eighths: eighths % 8)) }
      if drawn.isEmpty, eighths > 0 { drawn.append(glyphs.full) }
      lines.append(line + StyledText(drawn, .good))
    }
    if leftOut > 0 {
      lines.append(StyledText("\(glyphs.ellipsis) \(Format.count(leftOut)) more; --rows draws them", .dim))
    }
    return lines
  }
}

extension Int {
  /// The quotient, rounded down.
  fileprivate func quotientDown(_ divisor: Int) -> Int { self / divisor - (self % divisor < 0 ? 1 : 0) }
}
