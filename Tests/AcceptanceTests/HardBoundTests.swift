import Foundation
import GRDB
import TestSupport
import Testing

/// `--memory` under a hard limit of the kernel's: what goes beyond it is killed, or refused memory.
@Suite(.serialized) struct HardBoundTests {
  private static let bound = 64 << 20
  private static let limit = bound + (64 << 20)

  struct Shape: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    /// Whether it cannot be done without the disk.
    var spills = false
    /// Whether its tasks take more than they said: the first of them do so before it is known.
    var isUndeclared = false
    var testDescription: String { name }
  }

  static let shapes: [Shape] = [
    Shape(
      name: "intermediates of twenty times the bound",
      text: """
        tasks:
          a: {op: debug.bytes, with: {bytes: 1048576, seed: 1, partitions: 1280}}
          sum: {op: debug.reduce, from: a, with: {bytes: 8}}
          b: {op: debug.mix, from: [a, sum], with: {bytes: 8}}
          end: {op: debug.reduce, from: b, with: {split_every: 16}}
        """, spills: true),
    Shape(
      name: "two hundred producers for two hundred consumers",
      text: "tasks:\n"
        + (0..<200).map { "  p\($0): {op: debug.bytes, with: {bytes: 150000, seed: \($0)}}\n" }.joined()
        + (0..<200).map { number in
          let from = (0..<200).map { "p\($0)" }.joined(separator: ", ")
          return "  c\(number): {op: debug.mix, from: [\(from)], with: {bytes: 150000, seed: \(number)}}\n"
        }.joined() + "  end: {op: debug.mix, from: [\((0..<200).map { "c\($0)" }.joined(separator: ", "))]}\n",
      spills: true),
    Shape(
      name: "a tree over four thousand leaves of a megabyte",
      text: """
        tasks:
          a: {op: debug.bytes, with: {bytes: 1048576, seed: 1, partitions: 4000}}
          end: {op: debug.reduce, from: a, with: {split_every: 4}}
        """),
    Shape(name: "values from 8 bytes to half the bound", text: mixedSizes(seed: 3), spills: true),
    Shape(
      name: "working memory beyond what was declared",
      text: """
        tasks:
          a: {op: debug.bytes, with: {bytes: 100000, seed: 1, partitions: 40}}
          b: {op: debug.allocate, from: a, with: {bytes: 25000000, declare: 1000000, seconds: 0.03}}
        """, isUndeclared: true),
  ]

  /// Named tasks that read up to two of the last thirty, all together not more than what fits.
  private static func mixedSizes(seed: UInt64) -> String {
    var random = SeededRandom(seed: seed)
    var sizes: [Int] = []
    var text = "tasks:\n"
    for number in 0..<250 {
      var size = Int(8 * exp2(Double.random(in: 0...22, using: &random)))
      if Int.random(in: 0..<12, using: &random) == 0 {
        size = bound / [2, 3, 4].randomElement(using: &random)! - (20 << 20) / 2
      }
      size = max(size, 8)
      var from: [Int] = []
      for _ in 0..<Int.random(in: 0...2, using: &random) where number > 0 {
        let input = Int.random(in: max(0, number - 30)..<number, using: &random)
        if !from.contains(input), size + sizes[input] + from.reduce(0, { $0 + sizes[$1] }) < bound / 2 {
          from.append(input)
        }
      }
      sizes.append(size)
      let inputs = from.isEmpty ? "" : "from: [\(from.map { "n\($0)" }.joined(separator: ", "))], "
      text += "  n\(number): {op: debug.mix, \(inputs)with: {bytes: \(size), seed: \(number)}}\n"
    }
    return text
  }

  @Test("The bound holds, and the kernel has nothing to kill", arguments: shapes)
  func holds(_ shape: Shape) throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(shape.text, to: folder + "/dag.yaml")
      let group = try MemoryGroup(limit: HardBoundTests.limit)
      if group == nil { print("no memory cgroup can be made here: RLIMIT_DATA takes its place") }
      let outcome = try Program(
        ["run", "dag.yaml", "--memory", "64MB", "--json"], in: folder,
        wrapper: group?.wrapper ?? ["/bin/sh", "-c", "ulimit -d \(HardBoundTests.limit / 1024); exec \"$@\"", "sh"]
      ).wait()
      #expect(outcome.status == 0, "\(outcome.errors)")
      let result = try outcome.json()
      let most = shape.isUndeclared ? HardBoundTests.limit : HardBoundTests.bound
      #expect(outcome.peakResident <= most, "\(outcome.peakResident >> 20) MB")
      if shape.isUndeclared {
        #expect(outcome.peakResident > 40 << 20, "the memory was not taken")
        // Measured once, the need is known: from then on one waits for the other.
        let together = try DatabaseQueue(path: folder + "/.graphrun/state.sqlite").read {
          try Int.fetchOne(
            $0,
            sql: """
              SELECT count(*) FROM v1_tasks x JOIN v1_tasks y ON x.name = 'b' AND y.name = 'b' AND x.attempt < y.attempt
              WHERE x.started_at < y.ended_at - 0.01 AND y.started_at < x.ended_at - 0.01
              """)
        }
        #expect(try #require(together) < 10)
      }
      let spilled = try #require(result["spilled_bytes"] as? Int)
      if shape.spills { #expect(spilled > 0) } else { #expect(spilled == 0) }
      #expect(TestFiles.names(in: folder + "/.graphrun/spill").isEmpty)
    }
  }

  /// What was let go of is given back to the kernel by a thread that may have to wait for a processor.
  @Test("The bound holds where processors are short, too")
  func crowd() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(HardBoundTests.mixedSizes(seed: 3), to: folder + "/dag.yaml")
      let programs = try (0..<6).map { number in
        try Program(["run", "dag.yaml", "--memory", "64MB", "--json", "--state", "state-\(number)"], in: folder)
      }
      for program in programs {
        let outcome = program.wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
        let peak = try #require(try outcome.json()["peak_memory"] as? Int)
        #expect(peak <= HardBoundTests.bound, "\(peak >> 20) MB")
      }
    }
  }

  @Test("After the peak the process shrinks again, and the state file shows it")
  func shrinks() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(
        """
        tasks:
          a: {op: debug.bytes, with: {bytes: 4194304, partitions: 40}}
          sum: {op: debug.reduce, from: a, with: {split_every: 40, bytes: 8}}
          end: {op: debug.sleep, from: sum, with: {seconds: 1}}
        """, to: folder + "/dag.yaml")
      #expect(try Program.run("run", "dag.yaml", "--memory", "512MB", in: folder).status == 0)
      let (peak, last) = try DatabaseQueue(path: folder + "/.graphrun/state.sqlite").read {
        (
          try Int.fetchOne($0, sql: "SELECT peak_rss FROM v1_runs") ?? 0,
          try Int.fetchOne($0, sql: "SELECT rss FROM v1_memory ORDER BY at DESC LIMIT 1") ?? 0
        )
      }
      #expect(peak > 120 << 20)
      #expect(last < peak / 3, "\(last >> 20) MB after \(peak >> 20) MB")
    }
  }

  @Test("A spill limit ends a run that needs more, clearly, and a higher one goes on with it")
  func spillLimit() throws {
    try TestFiles.withFolder { folder in
      try TestFiles.write(HardBoundTests.shapes[0].text.replacing("1280", with: "200"), to: folder + "/dag.yaml")
      let first = try Program.run("run", "dag.yaml", "--memory", "64MB", "--spill-limit", "20MB", in: folder)
      #expect(first.status == 1)
      #expect(first.output.contains("--spill-limit"), "\(first.output)")
      let second = try Program.run("resume", "dag.yaml", "--spill-limit", "1GB", "--json", in: folder)
      #expect(second.status == 0, "\(second.errors)")
    }
  }
}

/// A control group for memory, gone when this is.
final class MemoryGroup {
  private let path: String
  /// Puts what follows into the group.
  let wrapper: [String]

  /// - Returns: `nil` where none can be made.
  init?(limit: Int) throws {
    let root = "/sys/fs/cgroup"
    let isFirst = TestFiles.exists(root + "/memory/memory.limit_in_bytes")
    path = (isFirst ? root + "/memory" : root) + "/graphrun-test-\(getpid())-\(UInt32.random(in: 0...(.max)))"
    wrapper = ["/bin/sh", "-c", "echo $$ > \(path)/cgroup.procs && exec \"$@\"", "sh"]
    guard mkdir(path, 0o755) == 0 else { return nil }
    let file = path + (isFirst ? "/memory.limit_in_bytes" : "/memory.max")
    guard (try? "\(limit)".write(toFile: file, atomically: false, encoding: .utf8)) != nil else {
      rmdir(path)
      return nil
    }
  }

  deinit { rmdir(path) }
}
