import Graph
import Tasks

// Steps that bring together what has one key. Each partition first does by itself what it can; what is left is cut by
// key and brought together out of core. So none of them needs memory for all keys, let alone all elements.

extension Bag {
  /// Folds the elements of each key, then combines what the partitions have.
  ///
  /// - Parameters:
  ///   - key: what elements are brought together by.
  ///   - partitions: of the result; 1 as in Dask if not given.
  ///   - operation: folds an element into a key's value. The first element of a key is its first value.
  ///   - combine: two values of a key, of different parts of the bag; `operation` if not given.
  /// - Returns: each key once, in no order that means anything, but always the same.
  /// - Complexity: O(elements); memory: a part of the keys.
  @inlinable
  public func foldby<Key: Hashable & Codable & Sendable>(
    _ key: @escaping @Sendable (Element) throws -> Key, into partitions: Int = 1,
    _ operation: @escaping @Sendable (Element, Element) throws -> Element,
    combine: (@Sendable (Element, Element) throws -> Element)? = nil
  ) -> Bag<KeyValue<Key, Element>> {
    let combine = combine ?? operation
    return folded("foldby", .closure(""), into: partitions, key: key) {
      $0
    } next: {
      $0 = try operation($0, $1)
    } combine: {
      $0 = try combine($0, $1)
    }
  }

  /// Folds the elements of each key from `initial` on, then combines what the partitions have.
  ///
  /// - Parameters:
  ///   - key: what elements are brought together by.
  ///   - initial: counts once for each key in each part of the bag; so it should change nothing.
  ///   - partitions: of the result; 1 as in Dask if not given.
  ///   - operation: a key's value and one more element.
  ///   - combine: two values of a key, of different parts of the bag; associative.
  @inlinable
  public func foldby<Key: Hashable & Codable & Sendable, Value: Codable & Sendable>(
    _ key: @escaping @Sendable (Element) throws -> Key, initial: Value, into partitions: Int = 1,
    _ operation: @escaping @Sendable (Value, Element) throws -> Value,
    combine: @escaping @Sendable (Value, Value) throws -> Value
  ) -> Bag<KeyValue<Key, Value>> {
    folded("foldby", .closure(Parameters.text(initial)), into: partitions, key: key) {
      try operation(initial, $0)
    } next: {
      $0 = try operation($0, $1)
    } combine: {
      $0 = try combine($0, $1)
    }
  }

  /// Folds as Dask does with `combine_initial`: on every level of a tree, each key's values are combined from
  /// `combineInitial` on.
  ///
  /// - Parameters:
  ///   - key: what elements are brought together by.
  ///   - initial: counts once for each key in each partition.
  ///   - combineInitial: counts once for each key on each level.
  ///   - splitEvery: how many partial results one combining task takes; 8 if not given.
  ///   - operation: a key's value and one more element.
  ///   - combine: two values of a key.
  /// - Returns: one partition: each key once, in no order that means anything, but always the same.
  /// - Complexity: O(elements); memory: all keys, `splitEvery` times.
  @inlinable
  public func foldby<Key: Hashable & Codable & Sendable, Value: Codable & Sendable>(
    _ key: @escaping @Sendable (Element) throws -> Key, initial: Value, combineInitial: Value, splitEvery: Int? = nil,
    _ operation: @escaping @Sendable (Value, Element) throws -> Value,
    combine: @escaping @Sendable (Value, Value) throws -> Value
  ) -> Bag<KeyValue<Key, Value>> {
    let hash = KeyHash<Key>()
    let identity = "\(splitEvery ?? 8) \(Parameters.text(initial)) \(Parameters.text(combineInitial))"
    return Bag<KeyValue<Key, Value>>(
      partOf: reduced("foldby", .closure(identity), splitEvery: splitEvery) { next in
        var table = FoldTable<Key, Value>(hash)
        while let block = try next() {
          for element in block {
            try table.fold(key(element)) {
              try operation(initial, element)
            } next: {
              $0 = try operation($0, element)
            }
          }
        }
        return table.takeKeyValues()
      } combine: { partials in
        var table = FoldTable<Key, Value>(hash)
        for entry in partials.joined() {
          try table.fold(entry.key) {
            try combine(combineInitial, entry.value)
          } next: {
            $0 = try combine($0, entry.value)
          }
        }
        return table.takeKeyValues()
      } finish: {
        $0
      })
  }

  /// All elements of each key, in the bag's order.
  ///
  /// - Parameters:
  ///   - key: what elements are brought together by.
  ///   - partitions: of the result; as many as the bag has, at most 256, if not given.
  /// - Returns: each key once, in no order that means anything, but always the same.
  /// - Throws: when computed, `TaskError` with code `.tooLarge` if the elements of one key do not fit into memory: it names
  ///   the key.
  /// - Complexity: O(elements), each written to disk and read from it once, or as often as a shard is too large for memory;
  ///   memory: an eighth of the bound a task.
  @inlinable
  public func groupby<Key: Hashable & Codable & Sendable>(
    _ key: @escaping @Sendable (Element) throws -> Key, into partitions: Int? = nil
  ) -> Bag<KeyValue<Key, [Element]>> {
    let count = Swift.max(partitions ?? Swift.min(partitionCount, 256), 1)
    return partitioned(by: key, into: count, each: FineShards.perPartition(count)).grouped()
  }

  /// Brings all elements of a key into one partition, in the bag's order.
  ///
  /// - Parameters:
  ///   - key: the id: a customer, a file, a host.
  ///   - partitions: how many there are to be.
  /// - Complexity: O(elements); each is written to disk once and read once. Memory: some megabytes a task, however the
  ///   keys are distributed.
  @inlinable
  public func partitioned<Key: Hashable & Codable & Sendable>(
    by key: @escaping @Sendable (Element) throws -> Key, into partitions: Int
  ) -> PartitionedBag<Key, Element> {
    // One shard a partition, so that a partition's elements can be read in the order they had.
    partitioned(by: key, into: Swift.max(partitions, 1), each: 1)
  }

  @inlinable
  func partitioned<Key: Hashable & Codable & Sendable>(
    by key: @escaping @Sendable (Element) throws -> Key, into partitions: Int, each: Int
  ) -> PartitionedBag<Key, Element> {
    let hash = KeyHash<Key>()
    let shards = ShardedBag<Element>(
      self, label: "partitioned", identity: .closure("\(partitions) \(each)"), shardCount: partitions * each
    ) { next, sharder in
      while let block = try next() {
        for element in block { sharder.append(element, hashed: hash(try key(element))) }
        try sharder.settle(block)
      }
    }
    return PartitionedBag(shards: shards, each: each, key: key, hash: hash)
  }

  /// Each element and how often it occurs.
  ///
  /// - Parameter partitions: of the result; 1 as in Dask if not given.
  /// - Returns: in no order that means anything, but always the same.
  /// - Complexity: O(elements); memory: a part of the different elements.
  @inlinable
  public func frequencies(into partitions: Int = 1) -> Bag<KeyValue<Element, Int>> where Element: Hashable {
    folded("frequencies", .parameters(""), into: partitions, key: { $0 }) { _ in
      1
    } next: { count, _ in
      count &+= 1
    } combine: {
      $0 += $1
    }
  }

  /// Each element and how often it occurs, the most frequent first; of equally frequent ones, those that occur first.
  ///
  /// - Returns: one partition.
  /// - Complexity: O(elements + n · log n) for n different elements; memory: all of these at once.
  @inlinable
  public func sortedFrequencies() -> Bag<KeyValue<Element, Int>> where Element: Hashable {
    let counts: Bag<KeyValue<Element, Pair<Int, UInt64>>> = numbered().folded(
      "frequencies", .parameters("sorted"), into: 1, key: { $0.first }, first: { Pair(1, $0.second) },
      next: { count, _ in count.first &+= 1 },
      combine: { $0 = Pair($0.first + $1.first, Swift.min($0.second, $1.second)) })
    return counts.sortedByCount()
  }

  /// Each element with its place: its partition's number in the upper 24 bits, its own in the lower 40.
  @inlinable
  func numbered() -> Bag<Pair<Element, UInt64>> {
    step("numbered", .parameters(""), isNumbered: true) { next, partition in
      var place = UInt64(partition) << 40
      return {
        try next().map { block in
          ContiguousArray(mapping: block) { element in
            defer { place += 1 }
            return Pair(element, place)
          }
        }
      }
    }
  }

  /// The first of the elements with each key.
  ///
  /// - Parameters:
  ///   - key: what must differ.
  ///   - partitions: of the result; 1 as in Dask if not given.
  /// - Returns: in no order that means anything, but always the same.
  /// - Complexity: O(elements); memory: a part of the keys.
  @inlinable
  public func distinct<Key: Hashable & Codable & Sendable>(
    by key: @escaping @Sendable (Element) throws -> Key, into partitions: Int = 1
  ) -> Bag<Element> {
    distinct(.closure(""), by: key, into: partitions)
  }

  /// The different elements.
  ///
  /// - Parameter partitions: of the result; 1 as in Dask if not given.
  /// - Returns: in no order that means anything, but always the same.
  /// - Complexity: O(elements); memory: a part of the different elements.
  @inlinable
  public func distinct(into partitions: Int = 1) -> Bag<Element> where Element: Hashable {
    distinct(.parameters(""), by: { $0 }, into: partitions)
  }

  @inlinable
  func distinct<Key: Hashable & Codable & Sendable>(
    _ identity: StepIdentity, by key: @escaping @Sendable (Element) throws -> Key, into partitions: Int
  ) -> Bag<Element> {
    let hash = KeyHash<Key>()
    return merged("distinct", identity, into: partitions) {
      (next: BlockReader<Element>, sharder: inout Sharder<Element>) in
      var table = FoldTable<Key, Void>(hash)
      var seen = 0
      while let block = try next() {
        var kept = ContiguousArray<Element>()
        for element in block {
          let key = try key(element)
          let hashOfKey = hash(key)
          table.fold(key, hashed: hashOfKey) {
            kept.append(element)
            sharder.append(element, hashed: hashOfKey)
          } next: { _ in
          }
        }
        try sharder.settle(kept)
        // Forgetting what was seen costs a few elements more on disk, and nothing else.
        if table.isLarger(than: sharder.mostGathered) { table.removeAll() }
        seen += block.count
        if table.isUseless(after: seen) { break }
      }
      while let block = try next() {
        for element in block { sharder.append(element, hashed: hash(try key(element))) }
        try sharder.settle(block)
      }
    } merge: { (shards: ShardedBag<Element>, range: Range<Int>, scope: ReadScope) in
      try shards.folded(shards: range, scope, hash: hash, key: key, first: { $0 }, next: { _, _ in }, finish: { $1 })
    }
  }

  @inlinable
  func folded<Key: Hashable & Codable & Sendable, Value: Codable & Sendable>(
    _ label: String, _ identity: StepIdentity, into partitions: Int,
    key: @escaping @Sendable (Element) throws -> Key, first: @escaping @Sendable (Element) throws -> Value,
    next fold: @escaping @Sendable (inout Value, Element) throws -> Void,
    combine: @escaping @Sendable (inout Value, Value) throws -> Void
  ) -> Bag<KeyValue<Key, Value>> {
    let hash = KeyHash<Key>()
    return merged(label, identity, into: partitions) {
      (next: BlockReader<Element>, sharder: inout Sharder<KeyValue<Key, Value>>) in
      var table = FoldTable<Key, Value>(hash)
      var seen = 0
      while let block = try next() {
        for element in block {
          try table.fold(key(element), first: { try first(element) }, next: { try fold(&$0, element) })
        }
        seen += block.count
        let isUseless = table.isUseless(after: seen)
        if isUseless || table.isLarger(than: sharder.mostGathered) { try table.drain(into: &sharder) }
        if isUseless { break }
      }
      try table.drain(into: &sharder)
      while let block = try next() {
        var entries = ContiguousArray<KeyValue<Key, Value>>()
        for element in block {
          let key = try key(element)
          let entry = KeyValue(key: key, value: try first(element))
          entries.append(entry)
          sharder.append(entry, hashed: hash(key))
        }
        try sharder.settle(entries)
      }
    } merge: { (shards: ShardedBag<KeyValue<Key, Value>>, range: Range<Int>, scope: ReadScope) in
      try shards.folded(
        shards: range, scope, hash: hash, key: { $0.key }, first: { $0.value }, next: { try combine(&$0, $1.value) },
        finish: { KeyValue(key: $0, value: $1) })
    }
  }

  /// Cuts by key, and brings each shard's items together in a task of its own.
  @usableFromInline
  func merged<Item: Codable & Sendable, Output: Codable & Sendable>(
    _ label: String, _ identity: StepIdentity, into partitions: Int,
    fill: @escaping @Sendable (BlockReader<Element>, inout Sharder<Item>) throws -> Void,
    merge: @escaping @Sendable (ShardedBag<Item>, Range<Int>, ReadScope) throws -> BlockReader<Output>
  ) -> Bag<Output> {
    let tasks = partitions > 1 ? partitions : Swift.min(Swift.max(partitionCount, 1), 64)
    let each = FineShards.perPartition(tasks)
    let shards = ShardedBag<Item>(
      self, label: label + "-split", identity: identity, shardCount: tasks * each, fill: fill)
    let merged = Bag<Output>(
      label: label, partitions: .numbered(tasks), inputs: [Node.Input(node: shards.node, isPart: true)],
      identity: identity.value,
      cost: .stage, dependencies: { _, _ in shards.dependencies() },
      partitionIdentity: { [.number($0), .number(tasks)] },
      memory: Node.memoryOfTable
    ) { task, scope in
      try merge(shards, task * each..<(task + 1) * each, scope)
    }
    return partitions > 1 ? merged : merged.coalesced()
  }

  /// All partitions as one, without a copy.
  @usableFromInline
  func coalesced() -> Bag {
    let input = node
    let count = partitionCount
    return Bag(
      label: "coalesced", partitions: .numbered(1), inputs: [Node.Input(node: input, isPart: true)],
      identity: .parameters(""),
      cost: .view,
      dependencies: { _, _ in (0..<count).map { Node.Reference(node: input, partition: $0) } }
    ) { _, scope in
      try self.joined(0..<count, scope)
    }
  }

  /// The elements of neighbouring partitions.
  func joined(_ partitions: Range<Int>, _ scope: ReadScope) throws -> BlockReader<Element> {
    var partition = partitions.lowerBound
    var read: BlockReader<Element>?
    return {
      while true {
        if let block = try read?() { return block }
        guard partition < partitions.upperBound else { return nil }
        read = try scope.blocks(of: self, partition)
        partition += 1
      }
    }
  }
}

extension Bag {
  /// Counts with the place of the first occurrence, the most frequent first.
  @usableFromInline
  func sortedByCount<Key: Codable & Sendable>() -> Bag<KeyValue<Key, Int>>
  where Element == KeyValue<Key, Pair<Int, UInt64>> {
    step("sorted", .parameters("")) { next, _ in
      var all = ContiguousArray<Element>()
      while let block = try next() { all += block }
      all.sort { ($1.value.first, $0.value.second) < ($0.value.first, $1.value.second) }
      let sorted = ContiguousArray(mapping: all) { KeyValue(key: $0.key, value: $0.value.first) }
      return ReadScope.reader(of: [sorted])
    }
  }
}

/// How finely keys are cut where the order between keys means nothing: so that a shard's table is small, and fits the
/// processor's caches.
@usableFromInline
enum FineShards {
  @usableFromInline
  static func perPartition(_ partitions: Int) -> Int { Swift.max(1, 256 / Swift.max(partitions, 1)) }
}
