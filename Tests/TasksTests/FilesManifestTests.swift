import Foundation
import Graph
import Testing

@testable import Tasks

@Suite struct FilesManifestTests {
  @Test(arguments: [
    ("/a/b/c.txt", "/a/b/m.jsonl", "c.txt"), ("/a/b/c/d.txt", "/a/m.jsonl", "b/c/d.txt"),
    ("/a/x/c.txt", "/a/b/m.jsonl", "../x/c.txt"), ("/c.txt", "/a/b/m.jsonl", "../../c.txt"),
    ("/a/b", "/a/b/c/m.jsonl", "../../b"), ("/e\u{301}/c", "/\u{E9}/m", "../e\u{301}/c"), ("/c", "/m", "c"),
  ])
  func `Files are called from the manifest's folder`(path: String, manifest: String, name: String) {
    #expect(relativePath(of: path, to: manifest).utf8.elementsEqual(name.utf8))
  }

  private func manifest(_ path: String, of files: [WrittenFile]) throws -> String {
    guard let definition = Ops.registry["files.manifest"], case .command(let make) = definition.maker else {
      throw TaskError(.failed, "files.manifest is no command")
    }
    let op = try make(OpArguments(["path": .string(path)], for: definition))
    #expect(op.runsOnce)
    #expect(try op.outputPath(index: 0, inputs: files.map(\.path)) == path)
    let value = try op.run(CommandCall(index: 0, inputs: [], written: files, output: path), context: TestContext())
    #expect((value as? WrittenFile)?.records == files.count)
    return try String(contentsOfFile: path, encoding: .utf8)
  }

  private func written(_ path: String, records: Int?, checksum: FileChecksum? = nil) throws -> WrittenFile {
    var info = stat()
    #expect(stat(path, &info) == 0)
    return WrittenFile(
      path: path, fileByteCount: Int(info.st_size), modified: modificationTime(info), records: records,
      checksum: checksum)
  }

  /// The wanted checksums are those of python-xxhash 4.1.0.
  @Test func `What was written without a checksum is read for it`() throws {
    let folder = try ScratchFolder()
    let small = try folder.file("small \"1\".csv", "id,name\n1,a\n2,\"b,c\"\n")
    let empty = try folder.file("sub/empty", "")
    let large = try folder.file(
      "large.txt", (0..<20_000).map { "line \($0) of a text that is longer than a block\n" }.joined())
    let text = try manifest(
      folder.path + "/m.jsonl",
      of: [
        written(small, records: 2), written(empty, records: nil), written(large, records: 20_000),
        written(empty, records: 0, checksum: FileChecksum(high: 1, low: 2)),
      ])
    #expect(
      text == """
        {"path":"small \\"1\\".csv","rows":2,"bytes":20,"checksum":"xxh128:bc612a78646a3a10b36b8daeea1f535e"}
        {"path":"sub/empty","rows":null,"bytes":0,"checksum":"xxh128:99aa06d3014798d86001c324468d497f"}
        {"path":"large.txt","rows":20000,"bytes":968890,"checksum":"xxh128:345d6b4da8ef8c53950a9d7186b21170"}
        {"path":"sub/empty","rows":0,"bytes":0,"checksum":"xxh128:00000000000000010000000000000002"}

        """)
  }

  @Test func `A file that is not as it was written is refused by its name`() throws {
    let folder = try ScratchFolder()
    let path = try folder.file("a.txt", "one")
    let file = try written(path, records: 1, checksum: FileChecksum(high: 1, low: 2))
    try folder.file("a.txt", "other")
    let changed = #expect(throws: TaskError.self) { try manifest(folder.path + "/m.jsonl", of: [file]) }
    #expect(changed?.code == .cannotRead && changed?.file == path)
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: TaskError.self) { try manifest(folder.path + "/m.jsonl", of: [file]) }
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/m.jsonl"))
  }
}
