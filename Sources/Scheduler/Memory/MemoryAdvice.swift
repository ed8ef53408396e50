import Graph

/// Which bound to recommend when one is too small.
enum MemoryAdvice {
  /// The smallest round bound under which `needed` bytes are left for tasks.
  static func limit(for needed: Int, currentLimit: Int, capacity: Int) -> String {
    let overhead = currentLimit - capacity
    var megabytes = ((needed + overhead) / 20 * 21) >> 20
    megabytes += 1
    let step = megabytes < 64 ? 4 : megabytes < 1024 ? 16 : 256
    megabytes = (megabytes + step - 1) / step * step
    return "\(megabytes)MB"
  }
}
