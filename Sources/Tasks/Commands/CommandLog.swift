import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file that a program's standard output and error go to: nothing but what it prints, of the last attempt.
struct CommandLog: ~Copyable {
  let path: String
  let file: Int32

  /// Opens it empty.
  init(_ path: String) throws {
    self.path = path
    var opened = CommandLog.open(path)
    if opened < 0, errno == ENOENT {
      try CommandLog.makeFolder(parent(of: path))
      opened = CommandLog.open(path)
    }
    guard opened >= 0 else {
      throw TaskError(
        .cannotWrite, "the log of what the program prints cannot be written", file: path, cause: systemMessage(errno))
    }
    file = Launch.lifted(opened)
  }

  deinit { close(file) }

  private static func open(_ path: String) -> Int32 {
    #if canImport(Glibc)
      Glibc.open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
    #else
      Darwin.open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
    #endif
  }

  private static func makeFolder(_ path: String) throws {
    guard mkdir(path, 0o755) != 0, errno != EEXIST else { return }
    let above = parent(of: path)
    guard errno == ENOENT, above != path else {
      throw TaskError(.cannotWrite, "the folder for logs cannot be made", file: path, cause: systemMessage(errno))
    }
    try makeFolder(above)
    mkdir(path, 0o755)
  }

  /// Removes it if nothing was printed: a million quiet tasks leave no million files.
  borrowing func removeIfEmpty() {
    var info = stat()
    if fstat(file, &info) == 0, info.st_size == 0 { unlink(path) }
  }

  /// The last lines that are not empty, on one line, not endless.
  borrowing func lastLines(_ most: Int) -> String? {
    var info = stat()
    guard fstat(file, &info) == 0, info.st_size > 0 else { return nil }
    let count = min(Int(info.st_size), 4096)
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { place, filled in
      filled = max(0, pread(file, place.baseAddress, count, info.st_size - off_t(count)))
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { $0.filter { !$0.isASCII || $0 >= " " } }.filter { !$0.allSatisfy(\.isWhitespace) }
    let text = lines.suffix(most).joined(separator: " | ")
    guard !text.isEmpty else { return nil }
    return text.count > 600 ? "…" + text.suffix(600) : text
  }
}
