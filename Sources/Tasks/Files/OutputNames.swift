import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a writing operation names its files, one for every partition.
struct OutputNames: Sendable {
  let directory: String
  let template: String

  static let directory = OpParameter(
    "directory", .path, isIdentity: false, summary: "the folder for the files; it is made if it is missing")
  /// For sinks that can write all partitions to one file too.
  static let directoryOrNot = OpParameter(
    "directory", .path, isOptional: true, isIdentity: false,
    summary: "the folder for a file for each partition; it is made if it is missing")
  static let path = OpParameter(
    "path", .path, isOptional: true, isIdentity: false, summary: "the one file for all partitions, in their order")
  static let name = OpParameter(
    "name", .string, default: .string("{name}"), isIdentity: false,
    summary: "the files' names: {name} is the input file's name, {stem} the same without its ending, "
      + "{index} the partition's number; without {index} a file's blocks are numbered, name-07.json")

  /// - Throws: `ParameterError` for a name that is none.
  init(_ arguments: OpArguments) throws {
    directory = arguments.require(OpArguments.string, "directory")
    template = arguments.require(OpArguments.string, "name")
    var rest = template
    for known in ["{name}", "{stem}", "{index}"] { rest = rest.split(separator: known).joined() }
    guard !rest.contains("{"), !rest.contains("}") else {
      throw ParameterError("name", "\"\(template)\" may hold {name}, {stem} and {index}, and no other braces")
    }
    guard !template.utf8.contains(UInt8(ascii: "/")), !template.isEmpty, template != ".", template != ".." else {
      throw ParameterError("name", "\"\(template)\" is no plain file name; the folder is set by directory")
    }
  }

  /// The one file, or `nil` where a folder is given.
  ///
  /// - Throws: `ParameterError` where both are given, or neither.
  static func joinedPath(_ arguments: OpArguments) throws -> String? {
    switch (arguments.string("path"), arguments.string("directory")) {
    case (let path?, nil): return path
    case (nil, _?): return nil
    case (nil, nil):
      throw ParameterError("path", "give path, for one file, or directory, for a file for each partition")
    case (_?, _?): throw ParameterError("path", "it does not go with directory; give only one of them")
    }
  }

  /// The absolute path for each partition, in order.
  ///
  /// - Throws: `ParameterError` where two would be the same, or one is an input.
  func paths(for partitions: Partitions) throws -> [String] {
    let inputs = Inputs(partitions)
    var owners: [ByteText: Partition] = [:]
    return try partitions.map { partition in
      let path = try path(of: partition)
      if let first = owners.updateValue(partition, forKey: ByteText(path)) {
        throw ParameterError(
          "name",
          "\(described(first)) and \(described(partition)) would both be written to \(path); "
            + "use name: \"{index}-{name}\"")
      }
      if let input = inputs.same(as: path) {
        throw ParameterError(
          "directory", "\(path) is the input file \(input) and would be overwritten; write to another folder")
      }
      return path
    }
  }

  /// - Throws: `ParameterError` where the partition's name gives none for a file.
  func path(of partition: Partition) throws -> String {
    (directory.hasSuffix("/") ? directory : directory + "/") + (try fileName(for: partition))
  }

  private func described(_ partition: Partition) -> String {
    partition.block != nil ? partition.label : partition.file?.path ?? partition.label
  }

  private func fileName(for partition: Partition) throws -> String {
    let name = partition.file?.name ?? partition.label
    var stem = name
    if let dot = name.lastIndex(of: "."), dot > name.startIndex { stem = String(name[..<dot]) }
    let ending = name.dropFirst(stem.count)
    // Where the partition's number is in the name, that is enough.
    if let block = partition.block, !template.contains("{index}") {
      let number = "\(block.number)"
      let width = "\(block.count - 1)".count
      stem += "-" + String(repeating: "0", count: width - number.count) + number
    }
    let parts = ["name": stem + ending, "stem": stem, "index": "\(partition.index)"]
    var result = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      result += parts[String(rest[rest.index(after: open)..<close])] ?? ""
      rest = rest[rest.index(after: close)...]
    }
    result += rest
    guard !result.utf8.contains(UInt8(ascii: "/")), !result.isEmpty, result != ".", result != "..",
      result.utf8.count <= 255
    else {
      throw ParameterError(
        "name", "\"\(template)\" gives \"\(result)\" for \(described(partition)), which is no file name")
    }
    return result
  }

  /// The files that partitions come from, by path and by what they are on disk.
  private struct Inputs {
    private struct Node: Hashable {
      let device: UInt64
      let number: UInt64

      init?(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: info.st_dev)
        number = UInt64(truncatingIfNeeded: info.st_ino)
      }
    }

    private var nodes: [Node: String] = [:]
    private var paths: Set<ByteText> = []

    init(_ partitions: Partitions) {
      for path in partitions.compactMap(\.file?.path) {
        paths.insert(ByteText(path))
        if let node = Node(path) { nodes[node] = path }
      }
    }

    func same(as path: String) -> String? {
      paths.contains(ByteText(path)) ? path : Node(path).flatMap { nodes[$0] }
    }
  }
}
