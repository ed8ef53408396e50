/// Redraws a block of lines in place: decides what to write, and writes nothing itself.
///
/// Between two calls the cursor stands below the block, at the left edge. A frame moves up to the block's first row,
/// writes each line and clears what is right of it, then clears what is below. One string holds the whole frame, and
/// asks the terminal to show it at once (mode 2026; a terminal that does not know the mode ignores it), so that
/// nothing flickers. When the window was narrowed, lines on the screen have been folded into several rows: those are
/// counted by the window's new width.
struct BlockPainter {
  static let hideCursor = "\u{1B}[?25l"
  static let showCursor = "\u{1B}[?25h"
  private static let begin = "\u{1B}[?2026h"
  private static let end = "\u{1B}[?2026l"
  private static let clearRight = "\u{1B}[K"
  private static let clearBelow = "\u{1B}[J"

  /// Of the lines that stand on the screen.
  private var widths: [Int] = []

  var isEmpty: Bool { widths.isEmpty }

  /// - Parameter above: lines that will stand above the block for good.
  mutating func paint(_ lines: [StyledText], columns: Int, colour: Bool, above: [String] = []) -> String {
    var frame = BlockPainter.begin + home(columns)
    for line in above { frame += line + BlockPainter.clearRight + "\n" }
    for line in lines { frame += line.rendered(colour: colour) + BlockPainter.clearRight + "\n" }
    widths = lines.map(\.width)
    return frame + BlockPainter.clearBelow + BlockPainter.end
  }

  /// Takes the block from the screen.
  mutating func erase(columns: Int) -> String {
    guard !widths.isEmpty else { return "" }
    defer { widths = [] }
    return home(columns) + BlockPainter.clearBelow
  }

  private func home(_ columns: Int) -> String {
    let rows = widths.reduce(0) { $0 + max(1, ($1 + columns - 1) / max(1, columns)) }
    return rows > 0 ? "\u{1B}[\(rows)A\r" : ""
  }
}
