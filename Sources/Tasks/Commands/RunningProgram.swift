import CProcess
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program that runs as a task: waited for, measured, and ended with all it started.
struct RunningProgram: ~Copyable {
  struct Ending {
    /// As wait(2) gives it.
    let status: Int32
    let seconds: Double
    let cpuSeconds: Double
  }

  private let process: Int32
  private let handle: Int32
  private let guardLine: Int?
  private let start: Double

  /// Between two looks at its memory; the first come sooner.
  private static let lookMilliseconds: Int32 = 50
  private static let firstLookMilliseconds: Int32 = 10
  /// Looking may take this part of the time.
  private static let lookShare = 0.05
  /// How long a program that was told to end may take.
  private static let graceSeconds = 2.0

  init(_ launch: Launch) throws(Launch.Failure) {
    let guardian = ProcessGuard.shared
    start = RunningProgram.now()
    let started = try launch.start()
    process = started.process
    handle = started.handle
    guardLine = guardian?.add(group: process)
  }

  /// Waits until it ends. What it left running is killed then: a task is over when its program is.
  /// - Throws: what `checkCancellation` throws, when the program and all it started have ended.
  consuming func wait(_ context: any TaskContext) throws -> Ending {
    var pause = RunningProgram.firstLookMilliseconds
    do {
      while graphrun_wait(process, handle, pause) == 0 {
        try context.checkCancellation()
        let before = RunningProgram.now()
        context.used(scratch: ProcessTree(of: process).residentBytes)
        let cost = RunningProgram.now() - before
        pause = max(min(pause * 2, RunningProgram.lookMilliseconds), Int32(cost / RunningProgram.lookShare * 1000))
        // A stop must not wait for a slow look.
        pause = min(pause, 1000)
      }
    } catch {
      terminate()
      _ = collect()
      context.used(scratch: 0)
      throw error
    }
    let ending = collect()
    context.used(scratch: 0)
    return ending
  }

  /// Asks the program, and all that descend from it, to end; makes them after a while.
  private borrowing func terminate() {
    let members = ProcessTree(of: process).members
    kill(-process, SIGTERM)
    for member in members where getpgid(member.process) != process { kill(member.process, SIGTERM) }
    let deadline = RunningProgram.now() + RunningProgram.graceSeconds
    while RunningProgram.now() < deadline {
      if graphrun_wait(process, handle, 10) == 1 {
        guard members.contains(where: \.isAlive) else { break }
        usleep(5000)
      }
    }
    // Whoever left the group is not reached by its number.
    for member in members where member.isAlive { kill(member.process, SIGKILL) }
  }

  /// Kills what is left of the group, then lets go of its number.
  private borrowing func collect() -> Ending {
    kill(-process, SIGKILL)
    if let guardLine { ProcessGuard.shared?.remove(guardLine) }
    var status: Int32 = 0
    var cpuSeconds = 0.0
    _ = graphrun_reap(process, handle, &status, &cpuSeconds)
    return Ending(status: status, seconds: RunningProgram.now() - start, cpuSeconds: cpuSeconds)
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

extension RunningProgram.Ending {
  /// `nil` if a signal ended it.
  var exitCode: Int32? { status & 0x7F == 0 ? (status >> 8) & 0xFF : nil }
  var signal: Int32 { status & 0x7F }
}

/// A signal's name, as kill(1) knows it.
func signalName(_ number: Int32) -> String {
  let names: [Int32: String] = [
    SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT",
    SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV", SIGPIPE: "SIGPIPE",
    SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
  ]
  return names[number].map { "signal \(number), \($0)" } ?? "signal \(number)"
}
