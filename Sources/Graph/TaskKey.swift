/// Names one task: the stage it belongs to and its place in it.
///
/// Written `prepared[3]` for partition 3, `totals[1.0]` for the first task of the first combining level
/// of a tree reduction, and `totals` for the one task that gives a stage's final value.
public struct TaskKey: Hashable, Sendable, CustomStringConvertible {
  /// The stage's name: the entry's name in a DAG file.
  public let stage: String
  /// The place within the stage.
  public let role: TaskRole

  /// The task in a place of a stage.
  public init(stage: String, role: TaskRole = .whole) {
    self.stage = stage
    self.role = role
  }

  public var description: String { stage + role.description }

  /// Reads what `description` writes; `nil` if `text` is no task key.
  public init?(_ text: String) {
    guard let bracket = text.firstIndex(of: "[") else {
      guard !text.isEmpty else { return nil }
      self.init(stage: text)
      return
    }
    guard text.hasSuffix("]"), bracket > text.startIndex else { return nil }
    let inside = text[text.index(after: bracket)..<text.index(before: text.endIndex)]
    let numbers = inside.split(separator: ".", omittingEmptySubsequences: false).map { Int32($0) }
    let stage = String(text[..<bracket])
    switch (numbers.count, numbers.first ?? nil, numbers.last ?? nil) {
    case (1, let index?, _): self.init(stage: stage, role: .partition(index))
    case (2, let level?, let index?): self.init(stage: stage, role: .combine(level: level, index: index))
    default: return nil
    }
  }
}

/// A task's place within its stage.
public enum TaskRole: Hashable, Sendable, CustomStringConvertible {
  /// Works on partition `index` of a bag: `[3]`.
  case partition(Int32)
  /// Merges results of a tree reduction; levels count from 1, level 0 being the partitions: `[1.0]`.
  case combine(level: Int32, index: Int32)
  /// Gives the stage's one final value: nothing is written.
  case whole

  public var description: String {
    switch self {
    case .partition(let index): "[\(index)]"
    case .combine(let level, let index): "[\(level).\(index)]"
    case .whole: ""
    }
  }
}
