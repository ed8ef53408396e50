import Graph

/// One attempt to make a graph of a file and what it includes: all that can be checked without data first, then stage by
/// stage.
///
/// Entries become instances, one each unless `foreach` or `matrix` says otherwise. Everything from there on, inputs,
/// order and circles too, is about instances.
struct Builder {
  struct UnitEntry {
    let unit: Int
    let entry: Entry
    /// With its unit's namespace.
    let name: String
  }

  struct Instance {
    let entry: Int
    let name: String
    let scope: Scope?
    /// What `when` says.
    var isOn = true
  }

  /// What a name in `from` leads to.
  enum Target {
    /// Instances by number; of an entry without `foreach` one.
    case instances(Range<Int>)
    /// An entry that could not be made into instances, which is reported.
    case broken
  }

  let file: DAGFile
  let registry: OpRegistry
  let mistakes: Mistakes
  let typing: Typing
  /// By unit.
  private(set) var parameters: [Parameters] = []
  private(set) var entries: [UnitEntry] = []
  private(set) var instances: [Instance] = []
  private(set) var targets: [String: Target] = [:]
  var graph = TaskGraph()

  /// By entry; `nil` where there is no such operation.
  private(set) var definitions: [OpDefinition?] = []
  /// By unit.
  private var defaults: [TaskOptions] = []
  /// By instance; `nil` where something is wrong with it, or it is switched off.
  var arguments: [OpArguments?] = []
  var options: [TaskOptions] = []
  /// The instances each instance names; where a name is unknown, it is left out.
  var inputs: [[Int]] = []
  /// By instance: up to which input a name in `from` reaches, and where it stands.
  var inputPlaces: [[(end: Int, position: Position)]] = []
  /// How many tasks names that stand for several may still stand for, over all instances.
  static let mostGroupInputs = 2_000_000
  var groupInputsLeft = Builder.mostGroupInputs
  private var order: [Int] = []

  init(_ file: DAGFile, registry: OpRegistry, overrides: [Override], home: String?) {
    self.file = file
    self.registry = registry
    mistakes = Mistakes(file.mistakes)
    typing = Typing(home: home, mistakes: mistakes)
    for unit in file.units.indices { parameters.append(parameters(of: unit, overrides: overrides)) }
    readLimits()
    let options = OptionTyping(mistakes: mistakes)
    for (number, unit) in file.units.enumerated() {
      var own = TaskOptions()
      for option in unit.content.defaults {
        let subject = "\"defaults\": \"\(option.name.text)\""
        let value = parameters[number].resolve(option.value, subject: Parameters.Subject(subject))
        guard let typed = options.value(value, of: option.name.text, as: option.value, subject: subject) else {
          continue
        }
        own.set(option.name.text, typed, at: option.value.position)
        checkLimits(of: &own, option.name.text, at: option.value.position)
      }
      defaults.append(unit.parent.map { own.filled(from: defaults[$0.unit]) } ?? own)
      entries += unit.content.entries.map { UnitEntry(unit: number, entry: $0, name: unit.namespace + $0.name.text) }
    }
  }

  // MARK: - Without data

  mutating func resolve() {
    for entry in entries {
      let op = entry.entry.op
      definitions.append(op.flatMap { registry[$0.text] })
      if let op, registry[op.text] == nil {
        let near = mistakes.nearestOps(to: op.text, in: registry)
        add(.unknownOp, at: op.position, entry, "there is no operation \(shown(op.text))\(suggestion(near))")
      }
    }
    makeInstances()
    arguments = Array(repeating: nil, count: instances.count)
    options = Array(repeating: TaskOptions(), count: instances.count)
    inputs = Array(repeating: [], count: instances.count)
    inputPlaces = Array(repeating: [], count: instances.count)
    for number in entries.indices {
      if case .instances(let range)? = targets[entries[number].name], range.first.map({ instances[$0].entry }) == number
      {
        resolveInstances(range, of: number)
      }
    }
    let order = EntryOrder(inputs: inputs)
    self.order = order.order
    for cycle in order.cycles { report(cycle) }
  }

  private mutating func makeInstances() {
    var maker = InstanceMaker(parameters: parameters, mistakes: mistakes)
    var first: [String: Int] = [:]
    for (number, entry) in entries.enumerated() {
      if let other = first[entry.name] {
        mistakes.add(
          .duplicateName, at: entry.entry.name.position,
          "there are two tasks named \(shown(entry.name)): the first is on line "
            + "\(entries[other].entry.name.position.line) of \(path(of: entries[other])), this one in "
            + "\(path(of: entry)); include one of them under a name, with \"as\"")
        continue
      }
      first[entry.name] = number
      let start = instances.count
      if entry.entry.expansion != nil {
        guard let scopes = maker.scopes(of: entry.entry, in: entry.unit) else {
          targets[entry.name] = .broken
          continue
        }
        for scope in scopes {
          let name = "\(entry.name)@\(scope.key)"
          targets[name] = .instances(instances.count..<instances.count + 1)
          instances.append(Instance(entry: number, name: name, scope: scope))
        }
      } else {
        instances.append(Instance(entry: number, name: entry.name, scope: nil))
      }
      targets[entry.name] = .instances(start..<instances.count)
      switchOff(start..<instances.count, entry)
    }
  }

  /// Takes what `when` says.
  private mutating func switchOff(_ range: Range<Int>, _ entry: UnitEntry) {
    let conditions = Conditions(entry.entry.conditions, parameters: parameters[entry.unit], mistakes: mistakes)
    guard !conditions.isEmpty else { return }
    let before = mistakes.count
    for number in range {
      instances[number].isOn = conditions.hold(in: instances[number].scope, task: instances[number].name)
      // What is wrong in one is wrong in all as a rule.
      guard mistakes.count == before else {
        for number in range { instances[number].isOn = true }
        isBroken.insert(instances[range.lowerBound].entry)
        return
      }
      if !conditions.differ {
        for other in range { instances[other].isOn = instances[number].isOn }
        return
      }
    }
  }

  /// Entries whose `when` or keys are wrong.
  private(set) var isBroken: Set<Int> = []

  var switchedOff: [String] { instances.lazy.filter { !$0.isOn }.map(\.name) }

  /// Everything about the instances of one entry.
  private mutating func resolveInstances(_ range: Range<Int>, of number: Int) {
    let entry = entries[number]
    let options = ownOptions(of: entry)
    guard let definition = definitions[number] else {
      for (name, raw) in entry.entry.arguments {
        let subject = Parameters.Subject(task: entry.name, parameter: name.text)
        _ = parameters[entry.unit].resolve(raw, in: instances[range.lowerBound].scope, subject: subject)
      }
      for instance in range { _ = resolveInputs(of: instance) }
      return
    }
    var template = ArgumentTemplate(entry, definition, parameters[entry.unit], self)
    let isWhole = template.isWhole && !entry.entry.isIncomplete && !isBroken.contains(number)
    var told: Set<String> = []
    var badCount = 0
    for instance in range where instances[instance].isOn {
      let before = mistakes.count
      let areWhole = resolveInputs(of: instance)
      let fits = areWhole && checkInputs(of: instance, against: definition)
      let own = self.options(options, of: instance)
      self.options[instance] = own.filled(from: defaults[entry.unit])
      let resolved = template.arguments(of: instances[instance], self)
      if isWhole, fits { arguments[instance] = resolved }
      guard mistakes.count > before, entry.entry.expansion != nil else { continue }
      // Of instances that are all wrong, a few are enough; what is wrong in the same way is told once.
      let name = shown(instances[instance].name)
      mistakes.filter(since: before) { told.insert($0.message.replacing(name, with: "")).inserted }
      badCount += 1
      guard badCount < 3 else { break }
    }
  }

  // MARK: - With data

  mutating func addStages() {
    var isAdded = [Bool](repeating: false, count: instances.count)
    for number in order {
      let instance = instances[number]
      // Whoever stands on something broken, or in a circle, is not to blame.
      guard instance.isOn, let definition = definitions[instance.entry], let arguments = arguments[number],
        inputs[number].allSatisfy({ isAdded[$0] })
      else { continue }
      do {
        try graph.addStage(
          instance.name, op: definition, arguments: arguments, from: inputs[number].map { instances[$0].name },
          keep: options[number].keep, policy: options[number].policy)
        isAdded[number] = true
      } catch {
        report(error, of: number)
      }
    }
  }

  func configureOps() {
    for number in order {
      guard let definition = definitions[instances[number].entry], let arguments = arguments[number] else { continue }
      do {
        switch definition.maker {
        case .source(let make): _ = try make(arguments)
        case .perPartition(let make): _ = try make(arguments)
        case .reduction(let make): _ = try make(arguments)
        case .shuffle(let make): _ = try make(arguments)
        case .regroup(let make): _ = try make(arguments)
        case .join(let make): _ = try make(arguments)
        case .fit(let make): _ = try make(arguments)
        case .sink(let make): _ = try make(arguments)
        case .command(let make): _ = try make(arguments)
        case .program: preconditionFailure("a registry holds no stages of programs")
        }
      } catch {
        report(error, of: number)
      }
    }
  }
}
