import Graph

// Bags side by side: the elements at the same places, partition by partition.

extension Bag {
  /// What `transform` makes of the elements at the same places of two bags.
  ///
  /// - Throws: when computed, `TaskError` with code `.badInput` if two partitions differ in length.
  /// - Precondition: both bags have as many partitions.
  public func map<Other, Output>(
    with other: Bag<Other>, _ transform: @escaping @Sendable (Element, Other) throws -> Output
  ) -> Bag<Output> {
    zipped(with: other, label: "map", identity: .closure(""), cuts: false, transform)
  }

  /// What `transform` makes of the elements at the same places of this bag and of several others.
  ///
  ///     let areas = widths.map(with: heights, counts) { width, height, count in width * height * count }
  ///
  /// - Throws: when computed, `TaskError` with code `.badInput` if partitions differ in length.
  /// - Precondition: all bags have as many partitions.
  public func map<Second, Third, each Other: Codable & Sendable, Output>(
    with second: Bag<Second>, _ third: Bag<Third>, _ others: repeat Bag<each Other>,
    transform: @escaping @Sendable (Element, Second, Third, repeat each Other) throws -> Output
  ) -> Bag<Output> {
    zipped(with: second, third, repeat each others, label: "map", identity: .closure(""), cuts: false, transform)
  }

  /// Pairs of the elements at the same places of two bags.
  ///
  /// Of two partitions that differ in length, the longer is cut off, as by Swift's and Dask's `zip`.
  ///
  /// - Precondition: both bags have as many partitions.
  public static func zip<Other>(_ first: Bag, _ second: Bag<Other>) -> Bag<Pair<Element, Other>> {
    first.zipped(with: second, label: "zip", identity: .parameters(""), cuts: true) { Pair($0, $1) }
  }

  /// What `transform` makes of the elements at the same places of several bags, as long as all have one.
  ///
  ///     let people = Bag.zip(names, ages, towns) { Person(name: $0, age: $1, town: $2) }
  ///
  /// As in Dask, each partition ends with the shortest of those that are matched. The closure stands for the tuple, which
  /// could not be stored.
  ///
  /// - Precondition: all bags have as many partitions.
  public static func zip<Second, Third, each Other: Codable & Sendable, Output>(
    _ first: Bag, _ second: Bag<Second>, _ third: Bag<Third>, _ others: repeat Bag<each Other>,
    transform: @escaping @Sendable (Element, Second, Third, repeat each Other) throws -> Output
  ) -> Bag<Output> {
    first.zipped(with: second, third, repeat each others, label: "zip", identity: .closure(""), cuts: true, transform)
  }

  /// - Parameter cuts: whether longer partitions are cut off at the shortest; else they are refused.
  private func zipped<each Other: Codable & Sendable, Output>(
    with others: repeat Bag<each Other>, label: String, identity: Node.Identity, cuts: Bool,
    _ transform: @escaping @Sendable (Element, repeat each Other) throws -> Output
  ) -> Bag<Output> {
    var nodes = [node]
    for other in repeat each others {
      precondition(
        partitionCount == other.partitionCount,
        "bags are matched partition by partition: one has \(partitionCount), the other \(other.partitionCount)")
      nodes.append(other.node)
    }
    let (read, all) = (nodes, (repeat each others))
    return Bag<Output>(
      label: label, partitions: partitions, inputs: read.map { Node.Input(node: $0) }, identity: identity,
      dependencies: { index, _ in read.map { Node.Reference(node: $0, partition: index) } }
    ) { index, scope in
      let first = PartitionElements(try scope.blocks(of: self, index))
      let rest = (repeat PartitionElements(try scope.blocks(of: each all, index)))
      return {
        var block = ContiguousArray<Output>()
        block.reserveCapacity(blockLength)
        while block.count < blockLength {
          let one = first.next()
          let more = (repeat (each rest).next())
          try first.check()
          var missing = one == nil ? 1 : 0
          for reader in repeat each rest { try reader.check() }
          for element in repeat each more { if element == nil { missing += 1 } }
          guard missing == 0, let one else {
            guard cuts || missing == read.count else {
              throw TaskError(
                .badInput,
                "partition \(index) has more elements in one bag than in another; they are matched one by one")
            }
            return block.isEmpty ? nil : block
          }
          block.append(try transform(one, repeat (each more)!))
        }
        return block
      }
    }
  }
}
