import Graph

/// Gives values the kinds that operations declare, reporting those that do not fit.
struct Typing {
  let home: String?
  let mistakes: Mistakes

  /// - Returns: `nil` if the value does not fit, which is reported.
  func value(
    _ value: Value, as parameter: OpParameter, at position: Position, subject: @autoclosure () -> Parameters.Subject
  ) -> ParameterValue? {
    do {
      return try typed(value, as: parameter.kind)
    } catch {
      if let complaint = error.message {
        mistakes.add(.badValue, at: position, "\(subject().description) \(complaint)")
      }
      return nil
    }
  }

  /// What follows the parameter's name in a message; `nil` where all was said before.
  private struct Complaint: Error { let message: String? }

  private func typed(_ value: Value, as kind: OpParameter.Kind) throws(Complaint) -> ParameterValue {
    let texts: [Text]
    switch (value, kind) {
    case (.broken, _): throw Complaint(message: nil)
    case (.mapping(let items), .map): return .map(try mapping(items))
    case (.mapping(let items), .nested): return try nested(items)
    case (.mapping, _): throw Complaint(message: "wants \(wanted(kind)), and got a mapping")
    case (.scalar(let text), _): texts = [text]
    case (.list(let list, _), .strings), (.list(let list, _), .files), (.list(let list, _), .command):
      texts = list
    case (.list(_, let origin), _):
      throw Complaint(message: "wants \(wanted(kind)), and got a list" + (origin?.description ?? ""))
    }
    // A choice may be called "null", and YAML takes that word for nothing.
    if case .choice(let names) = kind, texts[0].isNull, texts[0].text == "null", names.contains("null") {
      return .string("null")
    }
    if texts.contains(where: \.isNull) { throw Complaint(message: "has no value") }
    switch kind {
    case .strings: return .strings(texts.map(\.text))
    case .command:
      if case .list = value { return .strings(texts.map(\.text)) }
      return .string(texts[0].text)
    case .map, .nested: throw misfit(texts[0], kind)
    case .files:
      var paths: [String] = []
      for text in texts { paths.append(try path(text)) }
      return .strings(paths)
    case .path: return .string(try path(texts[0]))
    case .string, .choice: return .string(texts[0].text)
    case .integer: return .integer(try integer(texts[0], kind))
    case .number:
      guard let number = coreNumber(texts[0].text) else { throw misfit(texts[0], kind) }
      guard number.isFinite else { throw misfit(texts[0], kind, "a finite one") }
      return .number(number)
    case .boolean:
      switch texts[0].text {
      case "true": return .boolean(true)
      case "false": return .boolean(false)
      case let text where ["yes", "on", "y", "true"].contains(text.lowercased()):
        throw misfit(texts[0], kind, "write true")
      case let text where ["no", "off", "n", "false"].contains(text.lowercased()):
        throw misfit(texts[0], kind, "write false")
      default: throw misfit(texts[0], kind)
      }
    }
  }

  private func nested(_ items: [(name: String, value: Value)]) throws(Complaint) -> ParameterValue {
    var maps: [NamedMap] = []
    for (name, value) in items {
      switch value {
      case .broken: throw Complaint(message: nil)
      case .mapping(let inner): maps.append(NamedMap(name, try mapping(inner)))
      case .scalar, .list:
        throw Complaint(
          message: "wants a mapping for \(shown(name)), and got a \(value.isList ? "list" : "single value")")
      }
    }
    return .nested(maps)
  }

  private func mapping(_ items: [(name: String, value: Value)]) throws(Complaint) -> [String: String] {
    var texts: [String: String] = [:]
    for (name, value) in items {
      switch value {
      case .broken: throw Complaint(message: nil)
      case .scalar(let text) where text.isNull: throw Complaint(message: "has no value for \(shown(name))")
      case .scalar(let text): texts[name] = text.text
      case .list, .mapping:
        throw Complaint(
          message: "wants a single value for \(shown(name)), and got a \(value.isList ? "list" : "mapping")")
      }
    }
    return texts
  }

  private func integer(_ text: Text, _ kind: OpParameter.Kind) throws(Complaint) -> Int {
    switch coreInteger(text.text) {
    case .value(let number): return number
    case .tooLarge: throw misfit(text, kind, "that is more than a 64-bit integer holds")
    case .none:
      if let number = coreNumber(text.text), let whole = Int(exactly: number) {
        throw misfit(text, kind, "write \(whole)")
      }
      throw misfit(text, kind)
    }
  }

  private func path(_ text: Text) throws(Complaint) -> String {
    guard !text.text.isEmpty else {
      throw Complaint(message: "is an empty path" + (text.origin?.description ?? ""))
    }
    if home == nil, text.text == "~" || text.text.hasPrefix("~/") {
      throw Complaint(message: "begins with \"~\", and the environment variable HOME is not set")
    }
    return absolutePathOf(text.text, in: text.folder, home: home)
  }

  private func misfit(_ text: Text, _ kind: OpParameter.Kind, _ remedy: String? = nil) -> Complaint {
    Complaint(
      message: "wants \(wanted(kind)), and got \(shown(text.text))" + (text.origin?.description ?? "")
        + (remedy.map { ": \($0)" } ?? ""))
  }

  private func wanted(_ kind: OpParameter.Kind) -> String {
    switch kind {
    case .integer: "an " + kind.description
    case .string, .number, .path, .strings, .files, .map, .nested, .command: "a " + kind.description
    case .boolean: kind.description
    case .choice(let names): "one of " + names.joined(separator: ", ")
    }
  }
}

enum CoreInteger: Equatable {
  case value(Int)
  case tooLarge
  case none
}

/// An integer as YAML 1.2's core schema writes it: decimal, `0o17` or `0x1F`.
func coreInteger(_ text: String) -> CoreInteger {
  let body: Substring
  let radix: Int
  if text.hasPrefix("0x") || text.hasPrefix("0o") {
    (body, radix) = (text.dropFirst(2), text.hasPrefix("0x") ? 16 : 8)
    guard body.first != "-", body.first != "+" else { return .none }
  } else {
    (body, radix) = (Substring(text), 10)
  }
  if let number = Int(body, radix: radix) { return .value(number) }
  let digits = body.drop { $0 == "-" || $0 == "+" }
  let isInteger = body.count - digits.count <= 1 && !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isHexDigit }
  return isInteger && digits.allSatisfy { ($0.hexDigitValue ?? radix) < radix } ? .tooLarge : .none
}

/// A number as YAML 1.2's core schema writes it; infinite where it is too large.
func coreNumber(_ text: String) -> Double? {
  if case .value(let integer) = coreInteger(text) { return Double(integer) }
  var rest = Substring(text).utf8
  func takeDigits() -> Int {
    let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
    rest = rest.dropFirst(digits.count)
    return digits.count
  }
  func take(_ bytes: String) -> Bool {
    guard let first = rest.first, bytes.utf8.contains(first) else { return false }
    rest = rest.dropFirst()
    return true
  }
  _ = take("+-")
  var digits = takeDigits()
  if take(".") { digits += takeDigits() }
  guard digits > 0 else { return nil }
  if take("eE") {
    _ = take("+-")
    guard takeDigits() > 0 else { return nil }
  }
  guard rest.isEmpty else { return nil }
  return Double(text)
}
