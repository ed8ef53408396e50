/// A dictionary that keeps the order in which keys came, as Python's does. Keys are hashable values.
struct PythonDict: Sendable {
  private(set) var keys: [PythonValue] = []
  private(set) var values: [PythonValue] = []
  private var positions: [PythonValue: Int] = [:]

  init() {}

  var count: Int { keys.count }
  var isEmpty: Bool { keys.isEmpty }

  /// Setting a key that is there keeps its place and the key object that came first.
  subscript(key: PythonValue) -> PythonValue? {
    get { positions[key].map { values[$0] } }
    set {
      if let position = positions[key] {
        guard let newValue else { return remove(at: position) }
        values[position] = newValue
      } else if let newValue {
        positions[key] = keys.count
        keys.append(key)
        values.append(newValue)
      }
    }
  }

  subscript(key: String) -> PythonValue? {
    get { self[.str(key)] }
    set { self[.str(key)] = newValue }
  }

  /// - Complexity: O(count).
  private mutating func remove(at position: Int) {
    positions[keys[position]] = nil
    keys.remove(at: position)
    values.remove(at: position)
    for later in position..<keys.count { positions[keys[later]] = later }
  }
}

extension PythonDict: Equatable {
  /// The same keys with equal values; order does not matter.
  static func == (left: PythonDict, right: PythonDict) -> Bool {
    left.count == right.count && zip(left.keys, left.values).allSatisfy { right[$0] == $1 }
  }
}
