import CXXHash
import Foundation
import Graph

/// Publishes a file in one step: written aside, synced, then renamed over its final name.
///
/// Until the rename, nothing is seen under the final name but what was there before. The side file has a
/// fixed hidden name beside it, so that the next attempt after a crash overwrites it.
enum FilePublisher {
  static func sidePath(of path: String) -> String {
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let name = "." + path[start...] + ".graphrun-partial"
    return path[..<start]
      + (name.utf8.count <= 255 ? name : ".\(FileNames.tag(String(path[start...]))).graphrun-partial")
  }

  /// - Parameters:
  ///   - synced: wait until the bytes are on disk. Without it the file survives a killed process, not a power cut.
  ///   - body: writes the content.
  /// - Returns: what `body` returned, and the file's state after publishing.
  static func publish<Result>(
    _ path: String, synced: Bool, isCached: Bool = true, hashing: FileSink.Hashing? = nil,
    _ body: (FileSink, Int32) throws -> Result
  ) throws -> (result: Result, status: stat) {
    let side = sidePath(of: path)
    let file = try openSide(for: path)
    var isOpen = true
    do {
      let sink = FileSink(file: file, path: path, hashing: hashing, isCached: isCached)
      let result = try body(sink, file)
      try sink.flush()
      if synced, fdatasync(file) != 0 { throw TaskError.writing(path, errno) }
      var status = stat()
      if fstat(file, &status) != 0 { throw TaskError.writing(path, errno) }
      if rename(side, path) != 0 { throw TaskError.writing(path, errno) }
      isOpen = false
      close(file)  // and with it goes the lock, now that nobody can find the file under its side name
      if synced { syncFolder(of: path) }
      return (result, status)
    } catch {
      if isOpen { close(file) }
      unlink(side)
      throw error
    }
  }

  /// Publishes a side file that is open and written. It stays open, and where this fails, it stays aside.
  ///
  /// - Parameter byteCount: where the file ends.
  /// - Returns: the file's state after publishing.
  static func publishOpen(_ file: Int32, _ path: String, byteCount: Int) throws -> stat {
    var status = stat()
    guard ftruncate(file, off_t(byteCount)) == 0, fdatasync(file) == 0, fstat(file, &status) == 0,
      rename(sidePath(of: path), path) == 0
    else { throw TaskError.writing(path, errno) }
    syncFolder(of: path)
    return status
  }

  private static func folder(of path: String) -> String {
    let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    return folder.isEmpty ? "/" : folder
  }

  private static func syncFolder(of path: String) { syncFolder(folder(of: path)) }

  /// Opens a path's side file for this process alone, empty, in a folder that is made where it is not there yet.
  static func openSide(for path: String) throws -> Int32 {
    try makeFolder(folder(of: path))
    return try openSide(sidePath(of: path), for: path)
  }

  /// Where a program writes what is to become `path`: hidden beside it, and ending as it does, for many programs choose
  /// the format by the name's ending.
  static func programSidePath(of path: String) -> String {
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let name = path[start...]
    let full = ".graphrun-partial." + name
    guard full.utf8.count > 255 else { return path[..<start] + full }
    let ending = name.lastIndex(of: ".").map { name[$0...] } ?? ""
    return path[..<start] + ".graphrun-partial.\(FileNames.tag(String(name)))"
      + (ending.utf8.count <= 200 ? ending : "")
  }

  /// Publishes a file that somebody else makes, such as a program.
  ///
  /// The program gets a path where nothing is, for it may refuse to write over a file. What keeps two runs apart is
  /// therefore the side file of `publish`: it stays empty, and locked, while the program runs.
  ///
  /// - Parameter body: makes a regular file at the path it gets.
  /// - Returns: the file's state after publishing.
  static func publishMade(_ path: String, _ body: (String) throws -> Void) throws -> stat {
    let side = sidePath(of: path)
    let lock = try openSide(for: path)
    let made = programSidePath(of: path)
    defer {
      unlink(made)
      unlink(side)
      close(lock)
    }
    unlink(made)
    try body(made)
    var status = stat()
    guard lstat(made, &status) == 0 else {
      guard errno == ENOENT else { throw TaskError.writing(path, errno) }
      throw TaskError(
        .failed, "it ended well, but it wrote no output: the file is to be at \(made) until it is complete", file: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw TaskError(.failed, "what it wrote is no regular file, and only a file can be an output", file: path)
    }
    let file = open(made, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw TaskError.writing(path, errno) }
    defer { close(file) }
    guard fdatasync(file) == 0, fstat(file, &status) == 0, rename(made, path) == 0 else {
      throw TaskError.writing(path, errno)
    }
    syncFolder(of: path)
    return status
  }

  /// Opens the side file for this process alone: a state folder's lock says nothing about an output folder, which two
  /// runs may share.
  private static func openSide(_ side: String, for path: String) throws -> Int32 {
    while true {
      let file = open(side, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard file >= 0 else { throw TaskError.writing(path, errno) }
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
        close(file)
        throw TaskError(
          .cannotWrite, "another run is writing it; give the two runs output folders of their own", file: path)
      }
      // Between the two calls the file may have been published or removed by who held it before.
      var opened = stat()
      var named = stat()
      if fstat(file, &opened) == 0, lstat(side, &named) == 0, opened.st_ino == named.st_ino,
        opened.st_dev == named.st_dev
      {
        guard ftruncate(file, 0) == 0 else {
          close(file)
          throw TaskError.writing(path, errno)
        }
        return file
      }
      close(file)
    }
  }

  /// Makes a folder and those above it, where they are not there yet.
  static func makeFolder(_ path: String) throws {
    guard !path.isEmpty, mkdir(path, 0o755) != 0, errno != EEXIST else { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/") else { throw TaskError.writing(path, errno) }
    try makeFolder(String(path[..<slash]))
    if mkdir(path, 0o755) != 0, errno != EEXIST { throw TaskError.writing(path, errno) }
  }

  private static func syncFolder(_ path: String) {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }
}

extension stat {
  /// Modification time in nanoseconds since 1970.
  var modified: Int64 {
    #if os(Linux)
      Int64(st_mtim.tv_sec) * 1_000_000_000 + Int64(st_mtim.tv_nsec)
    #else
      Int64(st_mtimespec.tv_sec) * 1_000_000_000 + Int64(st_mtimespec.tv_nsec)
    #endif
  }
}

/// Names for files that stand for longer names.
enum FileNames {
  /// Sixteen hexadecimal digits that differ where `text` differs.
  static func tag(_ text: String) -> String {
    var text = text
    let digits = String(text.withUTF8 { XXH3_64bits($0.baseAddress, $0.count) }, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
