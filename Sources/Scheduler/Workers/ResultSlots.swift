import Graph

/// Tasks, first in, first out.
struct TaskQueue {
  private var tasks: [TaskID] = []
  private var head = 0

  mutating func append(contentsOf more: [TaskID]) { tasks += more }

  mutating func popFirst() -> TaskID? {
    guard head < tasks.count else {
      tasks.removeAll(keepingCapacity: true)
      head = 0
      return nil
    }
    head += 1
    return tasks[head - 1]
  }
}

/// A result in memory, as many share it.
final class ResultBox: Sendable {
  let value: any TaskValue
  let bytes: Int
  let parts: [Int]?

  init(_ value: any TaskValue) {
    self.value = value
    bytes = value.byteCount
    parts = value.partByteCounts
  }
}

/// Results in memory, one place a task.
struct ResultSlots: ~Copyable {
  private let places: UnsafeMutablePointer<ResultBox?>
  private let count: Int
  /// Bytes of all that is here.
  private(set) var bytes = 0

  init(count: Int) {
    self.count = count
    places = .allocate(capacity: max(count, 1))
    places.initialize(repeating: nil, count: count)
  }

  deinit {
    places.deinitialize(count: count)
    places.deallocate()
  }

  subscript(task: TaskID) -> ResultBox? { places[Int(task)] }

  mutating func put(_ task: TaskID, _ result: consuming ResultBox) {
    bytes += result.bytes - (places[Int(task)]?.bytes ?? 0)
    places[Int(task)] = consume result
  }

  /// Empties a place. A large value goes to `garbage`, to be freed when no lock is held.
  @inline(__always)
  mutating func drop(_ task: TaskID, _ garbage: inout [ResultBox]) {
    guard let result = (places + Int(task)).pointee.take() else { return }
    bytes -= result.bytes
    if result.bytes > 16 << 10 { garbage.append(result) }
  }
}
