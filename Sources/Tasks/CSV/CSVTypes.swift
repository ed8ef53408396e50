import Graph

/// The type of a CSV column, from the texts in it.
///
/// A column is of the first of these that all its texts are: bool (`true`, `false`), int64, float64, date, timestamp; else
/// of strings, as is one without a text. Whole numbers with zeros in front are strings, for a reader could not write them
/// again.
struct CSVTypeGuess {
  private var candidates: [ColumnType] = [.bool, .int64, .float64, .date, .timestamp]
  private var hasText = false

  mutating func see(_ text: [UInt8], isQuoted: Bool, nulls: [String]) {
    guard !text.isEmpty || isQuoted else { return }
    if !isQuoted, nulls.contains(where: { $0.utf8.elementsEqual(text) }) { return }
    hasText = true
    guard !candidates.isEmpty else { return }
    text.withUnsafeBufferPointer { text in
      let text = text.trimmed
      candidates.removeAll { !CSVTypeGuess.fits(text, $0) }
    }
  }

  private static func fits(_ text: UnsafeBufferPointer<UInt8>, _ type: ColumnType) -> Bool {
    switch type {
    case .bool: return text.count > 1 && ValueParsing.bool(text) != nil
    case .int64: return ValueParsing.int64(text) != nil && !hasLeadingZero(text)
    case .float64: return ValueParsing.float64(text) != nil && !hasLeadingZero(text)
    case .date: return ValueParsing.date(text) != nil
    case .timestamp: return ValueParsing.timestamp(text) != nil
    default: return true
    }
  }

  private static func hasLeadingZero(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    let digits = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+") ? 1 : 0
    return text.count > digits + 1 && text[digits] == 0x30 && text[digits + 1] &- 0x30 <= 9
  }

  var type: ColumnType { hasText ? candidates.first ?? .utf8 : .utf8 }
}

extension ColumnType {
  /// Types that a CSV file's columns can be said to have, by the names that DAG files have for them.
  static let csvTypes: [String: ColumnType] = [
    "int8": .int8, "int32": .int32, "int64": .int64, "float32": .float32, "float64": .float64, "bool": .bool,
    "string": .utf8, "date": .date, "timestamp": .timestamp,
  ]
}
