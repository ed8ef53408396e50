import Graph

// Steps from element to element. They are inlinable, so that a closure given by another module becomes part of the loop
// over a block.

extension ContiguousArray {
  /// What `transform` makes of each element.
  @inlinable @inline(__always)
  init<Input>(mapping block: ContiguousArray<Input>, _ transform: (Input) throws -> Element) rethrows {
    try self.init(unsafeUninitializedCapacity: block.count) { buffer, filled in
      for element in block {
        (buffer.baseAddress! + filled).initialize(to: try transform(element))
        filled += 1
      }
    }
  }
}

extension Bag {
  /// What `transform` makes of each element.
  @inlinable
  public func map<Output>(_ transform: @escaping @Sendable (Element) throws -> Output) -> Bag<Output> {
    step("map") { next, _ in
      { try next().map { try ContiguousArray(mapping: $0, transform) } }
    }
  }

  /// What `transform` makes of each element and one value that is the same for all: Dask's `map` with an `Item`.
  ///
  /// - Complexity: O(elements); memory: a block, and the value in each task.
  @inlinable
  public func map<Value, Output>(
    with value: Delayed<Value>, _ transform: @escaping @Sendable (Element, Value) throws -> Output
  ) -> Bag<Output> {
    broadcast("map", value) { next, value in
      { try next().map { try ContiguousArray(mapping: $0) { try transform($0, value) } } }
    }
  }

  /// The elements for which `isIncluded` holds.
  @inlinable
  public func filter(_ isIncluded: @escaping @Sendable (Element) throws -> Bool) -> Bag<Element> {
    step("filter") { next, _ in
      {
        try next().map { block in
          try ContiguousArray(unsafeUninitializedCapacity: block.count) { buffer, filled in
            for element in block where try isIncluded(element) {
              (buffer.baseAddress! + filled).initialize(to: element)
              filled += 1
            }
          }
        }
      }
    }
  }

  /// The elements for which `isRemoved` does not hold.
  @inlinable
  public func remove(_ isRemoved: @escaping @Sendable (Element) throws -> Bool) -> Bag<Element> {
    filter { !(try isRemoved($0)) }
  }

  /// One property of each element.
  @inlinable
  public func pluck<Value>(_ property: KeyPath<Element, Value> & Sendable) -> Bag<Value> {
    map { $0[keyPath: property] }
  }

  /// The elements of what `transform` makes of each element, one behind the other.
  @inlinable
  public func flatMap<Output: Sequence>(
    _ transform: @escaping @Sendable (Element) throws -> Output
  ) -> Bag<Output.Element> where Output.Element: Codable & Sendable {
    step("flatMap") { next, _ in try Flattening.reader(next, transform) }
  }

  /// The elements of the elements, one behind the other.
  @inlinable
  public func flatten() -> Bag<Element.Element> where Element: Sequence, Element.Element: Codable & Sendable {
    step("flatten", .parameters("")) { next, _ in try Flattening.reader(next) { $0 } }
  }

  /// What `transform` makes of a whole partition.
  ///
  /// - Parameter transform: gets the partition's elements, which can be gone through once and are made as they are asked
  ///   for. What it returns may be lazy.
  public func mapPartitions<Output: Sequence>(
    _ transform: @escaping @Sendable (PartitionElements<Element>) throws -> Output
  ) -> Bag<Output.Element> where Output.Element: Codable & Sendable {
    step("mapPartitions") { next, _ in
      let elements = PartitionElements(next)
      var iterator: Output.Iterator? = try transform(elements).makeIterator()
      return {
        guard iterator != nil else { return nil }
        var block = ContiguousArray<Output.Element>()
        block.reserveCapacity(blockLength)
        while block.count < blockLength, let element = iterator!.next() { block.append(element) }
        try elements.check()
        if block.count < blockLength { iterator = nil }
        return block
      }
    }
  }

  /// What `transform` makes of a whole partition and its number, from 0.
  ///
  /// - Complexity: O(elements); memory: a block, and all that `transform` gives for a partition.
  public func mapPartitions<Output: Sequence>(
    numbered transform: @escaping @Sendable (Int, PartitionElements<Element>) throws -> Output
  ) -> Bag<Output.Element> where Output.Element: Codable & Sendable {
    step("mapPartitions", isNumbered: true) { next, partition in
      let elements = PartitionElements(next)
      let output = ContiguousArray(try transform(partition, elements))
      try elements.check()
      return ReadScope.reader(of: [output])
    }
  }

  /// Results of `operation` on what came before and each element, across all partitions: the first element as it is, then
  /// `operation(result before, element)`.
  ///
  /// Partitions are gone through one after the other; empty ones stay empty.
  ///
  /// - Complexity: O(elements), one partition at a time; memory: the results of a partition.
  public func accumulate(_ operation: @escaping @Sendable (Element, Element) throws -> Element) -> Bag<Element> {
    accumulated(initial: nil as Element?, first: { $0 }, operation)
  }

  /// `initial`, then the results of `operation` on what came before and each element, across all partitions: one element
  /// more than the bag has.
  ///
  /// - Parameters:
  ///   - initial: the first element of the first partition.
  ///   - operation: the result before, and an element.
  /// - Complexity: O(elements), one partition at a time; memory: the results of a partition.
  public func accumulate<Result>(
    initial: Result, _ operation: @escaping @Sendable (Result, Element) throws -> Result
  ) -> Bag<Result> where Result: Codable & Sendable {
    accumulated(initial: initial, first: nil, operation)
  }

  private func accumulated<Result: Codable & Sendable>(
    initial: Result?, first: (@Sendable (Element) -> Result)?,
    _ operation: @escaping @Sendable (Result, Element) throws -> Result
  ) -> Bag<Result> {
    let input = node
    // Each partition's results, and behind them the last result so far, for the next partition.
    typealias Part = Accumulated<Result>
    let parts = Node(
      label: "accumulate", layout: .bag(partitions), inputs: [Node.Input(node: input)],
      identity: .closure(initial.map { JSONText.of($0) } ?? ""), cost: .stage, valueTypes: [ScalarValue<Part>.self],
      typeName: TypeName.of(Result.self),
      dependencies: { partition, node in
        let own = Node.Reference(node: input, partition: partition)
        return partition == 0 ? [own] : [Node.Reference(node: node, partition: partition - 1), own]
      },
      run: { role, scope in
        let partition = role.partition
        var last = initial
        if partition > 0, let before = scope.result(of: scope.node, partition - 1) as? ScalarValue<Part> {
          last = before.value.last
        }
        var results: [Result] = []
        if partition == 0, let initial { results.append(initial) }
        let next = try scope.blocks(of: self, partition)
        while let block = try next() {
          try scope.context.checkCancellation()
          for element in block {
            if let result = last { last = try operation(result, element) } else { last = first!(element) }
            results.append(last!)
          }
        }
        return ScalarValue(Part(results: results, last: last))
      })
    return Bag<Result>(
      label: "accumulated", partitions: partitions, inputs: [Node.Input(node: parts, isPart: true)],
      identity: .parameters(""), cost: .view,
      dependencies: { partition, _ in [Node.Reference(node: parts, partition: partition)] }
    ) { partition, scope in
      blocks(of: (scope.result(of: parts, partition) as! ScalarValue<Part>).value.results)
    }
  }

  @usableFromInline
  func broadcast<Value, Output>(
    _ label: String, _ value: Delayed<Value>,
    _ transform:
      @escaping @Sendable (_ next: @escaping BlockReader<Element>, _ value: Value) throws -> BlockReader<
        Output
      >
  ) -> Bag<Output> {
    let (input, broadcast) = (node, value.node)
    return Bag<Output>(
      label: label, partitions: partitions,
      inputs: [Node.Input(node: input), Node.Input(node: broadcast, isShared: true)], identity: .closure(""),
      dependencies: { index, _ in
        [Node.Reference(node: input, partition: index), Node.Reference(node: broadcast, partition: 0)]
      }
    ) { index, scope in
      try transform(scope.blocks(of: self, index), scope.value(of: value))
    }
  }
}

extension Bag {
  /// What `transform` makes of the two halves of each pair.
  @inlinable
  public func starmap<First, Second, Output>(
    _ transform: @escaping @Sendable (First, Second) throws -> Output
  ) -> Bag<Output> where Element == Pair<First, Second> {
    map { try transform($0.first, $0.second) }
  }

  /// The first and the second halves, as two bags. What the pairs are made from is computed once for both.
  @inlinable
  public func unzip<First: Codable & Sendable, Second: Codable & Sendable>() -> (Bag<First>, Bag<Second>)
  where Element == Pair<First, Second> {
    (
      step("unzip", .parameters("first")) { next, _ in { try next().map { ContiguousArray(mapping: $0, \.first) } } },
      step("unzip", .parameters("second")) { next, _ in { try next().map { ContiguousArray(mapping: $0, \.second) } } }
    )
  }
}

/// Results of one partition, and the last one so far.
struct Accumulated<Result: Codable & Sendable>: Codable, Sendable {
  let results: [Result]
  let last: Result?
}

/// The elements of one partition, which can be gone through once.
///
/// They are made as they are asked for. If making them fails, the sequence ends early and the task fails after the
/// closure has returned.
public final class PartitionElements<Element>: Sequence, IteratorProtocol {
  private let reader: BlockReader<Element>
  private var block = ContiguousArray<Element>()
  private var position = 0
  private var isAtEnd = false
  private var error: (any Error)?

  @usableFromInline
  init(_ reader: @escaping BlockReader<Element>) { self.reader = reader }

  /// The next element; `nil` at the end, and where one could not be made.
  public func next() -> Element? {
    while position == block.count {
      guard !isAtEnd else { return nil }
      do {
        guard let next = try reader() else {
          isAtEnd = true
          return nil
        }
        block = next
        position = 0
      } catch {
        self.error = error
        isAtEnd = true
        return nil
      }
    }
    defer { position += 1 }
    return block[position]
  }

  /// - Throws: what ended the sequence early.
  @usableFromInline
  func check() throws { if let error { throw error } }
}

@usableFromInline
enum Flattening {
  /// Goes on where it stopped when a block is full, also in the middle of one element's elements.
  @inlinable
  static func reader<Input, Output: Sequence>(
    _ next: @escaping BlockReader<Input>, _ transform: @escaping (Input) throws -> Output
  ) throws -> BlockReader<Output.Element> {
    var inputs = ContiguousArray<Input>()
    var position = 0
    var current: Output.Iterator?
    return {
      var block = ContiguousArray<Output.Element>()
      block.reserveCapacity(blockLength)
      while true {
        while let element = current?.next() {
          block.append(element)
          if block.count == blockLength { return block }
        }
        current = nil
        if position == inputs.count {
          // What is there goes on before more is read.
          if !block.isEmpty { return block }
          guard let more = try next() else { return nil }
          inputs = more
          position = 0
          if inputs.isEmpty { continue }
        }
        current = try transform(inputs[position]).makeIterator()
        position += 1
      }
    }
  }
}
