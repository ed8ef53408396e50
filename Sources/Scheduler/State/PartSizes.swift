import Graph

/// How much those have to read who gather the parts of split results: it is known when all have been split, and says
/// exactly how large each of what they make will be, whatever the skew.
struct PartSizes {
  private var bytes: [TaskID: Int] = [:]
  private var counted: Set<TaskID> = []

  /// Notes the sizes of one result's parts, each for the reader at its place. A result that is computed again counts once.
  mutating func add(_ sizes: [Int], of result: TaskID, to readers: some Collection<TaskID>) {
    guard sizes.count == readers.count, counted.insert(result).inserted else { return }
    for (reader, size) in zip(readers, sizes) { bytes[reader, default: 0] += size }
  }

  /// `nil` for a task that gathers no parts of this run.
  func bytes(for reader: TaskID) -> Int? { bytes.isEmpty ? nil : bytes[reader] }
}
