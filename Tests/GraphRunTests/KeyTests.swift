import Foundation
import GraphRun
import Testing

/// Keys of all kinds of types: those that are equal are brought together, wherever and however they were made.
@Suite struct KeyTests {
  @Test func paddingBetweenFieldsIsNoPartOfAKey() async throws {
    struct Key: Hashable, Codable, Sendable {
      var isEven: Bool
      var id: Int
    }
    let keys = Bag.range(20_000, partitions: 4).map { Key(isEven: $0 % 2 == 0, id: $0 % 10) }
    #expect(try await keys.distinct().count().compute() == 10)
    #expect(Set(try await keys.frequencies().compute().map(\.value)) == [2000])
    #expect(try await keys.groupby { $0 }.map(\.value.count).compute() == Array(repeating: 2000, count: 10))
  }

  @Test func whatIsMissingInAKeyHoldsNothing() async throws {
    struct Key: Hashable, Codable, Sendable {
      var group: Int?
      var small: Int8
    }
    let keys = Bag.range(20_000, partitions: 4).map { number in
      var key = Key(group: number, small: Int8(number % 4))
      if number >= 0 { key.group = nil }
      return key
    }
    #expect(try await keys.frequencies().count().compute() == 4)
    #expect(try await keys.partitioned(by: { $0 }, into: 3).count().map(\.value).compute() == [5000, 5000, 5000, 5000])
  }

  @Test func setsAndDictionariesHaveNoOrder() async throws {
    struct Key: Hashable, Codable, Sendable {
      var tags: Set<String>
      var counts: [Point: Int]
    }
    struct Point: Hashable, Codable, Sendable {
      var x: Int8
      var y: Double
    }
    let letters = ["a", "b", "c", "d", "e", "f"]
    let keys = Bag.range(400, partitions: 4).map { number in
      var key = Key(tags: [], counts: [:])
      // Room decides in which order they are gone through.
      if number % 3 == 0 { key.tags.reserveCapacity(100 + number) }
      if number % 5 == 0 { key.counts.reserveCapacity(100 + number) }
      for (place, letter) in number % 2 == 0 ? Array(letters.enumerated()) : letters.enumerated().reversed() {
        key.tags.insert(letter)
        key.counts[Point(x: Int8(place), y: place == 0 && number % 7 == 0 ? -0.0 : Double(place))] = place
      }
      return key
    }
    #expect(try await keys.frequencies().compute().map(\.value) == [400])
    #expect(try await keys.map(\.counts).frequencies().compute().map(\.value) == [400])
    let plain = keys.map { key in Dictionary(uniqueKeysWithValues: key.tags.map { ($0, 1) }) }
    #expect(try await plain.frequencies().compute().map(\.value) == [400])
  }

  @Test func equalNumbersAndStringsOfAKeyAreOne() async throws {
    struct Key: Hashable, Codable, Sendable {
      var number: Double
      var text: String
      var parts: [Float?]
    }
    let keys = Bag.range(100, partitions: 4).map { number in
      Key(
        number: number % 2 == 0 ? 0.0 : -0.0, text: number % 3 == 0 ? "\u{e9}" : "e\u{301}",
        parts: [number % 5 == 0 ? -0.0 : 0.0, nil])
    }
    #expect(try await keys.frequencies().compute().map(\.value) == [100])
  }

  @Test func keysOfEveryKindAreToldApart() async throws {
    enum Kind: Hashable, Codable, Sendable {
      case none
      case one(Int)
      case two(a: UInt8, b: [UInt16])
    }
    struct Key: Hashable, Codable, Sendable {
      var kind: Kind
      var id: UUID
      var date: Date
      var data: Data
    }
    let count = 300
    let ids = (0..<count).map {
      UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8($0 >> 8), UInt8($0 & 255)))
    }
    let keys = Bag.range(count * 3, partitions: 5).map { number in
      let id = number % count
      let kind: Kind = id % 3 == 0 ? .none : id % 3 == 1 ? .one(id) : .two(a: UInt8(id % 256), b: [1, UInt16(id)])
      return Key(
        kind: kind, id: ids[id], date: Date(timeIntervalSince1970: Double(id)), data: Data([1, 2, UInt8(id % 256)]))
    }
    let frequencies = try await keys.frequencies(into: 4).compute()
    #expect(frequencies.count == count)
    #expect(frequencies.allSatisfy { $0.value == 3 })
    #expect(try await keys.map(\.kind).distinct().count().compute() == 201)
    // Spread over the partitions, not all in one.
    let sizes = try await keys.partitioned(by: { $0 }, into: 4).bag.computePartitions().map(\.count)
    #expect(sizes.allSatisfy { $0 > 100 })
  }
}
