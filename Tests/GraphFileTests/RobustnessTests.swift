import Testing

@testable import GraphFile

@Suite struct RobustnessTests {
  let good = """
    version: 1
    name: "numbers"
    parameters:
      input: data/*.json
      words: [alpha, "beta", 'gamma']   # a comment
      count: 3
      both: "${count}-${input}"
    tasks:
      made:
        op: numbers.make
        with: {files: "${input}", words: "${words}", count: "${count}", ratio: 0.5, strict: true}
      doubled: {op: numbers.double, from: made, keep: true}
      total:
        description: >
          All of them,
          added
        op: numbers.sum
        from: doubled
      scaled: {op: numbers.scale, from: [doubled, total]}
      written:
        op: numbers.write
        from:
          - scaled
        with:
          directory: &where ~/out/${count}
          limit: 10

    """

  @Test func `The file that is mutated is good`() throws { _ = try build(good) }

  @Test func `However a file is damaged, it is built or answered with a place inside it`() throws {
    var random = SplitMix(seed: 20_240_501)
    var refused = 0
    for round in 0..<3000 {
      let bytes = round.isMultiple(of: 2) ? damagedBytes(&random) : damagedLines(&random)
      do {
        _ = try DAGFile(bytes: bytes, path: "/data/p.yaml").build(registry: fakeOps, home: "/home/ada")
      } catch {
        refused += 1
        let lines = SourceLines(String(decoding: bytes, as: UTF8.self))
        for mistake in error.mistakes {
          let place = Position(line: mistake.line ?? 0, column: mistake.column ?? 0)
          #expect(lines.clamped(place) == place, "round \(round): \(mistake)")
          #expect(!mistake.message.contains("\n"), "round \(round): \(mistake)")
        }
        #expect(error.mistakes.map { $0.line ?? 0 } == error.mistakes.map { $0.line ?? 0 }.sorted())
      }
    }
    #expect(refused > 1000)
  }

  private func damagedBytes(_ random: inout SplitMix) -> [UInt8] {
    var bytes = Array(good.utf8)
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.remove(at: place)
      case 1: bytes.insert(bytes[place], at: place)
      case 2: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 3: bytes[place] = "{}[],:&*!|>'\"%@`#-?$~ \t\n\\".utf8.randomElement(using: &random) ?? 0
      default: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...200, using: &random)))
      }
      if bytes.isEmpty { bytes = [0x20] }
    }
    return bytes
  }

  private func damagedLines(_ random: inout SplitMix) -> [UInt8] {
    var lines = good.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let place = Int.random(in: 0..<lines.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where lines.count > 1: lines.remove(at: place)
      case 1: lines.insert(lines[place], at: Int.random(in: 0...lines.count, using: &random))
      case 2: lines.swapAt(place, Int.random(in: 0..<lines.count, using: &random))
      case 3: lines[place] = " " + lines[place]
      default: lines[place] = String(lines[place].drop { $0 == " " })
      }
    }
    return Array(lines.joined(separator: "\n").utf8)
  }
}
