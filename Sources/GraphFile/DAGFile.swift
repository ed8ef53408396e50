import Graph

/// A DAG file, read but not yet built.
///
/// Reading stops only at what is no YAML mapping. Everything else that is wrong is kept, and reported by
/// `build` or `check` together with what they find, so that one attempt shows all mistakes.
public struct DAGFile: Sendable {
  /// The version of the format this program reads.
  public static let version = 1

  /// As the caller named it: what messages begin with.
  public let path: String
  public let absolutePath: String
  /// `name:`, or the file's name without its extension.
  public let name: String

  let text: String
  let parameters: [FileParameter]
  let entries: [Entry]
  let limits: [LimitName: Int]
  let mistakes: [Mistakes.Found]

  /// - Parameters:
  ///   - text: YAML, hence also JSON.
  ///   - path: where it comes from; a relative one is taken from the current folder.
  /// - Throws: `GraphFileError` if `text` is no YAML, or no mapping.
  public init(text: String, path: String) throws(GraphFileError) {
    let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    let mistakes = Mistakes()
    let reader: StructureReader
    do {
      reader = try StructureReader(YamlTree(text), mistakes: mistakes)
    } catch {
      if let problem = error as? YamlProblem {
        for place in problem.places { mistakes.add(problem.code, at: place.position, place.message) }
      } else {
        mistakes.add(.syntax, at: .start, "this is no YAML: \(error)")
      }
      throw mistakes.error(file: path, text: text)
    }
    self.path = path
    self.text = text
    absolutePath = absolutePathOf(path, in: currentFolder())
    name = reader.name ?? stem(of: absolutePath)
    parameters = reader.parameters
    entries = reader.entries
    limits = reader.limits
    self.mistakes = mistakes.found
  }

  /// - Throws: `GraphFileError` also if the bytes are no UTF-8.
  public init(bytes: [UInt8], path: String) throws(GraphFileError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let mistakes = Mistakes()
      let place = firstInvalidUTF8(in: bytes)
      let hex = String(place?.byte ?? 0, radix: 16, uppercase: true)
      mistakes.add(
        .unreadable, at: place?.position ?? .start,
        "the file is not UTF-8 text: byte 0x\(hex) stands here; save it as UTF-8")
      throw mistakes.error(file: path, text: String(decoding: bytes, as: UTF8.self))
    }
    try self.init(text: text, path: path)
  }

  /// Reads the file at `path`.
  /// - Throws: `GraphFileError`.
  public static func load(path: String) throws(GraphFileError) -> DAGFile {
    switch readBytes(of: path) {
    case .success(let bytes): return try DAGFile(bytes: bytes, path: path)
    case .failure(let failure):
      throw GraphFileError([
        GraphFileError.Mistake(
          code: .unreadable, message: failure.message, file: path, line: nil, column: nil, excerpt: nil)
      ])
    }
  }

  /// The names of its tasks, in the file's order.
  public var taskNames: [String] { entries.map(\.name.text) }
}

/// A parameter's value given from outside, as by `--set name=value`.
public struct Override: Hashable, Sendable {
  public let name: String
  /// Taken as it stands. Only where the file's own value is a list, and this is a list in brackets, is it one.
  public let text: String
  /// The absolute folder from which relative paths in `text` are taken.
  public let folder: String

  /// - Parameters:
  ///   - name: the parameter.
  ///   - text: its value, taken as it stands.
  ///   - folder: the current folder unless stated.
  public init(_ name: String, _ text: String, folder: String? = nil) {
    self.name = name
    self.text = text
    self.folder = folder ?? currentFolder()
  }
}

// MARK: - What a file says, word by word

/// A word and where it stands.
struct Word: Sendable {
  let text: String
  let position: Position
}

/// One entry of `tasks:`.
struct Entry: Sendable {
  let name: Word
  var op: Word?
  var from: [Word] = []
  /// Where `from:` stands, if it is given.
  var fromPosition: Position?
  var arguments: [(name: Word, value: RawValue)] = []
  var keep: Bool?
  var policy = TaskPolicy()
  /// Where `pool:` or `resources:` stands.
  var limitPosition: Position?
  /// Something here could not be read: what seems to be missing may be there, under a wrong name.
  var isIncomplete = false
}

/// One of `parameters:`.
struct FileParameter: Sendable {
  let name: Word
  let value: RawValue
}

/// A value as written.
indirect enum RawValue: Sendable {
  case scalar(RawScalar)
  case list([RawScalar], Position)
  case mapping([(name: Word, value: RawValue)], Position)
  /// Already reported.
  case broken(Position)

  var position: Position {
    switch self {
    case .scalar(let scalar): scalar.position
    case .list(_, let position), .mapping(_, let position), .broken(let position): position
    }
  }
}

struct RawScalar: Sendable {
  let text: String
  let isQuoted: Bool
  let position: Position

  /// `null`, `~`, or nothing.
  var isNull: Bool { !isQuoted && ["", "~", "null", "Null", "NULL"].contains(text) }
}
