import Graph

/// The value of one key of a task that changes no result.
enum OptionValue: Sendable {
  /// How much of a pool or resource there may be.
  static let amounts = 1...1_000_000

  case keep(Bool)
  case retries(Int)
  case seconds(Double)
  case priority(Int)
  case pool(String)
  case resources([(name: String, amount: Int)])
  case memory(Int)
  /// `null`: as if nobody had said anything.
  case none
}

/// What a task, or `defaults`, says by such keys, and where.
struct TaskOptions: Sendable {
  private(set) var values: [String: (value: OptionValue, position: Position)] = [:]

  /// These, with what `other` says about the keys that these leave open.
  func filled(from other: TaskOptions) -> TaskOptions {
    var options = self
    options.values.merge(other.values) { own, _ in own }
    return options
  }

  mutating func set(_ name: String, _ value: OptionValue, at position: Position) { values[name] = (value, position) }
  mutating func remove(_ name: String) { values[name] = nil }

  var keep: Bool? { if case .keep(let keep)? = values["keep"]?.value { keep } else { nil } }

  /// Where `pool` or `resources` stands.
  var limitPosition: Position? { (values["pool"] ?? values["resources"])?.position }

  var policy: TaskPolicy {
    var policy = TaskPolicy()
    for (name, option) in values {
      switch option.value {
      case .retries(let count): policy.retries = count
      case .seconds(let seconds) where name == "timeout": policy.timeout = seconds
      case .seconds(let seconds): policy.retryDelay = seconds
      case .priority(let priority): policy.priority = priority
      case .pool(let pool): policy.takes[LimitName(.pool, pool)] = 1
      case .resources(let amounts):
        for (name, amount) in amounts { policy.takes[LimitName(.resource, name)] = amount }
      case .memory(let bytes): policy.memory = bytes
      case .keep, .none: break
      }
    }
    return policy
  }
}

/// Gives such keys their values, reporting those that do not fit.
struct OptionTyping {
  let mistakes: Mistakes

  /// - Returns: `nil` if the value does not fit, which is reported.
  func value(_ value: Value, of name: String, as raw: RawValue, subject: String) -> OptionValue? {
    let position = raw.position
    func refuse(_ message: String, _ code: GraphFileError.Code = .badValue) -> OptionValue? {
      mistakes.add(code, at: position, "\(subject) \(message)")
      return nil
    }
    if name == "resources" { return amounts(value, as: raw, subject: subject) }
    let text: Text
    switch value {
    case .broken: return nil
    case .list, .mapping:
      return refuse("wants a text, and this is \(value.isList ? "a list" : "a mapping")", .structure)
    case .scalar(let scalar): text = scalar
    }
    if text.isNull, !text.text.isEmpty { return OptionValue.none }
    guard !text.text.isEmpty else { return refuse("has no value") }
    let got = "and got \(shown(text.text))\(text.origin?.description ?? "")"
    switch name {
    case "keep":
      guard text.text == "true" || text.text == "false" else { return refuse("wants true or false, \(got)") }
      return .keep(text.text == "true")
    case "retries", "priority":
      let range = name == "retries" ? 0...1000 : -1_000_000...1_000_000
      guard case .value(let number) = coreInteger(text.text), range.contains(number) else {
        return refuse("wants an integer, \(range.lowerBound) to \(range.upperBound), \(got)")
      }
      return name == "retries" ? .retries(number) : .priority(number)
    case "retryDelay", "timeout":
      guard let number = coreNumber(text.text), number.isFinite, number > 0 else {
        return refuse("wants a number of seconds above 0, \(got)")
      }
      return .seconds(number)
    case "pool": return .pool(text.text)
    default:
      guard let size = ByteCount(text.text) else { return refuse("wants a size such as 64MB, \(got)") }
      return .memory(size.bytes)
    }
  }

  private func amounts(_ value: Value, as raw: RawValue, subject: String) -> OptionValue? {
    let position = raw.position
    guard case .mapping(let items) = value else {
      switch value {
      case .broken: return nil
      case .scalar(let text) where text.isNull && !text.text.isEmpty: return OptionValue.none
      case .scalar(let text):
        let found = text.isNull ? "empty" : "the text \(shown(text.text))"
        mistakes.add(.structure, at: position, "\(subject) maps names to numbers, and this is \(found)")
      case .list, .mapping:
        mistakes.add(.structure, at: position, "\(subject) maps names to numbers, and this is a list")
      }
      return nil
    }
    var amounts: [(name: String, amount: Int)] = []
    for (index, (name, value)) in items.enumerated() {
      let subject = "\(subject): \(shown(name))"
      var position = position
      if case .mapping(let raws, _) = raw { position = raws[index].value.position }
      switch value {
      case .broken: return nil
      case .scalar(let text):
        guard !text.isNull, !text.text.isEmpty else {
          mistakes.add(.badValue, at: position, "\(subject) has no value")
          return nil
        }
        guard case .value(let amount) = coreInteger(text.text), OptionValue.amounts.contains(amount) else {
          mistakes.add(
            .badValue, at: position,
            "\(subject) wants an integer, 1 to 1000000, and got \(shown(text.text))\(text.origin?.description ?? "")")
          return nil
        }
        amounts.append((name, amount))
      case .list, .mapping:
        mistakes.add(
          .structure, at: position, "\(subject) wants a text, and this is \(value.isList ? "a list" : "a mapping")")
        return nil
      }
    }
    return .resources(amounts)
  }
}
