import Graph

// What `from` names, instance by instance.

extension Builder {
  /// What one name in `from` stands for.
  private struct Named {
    let word: String
    let position: Position
    /// The instances that are switched on.
    let numbers: [Int]
    /// The entry, where all of them are switched off.
    var off: Int?
  }

  /// Finds what an instance names.
  ///
  /// - Returns: whether all names are known, and what is switched off is not needed.
  mutating func resolveInputs(of number: Int) -> Bool {
    var found: [Named] = []
    var isWhole = true
    for input in entries[instances[number].entry].entry.from {
      let named =
        switch input {
        case .task(let scalar): tasks(named: scalar, by: number)
        case .oneOf(let scalars, let position): theOne(of: scalars, at: position, by: number)
        }
      if let named { found += named } else { isWhole = false }
    }
    isWhole = leaveOut(&found, of: number) && isWhole
    inputs[number] = found.flatMap(\.numbers)
    var end = 0
    inputPlaces[number] = found.map { named in
      end += named.numbers.count
      return (end, named.position)
    }
    return isWhole
  }

  /// All that one word of `from` stands for; `nil` if something is wrong, which is reported.
  private mutating func tasks(named scalar: RawScalar, by number: Int) -> [Named]? {
    let instance = instances[number]
    let unit = entries[instance.entry].unit
    guard scalar.text.utf8.contains(UInt8(ascii: "$")) else {
      return tasks(called: scalar.text, at: scalar.position, by: number)
    }
    let subject = Parameters.Subject(task: instance.name, key: "from")
    switch parameters[unit].resolve(.scalar(scalar), in: instance.scope, subject: subject) {
    case .scalar(let text): return tasks(called: text.text, at: scalar.position, by: number)
    case .list(let texts, _):
      var all: [Named] = []
      for text in texts {
        guard let named = tasks(called: text.text, at: scalar.position, by: number) else { return nil }
        all += named
      }
      return all
    case .mapping, .broken: return nil
    }
  }

  /// A name is looked for beside who names it, then among the names of who includes that.
  private mutating func tasks(called name: String, at position: Position, by number: Int) -> [Named]? {
    let unit = entries[instances[number].entry].unit
    var spellings = [name]
    // `clean@${item}` finds the instance that was named after an item with spaces.
    if let at = name.firstIndex(of: "@") {
      let key = String(name[name.index(after: at)...])
      if instanceKey(key) != key { spellings.append(name[...at] + instanceKey(key)) }
    }
    var namespace = file.units[unit].namespace[...]
    while true {
      for spelling in spellings {
        switch targets[namespace + spelling] {
        case .broken?: return nil
        case .instances(let range)?: return named(range, word: name, at: position, by: number)
        case nil: break
        }
      }
      guard !namespace.isEmpty else { break }
      let outer = namespace.dropLast()
      namespace = outer[...(outer.lastIndex(of: ".") ?? outer.startIndex)]
      if !namespace.hasSuffix(".") { namespace = "" }
    }
    reportUnknown(name, at: position, by: number)
    return nil
  }

  private mutating func named(_ range: Range<Int>, word: String, at position: Position, by number: Int) -> [Named]? {
    if range.count > 1 {
      let isFirst = groupInputsLeft >= 0
      groupInputsLeft -= range.count
      guard groupInputsLeft >= 0 else {
        if isFirst {
          add(
            .wrongInputs, at: position, number,
            "\"from\": names that stand for several tasks stand for more than \(Builder.mostGroupInputs) with this one: "
              + "bring them together in several steps")
        }
        return nil
      }
    }
    let on = range.filter { instances[$0].isOn }
    let off = on.isEmpty ? instances[range.lowerBound].entry : nil
    return [Named(word: word, position: position, numbers: on, off: off)]
  }

  private func reportUnknown(_ name: String, at position: Position, by number: Int) {
    let namespace = file.units[entries[instances[number].entry].unit].namespace
    func written(_ name: String) -> String {
      String(name.hasPrefix(namespace) ? name.dropFirst(namespace.count) : name[...])
    }
    var remedy: String?
    if let at = name.firstIndex(of: "@"), case .instances(let range)? = targets[namespace + name[..<at]] {
      if instances[range.lowerBound].scope == nil {
        remedy = "; \(shown(String(name[..<at]))) is one task, without \"foreach\""
      } else {
        let names = range.prefix(10_000).lazy.map { written(instances[$0].name) }
        remedy =
          mistakes.nearest(to: name, among: names).map { suggestion($0) }
          ?? "; there are \(listed(range.map { written(instances[$0].name) }, limit: 5))"
      }
    }
    let near = remedy ?? suggestion(mistakes.nearest(to: name, among: entries.lazy.map { written($0.name) }))
    add(.unknownInput, at: position, number, "\"from\" names \(shown(name)), which is no task\(near)")
  }

  /// What the one of several names stands for that is switched on.
  private mutating func theOne(of scalars: [RawScalar], at position: Position, by number: Int) -> [Named]? {
    var on: [(word: String, named: [Named])] = []
    var isWhole = true
    for scalar in scalars {
      guard let named = tasks(named: scalar, by: number) else {
        isWhole = false
        continue
      }
      let present = named.filter { $0.off == nil }
      if !present.isEmpty { on.append((scalar.text, present)) }
    }
    guard isWhole else { return nil }
    guard on.count != 1 else { return on[0].named }
    let names = listed((on.isEmpty ? scalars.map(\.text) : on.map(\.word)).map(shown))
    add(
      .switchedOff, at: position, number,
      on.isEmpty
        ? "\"from\": of \(names) none is switched on: \"when\" must leave one"
        : "\"from\": of \"oneOf\", \(names) are switched on: \"when\" must leave one")
    return nil
  }

  /// Takes out what is switched off where the operation can do without it, and reports the rest.
  private func leaveOut(_ found: inout [Named], of number: Int) -> Bool {
    guard found.contains(where: { $0.off != nil }) else { return true }
    let declared = definitions[instances[number].entry]?.inputs ?? []
    let last = found.lastIndex { $0.off == nil } ?? -1
    var isWhole = true
    var next = 0
    for (place, named) in found.enumerated() {
      // Where the operation would take it, were it there.
      let index = next
      next += max(named.numbers.count, 1)
      guard let off = named.off, let input = declared.last.map({ index < declared.count ? declared[index] : $0 }),
        !input.isRepeated, !(input.isOptional && place > last)
      else { continue }
      isWhole = false
      let place = entries[off].entry.name.position
      let line = "line \(place.line)" + (place.file == named.position.file ? "" : " of \(path(of: entries[off]))")
      add(
        .switchedOff, at: named.position, number,
        "\"from\" names \(shown(named.word)), which the \"when\" of its entry on \(line) switches off: "
          + "switch this task off too, or let it read {oneOf: [\(named.word), …]}")
    }
    found.removeAll { $0.off != nil }
    return isWhole
  }

  // MARK: - Do they fit?

  /// What `TaskGraph.addStage` would say too, but for all entries at once, in any order, and before any data is read.
  func checkInputs(of number: Int, against definition: OpDefinition) -> Bool {
    let entry = entries[instances[number].entry].entry
    let declared = definition.inputs
    let inputs = self.inputs[number]
    guard OpInput.accepts(inputs.count, declared) else {
      guard !entry.isIncomplete else { return false }
      let wants =
        declared.isEmpty
        ? "is a source and takes no \"from\""
        : "needs \"from\" to name "
          + listed(declared.map(\.description))
      add(
        .wrongInputs, at: entry.fromPosition ?? entry.op?.position, number,
        "\(definition.name) \(wants), and \"from\" names \(inputs.count)\(group(in: inputs))")
      return false
    }
    var fits = true
    var checked = -1
    for (position, source) in inputs.enumerated() {
      // Instances of one entry are all alike.
      guard position < declared.count || instances[source].entry != checked else { continue }
      checked = instances[source].entry
      let input = declared[min(position, declared.count - 1)]
      guard let shape = definitions[instances[source].entry]?.shape else { continue }
      let name = shown(instances[source].name)
      if let refusal = input.refusal(of: name, shape: shape, by: definition.name) {
        fits = false
        add(.wrongInputs, at: place(ofInput: position, of: number), number, refusal)
      } else if shape.givesOneValue, input.form == .bag {
        fits = false
        add(
          .wrongInputs, at: place(ofInput: position, of: number), number,
          "\(definition.name) wants a bag as \"\(input.name)\", but \(name) gives one value")
      }
    }
    return fits
  }

  /// Where `from` names an instance's input.
  func place(ofInput position: Int, of number: Int) -> Position? {
    inputPlaces[number].first { position < $0.end }?.position
  }

  /// What is to be said where one name stands for several tasks.
  private func group(in inputs: [Int]) -> String {
    guard let first = inputs.first(where: { instances[$0].scope != nil }) else { return "" }
    let entry = instances[first].entry
    let names = inputs.filter { instances[$0].entry == entry }.map { instances[$0].name }
    guard names.count > 1 else { return "" }
    return ": \(shown(entries[entry].name)) stands for \(listed(names, limit: 3)); name one of them, or give this task "
      + "the same \"foreach\" and let it read \(shown(entries[entry].name + "@${key}"))"
  }
}
