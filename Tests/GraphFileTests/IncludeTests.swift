import Foundation
import Graph
import Testing

@testable import GraphFile

@Suite struct IncludeTests {
  @Test func `Tasks of an included file stand beside the others, and read each other`() throws {
    let built = try pipeline([
      "main.yaml":
        "include: parts/clean.yaml\ntasks:\n  made: {op: numbers.make}\n  all: {op: numbers.sum, from: clean}\n",
      "parts/clean.yaml": "name: other\ninclude: [more.yaml]\ntasks: {clean: {op: numbers.double, from: made}}",
      "parts/more.yaml": "tasks: {more: {op: numbers.make, with: {folder: x, files: [y]}}}",
    ])
    #expect(built.graph.stages.map(\.name) == ["made", "clean", "all", "more"])
    #expect(built.name == "main")
    // A path is taken from the folder of the file it stands in.
    #expect(built.graph.stage(named: "more")?.parameters["folder"] == .string("/data/parts/x"))
    #expect(built.files == ["/data/main.yaml", "/data/parts/clean.yaml", "/data/parts/more.yaml"])
    #expect(built.entryCount == 4)
  }

  @Test func `A file is taken in several times under names, with values`() throws {
    let files: KeyValuePairs = [
      "main.yaml": """
      parameters: {root: raw, list: [p, q]}
      include:
        - {file: part.yaml, as: de, with: {folder: "${root}/de", source: made, words: "${list}"}}
        - {file: part.yaml, as: fr, with: {folder: other, source: made}}
      tasks:
        made: {op: numbers.make}
        all: {op: numbers.merge, from: [de.sum, fr.sum, de.each, "fr.each@1"]}
      """,
      "part.yaml": """
      parameters: {folder: , source: , words: [w], here: here}
      tasks:
        own: {op: numbers.make, with: {folder: "${folder}", files: ["${here}"], words: "${words}"}}
        each: {foreach: [1, 2], op: numbers.double, from: own}
        sum: {op: numbers.sum, from: "${source}"}
      """,
    ]
    let graph = try pipeline(files, [Override("root", "mine", folder: "/home")]).graph
    #expect(
      Set(graph.stages.map(\.name)) == [
        "made", "all", "de.own", "de.each@1", "de.each@2", "de.sum", "fr.own", "fr.each@1", "fr.each@2", "fr.sum",
      ])
    let own = try #require(graph.stage(named: "de.own")).parameters
    #expect(own["folder"] == .string("/home/mine/de"))
    #expect(own["files"] == .strings(["/data/here"]))
    #expect(own["words"] == .strings(["p", "q"]))
    #expect(graph.stage(named: "fr.own")?.parameters["folder"] == .string("/data/other"))
    let all = try #require(graph.stage(named: "all")).inputs.map { graph.stages[$0].name }
    #expect(all == ["de.sum", "fr.sum", "de.each@1", "de.each@2", "fr.each@1"])
  }

  @Test func `Defaults of the including file fill what the included one leaves open; pools are shared`() throws {
    let graph = try pipeline([
      "main.yaml":
        "include: p.yaml\npools: {net: 3}\ndefaults: {retries: 4, timeout: 9}\ntasks: {a: {op: numbers.make}}",
      "p.yaml": "pools: {net: 3, disk: 1}\ndefaults: {retries: 1}\ntasks: {b: {op: numbers.make, pool: net}}",
    ]).graph
    #expect(graph.stages.map(\.policy.retries) == [4, 1])
    #expect(graph.stages.map(\.policy.timeout) == [9, 9])
    #expect(graph.limits[LimitName(.pool, "disk")] == 1)
  }

  @Test func `What two files include alike is there once`() throws {
    let graph = try pipeline([
      "main.yaml": "include: [a.yaml, ./b.yaml, b.yaml]",
      "a.yaml": "include: common.yaml\ntasks: {a: {op: numbers.double, from: c}}",
      "b.yaml": "include: common.yaml\ntasks: {b: {op: numbers.double, from: c}}",
      "common.yaml": "tasks: {c: {op: numbers.make}}",
    ]).graph
    #expect(graph.stages.map(\.name).sorted() == ["a", "b", "c"])
  }

  @Test func `Mistakes name the file they are in`() {
    #expect(
      complaints(of: [
        "main.yaml": "include: sub/p.yaml\ntasks:\n  a: {op: numbers.mak}\n",
        "sub/p.yaml":
          "parameters: {n: x}\ntasks:\n  b: {op: numbers.make, with: {count: \"${n}\", cuont: 1}}\n  c: {op: numbers.sum, from: d, kep: 1}\n",
      ]) == [
        "main.yaml:3:11: task \"a\": there is no operation \"numbers.mak\"; did you mean \"numbers.make\"?",
        "sub/p.yaml:3:39: task \"b\": parameter \"count\" wants an integer, 0 to 1000, and got \"x\" "
          + "(from parameter \"n\" on line 1 of sub/p.yaml)",
        "sub/p.yaml:3:47: task \"b\": numbers.make has no parameter \"cuont\"; did you mean \"count\"?",
        "sub/p.yaml:4:30: task \"c\": \"from\" names \"d\", which is no task; did you mean \"a\"?",
        "sub/p.yaml:4:33: task \"c\": \"kep\" is no key of a task; did you mean \"keep\"?",
      ])
  }

  @Test func `Two tasks of one name are answered with both places`() {
    #expect(
      complaints(of: [
        "main.yaml": "include: p.yaml\ntasks:\n  a: {op: numbers.make}\n",
        "p.yaml": "tasks:\n\n  a: {op: numbers.make}\n",
      ]) == [
        "p.yaml:3:3: there are two tasks named \"a\": the first is on line 3 of main.yaml, this one in p.yaml; "
          + "include one of them under a name, with \"as\""
      ])
  }

  @Test func `A circle of files is answered with its path`() {
    #expect(
      complaints(of: [
        "main.yaml": "include: sub/a.yaml\ntasks: {t: {op: numbers.make}}", "sub/a.yaml": "include: [b.yaml]",
        "sub/b.yaml": "tasks: {x: {op: numbers.make}}\ninclude:\n  - {file: ../sub/a.yaml, as: x}\n",
      ]) == ["sub/b.yaml:3:12: these files include each other: sub/a.yaml → sub/b.yaml → sub/a.yaml"])
    #expect(
      complaints(of: ["main.yaml": "include: main.yaml"])
        == ["main.yaml:1:10: these files include each other: main.yaml → main.yaml"])
  }

  @Test(arguments: [
    ("gone.yaml", "1:10: cannot include \"gone.yaml\": there is no such file (gone.yaml)"),
    ("[]", "1:1: \"include\" is empty: name a file, or leave it out"),
    ("", "1:1: \"include\" is empty: name a file, or leave it out"),
    ("\"${x}.yaml\"", "1:10: \"include\": a parameter cannot name a file to include: write out \"${x}.yaml\""),
    ("{fiel: p.yaml}", "1:11: \"fiel\" is no key of \"include\"; did you mean \"file\"?"),
    ("{as: x}", "1:10: \"include\" needs the key \"file\""),
    (
      "{file: r2.yaml, as: a.b}",
      "1:30: \"a.b\" cannot name what is included: use letters, digits, \"_\" and \"-\", beginning with a letter or \"_\""
    ),
    (
      "{file: r2.yaml, with: [a]}",
      "1:32: \"include\": \"with\" maps parameters of the included file to values, and this is a list"
    ),
    ("{file: p.yaml, with: {need: 1, wrods: 2}}", "1:41: p.yaml has no parameter \"wrods\"; did you mean \"words\"?"),
    (
      "{file: p.yaml, with: {need: {a: b}}}",
      "1:38: \"include\": parameter \"need\" is a mapping, which no parameter can be"
    ),
    ("p.yaml", "1:10: p.yaml needs a value for its parameter \"need\": give it here, under \"with\""),
    (
      "q.yaml",
      "q.yaml:2:5: unexpected \":\": is a \":\" missing above, the indentation wrong, or a value with \": \" not quoted?"
    ),
    ("r.yaml", "r.yaml:1:9: there are 1 of pool \"disk\" here, and 2 on line 2 of main.yaml"),
  ])
  func `An include that cannot be is answered`(include: String, message: String) {
    let found = complaints(of: [
      "main.yaml": "include: \(include)\npools: {disk: 2}\ntasks: {a: {op: numbers.make}}\n",
      "p.yaml": "parameters: {need: , words: [a]}\ntasks: {p: {op: numbers.make, with: {label: \"${need}\"}}}\n",
      "q.yaml": "a: b\nc: d: e\n", "r2.yaml": "tasks: {r: {op: numbers.make}}\n",
      "r.yaml": "pools: {disk: 1}\ntasks: {r: {op: numbers.make}}\n",
    ])
    #expect(found == [message.first?.isNumber == true ? "main.yaml:" + message : message])
  }

  @Test func `Files that include without end are given up`() {
    var asked = 0
    let endless = Result<DAGFile, GraphFileError> { () throws(GraphFileError) in
      try DAGFile(bytes: Array("include: x/p.yaml".utf8), path: "/data/p.yaml") { _ in
        asked += 1
        return .success(Array("include: x/p.yaml".utf8))
      }
    }
    guard case .failure(let error) = endless else { return #expect(Bool(false), "it ends") }
    #expect(error.mistakes[0].message == "files include files more than 20 deep here: does a link lead back?")
    #expect(asked == 19)
    // Each level twice, under names, with values: a million inclusions, were they all made.
    let files = (0..<20).map { level in
      "include:\n" + ["a", "b"].map { "  - {file: \"\(level + 1).yaml\", as: \($0), with: {x: 1}}\n" }.joined()
        + "parameters: {x: 0}\n"
    }
    let wide = Result<DAGFile, GraphFileError> { () throws(GraphFileError) in
      try DAGFile(bytes: Array(files[0].utf8), path: "/data/0.yaml") { path in
        let level = Int(path.dropFirst(6).dropLast(5)) ?? 0
        return .success(Array((level < 19 ? files[level] : "parameters: {x: 0}\ntasks: {t: {op: numbers.make}}").utf8))
      }
    }
    guard case .failure(let error) = wide else { return #expect(Bool(false), "it ends") }
    #expect(error.mistakes.contains { $0.message == "more than 1000 inclusions: no pipeline needs so many files" })
  }

  @Test func `Files are read from the disk, from the including one's folder`() throws {
    let folder = NSTemporaryDirectory() + "graphfile-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder + "/parts", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data("include: parts/p.yaml\n".utf8).write(to: URL(fileURLWithPath: folder + "/main.yaml"))
    try Data("tasks: {a: {op: numbers.make, with: {folder: x}}}".utf8)
      .write(to: URL(fileURLWithPath: folder + "/parts/p.yaml"))
    let graph = try DAGFile.load(path: folder + "/main.yaml").build(registry: fakeOps).graph
    #expect(graph.stages[0].parameters["folder"] == .string(folder + "/parts/x"))
  }
}
