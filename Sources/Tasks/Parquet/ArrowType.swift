import CArrow
import Graph

// What a column of Arrow's is in a table, by the format strings of the Arrow C data interface.

/// How cells of one of Arrow's types become cells of a column.
indirect enum ArrowDecoding: Equatable, Sendable {
  /// They lie as they do in a column.
  case same
  case bits
  case integers(ArrowInteger)
  case halves
  /// Milliseconds that are days.
  case milliseconds
  case timestamps(ArrowTimeUnit)
  /// `approximate`: as float64.
  case decimals(bytes: Int, scale: Int)
  case strings
  case largeStrings
  case stringViews
  case lists(ArrowDecoding, ColumnType)
  case largeLists(ArrowDecoding, ColumnType)
  case fixedLists(Int, ArrowDecoding, ColumnType)
  case structures([ArrowDecoding])
  case dictionary(ArrowInteger, ArrowDecoding)
  /// No cell holds anything.
  case nulls
}

/// A width and sign that columns do not have, or that indices have.
enum ArrowInteger: String, Sendable {
  case int8 = "c"
  case uint8 = "C"
  case int16 = "s"
  case uint16 = "S"
  case int32 = "i"
  case uint32 = "I"
  case int64 = "l"
  case uint64 = "L"
}

enum ArrowTimeUnit: String, Sendable {
  case seconds = "s"
  case milliseconds = "m"
  case nanoseconds = "n"
}

/// A column of Arrow's: what it is in a table and how it gets there.
struct ArrowColumn: Sendable {
  let name: String
  let type: ColumnType
  let decoding: ArrowDecoding

  /// Says nothing about its type: it is null throughout.
  var isNull: Bool { decoding == .nulls }
}

/// A type that tables do not have.
struct UnsupportedArrowType: Error {
  /// As people know it.
  let type: String
  /// Where in the column: `.item`, `.name`; empty for the column itself.
  var place: String
  let remedy: String
}

extension ArrowColumn {
  /// - Parameters:
  ///   - schema: of the column.
  ///   - approximate: whether decimals may be taken as float64.
  /// - Throws: `UnsupportedArrowType`.
  init(_ schema: ArrowSchema, approximate: Bool) throws {
    name = schema.name.map { String(cString: $0) } ?? ""
    (type, decoding) = try ArrowColumn.meaning(of: schema, approximate: approximate, depth: 0)
  }

  private static func meaning(
    of schema: ArrowSchema, approximate: Bool, depth: Int
  ) throws -> (ColumnType, ArrowDecoding) {
    guard depth <= greatestNesting else { throw refused("nested deeper than \(greatestNesting) levels") }
    let format = schema.format.map { String(cString: $0) } ?? ""
    if let dictionary = schema.dictionary {
      guard let indices = ArrowInteger(rawValue: format) else { throw refused("a dictionary of \(format)") }
      let (type, values) = try meaning(of: dictionary.pointee, approximate: approximate, depth: depth + 1)
      return (type, .dictionary(indices, values))
    }
    func item() throws -> (ColumnType, ArrowDecoding) {
      guard schema.n_children == 1, let child = schema.children[0] else { throw refused("a list without items") }
      do {
        return try meaning(of: child.pointee, approximate: approximate, depth: depth + 1)
      } catch var error as UnsupportedArrowType {
        error.place = ".item" + error.place
        throw error
      }
    }
    switch format {
    case "n": return (.utf8, .nulls)
    case "b": return (.bool, .bits)
    case "c": return (.int8, .same)
    case "i": return (.int32, .same)
    case "l": return (.int64, .same)
    case "C", "s", "S": return (.int32, .integers(ArrowInteger(rawValue: format)!))
    case "I", "L": return (.int64, .integers(ArrowInteger(rawValue: format)!))
    case "e": return (.float32, .halves)
    case "f": return (.float32, .same)
    case "g": return (.float64, .same)
    case "tdD": return (.date, .same)
    case "tdm": return (.date, .milliseconds)
    case "u": return (.utf8, .strings)
    case "U": return (.utf8, .largeStrings)
    case "vu": return (.utf8, .stringViews)
    case "+l":
      let (type, decoding) = try item()
      return (.list(type), .lists(decoding, type))
    case "+L":
      let (type, decoding) = try item()
      return (.list(type), .largeLists(decoding, type))
    case "+s": return try structure(schema, approximate: approximate, depth: depth)
    default: break
    }
    if format.hasPrefix("tsu:") { return (.timestamp, .same) }
    if format.hasPrefix("ts"), format.utf8.count >= 4, let unit = ArrowTimeUnit(rawValue: "\(Array(format)[2])") {
      return (.timestamp, .timestamps(unit))
    }
    if format.hasPrefix("+w:"), let length = Int(format.dropFirst(3)), length >= 0 {
      let (type, decoding) = try item()
      return (.list(type), .fixedLists(length, decoding, type))
    }
    if format.hasPrefix("d:") { return try decimal(format, approximate: approximate) }
    throw refused(named(format))
  }

  private static func structure(
    _ schema: ArrowSchema, approximate: Bool, depth: Int
  ) throws -> (ColumnType, ArrowDecoding) {
    var fields: [ColumnType.Field] = []
    var decodings: [ArrowDecoding] = []
    for number in 0..<Int(schema.n_children) {
      guard let child = schema.children[number]?.pointee else { throw refused("a structure without fields") }
      let name = child.name.map { String(cString: $0) } ?? ""
      do {
        let (type, decoding) = try meaning(of: child, approximate: approximate, depth: depth + 1)
        fields.append(ColumnType.Field(name, type))
        decodings.append(decoding)
      } catch var error as UnsupportedArrowType {
        error.place = ".\(name)" + error.place
        throw error
      }
    }
    guard let twice = fields.map(\.name).firstRepeated else { return (.structure(fields), .structures(decodings)) }
    throw refused("a structure with two fields \"\(twice)\"")
  }

  private static func decimal(_ format: String, approximate: Bool) throws -> (ColumnType, ArrowDecoding) {
    let numbers = format.dropFirst(2).split(separator: ",").compactMap { Int($0) }
    guard numbers.count >= 2 else { throw refused(named(format)) }
    let bits = numbers.count > 2 ? numbers[2] : 128
    guard bits <= 128 else { throw refused("decimal of \(numbers[0]) digits") }
    guard approximate else {
      throw UnsupportedArrowType(
        type: "decimal(\(numbers[0]), \(numbers[1]))", place: "", remedy: "take it as float64 with approximate: true")
    }
    return (.float64, .decimals(bytes: bits / 8, scale: numbers[1]))
  }

  private static func refused(_ type: String) -> UnsupportedArrowType {
    UnsupportedArrowType(type: type, place: "", remedy: "write it as another type, for example as strings")
  }

  private static func named(_ format: String) -> String {
    switch format {
    case "z", "Z", "vz": "binary"
    case "+m": "map"
    case "+r": "run-end encoded"
    case _ where format.hasPrefix("w:"): "binary of \(format.dropFirst(2)) bytes"
    case _ where format.hasPrefix("+u"): "union"
    case _ where format.hasPrefix("+v"): "list view"
    case _ where format.hasPrefix("tt"): "time of day"
    case _ where format.hasPrefix("tD"): "duration"
    case _ where format.hasPrefix("ti"): "interval"
    case _ where format.hasPrefix("d:"): "decimal"
    default: "Arrow's \"\(format)\""
    }
  }
}
