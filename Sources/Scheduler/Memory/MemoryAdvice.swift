import Graph

/// Which bound to recommend when one is too small.
enum MemoryAdvice {
  /// The smallest round bound under which `needed` bytes are left for tasks.
  /// - Parameter idle: what the process takes before any task runs.
  static func limit(for needed: Int, idle: Int) -> String {
    var megabytes = 4
    while MemoryBudget(limit: megabytes << 20, idle: idle).capacity < needed {
      megabytes += megabytes < 64 ? 4 : megabytes < 1024 ? 16 : 256
    }
    return "\(megabytes)MB"
  }
}
