import Graph

/// A value after `${…}` was replaced.
indirect enum Value: Sendable {
  case scalar(Text)
  case list([Text], origin: Origin?)
  case mapping([(name: String, value: Value)])
  /// Already reported.
  case broken
}

extension Value {
  var isList: Bool { if case .list = self { true } else { false } }
}

/// A single value's text, and who wrote it.
struct Text: Sendable {
  var text: String
  var isQuoted: Bool
  /// `null`, `~` or nothing, where nobody wrote quotes.
  var isNull = false
  /// The folder of whoever wrote the beginning: what a relative path is taken from.
  var folder: String
  /// The parameter this is the value of, if it is all there is.
  var origin: Origin?
}

/// The parameter a value comes from.
struct Origin: Sendable {
  let parameter: String
  let line: Int
  let isOverridden: Bool

  /// What a message appends, for the mistake may be there.
  var description: String {
    " (from parameter \(shown(parameter))" + (isOverridden ? ", as it was set)" : " on line \(line))")
  }
}

/// The values of a file's parameters, and what `${…}` makes of them.
struct Parameters {
  /// Where a value is used, as messages begin.
  struct Subject {
    var task: String?
    let parameter: String

    var description: String {
      (task.map { "task \(shown($0)): " } ?? "") + "parameter \(shown(parameter))"
    }
  }

  /// Lists that name lists can grow without end; no op wants more.
  private static let mostItems = 1_000_000

  private(set) var values: [(name: String, value: Value)] = []
  private var index: [String: Int] = [:]
  private let fileFolder: String
  private let mistakes: Mistakes

  init(_ parameters: [FileParameter], overrides: [Override], fileFolder: String, mistakes: Mistakes) {
    self.fileFolder = fileFolder
    self.mistakes = mistakes
    let names = Set(parameters.map(\.name.text))
    var given: [String: Override] = [:]
    for override in overrides {
      given[override.name] = override
      guard !names.contains(override.name) else { continue }
      let known = parameters.map(\.name.text)
      let remedy =
        mistakes.nearest(to: override.name, among: known).map { suggestion($0) }
        ?? (known.isEmpty ? "; it has no parameters" : "; its parameters are \(listed(known))")
      mistakes.add(
        .unknownOverride, at: nil, "cannot set \(shown(override.name)): the file has no such parameter\(remedy)")
    }
    for parameter in parameters {
      let own = resolve(parameter.value, subject: Subject(parameter: parameter.name.text))
      let override = given[parameter.name.text]
      let origin = Origin(
        parameter: parameter.name.text, line: parameter.name.position.line, isOverridden: override != nil)
      let value =
        override.map { Parameters.value(of: $0, insteadOf: parameter.value, origin: origin) }
        ?? named(own, origin)
      index[parameter.name.text] = values.count
      values.append((parameter.name.text, value))
      if case .scalar(let text) = value, text.isNull {
        values[values.count - 1].value = .broken
        mistakes.add(
          .badValue, at: parameter.name.position,
          "parameter \(shown(parameter.name.text)) has no value: give it one here, or set it for this run")
      }
    }
  }

  private static func value(of override: Override, insteadOf own: RawValue, origin: Origin) -> Value {
    func text(_ text: String, isQuoted: Bool) -> Text {
      Text(text: text, isQuoted: isQuoted, folder: override.folder, origin: origin)
    }
    guard case .list = own else { return .scalar(text(override.text, isQuoted: false)) }
    return .list(
      bracketedList(override.text)?.map { text($0.text, isQuoted: $0.isQuoted) }
        ?? [text(override.text, isQuoted: false)], origin: origin)
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

  func resolve(_ raw: RawValue, subject: @autoclosure () -> Subject) -> Value {
    switch raw {
    case .mapping(let items, _):
      return .mapping(items.map { ($0.name.text, resolve($0.value, subject: subject())) })
    case .broken: return .broken
    case .scalar(let scalar):
      guard scalar.text.utf8.contains(UInt8(ascii: "$")) else { return .scalar(plain(scalar)) }
      return resolve(scalar, subject: subject())
    case .list(let scalars, _):
      var texts: [Text] = []
      for scalar in scalars {
        guard scalar.text.utf8.contains(UInt8(ascii: "$")) else {
          texts.append(plain(scalar))
          continue
        }
        switch resolve(scalar, subject: subject()) {
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
    Text(text: scalar.text, isQuoted: scalar.isQuoted, isNull: scalar.isNull, folder: fileFolder)
  }

  private func resolve(_ scalar: RawScalar, subject: Subject) -> Value {
    guard let pieces = pieces(of: scalar.text) else {
      mistakes.add(
        .badReference, at: scalar.position,
        "\(subject.description): \"${\" without \"}\" in \(shown(scalar.text)); write \"$${\" for \"${\" itself")
      return .broken
    }
    if pieces.count == 1, case .reference(let name) = pieces[0] {
      return value(of: name, at: scalar.position, subject: subject) ?? .broken
    }
    var result = Text(text: "", isQuoted: scalar.isQuoted, folder: fileFolder)
    for piece in pieces {
      switch piece {
      case .text(let text): result.text += text
      case .reference(let name):
        switch value(of: name, at: scalar.position, subject: subject) {
        case .scalar(let text):
          if result.text.isEmpty, !text.text.isEmpty { result.folder = text.folder }
          result.text += text.text
        case .list:
          mistakes.add(
            .badReference, at: scalar.position,
            "\(subject.description): \(shown(name)) is a list and cannot stand inside a longer text")
          return .broken
        case .mapping, .broken, nil: return .broken
        }
      }
    }
    return .scalar(result)
  }

  /// `nil` if the file has no such parameter, which is reported.
  private func value(of name: String, at position: Position, subject: Subject) -> Value? {
    if let index = index[name] { return values[index].value }
    let earlier = subject.task == nil ? "an earlier parameter" : "a parameter of this file"
    mistakes.add(
      .badReference, at: position,
      "\(subject.description): ${\(shown(name).dropFirst().dropLast())} does not name \(earlier)"
        + suggestion(mistakes.nearest(to: name, among: values.map(\.name))))
    return nil
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
