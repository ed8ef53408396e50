import Foundation
import Scheduler

/// How a run goes, on standard error: in a terminal a block that is redrawn in place, elsewhere a line now and then.
///
/// For one run after the other. Any thread may call.
public struct TerminalProgress: Sendable {
  private let display: LiveDisplay

  public init() {
    self.init(LiveDisplay(terminal: Terminal.standardError()) { Output.write($0, to: STDERR_FILENO) })
  }

  init(_ display: LiveDisplay) { self.display = display }

  /// Shows how it stands, if it is time to.
  public func update(_ snapshot: ProgressSnapshot) { display.update(snapshot) }

  /// Takes the block away when the run has ended.
  public func finish() { display.finish() }
}
