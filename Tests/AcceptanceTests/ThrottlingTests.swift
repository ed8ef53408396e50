import TestSupport
import Testing

/// Sources do not run ahead of slower consumers: the real program's memory does not grow with the number of partitions.
@Suite(.serialized) struct ThrottlingTests {
  /// - Returns: the most memory that the process took, by its own account and seen from outside.
  private func peak(_ partitions: Int, bytes: Int, pool: String = "", _ arguments: String...) throws -> Int {
    try TestFiles.withFolder { folder in
      try TestFiles.write(
        """
        pools: {slow: 1}
        tasks:
          one: {op: debug.bytes, keep: false}
          a: {op: debug.bytes, with: {bytes: \(bytes), seed: 1, partitions: \(partitions)}, keep: false}
          b: {op: debug.sleep, from: [a, one], with: {seconds: 0.001}, keep: false\(pool)}
          end: {op: debug.noop, from: b}
        """, to: folder + "/dag.yaml")
      let outcome = try Program(["run", "dag.yaml", "--json", "--workers", "2"] + arguments, in: folder).wait()
      #expect(outcome.status == 0, "\(outcome.errors)")
      let result = try outcome.json()
      #expect(result["spilled_bytes"] as? Int == 0)
      return max(try #require(result["peak_memory"] as? Int), outcome.peakResident)
    }
  }

  @Test("With memory for everything, peak memory is flat from 100 to 10,000 partitions")
  func byOrder() throws {
    let peaks = try [100, 1000, 10_000].map { try peak($0, bytes: 128 << 10, "--memory", "4GB") }
    // What 30,000 tasks take themselves is allowed for; their values would take 1.3 GB.
    #expect(peaks.max()! - peaks[0] < 24 << 20, "\(peaks.map { $0 >> 20 }) MB")
  }

  @Test("Where consumers wait for a pool, producers fill the bound and stop there")
  func byBound() throws {
    let peaks = try [100, 1000, 10_000].map {
      try peak($0, bytes: 512 << 10, pool: ", pool: slow", "--memory", "48MB")
    }
    #expect(peaks.allSatisfy { $0 <= 48 << 20 }, "\(peaks.map { $0 >> 20 }) MB")
  }
}
