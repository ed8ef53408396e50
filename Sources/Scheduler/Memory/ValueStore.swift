import Foundation
import Graph

/// Holds the results of a run: in memory, in spill files, or both.
///
/// It does what `SchedulerState` decided and decides nothing: which results are where is the state's book.
///
/// - Note: `@unchecked Sendable`: every access to the dictionaries is made while holding `condition`.
final class ValueStore: @unchecked Sendable {
  private let condition = NSCondition()
  private var inMemory: [TaskID: any TaskValue] = [:]
  private var onDisk: [TaskID: Location] = [:]
  /// Tasks that read one spill file: after a resume, two that compute the same thing share one.
  private var spillUsers: [String: Int] = [:]
  private var loading: Set<TaskID> = []
  private var spilledNow = 0
  private var spilledTotal = 0
  private let registry: OpRegistry

  enum Location: Sendable {
    /// A spill file, gone with its last use.
    case spill(path: String, bytes: Int)
    /// A file that stays.
    case kept(path: String)
    /// In the state file.
    case inline(kind: String, Buffer)

    /// `nil` where the result is a file of the user's.
    init?(_ stored: PriorState.StoredResult) {
      switch (stored.store, stored.value, stored.path) {
      case (.inline, let value?, _): self = .inline(kind: stored.kind, value)
      case (.spill, _, let path?): self = .spill(path: path, bytes: stored.bytes)
      case (.kept, _, let path?): self = .kept(path: path)
      default: return nil
      }
    }
  }

  init(registry: OpRegistry) { self.registry = registry }

  /// Makes a result of an earlier run readable.
  func adopt(_ task: TaskID, _ location: Location) {
    withLock {
      onDisk[task] = location
      if case .spill(let path, let bytes) = location {
        spilledNow += bytes
        spillUsers[path, default: 0] += 1
      }
    }
  }

  func put(_ task: TaskID, _ value: any TaskValue) {
    withLock { inMemory[task] = value }
  }

  /// The result, read back if need be; two callers at once read it once.
  func value(_ task: TaskID) throws -> any TaskValue {
    condition.lock()
    while loading.contains(task) { condition.wait() }
    if let value = inMemory[task] {
      condition.unlock()
      return value
    }
    guard let location = onDisk[task] else {
      condition.unlock()
      throw TaskError(
        .failed, "an input is neither in memory nor on disk: this is a defect of graphrun, please report it")
    }
    loading.insert(task)
    condition.unlock()
    defer {
      withLock {
        loading.remove(task)
        condition.broadcast()
      }
    }
    let value: any TaskValue
    switch location {
    case .spill(let path, _), .kept(let path):
      do {
        value = try ValueFile.read(path, registry: registry)
      } catch let error as TaskError where error.code == .corruptValue {
        unlink(path)  // so that the next run computes it again
        throw error
      }
    case .inline(let kind, let buffer): value = try registry.readValue(kind: kind, from: buffer)
    }
    put(task, value)
    return value
  }

  /// The result as it lies in memory.
  func valueInMemory(_ task: TaskID) -> (any TaskValue)? { withLock { inMemory[task] } }

  func didSpill(_ task: TaskID, path: String, bytes: Int) {
    withLock {
      onDisk[task] = .spill(path: path, bytes: bytes)
      spillUsers[path, default: 0] += 1
      spilledNow += bytes
      spilledTotal += bytes
    }
  }

  func evict(_ task: TaskID) {
    let value = withLock { inMemory.removeValue(forKey: task) }
    _ = value  // freed here, outside the lock
  }

  func release(_ task: TaskID) {
    let (value, location) = withLock { (inMemory.removeValue(forKey: task), onDisk.removeValue(forKey: task)) }
    _ = value
    if case .spill(let path, let bytes)? = location {
      let isLast = withLock {
        spilledNow -= bytes
        spillUsers[path, default: 1] -= 1
        return spillUsers[path] == 0
      }
      if isLast { unlink(path) }
    }
  }

  /// Bytes in spill files now, and written in all.
  var spilled: (now: Int, total: Int) { withLock { (spilledNow, spilledTotal) } }

  private func withLock<T>(_ body: () -> T) -> T {
    condition.lock()
    defer { condition.unlock() }
    return body()
  }
}
