import Foundation
import GRDB
import TestSupport
import Testing

/// The bound holds for the whole process, as the kernel measures it.
@Suite(.serialized) struct MemoryTests {
  @Test("Intermediates several times the bound are spilled and read back, and the process stays within it")
  func spilling() throws {
    try TestFiles.withFolder { folder in
      // Two passes hold all papers and tokens between them, over 200 MB.
      try Pipelines.sample(80000, files: 80, in: folder)
      let file = try Pipelines.copy(Pipelines.twoPasses, to: folder)
      let outcome = try Program.run("run", file, "--memory", "64MB", "--json", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let result = try outcome.json()
      let spilled = try #require(result["spilled_bytes"] as? Int)
      let peak = try #require(result["peak_memory"] as? Int)
      let intermediates = try DatabaseQueue(path: folder + "/.graphrun/state.sqlite").read {
        try Int.fetchOne($0, sql: "SELECT sum(bytes_out) FROM v1_ops WHERE shape <> 'sink'")
      }
      #expect(try #require(intermediates) > 4 * (64 << 20))
      #expect(spilled > 64 << 20, "spilled \(spilled)")
      #expect(peak <= 64 << 20, "peak \(peak >> 20) MB by the program's own account")
      #expect(outcome.peakResident <= 64 << 20, "peak \(outcome.peakResident >> 20) MB seen from outside")

      let bytes = Pipelines.contents(of: folder + "/out-two-passes")
      try FileManager.default.removeItem(atPath: folder + "/out-two-passes")
      let roomy = try Program.run("run", file, "--memory", "2GB", "--workers", "1", "--json", in: folder)
      #expect(try roomy.json()["spilled_bytes"] as? Int == 0)
      #expect(Pipelines.contents(of: folder + "/out-two-passes") == bytes)
    }
  }

  @Test("A per-file pipeline over many times the bound holds it without spilling")
  func streaming() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60000, files: 60, seed: 4, in: folder)
      let file = try Pipelines.copy(Pipelines.arxiv, to: folder)
      let outcome = try Program.run("run", file, "--memory", "48MB", "--json", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try outcome.json()["spilled_bytes"] as? Int == 0)
      #expect(outcome.peakResident <= 48 << 20, "peak \(outcome.peakResident >> 20) MB")
    }
  }
}
