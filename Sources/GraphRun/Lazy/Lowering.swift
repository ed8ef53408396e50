import Foundation
import Graph

/// Turns the nodes that some targets need into a graph of stages.
///
/// A stage is made of what must lie somewhere: targets, values, reductions, what has options of its own, and bags that
/// more than one stage would otherwise compute again. Every other bag becomes part of the one stage that reads it.
struct Lowering {
  private(set) var graph = TaskGraph()
  private(set) var registry = OpRegistry()
  /// By node: the stage it became.
  private(set) var stageNumbers: [ObjectIdentifier: Int] = [:]
  /// By node: the task that gives its first partition, or its value.
  private var firstResults: [ObjectIdentifier: TaskID] = [:]
  private var nodes: [Node] = []
  private var isStage: Set<ObjectIdentifier> = []
  private let targets: Set<ObjectIdentifier>
  /// Names that steps were given or got, and the last number that was put behind each label.
  private var names: Set<String> = []
  private var numbers: [String: Int] = [:]
  /// By node: the options of the steps that it is part of, where it has none of its own.
  private var optionsOfParts: [ObjectIdentifier: TaskOptions] = [:]
  /// By node: the names of the steps that it is part of.
  private var namesOfParts: [ObjectIdentifier: String] = [:]
  private let wrap: (any TaskBody, Node) -> any TaskBody

  /// - Parameters:
  ///   - limits: how much there is of what tasks share; what is named nowhere has room for one.
  ///   - wrap: may put another body around a stage's.
  /// - Throws: `GraphError` if two steps have one name, or one takes more than there is.
  init(
    _ targets: [Node], limits: [LimitName: Int] = [:],
    wrap: @escaping (any TaskBody, Node) -> any TaskBody = { body, _ in body }
  ) throws {
    self.wrap = wrap
    self.targets = Set(targets.map(ObjectIdentifier.init))
    visit(targets)
    optionsOfParts = Lowering.optionsOfParts(nodes)
    namesOfParts = Lowering.namesOfParts(nodes)
    for case let name? in nodes.map(\.options.name) where !names.insert(name).inserted {
      throw GraphError(
        .duplicateName, "two steps of this program are named \"\(name)\": give each a name of its own", stage: name)
    }
    isStage = Lowering.stages(nodes, targets: targets)
    for (name, most) in limits { graph.setLimit(name, to: most) }
    // What is declared nowhere has just as much as the one that takes most.
    var undeclared: [LimitName: Int] = [:]
    for node in nodes where isStage.contains(ObjectIdentifier(node)) {
      for (limit, amount) in options(of: node).policy.takes where graph.limits[limit] == nil {
        undeclared[limit] = max(undeclared[limit] ?? 1, amount)
      }
    }
    for (limit, most) in undeclared { graph.setLimit(limit, to: most) }
    for node in nodes where isStage.contains(ObjectIdentifier(node)) { try add(node) }
  }

  /// Inputs before what reads them.
  private mutating func visit(_ targets: [Node]) {
    var seen: Set<ObjectIdentifier> = []
    for target in targets where seen.insert(ObjectIdentifier(target)).inserted {
      // Chains may be long: no recursion.
      var stack = [(node: target, next: 0)]
      while let (node, next) = stack.last {
        guard next < node.inputs.count else {
          nodes.append(node)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let input = node.inputs[next].node
        if seen.insert(ObjectIdentifier(input)).inserted { stack.append((input, 0)) }
      }
    }
  }

  /// Which nodes become stages: by how many stages would have to compute each.
  private static func stages(_ nodes: [Node], targets: [Node]) -> Set<ObjectIdentifier> {
    var targets = Set(targets.map(ObjectIdentifier.init))
    for node in nodes {
      for input in node.inputs where input.isAwaited { targets.insert(ObjectIdentifier(input.node)) }
    }
    var stages: Set<ObjectIdentifier> = []
    var readers: [ObjectIdentifier: Int] = [:]
    for node in nodes.reversed() {
      let id = ObjectIdentifier(node)
      let count = readers[id] ?? 0
      let isStage =
        switch node.cost {
        case .stage: true
        case .elements: targets.contains(id) || node.options.wantStage || count > 1
        case .view: targets.contains(id)
        }
      if isStage { stages.insert(id) }
      for input in node.inputs {
        readers[ObjectIdentifier(input.node), default: 0] += (isStage ? 1 : count) * (input.isShared ? 2 : 1)
      }
    }
    return stages
  }

  /// A part that several named steps share goes by all their names: a new version of any means another result.
  private static func namesOfParts(_ nodes: [Node]) -> [ObjectIdentifier: String] {
    var names: [ObjectIdentifier: String] = [:]
    for node in nodes.reversed() {
      guard let name = node.options.identity ?? names[ObjectIdentifier(node)] else { continue }
      // With its place, because a step may have two parts that do the same to the same bag with two closures.
      for (place, input) in node.inputs.enumerated() where input.isPart && input.node.options.name == nil {
        names[ObjectIdentifier(input.node), default: "part of "] += "\(place) \(name)"
      }
    }
    return names
  }

  /// How a step is treated, so are its parts that nothing else is said of.
  private static func optionsOfParts(_ nodes: [Node]) -> [ObjectIdentifier: TaskOptions] {
    var all: [ObjectIdentifier: TaskOptions] = [:]
    for node in nodes.reversed() {
      guard let options = node.options.wantStage ? node.options : all[ObjectIdentifier(node)] else { continue }
      for input in node.inputs where input.isPart && !input.node.options.wantStage {
        all[ObjectIdentifier(input.node)] = options
      }
    }
    return all
  }

  private func options(of node: Node) -> TaskOptions {
    node.options.wantStage ? node.options : optionsOfParts[ObjectIdentifier(node)] ?? node.options
  }

  private mutating func add(_ node: Node) throws {
    let id = ObjectIdentifier(node)
    for type in node.valueTypes { registry.register(type) }
    let body = LoweredBody(node: node, isStage: isStage, namesOfParts: namesOfParts)
    let shape: OpShape =
      switch node.layout {
      case .tree: .reduction
      case .single, .bag:
        node.outputPath != nil ? .sink : body.inputNodes.isEmpty ? .source : .perPartition
      }
    let definition = OpDefinition(
      name: "swift." + node.label, version: node.options.version, summary: "A step of a Swift program",
      output: node.typeName, example: "", maker: .program(shape))
    let firstTask = TaskID(graph.taskCount)
    let options = options(of: node)
    // What is asked for must be there to be given out, also by a later run. Reductions are kept anyway; of them `keep`
    // would ask for all partial results.
    let keep = targets.contains(id) && shape != .reduction ? true : node.options.keep
    try graph.addStage(
      name(of: node), op: definition, body: wrap(body, node), layout: node.layout,
      inputs: body.inputNodes.map { stageNumbers[ObjectIdentifier($0)]! }, keep: keep,
      policy: options.policy
    ) { index, inputs in
      for reference in body.references(of: index) {
        let first = reference.node === node ? firstTask : firstResults[ObjectIdentifier(reference.node)]!
        inputs.append(first + TaskID(reference.partition))
      }
    }
    let stage = graph.stages[graph.stages.count - 1]
    stageNumbers[id] = stage.number
    firstResults[id] = stage.isBag ? stage.firstTask : stage.tasks.upperBound - 1
  }

  private mutating func name(of node: Node) -> String {
    if let name = node.options.name { return name }
    while true {
      let number = (numbers[node.label] ?? 0) + 1
      numbers[node.label] = number
      let name = number == 1 ? node.label : "\(node.label)-\(number)"
      if names.insert(name).inserted { return name }
    }
  }
}

/// What a stage made of nodes does.
struct LoweredBody: TaskBody {
  let node: Node
  let isStage: Set<ObjectIdentifier>
  /// Stages that it reads, without itself.
  let inputNodes: [Node]
  let touchesFiles: Bool
  private let text: String

  init(node: Node, isStage: Set<ObjectIdentifier>, namesOfParts: [ObjectIdentifier: String]) {
    self.node = node
    self.isStage = isStage
    var inputNodes: [Node] = []
    var text = ""
    var touchesFiles = false
    var seen: [ObjectIdentifier: Int] = [:]
    // Iterative, because chains of steps may be long.
    var stack = [(node, true)]
    while let (step, isOwn) = stack.popLast() {
      let id = ObjectIdentifier(step)
      if let number = seen[id] {
        text += "#\(number);"
        continue
      }
      seen[id] = seen.count
      guard isOwn || !isStage.contains(id) else {
        inputNodes.append(step)
        text += "input;"
        continue
      }
      text +=
        LoweredBody.identity(of: step, name: step.options.identity ?? namesOfParts[id]) + "(\(step.inputs.count));"
      touchesFiles = touchesFiles || step.touchesFiles
      for input in step.inputs.reversed() { stack.append((input.node, false)) }
    }
    self.inputNodes = inputNodes
    self.text = text
    self.touchesFiles = touchesFiles
  }

  /// - Parameter name: what stands for its closures; `nil` if nothing does.
  private static func identity(of node: Node, name: String?) -> String {
    switch node.identity {
    case .parameters(let text): return "\(node.label) \(text) \(node.typeName)"
    case .closure(let text):
      if let name { return "\(node.label) \(name)\(text) \(node.typeName)" }
      return "\(node.label) \(text) \(node.typeName) \(Program.nonce)-\(node.serial)"
    }
  }

  /// What the task at `index` of the lowest level reads from stages, each once, in the order of its inputs.
  func references(of index: Int) -> [Node.Reference] {
    var references: [Node.Reference] = []
    var seen: Set<Place> = []
    expand(Node.Reference(node: node, partition: index), isOwn: true) { reference in
      if seen.insert(Place(node: ObjectIdentifier(reference.node), partition: reference.partition)).inserted {
        references.append(reference)
      }
    }
    return references
  }

  private struct Place: Hashable {
    let node: ObjectIdentifier
    let partition: Int
  }

  /// Goes from a partition down to what stages hold, depth first, in order.
  private func expand(
    _ start: Node.Reference, isOwn: Bool, part: (Node.Reference) -> Void = { _ in },
    _ found: (Node.Reference) -> Void
  ) {
    var stack = [(start, isOwn)]
    while let (reference, isOwn) = stack.popLast() {
      guard isOwn || !(isStage.contains(ObjectIdentifier(reference.node))) else {
        found(reference)
        continue
      }
      part(reference)
      for dependency in reference.node.dependencies(reference.partition, reference.node).reversed() {
        stack.append((dependency, false))
      }
    }
  }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    switch role {
    case .partition(let index): node.memory(Int(index), inputBytes, memoryLimit)
    case .whole where !isTree: node.memory(0, inputBytes, memoryLimit)
    case .combine, .whole:
      MemoryEstimate(output: (inputBytes.max() ?? 0) + 1024, scratch: inputBytes.reduce(0, +) / 2)
    }
  }

  private var isTree: Bool { if case .tree = node.layout { true } else { false } }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    switch role {
    case .combine,
      .whole where isTree:
      return try node.run(role, ReadScope(node: node, combining: inputs, context: context))
    case .partition(let index):
      return try run(role, Int(index), inputs, context)
    case .whole:
      return try run(role, 0, inputs, context)
    }
  }

  private func run(
    _ role: TaskRole, _ index: Int, _ inputs: [any TaskValue], _ context: any TaskContext
  ) throws -> any TaskValue {
    try node.run(role, ReadScope(node: node, references: references(of: index), inputs: inputs, context: context))
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    var parts: [IdentityPart] = [.text(name: "step", value: text)]
    let index: Int
    switch role {
    case .partition(let partition): index = Int(partition)
    case .whole where !isTree: index = 0
    case .combine, .whole: return parts
    }
    expand(Node.Reference(node: node, partition: index), isOwn: true) { reference in
      // Of a view, which partition is looked at matters; of a step that maps partition to partition, what it reads.
      if reference.node.dependencies(reference.partition, reference.node).isEmpty || reference.node.cost == .view {
        parts.append(.number(reference.partition))
      }
      parts += reference.node.partitionIdentity(reference.partition)
    } _: { _ in
    }
    return parts
  }

  func outputPath(_ role: TaskRole) -> String? {
    switch role {
    case .partition(let index): node.outputPath?(Int(index))
    case .whole, .combine: nil
    }
  }
}

/// This process.
enum Program {
  /// Different in every process.
  static let nonce = UUID().uuidString

  /// Different in every build, as far as the executable's size and time tell.
  static let build: String = {
    guard let file = try? ElementsFile.identity(path) else { return nonce }
    return "@\(file.byteCount)-\(file.modified)"
  }()

  /// The executable, however it was started: what its runs are known by.
  static let path =
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    ?? Paths.absolute(CommandLine.arguments.first ?? "program")
}
