import Graph

// Bags with bags: every pair, pairs with equal keys; and the same elements in other partitions.

extension Bag {
  /// Every element with every element of another bag.
  ///
  /// - Returns: a partition for each pair of partitions: partition `i` of this bag with `j` of the other is
  ///   `i * other.partitionCount + j`; in it, the elements of this bag are the outer loop.
  /// - Complexity: O(this count · other count); memory: a partition of the other bag.
  public func product<Other>(_ other: Bag<Other>) -> Bag<Pair<Element, Other>> {
    let (first, second) = (node, other.node)
    let columns = other.partitionCount
    return Bag<Pair<Element, Other>>(
      label: "product", partitions: .numbered(partitionCount * columns),
      inputs: [Node.Input(node: first, isShared: columns > 1), Node.Input(node: second, isShared: partitionCount > 1)],
      identity: .parameters("\(columns)"),
      dependencies: { index, _ in
        [
          Node.Reference(node: first, partition: index / columns),
          Node.Reference(node: second, partition: index % columns),
        ]
      }
    ) { index, scope in
      let outer = try scope.blocks(of: self, index / columns)
      let inner = Array(try Bag<Other>.collect(scope.blocks(of: other, index % columns), scope).joined())
      return try Flattening.reader(outer) { element in inner.lazy.map { Pair(element, $0) } }
    }
  }

  /// Pairs of the elements of a small collection and of this bag that have equal keys.
  ///
  /// - Parameters:
  ///   - other: it is put into a table in the memory of each task.
  ///   - key: of an element of this bag.
  ///   - otherKey: of an element of the other.
  /// - Returns: for each element of this bag in turn, a pair for each matching element of the other, in its order: the
  ///   other's first, as in Dask.
  /// - Complexity: O(this count + pairs); memory: a block, and the table.
  @inlinable
  public func join<Other: Codable & Sendable, Key: Hashable & Codable & Sendable>(
    _ other: Delayed<[Other]>, on key: @escaping @Sendable (Element) throws -> Key,
    otherKey: @escaping @Sendable (Other) throws -> Key
  ) -> Bag<Pair<Other, Element>> {
    let hash = KeyHash<Key>()
    return broadcast("join", other) { next, others in
      var table = FoldTable<Key, ContiguousArray<Other>>(hash)
      for other in others {
        try table.fold(otherKey(other), first: { [other] }, next: { $0.append(other) })
      }
      return Joining.reader(next, SharedTable(table), key)
    }
  }

  /// Pairs of the elements of a small collection and of this bag that have equal keys, as with a delayed array.
  ///
  /// - Parameters:
  ///   - other: it is put into a table in the memory of each task.
  ///   - key: of an element of this bag.
  ///   - otherKey: of an element of the other.
  /// - Complexity: O(this count + pairs); memory: a block, and the table.
  @inlinable
  public func join<Other: Codable & Sendable, Key: Hashable & Codable & Sendable>(
    _ other: [Other], on key: @escaping @Sendable (Element) throws -> Key,
    otherKey: @escaping @Sendable (Other) throws -> Key
  ) -> Bag<Pair<Other, Element>> {
    join(Delayed(value: other), on: key, otherKey: otherKey)
  }

  /// Pairs of the elements of two bags of any size that have equal keys.
  ///
  /// Both are cut by key; each shard of the other bag is put into a table, or, where that does not fit, parts of it one
  /// after the other.
  ///
  /// - Parameters:
  ///   - other: the bag whose shards are put into tables: the smaller one, if one is.
  ///   - key: of an element of this bag.
  ///   - otherKey: of an element of the other.
  ///   - partitions: of the result.
  /// - Returns: for each element of this bag, a pair for each matching element of the other, in its order; the elements of
  ///   this bag in no order that means anything, but always the same.
  /// - Throws: when computed, `TaskError` with code `.tooLarge` if the other's elements of one key do not fit into memory.
  @inlinable
  public func join<Other: Codable & Sendable, Key: Hashable & Codable & Sendable>(
    _ other: Bag<Other>, on key: @escaping @Sendable (Element) throws -> Key,
    otherKey: @escaping @Sendable (Other) throws -> Key, into partitions: Int
  ) -> Bag<Pair<Other, Element>> {
    let mine = partitioned(by: key, into: partitions)
    return mine.joined(with: other.partitioned(by: otherKey, into: partitions))
  }

  // MARK: - Partitions

  /// The same elements, in order, in another number of partitions.
  ///
  /// - Parameter count: how many partitions; fewer than 1 are 1.
  /// - Complexity: O(elements). Memory: into fewer, a block; into more, a partition in each task that makes a piece of it.
  /// - Note: Dask's arithmetic. Fewer: neighbours are joined. More: every partition is cut into equally many pieces, the
  ///   last into what remains to be made.
  public func repartition(into count: Int) -> Bag {
    let count = Swift.max(count, 1)
    let old = partitionCount
    if count == old { return self }
    if count < old {
      let ratio = Double(old) / Double(count)
      let borders = (0...count).map { $0 == count ? old : Int(Double($0) * ratio) }
      return joinedPartitions(Swift.zip(borders, borders.dropFirst()).map { $0..<$1 }, "\(count)")
    }
    var pieces: [(partition: Int, piece: Int, of: Int)] = []
    for partition in 0..<old {
      let most = count / old + (partition == old - 1 ? count % old : 0)
      for piece in 0..<most { pieces.append((partition, piece, most)) }
    }
    return cut(pieces, "\(count)")
  }

  /// The same elements, in order, in partitions of about so many bytes in memory.
  ///
  /// As in Dask, the bag is computed once for its partitions' sizes, now; persist it first where that is dear.
  ///
  /// - Note: Dask's arithmetic: a partition is cut into `1 + bytes / partitionBytes` pieces, then neighbours are joined as
  ///   long as they are no larger together.
  /// - Throws: as `compute(_:options:)`.
  public func repartition(
    partitionBytes: ByteCount, options: ComputeOptions = ComputeOptions()
  ) async throws -> Bag {
    let most = Swift.max(partitionBytes.bytes, 1)
    let sizes: Bag<Int> = step("sizes", .parameters("")) { next, _ in
      var bytes = 0
      while let block = try next() { bytes += ElementCodec.byteCount(block) }
      return ReadScope.reader(of: [[bytes]])
    }
    var pieces: [(partition: Int, piece: Int, of: Int)] = []
    var ranges: [Range<Int>] = []
    var gathered = 0
    for (partition, bytes) in try await sizes.compute(options).enumerated() {
      let count = 1 + bytes / most
      for piece in 0..<count {
        pieces.append((partition, piece, count))
        if let last = ranges.last, gathered + bytes / count <= most {
          ranges[ranges.count - 1] = last.lowerBound..<pieces.count
          gathered += bytes / count
        } else {
          ranges.append(pieces.count - 1..<pieces.count)
          gathered = bytes / count
        }
      }
    }
    let isCut = pieces.count > partitionCount
    return (isCut ? cut(pieces, "\(pieces.map(\.of))") : self).joinedPartitions(ranges, "\(ranges)")
  }

  private func joinedPartitions(_ ranges: [Range<Int>], _ parameters: String) -> Bag {
    let input = node
    return Bag(
      label: "repartition", partitions: .numbered(ranges.count), inputs: [Node.Input(node: input)],
      identity: .parameters(parameters), cost: .view,
      dependencies: { index, _ in ranges[index].map { Node.Reference(node: input, partition: $0) } }
    ) { index, scope in
      try self.joined(ranges[index], scope)
    }
  }

  private func cut(_ pieces: [(partition: Int, piece: Int, of: Int)], _ parameters: String) -> Bag {
    let input = node
    return Bag(
      label: "repartition", partitions: .numbered(pieces.count), inputs: [Node.Input(node: input, isShared: true)],
      identity: .parameters(parameters),
      dependencies: { index, _ in [Node.Reference(node: input, partition: pieces[index].partition)] },
      partitionIdentity: { [.number(pieces[$0].piece), .number(pieces[$0].of)] }
    ) { index, scope in
      let (partition, piece, most) = pieces[index]
      let blocks = try Bag.collect(scope.blocks(of: self, partition), scope)
      let count = blocks.reduce(0) { $0 + $1.count }
      let part = Double(count) / Double(most)
      let start = Int(part * Double(piece))
      let end = piece == most - 1 ? count : Int(part * Double(piece + 1))
      var position = 0
      var slices: [ContiguousArray<Element>] = []
      for block in blocks {
        let range =
          Swift.max(start - position, 0)..<Swift.max(Swift.min(end - position, block.count), 0, start - position)
        if !range.isEmpty { slices.append(ContiguousArray(block[range])) }
        position += block.count
      }
      return ReadScope.reader(of: slices)
    }
  }
}

extension PartitionedBag {
  /// Pairs of elements of two bags, cut alike, that have equal keys.
  @inlinable
  func joined<Other>(with other: PartitionedBag<Key, Other>) -> Bag<Pair<Other, Element>> {
    let (mine, theirs) = (shards, other.shards)
    let (key, otherKey, hash) = (key, other.key, hash)
    return joined(with: other) { shard, scope in
      let allowance = scope.allowance
      let reading = ShardReading(theirs, scope)
      let width = HashBuckets.width(forBytes: reading.byteCount(ofShard: shard) * 3, allowance: allowance)
      var bucket = 0
      var read: BlockReader<Pair<Other, Element>>?
      return {
        while true {
          if let block = try read?() { return block }
          guard bucket < HashBuckets.count else { return nil }
          let buckets = bucket..<Swift.min(bucket + width, HashBuckets.count)
          bucket = buckets.upperBound
          var table = FoldTable<Key, ContiguousArray<Other>>(hash)
          var held = 0
          let others = reading.blocks(ofShard: shard)
          while let block = try others() {
            var taken = ContiguousArray<Other>()
            for element in block {
              let elementKey = try otherKey(element)
              let hashOfKey = hash(elementKey)
              guard buckets.contains(HashBuckets.bucket(of: hashOfKey)) else { continue }
              table.fold(elementKey, hashed: hashOfKey, first: { [element] }, next: { $0.append(element) })
              taken.append(element)
            }
            held += ElementCodec.byteCount(taken)
            if held > 2 * allowance {
              let all = table.takeEntries()
              throw Joining.tooLarge(all.keys, all.values.map(\.count), allowance)
            }
          }
          guard table.count > 0 else { continue }
          read = Joining.reader(try mine.blocks(ofShard: shard, scope), SharedTable(table), key)
        }
      }
    }
  }

  @usableFromInline
  func joined<Other>(
    with other: PartitionedBag<Key, Other>,
    _ open: @escaping @Sendable (Int, ReadScope) throws -> BlockReader<Pair<Other, Element>>
  ) -> Bag<Pair<Other, Element>> {
    let (mine, theirs) = (shards, other.shards)
    return Bag<Pair<Other, Element>>(
      label: "join", partitions: .numbered(mine.shardCount),
      inputs: [Node.Input(node: mine.node, isPart: true), Node.Input(node: theirs.node, isPart: true)],
      identity: .closure(""),
      dependencies: { _, _ in mine.dependencies() + theirs.dependencies() }, partitionIdentity: { [.number($0)] },
      memory: Node.memoryOfTable, open: open)
  }
}

@usableFromInline
enum Joining {
  /// For each element in turn, a pair for each match in the table. Goes on where it stopped when a block is full.
  @inlinable @inline(__always)
  static func reader<Element, Other, Key>(
    _ next: @escaping BlockReader<Element>, _ shared: SharedTable<Key, ContiguousArray<Other>>,
    _ key: @escaping (Element) throws -> Key
  ) -> BlockReader<Pair<Other, Element>> {
    var elements = ContiguousArray<Element>()
    var position = 0
    var match = 0
    return {
      while position == elements.count {
        guard let more = try next() else { return nil }
        elements = more
        position = 0
      }
      // Local, so that the loop is free of what captured variables cost.
      let block = elements
      var (element, other) = (position, match)
      let pairs = try ContiguousArray<Pair<Other, Element>>(unsafeUninitializedCapacity: blockLength) { pairs, made in
        try block.withUnsafeBufferPointer { block in
          while element < block.count, made < blockLength {
            if let entry = shared.table.index(of: try key(block[element])) {
              // Through the pointer: to take the array out would count a reference up and down for each element.
              let others = shared.table.values + entry
              let count = others.pointee.count
              while other < count, made < blockLength {
                (pairs.baseAddress! + made).initialize(to: Pair(others.pointee[other], block[element]))
                made &+= 1
                other &+= 1
              }
              if other < count { break }
            }
            other = 0
            element &+= 1
          }
        }
      }
      (position, match) = (element, other)
      return pairs
    }
  }

  @usableFromInline
  static func tooLarge<Key>(_ keys: ContiguousArray<Key>, _ counts: [Int], _ allowance: Int) -> TaskError {
    let largest = counts.indices.max { counts[$0] < counts[$1] } ?? 0
    return TaskError(
      .tooLarge,
      "the \(counts[largest]) elements of \(keys[largest]) that were read so far, on the side that is put into a table, "
        + "are more than the \(ByteCount(2 * allowance)) that may be held at once; join the other way round, or allow "
        + "more memory")
  }
}
