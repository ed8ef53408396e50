import Foundation
import TestSupport
import Testing

@testable import GraphFile

/// The files from which the fuzzer starts, and those that once were findings: each is answered.
@Suite struct SeedTests {
  @Test func `Every seed is read to an answer`() throws {
    let folder = TestFiles.root + "/Tests/Fuzz/seeds/dag-file"
    let names = TestFiles.names(in: folder)
    #expect(names.count >= 8)
    for name in names {
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
      do {
        _ = try DAGFile(bytes: bytes, path: "/data/p.yaml") { _ in .failure(UnreadableFile(message: "is not there")) }
          .build(registry: fakeOps, home: "/home/ada")
      } catch {
        #expect(error.mistakes.allSatisfy { !$0.message.isEmpty && !$0.message.contains("\n") }, "\(name)")
      }
    }
  }
}
