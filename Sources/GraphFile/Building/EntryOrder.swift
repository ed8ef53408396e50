/// An order of entries in which inputs come before those that use them, and the circles that stand in its way.
///
/// A depth-first walk in the file's order that writes an entry down once its inputs are: a file already in order
/// keeps its order. An input still on the walk's own path closes a circle; that edge is reported and left out.
/// The path is a list, not the call stack: a chain may be as long as the file.
struct EntryOrder {
  private(set) var order: [Int] = []
  /// Each in the direction of the data, beginning with the entry that stands first in the file; not more than are
  /// ever shown.
  private(set) var cycles: [[Int]] = []

  /// - Parameter inputs: for each entry, the entries it names.
  /// - Complexity: O(entries + edges).
  init(inputs: [[Int]]) {
    enum State { case new, onPath, written }
    var states = [State](repeating: .new, count: inputs.count)
    var path: [(entry: Int, next: Int)] = []
    order.reserveCapacity(inputs.count)
    for start in inputs.indices where states[start] == .new {
      path.append((start, 0))
      states[start] = .onPath
      while let (entry, next) = path.last {
        guard next < inputs[entry].count else {
          states[entry] = .written
          order.append(entry)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let input = inputs[entry][next]
        switch states[input] {
        case .written: break
        case .new:
          states[input] = .onPath
          path.append((input, 0))
        case .onPath:
          guard cycles.count < GraphFileError.limit else { break }
          // The path leads from users to inputs; the data flows the other way.
          let begin = path.lastIndex { $0.entry == input } ?? 0
          let circle = path[begin...].reversed().map(\.entry)
          let first = circle.indices.min { circle[$0] < circle[$1] } ?? 0
          cycles.append(Array(circle[first...] + circle[..<first]))
        }
      }
    }
  }
}
