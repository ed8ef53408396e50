/// A bar of `width` columns, `fraction` of it filled, in steps of an eighth of a column.
enum Bar {
  static func drawn(_ fraction: Double, width: Int, style: TextStyle, glyphs: Glyphs) -> StyledText {
    guard width > 0 else { return StyledText() }
    let fraction = fraction.isFinite ? min(max(fraction, 0), 1) : 0
    var eighths = Int((fraction * Double(width * 8)).rounded(.down))
    // Whatever has begun shows, and only what is complete is full.
    if fraction > 0 { eighths = max(eighths, 1) }
    if fraction < 1 { eighths = min(eighths, width * 8 - 1) }
    var bar = StyledText(String(repeating: glyphs.full, count: eighths / 8), style)
    let edge = glyphs.left(eighths: eighths % 8)
    if eighths % 8 != 0, edge != glyphs.track { bar.append(String(edge), style) }
    bar.append(String(repeating: glyphs.track, count: width - bar.width), .dim)
    return bar
  }
}
