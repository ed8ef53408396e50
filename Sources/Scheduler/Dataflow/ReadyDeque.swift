import Synchronization

/// What one worker has found ready. It takes the newest itself; others steal the oldest.
///
/// A lock that nobody else wants costs little more than the fence of a lock-free deque, and lets thieves take half at
/// once. `count` may be looked at without it.
final class ReadyDeque: Sendable {
  private struct Items {
    var places: [Int32] = []
    /// Those before it have been stolen.
    var head = 0
  }

  private let items = Mutex(Items())
  private let shownCount = Atomic<Int>(0)

  /// How many there were a moment ago.
  var count: Int { shownCount.load(ordering: .relaxed) }

  /// Certain, unlike `count`.
  var isEmpty: Bool { items.withLock { $0.places.count == $0.head } }

  /// Adds places; the last of them is the newest.
  ///
  /// - Parameter isAwaited: looked at before the lock is let go, so that who begins to wait, and then finds nothing here,
  ///   is seen.
  /// - Returns: what `isAwaited` gave.
  func push(_ places: some Sequence<Int32>, isAwaited: () -> Bool) -> Bool {
    items.withLock { items in
      items.places.append(contentsOf: places)
      shownCount.store(items.places.count - items.head, ordering: .relaxed)
      return isAwaited()
    }
  }

  func pop() -> Int32? {
    guard count > 0 else { return nil }  // only its own worker adds
    return items.withLock { items in
      guard items.places.count > items.head else { return nil }
      let place = items.places.removeLast()
      if items.places.count == items.head {
        items.places.removeAll(keepingCapacity: true)
        items.head = 0
      }
      shownCount.store(items.places.count - items.head, ordering: .relaxed)
      return place
    }
  }

  /// Takes the older half.
  ///
  /// - Parameter stolen: gets them with the newest last.
  func steal(into stolen: inout [Int32]) {
    items.withLock { items in
      let taken = (items.places.count - items.head + 1) / 2
      stolen += items.places[items.head..<items.head + taken]
      items.head += taken
      if items.places.count == items.head {
        items.places.removeAll(keepingCapacity: true)
        items.head = 0
      }
      shownCount.store(items.places.count - items.head, ordering: .relaxed)
    }
  }
}
