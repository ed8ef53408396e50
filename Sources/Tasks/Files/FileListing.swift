import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a parameter of kind `.files` means.
enum FileListing {
  /// One partition a file, in the order of the patterns and sorted by name (by byte) within each; no file twice.
  ///
  /// A path that exists is taken as it is, even with `*`, `?` or `[` in its name. A folder means its files that are
  /// not hidden. Everything else is a pattern for glob(3), in which `**` is refused: it would mean no more than `*`.
  /// - Throws: `ParameterError` for a pattern that matches nothing, a missing or an unreadable file.
  static func partitions(of patterns: [String], parameter: String = "files") throws -> [Partition] {
    guard !patterns.isEmpty else { throw ParameterError(parameter, "the list is empty; name at least one file") }
    var seen: Set<ByteText> = []
    var files: [FileIdentity] = []
    for pattern in patterns {
      for path in try paths(of: pattern, parameter: parameter) where seen.insert(ByteText(path)).inserted {
        files.append(try identity(path, parameter: parameter))
      }
    }
    return files.enumerated().map { Partition(index: $0, label: $1.name, file: $1) }
  }

  private static func paths(of pattern: String, parameter: String) throws -> [String] {
    if let found = kind(of: pattern) {
      guard found == S_IFDIR else { return [pattern] }
      let inside = try filesInside(pattern, parameter: parameter)
      guard !inside.isEmpty else { throw ParameterError(parameter, "the folder \(pattern) holds no files") }
      return inside
    }
    guard
      pattern.utf8.contains(where: { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") })
    else { throw missingFile(pattern, parameter: parameter) }
    let star = UInt8(ascii: "*")
    guard !zip(pattern.utf8, pattern.utf8.dropFirst()).contains(where: { $0 == star && $1 == star }) else {
      throw ParameterError(
        parameter, "\(pattern): ** is not supported; name the folders, or give several patterns with one * each")
    }

    var found = glob_t()
    defer { globfree(&found) }
    let result = glob(pattern, GLOB_NOSORT, nil, &found)
    guard result == 0 || result == GLOB_NOMATCH else {
      throw ParameterError(parameter, "the pattern \(pattern) cannot be looked up: \(systemMessage(errno))")
    }
    var matches: [String] = []
    if result == 0 {
      for index in 0..<Int(found.gl_pathc) {
        if let path = found.gl_pathv[index].map({ String(cString: $0) }), kind(of: path) != S_IFDIR {
          matches.append(path)
        }
      }
    }
    guard !matches.isEmpty else {
      let folder = fixedFolder(of: pattern)
      let there = kind(of: folder) == S_IFDIR
      throw ParameterError(
        parameter,
        "no file matches \(pattern); looked in the folder \(folder), which "
          + (there ? "holds none of that name" : "does not exist"))
    }
    return sorted(matches)
  }

  private static func missingFile(_ path: String, parameter: String) -> ParameterError {
    let code = errno
    let folder = parent(of: path)
    guard kind(of: folder) == S_IFDIR else {
      return ParameterError(parameter, "there is no file \(path): its folder \(folder) does not exist")
    }
    if code == EACCES { return ParameterError(parameter, "\(path) cannot be reached: \(systemMessage(code))") }
    let near = nearestName(to: lastComponent(path), among: names(inside: folder) ?? [])
    return ParameterError(
      parameter, "there is no file \(path)" + (near.map { "; did you mean \"\($0)\"?" } ?? "; correct the path"))
  }

  private static func identity(_ path: String, parameter: String) throws -> FileIdentity {
    var info = stat()
    guard stat(path, &info) == 0 else {
      throw ParameterError(parameter, "\(path) cannot be read: \(systemMessage(errno))")
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw ParameterError(parameter, "\(path) is no regular file; copy its content into one")
    }
    guard access(path, R_OK) == 0 else {
      throw ParameterError(
        parameter, "\(path) cannot be read: \(systemMessage(errno)); give yourself the right to read it (chmod u+r)")
    }
    return FileIdentity(path: path, byteCount: Int(info.st_size), modified: modificationTime(info))
  }

  private static func filesInside(_ folder: String, parameter: String) throws -> [String] {
    guard let names = names(inside: folder) else {
      throw ParameterError(parameter, "the folder \(folder) cannot be listed: \(systemMessage(errno))")
    }
    let prefix = folder.hasSuffix("/") ? folder : folder + "/"
    return sorted(names.filter { !$0.hasPrefix(".") }.map { prefix + $0 }.filter { kind(of: $0) == S_IFREG })
  }

  private static func names(inside folder: String) -> [String]? {
    guard let stream = opendir(folder) else { return nil }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// The longest leading part of a pattern that has no wild cards.
  static func fixedFolder(of pattern: String) -> String {
    var parts: [Substring] = []
    for part in pattern.split(separator: "/", omittingEmptySubsequences: false) {
      if part.contains(where: { "*?[".contains($0) }) { break }
      parts.append(part)
    }
    let folder = parts.joined(separator: "/")
    return folder.isEmpty ? (pattern.hasPrefix("/") ? "/" : ".") : folder
  }

  private static func sorted(_ paths: [String]) -> [String] {
    paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// `S_IFREG`, `S_IFDIR`, …; `nil` where there is nothing.
  private static func kind(of path: String) -> mode_t? {
    var info = stat()
    return stat(path, &info) == 0 ? info.st_mode & S_IFMT : nil
  }
}

/// Nanoseconds since 1970.
func modificationTime(_ info: stat) -> Int64 {
  #if canImport(Darwin)
    Int64(info.st_mtimespec.tv_sec) * 1_000_000_000 + Int64(info.st_mtimespec.tv_nsec)
  #else
    Int64(info.st_mtim.tv_sec) * 1_000_000_000 + Int64(info.st_mtim.tv_nsec)
  #endif
}

func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }

func lastComponent(_ path: String) -> String {
  String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...])
}

func parent(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
