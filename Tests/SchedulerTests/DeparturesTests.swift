import Foundation
import Graph
import Synchronization
import Testing

@testable import Scheduler

/// Says when it goes, and takes its time.
private final class LingeringValue: TaskValue {
  static let kind = "lingering"
  let gone: @Sendable () -> Void

  init(gone: @escaping @Sendable () -> Void) { self.gone = gone }
  init(contentsOf buffer: Buffer) throws { throw TaskError(.corruptValue, "only for tests") }
  deinit {
    usleep(20_000)
    gone()
  }
  var byteCount: Int { 1 << 20 }
  func write(to sink: any ByteSink) throws {}
  func preview(limit: Int) -> ValuePreview { ValuePreview(columns: [], rows: [], rowCount: 1, json: "0") }
}

@Suite struct DeparturesTests {
  private enum Event { case gone, enoughRoom, allRoom }

  @Test("Whoever was promised room waits until it is free, and no longer")
  func waits() {
    let departures = Departures()
    let events = Mutex<[Event]>([])
    func lingering() -> [ResultBox] {
      [ResultBox(LingeringValue { events.withLock { $0.append(.gone) } })]
    }
    let (first, second) = (lingering(), lingering())
    departures.begin(first)
    departures.begin(second)
    // Both fit beside what is free: no wait.
    departures.wait(most: 2 << 20)
    let one = WorkerThread("one") {
      departures.wait(most: 1 << 20)
      events.withLock { $0.append(.enoughRoom) }
    }
    let all = WorkerThread("all") {
      departures.wait(most: 0)
      events.withLock { $0.append(.allRoom) }
    }
    departures.finish(consume first)
    one.wait()
    departures.finish(consume second)
    all.wait()
    #expect(events.withLock { $0 } == [.gone, .enoughRoom, .gone, .allRoom])
  }
}
