import Foundation
import GRDB

@testable import CLI
@testable import Scheduler

/// A state file made by the real migrations, in a folder of its own that goes with it.
final class TestState {
  static let noon = 1_700_049_600.0  // 2023-11-15 12:00:00 UTC
  static let utc = TimeZone(secondsFromGMT: 0) ?? .current

  let folder: String
  var path: String { folder + "/state.sqlite" }
  let queue: DatabaseQueue

  init() throws {
    folder = NSTemporaryDirectory() + "/graphrun-cli-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var configuration = Configuration()
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
    queue = try DatabaseQueue(path: folder + "/state.sqlite", configuration: configuration)
    try Schema.migrator.migrate(queue)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func view(isAlive: Bool? = true, now: Double = TestState.noon + 13, path: String? = nil) throws -> StatusView {
    try StatusView(path: path ?? self.path, clock: .init(now: { now }, zone: TestState.utc)) { isAlive }
  }

  /// A run begun at noon and seen twelve seconds later.
  func addRun(
    _ run: Int64, name: String = "arxiv", state: String = "running", ended: Double? = nil, reason: String? = nil,
    rss: Int = 180 << 20, peak: Int = 201 << 20, spilled: Int = 0, resumes: Int64? = nil, started: Double = noon,
    seen: Double = noon + 12.1
  ) throws {
    try queue.write { db in
      try db.execute(
        sql: """
          INSERT INTO run (id, name, file, folder, command, settings, state, pid, workers, memory_limit, started_at, seen_at,
            ended_at, rss, peak_rss, spilled_bytes, resumes, reason)
          VALUES (?, ?, '/home/ada/arxiv.yaml', '/home/ada', 'graphrun run arxiv.yaml', '{"keepGoing":false,"sets":[]}', ?, 4711,
            2, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [run, name, state, 256 << 20, started, seen, ended, rss, peak, spilled, resumes, reason])
    }
  }

  func addStage(
    run: Int64, _ number: Int, _ name: String, _ op: String, shape: String = "partition", tasks: Int,
    planned: Int? = nil,
    reused: Int = 0, done: Int = 0, failed: Int = 0, skipped: Int = 0, rejects: Int = 0, rows: Int = 0, bytes: Int = 0,
    busy: Double = 0, first: Double? = nil, last: Double? = nil
  ) throws {
    try queue.write { db in
      try db.execute(
        sql: """
          INSERT INTO stage (run, number, name, op, op_version, shape, parameters, inputs, tasks, planned, reused, done, failed,
            skipped, rejects, rows, bytes_out, busy_seconds, first_start, last_end)
          VALUES (?, ?, ?, ?, 1, ?, '{"columns":["a"],"limit":1.5}', '[]', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          run, number, name, op, shape, tasks, planned ?? tasks, reused, done, failed, skipped, rejects, rows, bytes,
          busy, first, last,
        ])
    }
  }

  func execute(_ sql: String, _ arguments: StatementArguments = []) throws {
    try queue.write { db in try db.execute(sql: sql, arguments: arguments) }
  }

  /// Run 3 of arXiv in the middle, with something in every table.
  static func full(state: String = "running") throws -> TestState {
    let test = try TestState()
    try test.addRun(1, state: "done", ended: noon - 3500, peak: 190 << 20, started: noon - 3600, seen: noon - 3500)
    try test.addStage(run: 1, 0, "papers", "arxiv.read", shape: "source", tasks: 400, done: 400, rows: 78_000)
    try test.addRun(2, state: "interrupted", ended: noon - 90_000, started: noon - 90_010, seen: noon - 90_000)
    try test.addStage(run: 2, 0, "papers", "arxiv.read", shape: "source", tasks: 400, done: 12, rows: 2300)
    try test.addRun(
      3, state: state, ended: state == "running" ? nil : noon + 12.1,
      reason: state == "failed" ? "a task failed" : nil, spilled: 92 << 20, resumes: 2)
    try test.addStage(
      run: 3, 0, "papers", "arxiv.read", shape: "source", tasks: 400, planned: 388, reused: 12, done: 210, rejects: 3,
      rows: 41_230, bytes: 300 << 20, busy: 9.2, first: noon + 0.1, last: noon + 12)
    try test.addStage(
      run: 3, 1, "prepared", "arxiv.preprocess", tasks: 400, done: 118, failed: 1, skipped: 0, rows: 23_000,
      bytes: 410 << 20, busy: 13.9, first: noon + 0.4, last: noon + 12)
    try test.addStage(
      run: 3, 2, "written", "jsonl.write", shape: "sink", tasks: 400, done: 112, skipped: 1, rows: 21_900,
      bytes: 12 << 10, busy: 2.2, first: noon + 0.6, last: noon + 11.9)
    try test.addStage(run: 3, 3, "totals", "bag.sum", shape: "reduction", tasks: 14, skipped: 3)
    try test.addStage(run: 3, 4, "labels", "csv.read", shape: "source", tasks: 4, planned: 0, reused: 4)
    for index in 0..<3 {
      try test.execute(
        "INSERT INTO running VALUES (3, 1, 0, ?, ?, ?, ?)",
        [118 + index, "data/arXiv metadata/part-\(118 + index) été 論文.json", noon + 11 + Double(index) / 4, index])
    }
    for index in 0..<48 {
      let x = Double(index) / 48
      let rss = Int((40 + 170 * min(1, x * 2) - (index % 16 > 12 ? 60 : 0)) * Double(1 << 20))
      try test.execute(
        "INSERT INTO sample (run, at, rss, believed, spilled_now, spilled_total, done, running) VALUES (3, ?, ?, ?, ?, ?, ?, 2)",
        [
          noon + 0.25 * Double(index), rss, rss - (12 << 20), index > 24 ? 20 << 20 : 0,
          max(0, index - 24) * (4 << 20), index * 9,
        ])
    }
    for index in 0..<30 {
      try test.execute(
        """
        INSERT INTO attempt (run, stage, level, idx, number, outcome, reason, started, duration, cpu, worker, rows,
          bytes_in, bytes_out, estimated, scratch)
        VALUES (3, ?, 0, ?, 1, ?, ?, CAST((? - (SELECT started_at FROM run WHERE id = 3)) * 1e6 AS INTEGER), ?, 90000, 0,
          190, 1200000, 3400000, 3600000, 0)
        """,
        [index % 2, index, index == 7 ? 1 : 0, index < 24 ? 11 : 5, noon, 100_000 + (index * 37) % 30 * 10_000])
    }
    try test.execute(
      """
      INSERT INTO failure (run, stage, level, idx, label, code, message, file, record, cause, skipped, at)
      VALUES (3, 1, 0, 7, 'data/part-7.json', 'badRecord', 'the abstract is a number, not a string', 'data/part-7.json', '17',
        'expected a string at byte 88,211, where 12.5 stands; the record before it, 0704.0016, was read without trouble', 4, ?)
      """, [noon + 3])
    try test.execute(
      "INSERT INTO reject (run, stage, level, idx, label, records, path) VALUES (3, 0, 0, 9, 'data/part-9.json', 3, ?)",
      ["/home/ada/.graphrun/rejects/papers-9.jsonl"])
    try test.execute(
      """
      INSERT INTO result (fingerprint, run, stage, level, idx, store, kind, path, bytes, rows, at)
      VALUES (x'00ff', 3, 'written', 0, 0, 'output', 'file', 'out/part-0.jsonl', 1234, 190, ?)
      """, [noon + 1])
    return test
  }
}

func builtIn(_ name: String) throws -> Dashboard {
  try DashboardLibrary(currentFolder: "/nowhere", dagFolder: nil, configFolder: nil).load(name)
}
