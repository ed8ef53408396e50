import Foundation
import Graph
import Scheduler

/// How a computation of `Bag` and `Delayed` values runs.
public struct ComputeOptions: Sendable {
  /// What the whole process may occupy: half of what this machine, or the process's control group, has.
  public var memory = ProcessMemory.defaultLimit()
  /// Threads that run tasks: one for each processor.
  public var workers = ProcessInfo.processInfo.activeProcessorCount
  /// The folder that makes the computation durable: its state file shows how it goes (`graphrun status --state FOLDER`),
  /// and after a crash the next computation takes over what is done. Without, nothing outlives the process.
  public var state: String?
  /// What the state calls the computation: the program's name, where it is not given.
  public var name: String?
  /// Finish everything that does not depend on a failure, before the failure is thrown.
  public var keepsGoing = false
  /// The most that spilled values may take on disk; `nil` for no limit.
  public var spillLimit: ByteCount?
  /// Where values are spilled that have no state folder to go to: the system's folder for temporary files.
  public var temporaryFolder = FileManager.default.temporaryDirectory.path
  /// Slots of each pool; a pool that is not named here has just what one of its tasks takes.
  public var pools: [String: Int] = [:]
  /// Units of each resource; one that is not named here has just what one task takes.
  public var resources: [String: Int] = [:]
  /// Are told when tasks start and end.
  public var observers: [any TaskObserver] = []
  /// Called about twenty times a second with how the computation stands, from a thread of the engine's.
  public var progress: (@Sendable (ProgressSnapshot) -> Void)?

  /// Half of the memory there is, a worker for each processor, and nothing that outlives the process.
  public init() {}

  /// The options that are given most often.
  ///
  /// - Parameters:
  ///   - memory: what the whole process may occupy; `nil` for half of what there is.
  ///   - workers: threads that run tasks; `nil` for one a processor.
  ///   - state: the folder that makes it durable; `nil` for none.
  public init(memory: ByteCount?, workers: Int? = nil, state: String? = nil) {
    if let memory { self.memory = memory }
    if let workers { self.workers = Swift.max(workers, 1) }
    self.state = state
  }

  var limits: [LimitName: Int] {
    var limits: [LimitName: Int] = [:]
    for (name, most) in pools { limits[LimitName(.pool, name)] = most }
    for (name, most) in resources { limits[LimitName(.resource, name)] = most }
    return limits
  }
}

/// Watches a computation: Dask's callbacks. Called on the threads of the tasks, several at once.
public protocol TaskObserver: Sendable {
  /// Before the first task, with the graph of all.
  func computationWillStart(_ graph: TaskGraph)
  /// Before an attempt of a task.
  func taskWillStart(_ key: TaskKey)
  /// After it; `error` says why it failed, or that it found no room for what is larger than foreseen: then it begins again
  /// when there is, and that was no attempt.
  func taskDidEnd(_ key: TaskKey, seconds: Double, error: (any Error)?)
  /// Once after the last task, and wherever `computationWillStart(_:)` was called.
  ///
  /// - Parameter result: how the run went, also where tasks failed or it was interrupted: `RunSummary.outcome` tells. A
  ///   failure is what kept it from running to an end at all: it was cancelled before it began, the state folder is in
  ///   another run's hands or cannot be written, the memory bound is too small.
  func computationDidEnd(_ result: Result<RunSummary, any Error>)
}

extension TaskObserver {
  public func computationWillStart(_ graph: TaskGraph) {}
  public func taskWillStart(_ key: TaskKey) {}
  public func taskDidEnd(_ key: TaskKey, seconds: Double, error: (any Error)?) {}
  public func computationDidEnd(_ result: Result<RunSummary, any Error>) {}
}

/// A computation did not end well.
public struct ComputeError: Error, Sendable, CustomStringConvertible {
  /// What kind of error it is, for programs; there may be more in later versions.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A task failed: `failures` says which and why.
    public static let taskFailed = Code(rawValue: "task-failed")
    /// A result that the state folder has on record cannot be read.
    public static let lostResult = Code(rawValue: "lost-result")
  }

  /// What kind of error it is.
  public let code: Code
  /// The first failure, with its task and cause, and how many more there are.
  public let message: String
  /// The tasks that failed, with what depended on them.
  public let failures: [RunFailure]

  public var description: String { message }

  init(_ code: Code, _ message: String, failures: [RunFailure] = []) {
    self.code = code
    self.message = message
    self.failures = failures
  }

  init(_ failures: [RunFailure]) {
    let more = failures.count > 1 ? ", and \(failures.count - 1) more failed" : ""
    self.init(
      .taskFailed, failures.first.map { "task \($0.key) failed: \($0.error)\(more)" } ?? "a task failed",
      failures: failures)
  }
}
