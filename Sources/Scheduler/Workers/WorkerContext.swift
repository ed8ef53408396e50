import Foundation
import Graph
import Synchronization

/// There is no room now for what a task needs beyond its estimate: it has to begin again.
struct MemoryShortage: Error, CustomStringConvertible {
  /// Needed beyond the estimate, in all.
  let extraBytes: Int
  /// The failure, where there can never be room.
  let problem: TaskError

  var description: String {
    "there is no room now for \(ByteCount(extraBytes)) more than foreseen; the task begins again when there is"
  }
}

/// What a running task sees of the engine. Each worker has one and points it at one task after the other.
///
/// - Note: `@unchecked Sendable`: `begin` is called between tasks, by the one thread that runs them; what a task may
///   call from threads of its own only reads, and the rejects are behind a lock.
final class WorkerContext: TaskContext, @unchecked Sendable {
  private let graph: TaskGraph
  private let current: CurrentTask
  let memoryLimit: Int
  private let scratchStore: ScratchStore?
  private let placedFiles: PlacedFiles?
  private let isStopping: @Sendable () -> Bool
  private let rejectsPathOf: @Sendable (TaskID) -> String?
  private let logPathOf: @Sendable (TaskID) -> String
  private let reserveMore: @Sendable (_ unit: TaskID, _ total: Int) -> Bool
  private var task: TaskID = 0
  private var unit: TaskID = 0
  /// Bytes that the task reserved beyond its estimate.
  private(set) var extraBytes = 0
  private(set) var attempt = 1
  /// When the attempt has to be over, on the monotonic clock.
  private var deadline: Double?
  private var timeout = 0.0
  private let rejects = Mutex<Rejects?>(nil)
  private let peakScratch = Atomic<Int>(0)

  private struct Rejects {
    var sink: FileSink
    var file: Int32
    var count: Int
    var path: String
  }

  /// - Parameters:
  ///   - rejectsPath: the file that a task's rejects go to, if there are any; `nil` where none can be kept.
  ///   - logPath: the file that a task's programs write their messages to.
  ///   - reserveMore: whether a unit, by its first task, may take so many bytes in all beyond its estimate.
  ///   - isStopping: whether the run is to stop at once.
  init(
    graph: TaskGraph, current: CurrentTask, memoryLimit: Int, scratchStore: ScratchStore?, placedFiles: PlacedFiles?,
    rejectsPath: @escaping @Sendable (TaskID) -> String?,
    logPath: @escaping @Sendable (TaskID) -> String,
    reserveMore: @escaping @Sendable (_ unit: TaskID, _ total: Int) -> Bool = { _, _ in true },
    isStopping: @escaping @Sendable () -> Bool
  ) {
    self.graph = graph
    self.current = current
    self.memoryLimit = memoryLimit
    self.scratchStore = scratchStore
    self.placedFiles = placedFiles
    rejectsPathOf = rejectsPath
    logPathOf = logPath
    self.reserveMore = reserveMore
    self.isStopping = isStopping
  }

  /// - Parameters:
  ///   - task: the one that runs next.
  ///   - unit: the first task of the unit that it belongs to.
  func begin(_ task: TaskID, of unit: TaskID, attempt: Int, timeout: Double?) {
    self.task = task
    self.unit = unit
    extraBytes = 0
    self.attempt = attempt
    deadline = timeout.map { WorkerContext.now() + $0 }
    self.timeout = timeout ?? 0
    peakScratch.store(0, ordering: .relaxed)
  }

  var key: TaskKey { graph.key(of: task) }

  func inputKey(_ position: Int) -> TaskKey {
    let inputs = graph.inputs(of: task)
    return graph.key(of: inputs[inputs.startIndex + position])
  }

  var logPath: String { logPathOf(task) }

  func scratch() throws -> any ScratchStorage {
    guard let scratchStore else { throw TaskError(.failed, "this run has no folder for what tasks put on disk") }
    return scratchStore
  }

  func used(scratch bytes: Int) {
    current.usesOutside(bytes)
    peakScratch.store(max(bytes, peakScratch.load(ordering: .relaxed)), ordering: .relaxed)
  }

  /// The most working memory the task said it used, in bytes; 0 if it said nothing.
  var reportedScratch: Int { peakScratch.load(ordering: .relaxed) }

  func reserve(more bytes: Int, for problem: @autoclosure () throws -> TaskError) throws {
    guard bytes > 0 else { return }
    extraBytes += bytes
    guard reserveMore(unit, extraBytes) else { throw MemoryShortage(extraBytes: extraBytes, problem: try problem()) }
  }

  func checkCancellation() throws {
    if isStopping() { throw TaskError(.cancelled, "stopped") }
    if let deadline, WorkerContext.now() > deadline {
      throw TaskError(.timeout, "it was stopped after its timeout of \(timeout) s; raise \"timeout\" or make it faster")
    }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  func writeFile(at path: String, _ body: (any ByteSink) throws -> Int) throws -> WrittenFile {
    let (written, status) = try FilePublisher.publish(path, synced: true, hashing: .published) { sink, _ in
      let records = try body(sink)
      try checkCancellation()
      return (records: records, checksum: sink.publishedChecksum)
    }
    return WrittenFile(
      path: path, fileByteCount: Int(status.st_size), modified: status.modified, records: written.records,
      checksum: written.checksum)
  }

  func writePart(of path: String, at place: Range<Int>, _ body: (any ByteSink) throws -> Void) throws {
    try files(for: path).write(path, at: place, body)
  }

  func publishParts(of path: String, head: [UInt8], byteCount: Int, records: Int) throws -> WrittenFile {
    try checkCancellation()
    let status = try files(for: path).publish(path, head: head, byteCount: byteCount)
    return WrittenFile(path: path, fileByteCount: Int(status.st_size), modified: status.modified, records: records)
  }

  private func files(for path: String) throws -> PlacedFiles {
    guard let placedFiles else { throw TaskError(.failed, "this run writes no files", file: path) }
    return placedFiles
  }

  func publishFile(at path: String, _ body: (String) throws -> Void) throws -> WrittenFile {
    let status = try FilePublisher.publishMade(path, body)
    return WrittenFile(path: path, fileByteCount: Int(status.st_size), modified: status.modified, records: nil)
  }

  func reject(_ record: RejectedRecord) throws {
    try rejects.withLock { rejects in
      if rejects == nil {
        guard let path = rejectsPathOf(task) else {
          throw TaskError(
            .badRecord, "\(record.reason); a run in memory has no folder to set it aside", file: record.file,
            record: record.record)
        }
        try FilePublisher.makeFolder(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        let file = open(FilePublisher.sidePath(of: path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw TaskError.writing(path, errno) }
        rejects = Rejects(sink: FileSink(file: file, path: path), file: file, count: 0, path: path)
      }
      let text = record.text.map(jsonQuoted) ?? "null"
      try rejects!.sink.write(
        #"{"file":\#(jsonQuoted(record.file)),"record":\#(jsonQuoted(record.record)),"reason":\#(jsonQuoted(record.reason)),"text":\#(text)}"#
          + "\n")
      rejects!.count += 1
    }
  }

  /// Publishes the rejects of a task that succeeded, or removes those of an earlier attempt.
  ///
  /// - Parameter mayHave: whether an earlier attempt may have left some.
  /// - Returns: `nil` where there are none.
  func publishRejects(mayHave: Bool) throws -> RejectsFile? {
    try rejects.withLock { rejects in
      guard let open = rejects else {
        if mayHave, let path = rejectsPathOf(task) { unlink(path) }
        return nil
      }
      rejects = nil
      defer { close(open.file) }
      try open.sink.flush()
      guard rename(FilePublisher.sidePath(of: open.path), open.path) == 0 else {
        throw TaskError.writing(open.path, errno)
      }
      return RejectsFile(path: open.path, records: open.count)
    }
  }

  /// Forgets the rejects of a task that failed.
  func discardRejects() {
    rejects.withLock { rejects in
      guard let open = rejects else { return }
      close(open.file)
      unlink(FilePublisher.sidePath(of: open.path))
      rejects = nil
    }
  }
}
