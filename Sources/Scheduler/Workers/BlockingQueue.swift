import Foundation

/// Hands elements from any thread to waiting worker threads, first in, first out.
///
/// - Note: `@unchecked Sendable`: every access to the stored properties is made while holding `condition`.
final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var elements: [Element] = []
  private var head = 0
  private var isClosed = false

  func push(_ element: Element) {
    condition.lock()
    elements.append(element)
    condition.signal()
    condition.unlock()
  }

  /// Waits for an element; `nil` once the queue is closed and empty.
  func pop() -> Element? {
    condition.lock()
    defer { condition.unlock() }
    while head == elements.count {
      if isClosed { return nil }
      condition.wait()
    }
    let element = elements[head]
    head += 1
    if head == elements.count {
      elements.removeAll(keepingCapacity: true)
      head = 0
    }
    return element
  }

  func close() {
    condition.lock()
    isClosed = true
    condition.broadcast()
    condition.unlock()
  }
}
