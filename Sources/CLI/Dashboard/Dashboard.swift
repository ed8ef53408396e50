/// A page of status: panels, each filled by one question to the state file.
///
/// `dashboards/README.md` is the reference of the files these are read from.
struct Dashboard: Sendable {
  /// How a user calls it.
  var name: String
  var title: String
  var description: String
  /// For messages.
  var file: String
  var panels: [Panel]
}

struct Panel: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    /// Names and values of the first row.
    case facts
    case table
    /// A label, a bar and a figure for each row.
    case bars
    case chart
    /// A paragraph for each row.
    case text
  }

  var kind: Kind
  var title: String?
  var sql: String
  /// In `chart`, the series.
  var columns: [PanelColumn]
  /// Rows shown.
  var limit: Int
  /// Shown where there are no rows; without it the panel disappears.
  var empty: String?
  /// `chart` only: where samples stand.
  var x: PanelColumn?
  /// `chart` only: a line that is not to be crossed.
  var bound: PanelColumn?
  var height: Int
  /// Where the panel and its SQL begin in the file.
  var line: Int
  var sqlLine: Int

  /// For messages, counted from one.
  var number: Int
  var shownName: String { title.map { "\"\($0)\"" } ?? "\(number)" }
}

/// One column of a question's answer, and how it is shown.
struct PanelColumn: Sendable {
  enum Format: String, CaseIterable, Sendable {
    case text, count, bytes, seconds, percent, rate, time, path, state, bar

    var isNumeric: Bool {
      switch self {
      case .count, .bytes, .seconds, .percent, .rate, .time: true
      case .text, .path, .state, .bar: false
      }
    }
  }

  /// In the answer.
  var name: String
  var header: String
  var format = Format.text
  var align: StyledText.Side?
  var style: TextStyle?
  /// `bar` and `percent`: the column that holds the whole.
  var of: String?
  /// `bar` in facts: the column whose text stands beside the bar.
  var beside: String?
  var least: Int?
  var most: Int?
  /// Where the terminal is too narrow, the column with the highest number goes first; without one it stays.
  var drop: Int?
  var line: Int

  var side: StyledText.Side { align ?? (format.isNumeric ? .right : .left) }
}

/// A dashboard file that cannot be used: one line that says where and why.
struct DashboardError: Error, CustomStringConvertible, Equatable {
  var file: String?
  var line: Int?
  /// As `Panel.shownName`.
  var panel: String?
  var message: String

  var description: String {
    let place = [file, line.map(String.init)].compactMap { $0 }.joined(separator: ":")
    return (place.isEmpty ? "" : place + ": ") + (panel.map { "panel \($0): " } ?? "") + message
  }
}
