import Yams

/// Why a text is no YAML, in words for someone who never read its specification.
struct YamlProblem: Error {
  let code: GraphFileError.Code
  let places: [(position: Position, message: String)]

  init(_ positions: [Position], _ message: String, code: GraphFileError.Code = .syntax) {
    self.code = code
    places = positions.map { ($0, message) }
  }

  /// Keys that stand more than once, by the places where they stand first.
  init(duplicates: [Position: String]) {
    code = .duplicateName
    places = duplicates.map { ($0.key, "\(shown($0.value)) stands here more than once") }
  }

  init(_ error: YamlError, text: [Unicode.Scalar]) {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let known = YamlProblem.explain(
        problem, at: Position(mark), context: context.map { ($0.text, Position($0.mark)) }, text: text)
      self.init([known.position], known.message)
    case .memory: self.init([.start], "the file is nested too deeply")
    default: self.init([.start], "this is no YAML: \(error)")
    }
  }

  private static func explain(
    _ problem: String, at position: Position, context: (text: String, position: Position)?, text: [Unicode.Scalar]
  ) -> (position: Position, message: String) {
    let character = offset(of: position, in: text).map { text[$0] }
    let begin = context?.position ?? position
    switch problem {
    case "mapping values are not allowed in this context":
      return (
        position,
        "unexpected \":\": is a \":\" missing above, the indentation wrong, or a value with \": \" not quoted?"
      )
    case "could not find expected ':'":
      return (begin, "this should be a key, but no \":\" follows")
    case "found character that cannot start any token", "found a tab character that violates indentation",
      "found a tab character where an indentation space is expected":
      if character == "\t" || problem.hasPrefix("found a tab") {
        return (position, "a tab cannot indent a line: use spaces")
      }
      return (position, "a value cannot begin with \(shown(character.map { String($0) } ?? "")): put it in quotes")
    case "found unexpected end of stream":
      return (begin, "the quoted text that begins here has no end")
    case "found unexpected document indicator":
      return (begin, "the quoted text that begins here runs into a line of \"---\" or \"...\"")
    case "did not find expected key":
      return (position, "expected a key of the mapping that begins on line \(begin.line): is the indentation right?")
    case "did not find expected '-' indicator":
      return (position, "expected \"- \" and an item of the list that begins on line \(begin.line)")
    case "did not find expected ',' or '}'":
      return (position, "expected \",\" or \"}\" in the {…} that begins on line \(begin.line), column \(begin.column)")
    case "did not find expected ',' or ']'":
      return (position, "expected \",\" or \"]\" in the […] that begins on line \(begin.line), column \(begin.column)")
    case "did not find expected node content":
      return (position, "expected a value here")
    case "did not find expected alphabetic or numeric character":
      return (begin, "put a value that begins with \"*\" or \"&\" in quotes")
    case "found undefined alias":
      return (position, "put a value that begins with \"*\" in quotes: there is no anchor of that name")
    case "found unknown escape character":
      return (position, "after \"\\\" in double quotes comes no such character: write \"\\\\\", or use single quotes")
    case "found invalid Unicode character escape code":
      return (position, "half a surrogate pair is no character: write the character itself, or \\U and eight digits")
    case "block sequence entries are not allowed in this context":
      return (position, "a list cannot begin here: put \"- \" on a line of its own")
    case "mapping keys are not allowed in this context":
      return (position, "a key cannot stand here: is the indentation right?")
    case "did not find expected <document start>":
      return (position, "this does not belong to the mapping above: is the indentation right?")
    case "but found another document":
      return (position, "a DAG file is one document: take out this \"---\"")
    default:
      return (position, "this is no YAML: \(problem)" + (context.map { ", \($0.text)" } ?? ""))
    }
  }
}
