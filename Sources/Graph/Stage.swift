/// One named group of tasks that share an operation and its parameters.
public struct Stage: Sendable {
  /// How the tasks of a stage lie.
  public enum Layout: Sendable {
    /// One task, one value.
    case single
    case bag(Partitions)
    /// Level 0 holds one task a partition, or none where partitions are combined as they are; each further level one
    /// a `fanIn` of what is below, until one is left.
    case tree(Partitions, fanIn: Int, mapsPartitions: Bool)
  }

  public let name: String
  public let op: OpDefinition
  public let parameters: [String: ParameterValue]
  /// Those that are part of the fingerprint.
  public let identityParameters: [String: ParameterValue]
  /// Numbers of the stages named by `from:`.
  public let inputs: [Int]
  public let number: Int
  public let layout: Layout
  public let body: any TaskBody
  public let firstTask: TaskID
  /// Whether the user asked to keep the results after the run, or asked not to.
  public let keep: Bool?
  public let policy: TaskPolicy
  /// Tasks on each level of a tree; one level for a bag.
  public let levels: [Int]
  public let taskCount: Int
  /// Whether it is one task that gives one value.
  private let isSingle: Bool
  /// Tasks that work on one partition.
  private let partitionTaskCount: Int

  init(
    name: String, op: OpDefinition, arguments: OpArguments?, inputs: [Int], number: Int, layout: Layout,
    body: any TaskBody, firstTask: TaskID, keep: Bool?, policy: TaskPolicy
  ) {
    self.name = name
    self.op = op
    parameters = arguments?.values ?? [:]
    identityParameters = parameters.filter { op.parameter($0.key)?.isIdentity ?? true }
    self.inputs = inputs
    self.number = number
    self.layout = layout
    self.body = body
    self.firstTask = firstTask
    self.keep = keep
    self.policy = policy
    switch layout {
    case .single: levels = [1]
    case .bag(let partitions): levels = [partitions.count]
    case .tree(let partitions, let fanIn, let mapsPartitions):
      var levels = [mapsPartitions ? partitions.count : 0]
      var width = partitions.count
      repeat {
        width = (width + fanIn - 1) / fanIn
        levels.append(width)
      } while width > 1
      self.levels = levels
    }
    taskCount = levels.reduce(0, +)
    if case .single = layout { isSingle = true } else { isSingle = false }
    partitionTaskCount = levels[0]
  }

  public var tasks: Range<TaskID> { firstTask..<firstTask + TaskID(taskCount) }

  /// The tasks that give what other stages read: all of a bag, the last of a tree.
  var results: Range<TaskID> { isBag ? tasks : tasks.upperBound - 1..<tasks.upperBound }

  /// Of what other stages read: a value counts as a bag of one partition.
  var resultPartitions: Partitions { isBag ? partitions : .numbered(1) }

  public var isBag: Bool { if case .bag = layout { true } else { false } }

  /// Whether partitions are called something beside their numbers.
  public var hasLabels: Bool { if case .single = layout { false } else { partitions.mayHaveFiles } }

  /// Of the bag, or of the bag that is reduced.
  public var partitions: Partitions {
    switch layout {
    case .single: .numbered(1)
    case .bag(let partitions), .tree(let partitions, _, _): partitions
    }
  }

  /// The role of the stage's task at `position`, from 0.
  public func role(_ position: Int) -> TaskRole {
    if isSingle { return .whole }
    if position < partitionTaskCount { return .partition(Int32(position)) }
    if position == taskCount - 1 { return .whole }
    var level = 1
    var rest = position - levels[0]
    while rest >= levels[level] {
      rest -= levels[level]
      level += 1
    }
    return .combine(level: Int32(level), index: Int32(rest))
  }

  /// The reverse of `role(_:)`; `nil` if the stage has no such task.
  public func position(_ role: TaskRole) -> Int? {
    switch role {
    case .partition(let index):
      if isSingle { return nil }
      return (0..<levels[0]).contains(Int(index)) ? Int(index) : nil
    case .whole: return isBag ? nil : taskCount - 1
    case .combine(let level, let index):
      guard level >= 1, level < levels.count - 1, index >= 0, index < levels[Int(level)] else { return nil }
      return levels[..<Int(level)].reduce(0, +) + Int(index)
    }
  }

  /// Positions that the combining task at `index` of `level` merges: in this stage, or in the bag where level 0 is empty.
  func children(level: Int, index: Int) -> Range<Int> {
    guard case .tree(let partitions, let fanIn, _) = layout else { return 0..<0 }
    let width = level == 1 ? partitions.count : levels[level - 1]
    let below = levels[..<(level - 1)].reduce(0, +)
    return (below + index * fanIn)..<(below + min((index + 1) * fanIn, width))
  }
}

/// A graph cannot be built as asked.
public struct GraphError: Error, Sendable, CustomStringConvertible {
  /// What kind of mistake it is, for programs; there may be more in later versions.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Two stages have one name.
    public static let duplicateName = Code(rawValue: "duplicate-name")
    /// A stage reads one that is not there.
    public static let unknownInput = Code(rawValue: "unknown-input")
    /// There is no operation of that name.
    public static let unknownOperation = Code(rawValue: "unknown-operation")
    /// A pool or resource that is not declared, or not so much of it.
    public static let unknownLimit = Code(rawValue: "unknown-limit")
    /// Inputs that the operation does not take, or bags of different numbers of partitions.
    public static let wrongInputs = Code(rawValue: "wrong-inputs")
    /// Two stages would use one file, and at least one would write it.
    public static let fileClash = Code(rawValue: "file-clash")
    /// More tasks or edges than a graph can have.
    public static let tooLarge = Code(rawValue: "too-large")
  }

  /// What kind of mistake it is.
  public let code: Code
  /// What is wrong, and what helps; without the stage's name.
  public let message: String
  /// The stage that could not be added.
  public let stage: String
  /// Which of its inputs is to blame, if one is.
  public let inputPosition: Int?

  /// A mistake in the stage named `stage`.
  public init(_ code: Code, _ message: String, stage: String, inputPosition: Int? = nil) {
    self.code = code
    self.message = message
    self.stage = stage
    self.inputPosition = inputPosition
  }

  public var description: String { "task \"\(stage)\": \(message)" }
}
