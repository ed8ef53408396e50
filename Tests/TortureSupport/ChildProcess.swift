import Foundation
import Synchronization

/// A program that was started, and that is killed and waited for by its process id alone.
///
/// Not Foundation's `Process`: the campaign needs the moment of the start, the moment of the end and the peak of the
/// memory to the millisecond and the byte, and no run loop between.
public final class ChildProcess {
  public enum Ending: Hashable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case killed(Int32)

    public var description: String {
      switch self {
      case .exited(let code): "exit code \(code)"
      case .killed(let signal): "signal \(signal)"
      }
    }
  }

  /// What is known when it has ended.
  public struct Outcome: Sendable {
    public var ending: Ending
    public var output: String
    public var errors: String
    public var seconds: Double
    /// The most memory that the kernel saw, in bytes.
    public var peakBytes: Int

    public var isDone: Bool { ending == .exited(0) }
    /// All that it said, for a message.
    public var said: String {
      let text = (errors + output).trimmingCharacters(in: .whitespacesAndNewlines)
      return "\(ending)" + (text.isEmpty ? "" : ": " + text.suffix(600))
    }
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Children that are not waited for yet, so that an interrupted campaign leaves none.
  private static let alive = Mutex<Set<pid_t>>([])

  public let pid: pid_t
  public let startedAt = Date()
  private let start = ContinuousClock.now
  private let outputFile: String
  private let errorFile: String
  private var ended: (ending: Ending, seconds: Double, peakBytes: Int)?

  /// Starts `arguments[0]`. Its output goes to files in `folder`, so that no pipe can fill up.
  public init(_ arguments: [String], in folder: String, environment: [String: String] = [:]) throws {
    let id = UUID().uuidString
    (outputFile, errorFile) = ("\(folder)/.out-\(id)", "\(folder)/.err-\(id)")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputFile, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, errorFile, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    // What this process blocks or ignores is not the child's business.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
    var child: pid_t = 0
    let code = ChildProcess.withCStrings(arguments) { argv in
      ChildProcess.withCStrings(variables) { posix_spawn(&child, arguments[0], &actions, &attributes, argv, $0) }
    }
    guard code == 0 else {
      throw Failure(description: "\(arguments[0]) cannot be started: \(String(cString: strerror(code)))")
    }
    pid = child
    _ = ChildProcess.alive.withLock { $0.insert(child) }
  }

  deinit {
    if ended == nil { kill() }
    for file in [outputFile, errorFile] { unlink(file) }
  }

  private static func withCStrings<T>(
    _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> T
  ) -> T {
    var pointers = texts.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return body(&pointers)
  }

  public func signal(_ number: Int32) {
    // After the wait the id may be somebody else's.
    if ended == nil { Glibc.kill(pid, number) }
  }

  /// Kills it and waits for its end.
  public func kill() {
    signal(SIGKILL)
    reap(0)
  }

  public var hasEnded: Bool {
    if ended == nil { reap(WNOHANG) }
    return ended != nil
  }

  private func reap(_ options: Int32) {
    guard ended == nil else { return }
    var status: Int32 = 0
    var usage = rusage()
    var result: pid_t
    repeat { result = wait4(pid, &status, options, &usage) } while result < 0 && errno == EINTR
    guard result == pid else { return }
    _ = ChildProcess.alive.withLock { $0.remove(pid) }
    let code = status & 0x7f
    ended = (
      code == 0 ? .exited((status >> 8) & 0xff) : .killed(code), ChildProcess.seconds(since: start),
      Int(usage.ru_maxrss) << 10
    )
  }

  /// Waits until it ends, until `seconds` after its start are over, or until `stop` says so.
  /// - Returns: whether it has ended.
  @discardableResult
  public func wait(until seconds: Double, or stop: () -> Bool = { false }) -> Bool {
    while !hasEnded {
      let left = seconds - ChildProcess.seconds(since: start)
      if left <= 0 || stop() { return hasEnded }
      usleep(UInt32(min(500, left * 1e6 + 1)))
    }
    return true
  }

  public var seconds: Double { ended?.seconds ?? ChildProcess.seconds(since: start) }

  /// Waits for its end; one that takes longer than `limit` seconds hangs, and is killed.
  public func finish(within limit: Double) throws -> Outcome {
    guard wait(until: limit) else {
      kill()
      throw Failure(description: "did not end within \(Int(limit)) seconds: \(read(errorFile).suffix(400))")
    }
    let (ending, seconds, peakBytes) = ended!
    return Outcome(
      ending: ending, output: read(outputFile), errors: read(errorFile), seconds: seconds, peakBytes: peakBytes)
  }

  private func read(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }

  /// Kills whatever still runs: for a campaign that is interrupted itself.
  public static func killAll() {
    for pid in alive.withLock({ $0 }) { Glibc.kill(pid, SIGKILL) }
  }

  static func seconds(since start: ContinuousClock.Instant) -> Double {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return Double(seconds) + Double(attoseconds) / 1e18
  }
}
