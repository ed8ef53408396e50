/// Why a state file cannot be shown.
struct StatusError: Error, CustomStringConvertible, Equatable {
  enum Code: Sendable {
    case missing, unreadable, notAState, newerSchema, noRun
  }

  var code: Code
  var message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  var description: String { message }
}
