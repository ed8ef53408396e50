import Yams

/// A file's text as YAML nodes that know their places.
///
/// Yams refuses a mapping with a repeated key and tells only where the first of them stands. To answer with the
/// second, and to go on reading, the first one's leading letter is replaced by a private-use character (so that no
/// column moves) and the text is read again; `originalKeys` remembers what the key was.
struct YamlTree {
  let root: Node
  private let originalKeys: [Position: String]

  /// - Throws: `YamlProblem`.
  init(_ text: String) throws {
    var scalars = Array(text.unicodeScalars)
    if let offset = scalars.firstIndex(where: { !isAllowed($0) }) {
      let hex = String(scalars[offset].value, radix: 16, uppercase: true)
      throw YamlProblem(
        [position(of: offset, in: scalars)],
        "the character U+\(String(repeating: "0", count: max(0, 4 - hex.count)))\(hex) cannot stand in a YAML file")
    }
    try checkAliases(in: text)
    var renamed: [Position: String] = [:]
    while true {
      do {
        let current = renamed.isEmpty ? text : String(String.UnicodeScalarView(scalars))
        guard let root = try composeNode(current) else {
          throw YamlProblem([.start], "the file is empty: a DAG file needs \"tasks:\"", code: .structure)
        }
        self.root = root
        originalKeys = renamed
        return
      } catch YamlError.duplicatedKeysInMapping(let names, let context) {
        let position = Position(context.mark)
        let isNew = renamed.updateValue(names.first ?? "", forKey: position) == nil
        guard isNew, renamed.count <= GraphFileError.limit,
          YamlTree.rename(at: position, to: renamed.count, in: &scalars)
        else { throw YamlProblem(duplicates: renamed) }
      } catch let error as YamlError {
        // Perhaps the renaming broke the syntax: what is certain is the repeated key.
        throw renamed.isEmpty ? YamlProblem(error, text: scalars) : YamlProblem(duplicates: renamed)
      }
    }
  }

  /// A key's text as it stands in the file.
  func text(ofKey scalar: Node.Scalar) -> String { originalKeys[Position(scalar.mark)] ?? scalar.string }

  private static func rename(at position: Position, to number: Int, in scalars: inout [Unicode.Scalar]) -> Bool {
    guard var offset = offset(of: position, in: scalars), let name = Unicode.Scalar(0xF0000 + UInt32(number)) else {
      return false
    }
    if scalars[offset] == "\"" || scalars[offset] == "'" { offset += 1 }
    guard offset < scalars.count, !isLineBreak(scalars[offset]), scalars[offset] != "\"", scalars[offset] != "'" else {
      return false
    }
    scalars[offset] = name
    return true
  }
}

/// Reads one YAML document.
///
/// Scalars are left as they are written: no regular expression guesses types.
func composeNode(_ text: String) throws -> Node? {
  // Yams hands libyaml a pointer into the string, which for a short string lies on a stack frame already left.
  let padded = text.utf8.count < 32 ? text + "\n" + String(repeating: "#", count: 32) : text
  return try Parser(yaml: padded, resolver: .basic, constructor: .default, encoding: .utf8).singleRoot()
}

/// The characters libyaml accepts.
private func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
  default: false
  }
}

extension Position {
  init(_ mark: Mark?) { self = mark.map { Position(line: $0.line, column: $0.column) } ?? .start }
}
