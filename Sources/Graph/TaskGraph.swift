/// A task's dense number within its graph.
public typealias TaskID = Int32

/// What is to be done: stages of tasks and the edges between the tasks.
///
/// A stage is one entry of a DAG file; it holds everything its tasks share (name, operation, parameters),
/// so that a task itself is only a number. Edges lie in two flat arrays a direction. Tasks are numbered
/// stage by stage in an order in which inputs always come before the tasks that use them:
/// every edge leads from a lower to a higher id.
public struct TaskGraph: Sendable {
  public private(set) var stages: [Stage] = []
  /// `inputs(of:)` of task t are `inputList[inputStart[t]..<inputStart[t + 1]]`.
  private var inputStart: [Int32] = [0]
  private var inputList: [TaskID] = []
  private var stageIndex: [String: Int] = [:]
  private var usedStages: Set<Int> = []
  /// Files that stages read and write, by the bytes of their paths.
  private var inputFiles: [[UInt8]: String] = [:]
  private var outputFiles: [[UInt8]: String] = [:]

  public init() {}

  public var taskCount: Int { inputStart.count - 1 }
  public var tasks: Range<TaskID> { 0..<TaskID(taskCount) }

  public func stage(named name: String) -> Stage? { stageIndex[name].map { stages[$0] } }

  /// The task's inputs in the order its body gets them.
  public func inputs(of task: TaskID) -> ArraySlice<TaskID> {
    inputList[Int(inputStart[Int(task)])..<Int(inputStart[Int(task) + 1])]
  }

  /// - Complexity: O(log stages).
  public func stageNumber(of task: TaskID) -> Int {
    var low = 0
    var high = stages.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if stages[middle].firstTask <= task { low = middle } else { high = middle }
    }
    return low
  }

  public func stage(of task: TaskID) -> Stage { stages[stageNumber(of: task)] }

  public func role(of task: TaskID) -> TaskRole {
    let stage = stage(of: task)
    return stage.role(Int(task - stage.firstTask))
  }

  public func key(of task: TaskID) -> TaskKey {
    let stage = stage(of: task)
    return TaskKey(stage: stage.name, role: stage.role(Int(task - stage.firstTask)))
  }

  /// - Returns: `nil` if the graph has no such task.
  public func task(_ key: TaskKey) -> TaskID? {
    guard let stage = stage(named: key.stage) else { return nil }
    return stage.position(key.role).map { stage.firstTask + TaskID($0) }
  }

  /// Whether a stage's results outlive the run: they are what somebody asked for. That holds for reductions, for
  /// what no other stage reads, and for what is marked `keep`; other results are dropped after their last use.
  public func isKept(_ stage: Stage) -> Bool {
    stage.keep || stage.op.shape == .reduction || !usedStages.contains(stage.number)
  }

  /// The tasks whose results nobody in the graph uses.
  public func leaves() -> [TaskID] {
    var used = [Bool](repeating: false, count: taskCount)
    for input in inputList { used[Int(input)] = true }
    return tasks.filter { !used[Int($0)] }
  }

  /// Consumers of every task, as one flat list and its starts.
  public func consumers() -> Consumers { Consumers(of: self) }

  public struct Consumers: Sendable {
    private var start: [Int32]
    private var list: [TaskID]

    init(of graph: TaskGraph) {
      start = [Int32](repeating: 0, count: graph.taskCount + 1)
      list = [TaskID](repeating: 0, count: graph.inputList.count)
      for input in graph.inputList { start[Int(input) + 1] += 1 }
      for index in 1..<start.count where start.count > 1 { start[index] += start[index - 1] }
      var next = start
      for task in graph.tasks {
        for input in graph.inputs(of: task) {
          list[Int(next[Int(input)])] = task
          next[Int(input)] += 1
        }
      }
    }

    /// Once for each use: a task that takes the same input twice stands here twice.
    public subscript(task: TaskID) -> ArraySlice<TaskID> { list[Int(start[Int(task)])..<Int(start[Int(task) + 1])] }
  }

  // MARK: - Building

  /// Adds a stage of one operation, configured by `arguments`, on earlier stages.
  ///
  /// - Parameters:
  ///   - name: unique in the graph.
  ///   - inputs: names of earlier stages, as the operation declares its inputs.
  ///   - keep: keep the results on disk after the run.
  /// - Throws: `GraphError` if the stages do not fit together; `ParameterError` if the operation refuses its arguments.
  /// - Complexity: O(tasks added + edges added).
  public mutating func addStage(
    _ name: String, op definition: OpDefinition, arguments: OpArguments, from inputs: [String] = [], keep: Bool = false
  ) throws {
    guard stageIndex[name] == nil else {
      throw GraphError(.duplicateName, "there are two tasks named \"\(name)\"", stage: name)
    }
    let sources = try inputs.enumerated().map { position, input in
      guard let source = stage(named: input) else {
        let near = nearestName(to: input, among: stages.map(\.name))
        throw GraphError(
          .unknownInput, "\"\(input)\" is no task" + (near.map { "; did you mean \"\($0)\"?" } ?? ""), stage: name,
          inputPosition: position)
      }
      return source
    }
    try check(sources, against: definition.inputs, of: definition.name, stage: name)
    let partitions = try bagPartitions(sources, stage: name)

    let body: any TaskBody
    var layout = Stage.Layout.bag(partitions)
    switch definition.maker {
    case .source(let make):
      let op = try make(arguments)
      let own = try op.partitions()
      guard !own.isEmpty else {
        throw GraphError(.wrongInputs, "\(definition.name) finds nothing to read", stage: name)
      }
      layout = .bag(own)
      body = SourceBody(op: op, partitions: own)
    case .perPartition(let make):
      body = PartitionBody(op: try make(arguments), partitions: partitions)
    case .sink(let make):
      let op = try make(arguments)
      body = SinkBody(op: op, partitions: partitions, paths: try op.paths(for: partitions))
    case .reduction(let make):
      let op = try make(arguments)
      layout = .tree(partitions, fanIn: max(op.fanIn, 2))
      body = ReductionBody(op: op, partitions: partitions)
    }
    try claimFiles(of: body, layout: layout, stage: name)
    let identity = arguments.values.filter { definition.parameter($0.key)?.isIdentity ?? true }
    let number = stages.count
    stages.append(
      Stage(
        name: name, op: definition, parameters: arguments.values, identityParameters: identity,
        inputs: sources.map(\.number), number: number, layout: layout, body: body,
        firstTask: TaskID(taskCount), keep: keep))
    stageIndex[name] = number
    usedStages.formUnion(sources.map(\.number))
    addTasks(of: stages[number], from: sources)
  }

  /// No file is written by two stages, or written by one and read by another.
  private mutating func claimFiles(of body: any TaskBody, layout: Stage.Layout, stage: String) throws {
    guard case .bag(let partitions) = layout else { return }
    for index in partitions.indices {
      let role = TaskRole.partition(Int32(index))
      if let path = body.outputPath(role) {
        if let reader = inputFiles[Array(path.utf8)] {
          throw GraphError(.fileClash, "it would write \(path), which task \"\(reader)\" reads", stage: stage)
        }
        if let writer = outputFiles.updateValue(stage, forKey: Array(path.utf8)) {
          throw GraphError(.fileClash, "it would write \(path), which task \"\(writer)\" writes too", stage: stage)
        }
      }
      for case .file(let file) in body.identity(role) {
        if let writer = outputFiles[Array(file.path.utf8)] {
          throw GraphError(.fileClash, "it would read \(file.path), which task \"\(writer)\" writes", stage: stage)
        }
        inputFiles[Array(file.path.utf8)] = stage
      }
    }
  }

  private mutating func addTasks(of stage: Stage, from sources: [Stage]) {
    for index in 0..<stage.taskCount {
      switch stage.role(index) {
      case .partition(let partition):
        for source in sources {
          inputList.append(
            source.isBag ? source.firstTask + partition : source.firstTask + TaskID(source.taskCount) - 1)
        }
      case .combine(let level, let position):
        inputList += stage.children(level: Int(level), index: Int(position)).map { stage.firstTask + TaskID($0) }
      case .whole:
        inputList += stage.children(level: stage.levels.count - 1, index: 0).map { stage.firstTask + TaskID($0) }
      }
      inputStart.append(Int32(inputList.count))
    }
  }

  private func check(_ sources: [Stage], against declared: [OpInput], of op: String, stage: String) throws {
    let least = declared.filter { !$0.isOptional }.count
    guard sources.count >= least, sources.count <= declared.count else {
      let wants =
        declared.isEmpty
        ? "takes no \"from\""
        : "needs \"from\" to name "
          + declared.map { "\($0.name) (\($0.form.rawValue)\($0.isOptional ? ", optional" : ""))" }
          .joined(separator: ", ")
      throw GraphError(.wrongInputs, "\(op) \(wants), and got \(sources.count)", stage: stage)
    }
    for (position, (source, input)) in zip(sources, declared).enumerated() {
      guard source.op.shape != .sink else {
        throw GraphError(
          .wrongInputs, "\"\(source.name)\" writes files: no other task can read it", stage: stage,
          inputPosition: position)
      }
      guard source.isBag == (input.form == .bag) else {
        let found = source.isBag ? "a bag of \(source.partitions.count) partitions" : "one value"
        throw GraphError(
          .wrongInputs,
          "\(op) wants a \(input.form.rawValue) as \"\(input.name)\", but \"\(source.name)\" gives \(found)",
          stage: stage, inputPosition: position)
      }
    }
  }

  private func bagPartitions(_ sources: [Stage], stage: String) throws -> [Partition] {
    let bags = sources.filter(\.isBag)
    for other in bags.dropFirst() where other.partitions.count != bags[0].partitions.count {
      throw GraphError(
        .wrongInputs,
        "\"\(bags[0].name)\" has \(bags[0].partitions.count) partitions and \"\(other.name)\" \(other.partitions.count): "
          + "bags are matched partition by partition", stage: stage)
    }
    return bags.first?.partitions ?? []
  }
}

/// One named group of tasks that share an operation and its parameters.
public struct Stage: Sendable {
  /// How the tasks of a stage lie.
  public enum Layout: Sendable {
    case bag([Partition])
    /// Level 0 holds one task a partition, each further level one a `fanIn`, until one is left.
    case tree([Partition], fanIn: Int)
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
  /// Whether the user asked to keep the results after the run.
  public let keep: Bool
  /// Tasks on each level of a tree; one level for a bag.
  public let levels: [Int]
  public let taskCount: Int

  init(
    name: String, op: OpDefinition, parameters: [String: ParameterValue], identityParameters: [String: ParameterValue],
    inputs: [Int], number: Int, layout: Layout, body: any TaskBody, firstTask: TaskID, keep: Bool
  ) {
    self.name = name
    self.op = op
    self.parameters = parameters
    self.identityParameters = identityParameters
    self.inputs = inputs
    self.number = number
    self.layout = layout
    self.body = body
    self.firstTask = firstTask
    self.keep = keep
    switch layout {
    case .bag(let partitions): levels = [partitions.count]
    case .tree(let partitions, let fanIn):
      var levels = [partitions.count]
      repeat { levels.append((levels.last! + fanIn - 1) / fanIn) } while levels.last! > 1
      self.levels = levels
    }
    taskCount = levels.reduce(0, +)
  }

  public var tasks: Range<TaskID> { firstTask..<firstTask + TaskID(taskCount) }

  public var isBag: Bool { if case .bag = layout { true } else { false } }

  public var partitions: [Partition] {
    switch layout {
    case .bag(let partitions), .tree(let partitions, _): partitions
    }
  }

  /// The role of the stage's task at `position`, from 0.
  public func role(_ position: Int) -> TaskRole {
    if position < levels[0] { return .partition(Int32(position)) }
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
    case .partition(let index): return (0..<levels[0]).contains(Int(index)) ? Int(index) : nil
    case .whole: return isBag ? nil : taskCount - 1
    case .combine(let level, let index):
      guard level >= 1, level < levels.count - 1, index >= 0, index < levels[Int(level)] else { return nil }
      return levels[..<Int(level)].reduce(0, +) + Int(index)
    }
  }

  /// Positions that the combining task at `index` of `level` merges.
  func children(level: Int, index: Int) -> Range<Int> {
    guard case .tree(_, let fanIn) = layout else { return 0..<0 }
    let below = levels[..<(level - 1)].reduce(0, +)
    return (below + index * fanIn)..<(below + min((index + 1) * fanIn, levels[level - 1]))
  }
}

/// A graph cannot be built as asked.
public struct GraphError: Error, Sendable, CustomStringConvertible {
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let duplicateName = Code(rawValue: "duplicate-name")
    public static let unknownInput = Code(rawValue: "unknown-input")
    public static let wrongInputs = Code(rawValue: "wrong-inputs")
    /// Two stages would use one file, and at least one would write it.
    public static let fileClash = Code(rawValue: "file-clash")
  }

  public let code: Code
  public let message: String
  /// The stage that could not be added.
  public let stage: String
  /// Which of its inputs is to blame, if one is.
  public let inputPosition: Int?

  public init(_ code: Code, _ message: String, stage: String, inputPosition: Int? = nil) {
    self.code = code
    self.message = message
    self.stage = stage
    self.inputPosition = inputPosition
  }

  public var description: String { "task \"\(stage)\": \(message)" }
}
