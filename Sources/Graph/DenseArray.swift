/// A fixed number of plain elements by index, for loops in which an array's checks cost more than the work.
///
/// Copies share the elements. Indices are checked in debug builds only.
///
/// - Note: `@unchecked Sendable`: who shares one between threads has to see to it that nobody writes meanwhile.
public struct DenseArray<Element: BitwiseCopyable>: @unchecked Sendable {
  @usableFromInline final class Owner {
    @usableFromInline let base: UnsafeMutablePointer<Element>

    @usableFromInline init(_ base: UnsafeMutablePointer<Element>) { self.base = base }
    deinit { base.deallocate() }
  }

  @usableFromInline let owner: Owner
  @usableFromInline let base: UnsafeMutablePointer<Element>
  public let count: Int

  @inlinable
  public init(repeating element: Element, count: Int) {
    self.init(count: count)
    base.initialize(repeating: element, count: count)
  }

  @inlinable
  public init(_ elements: [Element]) {
    self.init(count: elements.count)
    elements.withUnsafeBufferPointer { if let first = $0.baseAddress { base.initialize(from: first, count: $0.count) } }
  }

  @inlinable
  init(count: Int) {
    owner = Owner(.allocate(capacity: max(count, 1)))
    base = owner.base
    self.count = count
  }

  @inlinable @inline(__always)
  public subscript(index: Int) -> Element {
    get {
      assert(index >= 0 && index < count)
      return base[index]
    }
    nonmutating _modify {
      assert(index >= 0 && index < count)
      yield &base[index]
    }
  }

  /// The elements of `range`, for as long as the array lives.
  @inlinable @inline(__always)
  public subscript(range: Range<Int>) -> UnsafeBufferPointer<Element> {
    assert(range.lowerBound >= 0 && range.upperBound <= count)
    return UnsafeBufferPointer(start: base + range.lowerBound, count: range.count)
  }
}

/// Edges of a graph in one direction: for each task a list of others.
public struct TaskEdges: Sendable {
  @usableFromInline let start: DenseArray<Int32>
  @usableFromInline let list: DenseArray<TaskID>

  init(start: DenseArray<Int32>, list: DenseArray<TaskID>) { (self.start, self.list) = (start, list) }

  /// Once for each use: a task that takes the same input twice stands there twice. Valid for as long as the edges live.
  @inlinable @inline(__always)
  public subscript(task: TaskID) -> UnsafeBufferPointer<TaskID> {
    list[Int(start[Int(task)])..<Int(start[Int(task) + 1])]
  }
}
