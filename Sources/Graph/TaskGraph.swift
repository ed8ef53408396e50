/// A task's dense number within its graph.
public typealias TaskID = Int32

/// What is to be done: stages of tasks and the edges between the tasks.
///
/// A stage is one entry of a DAG file; it holds everything its tasks share (name, operation, parameters),
/// so that a task itself is only a number. Edges lie in two flat arrays a direction. Tasks are numbered
/// stage by stage in an order in which inputs always come before the tasks that use them:
/// every edge leads from a lower to a higher id.
public struct TaskGraph: Sendable {
  /// In the order in which they were added; a stage's number is its place.
  public private(set) var stages: [Stage] = []
  /// `inputs(of:)` of task t are `inputList[inputStart[t]..<inputStart[t + 1]]`.
  @usableFromInline var inputStart: [Int32] = [0]
  @usableFromInline var inputList: [TaskID] = []
  /// Of every task.
  @usableFromInline var stageNumbers: [Int32] = []
  private var stageIndex: [String: Int] = [:]
  private var usedStages: Set<Int> = []
  /// How much there is of what tasks share.
  public private(set) var limits: [LimitName: Int] = [:]
  /// Files that stages read and write, by the bytes of their paths.
  private var inputFiles: [[UInt8]: String] = [:]
  private var outputFiles: [[UInt8]: String] = [:]

  /// A graph without stages.
  public init() {}

  /// How many tasks all stages have together.
  public var taskCount: Int { inputStart.count - 1 }
  /// All tasks, inputs before what uses them.
  public var tasks: Range<TaskID> { 0..<TaskID(taskCount) }

  /// - Returns: `nil` if the graph has no such stage.
  /// - Complexity: O(1).
  public func stage(named name: String) -> Stage? { stageIndex[name].map { stages[$0] } }

  /// The task's inputs in the order its body gets them.
  @inlinable
  public func inputs(of task: TaskID) -> ArraySlice<TaskID> {
    inputList[Int(inputStart[Int(task)])..<Int(inputStart[Int(task) + 1])]
  }

  /// The number of the stage that the task belongs to.
  /// - Complexity: O(1).
  @inlinable
  public func stageNumber(of task: TaskID) -> Int { Int(stageNumbers[Int(task)]) }

  /// The stage that the task belongs to.
  /// - Complexity: O(1).
  public func stage(of task: TaskID) -> Stage { stages[stageNumber(of: task)] }

  /// The task's place within its stage.
  public func role(of task: TaskID) -> TaskRole {
    let stage = stage(of: task)
    return stage.role(Int(task - stage.firstTask))
  }

  /// The task's name.
  public func key(of task: TaskID) -> TaskKey {
    let stage = stage(of: task)
    return TaskKey(stage: stage.name, role: stage.role(Int(task - stage.firstTask)))
  }

  /// The partition's label, as a rule a file's name.
  package func label(of task: TaskID) -> String? {
    guard case .partition(let index) = role(of: task), stages[stageNumber(of: task)].hasLabels else { return nil }
    return stages[stageNumber(of: task)].partitions[Int(index)].label
  }

  /// - Returns: `nil` if the graph has no such task.
  public func task(_ key: TaskKey) -> TaskID? {
    guard let stage = stage(named: key.stage) else { return nil }
    return stage.position(key.role).map { stage.firstTask + TaskID($0) }
  }

  /// Whether a stage's results outlive the run: they are what somebody asked for. That holds for reductions, for
  /// files and for programs that ran, for what no other stage reads, and for what is marked `keep`; other results are dropped after their last use.
  public func isKept(_ stage: Stage) -> Bool {
    guard stage.body.outlivesRun else { return false }
    return stage.keep == true || stage.op.shape == .reduction || stage.op.shape.leavesFiles
      || !usedStages.contains(stage.number)
  }

  /// Whether a task's result is what outlives the run of its stage, where anything does: of a tree that is the final
  /// value alone, unless all was asked for.
  public func outlives(_ task: TaskID) -> Bool {
    let stage = stageNumber(of: task)
    return stages[stage].keep == true || stages[stage].isBag || task == stages[stage].tasks.upperBound - 1
  }

  /// Whether another stage reads the stage's results.
  public func isRead(_ stage: Stage) -> Bool { usedStages.contains(stage.number) }

  /// The tasks whose results nobody in the graph uses.
  public func leaves() -> [TaskID] {
    var used = [Bool](repeating: false, count: taskCount)
    for input in inputList { used[Int(input)] = true }
    return tasks.filter { !used[Int($0)] }
  }

  /// Edges from tasks to those that use their results.
  public typealias Consumers = TaskEdges

  /// From every task to those that use its result.
  public func consumers() -> TaskEdges {
    let start = DenseArray(repeating: Int32(0), count: taskCount + 1)
    let list = DenseArray(repeating: TaskID(0), count: inputList.count)
    for input in inputList { start[Int(input) + 1] += 1 }
    for index in 0..<taskCount { start[index + 1] += start[index] }
    var next = [Int32](unsafeUninitializedCapacity: taskCount) { buffer, count in
      for task in 0..<taskCount { buffer[task] = start[task] }
      count = taskCount
    }
    for task in tasks {
      for input in inputs(of: task) {
        list[Int(next[Int(input)])] = task
        next[Int(input)] += 1
      }
    }
    return TaskEdges(start: start, list: list)
  }

  /// From every task to its inputs, as `inputs(of:)` gives them.
  public func inputEdges() -> TaskEdges {
    TaskEdges(start: DenseArray(inputStart), list: DenseArray(inputList))
  }

  // MARK: - Building

  /// Says how much there is of something that tasks share; at least 1.
  public mutating func setLimit(_ name: LimitName, to most: Int) { limits[name] = max(most, 1) }

  /// Adds a stage of one operation, configured by `arguments`, on earlier stages.
  ///
  /// - Parameters:
  ///   - name: unique in the graph.
  ///   - definition: what the operation says about itself.
  ///   - arguments: its parameters' values, checked against the definition.
  ///   - inputs: names of earlier stages, as the operation declares its inputs.
  ///   - keep: whether to keep the results on disk after the run; `nil` leaves it to what the stage is, see `isKept`.
  ///   - policy: how the scheduler treats the tasks. Every limit it takes from must have been set.
  /// - Throws: `GraphError` if the stages do not fit together; `ParameterError` if the operation refuses its arguments.
  /// - Complexity: O(tasks added + edges added).
  public mutating func addStage(
    _ name: String, op definition: OpDefinition, arguments: OpArguments, from inputs: [String] = [], keep: Bool? = nil,
    policy: TaskPolicy = TaskPolicy()
  ) throws {
    try checkLimits(of: policy, stage: name)
    try checkName(name)
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
    if case .shuffle(let make) = definition.maker {
      return try addShuffle(
        name, op: definition, make(arguments), arguments: arguments, of: sources[0], keep: keep, policy: policy)
    }
    if case .sink(let make) = definition.maker {
      let op = try make(arguments)
      if let joined = op.joined {
        return try addJoinedSink(
          name, op: definition, joined, arguments: arguments, of: sources, keep: keep, policy: policy)
      }
      if let placed = op.placed {
        return try addPlacedSink(
          name, op: definition, placed, arguments: arguments, of: sources[0], keep: keep, policy: policy)
      }
    }
    if case .regroup(let make) = definition.maker {
      return try addRegrouping(
        name, op: definition, make(arguments), arguments: arguments, of: sources, keep: keep, policy: policy)
    }
    if case .fit(let make) = definition.maker {
      return try addFit(
        name, op: definition, make(arguments), arguments: arguments, of: sources[0], keep: keep, policy: policy)
    }
    if case .join(let make) = definition.maker {
      return try addJoin(
        name, op: definition, make(arguments), arguments: arguments, left: sources[0], right: sources[1], keep: keep,
        policy: policy)
    }
    let bag = definition.shape == .command ? nil : try bagPartitions(sources, stage: name)
    var partitions = bag ?? .numbered(1)

    let body: any TaskBody
    var layout = bag == nil ? Stage.Layout.single : .bag(partitions)
    switch definition.maker {
    case .source(let make):
      let op = try make(arguments)
      let own = try op.partitions()
      guard !own.isEmpty else {
        throw GraphError(.wrongInputs, "\(definition.name) finds nothing to read", stage: name)
      }
      layout = op.isSingle ? .single : .bag(own)
      body = SourceBody(op: op, partitions: own)
    case .perPartition(let make):
      let op = try make(arguments)
      if let count = op.partitionCount {
        guard bag == nil else {
          throw GraphError(
            .wrongInputs, "it takes its partitions from the bag it reads: leave out its own", stage: name)
        }
        partitions = .numbered(count)
        layout = .bag(partitions)
      }
      body = PartitionBody(op: op, partitions: partitions, inputNames: inputs)
    case .sink(let make):
      let op = try make(arguments)
      body = SinkBody(op: op, partitions: partitions, paths: try op.paths(for: partitions))
    case .reduction(let make):
      let op = try make(arguments)
      if let count = op.leadingPartitions { partitions = partitions.first(max(count, 1)) }
      layout = .tree(partitions, fanIn: max(op.fanIn, 2), mapsPartitions: op.mapsPartitions)
      body = ReductionBody(op: op, partitions: partitions)
    case .command(let make):
      let op = try make(arguments)
      let bag = op.runsOnce ? nil : try bagPartitions(sources, stage: name)
      let plan = try CommandPlan(op, reading: sources, bag: bag, stage: name)
      if plan.isBag { layout = .bag(plan.partitions) }
      body = CommandBody(op: op, plan: plan)
    case .shuffle, .regroup, .join, .fit: preconditionFailure("\(definition.shape) has edges of its own")
    case .program: preconditionFailure("\(definition.name) is a program's own: its stages come with their bodies")
    }
    guard keep != true || body.outlivesRun else {
      throw GraphError(
        .wrongInputs,
        "what \(definition.name) gives lies on disk for the run alone, and \"keep\" cannot hold it: leave keep out",
        stage: name)
    }
    try claimFiles(of: body, layout: layout, stage: name)
    let number = stages.count
    stages.append(
      Stage(
        name: name, op: definition, arguments: arguments, inputs: sources.map(\.number), number: number,
        layout: layout, body: body, firstTask: TaskID(taskCount), keep: keep, policy: policy))
    stageIndex[name] = number
    usedStages.formUnion(sources.map(\.number))
    try addTasks(of: stages[number], from: sources)
  }

  /// Adds a stage that a program describes itself: body, layout and edges come as they are.
  ///
  /// - Parameters:
  ///   - arguments: of an operation that was configured with some.
  ///   - body: what its tasks do.
  ///   - inputs: numbers of the earlier stages that the edges come from.
  ///   - edges: for each task in turn that works on a partition, and for the one task of a single value, puts its inputs,
  ///     which have lower numbers, at the end of the list. A task that combines gets what its level says.
  /// - Throws: `GraphError` for a name that is taken, or a limit that is not there.
  /// - Complexity: O(tasks added + edges added).
  package mutating func addStage(
    _ name: String, op definition: OpDefinition, arguments: OpArguments? = nil, body: any TaskBody,
    layout: Stage.Layout, inputs: [Int] = [], keep: Bool? = nil, policy: TaskPolicy = TaskPolicy(),
    edges: (_ index: Int, _ inputs: inout [TaskID]) -> Void
  ) throws {
    try checkLimits(of: policy, stage: name)
    try checkName(name)
    try claimFiles(of: body, layout: layout, stage: name)
    let number = stages.count
    let stage = Stage(
      name: name, op: definition, arguments: arguments, inputs: inputs, number: number, layout: layout, body: body,
      firstTask: TaskID(taskCount), keep: keep, policy: policy)
    stages.append(stage)
    stageIndex[name] = number
    usedStages.formUnion(inputs)
    inputStart.reserveCapacity(inputStart.count + stage.taskCount)
    for index in 0..<stage.taskCount {
      if index < stage.levels[0] {
        edges(index, &inputList)
      } else if case .combine(let level, let position) = stage.role(index) {
        addChildren(of: stage, level: Int(level), index: Int(position), from: [])
      } else {
        addChildren(of: stage, level: stage.levels.count - 1, index: 0, from: [])
      }
      try closeTask(of: name)
    }
    stageNumbers += repeatElement(Int32(number), count: stage.taskCount)
  }

  /// What was put into the list of inputs since the last call are a task's inputs.
  private mutating func closeTask(of stage: String) throws {
    guard let end = Int32(exactly: inputList.count), inputStart.count < Int32.max else {
      throw GraphError(
        .tooLarge, "the graph would have more than \(Int32.max) tasks or edges; take fewer, larger partitions",
        stage: stage)
    }
    inputStart.append(end)
  }

  private func checkName(_ name: String) throws {
    guard stageIndex[name] == nil else {
      throw GraphError(.duplicateName, "there are two tasks named \"\(name)\"", stage: name)
    }
  }

  /// No file is written by two stages, or written by one and read by another.
  private mutating func claimFiles(of body: any TaskBody, layout: Stage.Layout, stage: String) throws {
    guard body.touchesFiles else { return }
    let roles: [TaskRole]
    switch layout {
    case .bag(let partitions): roles = partitions.indices.map { .partition(Int32($0)) }
    case .single: roles = [.whole]
    case .tree(let partitions, _, let mapsPartitions):
      roles = mapsPartitions ? partitions.indices.map { .partition(Int32($0)) } : []
    }
    for role in roles {
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

  private func checkLimits(of policy: TaskPolicy, stage: String) throws {
    for (limit, amount) in policy.takes {
      guard let most = limits[limit] else {
        let near = nearestName(to: limit.name, among: limits.keys.filter { $0.kind == limit.kind }.map(\.name))
        throw GraphError(
          .unknownLimit, "there is no \(limit)" + (near.map { "; did you mean \"\($0)\"?" } ?? ""), stage: stage)
      }
      guard amount <= most else {
        throw GraphError(.unknownLimit, "it takes \(amount) of \(limit), and there are \(most)", stage: stage)
      }
    }
  }

  private mutating func addTasks(of stage: Stage, from sources: [Stage]) throws {
    for index in 0..<stage.taskCount {
      switch stage.role(index) {
      case .partition(let partition):
        for source in sources {
          inputList.append(
            source.isBag ? source.firstTask + partition : source.firstTask + TaskID(source.taskCount) - 1)
        }
      case .combine(let level, let position):
        addChildren(of: stage, level: Int(level), index: Int(position), from: sources)
      case .whole:
        if case .single = stage.layout {
          for source in sources {
            // Whoever runs once although it reads a bag takes all of it.
            inputList += source.isBag ? source.tasks : source.tasks.suffix(1)
          }
        } else {
          addChildren(of: stage, level: stage.levels.count - 1, index: 0, from: sources)
        }
      }
      try closeTask(of: stage.name)
    }
    stageNumbers += repeatElement(Int32(stage.number), count: stage.taskCount)
  }

  private mutating func addChildren(of stage: Stage, level: Int, index: Int, from sources: [Stage]) {
    let isOnBag = level == 1 && stage.levels[0] == 0
    let first = isOnBag ? sources[0].firstTask : stage.firstTask
    inputList += stage.children(level: level, index: index).lazy.map { first + TaskID($0) }
  }

  private func check(_ sources: [Stage], against declared: [OpInput], of op: String, stage: String) throws {
    guard OpInput.accepts(sources.count, declared) else {
      let wants =
        declared.isEmpty
        ? "takes no \"from\""
        : "needs \"from\" to name " + declared.map(\.description).joined(separator: ", ")
      throw GraphError(.wrongInputs, "\(op) \(wants), and got \(sources.count)", stage: stage)
    }
    for (position, source) in sources.enumerated() {
      let input = declared[min(position, declared.count - 1)]
      if let refusal = input.refusal(of: "\"\(source.name)\"", shape: source.op.shape, by: op) {
        throw GraphError(.wrongInputs, refusal, stage: stage, inputPosition: position)
      }
      guard input.form == .any || source.isBag == (input.form == .bag) else {
        let found = source.isBag ? "a bag of \(source.partitions.count) partitions" : "one value"
        throw GraphError(
          .wrongInputs,
          "\(op) wants a \(input.form.rawValue) as \"\(input.name)\", but \"\(source.name)\" gives \(found)",
          stage: stage, inputPosition: position)
      }
    }
  }

  /// - Returns: `nil` where no input is a bag.
  private func bagPartitions(_ sources: [Stage], stage: String) throws -> Partitions? {
    let bags = sources.filter(\.isBag)
    for other in bags.dropFirst() where other.partitions.count != bags[0].partitions.count {
      throw GraphError(
        .wrongInputs,
        "\"\(bags[0].name)\" has \(bags[0].partitions.count) partitions and \"\(other.name)\" \(other.partitions.count): "
          + "bags are matched partition by partition", stage: stage)
    }
    return bags.first?.partitions
  }
}
