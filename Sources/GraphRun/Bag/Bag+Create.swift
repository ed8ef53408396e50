import Graph

extension Bag {
  /// A bag of elements that are at hand, cut into partitions of equal size, the last one smaller.
  ///
  /// - Parameters:
  ///   - elements: in order; they stay in memory as long as the bag does.
  ///   - partitions: about how many partitions; chosen by the number of elements if neither is given.
  ///   - partitionSize: elements a partition.
  /// - Note: the arithmetic is that of Dask's `from_sequence`: `partitions` gives a size, rounded up to 100 elements and
  ///   down above, and the size gives how many there are.
  /// - Complexity: O(elements).
  public init(_ elements: some Sequence<Element>, partitions: Int? = nil, partitionSize: Int? = nil) {
    let all = Array(elements)
    let size: Int
    if let partitionSize {
      size = Swift.min(Swift.max(partitionSize, 1), Swift.max(all.count, 1))
    } else if let partitions {
      let wanted = Swift.min(Swift.max(partitions, 1), Swift.max(all.count, 1))
      size = Swift.max(all.count <= 100 ? (all.count + wanted - 1) / wanted : all.count / wanted, 1)
    } else {
      size = all.count <= 100 ? 1 : Int((Double(all.count).squareRoot() / 10).rounded(.up))
    }
    let count = Swift.max((all.count + size - 1) / size, 1)
    self.init(count: count) { all[Swift.min($0 * size, all.count)..<Swift.min(($0 + 1) * size, all.count)] }
  }

  /// A bag of exactly these partitions; of none, a bag with one empty partition.
  public init(partitions: [[Element]]) {
    let all = partitions.isEmpty ? [[]] : partitions
    self.init(count: all.count) { all[$0][...] }
  }

  private init(count: Int, slice: @escaping @Sendable (Int) -> ArraySlice<Element>) {
    self.init(
      label: "sequence", partitions: .numbered(count), identity: .parameters("elements"), cost: .view,
      partitionIdentity: { index in
        var builder = BufferBuilder()
        do {
          try ElementCodec.encode(ContiguousArray(slice(index)), to: &builder)
          return [.text(name: "elements", value: String(StableHash.of(builder.bytes), radix: 16))]
        } catch {
          // What cannot be written cannot be recognised either.
          return [.text(name: "elements", value: Program.nonce)]
        }
      },
      memory: { index, _, _ in
        MemoryEstimate(output: ElementCodec.byteCount(ContiguousArray(slice(index))), scratch: 64 << 10)
      }
    ) { index, _ in
      var rest = slice(index)
      return {
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(blockLength) }
        return ContiguousArray(rest.prefix(blockLength))
      }
    }
  }

  /// A bag with one partition for each delayed array.
  ///
  /// - Precondition: there is at least one.
  public init(_ delayed: [Delayed<[Element]>]) {
    precondition(!delayed.isEmpty, "a bag has at least one partition")
    self.init(delayed, areParts: false)
  }

  /// A bag of one partition, by a step of which `value` is part.
  @usableFromInline
  init(partOf value: Delayed<[Element]>) { self.init([value], areParts: true) }

  private init(_ delayed: [Delayed<[Element]>], areParts: Bool) {
    let nodes = delayed.map(\.node)
    self.init(
      label: "fromDelayed", partitions: .numbered(delayed.count),
      inputs: nodes.map { Node.Input(node: $0, isPart: areParts) },
      identity: .parameters(""), cost: .view,
      dependencies: { index, _ in [Node.Reference(node: nodes[index], partition: 0)] }
    ) { index, scope in
      let values = try scope.value(of: delayed[index])
      return blocks(of: values)
    }
  }

  /// All partitions of one bag, then those of the next.
  ///
  /// - Precondition: there is at least one bag.
  /// - Complexity: O(partitions); nothing is copied.
  public static func concat(_ bags: [Bag]) -> Bag {
    precondition(!bags.isEmpty, "a bag has at least one partition")
    var places: [(bag: Int, partition: Int)] = []
    for (number, bag) in bags.enumerated() {
      for partition in 0..<bag.partitionCount { places.append((number, partition)) }
    }
    let all = places
    return Bag(
      label: "concat", partitions: .numbered(all.count), inputs: bags.map { Node.Input(node: $0.node) },
      identity: .parameters("\(bags.map(\.partitionCount))"), cost: .view,
      dependencies: { index, _ in
        [Node.Reference(node: bags[all[index].bag].node, partition: all[index].partition)]
      }
    ) { index, scope in
      try scope.blocks(of: bags[all[index].bag], all[index].partition)
    }
  }
}

extension Bag where Element == Int {
  /// The numbers from 0 up to `count`, in so many partitions.
  ///
  /// - Note: Dask's arithmetic: partitions of `count / partitions` numbers, rounded down; the last also has the rest. There
  ///   are never more partitions than numbers.
  public static func range(_ count: Int, partitions: Int) -> Bag<Int> {
    let pieces = Swift.max(Swift.min(partitions, count), 1)
    let size = count / pieces
    return Bag(
      label: "range", partitions: .numbered(pieces), identity: .parameters("\(count) \(pieces)"), cost: .view,
      memory: { _, _, _ in MemoryEstimate(output: size * MemoryLayout<Int>.stride, scratch: 64 << 10) }
    ) { index, _ in
      var position = index * size
      let end = index == pieces - 1 ? count : position + size
      return {
        guard position < end else { return nil }
        let start = position
        position = Swift.min(position + blockLength, end)
        return ContiguousArray(unsafeUninitializedCapacity: position - start) { buffer, filled in
          for offset in 0..<(position - start) { (buffer.baseAddress! + offset).initialize(to: start &+ offset) }
          filled = position - start
        }
      }
    }
  }
}

/// An array's elements, a block at a time.
func blocks<Element>(of values: [Element]) -> BlockReader<Element> {
  var rest = values[...]
  return {
    guard !rest.isEmpty else { return nil }
    defer { rest = rest.dropFirst(blockLength) }
    return ContiguousArray(rest.prefix(blockLength))
  }
}
