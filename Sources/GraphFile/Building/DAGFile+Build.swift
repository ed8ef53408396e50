import Graph

extension DAGFile {
  /// Makes the graph.
  ///
  /// Nothing is written, but the data is looked at: sources list their files, and sinks plan theirs.
  ///
  /// - Parameters:
  ///   - registry: the operations that there are.
  ///   - overrides: values for `parameters:`; of two for one name the last counts.
  ///   - home: what `~/` stands for.
  /// - Throws: all mistakes that can be told apart, also those found while reading the file.
  /// - Complexity: O(entries + tasks + edges), and what the sources take.
  public func build(
    registry: OpRegistry, overrides: [Override] = [], home: String? = DAGFile.homeFolder
  ) throws(GraphFileError) -> Pipeline {
    var builder = Builder(self, registry: registry, overrides: overrides, home: home)
    builder.resolve()
    builder.addStages()
    guard builder.mistakes.count == 0 else { throw builder.mistakes.error(file: path, text: text) }
    return Pipeline(
      name: name, path: absolutePath,
      parameters: builder.parameters.values.map { Pipeline.Parameter(name: $0.name, json: $0.value.json) },
      graph: builder.graph,
      lines: Dictionary(uniqueKeysWithValues: entries.map { ($0.name.text, $0.name.position.line) }))
  }

  /// Finds the mistakes that can be found without looking at the data.
  ///
  /// Operations are configured with their arguments, and inputs are compared with what each operation declares.
  /// What only the data can tell is left to `build`: a pattern that matches nothing, bags with different numbers of
  /// partitions, two output files of one name.
  public func check(
    registry: OpRegistry, overrides: [Override] = [], home: String? = DAGFile.homeFolder
  ) throws(GraphFileError) {
    var builder = Builder(self, registry: registry, overrides: overrides, home: home)
    builder.resolve()
    builder.configureOps()
    guard builder.mistakes.count == 0 else { throw builder.mistakes.error(file: path, text: text) }
  }

  /// The user's home folder, from the environment.
  public static var homeFolder: String? { environmentVariable("HOME") }
}

/// One attempt to make a graph of a file: all that can be checked without data first, then stage by stage.
private struct Builder {
  let file: DAGFile
  let registry: OpRegistry
  let mistakes: Mistakes
  let parameters: Parameters
  let typing: Typing
  private(set) var graph = TaskGraph()

  private let numbers: [String: Int]
  private var definitions: [OpDefinition?]
  /// By entry; `nil` where something is wrong with it.
  private var arguments: [OpArguments?]
  /// The entries each entry names; where a name is unknown, it is left out.
  private var inputs: [[Int]]
  private var order: [Int] = []

  init(_ file: DAGFile, registry: OpRegistry, overrides: [Override], home: String?) {
    self.file = file
    self.registry = registry
    mistakes = Mistakes(file.mistakes)
    parameters = Parameters(
      file.parameters, overrides: overrides, fileFolder: folder(of: file.absolutePath), mistakes: mistakes)
    typing = Typing(home: home, mistakes: mistakes)
    numbers = Dictionary(
      file.entries.enumerated().map { ($0.element.name.text, $0.offset) }, uniquingKeysWith: { first, _ in first })
    definitions = Array(repeating: nil, count: file.entries.count)
    arguments = Array(repeating: nil, count: file.entries.count)
    inputs = Array(repeating: [], count: file.entries.count)
  }

  // MARK: - Without data

  mutating func resolve() {
    for number in file.entries.indices {
      let entry = file.entries[number]
      guard let op = entry.op else { continue }
      definitions[number] = registry[op.text]
      if definitions[number] == nil {
        let near = mistakes.nearestOps(to: op.text, in: registry)
        add(.unknownOp, at: op.position, entry, "there is no operation \(shown(op.text))\(suggestion(near))")
      }
    }
    for (number, entry) in file.entries.enumerated() {
      let isWhole = resolveInputs(of: entry, number)
      guard let definition = definitions[number] else {
        for (name, raw) in entry.arguments {
          _ = parameters.resolve(raw, subject: Parameters.Subject(task: entry.name.text, parameter: name.text))
        }
        continue
      }
      let fits = checkInputs(of: entry, number, against: definition)
      let resolved = resolveArguments(of: entry, for: definition)
      if isWhole, fits, !entry.isIncomplete { arguments[number] = resolved }
    }
    let entryOrder = EntryOrder(inputs: inputs)
    order = entryOrder.order
    for cycle in entryOrder.cycles { report(cycle) }
  }

  /// - Returns: whether all names are known.
  private mutating func resolveInputs(of entry: Entry, _ number: Int) -> Bool {
    for word in entry.from {
      if let input = numbers[word.text] {
        inputs[number].append(input)
      } else {
        let near = mistakes.nearest(to: word.text, among: file.entries.lazy.map(\.name.text))
        add(
          .unknownInput, at: word.position, entry,
          "\"from\" names \(shown(word.text)), which is no task\(suggestion(near))")
      }
    }
    return inputs[number].count == entry.from.count
  }

  /// What `TaskGraph.addStage` would say too, but for all entries at once, in any order, and before any data is read.
  private func checkInputs(of entry: Entry, _ number: Int, against definition: OpDefinition) -> Bool {
    let declared = definition.inputs
    let place = entry.fromPosition ?? entry.op?.position ?? entry.name.position
    guard OpInput.accepts(entry.from.count, declared) else {
      guard !entry.isIncomplete else { return false }
      let wants =
        declared.isEmpty
        ? "is a source and takes no \"from\""
        : "needs \"from\" to name "
          + listed(declared.map(\.description))
      add(.wrongInputs, at: place, entry, "\(definition.name) \(wants), and \"from\" names \(entry.from.count)")
      return false
    }
    var fits = true
    for (position, word) in entry.from.enumerated() {
      let input = declared[min(position, declared.count - 1)]
      guard let source = numbers[word.text], let shape = definitions[source]?.shape else { continue }
      if let refusal = input.refusal(of: shown(word.text), shape: shape, by: definition.name) {
        fits = false
        add(.wrongInputs, at: word.position, entry, refusal)
      } else if shape == .reduction, input.form == .bag {
        fits = false
        add(
          .wrongInputs, at: word.position, entry,
          "\(definition.name) wants a bag as \"\(input.name)\", but \(shown(word.text)) gives one value")
      }
    }
    return fits
  }

  /// - Returns: `nil` if one of them is wrong.
  private func resolveArguments(of entry: Entry, for definition: OpDefinition) -> OpArguments? {
    let before = mistakes.count
    var values: [String: ParameterValue] = [:]
    var given: Set<String> = []
    for (name, raw) in entry.arguments {
      let subject = Parameters.Subject(task: entry.name.text, parameter: name.text)
      let value = parameters.resolve(raw, subject: subject)
      guard let parameter = definition.parameter(name.text) else {
        let names = definition.parameters.map(\.name)
        let near = mistakes.nearest(to: name.text, among: names)
        let remedy = near.map { suggestion($0) } ?? (names.isEmpty ? "; it has none" : "; it has \(listed(names))")
        add(
          .unknownParameter, at: name.position, entry,
          "\(definition.name) has no parameter \(shown(name.text))\(remedy)")
        // What is missing is there, misspelt.
        if let near { given.insert(near) }
        continue
      }
      given.insert(name.text)
      guard let typed = typing.value(value, as: parameter, at: raw.position, subject: subject) else { continue }
      do {
        values[name.text] = try checked(typed, parameter, definition)
      } catch {
        add(.badValue, at: raw.position, entry, "parameter \(shown(name.text)): \(message(of: error))\(origin(value))")
      }
    }
    for parameter in definition.parameters
    where parameter.isRequired && !given.contains(parameter.name) && !entry.isIncomplete {
      add(
        .missingParameter, at: entry.op?.position, entry,
        "\(definition.name) needs the parameter \"\(parameter.name)\" (\(parameter.summary))")
    }
    guard mistakes.count == before, !entry.isIncomplete else { return nil }
    // A path nobody gave is taken from where one that stands in the file would be.
    for parameter in definition.parameters where parameter.kind == .path && values[parameter.name] == nil {
      guard case .string(let text)? = parameter.defaultValue else { continue }
      values[parameter.name] = .string(absolutePathOf(text, in: folder(of: file.absolutePath), home: typing.home))
    }
    do {
      return try OpArguments(values, for: definition)
    } catch {
      report(error, of: entry)
      return nil
    }
  }

  /// Range and choice, one value at a time: `OpArguments` stops at the first that is wrong.
  private func checked(
    _ value: ParameterValue, _ parameter: OpParameter, _ definition: OpDefinition
  ) throws -> ParameterValue {
    switch parameter.kind {
    case .integer, .choice:
      let alone = OpDefinition(
        name: definition.name, version: definition.version, summary: "", parameters: [parameter], output: "",
        example: "", maker: definition.maker)
      _ = try OpArguments([parameter.name: value], for: alone)
    default: break
    }
    return value
  }

  private func origin(_ value: Value) -> String {
    if case .scalar(let text) = value { text.origin?.description ?? "" } else { "" }
  }

  // MARK: - With data

  mutating func addStages() {
    for (name, most) in file.limits { graph.setLimit(name, to: most) }
    var isAdded = [Bool](repeating: false, count: file.entries.count)
    for number in order {
      let entry = file.entries[number]
      // Whoever stands on something broken, or in a circle, is not to blame.
      guard let definition = definitions[number], let arguments = arguments[number],
        inputs[number].allSatisfy({ isAdded[$0] })
      else { continue }
      do {
        try graph.addStage(
          entry.name.text, op: definition, arguments: arguments, from: entry.from.map(\.text), keep: entry.keep,
          policy: entry.policy)
        isAdded[number] = true
      } catch {
        report(error, of: entry)
      }
    }
  }

  func configureOps() {
    for number in order {
      guard let definition = definitions[number], let arguments = arguments[number] else { continue }
      do {
        switch definition.maker {
        case .source(let make): _ = try make(arguments)
        case .perPartition(let make): _ = try make(arguments)
        case .reduction(let make): _ = try make(arguments)
        case .shuffle(let make): _ = try make(arguments)
        case .regroup(let make): _ = try make(arguments)
        case .sink(let make): _ = try make(arguments)
        case .command(let make): _ = try make(arguments)
        case .program: preconditionFailure("a registry holds no stages of programs")
        }
      } catch {
        report(error, of: file.entries[number])
      }
    }
  }

  // MARK: - Mistakes

  private func add(_ code: GraphFileError.Code, at position: Position?, _ entry: Entry, _ message: String) {
    mistakes.add(code, at: position ?? entry.name.position, "task \(shown(entry.name.text)): \(message)")
  }

  /// What an operation, or the graph, thinks of an entry, at the word it thinks it of.
  private func report(_ error: any Error, of entry: Entry) {
    switch error {
    case let error as ParameterError:
      let value = entry.arguments.first { $0.name.text == error.parameter }?.value
      add(
        .badValue, at: value?.position ?? entry.op?.position, entry,
        "parameter \(shown(error.parameter)): \(error.message)")
    case let error as GraphError:
      if error.code == .unknownLimit {
        add(.badValue, at: entry.limitPosition, entry, error.message)
        return
      }
      let input = error.inputPosition.flatMap { entry.from.indices.contains($0) ? entry.from[$0].position : nil }
      add(.wrongInputs, at: input ?? entry.from.first?.position ?? entry.op?.position, entry, error.message)
    default:
      add(.badValue, at: entry.op?.position, entry, message(of: error))
    }
  }

  private func message(of error: any Error) -> String { (error as? ParameterError)?.message ?? "\(error)" }

  private func report(_ cycle: [Int]) {
    let names = (cycle + [cycle[0]]).map { file.entries[$0].name.text }
    let path =
      names.count <= 12
      ? names : Array(names.prefix(6)) + ["… \(names.count - 11) more …"] + Array(names.suffix(5))
    let entry = file.entries[cycle[0]]
    let last = file.entries[cycle[cycle.count - 1]].name.text
    let word = entry.from.first { $0.text == last }
    mistakes.add(
      .cycle, at: word?.position ?? entry.name.position,
      "these tasks wait for each other: \(path.joined(separator: " → "))")
  }
}
