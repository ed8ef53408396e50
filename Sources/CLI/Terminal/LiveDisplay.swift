import Scheduler
import Synchronization

/// Shows how a run goes: a block redrawn in place for people, plain lines for pipes.
///
/// Threading: any thread may call; the lock is held while a frame is written, so that frames come out whole and in
/// order. `LiveBlock` and `PlainProgress` say what to show; this only shows it. Time is the snapshots' own.
final class LiveDisplay: Sendable {
  private struct State {
    var painter = BlockPainter()
    var schedule = PlainProgress.Schedule()
    var estimate = ProgressEstimate()
    var snapshot: ProgressSnapshot?
    var drawnAt: Double?
    /// The block does not shrink: lines below it would jump.
    var height = 0
  }

  /// A run that is over sooner shows no block at all.
  private static let patience = 0.2
  private static let frameInterval = 0.1

  private let terminal: Terminal
  private let write: @Sendable (String) -> Void
  private let state = Mutex(State())

  init(terminal: Terminal, write: @escaping @Sendable (String) -> Void) {
    self.terminal = terminal
    self.write = write
  }

  func update(_ snapshot: ProgressSnapshot) {
    state.withLock { state in
      let phaseChanged = snapshot.phase != (state.snapshot?.phase ?? .running)
      state.estimate.update(snapshot)
      state.snapshot = snapshot
      if terminal.isTerminal {
        guard snapshot.elapsedSeconds >= LiveDisplay.patience || phaseChanged else { return }
        if let last = state.drawnAt, snapshot.elapsedSeconds - last < LiveDisplay.frameInterval, !phaseChanged {
          return
        }
        state.drawnAt = snapshot.elapsedSeconds
        write(frame(&state, snapshot))
      } else {
        if phaseChanged, let notice = snapshot.notice { write(notice + "\n") }
        guard state.schedule.isDue(snapshot) else { return }
        write(
          PlainProgress.line(snapshot, rate: state.estimate.rate, remainingSeconds: state.estimate.remainingSeconds)
            + "\n")
      }
    }
  }

  /// A message that stays, above the block.
  func printAbove(_ line: String) {
    state.withLock { state in
      guard let snapshot = state.snapshot, state.painter.isShown else { return write(line + "\n") }
      write(frame(&state, snapshot, above: [line]))
    }
  }

  /// Takes the block away: what is to stay is printed by the report that follows.
  func finish() {
    state.withLock { state in
      let frame = state.painter.erase()
      state = State()
      if !frame.isEmpty { write(frame) }
    }
  }

  private func frame(_ state: inout State, _ snapshot: ProgressSnapshot, above: [String] = []) -> String {
    let size = terminal.size
    // The last column stays free: some terminals wrap as soon as it is filled.
    var lines = LiveBlock.lines(snapshot, state.estimate, width: max(1, size.columns - 1), glyphs: terminal.glyphs)
    state.height = max(state.height, lines.count)
    lines += [StyledText](repeating: StyledText(), count: state.height - lines.count)
    // The painter's own line above them needs room too.
    if let rows = size.rows { lines = Array(lines.prefix(max(1, rows - 2))) }
    return state.painter.paint(lines, colour: terminal.hasColour, above: above)
  }
}
