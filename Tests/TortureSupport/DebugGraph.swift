/// A DAG of debug ops, and what each of its results must be.
///
/// It is the harness's own idea of the ops, written from their description and not from their code: two that agree
/// on every number of a random graph are both right, or wrong in the same way.
///
///     debug.bytes   h = splitmix64(s); partition i of a bag has the seed s + i
///     debug.mix     h = splitmix64(s), then for every input x in order h = splitmix64(h ^ x)
///     debug.reduce  mixes groups of k neighbours, level by level, until one is left, at least once
public struct DebugGraph: Sendable {
  public enum Op: Sendable, Hashable {
    /// Makes one value, or a bag.
    case bytes(partitions: Int?)
    case mix
    case reduce(splitEvery: Int)
    /// Any other op; `parameters` is what stands between the braces of `with`. Its result is not known beforehand.
    case other(String, parameters: String)
  }

  public struct Entry: Sendable {
    public var name: String
    public var op: Op
    public var seed: UInt64
    /// Size of each result. For a reduction `nil`: as large as its largest input.
    public var bytes: Int?
    /// Numbers of earlier entries.
    public var inputs: [Int]
    public var keeps: Bool
    /// Further keys of the entry, as they stand in the file: `"timeout: 1"`.
    public var keys: [String]
  }

  public struct Result: Sendable, Hashable {
    public var identity: UInt64
    public var bytes: Int

    public init(identity: UInt64, bytes: Int) { (self.identity, self.bytes) = (identity, bytes) }
  }

  /// What an entry gives: one result, or a bag of them.
  public struct Results: Sendable, Hashable {
    public var isBag: Bool
    public var all: [Result]
  }

  public var name: String
  public private(set) var entries: [Entry] = []
  /// The order of the entries in the file, which may be any.
  public var fileOrder: [Int]?

  public init(name: String) { self.name = name }

  /// - Returns: the entry's number.
  @discardableResult
  public mutating func add(
    _ name: String, _ op: Op, seed: UInt64 = 0, bytes: Int? = 8, from inputs: [Int] = [], keep: Bool = false,
    keys: [String] = []
  ) -> Int {
    precondition(inputs.allSatisfy { entries.indices.contains($0) }, "\(name) reads an entry that is not there yet")
    entries.append(
      Entry(name: name, op: op, seed: seed, bytes: bytes, inputs: inputs, keeps: keep, keys: keys))
    return entries.count - 1
  }

  public mutating func keep(_ entry: Int) { entries[entry].keeps = true }

  /// Puts another op in the place of one: what a user does who mends a file.
  public mutating func replace(_ entry: Int, with op: Op, keys: [String] = []) {
    entries[entry].op = op
    entries[entry].keys = keys
  }

  /// Whether any entry reads this one.
  public func isRead(_ entry: Int) -> Bool { entries.contains { $0.inputs.contains(entry) } }

  /// Whether the results stay after a successful run: of leaves, of reductions, and where it was asked for.
  public func survives(_ entry: Int) -> Bool {
    if case .reduce = entries[entry].op { return true }
    return entries[entry].keeps || !isRead(entry)
  }

  /// The DAG file.
  public var text: String {
    var lines = ["version: 1", "name: \(name)", "tasks:"]
    for number in fileOrder ?? Array(entries.indices) { lines.append("  " + line(entries[number])) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func line(_ entry: Entry) -> String {
    var parameters: [String] = []
    let op: String
    switch entry.op {
    case .bytes(let partitions):
      op = "debug.bytes"
      if let partitions { parameters.append("partitions: \(partitions)") }
    case .mix: op = "debug.mix"
    case .reduce(let splitEvery):
      op = "debug.reduce"
      parameters.append("split_every: \(splitEvery)")
    case .other(let name, let text):
      op = name
      if !text.isEmpty { parameters.append(text) }
    }
    if case .other = entry.op {
    } else {
      if let bytes = entry.bytes { parameters.append("bytes: \(bytes)") }
      parameters.append("seed: \(entry.seed)")
    }
    var fields = ["op: \(op)"]
    let names = entry.inputs.map { entries[$0].name }
    if names.count == 1 { fields.append("from: \(names[0])") }
    if names.count > 1 { fields.append("from: [\(names.joined(separator: ", "))]") }
    if !parameters.isEmpty { fields.append("with: {\(parameters.joined(separator: ", "))}") }
    if entry.keeps { fields.append("keep: true") }
    return "\(entry.name): {\((fields + entry.keys).joined(separator: ", "))}"
  }
}

extension DebugGraph {
  /// Every entry's results, worked out here; `nil` where an op is not known, and for all that follows from it.
  ///
  /// - Parameter told: results of entries that cannot be known beforehand, as the program gave them.
  public func results(told: [String: Result] = [:]) -> [Results?] {
    var known: [Results?] = []
    for entry in entries {
      let inputs = entry.inputs.map { known[$0] }
      guard !inputs.contains(nil) else {
        known.append(nil)
        continue
      }
      known.append(results(of: entry, from: inputs.compactMap { $0 }, told: told[entry.name]))
    }
    return known
  }

  private func results(of entry: Entry, from inputs: [Results], told: Result?) -> Results? {
    switch entry.op {
    case .bytes(let partitions):
      let all = (0..<(partitions ?? 1)).map {
        Result(identity: splitMix64(entry.seed &+ UInt64($0)), bytes: entry.bytes ?? 0)
      }
      return Results(isBag: partitions != nil, all: all)
    case .mix:
      let bags = inputs.filter(\.isBag)
      let all = (0..<(bags.first?.all.count ?? 1)).map { index in
        let parts = inputs.map { $0.isBag ? $0.all[index] : $0.all[0] }
        return Result(identity: DebugGraph.mixed(parts.map(\.identity), seed: entry.seed), bytes: entry.bytes ?? 0)
      }
      return Results(isBag: !bags.isEmpty, all: all)
    case .reduce(let splitEvery):
      var level = inputs[0].all
      repeat {
        level = stride(from: 0, to: level.count, by: splitEvery).map { first in
          let group = level[first..<min(first + splitEvery, level.count)]
          return Result(
            identity: DebugGraph.mixed(group.map(\.identity), seed: entry.seed),
            bytes: entry.bytes ?? group.map(\.bytes).max() ?? 0)
        }
      } while level.count > 1
      return Results(isBag: false, all: level)
    case .other:
      return told.map { Results(isBag: false, all: [$0]) }
    }
  }

  static func mixed(_ inputs: [UInt64], seed: UInt64) -> UInt64 {
    inputs.reduce(splitMix64(seed)) { splitMix64($0 ^ $1) }
  }

  /// The names under which a user asks for an entry's results: `name`, or `name[0]`, `name[1]`, ….
  public func keys(_ entry: Int, of results: Results) -> [String] {
    results.isBag ? results.all.indices.map { "\(entries[entry].name)[\($0)]" } : [entries[entry].name]
  }

  /// All that must be on disk after a successful run, by name.
  ///
  /// - Parameter most: of a bag so many partitions, spread evenly.
  public func surviving(
    told: [String: Result] = [:], most: Int = .max
  ) -> [(key: String, result: Result)] {
    results(told: told).enumerated().flatMap { number, results -> [(key: String, result: Result)] in
      guard let results, survives(number) else { return [] }
      let all = zip(keys(number, of: results), results.all).map { (key: $0, result: $1) }
      guard all.count > most else { return all }
      return (0..<most).map { all[$0 * (all.count - 1) / max(1, most - 1)] }
    }
  }

  /// How many tasks there are, as far as the harness can know, and the bytes that they write and read.
  public var size: (tasks: Int, bytes: Int) {
    let all = results()
    var tasks = 0
    var bytes = 0
    for (number, entry) in entries.enumerated() {
      guard let results = all[number] else {
        tasks += 1
        continue
      }
      tasks += results.all.count
      bytes += results.all.reduce(0) { $0 + $1.bytes }
      for case let input? in entry.inputs.map({ all[$0] }) {
        let isReduction = if case .reduce = entry.op { true } else { false }
        let times = input.isBag || isReduction ? 1 : results.all.count
        bytes += times * input.all.reduce(0) { $0 + $1.bytes }
        if isReduction { tasks += input.all.count / 2 }
      }
    }
    return (tasks, bytes)
  }
}
