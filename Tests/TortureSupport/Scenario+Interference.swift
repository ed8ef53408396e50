import Foundation

/// Others meddle: with the state file, with the process, with the clock.
extension Scenario {
  /// Waits until the child's run is on record.
  private static func waitForRun(_ child: ChildProcess, _ bench: Bench, after last: Int) -> Bool {
    var hasBegun = false
    child.wait(until: 30) {
      guard let database = try? StateConnection(bench.state + "/state.sqlite", isReadOnly: true),
        let run = try? database.number("SELECT max(run) FROM v1_runs")
      else { return false }
      hasBegun = Int(run) > last
      return hasBegun
    }
    return hasBegun
  }

  /// Another program holds the state file: a writer before the start and in the middle, a reader beyond the end.
  static func databaseLocked(_ bench: Bench, _ random: inout TortureRandom) throws -> String {
    let seconds = 3.0
    // In the middle.
    var graph = holdingGraph(&random, partitions: 24, nap: 1)
    try bench.write(graph)
    let first = try bench.start(bench.runArguments())
    guard bench.expect(waitForRun(first, bench, after: 0), "the run never began") else { return "" }
    let writer = try StateConnection(bench.state + "/state.sqlite")
    try writer.rows("BEGIN IMMEDIATE")
    let locked = first.seconds
    first.wait(until: locked + seconds)
    bench.expect(!first.hasEnded, "it ended while nothing could be written")
    try writer.rows("ROLLBACK")
    try expectDone(first, graph, bench, "locked in the middle")

    // Before the start, and a reader who stays beyond the end.
    graph = holdingGraph(&random, partitions: 24)
    try bench.write(graph)
    try writer.rows("BEGIN IMMEDIATE")
    let second = try bench.start(bench.runArguments())
    second.wait(until: seconds)
    bench.expect(!second.hasEnded, "it ended while nothing could be written")
    let reader = try StateConnection(bench.state + "/state.sqlite", isReadOnly: true)
    try reader.rows("BEGIN")
    let seen = try reader.number("SELECT count(*) FROM v1_tasks")
    try writer.rows("ROLLBACK")
    try expectDone(second, graph, bench, "locked before the start")
    bench.expect(try reader.number("SELECT count(*) FROM v1_tasks") == seen, "a reader's view has changed under it")
    try reader.rows("COMMIT")
    return "locked for \(Int(seconds)) s before the start and in the middle, read beyond the end"
  }

  private static func expectDone(_ child: ChildProcess, _ graph: DebugGraph, _ bench: Bench, _ when: String) throws {
    let outcome = try bench.finish(child)
    bench.expect(outcome.isDone, "\(when): \(outcome.said)", kind: .lost)
    try bench.expectClean()
    let run = try bench.look()?.runs.last
    bench.expect(
      run?.state == "done" && run?.done == run?.planned, "\(when): the run is on record as \(run?.state ?? "nothing")",
      kind: .lost)
    try expectResults(of: graph, bench)
  }

  /// A stopped process is alive: it keeps its lock, and goes on as if nothing had been.
  static func stopAndContinue(_ bench: Bench, _ random: inout TortureRandom) throws -> String {
    let graph = holdingGraph(&random, nap: 2, napKeys: ["timeout: 60"])
    try bench.write(graph)
    let child = try bench.start(bench.runArguments(memory: "40MB"))
    guard bench.expect(waitForRun(child, bench, after: 0), "the run never began") else { return "" }
    var stops = 0
    for _ in 0..<3 {
      child.wait(until: child.seconds + Double.random(in: 0.01..<0.4, using: &random))
      guard !child.hasEnded else { break }
      child.signal(SIGSTOP)
      stops += 1
      child.wait(until: child.seconds + 1.5)
      let status = try bench.run("status", bench.dagFile, "--json")
      let run = try json(status)["run"] as? [String: Any]
      let state = run?["state"] as? String
      // Later stops may come when the run is over and the process about to end.
      if stops > 1, state == "done" {
        child.signal(SIGCONT)
        break
      }
      bench.expect(state == "running", "status of a stopped run: \(status.said)")
      let second = try bench.finish(bench.start(bench.runArguments()))
      bench.expect(second.ending == .exited(2), "a second run beside a stopped one: \(second.said)")
      child.signal(SIGCONT)
    }
    bench.expect(stops > 0, "it ended before it could be stopped: this tests nothing")
    try expectDone(child, graph, bench, "after \(stops) stops")
    return "stopped \(stops) times for 1.5 s"
  }

  /// The clock jumps back by an hour, falls back from an hour ahead (waits that began before it would then take an
  /// hour), and jumps ahead (what has an hour's patience would then lose it).
  static func clockJumps(_ bench: Bench, _ random: inout TortureRandom) throws -> String {
    let clock = try FalseClock(in: bench.folder, bench)
    for (name, before, after) in [("back", 0, -3600), ("back to true", 3600, 0), ("ahead", 0, 3600)] {
      let graph = holdingGraph(&random, nap: 1, napKeys: ["timeout: 30"])
      try bench.write(graph)
      let milliseconds = Int.random(in: 100...800, using: &random)
      let environment = clock.environment(before: before, after: after, milliseconds: milliseconds)
      let child = try bench.start(bench.runArguments(memory: "40MB"), environment: environment)
      guard child.wait(until: 40) else {
        child.kill()
        bench.report(.lost, "the clock jumps \(name) after \(milliseconds) ms: the run hangs")
        continue
      }
      try expectDone(child, graph, bench, "the clock jumps \(name) after \(milliseconds) ms")
      let database = try StateConnection(bench.state + "/state.sqlite", isReadOnly: true)
      let negative = try database.texts(
        "SELECT task FROM v1_tasks WHERE run = (SELECT max(run) FROM v1_runs) AND (seconds < 0 OR cpu_seconds < 0)")
      bench.expect(
        negative.isEmpty, "the clock jumps \(name): tasks lasted less than nothing: \(negative.prefix(5))")
      let elapsed = try database.number("SELECT elapsed_seconds FROM v1_runs ORDER BY run DESC LIMIT 1") ?? -1
      // Ahead it may seem to have lasted an hour; less than nothing it never may.
      bench.expect(elapsed >= 0 && (after > 0 || elapsed < 600), "the clock jumps \(name): the run lasted \(elapsed) s")
      let status = try bench.run("status", bench.dagFile)
      bench.expect(status.isDone, "status: \(status.said)")
    }
    return "an hour back, back to the true time, ahead"
  }
}

/// A library that lies about the time to the program into which it is loaded.
struct FalseClock {
  private let library: String

  private static let source = """
    #define _GNU_SOURCE
    #include <stdlib.h>
    #include <sys/syscall.h>
    #include <sys/time.h>
    #include <time.h>
    #include <unistd.h>

    static long long first, jump_after;
    static long before, after;

    static long long monotonic(void) {
      struct timespec now;
      syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
      return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
    }

    __attribute__((constructor)) static void begin(void) {
      jump_after = atoll(getenv("FALSE_CLOCK_MS") ?: "0");
      before = atol(getenv("FALSE_CLOCK_BEFORE") ?: "0");
      after = atol(getenv("FALSE_CLOCK_AFTER") ?: "0");
      first = monotonic();
    }

    static long error(void) { return monotonic() - first < jump_after ? before : after; }

    int clock_gettime(clockid_t clock, struct timespec *time) {
      int code = syscall(SYS_clock_gettime, clock, time);
      if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += error();
      return code;
    }

    int gettimeofday(struct timeval *time, void *zone) {
      struct timespec now;
      if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
      time->tv_sec = now.tv_sec;
      time->tv_usec = now.tv_nsec / 1000;
      return 0;
    }

    time_t time(time_t *result) {
      struct timespec now;
      clock_gettime(CLOCK_REALTIME, &now);
      if (result) *result = now.tv_sec;
      return now.tv_sec;
    }

    """

  /// - Throws: `Scenario.Skip` where there is no C compiler.
  init(in folder: String, _ bench: Bench) throws {
    let compiler = "/usr/bin/cc"
    guard access(compiler, X_OK) == 0 else { throw Scenario.Skip("there is no \(compiler) to make a false clock") }
    library = folder + "/false-clock.so"
    let source = folder + "/false-clock.c"
    try Data(FalseClock.source.utf8).write(to: URL(fileURLWithPath: source))
    let made = try ChildProcess([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], in: folder)
      .finish(within: 60)
    guard made.isDone else { throw Scenario.Skip("the false clock cannot be compiled: \(made.said)") }
    let date = try ChildProcess(
      ["/bin/date", "+%s"], in: folder, environment: environment(before: 0, after: -3600, milliseconds: 0)
    ).finish(within: 10)
    let told = Double(date.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    guard abs(told + 3600 - Date().timeIntervalSince1970) < 60 else {
      throw Scenario.Skip("the false clock is not believed here")
    }
  }

  func environment(before: Int, after: Int, milliseconds: Int) -> [String: String] {
    [
      "LD_PRELOAD": library, "FALSE_CLOCK_BEFORE": "\(before)", "FALSE_CLOCK_AFTER": "\(after)",
      "FALSE_CLOCK_MS": "\(milliseconds)",
    ]
  }
}
