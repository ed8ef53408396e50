import Yams

// One entry of `tasks:`.

extension StructureReader {
  func entry(_ name: Word, _ node: Node) -> Entry {
    var entry = Entry(name: name)
    guard case .mapping(let mapping) = node else {
      entry.isIncomplete = true
      let found = isNull(node) ? "it is empty" : "this is \(kind(of: node))"
      mistakes.add(
        .structure, at: isNull(node) ? name.position : place(node.mark),
        "task \(shown(name.text)) needs the key \"op\", and \(found)")
      return entry
    }
    let before = mistakes.count
    var harmless = 0
    for (key, value) in pairs(of: mapping, subject: "task \(shown(name.text)): ") {
      let countBefore = mistakes.count
      let subject = "task \(shown(name.text)): \"\(key.text)\""
      switch key.text {
      case "op": entry.op = string(value, of: subject).map { Word(text: $0, position: place(value.mark)) }
      case "from":
        entry.fromPosition = key.position
        entry.from = inputs(value, subject: subject)
      case "with": entry.arguments = arguments(value, task: name)
      case "foreach", "matrix":
        if let other = entry.expansion {
          mistakes.add(
            .structure, at: key.position,
            "\(subject) stands beside \"\(other.kind.rawValue)\": a task has one of them; a matrix takes several lists")
        } else {
          entry.expansion =
            key.text == "foreach"
            ? forEach(value, key: key, subject: subject) : matrix(value, key: key, subject: subject)
        }
      case "when": entry.conditions = conditions(value, subject: subject)
      case "description":
        _ = string(value, of: subject)
        harmless += mistakes.count - countBefore
      case let text where StructureReader.optionKeys.contains(text):
        entry.options.append(RawOption(name: key, value: rawValue(value, subject: subject)))
        harmless += mistakes.count - countBefore
      default:
        reportUnknownKey(
          key, among: StructureReader.entryKeys, of: "a task", subject: "task \(shown(name.text)): ")
      }
    }
    entry.isIncomplete = mistakes.count > before + harmless
    if entry.op == nil, !entry.isIncomplete {
      entry.isIncomplete = true
      mistakes.add(.missingOp, at: name.position, "task \(shown(name.text)) has no \"op\"")
    }
    return entry
  }

  private func inputs(_ node: Node, subject: String) -> [EntryInput] {
    let items: [Node]
    if case .sequence(let sequence) = node { items = Array(sequence) } else { items = [node] }
    return items.compactMap { item in
      guard case .mapping(let mapping) = item else {
        return inputWord(item, subject: subject).map { .task($0) }
      }
      let found = pairs(of: mapping, subject: "\(subject): ")
      guard found.count == 1, found[0].key.text == "oneOf" else {
        mistakes.add(
          .structure, at: place(item.mark),
          "\(subject) names a task, a list of tasks, or {oneOf: [a, b]}, and this is another mapping")
        return nil
      }
      guard case .sequence(let sequence) = found[0].value, sequence.count > 1 else {
        mistakes.add(
          .structure, at: place(found[0].value.mark), "\(subject): \"oneOf\" lists two tasks or more")
        return nil
      }
      let words = sequence.compactMap { inputWord($0, subject: "\(subject): \"oneOf\"") }
      return words.count == sequence.count ? .oneOf(words, place(item.mark)) : nil
    }
  }

  private func inputWord(_ node: Node, subject: String) -> RawScalar? {
    guard case .scalar(let scalar) = node else {
      mistakes.add(
        .structure, at: place(node.mark), "\(subject) names a task, or a list of tasks, and this is \(kind(of: node))")
      return nil
    }
    return string(node, of: subject).map {
      RawScalar(text: $0, isQuoted: scalar.style != .plain, position: place(scalar.mark))
    }
  }

  private func arguments(_ node: Node, task: Word) -> [(name: Word, value: RawValue)] {
    guard !isNull(node) else { return [] }
    guard case .mapping(let mapping) = node else {
      mistakes.add(
        .structure, at: place(node.mark),
        "task \(shown(task.text)): \"with\" maps parameters to values, and this is \(kind(of: node))")
      return []
    }
    return pairs(of: mapping, subject: "task \(shown(task.text)): ").map { key, value in
      (key, rawValue(value, subject: "task \(shown(task.text)): parameter \(shown(key.text))"))
    }
  }

  // MARK: - foreach, matrix, when

  private func forEach(_ node: Node, key: Word, subject: String) -> Expansion? {
    guard let items = axis(node, key: key, subject: subject) else { return nil }
    var expansion = Expansion(kind: .foreach, position: key.position)
    expansion.axes = [Expansion.Axis(name: Word(text: "item", position: key.position), items: items)]
    return expansion
  }

  private func matrix(_ node: Node, key: Word, subject: String) -> Expansion? {
    guard case .mapping(let mapping) = node, !mapping.isEmpty else {
      mistakes.add(
        .structure, at: isNull(node) ? key.position : place(node.mark),
        "\(subject) maps names to lists, and this is \(isNull(node) ? "empty" : kind(of: node))")
      return nil
    }
    var expansion = Expansion(kind: .matrix, position: key.position)
    let before = mistakes.count
    var excluded: Node?
    for (key, value) in pairs(of: mapping, subject: "\(subject): ") {
      if key.text == "exclude" {
        excluded = value
        continue
      }
      checkName(key, of: "a list of a matrix")
      if let items = axis(value, key: key, subject: "\(subject): \(shown(key.text))") {
        expansion.axes.append(Expansion.Axis(name: key, items: items))
      }
    }
    if expansion.axes.isEmpty, mistakes.count == before {
      mistakes.add(.structure, at: key.position, "\(subject) has nothing but \"exclude\"")
    }
    if let excluded, mistakes.count == before {
      expansion.exclusions = exclusions(excluded, of: expansion, subject: "\(subject): \"exclude\"")
    }
    return mistakes.count == before ? expansion : nil
  }

  /// A list, a mapping of names to items, a range, or what stands for a list.
  private func axis(_ node: Node, key: Word, subject: String) -> RawValue? {
    if isNull(node) {
      mistakes.add(.badExpansion, at: key.position, "\(subject) is empty: it needs at least one item")
      return nil
    }
    if case .sequence(let sequence) = node, let item = sequence.first(where: { isNested($0) }) {
      mistakes.add(
        .structure, at: place(item.mark),
        "\(subject) is a list of \(kind(of: item)), which gives its task no name: write {name: value, …}")
      return nil
    }
    let before = mistakes.count
    let value = rawValue(node, subject: subject)
    return mistakes.count == before ? value : nil
  }

  private func isNested(_ node: Node) -> Bool { if case .scalar = node { false } else { true } }

  private func exclusions(
    _ node: Node, of expansion: Expansion, subject: String
  ) -> [[(axis: Word, value: RawScalar)]] {
    let items: [Node]
    if case .sequence(let sequence) = node { items = Array(sequence) } else { items = [node] }
    return items.compactMap { item in
      guard case .mapping(let mapping) = item, !mapping.isEmpty else {
        mistakes.add(
          .structure, at: place(item.mark),
          "\(subject) lists combinations such as {\(expansion.axes[0].name.text): value}, and this is \(kind(of: item))"
        )
        return nil
      }
      return pairs(of: mapping, subject: "\(subject): ").compactMap { key, value in
        guard expansion.axes.contains(where: { $0.name.text == key.text }) else {
          let names = expansion.axes.map(\.name.text)
          let remedy =
            mistakes.nearest(to: key.text, among: names).map { suggestion($0) } ?? "; it has \(listed(names))"
          mistakes.add(
            .unknownKey, at: key.position, "\(subject): the matrix has no list \(shown(key.text))\(remedy)")
          return nil
        }
        guard case .scalar(let scalar) = value else {
          mistakes.add(
            .structure, at: place(value.mark),
            "\(subject): \(shown(key.text)) wants a single value, and this is \(kind(of: value))")
          return nil
        }
        return rawScalar(scalar, subject: subject).map { (key, $0) }
      }
    }
  }

  private func conditions(_ node: Node, subject: String) -> [Condition] {
    let items: [Node]
    if case .sequence(let sequence) = node { items = Array(sequence) } else { items = [node] }
    return items.compactMap { item in
      guard let text = string(item, of: subject) else { return nil }
      if let condition = Condition(RawScalar(text: text, isQuoted: true, position: place(item.mark))) {
        return condition
      }
      mistakes.add(
        .badValue, at: place(item.mark),
        "\(subject) wants \(Condition.forms), and got \(shown(text)); of a list of them all must hold")
      return nil
    }
  }
}
