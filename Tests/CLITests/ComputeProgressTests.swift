import Foundation
import GraphRun
import GraphRunCLI
import Testing

@testable import CLI

@Suite("The progress of a Swift program")
struct ComputeProgressTests {
  @Test func `is drawn while it computes, told to the program too, and gone when it has ended`() async throws {
    let written = Written()
    let told = Written()
    let terminal = Terminal(isTerminal: true, hasColour: false) { Terminal.Size(columns: 80, rows: 24) }
    var options = ComputeOptions(memory: nil, workers: 1)
    options.progress = { told.append("\($0.done) of \($0.planned)") }
    options = options.showingProgress(TerminalProgress(LiveDisplay(terminal: terminal) { written.append($0) }))
    for round in 1...2 {
      let drawn = written.all.count
      let deadline = Date() + 60
      let total = try await Bag.range(2, partitions: 2).map { number in
        // As long as it takes until the block is on the screen.
        while written.all.count == drawn, Date() < deadline { usleep(1000) }
        return number + round
      }.sum().compute(options)
      #expect(total == 1 + 2 * round)
      let frames = written.all[drawn...]
      #expect(frames.contains { $0.contains("tasks") && $0.contains("memory") }, "round \(round)")
      // The last thing written clears the screen from the block's place on.
      #expect(frames.last == "\r\u{1B}[J", "round \(round)")
    }
    #expect(told.all.contains { $0.hasSuffix(" of 3") })
  }
}
