import Graph
import Scheduler
import Synchronization
import Testing

@testable import CLI

/// What was written, in order.
final class Written: Sendable {
  private let texts = Mutex<[String]>([])
  func append(_ text: String) { texts.withLock { $0.append(text) } }
  var all: [String] { texts.withLock { $0 } }
}

private func snapshot(
  at seconds: Double, done: Int = 340, planned: Int = 1200, failed: Int = 0, running: Int = 2,
  phase: ProgressSnapshot.Phase = .running, spilled: Int = 0
) -> ProgressSnapshot {
  var snapshot = ProgressSnapshot()
  snapshot.phase = phase
  snapshot.elapsedSeconds = seconds
  (snapshot.planned, snapshot.done, snapshot.failed) = (planned, done, failed)
  (snapshot.residentBytes, snapshot.memoryLimit, snapshot.spilledTotal) = (180 << 20, 256 << 20, spilled)
  snapshot.running = (0..<running).map {
    ProgressSnapshot.RunningTask(
      key: TaskKey(stage: "prepared", role: .partition(Int32(17 + $0))), label: "data/arXiv_metadata_\(17 + $0).json",
      seconds: 2.1 - Double($0))
  }
  return snapshot
}

private func block(_ snapshot: ProgressSnapshot, width: Int, glyphs: Glyphs = .unicode) -> [String] {
  var estimate = ProgressEstimate()
  estimate.update(snapshot)
  return LiveBlock.lines(snapshot, estimate, width: width, glyphs: glyphs).rendered(colour: false)
}

@Suite("The live display")
struct LiveDisplayTests {
  @Test func `the block at width 80`() {
    #expect(
      block(snapshot(at: 12.1), width: 80) == [
        "tasks   ███████▎░░░░░░░░░░░░░░░░░░  28 %  340/1,200 tasks  31 s left  28.1/s",
        "memory  ██████████████████▎░░░░░░░  70 %  180 MB of 256 MB  spilled 0 B",
        "  prepared[17]  2.1 s  data/arXiv_metadata_17.json",
        "  prepared[18]  1.1 s  data/arXiv_metadata_18.json",
      ])
  }

  @Test func `a narrow block leaves out what matters least`() {
    #expect(
      block(snapshot(at: 12.1, failed: 2), width: 40) == [
        "tasks   ██▎░░░░░  28 %  340/1,200 tasks",
        "memory  █████▋░░  70 %  180 MB of 256 MB",
        "  prepared[17]  2.1 s  data/…ata_17.json",
        "  prepared[18]  1.1 s  data/…ata_18.json",
      ])
  }

  @Test func `no block is wider than its terminal or longer than six lines`() {
    for width in 1...130 {
      for running in [0, 1, 3, 4, 5, 64] {
        for phase in [ProgressSnapshot.Phase.running, .draining] {
          let lines = block(snapshot(at: 61, running: running, phase: phase), width: width)
          #expect(lines.count <= LiveBlock.mostLines)
          #expect(lines.allSatisfy { TextWidth.of($0) <= width })
        }
      }
    }
  }

  @Test func `many tasks are counted, and an interrupt is told`() {
    let lines = block(snapshot(at: 12, running: 9, phase: .draining), width: 90)
    #expect(lines[2] == "interrupted: running tasks end, no new ones start; once more stops them")
    #expect(lines[5] == "… and 7 more running")
  }

  @Test func `frames go home, clear line by line, and the end leaves nothing`() {
    let written = Written()
    let terminal = Terminal(isTerminal: true, hasColour: false) { .init(columns: 41, rows: 24) }
    let display = LiveDisplay(terminal: terminal) { written.append($0) }
    display.update(snapshot(at: 0.1, running: 0))
    #expect(written.all.isEmpty)
    display.update(snapshot(at: 1, done: 0, running: 0))
    display.update(snapshot(at: 1.05, done: 1, running: 0))
    display.printAbove("a message")
    display.finish()
    let esc = "\u{1B}["
    let begin = "\(esc)?2026h\(esc)?7l\r"
    let memory = "\(esc)2Kmemory  █████▋░░  70 %  180 MB of 256 MB"
    let end = "\(esc)J\(esc)2A\r\(esc)?7h\(esc)?2026l"
    #expect(
      written.all == [
        "\(begin)\(esc)2K\r\n\(esc)2Ktasks   ░░░░░░░░   0 %  0/1,200 tasks\r\n\(memory)\(end)",
        "\(begin)\(esc)?7h\(esc)2Ka message\r\n\(esc)?7l\(esc)2K\r\n"
          + "\(esc)2Ktasks   ▏░░░░░░░  <1 %  1/1,200 tasks\r\n\(memory)\(end)",
        "\r\(esc)J",
      ])
  }

  @Test func `without a block a message is a plain line, and the end writes nothing`() {
    let written = Written()
    let display = LiveDisplay(terminal: Terminal(isTerminal: true, hasColour: true) { .init(columns: 80, rows: 24) }) {
      written.append($0)
    }
    display.printAbove("a message")
    display.finish()
    #expect(written.all == ["a message\n"])
  }

  @Test func `the block is no taller than the window`() {
    let written = Written()
    let display = LiveDisplay(terminal: Terminal(isTerminal: true, hasColour: false) { .init(columns: 80, rows: 3) }) {
      written.append($0)
    }
    display.update(snapshot(at: 1, running: 4))
    #expect(written.all[0].contains("tasks") && !written.all[0].contains("memory"))
  }

  @Test func `colour marks little`() {
    let line = LiveBlock.lines(snapshot(at: 12), ProgressEstimate(), width: 40, glyphs: .ascii)[0]
    #expect(
      line.rendered(colour: true)
        == "\u{1B}[2mtasks\u{1B}[0m   \u{1B}[36m##\u{1B}[0m\u{1B}[2m......\u{1B}[0m\u{1B}[1m  28 %\u{1B}[0m"
        + "  340/1,200 tasks")
  }

  @Test func `a pipe gets plain lines, sooner at first, and only when something changed`() {
    let written = Written()
    let display = LiveDisplay(terminal: Terminal(isTerminal: false, hasColour: false) { .init(columns: 80) }) {
      written.append($0)
    }
    for tick in 0..<(20 * 700) {
      let seconds = Double(tick) / 20
      display.update(snapshot(at: seconds, done: seconds < 400 ? Int(seconds) : 400, running: 1))
    }
    display.printAbove("a message")
    display.finish()
    let lines = written.all
    #expect(
      lines.first == " 1.0 s  1/1,200 tasks (<1 %)  1.0/s  memory 180 MB of 256 MB  spilled 0 B  ETA 19 min 59 s\n")
    #expect(lines.last == "a message\n")
    // At 1, 6 … 61 seconds, then each 10 to 301, then each 30 to 421: by then nothing changes any more.
    #expect(lines.count == 13 + 24 + 4 + 1)
  }

  @Test func `the plain line tells failures`() {
    let line = PlainProgress.line(snapshot(at: 12, failed: 2), rate: 28.14, remainingSeconds: 31)
    #expect(
      line == "  12 s  340/1,200 tasks (28 %)  2 failed  28.1/s  memory 180 MB of 256 MB  spilled 0 B  ETA 31 s")
  }

  @Test func `the rate is that of the last half minute`() {
    var estimate = ProgressEstimate()
    for second in 0...100 { estimate.update(snapshot(at: Double(second), done: second < 50 ? 0 : (second - 50) * 4)) }
    #expect(abs((estimate.rate ?? 0) - 4) < 0.2)
    #expect(abs((estimate.remainingSeconds ?? 0) - 250) < 15)
  }
}
