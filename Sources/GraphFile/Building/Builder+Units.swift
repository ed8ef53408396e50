import Graph

// What holds for a whole file: its parameters, and how much there is of what tasks share.

extension Builder {
  /// The values of a unit's parameters: the first one's may be set by a run, another's by who includes it.
  func parameters(of number: Int, overrides: [Override]) -> Parameters {
    let unit = file.units[number]
    let known = unit.content.parameters.map(\.name.text)
    var given: [String: Parameters.Given] = [:]
    guard let (parent, inclusion) = unit.parent else {
      for override in overrides {
        given[override.name] = .override(override)
        guard !known.contains(override.name) else { continue }
        let remedy =
          mistakes.nearest(to: override.name, among: known).map { suggestion($0) }
          ?? (known.isEmpty ? "; it has no parameters" : "; its parameters are \(listed(known))")
        mistakes.add(
          .unknownOverride, at: nil, "cannot set \(shown(override.name)): the file has no such parameter\(remedy)")
      }
      return Parameters(
        unit.content.parameters, given: given, source: nil, folder: unit.folder, mistakes: mistakes
      ) { name in
        mistakes.add(
          .badValue, at: name.position,
          "parameter \(shown(name.text)) has no value: give it one here, or set it for this run")
      }
    }
    let path = file.sources[unit.source].path
    for (name, raw) in inclusion.settings {
      let subject = Parameters.Subject("\"include\": parameter \(shown(name.text))")
      let value = parameters[parent].resolve(raw, subject: subject)
      guard known.contains(name.text) else {
        let remedy =
          mistakes.nearest(to: name.text, among: known).map { suggestion($0) }
          ?? (known.isEmpty ? "; it has none" : "; its parameters are \(listed(known))")
        mistakes.add(
          .unknownParameter, at: name.position, "\(path) has no parameter \(shown(name.text))\(remedy)")
        continue
      }
      if case .mapping = value {
        mistakes.add(
          .structure, at: raw.position, "\(subject.description) is a mapping, which no parameter can be")
        given[name.text] = .value(.broken)
      } else {
        given[name.text] = .value(value)
      }
    }
    return Parameters(
      unit.content.parameters, given: given, source: path, folder: unit.folder, mistakes: mistakes
    ) { name in
      mistakes.add(
        .missingParameter, at: inclusion.path.position,
        "\(path) needs a value for its parameter \(shown(name.text)): give it here, under \"with\"")
    }
  }

  /// Pools and resources of all files together.
  mutating func readLimits() {
    var places: [LimitName: Position] = [:]
    for unit in file.units {
      for (name, most, position) in unit.content.limits {
        if let known = graph.limits[name], known != most, let place = places[name] {
          mistakes.add(
            .duplicateName, at: position,
            "there are \(most) of \(name) here, and \(known) on line \(place.line) of \(file.sources[place.file].path)")
          continue
        }
        graph.setLimit(name, to: most)
        places[name] = position
      }
    }
  }

  /// Takes a pool or resource out of a file's defaults that is not there, so that it is told once and not by each task.
  func checkLimits(of options: inout TaskOptions, _ name: String, at position: Position) {
    var alone = TaskOptions()
    guard let value = options.values[name]?.value else { return }
    alone.set(name, value, at: position)
    for (limit, amount) in alone.policy.takes {
      guard let most = graph.limits[limit] else {
        let near = mistakes.nearest(
          to: limit.name, among: graph.limits.keys.filter { $0.kind == limit.kind }.map(\.name))
        mistakes.add(.badValue, at: position, "\"defaults\": there is no \(limit)\(suggestion(near))")
        options.remove(name)
        continue
      }
      if amount > most {
        mistakes.add(.badValue, at: position, "\"defaults\": it takes \(amount) of \(limit), and there are \(most)")
        options.remove(name)
      }
    }
  }

  func path(of entry: UnitEntry) -> String { file.sources[file.units[entry.unit].source].path }
}
