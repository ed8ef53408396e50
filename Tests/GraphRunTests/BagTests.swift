import GraphRun
import Testing

@Suite struct BagTests {
  @Test func rangeIsMappedFilteredAndSummed() async throws {
    let sum = try await Bag.range(10_000, partitions: 7).map { $0 + 1 }.filter { $0 % 2 == 0 }.sum().compute()
    #expect(sum == 25_005_000)
  }
}
