import Graph

/// The values of a file's parameters, and what `${…}` makes of them.
struct Parameters {
  /// Whose value it is, as messages begin.
  struct Subject {
    let description: String
    /// Whether only parameters above can be named.
    var isParameter = false

    init(task: String, parameter: String) {
      description = "task \(shown(task)): parameter \(shown(parameter))"
    }

    init(task: String, key: String) { description = "task \(shown(task)): \"\(key)\"" }

    init(parameter: String) {
      description = "parameter \(shown(parameter))"
      isParameter = true
    }

    init(_ description: String) { self.description = description }
  }

  /// Lists that name lists can grow without end; no op wants more.
  private static let mostItems = 1_000_000
  /// The same of texts that name texts, in bytes.
  private static let mostBytes = 1_000_000

  private(set) var values: [(name: String, value: Value)] = []
  private var index: [String: Int] = [:]
  private let folder: String
  private let mistakes: Mistakes

  /// - Parameters:
  ///   - parameters: the file's own.
  ///   - given: values from outside, by name.
  ///   - source: what messages call the file where a value is not in the file that was asked for.
  ///   - folder: what relative paths in the file are taken from.
  ///   - missing: says that a parameter has no value.
  init(
    _ parameters: [FileParameter], given: [String: Given], source: String?, folder: String, mistakes: Mistakes,
    missing: (Word) -> Void
  ) {
    self.folder = folder
    self.mistakes = mistakes
    for parameter in parameters {
      let name = parameter.name.text
      let own = resolve(parameter.value, subject: Subject(parameter: name))
      let origin = Origin(
        parameter: name, line: parameter.name.position.line, file: source, isOverridden: given[name] != nil)
      let value = named(given[name]?.value(insteadOf: parameter.value) ?? own, origin)
      index[name] = values.count
      values.append((name, value))
      if case .scalar(let text) = value, text.isNull {
        values[values.count - 1].value = .broken
        missing(parameter.name)
      }
    }
  }

  /// A value that is given in place of the file's own.
  enum Given {
    case override(Override)
    /// By who includes the file.
    case value(Value)

    fileprivate func value(insteadOf own: RawValue) -> Value {
      switch self {
      case .value(let value):
        guard case .list = own, case .scalar(let text) = value, !text.isNull else { return value }
        return .list([text], origin: nil)
      case .override(let override):
        func text(_ text: String, isQuoted: Bool) -> Text {
          Text(text: text, isQuoted: isQuoted, folder: override.folder)
        }
        guard case .list = own else { return .scalar(text(override.text, isQuoted: false)) }
        return .list(
          bracketedList(override.text)?.map { text($0.text, isQuoted: $0.isQuoted) }
            ?? [text(override.text, isQuoted: false)], origin: nil)
      }
    }
  }

  private func named(_ value: Value, _ origin: Origin) -> Value {
    switch value {
    case .scalar(var text):
      text.origin = origin
      return .scalar(text)
    case .list(let texts, _):
      return .list(
        texts.map {
          var text = $0
          text.origin = origin
          return text
        }, origin: origin)
    case .mapping, .broken: return value
    }
  }

  // MARK: - ${…}

  /// - Parameters:
  ///   - raw: as it is written.
  ///   - scope: what an instance calls by name.
  ///   - subject: whose value it is.
  func resolve(_ raw: RawValue, in scope: Scope? = nil, subject: @autoclosure () -> Subject) -> Value {
    switch raw {
    case .mapping(let items, _):
      return .mapping(items.map { ($0.name.text, resolve($0.value, in: scope, subject: subject())) })
    case .broken: return .broken
    case .scalar(let scalar):
      guard scalar.text.utf8.contains(UInt8(ascii: "$")) else { return .scalar(plain(scalar)) }
      return resolve(scalar, in: scope, subject: subject())
    case .list(let scalars, _):
      var texts: [Text] = []
      for scalar in scalars {
        guard scalar.text.utf8.contains(UInt8(ascii: "$")) else {
          texts.append(plain(scalar))
          continue
        }
        switch resolve(scalar, in: scope, subject: subject()) {
        case .scalar(let text): texts.append(text)
        case .list(let more, _):
          texts += more
          guard texts.count <= Parameters.mostItems else {
            mistakes.add(
              .badValue, at: scalar.position,
              "\(subject().description): the list grows past \(Parameters.mostItems) items here")
            return .broken
          }
        case .mapping, .broken: return .broken
        }
      }
      return .list(texts, origin: nil)
    }
  }

  private func plain(_ scalar: RawScalar) -> Text {
    Text(text: scalar.text, isQuoted: scalar.isQuoted, isNull: scalar.isNull, folder: folder)
  }

  private func resolve(_ scalar: RawScalar, in scope: Scope?, subject: Subject) -> Value {
    guard let pieces = pieces(of: scalar.text) else {
      mistakes.add(
        .badReference, at: scalar.position,
        "\(subject.description): \"${\" without \"}\" in \(shown(scalar.text)); write \"$${\" for \"${\" itself")
      return .broken
    }
    if pieces.count == 1, case .reference(let name) = pieces[0] {
      return value(of: name, in: scope, at: scalar.position, subject: subject)
    }
    var result = Text(text: "", isQuoted: scalar.isQuoted, folder: folder)
    for piece in pieces {
      switch piece {
      case .text(let text): result.text += text
      case .reference(let name):
        switch value(of: name, in: scope, at: scalar.position, subject: subject) {
        case .scalar(let text):
          if result.text.isEmpty, !text.text.isEmpty { result.folder = text.folder }
          result.text += text.text
          guard result.text.utf8.count <= Parameters.mostBytes else {
            mistakes.add(
              .badValue, at: scalar.position,
              "\(subject.description): the text grows past \(Parameters.mostBytes) bytes here")
            return .broken
          }
        case .list:
          mistakes.add(
            .badReference, at: scalar.position,
            "\(subject.description): \(shown(name)) is a list and cannot stand inside a longer text")
          return .broken
        case .mapping, .broken: return .broken
        }
      }
    }
    return .scalar(result)
  }

  /// `broken` if there is no such value, which is reported; never a mapping.
  private func value(of name: String, in scope: Scope?, at position: Position, subject: Subject) -> Value {
    func refuse(_ message: String) -> Value {
      mistakes.add(
        .badReference, at: position, "\(subject.description): ${\(shown(name).dropFirst().dropLast())} \(message)")
      return .broken
    }
    let path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if let scope, name == "key" { return .scalar(Text(text: scope.key, isQuoted: true, folder: folder)) }
    guard let scope, path.first == scope.kind.variable else {
      if let index = index[name] { return values[index].value }
      let earlier = subject.isParameter ? "an earlier parameter" : "a parameter of this file"
      guard !Scope.isName(name) else {
        let other =
          scope.map { "here it is ${\($0.kind == .foreach ? "item" : "matrix.NAME")}" }
          ?? "only a task with \"foreach\" or \"matrix\" has such values"
        return refuse("does not name \(earlier): \(other)")
      }
      return refuse(
        "does not name \(earlier)" + suggestion(mistakes.nearest(to: name, among: values.map(\.name))))
    }
    var value = scope.value
    for (depth, field) in path.enumerated().dropFirst() {
      let parent = path[..<depth].joined(separator: ".")
      guard case .mapping(let items) = value else {
        return refuse("does not name a value: ${\(parent)} is \(value.isList ? "a list" : "a single value")")
      }
      guard let item = items.first(where: { $0.name == field }) else {
        let names = items.map(\.name)
        return refuse(
          "does not name a value: \(shown(parent)) has \(listed(names))"
            + suggestion(mistakes.nearest(to: field, among: names)))
      }
      value = item.value
    }
    if case .mapping(let items) = value {
      return refuse("has parts, \(listed(items.map(\.name))): write ${\(name).\(items.first?.name ?? "NAME")}")
    }
    return value
  }
}

extension RawValue {
  /// Whether its value depends on the instance of an entry.
  var namesInstance: Bool {
    contains { scalar in
      guard scalar.text.utf8.contains(UInt8(ascii: "$")), let pieces = pieces(of: scalar.text) else { return false }
      return pieces.contains { if case .reference(let name) = $0 { Scope.isName(name) } else { false } }
    }
  }
}

private enum Piece {
  case text(String)
  case reference(String)
}

/// Cuts a text at `${…}`; `$${` stands for `${`. `nil` if a `${` is not closed.
private func pieces(of text: String) -> [Piece]? {
  var pieces: [Piece] = []
  var pending = ""
  var rest = Substring(text).unicodeScalars
  while let dollar = rest.firstIndex(of: "$") {
    pending.unicodeScalars += rest[..<dollar]
    rest = rest[dollar...]
    if rest.starts(with: "$${".unicodeScalars) {
      pending += "${"
      rest = rest.dropFirst(3)
    } else if rest.starts(with: "${".unicodeScalars) {
      guard let end = rest.firstIndex(of: "}") else { return nil }
      if !pending.isEmpty { pieces.append(.text(pending)) }
      pending = ""
      pieces.append(.reference(String(rest[..<end].dropFirst(2))))
      rest = rest[rest.index(after: end)...]
    } else {
      pending += "$"
      rest = rest.dropFirst()
    }
  }
  pending.unicodeScalars += rest
  if !pending.isEmpty || pieces.isEmpty { pieces.append(.text(pending)) }
  return pieces
}
