import Yams

/// The items of `[a, b]`; `nil` if the text is anything else.
///
/// A text given at the command line is as a rule a path or a pattern, which YAML would take apart
/// (`*.json`, `{a,b}`, `a: b`): only what begins with a bracket is looked at.
func bracketedList(_ text: String) -> [RawScalar]? {
  let trimmed = text.drop { $0 == " " }
  guard trimmed.first == "[", case .sequence(let items)? = try? composeNode(text) else { return nil }
  var scalars: [RawScalar] = []
  for item in items {
    guard case .scalar(let scalar) = item else { return nil }
    scalars.append(
      RawScalar(text: scalar.string, isQuoted: scalar.style != .plain, position: Position(scalar.mark)))
  }
  return scalars
}
