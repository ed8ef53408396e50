import Graph

/// Which columns of which row groups make up which partition, settled from the files' footers before anything is read.
struct ParquetPlan: Sendable {
  /// A column that comes out: from the files, or from the names of their folders.
  struct Output: Sendable {
    let name: String
    var type: ColumnType
    /// Not from the files.
    let isKey: Bool
  }

  /// What is read for one partition.
  struct Piece: Sendable {
    let file: FileIdentity
    /// What the names of its folders say.
    let keys: HiveFolder.Keys
    let groups: Range<Int>
    let rows: Int
    /// Bytes in memory, as the footer foresees them.
    let bytes: Int
    /// Of the largest column.
    let largestColumn: Int
  }

  let outputs: [Output]
  let pieces: [Piece]
  let partitions: Partitions

  /// - Parameters:
  ///   - patterns: files, folders and glob patterns.
  ///   - columns: which columns; all of the first file's, and the folders' keys, if `nil`.
  ///   - partitionBytes: row groups are joined up to so many bytes in memory.
  ///   - approximate: whether decimals may be taken as float64.
  /// - Throws: `ParameterError` for files that cannot be read, are no Parquet or do not go together, and for columns that
  ///   are not there or of an unsupported type; `TaskError` where this program has no Parquet.
  /// - Complexity: O(files + row groups · columns); of each file the footer is read.
  init(_ patterns: [String], columns: [String]?, partitionBytes: Int, approximate: Bool) throws {
    _ = try ArrowLibrary.load()
    var merge = ParquetColumns(wanted: columns, approximate: approximate)
    var pieces: [Piece] = []
    for (file, keys) in try HiveFolder.files(patterns, parameter: "files") {
      do {
        let opened = try ParquetFile(file)
        let positions = try merge.add(opened, keys)
        pieces += ParquetPlan.pieces(of: opened, keys, positions, partitionBytes: partitionBytes)
      } catch let error as TaskError {
        throw ParameterError("files", "\(error)")
      }
    }
    outputs = try merge.outputs()
    self.pieces = pieces
    var perFile: [String: Int] = [:]
    for piece in pieces { perFile[piece.file.path, default: 0] += 1 }
    partitions = Partitions(
      pieces.enumerated().map { index, piece in
        Partition(
          index: index, label: ParquetPlan.label(piece, isWhole: perFile[piece.file.path] == 1), file: piece.file)
      })
  }

  private static func label(_ piece: Piece, isWhole: Bool) -> String {
    if isWhole { return piece.file.name }
    return piece.groups.count == 1
      ? "\(piece.file.name)[\(piece.groups.lowerBound)]"
      : "\(piece.file.name)[\(piece.groups.lowerBound)..<\(piece.groups.upperBound)]"
  }

  /// A file without rows is one partition too.
  private static func pieces(
    of file: ParquetFile, _ keys: HiveFolder.Keys, _ positions: [Int], partitionBytes: Int
  ) -> [Piece] {
    var pieces: [Piece] = []
    var start = 0
    var rows = 0
    var sizes = [Int](repeating: 0, count: positions.count)
    func close(at end: Int) {
      pieces.append(
        Piece(
          file: file.identity, keys: keys, groups: start..<end, rows: rows, bytes: sizes.reduce(0, +),
          largestColumn: sizes.max() ?? 0))
      (start, rows, sizes) = (end, 0, sizes.map { _ in 0 })
    }
    for group in 0..<file.rowGroupCount {
      let own = positions.map { file.decodedBytes(group, column: $0) }
      if group > start, sizes.reduce(0, +) + own.reduce(0, +) > partitionBytes { close(at: group) }
      rows += file.rowCount(group)
      sizes = zip(sizes, own).map { $0 + $1 }
    }
    if start < file.rowGroupCount || pieces.isEmpty { close(at: file.rowGroupCount) }
    return pieces
  }
}

/// What files have in common: each gets its say in turn.
struct ParquetColumns {
  private let wanted: [String]?
  private let approximate: Bool
  private var first: FileIdentity?
  private var found: [ParquetPlan.Output] = []
  /// The file that settled a column's type; `nil` while all were null throughout.
  private var settledBy: [FileIdentity?] = []
  /// Of each key, whether all its values are whole numbers.
  private var keysAreWhole: [ByteText: Bool] = [:]

  init(wanted: [String]?, approximate: Bool) {
    self.wanted = wanted
    self.approximate = approximate
  }

  /// - Returns: which of the file's columns are read.
  /// - Throws: `ParameterError`, or `TaskError`.
  mutating func add(_ file: ParquetFile, _ keys: HiveFolder.Keys) throws -> [Int] {
    try file.withColumns { schemas in
      let names = schemas.map { $0.name.map { String(cString: $0) } ?? "" }
      if first == nil { try begin(file.identity, names, keys) }
      for (place, output) in found.enumerated() where output.isKey {
        guard let key = keys.last(where: { ByteText($0.name) == ByteText(output.name) }) else {
          throw missing(output.name, in: file.identity, names + keys.map(\.name))
        }
        if let value = key.value, !(Int64(value).map { "\($0)" == value } ?? false) {
          keysAreWhole[ByteText(output.name)] = false
        }
        settledBy[place] = file.identity
      }
      return try found.indices.filter { !found[$0].isKey }.map { place in
        let name = found[place].name
        let positions = names.indices.filter { ByteText(names[$0]) == ByteText(name) }
        guard let position = positions.first else {
          throw missing(name, in: file.identity, names + keys.map(\.name))
        }
        guard positions.count == 1 else {
          throw ParameterError("files", "\(file.identity.path) has \(positions.count) columns \"\(name)\"; rename one")
        }
        do {
          try settle(place, try ArrowColumn(schemas[position], approximate: approximate), file.identity)
        } catch let error as UnsupportedArrowType {
          throw ParameterError(
            wanted == nil ? "files" : "columns",
            "column \"\(name)\(error.place)\" of \(file.identity.path) is of type \(error.type), which tables do not have; "
              + "\(error.remedy), or name other columns with columns: […]")
        }
        return position
      }
    }
  }

  private mutating func begin(_ file: FileIdentity, _ names: [String], _ keys: HiveFolder.Keys) throws {
    first = file
    let keyNames = keys.map(\.name).reduce(into: [String]()) { if !$0.containsBytes(of: $1) { $0.append($1) } }
    for name in wanted ?? names + keyNames {
      let isKey = keyNames.containsBytes(of: name)
      if isKey, names.containsBytes(of: name) {
        throw ParameterError(
          wanted == nil ? "files" : "columns",
          "\"\(name)\" is a column of \(file.path) and a key in its path; name other columns with columns: […]")
      }
      if found.map(\.name).containsBytes(of: name) {
        throw ParameterError("files", "\(file.path) has two columns \"\(name)\"; name others with columns: […]")
      }
      found.append(ParquetPlan.Output(name: name, type: .utf8, isKey: isKey))
      if isKey { keysAreWhole[ByteText(name)] = true }
    }
    settledBy = found.map { _ in nil }
  }

  private mutating func settle(_ place: Int, _ column: ArrowColumn, _ file: FileIdentity) throws {
    if column.isNull { return }
    if let before = settledBy[place], found[place].type != column.type {
      throw ParameterError(
        "files",
        "column \"\(column.name)\" is \(found[place].type) in \(before.path) and \(column.type) in \(file.path); "
          + "read them apart, or write one of them again with the other's type")
    }
    found[place].type = column.type
    settledBy[place] = file
  }

  private func missing(_ name: String, in file: FileIdentity, _ names: [String]) -> ParameterError {
    let near = nearestName(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
    let other = first.map { $0 == file || wanted != nil ? "" : ", which \($0.path) has" } ?? ""
    return ParameterError(
      wanted == nil ? "files" : "columns",
      "\(file.path) has no column \"\(name)\"\(other)\(near) (there are \(names.joined(separator: ", ")))")
  }

  func outputs() throws -> [ParquetPlan.Output] {
    found.map { output in
      guard output.isKey else { return output }
      return ParquetPlan.Output(
        name: output.name, type: keysAreWhole[ByteText(output.name)] == true ? .int64 : .utf8, isKey: true)
    }
  }
}
