import Graph
import Testing

@testable import GraphFile

@Suite struct PathTests {
  @Test(arguments: [
    ("x", "/data/x"), ("./x/", "/data/x"), ("../x", "/x"), ("../../../x", "/x"), ("a/../b", "/data/b"),
    ("/a//b/./c/..", "/a/b"), ("~/x", "/home/ada/x"), ("~x", "/data/~x"), ("\"~\"", "/home/ada"), (".", "/data"),
    ("a/*/../b", "/data/a/*/../b"), ("a/*/../../b", "/data/a/*/../../b"),
    ("\"**/x[0-9].json\"", "/data/**/x[0-9].json"),
    ("\"{a,../b}/c\"", "/data/{a,../b}/c"), ("s3://bucket/../x", "s3://bucket/../x"), ("/", "/"),
    ("näme mit leer.txt", "/data/näme mit leer.txt"), ("a:b", "/data/a:b"), ("2024", "/data/2024"),
  ])
  func `A path is made absolute from the file's folder`(text: String, path: String) throws {
    #expect(try arguments("folder: \(text)")["folder"] == .string(path))
    #expect(try arguments("files: [\(text)]")["files"] == .strings([path]))
  }

  @Test func `Only paths are touched`() throws {
    #expect(try arguments("label: ../x\nwords: [~/x]")["label"] == .string("../x"))
    #expect(try arguments("label: ../x\nwords: [~/x]")["words"] == .strings(["~/x"]))
  }

  @Test func `A relative path is taken from the folder of whoever wrote its beginning`() throws {
    let parameters = "parameters:\n  root: raw\n  sub: \"${root}/sub\"\n  list: [a, b]\n  empty: ''"
    func files(_ text: String, _ overrides: [Override]) throws -> ParameterValue? {
      try arguments("files: \(text)", parameters: parameters, overrides)["files"]
    }
    let set = [Override("root", "mine", folder: "/home/ada/here")]
    #expect(try files("${root}/x", []) == .strings(["/data/raw/x"]))
    #expect(try files("${root}/x", set) == .strings(["/home/ada/here/mine/x"]))
    #expect(try files("${root}", set) == .strings(["/home/ada/here/mine"]))
    #expect(try files("x/${root}", set) == .strings(["/data/x/mine"]))
    #expect(try files("${sub}/x", set) == .strings(["/home/ada/here/mine/sub/x"]))
    #expect(try files("${empty}${root}/x", set) == .strings(["/home/ada/here/mine/x"]))
    #expect(try files("[\"${root}\", x]", set) == .strings(["/home/ada/here/mine", "/data/x"]))
    #expect(
      try files("${list}", [Override("list", "[c, ../d]", folder: "/tmp/q")]) == .strings(["/tmp/q/c", "/tmp/d"]))
    #expect(try files("${root}/x", [Override("root", "~/mine", folder: "/tmp")]) == .strings(["/home/ada/mine/x"]))
  }

  @Test func `A folder whose own name looks like a pattern is escaped where a pattern follows`() throws {
    let text = "tasks: {a: {op: numbers.make, with: {files: [x.json, '*.json']}}}"
    let values = try build(text, path: "/my [old] data/p.yaml").graph.stages[0].parameters
    #expect(values["files"] == .strings(["/my [old] data/x.json", "/my \\[old\\] data/*.json"]))
  }

  @Test func `Without a home folder a path into it is an error`() throws {
    let file = try DAGFile(text: "tasks: {a: {op: numbers.make, with: {folder: ~/x}}}", path: "/p.yaml")
    let error = try #require(throws: GraphFileError.self) { try file.build(registry: fakeOps, home: nil) }
    #expect(
      lines(of: error) == [
        "1:46: task \"a\": parameter \"folder\" begins with \"~\", and the environment variable HOME is not set"
      ])
  }
}
