import Foundation
import Testing

@testable import GraphFile

@Suite struct LoadingTests {
  private func withFile(_ name: String, _ bytes: [UInt8], _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("graphfile-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(name)
    try Data(bytes).write(to: file)
    try body(file.path)
  }

  @Test func `A file is read, whatever its name`() throws {
    try withFile("süße daten [1].yaml", Array("tasks: {a: {op: numbers.make}}".utf8)) { path in
      let file = try DAGFile.load(path: path)
      #expect(file.absolutePath == path)
      #expect(file.name == "süße daten [1]")
      #expect(try file.build(registry: fakeOps).graph.taskCount == 2)
    }
  }

  @Test func `A file that is missing, a folder, and one that is no text are told apart`() throws {
    #expect(complaint(path: "/nowhere/p.yaml") == "/nowhere/p.yaml: there is no such file")
    #expect(complaint(path: "/tmp") == "/tmp: this is a folder, not a DAG file")
    try withFile("latin1.yaml", Array("name: x\ntasks: {a: ".utf8) + [0xE9] + Array("}\n".utf8)) { path in
      #expect(
        complaint(path: path) == "\(path):2:12: the file is not UTF-8 text: byte 0xE9 stands here; save it as UTF-8")
    }
    try withFile("empty.yaml", []) { path in
      #expect(complaint(path: path) == "\(path):1:1: the file is empty: a DAG file needs \"tasks:\"")
    }
    try withFile("cut.yaml", Array("name: ".utf8) + [0xE2, 0x82]) { path in
      #expect(
        complaint(path: path) == "\(path):1:7: the file is not UTF-8 text: byte 0xE2 stands here; save it as UTF-8")
    }
    try withFile("zeros.bin", [UInt8](repeating: 0, count: 1000)) { path in
      #expect(complaint(path: path) == "\(path):1:1: the character U+0000 cannot stand in a YAML file")
    }
  }

  @Test func `A file without end is given up`() {
    #expect(complaint(path: "/dev/zero") == "/dev/zero: is larger than 64 MB: that is no DAG file")
  }

  private func complaint(path: String) -> String {
    do {
      _ = try DAGFile.load(path: path)
      return ""
    } catch {
      return error.description
    }
  }
}
