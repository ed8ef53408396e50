import Foundation

/// What is known about the place that output goes to.
///
/// A value that is made once and passed on: nothing below it looks at the environment or at a file descriptor.
struct Terminal: Sendable {
  struct Size: Hashable, Sendable {
    var columns: Int
    /// `nil` where lines may be as many as they like: a file, a pipe.
    var rows: Int?
  }

  /// Whether a person watches, so that lines may be redrawn in place.
  var isTerminal: Bool
  var hasColour: Bool
  var glyphs: Glyphs
  private let measure: @Sendable () -> Size

  /// Asked anew each time, since people resize their windows.
  var size: Size { measure() }

  init(
    isTerminal: Bool, hasColour: Bool, glyphs: Glyphs = .unicode, size: @escaping @Sendable () -> Size
  ) {
    self.isTerminal = isTerminal
    self.hasColour = hasColour
    self.glyphs = glyphs
    measure = size
  }

  static func standardOutput(environment: [String: String] = ProcessInfo.processInfo.environment) -> Terminal {
    Terminal(file: STDOUT_FILENO, environment: environment)
  }

  static func standardError(environment: [String: String] = ProcessInfo.processInfo.environment) -> Terminal {
    Terminal(file: STDERR_FILENO, environment: environment)
  }

  init(file: Int32, environment: [String: String]) {
    let isTerminal = isatty(file) == 1
    self.init(
      isTerminal: isTerminal && environment["TERM"] != "dumb",
      hasColour: Terminal.wantsColour(isTerminal: isTerminal, environment: environment),
      glyphs: Glyphs.fitting(environment: environment)
    ) {
      Terminal.size(of: file, environment: environment)
    }
  }

  /// `NO_COLOR` and `CLICOLOR_FORCE`/`FORCE_COLOR` as <https://no-color.org> and <https://bixense.com/clicolors> ask.
  static func wantsColour(isTerminal: Bool, environment: [String: String]) -> Bool {
    if environment["NO_COLOR"].map({ !$0.isEmpty }) ?? false { return false }
    for name in ["CLICOLOR_FORCE", "FORCE_COLOR"] {
      if let value = environment[name], !value.isEmpty, value != "0" { return true }
    }
    return isTerminal && environment["TERM"] != "dumb" && environment["CLICOLOR"] != "0"
  }

  static func size(of file: Int32, environment: [String: String]) -> Size {
    var size = winsize()
    if ioctl(file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      return Size(columns: Int(size.ws_col), rows: size.ws_row > 0 ? Int(size.ws_row) : nil)
    }
    let columns = environment["COLUMNS"].flatMap { Int($0) } ?? 80
    return Size(columns: min(max(columns, 20), 1000), rows: nil)
  }
}

/// The characters that pictures are made of.
struct Glyphs: Hashable, Sendable {
  let isUnicode: Bool

  static let unicode = Glyphs(isUnicode: true)
  static let ascii = Glyphs(isUnicode: false)

  /// What the locale's encoding can show.
  static func fitting(environment: [String: String]) -> Glyphs {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let encoding = locale.lowercased().replacing("-", with: "")
    return encoding.contains("utf8") ? .unicode : .ascii
  }

  var ellipsis: String { isUnicode ? "…" : "..." }
  var dot: String { isUnicode ? "·" : "-" }
  /// The part of a bar that is still to come.
  var track: Character { isUnicode ? "░" : "." }
  var full: Character { isUnicode ? "█" : "#" }
  /// A line over the columns of a chart.
  var line: Character { isUnicode ? "─" : "-" }
  var limit: Character { isUnicode ? "┄" : "=" }

  /// A cell filled from the left by `eighths` of 8.
  func left(eighths: Int) -> Character {
    guard isUnicode else { return eighths >= 4 ? "#" : "." }
    return Array(" ▏▎▍▌▋▊▉█")[min(max(eighths, 0), 8)]
  }

  /// A cell filled from below by `eighths` of 8.
  func bottom(eighths: Int) -> Character {
    guard isUnicode else { return eighths >= 4 ? "#" : eighths > 0 ? "." : " " }
    return Array(" ▁▂▃▄▅▆▇█")[min(max(eighths, 0), 8)]
  }
}
