import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files below a folder, and what the names of the folders in between say about them: `year=2024/month=1/a.parquet`.
enum HiveFolder {
  /// What the folders' names say about a file: values by key, from the outside in.
  typealias Keys = [(name: String, value: String?)]

  /// How Hive writes a value that is null.
  private static let null = "__HIVE_DEFAULT_PARTITION__"

  /// The files that patterns mean, as `FileListing` has it, but that folders are looked through.
  ///
  /// Of a folder count its own files and those below subfolders named `key=value`; names that begin with `.` or `_` are
  /// passed over.
  /// - Returns: each file once, with the keys below the folder, or below the part of a pattern that has no wild cards.
  /// - Throws: `ParameterError` for a folder that cannot be listed or has no files, and as `FileListing`.
  static func files(_ patterns: [String], parameter: String) throws -> [(file: FileIdentity, keys: Keys)] {
    guard !patterns.isEmpty else { throw ParameterError(parameter, "the list is empty; name at least one file") }
    var seen: Set<ByteText> = []
    var files: [(file: FileIdentity, keys: Keys)] = []
    for pattern in patterns {
      var paths = [pattern]
      var root = FileListing.fixedFolder(of: pattern)
      if isFolder(pattern) {
        root = pattern.hasSuffix("/") ? String(pattern.dropLast()) : pattern
        paths = []
        try collect(root, &paths, parameter: parameter)
        guard !paths.isEmpty else { throw ParameterError(parameter, "the folder \(pattern) holds no files") }
        paths.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      }
      for file in try FileListing.partitions(of: paths, parameter: parameter).compactMap(\.file)
      where seen.insert(ByteText(file.path)).inserted {
        files.append((file, file.path == pattern ? [] : keys(in: file.path.dropFirst(root.count))))
      }
    }
    return files
  }

  private static func keys(in path: Substring) -> Keys {
    path.split(separator: "/").dropLast().compactMap { part in
      guard let equals = part.firstIndex(of: "="), equals > part.startIndex else { return nil }
      let value = unescaped(part[part.index(after: equals)...])
      return (unescaped(part[..<equals]), value == null ? nil : value)
    }
  }

  private static func collect(_ folder: String, _ found: inout [String], parameter: String) throws {
    guard let stream = opendir(folder) else {
      throw ParameterError(parameter, "the folder \(folder) cannot be listed: \(systemMessage(errno))")
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") || name.hasPrefix("_") { continue }
      let path = "\(folder)/\(name)"
      if isFolder(path) {
        // Only keys: a folder of another name belongs to something else.
        if name.contains("=") { try collect(path, &found, parameter: parameter) }
      } else {
        found.append(path)
      }
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }

  /// `%3A` is `:`; what is no such escape stays.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
