import Foundation
import GRDB
import Synchronization
import Testing

@testable import CLI
@testable import Scheduler

@Suite("Status")
struct StatusTests {
  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func `progress at width 80`() throws {
    let lines = try TestState.full().view().render(width: 80, colour: false, dashboard: builtIn("progress"))
    #expect(
      lines.joined(separator: "\n") == """
        arxiv  run 3  running                                                   progress

          tasks   ██████████▉░░░░░░░░░░░░░░░░░░░  440 of 1,202  36 %
          memory  █████████████████████░░░░░░░░░  180 MB of 256 MB

          started    12:00:00             reused       16
          elapsed    12 s                 failed       1
          remaining  21 s                 skipped      4
          rate       36.4/s               peak         201 MB
          records    41,230  3,410/s      spilled      92.0 MB
          read       300 MB  24.8 MB/s    workers      2
          rejects    3                    resumes run  2

        Ops
          task      done                          failed    rate  elapsed  left  records
          papers    ████████▋░░░░░░░     210/388          17.5/s     12 s  10 s   41,230
          prepared  ████▋░░░░░░░░░░░     118/400       1  10.1/s     12 s  28 s   23,000
          written   ████▍░░░░░░░░░░░     112/400           9.7/s     12 s  30 s   21,900
          totals    ░░░░░░░░░░░░░░░░        0/14
          labels                      up to date

        Memory
          █ in use   ─ in spill files   ┄ bound 256 MB
          256 MB ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄▁▁▂▂▂▂▂▂▂┄┄┄┄┄▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂┄┄┄┄
                                         ▃▄▄▅▆▆▇████████████▃▃▃▃▃███████████████████▃▃▃▃
                       ▁▁▁▂▃▃▄▅▅▆▇▇█▁▁▂▃▃███████████████████████████████████████████████
             0 B ▅▆▆▇█████████████████████████████████──────────────────────────────────
                 0 s                                                                12 s

        Running
          task              for  input
          prepared[118]   1.1 s  data/arXiv metadata/part-118 été 論文.json
          prepared[119]  850 ms  data/arXiv metadata/part-119 été 論文.json
          prepared[120]  600 ms  data/arXiv metadata/part-120 été 論文.json

        Failed
          prepared[7]
            file     data/part-7.json
            record   17
            cause    the abstract is a number, not a string (expected a string at byte
                     88,211, where 12.5 stands; the record before it, 0704.0016, was
                     read without trouble)
            skipped  4

        Other runs
          run  state                 started        took    tasks    peak
            2  interrupted  2023-11-14 10:59        10 s   12/400  201 MB
            1  done                 11:00:00  1 min 40 s  400/400  190 MB
        """)
  }

  @Test func `memory at width 60`() throws {
    let lines = try TestState.full().view().render(width: 60, colour: false, dashboard: builtIn("memory"))
    #expect(
      lines.joined(separator: "\n") == """
        arxiv  run 3  running                                 memory

          memory  █████████████████████░░░░░░░░░  180 MB of 256 MB

          bound            256 MB    peak            201 MB
          in use           180 MB    in spill files  20.0 MB
          believed in use  138 MB    spilled in all  92.0 MB

        Memory
          █ in use   ─ believed in use   ┄ bound 256 MB
          256 MB ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
                                        ▁▃▃▅▅▅▅▅   ▅▅▅▅▅▅▅▅▅▅▅▅▅▅
                                    ▂▄▅▇─███████   ██████████████
                                  ▆──███████████▆▆▆██████████████▆▆▆
                           ▂▄▅▇   ██████████████████████████████████
                     ▁▃▅▆▆──███▂▄▆██████████████████████████████████
                 ▂▄▆▇─█████████─████████████████████████████████████
             0 B ─██████████████████████████████████████████████████
                 0 s                                            12 s

        Spill
          █ in spill files   ─ written in all
          92.0 MB                                            ───────
                                                        ─────
                                                 ───────
              0 B                           ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                  0 s                                           12 s

        Output by op
          task      op                             in all  each task
          prepared  arxiv.preprocess  ██████████   410 MB     3.5 MB
          papers    arxiv.read        ███████▎░░   300 MB     1.4 MB
          written   jsonl.write       ▏░░░░░░░░░  12.0 KB      109 B
        """)
  }

  @Test func `colour marks title, labels and states`() throws {
    let lines = try TestState.full(state: "failed").view()
      .render(width: 60, colour: true, dashboard: builtIn("progress"))
    let esc = "\u{1B}["
    #expect(
      lines[0] == "\(esc)1marxiv\(esc)0m\(esc)2m  run 3  \(esc)0m\(esc)31mfailed\(esc)0m"
        + String(repeating: " ", count: 32) + "\(esc)2mprogress\(esc)0m")
    #expect(lines.contains("  \(esc)33ma task failed\(esc)0m"))
    #expect(lines.contains("\(esc)1mOps\(esc)0m"))
  }

  @Test func `a run whose process is gone has died, whatever the file says`() throws {
    let state = try TestState.full()
    let lines = try state.view(isAlive: false).render(width: 80, colour: false, dashboard: builtIn("progress"))
    #expect(lines[0] == "arxiv  run 3  died (last sign of life 12:00:12)                         progress")
    #expect(lines.contains("Running when it died"))
    #expect(!lines.contains("Running"))
    #expect(!lines.contains { $0.contains("remaining") || $0.contains("left") })
    let json = try state.view(isAlive: false).statusJSON()
    #expect(json.contains("\"state\": \"died\""))
    #expect(try state.view(isAlive: true).statusJSON().contains("\"state\": \"running\""))
    #expect(try state.view(isAlive: false).statusJSON(run: 1).contains("\"state\": \"done\""))
  }

  @Test func `of a copy nobody knows, so an old sign of life is told`() throws {
    let state = try TestState.full()
    let page = try state.view(isAlive: nil, now: TestState.noon + 60)
      .render(width: 80, colour: false, dashboard: builtIn("tasks"))
    #expect(page[0].hasPrefix("arxiv  run 3  running (last sign of life 12:00:12)"))
    let fresh = try state.view(isAlive: nil).render(width: 80, colour: false, dashboard: builtIn("tasks"))
    #expect(fresh[0].hasPrefix("arxiv  run 3  running  "))
  }

  @Test func `an earlier run can be shown, and an unknown one is told`() throws {
    let state = try TestState.full()
    let page = try state.view().render(width: 80, colour: false, dashboard: builtIn("progress"), run: 2)
    #expect(page[0].hasPrefix("arxiv  run 2  interrupted"))
    #expect(
      message { _ = try state.view().statusJSON(run: 9) }
        == "there is no run 9: runs 1 to 3 are on record in \(state.path)")
  }

  @Test func `an up-to-date run says that there was nothing to do`() throws {
    let state = try TestState()
    try state.addRun(1, state: "done", ended: TestState.noon + 0.1, seen: TestState.noon + 0.1)
    try state.addStage(run: 1, 0, "papers", "arxiv.read", shape: "source", tasks: 4, planned: 0, reused: 4)
    let page = try state.view().render(width: 60, colour: false, dashboard: builtIn("progress")).joined(separator: "\n")
    #expect(page.contains("nothing: everything is up to date"))
    #expect(page.contains("papers  arxiv.read  up to date"))
  }

  @Test func `the JSON form is the views' columns`() throws {
    let text = try TestState.full().view().statusJSON()
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object.keys.sorted() == ["failures", "memory", "ops", "outputs", "rejects", "run", "running"])
    let run = try #require(object["run"] as? [String: Any])
    #expect(run["planned"] as? Int == 1202)
    #expect((run["settings"] as? [String: Any])?["keepGoing"] as? Bool == false)
    #expect((object["ops"] as? [Any])?.count == 5)
    #expect((object["failures"] as? [[String: Any]])?.first?["task"] as? String == "prepared[7]")
    #expect((object["memory"] as? [String: Any])?["elapsed_seconds"] as? Double == 11.75)
    #expect((object["outputs"] as? [[String: Any]])?.first?["path"] as? String == "out/part-0.jsonl")
    #expect(text.hasPrefix("{\n  \"run\": {\n    \"run\": 3,\n    \"name\": \"arxiv\",\n"))
  }

  @Test func `JSON text survives what names can hold`() throws {
    let state = try TestState.full()
    let name = "a\"b\\c\n\t\u{1}é論👍"
    try state.execute("UPDATE run SET name = ? WHERE id = 3", [name])
    let text = try state.view().statusJSON()
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect((object["run"] as? [String: Any])?["name"] as? String == name)
    let page = try state.view().render(width: 80, colour: false, dashboard: builtIn("progress"))
    #expect(page[0].hasPrefix("a\"b\\c \u{FFFD}é論👍  run 3"))
  }

  // MARK: - Opening

  @Test func `what is no state is told in a line`() throws {
    let state = try TestState()
    let folder = state.folder
    func put(_ name: String, _ text: String) throws -> String {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
      return folder + "/" + name
    }
    #expect(
      message { _ = try state.view(path: folder + "/none") }
        == "there is no state file \(folder)/none: nothing has run there yet")
    let text = try put("text", String(repeating: "no database at all ", count: 100))
    #expect(message { _ = try state.view(path: text) } == "\(text) is no SQLite file, so it is no graphrun state")
    let empty = try put("empty", "")
    #expect(message { _ = try state.view(path: empty) } == "nothing has run yet: \(empty) is empty")
    let other = folder + "/other"
    try DatabaseQueue(path: other).write { try $0.execute(sql: "CREATE TABLE a(b)") }
    #expect(
      message { _ = try state.view(path: other) }
        == "\(other) is an SQLite file, but no graphrun state: it has no view v1_runs")
    #expect(
      message { _ = try state.view().statusJSON() } == "nothing has run yet: \(state.path) has no run on record")
    #expect(throws: Never.self) { try state.view(path: folder) }
  }

  @Test func `a newer schema asks for an upgrade`() throws {
    let state = try TestState.full()
    #expect(StateFile.schemaVersion == Schema.version)
    try state.execute("PRAGMA user_version = 99")
    #expect(
      message { _ = try state.view() }
        == "\(state.path) was written by a newer graphrun: its schema is 99, and this program knows up to 2; "
        + "upgrade graphrun to look at it")
  }

  @Test func `looking changes nothing, and sees what another connection writes`() throws {
    let state = try TestState.full()
    let view = try state.view()
    #expect(try view.frame(builtIn("progress"), run: nil, width: 80, glyphs: .unicode).snapshot.done == 440)
    try state.execute("UPDATE stage SET done = done + 5 WHERE run = 3 AND number = 0")
    #expect(try view.frame(builtIn("progress"), run: nil, width: 80, glyphs: .unicode).snapshot.done == 445)
    #expect(try state.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_temp_master") } == 0)
  }

  /// A folder in which no `-shm` file can be made: a folder stands where it should be, which hinders root too.
  private func lockedCopy(of state: TestState, withLog: Bool) throws -> String {
    let folder = state.folder + "/read only; 100 %"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    if !withLog { try state.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") } }
    try FileManager.default.copyItem(atPath: state.path, toPath: folder + "/state.sqlite")
    if withLog { try FileManager.default.copyItem(atPath: state.path + "-wal", toPath: folder + "/state.sqlite-wal") }
    try FileManager.default.createDirectory(
      atPath: folder + "/state.sqlite-shm", withIntermediateDirectories: false)
    chmod(folder, 0o555)
    return folder
  }

  @Test("a copy in a read-only folder is read, with and without its log", arguments: [false, true])
  func readOnlyCopy(withLog: Bool) throws {
    let state = try TestState.full()
    let folder = try lockedCopy(of: state, withLog: withLog)
    defer { chmod(folder, 0o755) }
    let page = try state.view(isAlive: nil, path: folder).render(
      width: 80, colour: false, dashboard: builtIn("progress"))
    #expect(page[0].hasPrefix("arxiv  run 3  running"))
    #expect(page.contains { $0.contains("440 of 1,202") })
  }

  @Test func `what a killed process left in its log is seen`() throws {
    let state = try TestState.full()
    let folder = state.folder + "/after a crash"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for suffix in ["", "-wal", "-shm"] {
      try FileManager.default.copyItem(atPath: state.path + suffix, toPath: folder + "/state.sqlite" + suffix)
    }
    let page = try state.view(isAlive: false, path: folder).render(
      width: 80, colour: false, dashboard: builtIn("failures"))
    #expect(page[0].hasPrefix("arxiv  run 3  died"))
    #expect(page.contains("  prepared[7]"))
  }

  // MARK: - Watching

  private func page(_ lines: Int, done: Int, state: String = "running", at seconds: Double = 12) -> StatusFrame {
    var frame = StatusFrame(
      lines: (0..<lines).map { StyledText("line \($0) \(done)") }, run: 3, state: state, snapshot: .init())
    (frame.snapshot.elapsedSeconds, frame.snapshot.done, frame.snapshot.planned) = (seconds, done, 10)
    return frame
  }

  @Test func `watching redraws in place, fits the height, and ends with the run`() throws {
    var pages = [page(9, done: 1), page(9, done: 1), page(9, done: 2), page(6, done: 10, state: "done")]
    var written: [String] = []
    let terminal = Terminal(isTerminal: true, hasColour: false) { .init(columns: 40, rows: 5) }
    let ending = try StatusWatcher(
      terminal: terminal, frame: { _ in pages.removeFirst() }, write: { written.append($0) }, sleep: { _ in true }
    ).run()
    let esc = "\u{1B}["
    func frame(_ lines: [String]) -> String {
      "\(esc)?2026h\(esc)?7l\(esc)H" + lines.map { "\(esc)2K" + $0 }.joined(separator: "\r\n")
        + "\(esc)J\(esc)?7h\(esc)?2026l"
    }
    #expect(ending == .runEnded)
    #expect(
      written == [
        "\(esc)?1049h\(esc)?25l" + frame(["line 0 1", "line 1 1", "line 2 1", "line 3 1", "… 5 more lines"]),
        frame(["line 0 2", "line 1 2", "line 2 2", "line 3 2", "… 5 more lines"]),
        "\(esc)?1049l\(esc)?25h" + (0..<6).map { "line \($0) 10\n" }.joined(),
      ])
  }

  @Test func `a run that is over already is shown once, without any screen`() throws {
    var written: [String] = []
    _ = try StatusWatcher(
      terminal: Terminal(isTerminal: true, hasColour: false) { .init(columns: 40, rows: 5) },
      frame: { _ in page(2, done: 1, state: "done") }, write: { written.append($0) }, sleep: { _ in true }
    ).run()
    #expect(written == ["line 0 1\nline 1 1\n"])
  }

  @Test func `an interrupt or an error gives the screen back`() throws {
    var written: [String] = []
    let terminal = Terminal(isTerminal: true, hasColour: false) { .init(columns: 40, rows: 5) }
    let ending = try StatusWatcher(
      terminal: terminal, frame: { _ in page(2, done: 1) }, write: { written.append($0) }, sleep: { _ in false }
    ).run()
    #expect(ending == .interrupted)
    #expect(written.last == BlockPainter.leaveOtherScreen + "line 0 1\nline 1 1\n")
    written = []
    var isFirst = true
    #expect(throws: StatusError.self) {
      try StatusWatcher(
        terminal: terminal,
        frame: { _ in
          guard isFirst else { throw StatusError(.unreadable, "gone") }
          isFirst = false
          return page(1, done: 1)
        }, write: { written.append($0) }, sleep: { _ in true }
      ).run()
    }
    #expect(written.last == BlockPainter.leaveOtherScreen + "line 0 1\n")
  }

  @Test func `into a pipe a watcher writes plain lines`() throws {
    var second = 0.0
    var written: [String] = []
    let terminal = Terminal(isTerminal: false, hasColour: false) { .init(columns: 80) }
    _ = try StatusWatcher(
      terminal: terminal,
      frame: { _ in page(2, done: Int(second), state: second < 7 ? "running" : "failed", at: second) },
      write: { written.append($0) },
      sleep: { seconds in
        second += seconds >= 0.5 ? 0.5 : 0
        return true
      }
    ).run()
    #expect(
      written == [
        " 1.0 s  1/10 tasks (10 %)  memory 0 B of 0 B  spilled 0 B\n",
        " 6.0 s  6/10 tasks (60 %)  memory 0 B of 0 B  spilled 0 B\n",
        " 7.0 s  7/10 tasks (70 %)  memory 0 B of 0 B  spilled 0 B\n",
        "run 3 failed after 7.0 s\n",
      ])
  }

  @Test func `watching a real file ends when its process is gone`() throws {
    let state = try TestState.full()
    let alive = Flag()
    let view = try StatusView(
      path: state.path, clock: .init(now: { TestState.noon + 13 }, zone: TestState.utc), isAlive: { alive.next() < 4 })
    var written: [String] = []
    let ending = try StatusWatcher.watch(
      view, builtIn("progress"), terminal: Terminal(isTerminal: false, hasColour: false) { .init(columns: 80) }
    ) { written.append($0) }
    #expect(ending == .runEnded)
    #expect(written.last == "run 3 died after 12 s\n")
  }
}

/// Counts how often it was asked.
private final class Flag: Sendable {
  private let count = Mutex(0)

  func next() -> Int {
    count.withLock {
      $0 += 1
      return $0
    }
  }
}
