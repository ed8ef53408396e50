import Graph
import Scheduler
import Tasks

/// Tasks by name over graphrun's operations: what a DAG file says, in Swift.
///
///     var visits = Pipeline()
///     try visits.add("visits", "csv.read", with: ["files": "data/*.csv"])
///     try visits.add(
///       "customers", "group.aggregate", from: "visits",
///       with: ["by": "customer_id", "columns": ["visits": ["count": "*"], "total": ["sum": "amount"]]])
///     try visits.add("written", "csv.write", from: "customers", with: ["path": "customers.csv"])
///     try await visits.run(ComputeOptions(memory: ByteCount(256 << 20), state: ".graphrun"))
///
/// Operations, parameters, results and files are those of DAG files: `graphrun ops` lists them.
public struct Pipeline: Sendable {
  /// The tasks so far.
  public private(set) var graph = TaskGraph()
  /// The operations there are.
  public let registry: OpRegistry

  /// A pipeline without tasks.
  ///
  /// - Parameters:
  ///   - operations: of the program's own, beside those that come with graphrun.
  ///   - valueTypes: of values that these make.
  ///   - limits: how much there is of the pools and resources that tasks take from.
  public init(
    operations: [OpDefinition] = [], valueTypes: [any TaskValue.Type] = [], limits: [LimitName: Int] = [:]
  ) {
    var registry = OpRegistry()
    StandardOps.register(into: &registry)
    for definition in operations { registry.register(definition) }
    for type in valueTypes { registry.register(type) }
    self.registry = registry
    for (name, most) in limits { graph.setLimit(name, to: most) }
  }

  /// Adds a task, or a bag of tasks.
  ///
  /// - Parameters:
  ///   - task: its name.
  ///   - operation: the operation's name, as `csv.read`.
  ///   - inputs: names of earlier tasks, as the operation declares its inputs.
  ///   - parameters: as under `with` in a DAG file; paths that are relative count from the working folder.
  ///   - keep: whether to keep the results in the state folder after the run; `nil` leaves it to what the task is.
  ///   - policy: how the scheduler treats the tasks.
  /// - Throws: `GraphError` if there is no such operation or input, or they do not fit together; `ParameterError` for
  ///   parameters that the operation refuses.
  public mutating func add(
    _ task: String, _ operation: String, from inputs: String..., with parameters: [String: ParameterValue] = [:],
    keep: Bool? = nil, policy: TaskPolicy = TaskPolicy()
  ) throws {
    guard let definition = registry[operation] else {
      let near = nearestName(to: operation, among: registry.names).map { "; did you mean \"\($0)\"?" } ?? ""
      throw GraphError(.unknownOperation, "there is no operation \"\(operation)\"\(near)", stage: task)
    }
    let values = Dictionary(
      uniqueKeysWithValues: parameters.map { name, value in
        (name, definition.parameter(name).map { Pipeline.adapted(value, to: $0.kind) } ?? value)
      })
    try graph.addStage(
      task, op: definition, arguments: OpArguments(values, for: definition), from: inputs, keep: keep, policy: policy)
  }

  /// As DAG files are read: one text may stand for a list of one, and paths are made absolute.
  private static func adapted(_ value: ParameterValue, to kind: OpParameter.Kind) -> ParameterValue {
    switch (kind, value) {
    case (.files, .string(let path)): .strings([Paths.absolute(path)])
    case (.files, .strings(let paths)): .strings(paths.map(Paths.absolute))
    case (.path, .string(let path)): .string(Paths.absolute(path))
    case (.strings, .string(let text)): .strings([text])
    case (.number, .integer(let number)): .number(Double(number))
    case (.string, .integer), (.string, .number), (.string, .boolean): .string(value.json)
    default: value
    }
  }

  /// Runs all tasks whose results are not there yet, with a state folder or without.
  ///
  /// - Parameter options: without observers, pools and resources: use `progress`, and the limits that the pipeline was made
  ///   with.
  /// - Returns: how it went, and which files were written.
  /// - Throws: `ComputeError` if a task failed, with all failures; `CancellationError` if the Swift task was cancelled;
  ///   `SchedulerError` if the memory bound is too small or the state folder cannot be used.
  @discardableResult
  public func run(_ options: ComputeOptions = ComputeOptions()) async throws -> RunSummary {
    precondition(options.observers.isEmpty, "observers are not told of a pipeline's tasks; use ComputeOptions.progress")
    precondition(options.limits.isEmpty, "pools and resources of a pipeline are its limits: Pipeline(limits:)")
    let execution = GraphExecution(options)
    let summary = try await execution.onThread { try execution.run(graph, registry).summary }
    try summary.check()
    return summary
  }
}
