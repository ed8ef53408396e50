/// How the scheduler treats the tasks of one stage. None of it changes a result, so none of it is part of a fingerprint.
public struct TaskPolicy: Hashable, Sendable {
  /// How often a task that failed is tried again.
  public var retries = 0
  /// Seconds before the first further attempt; doubled with each, at most `longestRetryDelay`, less up to half of it by
  /// chance so that what failed together does not come back together.
  public var retryDelay = 1.0
  /// Seconds after which an attempt is told to stop and counts as failed.
  public var timeout: Double?
  /// Among tasks that can start, those of higher priority start first; what such a task needs inherits it.
  public var priority = 0
  /// The named limits a task takes from while it runs: how much of each.
  public var takes: [LimitName: Int] = [:]
  /// Bytes of working memory a task needs, where the user knows better than the operation.
  public var memory: Int?

  /// Seconds that no wait before a retry is longer than.
  public static let longestRetryDelay = 300.0

  /// No retries, no timeout, no limits.
  public init() {}

  /// Seconds to wait before a further attempt.
  ///
  /// - Parameters:
  ///   - attempt: its number, from 2.
  ///   - jitter: from 0 to 1.
  public func delay(beforeAttempt attempt: Int, jitter: Double) -> Double {
    let doubled = retryDelay * Double(1 << min(max(attempt - 2, 0), 30))
    return min(doubled, TaskPolicy.longestRetryDelay) * (1 - jitter / 2)
  }
}

/// Something of which a run has only so much: slots of a pool, units of a resource.
public struct LimitName: Hashable, Sendable, CustomStringConvertible {
  /// What is shared.
  public enum Kind: String, Sendable {
    /// Slots, of which a task takes one.
    case pool
    /// Units, of which a task takes some.
    case resource
  }

  /// Whether it is a pool or a resource.
  public let kind: Kind
  /// What it is called.
  public let name: String

  /// The pool or resource of that name.
  public init(_ kind: Kind, _ name: String) {
    self.kind = kind
    self.name = name
  }

  public var description: String { "\(kind.rawValue) \"\(name)\"" }
}
