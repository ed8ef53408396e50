import Dashboards
import Foundation
import Testing

@testable import CLI

@Suite("Dashboard files")
struct DashboardTests {
  private static let good = """
    title: mine
    description: Ops and their tasks.
    panels:
      - title: Ops
        kind: table
        sql: SELECT name, done, tasks FROM v1_ops WHERE run = :run ORDER BY number
        columns:
          - name
          - {name: done, format: count}

    """

  private func error(_ text: String) -> String {
    do {
      let dashboard = try DashboardReader.read(text, name: "mine", file: "mine.yaml")
      let state = try TestState.full()
      return try state.view().render(width: 60, colour: false, dashboard: dashboard).joined(separator: "\n")
    } catch {
      return "\(error)"
    }
  }

  @Test func `the built-in ones are read and say what they are for`() throws {
    #expect(BuiltInDashboards.texts.keys.sorted() == ["failures", "memory", "progress", "tasks"])
    for name in BuiltInDashboards.texts.keys {
      let dashboard = try builtIn(name)
      #expect(!dashboard.description.isEmpty)
      #expect(dashboard.title == name)
    }
  }

  @Test func `a user's dashboard is drawn`() {
    #expect(
      error(DashboardTests.good) == """
        arxiv  run 3  running                                   mine

        Ops
          name      done
          papers     210
          prepared   118
          written    112
          totals       0
          labels       0
        """)
  }

  @Test(
    "a mistake is told in one line with file, line and panel",
    arguments: [
      (
        "kind: table", "kind: tabel",
        "5: panel \"Ops\": unknown kind \"tabel\"; did you mean \"table\"? (facts, table, bars, chart, text)"
      ),
      ("kind: table", "knd: table", "5: panel 1: unknown key \"knd\"; did you mean \"kind\"?"),
      ("kind: table", "limit: 3", "4: panel \"Ops\": \"kind:\" is missing: facts, table, bars, chart, text"),
      (
        "kind: table", "kind: table\n    limit: many",
        "6: panel \"Ops\": \"limit:\" should be a whole number from 1 to 10000, not \"many\""
      ),
      (
        "kind: table", "kind: table\n    height: 3",
        "6: panel \"Ops\": \"height\" has no meaning in a panel of kind table"
      ),
      ("v1_ops", "v1_opps", "6: panel \"Ops\": SQL: no such table: v1_opps"),
      ("SELECT name", "SELECT nam", "6: panel \"Ops\": SQL: no such column: nam"),
      ("SELECT name,", "SELECT name FROM v1_ops; SELECT name,", "6: panel \"Ops\": a panel's SQL is one statement"),
      (
        "SELECT name, done, tasks FROM v1_ops WHERE run = :run ORDER BY number", "DELETE FROM run",
        "6: panel \"Ops\": a panel's SQL can only read: one SELECT, WITH or VALUES statement"
      ),
      (
        "SELECT name, done, tasks FROM v1_ops WHERE run = :run ORDER BY number", "ATTACH 'x.sqlite' AS x",
        "6: panel \"Ops\": a panel's SQL can only read: one SELECT, WITH or VALUES statement"
      ),
      (":run", ":rnu", "6: panel \"Ops\": the SQL asks for :rnu; there are :run, :limit, :now and :columns"),
      ("{name: done,", "{name: donne,", "9: panel \"Ops\": the SQL gives no column \"donne\"; did you mean \"done\"?"),
      (
        "format: count", "format: cuont",
        "9: panel \"Ops\": unknown format \"cuont\"; did you mean \"count\"? (text, count, bytes, seconds, percent, rate, time, path, state, bar)"
      ),
      ("format: count", "of: 3, min: 9, max: 2", "9: panel \"Ops\": min is greater than max"),
      (
        "      - name\n", "      - {format: count}\n",
        "8: panel \"Ops\": a column needs \"name:\", its name in the answer"
      ),
      ("panels:", "pannels:", "3: unknown key \"pannels\"; did you mean \"panels\"?"),
      ("title: mine", "title: mine: x", "1: this is no YAML: mapping values are not allowed in this context"),
    ])
  func mistakes(part: String, replacement: String, message: String) {
    #expect(error(DashboardTests.good.replacing(part, with: replacement)) == "mine.yaml:" + message)
  }

  @Test func `an empty file and a list are no dashboards`() {
    #expect(error("") == "mine.yaml:1: the file is empty")
    #expect(error("- a") == "mine.yaml:1: expected keys and values here: title, description, panels")
    #expect(error("panels: []") == "mine.yaml:1: a dashboard needs \"panels:\", a list with at least one panel")
  }

  @Test func `names are looked up here, beside the DAG file, at home, then among the built-in`() throws {
    let root = NSTemporaryDirectory() + "/graphrun-dashboards-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: root) }
    func put(_ folder: String, _ name: String, _ description: String) throws {
      try FileManager.default.createDirectory(atPath: root + folder, withIntermediateDirectories: true)
      let text = DashboardTests.good.replacing("Ops and their tasks.", with: description)
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(root)\(folder)/\(name).yaml"))
    }
    let library = DashboardLibrary(
      currentFolder: root + "/here", dagFolder: root + "/dag",
      configFolder: DashboardLibrary.configFolder(environment: ["HOME": root]))
    #expect(try library.load("tasks").file == "built-in dashboard tasks")
    try put("/.config/graphrun/dashboards", "tasks", "home")
    #expect(try library.load("tasks").description == "home")
    try put("/dag/dashboards", "tasks", "dag")
    #expect(try library.load("tasks").description == "dag")
    try put("/here/dashboards", "tasks", "here")
    #expect(try library.load("tasks").description == "here")
    #expect(try library.load(root + "/dag/dashboards/tasks.yaml").description == "dag")
    try put("/here/dashboards", "mine", "my own")
    try Data("panels: 3".utf8).write(to: URL(fileURLWithPath: root + "/here/dashboards/bad.yaml"))
    #expect(library.entries().map(\.name) == ["bad", "failures", "memory", "mine", "progress", "tasks"])
    #expect(library.entries()[0].description.hasPrefix("cannot be used: "))
    let message = "\(#expect(throws: DashboardError.self) { try library.load("progres") }?.description ?? "")"
    #expect(message.hasPrefix("there is no dashboard \"progres\"; did you mean \"progress\"?\nthere are:\n  bad "))
    #expect(message.contains("\n  mine         my own\n"))
    let missing = #expect(throws: DashboardError.self) { try library.load("./none.yaml") }
    #expect(missing?.description == "./none.yaml: the dashboard file does not exist")
  }

  @Test func `every built-in dashboard fits every width, full and empty, in either alphabet`() throws {
    let empty = try TestState()
    try empty.addRun(1)
    try empty.addStage(run: 1, 0, "papers", "arxiv.read", shape: "source", tasks: 3)
    for state in [try TestState.full(), try TestState.full(state: "failed"), empty] {
      for name in BuiltInDashboards.texts.keys {
        for width in [20, 31, 40, 60, 80, 120, 200] {
          for glyphs in [Glyphs.unicode, .ascii] {
            let lines = try state.view().render(width: width, colour: false, dashboard: builtIn(name), glyphs: glyphs)
            for line in lines { #expect(TextWidth.of(line) <= width, "\(name) at \(width): \(line)") }
            #expect(!lines.joined().contains("\u{1B}"))
          }
        }
      }
    }
  }

  @Test func `bars and percentages are shares, and rows beyond the limit are counted`() {
    let text = """
      panels:
        - kind: bars
          limit: 2
          sql: VALUES ('a', 3, 4), ('論文', 1, 4), ('c', 2, 4), ('d', 2, 4)
          columns:
            - {name: column1}
            - {name: column2, format: percent, of: column3}
      """
    #expect(
      error(text).split(separator: "\n").dropFirst().joined(separator: "\n") == """
          a     ██████████████████░░░░░░  75 %
          論文  ██████░░░░░░░░░░░░░░░░░░  25 %
          … 2 more
        """)
  }
}
