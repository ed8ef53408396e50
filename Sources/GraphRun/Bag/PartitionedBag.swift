import Graph
import Tasks

/// A bag in which all elements of a key are in one partition: what is done for each key needs no more communication.
///
/// Name what is made of it: the name stands for the key's closure too.
public struct PartitionedBag<Key: Hashable & Codable & Sendable, Element: Codable & Sendable>: Sendable {
  @usableFromInline let shards: ShardedBag<Element>
  /// Shards a partition.
  @usableFromInline let each: Int
  @usableFromInline let key: @Sendable (Element) throws -> Key
  @usableFromInline let hash: KeyHash<Key>

  @usableFromInline
  init(
    shards: ShardedBag<Element>, each: Int, key: @escaping @Sendable (Element) throws -> Key, hash: KeyHash<Key>
  ) {
    self.shards = shards
    self.each = each
    self.key = key
    self.hash = hash
  }

  /// The elements: in each partition, in the order they had before.
  @inlinable
  public var bag: Bag<Element> {
    reading("byID", .parameters("")) { [shards] range, scope in try shards.blocks(ofShard: range.lowerBound, scope) }
  }

  /// All elements of each key, in the order they had before; the keys in no order that means anything, but always the same.
  ///
  /// - Throws: when computed, `TaskError` with code `.tooLarge` if the elements of one key do not fit into memory: it names
  ///   the key.
  @inlinable
  public func grouped() -> Bag<KeyValue<Key, [Element]>> {
    groups("groupby", .parameters("")) { KeyValue(key: $0, value: $1) }
  }

  /// What `transform` makes of each key and all its elements, in the order they had before.
  ///
  /// - Throws: as `grouped()`.
  @inlinable
  public func mapGroups<Output: Codable & Sendable>(
    _ transform: @escaping @Sendable (Key, [Element]) throws -> Output
  ) -> Bag<Output> {
    groups("mapGroups", .closure(""), transform)
  }

  @inlinable
  func groups<Output: Codable & Sendable>(
    _ label: String, _ identity: StepIdentity, _ finish: @escaping @Sendable (Key, [Element]) throws -> Output
  ) -> Bag<Output> {
    let hash = hash
    let key = key
    let shards = shards
    return reading(label, identity) { range, scope in
      try shards.grouped(
        shards: range, scope, hash: hash, key: key, finish: finish,
        tooLarge: { key, elements in
          let bytes = ElementCodec.byteCount(elements)
          return TaskError(
            .tooLarge,
            "the \(elements.count) elements of \(key) that were read so far take \(ByteCount(bytes)), and "
              + "\(ByteCount(2 * scope.allowance)) may be held at once; fold them one by one, or allow more memory")
        })
    }
  }

  /// Folds the elements of each key from `initial` on, one by one: however many a key has, they need no memory.
  ///
  /// - Parameters:
  ///   - initial: where each key begins; it counts once.
  ///   - operation: a key's value and one more element, in the order they had before.
  /// - Returns: each key once, in its partition.
  /// - Complexity: O(elements); memory: a part of the keys.
  @inlinable
  public func fold<Value: Codable & Sendable>(
    initial: Value, _ operation: @escaping @Sendable (Value, Element) throws -> Value
  ) -> Bag<KeyValue<Key, Value>> {
    let (hash, key, shards) = (hash, key, shards)
    return reading("foldGroups", .closure(Parameters.text(initial))) { range, scope in
      try shards.folded(
        shards: range, scope, hash: hash, key: key, first: { try operation(initial, $0) },
        next: { $0 = try operation($0, $1) }, finish: { KeyValue(key: $0, value: $1) }, expansion: 0)
    }
  }

  /// How many elements each key has.
  ///
  /// - Complexity: O(elements); memory: a part of the keys.
  @inlinable
  public func count() -> Bag<KeyValue<Key, Int>> {
    let (hash, key, shards) = (hash, key, shards)
    return reading("countGroups", .parameters("")) { range, scope in
      try shards.folded(
        shards: range, scope, hash: hash, key: key, first: { _ in 1 }, next: { count, _ in count += 1 },
        finish: { KeyValue(key: $0, value: $1) }, expansion: 0)
    }
  }

  @usableFromInline
  func reading<Output: Codable & Sendable>(
    _ label: String, _ identity: StepIdentity,
    _ open: @escaping @Sendable (Range<Int>, ReadScope) throws -> BlockReader<Output>
  ) -> Bag<Output> {
    let (shards, each) = (shards, each)
    return Bag<Output>(
      label: label, partitions: .numbered(shards.shardCount / each),
      inputs: [Node.Input(node: shards.node, isPart: true)],
      identity: identity.value, cost: label == "byID" ? .view : .elements,
      dependencies: { _, _ in shards.dependencies() }, partitionIdentity: { [.number($0)] },
      memory: Node.memoryOfTable
    ) { partition, scope in
      try open(partition * each..<(partition + 1) * each, scope)
    }
  }
}
