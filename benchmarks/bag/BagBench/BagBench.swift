import ArgumentParser
import Foundation
import GraphRun
import Synchronization

/// What a computation had put on disk when it was last looked at.
final class Spilled: Sendable {
  let bytes = Atomic<Int>(0)
}

/// Numbers from 0 up to `count`, number n being as frequent as 1 / (n + 1) ^ exponent.
struct ZipfNumbers: Sendable {
  private let upTo: [Double]

  init(count: Int, exponent: Double) {
    var sum = 0.0
    upTo = (0..<count).map { number in
      sum += pow(Double(number + 1), -exponent)
      return sum
    }
  }

  /// - Parameter place: from 0 up to 2^32, evenly spread.
  subscript(place: Int) -> Int {
    let wanted = Double(place) / 0x1p32 * upTo[upTo.count - 1]
    var (low, high) = (0, upTo.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if upTo[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Times operations of `Bag` on made-up elements; prints a line of JSON for each.
@main
struct BagBench: AsyncParsableCommand {
  @Option(help: "How many elements.")
  var count = 1_000_000
  @Option(help: "In how many partitions.")
  var partitions = 16
  @Option(help: "What the whole process may occupy, in MB.")
  var memory = 256
  @Option(help: "Only these operations.")
  var only: [String] = []
  @Option(help: "A text file, for the operations on text.")
  var text: String?
  @Option(help: "Bytes of text a partition.")
  var blocksize = 16 << 20

  /// A number that looks random, from its place: what the peer computes, too.
  @Sendable static func scrambled(_ number: Int) -> Int { number &* 2_654_435_761 & 0xFFFF_FFFF }

  func run() async throws {
    var options = ComputeOptions(memory: ByteCount(memory << 20))
    let spilled = Spilled()
    options.progress = { spilled.bytes.store($0.spilledTotal, ordering: .relaxed) }
    defer {
      let bytes = spilled.bytes.load(ordering: .relaxed)
      if bytes > 0 { FileHandle.standardError.write(Data("put on disk: \(bytes >> 20) MB\n".utf8)) }
    }
    if let text {
      let lines = try Bag.readText(text, splitting: .blocksize(blocksize))
      try await time("word-count") {
        try await lines.split().flatten().frequencies().topk(10, key: \.value).map(\.value).sum().compute(options)
      }
      try await time("strip-filter-count") {
        try await lines.stripped().filter { !$0.isEmpty }.count().compute(options)
      }
      return
    }
    let numbers = Bag.range(count, partitions: partitions)
    try await time("sum") { try await numbers.sum().compute(options) }
    try await time("map-filter-sum") {
      try await numbers.map { $0 + 1 }.filter { $0 % 2 == 0 }.sum().compute(options)
    }
    try await time("frequencies") {
      try await numbers.map { BagBench.scrambled($0) % 1000 }.frequencies().map(\.value).sum().compute(options)
    }
    try await time("foldby") {
      try await numbers.foldby({ BagBench.scrambled($0) % 1000 }, initial: 0) {
        $0 + $1
      } combine: {
        $0 + $1
      }
      .map(\.value).sum().compute(options)
    }
    let many = max(count / 2, 1)
    try await time("distinct") {
      // Into several partitions: one would hold all different elements at once, which 100 million need not leave room for.
      try await numbers.map { BagBench.scrambled($0) % many }.distinct(into: partitions).count().compute(options)
    }
    try await time("groupby") {
      try await numbers.groupby { BagBench.scrambled($0) % 10_000 }.map(\.value.count).sum().compute(options)
    }
    // Only if asked for: the peers have no like of it.
    if only.contains("zipf") {
      let ids = ZipfNumbers(count: 10_000, exponent: 1.2)
      try await time("zipf") {
        let records = numbers.map { KeyValue(key: ids[BagBench.scrambled($0)], value: $0 & 0xFF) }
        let byID = records.partitioned(by: \.key, into: 64)
        let totals = byID.fold(initial: Pair(0, 0)) { Pair($0.first + 1, $0.second + $1.value) }
        return try await totals.map(\.value.first).sum().compute(options)
      }
    }
    try await time("join") {
      try await numbers.join(Array(0..<1000), on: { $0 % 2000 }, otherKey: { $0 }).count().compute(options)
    }
  }

  private func time(_ name: String, _ body: () async throws -> Int) async throws {
    guard only.isEmpty || only.contains(name) else { return }
    let processor = clock()
    let start = ContinuousClock.now
    let result = try await body()
    let elapsed = ContinuousClock.now - start
    let busy = Double(clock() - processor) / Double(CLOCKS_PER_SEC)
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    let peak = ProcessMemory.peakResident() >> 20
    print(
      #"{"operation":"\#(name)","count":\#(count),"seconds":\#(seconds),"cpu":\#(busy),"result":\#(result),"peak_mb":\#(peak)}"#
    )
  }
}
