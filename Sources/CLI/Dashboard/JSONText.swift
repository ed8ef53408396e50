import Foundation
import GRDB
import Graph

/// JSON that keeps the order of its keys and writes numbers as they are.
indirect enum JSONText {
  case null
  case integer(Int64)
  case real(Double)
  case string(String)
  case bool(Bool)
  case array([JSONText])
  case object([(String, JSONText)])

  /// Columns that hold JSON themselves are not wrapped in a string.
  private static let nested: Set<String> = ["parameters", "settings"]

  init(_ row: Row) {
    self = .object(
      row.map { name, value in
        if JSONText.nested.contains(name), let text = String.fromDatabaseValue(value), let json = JSONText(json: text) {
          return (name, json)
        }
        return (name, JSONText(value))
      })
  }

  init(_ value: DatabaseValue) {
    switch value.storage {
    case .null: self = .null
    case .int64(let number): self = .integer(number)
    case .double(let number): self = number.isFinite ? .real(number) : .null
    case .string(let text): self = .string(text)
    case .blob(let data): self = .string(data.base64EncodedString())
    }
  }

  /// - Returns: `nil` if `text` is no JSON.
  init?(json text: String) {
    guard let value = try? JSONDecoder().decode(Decoded.self, from: Data(text.utf8)) else { return nil }
    self = value.json
  }

  private struct Decoded: Decodable {
    var json: JSONText

    init(from decoder: any Decoder) throws {
      if let keyed = try? decoder.container(keyedBy: Key.self) {
        let names = keyed.allKeys.sorted { $0.stringValue < $1.stringValue }
        json = .object(try names.map { ($0.stringValue, try keyed.decode(Decoded.self, forKey: $0).json) })
        return
      }
      if var list = try? decoder.unkeyedContainer() {
        var values: [JSONText] = []
        while !list.isAtEnd { values.append(try list.decode(Decoded.self).json) }
        json = .array(values)
        return
      }
      let single = try decoder.singleValueContainer()
      if single.decodeNil() {
        json = .null
      } else if let value = try? single.decode(Bool.self) {
        json = .bool(value)
      } else if let value = try? single.decode(Int64.self) {
        json = .integer(value)
      } else if let value = try? single.decode(Double.self) {
        json = .real(value)
      } else {
        json = .string(try single.decode(String.self))
      }
    }

    private struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
  }

  func text(indent: Int = 0) -> String {
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch self {
    case .null: return "null"
    case .integer(let value): return String(value)
    case .real(let value): return "\(value)"
    case .bool(let value): return value ? "true" : "false"
    case .string(let value): return jsonQuoted(value)
    case .array(let values):
      guard !values.isEmpty else { return "[]" }
      return "[\n" + values.map { inner + $0.text(indent: indent + 2) }.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let pairs):
      guard !pairs.isEmpty else { return "{}" }
      let lines = pairs.map { inner + jsonQuoted($0.0) + ": " + $0.1.text(indent: indent + 2) }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    }
  }
}
