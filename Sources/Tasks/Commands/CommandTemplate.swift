import Graph

/// A text with placeholders: `{input}`, `{inputs}`, `{output}`, `{name}`, `{stem}`, `{index}`, `{params.x}`.
///
/// Only what looks like a name in braces is a placeholder; other braces are themselves, so that `awk '{print $1}'` and
/// `${HOME}` need no care. `{{word}}` stands for `{word}`.
struct CommandTemplate: Sendable {
  enum Placeholder: Hashable, Sendable {
    case input, inputs, output, name, stem, index
  }

  /// What the text is for.
  enum Use {
    /// Words of a shell: what is put in is quoted, so that it stays one word whatever it holds.
    case shell
    /// A word of its own, or a part of one.
    case word
    /// A path, as the DAG file's reader made it absolute: `\` stands before what is no pattern.
    case path
  }

  private enum Piece: Sendable {
    case text(String)
    case placeholder(Placeholder)
  }

  private var pieces: [Piece] = []
  private let isShell: Bool

  var placeholders: Set<Placeholder> {
    Set(pieces.compactMap { if case .placeholder(let placeholder) = $0 { placeholder } else { nil } })
  }

  /// Whether the text is `{inputs}` and nothing else, which stands for any number of words.
  var isAllInputs: Bool {
    if pieces.count == 1, case .placeholder(.inputs) = pieces[0] { true } else { false }
  }

  /// - Parameters:
  ///   - parameter: whose value the text is, for messages.
  ///   - params: what `{params.x}` stands for.
  init(_ text: String, use: Use, of parameter: String, params: [String: String]) throws {
    isShell = use == .shell
    var pending = ""
    var quotes = ShellQuotes()
    var rest = Substring(text).unicodeScalars
    var previous: Unicode.Scalar = " "
    func take(_ count: Int) {
      for scalar in rest.prefix(count) {
        pending.unicodeScalars.append(scalar)
        if use == .shell { quotes.read(scalar) }
        previous = scalar
      }
      rest = rest.dropFirst(count)
    }
    while let scalar = rest.first {
      if use == .path, scalar == "\\", rest.dropFirst().first.map({ "*?[]{}\\".unicodeScalars.contains($0) }) == true {
        rest = rest.dropFirst()
        take(1)
        continue
      }
      guard scalar == "{", previous != "$" else {
        take(1)
        continue
      }
      if let word = CommandTemplate.word(in: rest.dropFirst()), rest.dropFirst().first == "{" {
        // {{word}}
        let inner = "{" + word + "}"
        for scalar in inner.unicodeScalars {
          pending.unicodeScalars.append(scalar)
          quotes.read(scalar)
        }
        previous = "}"
        rest = rest.dropFirst(word.unicodeScalars.count + 4)
        continue
      }
      guard let word = CommandTemplate.name(in: rest) else {
        take(1)
        continue
      }
      if use == .shell, quotes.isInside {
        throw ParameterError(
          parameter,
          "{\(word)} stands inside quotes; take them away, since what is put in is quoted as a whole "
            + "(write {{\(word)}} for the text itself)")
      }
      if word.hasPrefix("params.") {
        let name = String(word.dropFirst("params.".count))
        guard let value = params[name] else {
          let near = nearestName(to: name, among: params.keys.sorted())
          throw ParameterError(
            parameter,
            "{\(word)}: \"params\" has no \"\(name)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
        }
        pending += isShell ? CommandTemplate.quoted(value) : value
      } else {
        if !pending.isEmpty { pieces.append(.text(pending)) }
        pending = ""
        pieces.append(.placeholder(try CommandTemplate.placeholder(word, use, of: parameter)))
      }
      previous = "}"
      rest = rest.dropFirst(word.unicodeScalars.count + 2)
    }
    if !pending.isEmpty { pieces.append(.text(pending)) }
    if use == .word, placeholders.contains(.inputs), !isAllInputs {
      throw ParameterError(parameter, "{inputs} stands for several words and cannot be a part of one")
    }
  }

  private static func placeholder(_ word: String, _ use: Use, of parameter: String) throws -> Placeholder {
    let known: [(String, Placeholder)] = [
      ("input", .input), ("inputs", .inputs), ("output", .output), ("name", .name), ("stem", .stem), ("index", .index),
    ]
    let allowed = use == .path ? known.filter { $0.1 == .name || $0.1 == .stem || $0.1 == .index } : known
    if let found = allowed.first(where: { $0.0 == word }) { return found.1 }
    let near = nearestName(to: word, among: allowed.map(\.0)).map { "; did you mean {\($0)}?" }
    throw ParameterError(
      parameter,
      "{\(word)} is no placeholder here"
        + (near ?? "; there are \(allowed.map { "{\($0.0)}" }.joined(separator: ", ")) and {params.NAME}")
        + " (write {{\(word)}} for the text itself)")
  }

  /// `word` where `text` begins with `{word}`, a word being a name with or without dots.
  private static func name(in text: Substring.UnicodeScalarView) -> String? {
    let word = text.dropFirst().prefix { isNamePart($0) || $0 == "." }
    guard let first = word.first, isNamePart(first), !("0"..."9").contains(first), word.endIndex < text.endIndex,
      text[word.endIndex] == "}"
    else { return nil }
    return String(word)
  }

  /// `word` where `text` begins with `{word}}`.
  private static func word(in text: Substring.UnicodeScalarView) -> String? {
    guard text.first == "{", let word = name(in: text) else { return nil }
    return text.dropFirst(word.unicodeScalars.count + 2).first == "}" ? word : nil
  }

  private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
    default: false
    }
  }

  // MARK: - Putting in

  /// What placeholders stand for in one task.
  struct Values {
    var inputs: [String] = []
    var output: String?
    var index = 0
  }

  func text(_ values: Values) -> String {
    var text = ""
    for piece in pieces {
      switch piece {
      case .text(let more): text += more
      case .placeholder(.inputs):
        text += values.inputs.map { isShell ? CommandTemplate.quoted($0) : $0 }.joined(separator: " ")
      case .placeholder(let placeholder):
        let value = CommandTemplate.value(of: placeholder, values)
        text += isShell ? CommandTemplate.quoted(value) : value
      }
    }
    return text
  }

  private static func value(of placeholder: Placeholder, _ values: Values) -> String {
    let input = values.inputs.first ?? ""
    switch placeholder {
    case .input, .inputs: return input
    case .output: return values.output ?? ""
    case .name: return lastComponent(input)
    case .stem:
      let name = lastComponent(input)
      guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
      return String(name[..<dot])
    case .index: return "\(values.index)"
    }
  }

  /// One word for the shell.
  private static func quoted(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy { byte in
      (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || "-_./:,+@%".utf8.contains(byte)
    }
    if isPlain, !word.isEmpty { return word }
    return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
  }
}

/// Follows a shell's text far enough to know what stands inside quotes.
private struct ShellQuotes {
  private enum Place { case plain, single, double, substitution, backquotes, comment }

  private var places: [Place] = [.plain]
  private var isEscaped = false
  private var previous: Unicode.Scalar = "\n"

  var isInside: Bool { places.last == .single || places.last == .double }

  mutating func read(_ scalar: Unicode.Scalar) {
    defer { previous = scalar }
    if isEscaped {
      isEscaped = false
      return
    }
    switch (places[places.count - 1], scalar) {
    case (.single, "'"), (.double, "\""), (.substitution, ")"), (.backquotes, "`"), (.comment, "\n"):
      places.removeLast()
    case (.single, _), (.comment, _): break
    case (_, "\\"): isEscaped = true
    case (_, "(") where previous == "$" || places.last == .substitution: places.append(.substitution)
    case (_, "`"): places.append(.backquotes)
    case (.double, _): break
    case (_, "'"): places.append(.single)
    case (_, "\""): places.append(.double)
    case (_, "#") where " \t\n;".unicodeScalars.contains(previous): places.append(.comment)
    default: break
    }
  }
}
