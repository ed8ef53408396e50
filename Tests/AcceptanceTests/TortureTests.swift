import Foundation
import TestSupport
import Testing
import TortureSupport

/// A short fault campaign; `make torture` is the long one.
@Suite(.serialized) struct TortureTests {
  @Test("Random graphs, killed again and again, end with the identities worked out beforehand", arguments: [1, 2])
  func kills(seed: UInt64) throws {
    try TestFiles.withFolder { folder in
      var settings = KillCampaign.Settings(program: Program.path, folder: folder, seed: seed)
      settings.kills = 20
      settings.recipe = .short
      let report = try KillCampaign(settings).run()
      #expect(report.kills >= 20)
      #expect(report.problems.isEmpty, "\(report.problems.map { "round \($0.round): \($0.problem)" })")
    }
  }

  @Test("What can be arranged to go wrong is survived", arguments: Scenario.allCases)
  func scenario(_ scenario: Scenario) throws {
    try TestFiles.withFolder { folder in
      let outcome = scenario.run(program: Program.path, folder: folder, seed: 1)
      #expect(outcome.problems.isEmpty, "\(outcome.line)")
      if case .skipped(let why) = outcome.verdict { print("\(scenario.rawValue) skipped: \(why)") }
    }
  }

  /// The numbers come from a Python program that was written from the same description.
  @Test("The identities of debug ops are those of the description")
  func identities() {
    var graph = DebugGraph(name: "small")
    let one = graph.add("one", .bytes(partitions: nil), seed: 7, bytes: 16)
    let bag = graph.add("bag", .bytes(partitions: 5), seed: 100, bytes: 24)
    let mix = graph.add("mix", .mix, seed: 3, bytes: 8, from: [bag, one])
    let sum = graph.add("sum", .reduce(splitEvery: 2), seed: 9, bytes: nil, from: [bag])
    let end = graph.add("end", .mix, seed: 0, bytes: 40, from: [sum, one])
    let results = graph.results()
    #expect(splitMix64(0) == 0xE220_A839_7B1D_CDAF)  // the reference's first number for seed 0
    #expect(results[one]?.all.map(\.identity) == [splitMix64(7)])
    #expect(results[bag]?.all.map(\.identity) == (100..<105).map { splitMix64($0) })
    #expect(results[mix]?.all.count == 5 && results[mix]?.isBag == true)
    #expect(results[mix]?.all.first?.identity == 0xB344_42CA_8E37_666F)
    #expect(results[mix]?.all.last?.identity == 0x676B_570A_C419_D046)
    #expect(results[sum]?.all == [.init(identity: 0x6DBF_4C68_AFE7_9126, bytes: 24)])
    #expect(results[end]?.all == [.init(identity: 0xFAAB_9EA5_9C65_3B59, bytes: 40)])
    #expect(graph.surviving().map(\.key) == ["mix[0]", "mix[1]", "mix[2]", "mix[3]", "mix[4]", "sum", "end"])
  }
}
