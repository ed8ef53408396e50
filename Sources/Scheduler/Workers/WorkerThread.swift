import Foundation

/// A thread of the scheduler's own: for work that blocks, with a stack that tasks can count on.
struct WorkerThread {
  private let ended = DispatchSemaphore(value: 0)

  init(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread { [ended] in
      body()
      ended.signal()
    }
    thread.name = name
    thread.stackSize = 4 << 20
    thread.start()
  }

  /// Waits for its end; to be called once.
  func wait() { ended.wait() }
}
