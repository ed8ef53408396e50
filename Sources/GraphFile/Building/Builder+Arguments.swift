import Graph

/// The arguments of an entry's instances: what is the same for all is looked at once.
struct ArgumentTemplate {
  /// Whether nothing is wrong that all instances share.
  private(set) var isWhole = true
  private let entry: Builder.UnitEntry
  private let definition: OpDefinition
  private let parameters: Parameters
  private var shared: [String: ParameterValue] = [:]
  /// What each instance has a value of its own for.
  private var varying: [(name: Word, raw: RawValue, parameter: OpParameter)] = []
  private var isResolved = false
  private var misfit = false

  /// Compares names with those that the operation declares.
  init(_ entry: Builder.UnitEntry, _ definition: OpDefinition, _ parameters: Parameters, _ builder: Builder) {
    self.entry = entry
    self.definition = definition
    self.parameters = parameters
    var given: Set<String> = []
    for (name, _) in entry.entry.arguments where definition.parameter(name.text) == nil {
      let names = definition.parameters.map(\.name)
      let near = builder.mistakes.nearest(to: name.text, among: names)
      let remedy = near.map { suggestion($0) } ?? (names.isEmpty ? "; it has none" : "; it has \(listed(names))")
      builder.add(
        .unknownParameter, at: name.position, entry,
        "\(definition.name) has no parameter \(shown(name.text))\(remedy)")
      isWhole = false
      // What is missing is there, misspelt.
      if let near { given.insert(near) }
    }
    given.formUnion(entry.entry.arguments.map(\.name.text))
    for parameter in definition.parameters
    where parameter.isRequired && !given.contains(parameter.name) && !entry.entry.isIncomplete {
      isWhole = false
      builder.add(
        .missingParameter, at: entry.entry.op?.position, entry,
        "\(definition.name) needs the parameter \"\(parameter.name)\" (\(parameter.summary))")
    }
  }

  /// - Returns: `nil` if one of them is wrong, which is reported.
  mutating func arguments(of instance: Builder.Instance, _ builder: Builder) -> OpArguments? {
    if !isResolved { resolveShared(instance, builder) }
    var values = shared
    var isWhole = self.isWhole && !misfit && !entry.entry.isIncomplete
    for (name, raw, parameter) in varying {
      if let value = value(of: name, raw, parameter, instance, builder) {
        values[name.text] = value
      } else {
        isWhole = false
      }
    }
    guard isWhole else { return nil }
    do {
      return try OpArguments(values, for: definition)
    } catch {
      builder.report(error, of: entry, named: instance.name)
      return nil
    }
  }

  private mutating func resolveShared(_ instance: Builder.Instance, _ builder: Builder) {
    isResolved = true
    for (name, raw) in entry.entry.arguments {
      guard let parameter = definition.parameter(name.text) else {
        let subject = Parameters.Subject(task: instance.name, parameter: name.text)
        _ = parameters.resolve(raw, in: instance.scope, subject: subject)
        continue
      }
      if instance.scope != nil, raw.namesInstance {
        varying.append((name, raw, parameter))
      } else if let value = value(of: name, raw, parameter, instance, builder) {
        shared[name.text] = value
      } else {
        misfit = true
      }
    }
    // A path nobody gave is taken from where one that stands in the file would be.
    let folder = builder.file.units[entry.unit].folder
    for parameter in definition.parameters
    where parameter.kind == .path && !entry.entry.arguments.contains(where: { $0.name.text == parameter.name }) {
      guard case .string(let text)? = parameter.defaultValue else { continue }
      shared[parameter.name] = .string(absolutePathOf(text, in: folder, home: builder.typing.home))
    }
  }

  private func value(
    of name: Word, _ raw: RawValue, _ parameter: OpParameter, _ instance: Builder.Instance, _ builder: Builder
  ) -> ParameterValue? {
    let subject = Parameters.Subject(task: instance.name, parameter: name.text)
    let value = parameters.resolve(raw, in: instance.scope, subject: subject)
    guard let typed = builder.typing.value(value, as: parameter, at: raw.position, subject: subject) else { return nil }
    do {
      return try checked(typed, parameter)
    } catch {
      let origin = if case .scalar(let text) = value { text.origin?.description ?? "" } else { "" }
      builder.mistakes.add(
        .badValue, at: raw.position,
        "task \(shown(instance.name)): parameter \(shown(name.text)): \(message(of: error))\(origin)")
      return nil
    }
  }

  /// Range and choice, one value at a time: `OpArguments` stops at the first that is wrong.
  private func checked(_ value: ParameterValue, _ parameter: OpParameter) throws -> ParameterValue {
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
}

private func message(of error: any Error) -> String { (error as? ParameterError)?.message ?? "\(error)" }

// MARK: - Options

extension Builder {
  /// An entry's own options: those that all its instances share, and the rest as they are written.
  struct OwnOptions {
    var shared = TaskOptions()
    var varying: [RawOption] = []
  }

  func ownOptions(of entry: UnitEntry) -> OwnOptions {
    var options = OwnOptions()
    for option in entry.entry.options {
      if entry.entry.expansion != nil, option.value.namesInstance {
        options.varying.append(option)
      } else {
        set(option, in: &options.shared, of: entry, named: entry.name, scope: nil)
      }
    }
    return options
  }

  func options(_ own: OwnOptions, of number: Int) -> TaskOptions {
    var options = own.shared
    let instance = instances[number]
    for option in own.varying {
      set(option, in: &options, of: entries[instance.entry], named: instance.name, scope: instance.scope)
    }
    return options
  }

  private func set(
    _ option: RawOption, in options: inout TaskOptions, of entry: UnitEntry, named name: String, scope: Scope?
  ) {
    let key = option.name.text
    let value = parameters[entry.unit].resolve(
      option.value, in: scope, subject: Parameters.Subject(task: name, key: key))
    let typing = OptionTyping(mistakes: mistakes)
    let subject = "task \(shown(name)): \"\(key)\""
    if let typed = typing.value(value, of: key, as: option.value, subject: subject) {
      options.set(key, typed, at: option.value.position)
    }
  }
}

// MARK: - Mistakes

extension Builder {
  func add(_ code: GraphFileError.Code, at position: Position?, _ entry: UnitEntry, _ message: String) {
    mistakes.add(code, at: position ?? entry.entry.name.position, "task \(shown(entry.name)): \(message)")
  }

  /// - Parameter number: the instance.
  func add(_ code: GraphFileError.Code, at position: Position?, _ number: Int, _ message: String) {
    let instance = instances[number]
    mistakes.add(
      code, at: position ?? entries[instance.entry].entry.name.position, "task \(shown(instance.name)): \(message)")
  }

  /// What an operation, or the graph, thinks of an instance, at the word it thinks it of.
  func report(_ error: any Error, of number: Int) {
    let instance = instances[number]
    let entry = entries[instance.entry]
    guard let error = error as? GraphError else { return report(error, of: entry, named: instance.name) }
    if error.code == .unknownLimit {
      add(.badValue, at: options[number].limitPosition, number, error.message)
      return
    }
    let place =
      error.inputPosition.flatMap { self.place(ofInput: $0, of: number) } ?? inputPlaces[number].first?.position
    add(.wrongInputs, at: place ?? entry.entry.op?.position, number, error.message)
  }

  func report(_ error: any Error, of entry: UnitEntry, named name: String) {
    let parameter = (error as? ParameterError)?.parameter
    let value = entry.entry.arguments.first { $0.name.text == parameter }?.value
    let position = value?.position ?? entry.entry.op?.position ?? entry.entry.name.position
    let subject = parameter.map { "parameter \(shown($0)): " } ?? ""
    mistakes.add(.badValue, at: position, "task \(shown(name)): \(subject)\(message(of: error))")
  }

  func report(_ cycle: [Int]) {
    let names = (cycle + [cycle[0]]).map { instances[$0].name }
    let path =
      names.count <= 12
      ? names : Array(names.prefix(6)) + ["… \(names.count - 11) more …"] + Array(names.suffix(5))
    let last = cycle[cycle.count - 1]
    let place = inputs[cycle[0]].firstIndex(of: last).flatMap { self.place(ofInput: $0, of: cycle[0]) }
    mistakes.add(
      .cycle, at: place ?? entries[instances[cycle[0]].entry].entry.name.position,
      "these tasks wait for each other: \(path.joined(separator: " → "))")
  }
}
