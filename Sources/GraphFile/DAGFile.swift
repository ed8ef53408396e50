import Graph

/// A DAG file with all that it includes, read but not yet built.
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

  /// What was read, this file first.
  let sources: [SourceFile]
  /// This file and its inclusions, each before what it includes itself.
  let units: [FileUnit]
  let mistakes: [Mistakes.Found]

  /// - Parameters:
  ///   - text: YAML, hence also JSON.
  ///   - path: where it comes from; a relative one is taken from the current folder.
  /// - Throws: `GraphFileError` if `text`, or a file that it includes, is no YAML, or no mapping.
  public init(text: String, path: String) throws(GraphFileError) {
    try self.init(bytes: Array(text.utf8), path: path)
  }

  /// - Throws: `GraphFileError` also if the bytes are no UTF-8.
  public init(bytes: [UInt8], path: String) throws(GraphFileError) {
    try self.init(bytes: bytes, path: path, reading: readBytes)
  }

  /// - Parameters:
  ///   - bytes: the file's.
  ///   - path: as the caller names it.
  ///   - reading: gives an included file's bytes by its absolute path.
  package init(
    bytes: [UInt8], path: String, reading: @escaping (String) -> Result<[UInt8], UnreadableFile>
  ) throws(GraphFileError) {
    self.path = path
    absolutePath = absolutePathOf(path, in: currentFolder())
    var reader = InclusionReader(reading: reading)
    reader.read(bytes, path: path, absolutePath: absolutePath)
    guard reader.isWhole, let first = reader.units.first else { throw reader.mistakes.error(in: reader.sources) }
    name = first.content.name ?? stem(of: absolutePath)
    sources = reader.sources
    units = reader.units
    mistakes = reader.mistakes.found
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

  /// The names of its entries as they are written, in the file's order, included ones last.
  public var taskNames: [String] {
    units.flatMap { unit in unit.content.entries.map { unit.namespace + $0.name.text } }
  }
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
