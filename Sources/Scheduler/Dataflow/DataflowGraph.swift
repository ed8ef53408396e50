import Graph
import Synchronization

/// A graph as a dataflow run needs it: everything about a task in one cache line, tasks numbered by their place in the
/// run's order, so that what runs together lies together.
///
/// - Note: `@unchecked Sendable`: counters are atomic; a node's value is written by the worker that runs it, before the
///   counters of its readers fall, and emptied by the reader that finds itself the last. All else stays as it was built.
final class DataflowGraph: @unchecked Sendable {
  struct Node: ~Copyable {
    /// Inputs that are not there yet; -1 once the task has left a value.
    let missing: Atomic<Int32>
    /// Readers that have yet to take the value: until the task ends, all of them.
    let uses = Atomic<Int32>(0)
    let task: TaskID
    let stage: Int32
    let inputCount: Int32
    /// Where its inputs stand in `edges`, and behind them its readers.
    let firstEdge: Int32
  }

  let count: Int
  /// A cache line for each place: the node, and behind it the value.
  private let lines: UnsafeMutableRawPointer
  /// Places of nodes. Readers ascend; who reads twice stands there twice.
  let edges: UnsafeMutablePointer<Int32>
  /// Places of the tasks without inputs, ascending.
  let roots: [Int32]

  /// - Parameter order: all tasks, each behind its inputs.
  /// - Complexity: O(tasks + edges).
  init(_ graph: TaskGraph, order: [TaskID]) {
    count = order.count
    var places = [Int32](repeating: 0, count: count)
    var edgeCounts = [Int32](repeating: 0, count: count)
    for (place, task) in order.enumerated() {
      places[Int(task)] = Int32(place)
      for input in graph.inputs(of: task) {
        edgeCounts[place] += 1
        edgeCounts[Int(places[Int(input)])] += 1
      }
    }
    lines = .allocate(byteCount: max(count, 1) * DataflowGraph.lineBytes, alignment: DataflowGraph.lineBytes)
    var firstEdge: Int32 = 0
    var roots: [Int32] = []
    for (place, task) in order.enumerated() {
      let inputCount = Int32(graph.inputs(of: task).count)
      (lines + place * DataflowGraph.lineBytes).initializeMemory(
        as: Node.self,
        to: Node(
          missing: Atomic(inputCount), task: task, stage: Int32(graph.stageNumber(of: task)), inputCount: inputCount,
          firstEdge: firstEdge))
      firstEdge += edgeCounts[place]
      if inputCount == 0 { roots.append(Int32(place)) }
    }
    self.roots = roots
    edges = .allocate(capacity: max(Int(firstEdge), 1))
    for (place, task) in order.enumerated() {
      let own = Int(node(Int32(place)).pointee.firstEdge)
      for (position, input) in graph.inputs(of: task).enumerated() {
        let place = places[Int(input)]
        edges[own + position] = place
        let input = node(place)
        let before = input.pointee.uses.wrappingAdd(1, ordering: .relaxed).oldValue
        edges[Int(input.pointee.firstEdge + input.pointee.inputCount + before)] = places[Int(task)]
      }
    }
  }

  deinit {
    dropValues()
    lines.deallocate()
    edges.deallocate()
  }

  private static let lineBytes = 64

  @inline(__always)
  func node(_ place: Int32) -> UnsafeMutablePointer<Node> {
    (lines + Int(place) * DataflowGraph.lineBytes).assumingMemoryBound(to: Node.self)
  }

  /// Where a task's value goes, and lies while it has readers.
  @inline(__always)
  func value(_ place: Int32) -> UnsafeMutablePointer<any TaskValue> {
    (lines + Int(place) * DataflowGraph.lineBytes + MemoryLayout<Node>.stride)
      .assumingMemoryBound(to: (any TaskValue).self)
  }

  /// The readers of a task that has not ended.
  @inline(__always)
  func readers(of place: Int32) -> UnsafeBufferPointer<Int32> {
    let node = node(place)
    return UnsafeBufferPointer(
      start: edges + Int(node.pointee.firstEdge + node.pointee.inputCount),
      count: Int(node.pointee.uses.load(ordering: .relaxed)))
  }

  @inline(__always)
  func inputs(of place: Int32) -> UnsafeBufferPointer<Int32> {
    let node = node(place)
    return UnsafeBufferPointer(start: edges + Int(node.pointee.firstEdge), count: Int(node.pointee.inputCount))
  }

  /// Lets go of results that nobody came to read.
  func dropValues() {
    for place in 0..<Int32(count) {
      let node = node(place)
      guard node.pointee.missing.load(ordering: .relaxed) < 0, node.pointee.uses.load(ordering: .relaxed) > 0 else {
        continue
      }
      value(place).deinitialize(count: 1)
      node.pointee.uses.store(0, ordering: .relaxed)
    }
  }
}
