extension DebugGraph {
  /// What a random graph is to be like.
  public struct Recipe: Sendable {
    public var entries: ClosedRange<Int> = 5...60
    public var partitions: ClosedRange<Int> = 1...48
    public var bytes: ClosedRange<Int> = 8...(2 << 20)
    /// Bytes that all results of a graph may have together, so that a round lasts seconds.
    public var totalBytes = 700 << 20
    /// Bytes that one task may hold, inputs and output, so that it fits into the smallest bound.
    public var taskBytes = 9 << 20

    public init() {}

    /// For a test among many others.
    public static var short: Recipe {
      var recipe = Recipe()
      recipe.entries = 5...30
      recipe.partitions = 1...24
      recipe.totalBytes = 200 << 20
      return recipe
    }
  }

  /// Values, bags, mixes and reductions, seeded.
  ///
  /// Reductions often meet their own bag again, as when a mean is subtracted from what it was taken of:
  ///
  ///     bag ──┬──────────→ mix
  ///           └→ reduce ───↗
  ///
  /// Then the whole bag must be held until the reduction is done, which is what makes a tight bound spill.
  public static func random(seed: UInt64, recipe: Recipe = Recipe()) -> DebugGraph {
    var maker = Maker(random: TortureRandom(seed: seed), recipe: recipe)
    return maker.make(name: "torture-\(seed % 1_000_000)")
  }

  private struct Maker {
    var random: TortureRandom
    let recipe: Recipe
    var graph = DebugGraph(name: "")
    /// The number of partitions of every bag so far; `nil` for a value.
    var partitions: [Int?] = []
    var sizes: [Int] = []
    var total = 0
    /// A bag and a reduction of it that have not met again.
    var pairs: [(bag: Int, value: Int)] = []

    init(random: TortureRandom, recipe: Recipe) {
      self.random = random
      self.recipe = recipe
    }

    mutating func make(name: String) -> DebugGraph {
      graph.name = name
      // Few different widths, so that bags can meet.
      let widths = (0..<Int.random(in: 1...2, using: &random)).map { _ in
        Int.random(in: recipe.partitions, using: &random)
      }
      let isLarge = random.chance(0.6)
      let count = Int.random(in: recipe.entries, using: &random)
      addBag(widths[0], isLarge)
      while graph.entries.count < count {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: addValue(isLarge)
        case 1: addBag(widths.randomElement(using: &random)!, isLarge)
        case 2, 3: addReduction()
        case 4, 5: addMeeting(isLarge)
        default: addMix(isLarge)
        }
      }
      if random.chance(0.75) { join() }
      graph.fileOrder = Array(graph.entries.indices).shuffled(using: &random)
      return graph
    }

    private var name: String { "s\(graph.entries.count)" }

    private mutating func seed() -> UInt64 { UInt64.random(in: 0..<(1 << 53), using: &random) }

    /// A size that leaves room for the task's inputs and for the other entries.
    private mutating func size(_ isLarge: Bool, count: Int, beside inputs: Int = 0) -> Int {
      let left = max(0, recipe.totalBytes - total) / (8 * count)
      let most = min(recipe.bytes.upperBound, left, recipe.taskBytes - inputs)
      guard most > recipe.bytes.lowerBound else { return recipe.bytes.lowerBound }
      let low = isLarge ? max(recipe.bytes.lowerBound, most / 8) : recipe.bytes.lowerBound
      let size = random.logarithmic(low...most)
      return random.chance(0.9) ? max(8, size / 8 * 8) : size
    }

    private mutating func note(_ entry: Int, width: Int?, bytes: Int) {
      partitions.append(width)
      sizes.append(bytes)
      total += bytes * (width ?? 1)
      if random.chance(0.08) { graph.keep(entry) }
    }

    private mutating func addValue(_ isLarge: Bool) {
      let bytes = size(isLarge, count: 1)
      note(graph.add(name, .bytes(partitions: nil), seed: seed(), bytes: bytes), width: nil, bytes: bytes)
    }

    private mutating func addBag(_ width: Int, _ isLarge: Bool) {
      let bytes = size(isLarge, count: width)
      note(graph.add(name, .bytes(partitions: width), seed: seed(), bytes: bytes), width: width, bytes: bytes)
    }

    private mutating func addReduction() {
      let bag = partitions.indices.filter { partitions[$0] != nil }.randomElement(using: &random)!
      let most = min(8, recipe.taskBytes / max(1, sizes[bag]) - 1)
      let splitEvery = Int.random(in: 2...max(2, most), using: &random)
      let bytes = random.chance(0.3) ? nil : size(false, count: 1, beside: splitEvery * sizes[bag])
      let seed = random.chance(0.5) ? 0 : seed()
      let value = graph.add(name, .reduce(splitEvery: splitEvery), seed: seed, bytes: bytes, from: [bag])
      note(value, width: nil, bytes: bytes ?? sizes[bag])
      pairs.append((bag, value))
    }

    private mutating func addMeeting(_ isLarge: Bool) {
      guard !pairs.isEmpty else { return addReduction() }
      let pair = pairs.remove(at: Int.random(in: pairs.indices, using: &random))
      addMix(isLarge, of: [pair.bag, pair.value].shuffled(using: &random))
    }

    private mutating func addMix(_ isLarge: Bool, of chosen: [Int]? = nil) {
      var inputs = chosen ?? []
      if chosen == nil {
        let width = partitions.compactMap { $0 }.randomElement(using: &random)!
        let wanted = Int.random(in: 1...5, using: &random)
        let fitting = partitions.indices.filter { partitions[$0] == nil || partitions[$0] == width }
        // Recent ones first: long chains as well as wide fans.
        let near = random.chance(0.5) ? Array(fitting.suffix(8)) : fitting
        for entry in near.shuffled(using: &random).prefix(wanted)
        where inputs.reduce(0, { $0 + sizes[$1] }) + sizes[entry] < recipe.taskBytes * 3 / 4 {
          inputs.append(entry)
        }
      }
      guard !inputs.isEmpty else { return }
      let width = inputs.compactMap { partitions[$0] }.first
      let bytes = size(isLarge, count: width ?? 1, beside: inputs.reduce(0) { $0 + sizes[$1] })
      note(graph.add(name, .mix, seed: seed(), bytes: bytes, from: inputs), width: width, bytes: bytes)
    }

    /// Leads every leaf into one last value, so that one number stands for the whole graph.
    private mutating func join() {
      var ends: [Int] = []
      for leaf in graph.entries.indices where !graph.isRead(leaf) {
        guard partitions[leaf] != nil else {
          ends.append(leaf)
          continue
        }
        let value = graph.add(name, .reduce(splitEvery: 3), seed: seed(), bytes: 64, from: [leaf])
        note(value, width: nil, bytes: 64)
        ends.append(value)
      }
      while ends.count > 1 {
        let few = Array(ends.prefix(4))
        let mixed = graph.add(name, .mix, seed: seed(), bytes: 64, from: few)
        note(mixed, width: nil, bytes: 64)
        ends = Array(ends.dropFirst(few.count)) + [mixed]
      }
    }
  }
}
