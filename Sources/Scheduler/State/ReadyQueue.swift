import Graph

/// Runnable tasks, the earliest in the run's order first: a binary heap of ranks.
struct ReadyQueue {
  private var heap: [Int32] = []

  var isEmpty: Bool { heap.isEmpty }
  var count: Int { heap.count }
  var first: Int32? { heap.first }

  mutating func insert(_ rank: Int32) {
    heap.append(rank)
    var child = heap.count - 1
    while child > 0, heap[child] < heap[(child - 1) / 2] {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() -> Int32 {
    heap.swapAt(0, heap.count - 1)
    let first = heap.removeLast()
    var parent = 0
    while 2 * parent + 1 < heap.count {
      var child = 2 * parent + 1
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < heap[parent] else { break }
      heap.swapAt(child, parent)
      parent = child
    }
    return first
  }
}
