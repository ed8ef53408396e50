import Foundation
import GRDB
import Scheduler

/// What a state file tells, drawn by a dashboard.
///
/// A run that is "running" on file while its process is gone has died, and the file cannot know. `isAlive` tells;
/// temporary views then stand before the file's own and say "died", so that every dashboard, a user's too, says
/// the same.
struct StatusView {
  /// Time as the view sees it.
  struct Clock: Sendable {
    /// Seconds since 1970.
    var now: @Sendable () -> Double
    var zone: TimeZone

    static let system = Clock(now: { Date().timeIntervalSince1970 }, zone: .current)
  }

  private let file: StateFile
  private let clock: Clock
  private let isAlive: @Sendable () -> Bool?

  /// - Parameters:
  ///   - path: the SQLite file, or the state folder that holds it.
  ///   - isAlive: whether the process that writes this file lives; `nil` where nobody can know, as for a copy.
  init(
    path: String, clock: Clock = .system, isAlive: @escaping @Sendable () -> Bool?
  ) throws(StatusError) {
    file = try StateFile(path) { db in SQLFunctions.add(to: db, clock: clock) }
    self.clock = clock
    self.isAlive = isAlive
  }

  /// - Parameter run: `nil` for the latest.
  /// - Returns: lines no wider than `width`.
  /// - Throws: `StatusError`, `DashboardError`.
  func render(
    width: Int, colour: Bool, dashboard: Dashboard, run: Int64? = nil, glyphs: Glyphs = .unicode
  ) throws -> [String] {
    try frame(dashboard, run: run, width: width, glyphs: glyphs).lines.rendered(colour: colour)
  }

  /// - Parameter run: `nil` for the latest.
  /// - Throws: `StatusError`, `DashboardError`.
  func frame(_ dashboard: Dashboard, run: Int64?, width: Int, glyphs: Glyphs) throws -> StatusFrame {
    try reading { db in
      let shown = try shownRun(run, db)
      let drawing = PanelDrawing(width: width, glyphs: glyphs, now: clock.now(), zone: clock.zone)
      var lines = [shown.heading(dashboard, drawing)]
      for panel in dashboard.panels {
        let data = try PanelData.fetch(
          panel, of: dashboard,
          arguments: PanelData.Arguments(run: shown.run, now: drawing.now, columns: width), from: db)
        let block = try drawing.lines(panel, data, of: dashboard)
        if !block.isEmpty { lines += [StyledText()] + block }
      }
      return StatusFrame(
        lines: lines.map { $0.truncated(to: width, ellipsis: glyphs.ellipsis) }, run: shown.run, state: shown.state,
        snapshot: shown.snapshot, rate: shown.rate, remainingSeconds: shown.remainingSeconds)
    }
  }

  /// - Parameter run: `nil` for the latest.
  /// - Returns: one JSON object: `run`, `ops`, `running`, `failures`, `rejects`, `memory` (the last sample), `outputs`;
  ///   keys are the views' columns in the views' order.
  /// - Throws: `StatusError`.
  func statusJSON(run: Int64? = nil) throws -> String {
    try reading { db in
      let run = try shownRun(run, db).run
      func rows(_ sql: String) throws -> [JSONText] {
        try Row.fetchAll(db, sql: sql, arguments: [run]).map(JSONText.init)
      }
      let object = JSONText.object([
        ("run", try rows("SELECT * FROM v1_runs WHERE run = ?").first ?? .null),
        ("ops", .array(try rows("SELECT * FROM v1_ops WHERE run = ? ORDER BY number"))),
        ("running", .array(try rows("SELECT * FROM v1_running WHERE run = ? ORDER BY started_at, task"))),
        ("failures", .array(try rows("SELECT * FROM v1_failures WHERE run = ? ORDER BY at, task"))),
        ("rejects", .array(try rows("SELECT * FROM v1_rejects WHERE run = ? ORDER BY task"))),
        ("memory", try rows("SELECT * FROM v1_memory WHERE run = ? ORDER BY at DESC LIMIT 1").first ?? .null),
        (
          "outputs",
          .array(
            try rows(
              "SELECT task, path, bytes, rows, at FROM v1_results WHERE run = ? AND store = 'output' ORDER BY path"))
        ),
      ])
      return object.text()
    }
  }

  // MARK: - Reading

  /// All questions of one page see the file at one moment.
  private func reading<Result>(_ body: (Database) throws -> Result) throws -> Result {
    do {
      let isDead = isAlive() == false
      return try file.queue.writeWithoutTransaction { db in
        for view in ["v1_runs", "v1_ops"] { try db.execute(sql: "DROP VIEW IF EXISTS temp.\(view)") }
        if isDead {
          try shadow("v1_runs", ["state": "CASE state WHEN 'running' THEN 'died' ELSE state END"], db)
          try shadow("v1_ops", [:], db)
        }
        var result: Result?
        try db.inTransaction(.deferred) {
          result = try body(db)
          return .commit
        }
        guard let result else { throw StatusError(.unreadable, "\(file.path) cannot be read") }
        return result
      }
    } catch let error as DatabaseError {
      throw StatusError(
        .unreadable, "\(file.path) cannot be read: \(error.message ?? "SQLite error \(error.resultCode.rawValue)")")
    }
  }

  /// Puts a temporary view before the file's own: nothing is to be expected of a dead run, so no remaining time.
  private func shadow(_ view: String, _ replacements: [String: String], _ db: Database) throws {
    var replacements = replacements
    let live =
      view == "v1_runs"
      ? "state = 'running'" : "run IN (SELECT r.run FROM main.v1_runs r WHERE r.state = 'running')"
    replacements["remaining_seconds"] = "CASE WHEN NOT (\(live)) THEN remaining_seconds END"
    let columns = try db.columns(in: view, in: "main").map { column in
      replacements[column.name].map { "\($0) AS \(column.name)" } ?? column.name
    }
    try db.execute(sql: "CREATE TEMP VIEW \(view) AS SELECT \(columns.joined(separator: ", ")) FROM main.\(view)")
  }

  private func shownRun(_ number: Int64?, _ db: Database) throws -> ShownRun {
    let known = try Row.fetchOne(db, sql: "SELECT min(run), max(run) FROM v1_runs")
    guard let first = known?[0] as Int64?, let last = known?[1] as Int64? else {
      throw StatusError(.noRun, "nothing has run yet: \(file.path) has no run on record")
    }
    let row = try Row.fetchOne(db, sql: "SELECT * FROM v1_runs WHERE run = ?", arguments: [number ?? last])
    guard let row else {
      let range = first == last ? "only run \(first) is" : "runs \(first) to \(last) are"
      throw StatusError(.noRun, "there is no run \(number ?? last): \(range) on record in \(file.path)")
    }
    return ShownRun(row, livenessIsKnown: isAlive() != nil)
  }
}

/// One drawn page, and what a watcher needs to know besides.
struct StatusFrame {
  var lines: [StyledText]
  var run: Int64
  /// As in `v1_runs`, "died" included.
  var state: String
  var snapshot: ProgressSnapshot
  var rate: Double?
  var remainingSeconds: Double?

  var isOver: Bool { state != "running" }
}

/// The run a page is about.
struct ShownRun {
  /// Half a second is what the writer promises; a sign of life older than this is worth a word.
  private static let quietSeconds = 10.0

  var run: Int64
  var name: String
  var state: String
  var seenAt: Double
  var livenessIsKnown: Bool
  var snapshot = ProgressSnapshot()
  var rate: Double?
  var remainingSeconds: Double?

  init(_ row: Row, livenessIsKnown: Bool) {
    run = row["run"]
    name = row["name"]
    state = row["state"]
    seenAt = row["seen_at"]
    self.livenessIsKnown = livenessIsKnown
    rate = row["rate"]
    remainingSeconds = row["remaining_seconds"]
    snapshot.elapsedSeconds = row["elapsed_seconds"]
    snapshot.planned = row["planned"]
    snapshot.reused = row["reused"]
    snapshot.done = row["done"]
    snapshot.failed = row["failed"]
    snapshot.skipped = row["skipped"]
    snapshot.rows = row["rows"]
    snapshot.residentBytes = row["rss"]
    snapshot.memoryLimit = row["memory_limit"]
    snapshot.spilledTotal = row["spilled_bytes"]
  }

  /// `arxiv  run 3  running                                             progress`.
  func heading(_ dashboard: Dashboard, _ drawing: PanelDrawing) -> StyledText {
    var line = StyledText(TextWidth.printable(name), .bold)
    line.append("  run \(run)  ", .dim)
    line.append(state, PanelDrawing.style(ofState: state))
    let isQuiet = state == "running" && !livenessIsKnown && drawing.now - seenAt > ShownRun.quietSeconds
    if state == "died" || isQuiet {
      line.append(" (last sign of life \(Format.time(seenAt, now: drawing.now, zone: drawing.zone)))", .dim)
    }
    let title = StyledText(TextWidth.printable(dashboard.title), .dim)
    let gap = min(drawing.width, PanelDrawing.readableWidth) - line.width - title.width
    if gap >= 2 { line += StyledText(String(repeating: " ", count: gap)) + title }
    return line
  }
}

extension StyledText {
  static func += (a: inout StyledText, b: StyledText) { a.append(b) }
}
