/// Redraws lines in place: decides what to write, and writes nothing itself.
///
/// Between two calls the cursor stands on an empty line above the block. When the window is resized, the terminal folds
/// the lines anew and moves the cursor along with the line it stands on; an empty one is never folded. So the next
/// frame begins at the right place without anyone counting rows, and clears all that is below. Wrapping is off while a frame is written, since
/// the size that was asked for may be stale. One string holds the whole frame, and asks the terminal to show it at
/// once (mode 2026; a terminal that does not know the mode ignores it), so that nothing flickers.
struct BlockPainter {
  enum Place {
    /// Below what is on the screen already.
    case below
    /// The whole screen, the other one: what was there comes back when it is left.
    case otherScreen
  }

  static let enterOtherScreen = "\u{1B}[?1049h\u{1B}[?25l"
  static let leaveOtherScreen = "\u{1B}[?1049l\u{1B}[?25h"
  private static let begin = "\u{1B}[?2026h\u{1B}[?7l"
  private static let end = "\u{1B}[?7h\u{1B}[?2026l"
  /// Before the text, not behind it: a full line's last character would go, and a line that once was folded would
  /// stay tied to the next.
  private static let clearLine = "\u{1B}[2K"
  private static let clearBelow = "\u{1B}[J"

  var place = Place.below
  /// Whether a block stands on the screen.
  private(set) var isShown = false

  /// - Parameter above: lines that will stand above the block for good.
  mutating func paint(_ lines: [StyledText], colour: Bool, above: [String] = []) -> String {
    isShown = true
    var frame = BlockPainter.begin + home
    if !above.isEmpty {
      // These may be longer than the window is wide, and are to be read in full.
      frame += "\u{1B}[?7h" + above.map { BlockPainter.clearLine + $0 + "\r\n" }.joined() + "\u{1B}[?7l"
    }
    let lines = place == .below ? [StyledText()] + lines : lines
    frame += lines.map { BlockPainter.clearLine + $0.rendered(colour: colour) }.joined(separator: "\r\n")
    frame += BlockPainter.clearBelow
    if place == .below { frame += "\u{1B}[\(lines.count - 1)A\r" }
    return frame + BlockPainter.end
  }

  /// Takes the block from the screen.
  mutating func erase() -> String {
    defer { isShown = false }
    return isShown ? home + BlockPainter.clearBelow : ""
  }

  private var home: String { place == .below ? "\r" : "\u{1B}[H" }
}
