import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that is written aside and gets its name when it is complete.
struct SampleFile: ~Copyable {
  let path: String
  private let aside: String
  private let descriptor: Int32
  private var isPublished = false

  /// - Throws: `TaskError` with code `.cannotWrite`.
  init(_ path: String) throws {
    self.path = path
    aside = parent(of: path) + "/." + lastComponent(path) + ".part"
    descriptor = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw TaskError(
        .cannotWrite, "the sample cannot be written; choose a folder that can be written to", file: path,
        cause: systemMessage(errno))
    }
  }

  deinit {
    guard descriptor >= 0, !isPublished else { return }
    close(descriptor)
    unlink(aside)
  }

  /// - Throws: `TaskError` with code `.cannotWrite` or `.diskFull`.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while rest.count > 0 {
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      #else
        let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
      #endif
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  mutating func publish() throws {
    guard rename(aside, path) == 0 else { throw failure() }
    isPublished = true
    close(descriptor)
  }

  private func failure() -> TaskError {
    let code = errno
    return code == ENOSPC || code == EDQUOT
      ? TaskError(.diskFull, "there is no room for the sample; free some or ask for fewer items", file: path)
      : TaskError(.cannotWrite, "the sample cannot be written", file: path, cause: systemMessage(code))
  }

  /// Makes a folder and those above it.
  static func makeFolder(_ path: String) throws {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      made += "/" + part
      guard mkdir(made, 0o755) == 0 || errno == EEXIST else {
        throw TaskError(
          .cannotWrite, "the folder cannot be made; choose another", file: made, cause: systemMessage(errno))
      }
    }
  }
}

/// Files of records that are made one after the other.
struct SampleFiles {
  /// Each file's.
  let names: [String]
  let seed: UInt64
  /// Records in all, spread evenly over the files.
  let items: Int

  /// Numbered ones, such as `visits-000.csv`.
  static func numbered(_ name: String, _ ending: String, count: Int) -> [String] {
    (0..<count).map { number in
      let digits = "\(number)"
      return "\(name)-" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits + ".\(ending)"
    }
  }

  /// - Parameters:
  ///   - directory: where to; it is made if it is missing.
  ///   - head: what each file begins with.
  ///   - progress: gets the number of records written so far, now and then and at the end.
  ///   - record: appends the record of that number to the file of that number; each has random numbers of its own.
  /// - Returns: the files' paths, in order.
  /// - Throws: `TaskError` with code `.cannotWrite` or `.diskFull`, or what `progress` throws.
  func write(
    to directory: String, head: String = "", progress: (Int) throws -> Void,
    record: (_ file: Int, _ index: Int, inout SampleRandom, inout BufferBuilder) -> Void
  ) throws -> [String] {
    try SampleFile.makeFolder(directory)
    var paths: [String] = []
    for (number, name) in names.enumerated() {
      let (first, last) = (items * number / names.count, items * (number + 1) / names.count)
      let path = "\(directory)/\(name)"
      var file = try SampleFile(path)
      var random = SampleRandom(seed: seed, part: number)
      var block = BufferBuilder(capacity: 320 << 10)
      block.append(head)
      for index in first..<last {
        record(number, index, &random, &block)
        if block.count > 256 << 10 {
          try file.write(block.bytes)
          block.removeAll()
          try progress(index + 1)
        }
      }
      try file.write(block.bytes)
      try file.publish()
      try progress(last)
      paths.append(path)
    }
    return paths
  }
}
