import Graph

/// All that one `when` says, to be asked for each instance.
struct Conditions {
  private let conditions: [Condition]
  private let parameters: Parameters
  private let mistakes: Mistakes
  /// Whether instances may have different answers.
  let differ: Bool

  init(_ conditions: [Condition], parameters: Parameters, mistakes: Mistakes) {
    self.conditions = conditions
    self.parameters = parameters
    self.mistakes = mistakes
    differ = conditions.contains { $0.operands.contains(where: \.namesInstance) }
  }

  var isEmpty: Bool { conditions.isEmpty }

  /// Whether all hold; `false` also where one cannot be told, which is reported.
  func hold(in scope: Scope?, task: String) -> Bool {
    // All are looked at, so that all mistakes show.
    conditions.reduce(true) { holds($1, in: scope, task: task) && $0 }
  }

  private func holds(_ condition: Condition, in scope: Scope?, task: String) -> Bool {
    let subject = Parameters.Subject(task: task, key: "when")
    func text(_ scalar: RawScalar) -> Text? {
      switch parameters.resolve(.scalar(scalar), in: scope, subject: subject) {
      case .scalar(let text): return text
      case .broken: return nil
      case .list, .mapping:
        mistakes.add(
          .badValue, at: scalar.position,
          "\(subject.description): \(shown(scalar.text)) is a list, and only \"in\" has one, on its right")
        return nil
      }
    }
    guard let left = text(condition.left) else { return false }
    switch condition.test {
    case .isTrue:
      if left.text == "true" || left.text == "false" { return left.text == "true" }
      mistakes.add(
        .badValue, at: condition.whole.position,
        "\(subject.description) wants \(Condition.forms), and got \(shown(left.text))\(left.origin?.description ?? "")")
      return false
    case .equals(let right): return text(right).map { $0.text == left.text } ?? false
    case .differs(let right): return text(right).map { $0.text != left.text } ?? false
    case .isAmong(let list):
      switch parameters.resolve(list, in: scope, subject: subject) {
      case .scalar(let text): return text.text == left.text
      case .list(let texts, _): return texts.contains { $0.text == left.text }
      case .mapping, .broken: return false
      }
    }
  }
}
