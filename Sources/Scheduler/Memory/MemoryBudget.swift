import Graph

/// Counts the bytes of a run against its bound.
///
/// Everything that takes memory is reserved here before it is taken: the results that tasks leave, and for
/// each running task its result to be, its working memory and what it reads back. What the kernel measures
/// for the process is compared with that; what was taken beyond what was reserved is set aside as
/// `overdraft` until it is gone, so that an estimate that was too low holds other work back instead of
/// breaking the bound.
struct MemoryBudget {
  /// Bytes the whole process may occupy.
  let limit: Int
  /// Bytes it occupies before any task runs: program, libraries, the graph itself.
  let idle: Int
  /// Bytes kept free for what is nobody's: threads' stacks, the allocator's rounding, database pages.
  let slack: Int
  /// Bytes reserved now.
  private(set) var used = 0
  /// Bytes measured beyond all that was reserved.
  private(set) var overdraft = 0

  /// Results below this say nothing about the size of others.
  static let learningBytes = 64 << 10

  init(limit: Int, idle: Int) {
    self.limit = limit
    self.idle = idle
    slack = min(max(limit / 20, 2 << 20), 32 << 20)
  }

  /// Whether there is a bound at all.
  var isBounded: Bool { limit < MemoryBudget.unbounded }

  /// A limit that stands for none.
  static let unbounded = Int.max / 4

  /// What tasks and their results may take together.
  var capacity: Int { max(0, limit - idle - slack) }

  var available: Int { capacity - used - overdraft }

  /// What the process is believed to occupy.
  var believed: Int { idle + used }

  mutating func reserve(_ bytes: Int) {
    precondition(bytes >= 0)
    used += bytes
  }

  mutating func release(_ bytes: Int) {
    used -= bytes
    assert(used >= 0, "released more than was reserved")
  }

  mutating func measured(_ resident: Int) { overdraft = max(0, resident - believed - slack) }
}
