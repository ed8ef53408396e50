import Graph
import Scheduler

/// The few lines that stand at the foot of the terminal while a run goes on.
enum LiveBlock {
  static let mostLines = 6
  private static let widestBar = 40
  private static let narrowestBar = 8

  static func lines(_ snapshot: ProgressSnapshot, _ estimate: ProgressEstimate, width: Int, glyphs: Glyphs)
    -> [StyledText]
  {
    var lines = [progress(snapshot, estimate, width, glyphs), memory(snapshot, width, glyphs)]
    var room = mostLines - lines.count
    if let notice = snapshot.notice {
      lines.append(StyledText(notice, .warn))
      room -= 1
    }
    let shown = snapshot.running.count <= room ? snapshot.running : Array(snapshot.running.prefix(min(room - 1, 3)))
    lines += running(shown, width, glyphs)
    if shown.count < snapshot.running.count {
      let more = snapshot.running.count - shown.count
      lines.append(StyledText("\(glyphs.ellipsis) and \(Format.count(more)) more running", .dim))
    }
    return lines.map { $0.truncated(to: width, ellipsis: glyphs.ellipsis) }
  }

  /// What does not fit beside the bar is left out, from the end.
  private static func progress(
    _ snapshot: ProgressSnapshot, _ estimate: ProgressEstimate, _ width: Int, _ glyphs: Glyphs
  ) -> StyledText {
    var parts = [
      StyledText(Format.percent(snapshot.fraction).leftPadded(to: 6), .bold),
      StyledText("\(Format.count(snapshot.done))/\(Format.count(snapshot.planned)) tasks"),
    ]
    if snapshot.failed > 0 { parts.append(StyledText("\(Format.count(snapshot.failed)) failed", .bad)) }
    if let remaining = estimate.remainingSeconds, snapshot.unfinished > 0 {
      parts.append(StyledText("\(Format.duration(remaining)) left"))
    }
    if let rate = estimate.rate { parts.append(StyledText(Format.rate(rate), .dim)) }
    parts.append(StyledText(Format.duration(snapshot.elapsedSeconds), .dim))
    return barred(
      snapshot.fraction, label: "tasks", style: snapshot.failed > 0 ? .warn : .accent, parts, width, glyphs)
  }

  private static func memory(_ snapshot: ProgressSnapshot, _ width: Int, _ glyphs: Glyphs) -> StyledText {
    let used = ByteCount(snapshot.residentBytes)
    let fraction = snapshot.memoryLimit > 0 ? Double(used.bytes) / Double(snapshot.memoryLimit) : 0
    let parts = [
      StyledText(Format.percent(fraction).leftPadded(to: 6)),
      StyledText("\(used) of \(ByteCount(snapshot.memoryLimit))"),
      StyledText("spilled \(ByteCount(snapshot.spilledTotal))", snapshot.spilledTotal > 0 ? .plain : .dim),
    ]
    return barred(fraction, label: "memory", style: fraction > 0.95 ? .warn : .accent, parts, width, glyphs)
  }

  private static func barred(
    _ fraction: Double, label: String, style: TextStyle, _ parts: [StyledText], _ width: Int, _ glyphs: Glyphs
  ) -> StyledText {
    let head = StyledText(label, .dim).padded(to: 8)
    // Both lines' bars have one width, whatever stands beside them: half of the line and no more.
    let bar = min(max(width / 2 - head.width - 6, narrowestBar), widestBar)
    var line = head + Bar.drawn(fraction, width: bar, style: style, glyphs: glyphs)
    for (number, part) in parts.enumerated() {
      let gap = number == 0 ? 0 : 2
      guard line.width + gap + part.width <= width else { break }
      line.append(String(repeating: " ", count: gap))
      line.append(part)
    }
    return line
  }

  private static func running(_ tasks: [ProgressSnapshot.RunningTask], _ width: Int, _ glyphs: Glyphs) -> [StyledText] {
    let names = tasks.map { TextWidth.truncatedMiddle($0.key.description, to: width / 2, ellipsis: glyphs.ellipsis) }
    let ages = tasks.map { Format.duration($0.seconds) }
    let nameWidth = names.map(TextWidth.of).max() ?? 0
    let ageWidth = ages.map(TextWidth.of).max() ?? 0
    let room = width - 2 - nameWidth - 2 - ageWidth - 2
    return tasks.indices.map { index in
      var line = StyledText("  ") + StyledText(names[index]).padded(to: nameWidth) + "  "
      line.append(ages[index].leftPadded(to: ageWidth), .dim)
      if let label = tasks[index].label, room >= 8 {
        let name = TextWidth.truncatedMiddle(TextWidth.printable(label), to: room, ellipsis: glyphs.ellipsis)
        line.append("  " + name, .dim)
      }
      return line
    }
  }
}

extension String {
  func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - TextWidth.of(self))) + self
  }
}
