import Foundation
import Synchronization

/// `status --watch`: draws a page again and again until its run is over.
struct StatusWatcher {
  enum Ending: Equatable {
    /// The run is over; its last page stands.
    case runEnded
    /// The user has seen enough.
    case interrupted
  }

  static let interval = 0.5
  /// A page that takes long to ask for comes less often, so that watching costs a fifth of a core at most.
  private static let idleShare = 4.0

  private let terminal: Terminal
  private let glyphs: Glyphs
  private let frame: (_ width: Int) throws -> StatusFrame
  private let write: (String) -> Void
  private let sleep: (_ seconds: Double) -> Bool

  /// - Parameters:
  ///   - frame: draws the page for a width.
  ///   - write: to the terminal.
  ///   - sleep: waits, perhaps for less long than asked when the window changed; `false` when it is time to stop.
  init(
    terminal: Terminal, frame: @escaping (_ width: Int) throws -> StatusFrame, write: @escaping (String) -> Void,
    sleep: @escaping (_ seconds: Double) -> Bool
  ) {
    self.terminal = terminal
    glyphs = terminal.glyphs
    self.frame = frame
    self.write = write
    self.sleep = sleep
  }

  /// Watches one run of a state file; Ctrl-C ends it.
  ///
  /// - Parameter run: `nil` for the latest.
  static func watch(
    _ view: StatusView, _ dashboard: Dashboard, run: Int64? = nil, terminal: Terminal,
    write: @escaping (String) -> Void
  ) throws -> Ending {
    let signals = WatchSignals()
    defer { signals.end() }
    // The run that is the latest now stays the one that is watched.
    let run = try view.frame(dashboard, run: run, width: 80, glyphs: terminal.glyphs).run
    return try StatusWatcher(
      terminal: terminal,
      frame: { width in try view.frame(dashboard, run: run, width: width, glyphs: terminal.glyphs) },
      write: write, sleep: signals.sleep
    ).run()
  }

  func run() throws -> Ending { terminal.isTerminal ? try redraw() : try printLines() }

  /// Draws on the terminal's other screen, where a page may be as tall as the window and nothing scrolls away; the
  /// last page is then printed where the command was given.
  private func redraw() throws -> Ending {
    var painter = BlockPainter(place: .otherScreen)
    var shown: (lines: [StyledText], size: Terminal.Size)?
    var last: [StyledText] = []
    defer {
      write(
        (painter.isShown ? BlockPainter.leaveOtherScreen : "")
          + last.rendered(colour: terminal.hasColour).map { $0 + "\n" }.joined())
    }
    while true {
      let begun = ContinuousClock.now
      let size = terminal.size
      let page = try frame(size.columns)
      last = page.lines
      if page.isOver { return .runEnded }
      let lines = fitted(page.lines, rows: size.rows)
      if shown?.lines != lines || shown?.size != size {
        let enter = painter.isShown ? "" : BlockPainter.enterOtherScreen
        write(enter + painter.paint(lines, colour: terminal.hasColour))
        shown = (lines, size)
      }
      guard sleep(StatusWatcher.pause(after: begun)) else { return .interrupted }
    }
  }

  private static func pause(after begun: ContinuousClock.Instant) -> Double {
    let taken = begun.duration(to: .now) / .seconds(1)
    return max(interval, taken * idleShare)
  }

  private func fitted(_ lines: [StyledText], rows: Int?) -> [StyledText] {
    guard let rows, lines.count > rows, rows > 1 else { return lines }
    let kept = lines.prefix(rows - 1)
    let rest = lines.count - kept.count
    return kept + [StyledText("\(glyphs.ellipsis) \(rest) more lines", .dim)]
  }

  private func printLines() throws -> Ending {
    var schedule = PlainProgress.Schedule()
    while true {
      let begun = ContinuousClock.now
      let page = try frame(terminal.size.columns)
      if schedule.isDue(page.snapshot) || page.isOver {
        write(PlainProgress.line(page.snapshot, rate: page.rate, remainingSeconds: page.remainingSeconds) + "\n")
      }
      if page.isOver {
        write("run \(page.run) \(page.state) after \(Format.duration(page.snapshot.elapsedSeconds))\n")
        return .runEnded
      }
      guard sleep(StatusWatcher.pause(after: begun)) else { return .interrupted }
    }
  }
}

/// Waits for the next frame, and is woken by Ctrl-C or a resized window.
final class WatchSignals {
  private final class Alarm: Sendable {
    let wake = DispatchSemaphore(value: 0)
    let isStopped = Mutex(false)
  }

  private let alarm = Alarm()
  private var sources: [any DispatchSourceSignal] = []

  init() {
    let queue = DispatchQueue(label: "graphrun.watch")
    for number in [SIGINT, SIGTERM, SIGWINCH] {
      // The source sees it all the same; the default action would end the process on the wrong screen.
      if number != SIGWINCH { signal(number, SIG_IGN) }
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { [alarm] in
        if number != SIGWINCH { alarm.isStopped.withLock { $0 = true } }
        alarm.wake.signal()
      }
      source.resume()
      sources.append(source)
    }
  }

  /// - Returns: `false` when the user wants to stop.
  func sleep(_ seconds: Double) -> Bool {
    _ = alarm.wake.wait(timeout: .now() + seconds)
    return !alarm.isStopped.withLock { $0 }
  }

  func end() {
    for source in sources { source.cancel() }
    sources = []
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }
}
