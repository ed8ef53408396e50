import Graph
import Yams

/// Walks the tree of a DAG file and takes down what it says, complaining of what has no place in it.
struct StructureReader {
  private(set) var content = FileContent()
  let tree: YamlTree
  /// Its place among the files that are read.
  let file: Int
  let mistakes: Mistakes

  static let fileKeys = [
    "version", "name", "description", "include", "parameters", "pools", "resources", "defaults", "tasks",
  ]
  static let entryKeys = ["op", "from", "with", "foreach", "matrix", "when"] + optionKeys + ["description"]
  /// What changes no result, and what `defaults` may hold.
  static let optionKeys = [
    "keep", "retries", "retryDelay", "timeout", "priority", "pool", "resources", "memory",
  ]
  static let inclusionKeys = ["file", "with", "as"]

  /// - Throws: `YamlProblem` if there is no mapping to walk.
  init(_ tree: YamlTree, file: Int, mistakes: Mistakes) throws {
    self.tree = tree
    self.file = file
    self.mistakes = mistakes
    guard case .mapping(let top) = tree.root else {
      throw YamlProblem(
        [Position(tree.root.mark)],
        "a DAG file is a mapping with the key \"tasks\", and this is \(kind(of: tree.root))",
        code: .structure)
    }
    var needsTasks = true
    for (key, node) in pairs(of: top) {
      switch key.text {
      case "version": checkVersion(node)
      case "name": content.name = string(node, of: "\"name\"")
      case "description": _ = string(node, of: "\"description\"")
      case "include":
        readInclusions(node, key: key)
        needsTasks = false
      case "parameters": readParameters(node)
      case "pools": readLimits(node, .pool, subject: "\"pools\"")
      case "resources": readLimits(node, .resource, subject: "\"resources\"")
      case "defaults": readDefaults(node)
      case "tasks":
        needsTasks = false
        readTasks(node, key: key)
      default:
        needsTasks = false
        reportUnknownKey(key, among: StructureReader.fileKeys, of: "a DAG file", subject: "")
      }
    }
    if needsTasks { mistakes.add(.structure, at: Position.start.inFile(file), "the file has no \"tasks\"") }
  }

  private func checkVersion(_ node: Node) {
    guard let text = string(node, of: "\"version\""), Int(text) != DAGFile.version else { return }
    mistakes.add(
      .unknownVersion, at: place(node.mark),
      "version \(shown(text)) of the DAG file format is not known: this program reads version \(DAGFile.version)")
  }

  // MARK: - Parameters and limits

  private mutating func readParameters(_ node: Node) {
    guard !isNull(node) else { return }
    guard case .mapping(let mapping) = node else {
      mistakes.add(
        .structure, at: place(node.mark), "\"parameters\" maps names to values, and this is \(kind(of: node))")
      return
    }
    for (key, value) in pairs(of: mapping) {
      checkName(key, of: "a parameter")
      var raw = rawValue(value, subject: "parameter \(shown(key.text))")
      if case .mapping(_, let position) = raw {
        mistakes.add(
          .structure, at: position,
          "parameter \(shown(key.text)) is a mapping: only a text, a number, true, false "
            + "or a list of these can be a parameter")
        raw = .broken(position)
      }
      content.parameters.append(FileParameter(name: key, value: raw))
    }
  }

  /// Names with whole numbers of at least 1.
  private mutating func readLimits(_ node: Node, _ kind: LimitName.Kind, subject: String) {
    guard case .mapping(let mapping) = node else {
      mistakes.add(
        .structure, at: place(node.mark), "\(subject) maps names to numbers, and this is \(self.kind(of: node))")
      return
    }
    for (key, value) in pairs(of: mapping, subject: "\(subject): ") {
      checkName(key, of: "a pool or resource")
      guard let text = string(value, of: "\(subject): \(shown(key.text))") else { continue }
      if case .value(let most) = coreInteger(text), OptionValue.amounts.contains(most) {
        content.limits.append((LimitName(kind, key.text), most, key.position))
      } else {
        mistakes.add(
          .badValue, at: place(value.mark),
          "\(subject): \(shown(key.text)) wants an integer, 1 to 1000000, and got \(shown(text))")
      }
    }
  }

  private mutating func readDefaults(_ node: Node) {
    guard !isNull(node) else { return }
    guard case .mapping(let mapping) = node else {
      mistakes.add(
        .structure, at: place(node.mark), "\"defaults\" maps keys of tasks to values, and this is \(kind(of: node))")
      return
    }
    for (key, value) in pairs(of: mapping, subject: "\"defaults\": ") {
      if StructureReader.optionKeys.contains(key.text) {
        content.defaults.append(
          RawOption(name: key, value: rawValue(value, subject: "\"defaults\": \"\(key.text)\"")))
      } else if StructureReader.entryKeys.contains(key.text) {
        mistakes.add(
          .unknownKey, at: key.position,
          "\"defaults\": \(shown(key.text)) is each task's own; it can hold \(listed(StructureReader.optionKeys))")
      } else {
        reportUnknownKey(key, among: StructureReader.optionKeys, of: "\"defaults\"", subject: "")
      }
    }
  }

  // MARK: - Included files

  private mutating func readInclusions(_ node: Node, key: Word) {
    let items: [Node]
    if case .sequence(let sequence) = node { items = Array(sequence) } else { items = [node] }
    if items.isEmpty || isNull(node) {
      mistakes.add(.structure, at: key.position, "\"include\" is empty: name a file, or leave it out")
      return
    }
    for item in items {
      if let inclusion = inclusion(item) { content.inclusions.append(inclusion) }
    }
  }

  private func inclusion(_ node: Node) -> Inclusion? {
    guard case .mapping(let mapping) = node else {
      return includedPath(node, subject: "\"include\"").map { Inclusion(path: $0) }
    }
    var path: Word?
    var isIncomplete = false
    var settings: [(name: Word, value: RawValue)] = []
    var namespace: Word?
    for (key, value) in pairs(of: mapping, subject: "\"include\": ") {
      switch key.text {
      case "file":
        path = includedPath(value, subject: "\"include\": \"file\"")
        isIncomplete = path == nil
      case "with":
        guard !isNull(value) else { continue }
        guard case .mapping(let items) = value else {
          mistakes.add(
            .structure, at: place(value.mark),
            "\"include\": \"with\" maps parameters of the included file to values, and this is \(kind(of: value))")
          continue
        }
        settings = pairs(of: items, subject: "\"include\": ").map { key, value in
          (key, rawValue(value, subject: "\"include\": parameter \(shown(key.text))"))
        }
      case "as":
        guard let text = string(value, of: "\"include\": \"as\"") else { continue }
        let word = Word(text: text, position: place(value.mark))
        checkName(word, of: "what is included")
        namespace = word
      default:
        isIncomplete = true
        reportUnknownKey(key, among: StructureReader.inclusionKeys, of: "\"include\"", subject: "")
      }
    }
    guard let path else {
      if !isIncomplete {
        mistakes.add(.structure, at: place(node.mark), "\"include\" needs the key \"file\"")
      }
      return nil
    }
    return Inclusion(path: path, settings: settings, namespace: namespace)
  }

  private func includedPath(_ node: Node, subject: String) -> Word? {
    guard let text = string(node, of: subject) else { return nil }
    guard !text.contains("${") else {
      mistakes.add(
        .badReference, at: place(node.mark),
        "\(subject): a parameter cannot name a file to include: write out \(shown(text))")
      return nil
    }
    return Word(text: text, position: place(node.mark))
  }

  // MARK: - Tasks

  private mutating func readTasks(_ node: Node, key: Word) {
    guard case .mapping(let mapping) = node else {
      if isNull(node) {
        mistakes.add(.structure, at: key.position, "\"tasks\" is empty: the file needs at least one task")
      } else {
        mistakes.add(.structure, at: place(node.mark), "\"tasks\" maps names to tasks, and this is \(kind(of: node))")
      }
      return
    }
    for (key, value) in pairs(of: mapping, repeated: { "there are two tasks named \(shown($0))" }) {
      checkName(key, of: "a task")
      content.entries.append(entry(key, value))
    }
    if mapping.isEmpty {
      mistakes.add(.structure, at: key.position, "\"tasks\" is empty: the file needs at least one task")
    }
  }
}
