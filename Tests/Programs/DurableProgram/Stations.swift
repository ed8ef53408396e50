import Foundation
import GraphRunCLI

/// A Swift program whose every step is named, so that it can be killed and started again: for the crash tests.
///
///     readings (dear) ─┬─> calibrated (kept) ─┬─> by station ─> totals, in files ─┬─> stations ─┬─> report
///                      └─> late ──────────────┘                                   └─> sum ──────┘
///
/// Usage: DurableProgram STATE STARTED. The name of every task goes to the file STARTED when the task starts; the report
/// goes to standard output.
@main
enum Stations {
  struct Reading: Codable, Sendable {
    var station: Int
    var value: UInt64
  }

  static func main() async throws {
    guard CommandLine.arguments.count == 3 else {
      FileHandle.standardError.write(Data("usage: DurableProgram STATE STARTED\n".utf8))
      exit(64)
    }
    var options = ComputeOptions(
      memory: ByteCount(256 << 20), workers: 2, state: CommandLine.arguments[1]
    ).showingProgress()
    options.observers.append(try StartLog(CommandLine.arguments[2]))

    let readings = Bag.range(600, partitions: 12)
      .map { Reading(station: $0 % 37, value: Work.hash(UInt64($0), milliseconds: 4)) }.named("readings")
    let calibrated =
      readings
      .map { Reading(station: $0.station, value: Work.hash($0.value, milliseconds: 1) >> 20) }.named("calibrated")
      .keep()
    let late = readings.filter { $0.value % 5 == 0 }.named("chosen")
      .map { Reading(station: $0.station + 100, value: $0.value >> 30) }.named("late")
    let totals = Bag.concat([calibrated, late]).partitioned(by: \.station, into: 4)
      .fold(initial: UInt64(0)) { $0 &+ Work.hash($1.value, milliseconds: 1) >> 20 }.named("totals")
    let files = try await totals.persist(options)

    let stations = files.count().named("stations")
    let sum = files.map(\.value).named("values").fold { $0 &+ $1 }.named("sum")
    let report = delayed(stations, sum) { "\($0) stations, sum \($1)" }.named("report")
    print(try await report.compute(options))
  }
}

enum Work {
  /// What 1000 steps of SplitMix64 make of `seed`, again and again until so much of the processor's time is spent.
  static func hash(_ seed: UInt64, milliseconds: Int) -> UInt64 {
    let end = processorTime() + milliseconds * 1_000_000
    while true {
      var state = seed
      for _ in 0..<1000 {
        state &+= 0x9E37_79B9_7F4A_7C15
        state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
        state ^= state >> 31
      }
      if processorTime() >= end { return state }
    }
  }

  /// Nanoseconds that this thread has had.
  private static func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}

/// Appends the name of each task that starts to a file, in one write, so that a kill loses none.
private struct StartLog: TaskObserver {
  private let file: Int32

  init(_ path: String) throws {
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw CocoaError(.fileWriteNoPermission) }
  }

  func taskWillStart(_ key: TaskKey) {
    let line = Array("\(key)\n".utf8)
    precondition(write(file, line, line.count) == line.count, "the log of started tasks cannot be written")
  }
}
