import Foundation
import GRDB

/// Functions for a dashboard's SQL that write a figure as the formats of columns do, so that one text can hold several:
/// `as_bytes(rss) || ' of ' || as_bytes(memory_limit)`. An unknown figure, NULL, stays NULL.
enum SQLFunctions {
  static func add(to db: Database, clock: StatusView.Clock) {
    let formats: [(String, @Sendable (Double) -> String)] = [
      ("as_count", { Format.count($0) }),
      ("as_bytes", { Format.bytes($0) }),
      ("as_seconds", { Format.duration($0) }),
      ("as_rate", { Format.rate($0) }),
      ("as_percent", { Format.percent($0) }),
      ("as_time", { Format.time($0, now: clock.now(), zone: clock.zone) }),
    ]
    for (name, format) in formats {
      db.add(
        function: DatabaseFunction(name, argumentCount: 1) { values in
          // Not `map`: the optimizer of Swift 6.3.1 stumbles over it here.
          guard let figure = Double.fromDatabaseValue(values[0]) else { return nil }
          return format(figure)
        })
    }
  }
}
