import Foundation
import Graph

/// Knows where results lie on disk, and reads them back.
///
/// It does what `SchedulerState` decided and decides nothing: which results are where is the state's book.
///
/// - Note: `@unchecked Sendable`: every access to the dictionaries is made while holding `monitor`.
final class ValueStore: @unchecked Sendable {
  private let monitor = Monitor()
  private var onDisk: [TaskID: Location] = [:]
  private var loading: Set<TaskID> = []
  /// Results whose place in the spill store was given up before they were wanted again: it is not given up twice.
  private var borrowed: Set<TaskID> = []
  private let registry: OpRegistry
  private let spills: SpillStore?
  /// What a task's spilled result is sealed with.
  let fingerprint: @Sendable (TaskID) -> Fingerprint
  private let readRecorded: @Sendable (Int64) throws -> (kind: String, Buffer)

  enum Location: Sendable {
    /// In the spill store, gone with its last use.
    case spill(SpillExtent)
    /// A file that stays.
    case kept(path: String)
    /// In the state file, in the row of that attempt.
    case recorded(Int64)
    /// In the state file soon.
    case inline(kind: String, Buffer)

    /// What is known of a file of the user's; the file is what lies on disk.
    static func described(_ file: WrittenFile) throws -> Location {
      let sink = BufferSink()
      try file.write(to: sink)
      return .inline(kind: WrittenFile.kind, Buffer(sink.bytes))
    }

    private final class BufferSink: ByteSink {
      var bytes: [UInt8] = []
      func write(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
    }
  }

  /// - Parameters:
  ///   - spills: `nil` for a run that has nothing on disk.
  ///   - readRecorded: reads a result from the state file by its attempt's row.
  init(
    registry: OpRegistry, spills: SpillStore?, fingerprint: @escaping @Sendable (TaskID) -> Fingerprint,
    readRecorded: @escaping @Sendable (Int64) throws -> (kind: String, Buffer)
  ) {
    self.registry = registry
    self.spills = spills
    self.fingerprint = fingerprint
    self.readRecorded = readRecorded
  }

  /// Makes a result readable.
  func add(_ task: TaskID, at location: Location) { monitor.withLock { onDisk[task] = location } }

  /// Makes a result readable once more that was forgotten, for as long as nothing else takes its place.
  func addBorrowed(_ task: TaskID, at location: Location) {
    monitor.withLock {
      onDisk[task] = location
      borrowed.insert(task)
    }
  }

  func location(of task: TaskID) -> Location? { monitor.withLock { onDisk[task] } }

  /// Reads a result back; two callers at once read it once.
  ///
  /// - Parameters:
  ///   - inMemory: looks whether somebody has read it meanwhile.
  ///   - publish: puts what was read where others find it.
  /// - Throws: `TaskError` with `.corruptValue` if what is on disk is not what was written.
  func load(
    _ task: TaskID, inMemory: () -> (any TaskValue)?, publish: (any TaskValue) -> Void
  ) throws -> any TaskValue {
    while true {
      monitor.withLock { while loading.contains(task) { monitor.wait() } }
      // Asked without the lock: whoever answers holds one of its own, under which it may call this store.
      if let value = inMemory() { return value }
      if monitor.withLock({ loading.insert(task).inserted }) { break }
    }
    defer {
      monitor.withLock {
        loading.remove(task)
        monitor.broadcast()
      }
    }
    guard let location = location(of: task) else {
      throw TaskError(
        .failed, "an input is neither in memory nor on disk: this is a defect of graphrun, please report it")
    }
    let value = try read(task, location)
    publish(value)
    return value
  }

  private func read(_ task: TaskID, _ location: Location) throws -> any TaskValue {
    switch location {
    case .spill(let extent):
      guard let spills else { throw TaskError(.failed, "this run has no spill store") }
      return try spills.read(extent, fingerprint: fingerprint(task), registry: registry)
    case .kept(let path):
      do {
        return try ValueFile.read(path, registry: registry)
      } catch let error as TaskError where error.code == .corruptValue {
        unlink(path)  // so that the next run computes it again
        throw error
      }
    case .recorded(let row):
      let (kind, buffer) = try readRecorded(row)
      return try registry.readValue(kind: kind, from: buffer)
    case .inline(let kind, let buffer): return try registry.readValue(kind: kind, from: buffer)
    }
  }

  /// Drops what is known of a result, and its place in the spill store if it has one.
  func forget(_ task: TaskID) {
    let (location, isOwn) = monitor.withLock { (onDisk.removeValue(forKey: task), borrowed.remove(task) == nil) }
    if isOwn, case .spill(let extent)? = location { spills?.free(extent) }
  }
}
