import CLI
import GraphRun

extension ComputeOptions {
  /// These options, and on standard error how the computation goes, as `graphrun run` shows it.
  ///
  ///     try await prices.sum().compute(ComputeOptions(memory: nil).showingProgress())
  ///
  /// For one computation after the other: two at once would draw over each other.
  public func showingProgress(_ display: TerminalProgress = TerminalProgress()) -> ComputeOptions {
    var options = self
    let before = progress
    options.progress = { snapshot in
      before?(snapshot)
      display.update(snapshot)
    }
    options.observers.append(ProgressEnd(display: display))
    return options
  }
}

/// Takes the display away before anything is printed below it.
private struct ProgressEnd: TaskObserver {
  let display: TerminalProgress

  func computationDidEnd(_ result: Result<RunSummary, any Error>) { display.finish() }
}
