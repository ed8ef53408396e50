import Foundation
import Graph
import Synchronization

/// What a running task sees of the engine.
final class WorkerContext: TaskContext {
  let key: TaskKey
  let attempt: Int
  private let inputKeys: @Sendable (Int) -> TaskKey
  private let isCancelled: @Sendable () -> Bool
  private let rejectsPath: String
  private let rejects = Mutex<Rejects?>(nil)

  private struct Rejects {
    var sink: FileSink
    var file: Int32
    var count: Int
  }

  /// - Parameters:
  ///   - rejectsPath: the file that this task's rejects go to, if there are any.
  ///   - isCancelled: whether the run is to stop at once.
  init(
    key: TaskKey, attempt: Int, inputKeys: @escaping @Sendable (Int) -> TaskKey, rejectsPath: String,
    isCancelled: @escaping @Sendable () -> Bool
  ) {
    self.key = key
    self.attempt = attempt
    self.inputKeys = inputKeys
    self.rejectsPath = rejectsPath
    self.isCancelled = isCancelled
  }

  func inputKey(_ position: Int) -> TaskKey { inputKeys(position) }

  func checkCancellation() throws {
    if isCancelled() { throw TaskError(.cancelled, "stopped") }
  }

  func writeFile(at path: String, _ body: (any ByteSink) throws -> Int) throws -> WrittenFile {
    let (records, status) = try FilePublisher.publish(path, synced: true) { sink, _ in
      let records = try body(sink)
      try checkCancellation()
      return records
    }
    return WrittenFile(path: path, fileByteCount: Int(status.st_size), modified: status.modified, records: records)
  }

  func reject(_ record: RejectedRecord) throws {
    try rejects.withLock { rejects in
      if rejects == nil {
        let folder = String(rejectsPath[..<(rejectsPath.lastIndex(of: "/") ?? rejectsPath.endIndex)])
        try FilePublisher.makeFolder(folder)
        let file = open(FilePublisher.sidePath(of: rejectsPath), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw TaskError.writing(rejectsPath, errno) }
        rejects = Rejects(sink: FileSink(file: file, path: rejectsPath), file: file, count: 0)
      }
      let text = record.text.map(jsonQuoted) ?? "null"
      try rejects!.sink.write(
        #"{"file":\#(jsonQuoted(record.file)),"record":\#(jsonQuoted(record.record)),"reason":\#(jsonQuoted(record.reason)),"text":\#(text)}"#
          + "\n")
      rejects!.count += 1
    }
  }

  /// Publishes the rejects of a task that succeeded, or removes those of an earlier attempt.
  /// - Returns: `nil` where there are none.
  func publishRejects() throws -> RejectsFile? {
    try rejects.withLock { rejects in
      guard let open = rejects else {
        unlink(rejectsPath)
        return nil
      }
      rejects = nil
      defer { close(open.file) }
      try open.sink.flush()
      guard rename(FilePublisher.sidePath(of: rejectsPath), rejectsPath) == 0 else {
        throw TaskError.writing(rejectsPath, errno)
      }
      return RejectsFile(path: rejectsPath, records: open.count)
    }
  }

  /// Forgets the rejects of a task that failed.
  func discardRejects() {
    rejects.withLock { rejects in
      guard let open = rejects else { return }
      close(open.file)
      unlink(FilePublisher.sidePath(of: rejectsPath))
      rejects = nil
    }
  }
}
