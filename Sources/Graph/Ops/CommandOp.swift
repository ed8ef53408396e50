/// A configured command: works on files, those it names itself and those that the tasks it reads wrote; most run a program.
///
/// Its tasks are worked out before anything runs: one a file it names, one a partition of the bag it reads, or one.
public protocol CommandOp: Sendable {
  /// The files it names itself, in order; `nil` if it names none.
  /// - Throws: `ParameterError` where a file is missing or a pattern matches nothing.
  func files() throws -> Partitions?
  /// Files beside its inputs whose change makes every task's result another.
  func watchedFiles() throws -> [FileIdentity]
  /// Whether one task takes all files, those it names and every partition of a bag.
  var runsOnce: Bool { get }
  /// Whether a task's place among the others makes its result another.
  var dependsOnIndex: Bool { get }
  /// The absolute final path of what a task writes; `nil` if it writes nothing that is known.
  ///
  /// - Parameters:
  ///   - index: the task's place, from 0.
  ///   - inputs: its input files. Those that are still to be written count.
  /// - Throws: `ParameterError` where the command cannot be made for these inputs.
  func outputPath(index: Int, inputs: [String]) throws -> String?
  func estimate(inputBytes: [Int]) -> MemoryEstimate
  func run(_ call: CommandCall, context: any TaskContext) throws -> any TaskValue
}

/// What one task of a command works on.
public struct CommandCall: Sendable {
  public let index: Int
  /// As they were when the run was planned, or when the tasks that wrote them ended.
  public let inputs: [FileIdentity]
  /// Those of them that tasks wrote.
  public let written: [WrittenFile]
  public let watched: [FileIdentity]
  public let output: String?

  public init(
    index: Int, inputs: [FileIdentity], written: [WrittenFile] = [], watched: [FileIdentity] = [],
    output: String? = nil
  ) {
    self.index = index
    self.inputs = inputs
    self.written = written
    self.watched = watched
    self.output = output
  }
}

/// The tasks of a command stage, and their files.
struct CommandPlan: Sendable {
  let partitions: Partitions
  let isBag: Bool
  private let own: Partitions?
  let watched: [FileIdentity]
  /// One a task, or none at all.
  let outputs: [String]

  /// - Parameter bag: of the bags among `sources`, unless the command runs once.
  init(_ op: any CommandOp, reading sources: [Stage], bag: Partitions?, stage: String) throws {
    own = try op.files()
    guard own == nil || bag == nil else {
      throw GraphError(
        .wrongInputs, "it takes its partitions from the bag it reads: leave out its own files, or let it run once",
        stage: stage)
    }
    watched = try op.watchedFiles()
    isBag = bag != nil || (own != nil && !op.runsOnce)
    partitions = isBag ? bag ?? own! : .numbered(1)
    var outputs: [String] = []
    var owners: [[UInt8]: Int] = [:]
    for index in partitions.indices {
      var inputs = CommandPlan.files(of: index, own, isBag: isBag).map(\.path)
      for source in sources {
        for position in source.isBag ? (isBag ? index..<index + 1 : 0..<source.taskCount) : 0..<1 {
          if let path = source.body.outputPath(source.role(position)) { inputs.append(path) }
        }
      }
      guard let path = try op.outputPath(index: index, inputs: inputs) else { continue }
      if let other = owners.updateValue(index, forKey: Array(path.utf8)) {
        throw GraphError(
          .fileClash, "tasks \(other) and \(index) would both write \(path); put {stem} or {index} into its output",
          stage: stage)
      }
      outputs.append(path)
    }
    self.outputs = outputs
  }

  /// The files that a task takes from the command itself.
  func ownFiles(of index: Int) -> [FileIdentity] { CommandPlan.files(of: index, own, isBag: isBag) }

  private static func files(of index: Int, _ own: Partitions?, isBag: Bool) -> [FileIdentity] {
    guard let own else { return [] }
    return isBag ? [own[index].file].compactMap { $0 } : own.compactMap(\.file)
  }
}

struct CommandBody: TaskBody {
  let op: any CommandOp
  let plan: CommandPlan

  var touchesFiles: Bool { true }
  var hasSmallResults: Bool { true }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimate(inputBytes: inputBytes)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    let index = role.partitionIndex
    var parts = (plan.ownFiles(of: index) + plan.watched).map { IdentityPart.file($0) }
    if let path = outputPath(role) { parts.append(.text(name: "output", value: path)) }
    if op.dependsOnIndex { parts.append(.number(index)) }
    return parts
  }

  func outputPath(_ role: TaskRole) -> String? { plan.outputs.isEmpty ? nil : plan.outputs[role.partitionIndex] }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let written = inputs.compactMap { $0 as? WrittenFile }
    let index = role.partitionIndex
    let files =
      plan.ownFiles(of: index)
      + written.map { FileIdentity(path: $0.path, byteCount: $0.fileByteCount, modified: $0.modified) }
    return try op.run(
      CommandCall(index: index, inputs: files, written: written, watched: plan.watched, output: outputPath(role)),
      context: context)
  }
}
