import Foundation

/// The folder that holds all that is known about a pipeline's runs: `.graphrun` beside the DAG file.
///
/// ```
/// state.sqlite   every run; see docs/state.md
/// lock           held, with its process id inside, while a run goes on
/// spill/         results that did not fit into memory; empty after a successful run
/// results/       results that were to be kept
/// rejects/       records that were set aside, a file for each task that had any
/// logs/          what the programs that tasks ran wrote to standard output and error
/// ```
public struct StateFolder: Hashable, Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  /// Where a DAG file's state lies unless the user says otherwise.
  public static func beside(_ dagFile: String) -> StateFolder {
    let folder = dagFile.lastIndex(of: "/").map { String(dagFile[..<$0]) } ?? "."
    return StateFolder((folder.isEmpty ? "/" : folder) + (folder == "/" ? ".graphrun" : "/.graphrun"))
  }

  public var database: String { path + "/state.sqlite" }
  public var lockFile: String { path + "/lock" }
  public var spill: String { path + "/spill" }
  public var results: String { path + "/results" }
  public var rejects: String { path + "/rejects" }
  public var logs: String { path + "/logs" }

  public var exists: Bool { access(database, F_OK) == 0 }

  /// The process that runs on this folder now.
  public func runningProcess() -> Int? { StateLock.holder(of: lockFile) }

  func create() throws {
    for folder in [path, spill, results] {
      do {
        try FilePublisher.makeFolder(folder)
      } catch {
        throw SchedulerError(.state, "the state folder cannot be made: \(error); name another with --state")
      }
    }
    guard access(path, W_OK) == 0 else {
      throw SchedulerError(.state, "the state folder \(path) is not writable; name another with --state")
    }
  }
}

/// Lets one process at a time run on a state folder. The kernel lets go of it when the process ends, however it ends.
final class StateLock: Sendable {
  private let file: Int32

  /// - Throws: `SchedulerError` with code `.locked`, naming the process that holds it.
  init(_ path: String) throws {
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw SchedulerError(.state, "\(path) cannot be opened (\(String(cString: strerror(errno))))")
    }
    // `holder(of:)` holds the lock for a moment to look: try again before believing that it is taken.
    var attempts = 0
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      attempts += 1
      if attempts == 20 {
        let pid = StateLock.content(of: file)
        close(file)
        throw SchedulerError(
          .locked,
          "another run is using this state folder: process \(pid.map(String.init) ?? "unknown"); "
            + "wait for it, stop it with \"kill -INT \(pid.map(String.init) ?? "PID")\", or name another folder with --state"
        )
      }
      usleep(10_000)
    }
    let text = "\(getpid())\n"
    ftruncate(file, 0)
    _ = text.withCString { pwrite(file, $0, strlen($0), 0) }
  }

  deinit {
    ftruncate(file, 0)
    close(file)
  }

  static func holder(of path: String) -> Int? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    if flock(file, LOCK_SH | LOCK_NB) == 0 { return nil }
    return content(of: file) ?? 0
  }

  private static func content(of file: Int32) -> Int? {
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = pread(file, &bytes, bytes.count, 0)
    return count > 0
      ? Int(String(decoding: bytes[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)) : nil
  }
}
