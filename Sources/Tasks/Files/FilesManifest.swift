import CXXHash
import Graph

/// `files.manifest`: one file that lists what sinks wrote, with records, bytes and checksums.
///
/// It holds nothing that differs from run to run, such as times: the same files give the same bytes.
struct FilesManifest: CommandOp {
  private let path: String

  /// Bytes read at a time of a file whose checksum is not known.
  private static let blockByteCount = 1 << 20

  init(_ arguments: OpArguments) throws { path = arguments.require(OpArguments.string, "path") }

  func files() throws -> Partitions? { nil }
  func watchedFiles() throws -> [FileIdentity] { [] }
  var runsOnce: Bool { true }
  var dependsOnIndex: Bool { false }

  func outputPath(index: Int, inputs: [String]) throws -> String? {
    guard !inputs.isEmpty else {
      throw ParameterError("path", "what \"from\" names writes no file: there is nothing to list")
    }
    return path
  }

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: 256, scratch: FilesManifest.blockByteCount + (256 << 10))
  }

  func run(_ call: CommandCall, context: any TaskContext) throws -> any TaskValue {
    try context.writeFile(at: path) { sink in
      var block = BufferBuilder()
      for file in call.written {
        try context.checkCancellation()
        let checksum = try FilesManifest.checksum(of: file, context)
        block.append(
          #"{"path":\#(jsonQuoted(relativePath(of: file.path, to: path))),"rows":\#(file.records.map { "\($0)" } ?? "null"),"#
            + #""bytes":\#(file.fileByteCount),"checksum":"\#(checksum)"}"# + "\n")
        guard block.count >= 64 << 10 else { continue }
        try sink.write(block.bytes)
        block.removeAll()
      }
      if block.count > 0 { try sink.write(block.bytes) }
      return call.written.count
    }
  }

  /// The checksum that was computed while the file was written; what a program wrote is read, and what
  /// several tasks wrote at once.
  ///
  /// - Throws: `TaskError` with code `.cannotRead` where the file is not as it was written.
  private static func checksum(of file: WrittenFile, _ context: any TaskContext) throws -> FileChecksum {
    var input = try InputFile(
      FileIdentity(path: file.path, byteCount: file.fileByteCount, modified: file.modified))
    if let checksum = file.checksum { return checksum }
    let hash = XXH3_createState()
    let block = UnsafeMutableRawPointer.allocate(byteCount: blockByteCount, alignment: 64)
    defer {
      XXH3_freeState(hash)
      block.deallocate()
    }
    XXH3_128bits_reset(hash)
    while true {
      try context.checkCancellation()
      let count = try input.read(into: block, most: blockByteCount)
      if count == 0 { break }
      XXH3_128bits_update(hash, block, count)
    }
    let digest = XXH3_128bits_digest(hash)
    return FileChecksum(high: digest.high64, low: digest.low64)
  }

  static let definition = OpDefinition(
    name: "files.manifest", version: 1, summary: "lists the files that sinks wrote, with records, bytes and checksums",
    inputs: [
      OpInput(
        "written", .any, isRepeated: true, takesFiles: true, summary: "sinks, and commands that write files")
    ],
    parameters: [
      OpParameter("path", .path, isIdentity: false, summary: "the file to write: JSON lines, one for each file")
    ],
    output: """
      the manifest's path, size and number of files. A line has path, from the manifest's folder; rows, null for what a \
      program wrote; bytes; and checksum, as xxh128:32 digits. Lines are in the order of "from" and of partitions
      """,
    example: """
      manifest:
        op: files.manifest
        from: written
        with: {path: out/manifest.jsonl}
      """,
    maker: .command { try FilesManifest($0) })
}

/// How the file at an absolute path is called from the folder of another.
func relativePath(of path: String, to other: String) -> String {
  // By bytes: texts that look alike may name different files.
  let folder = other.utf8.split(separator: UInt8(ascii: "/")).dropLast()
  let components = path.utf8.split(separator: UInt8(ascii: "/"))
  let most = min(folder.count, components.count - 1)
  let common = (0..<max(most, 0)).first { !folder[$0].elementsEqual(components[$0]) } ?? max(most, 0)
  return
    (repeatElement("..", count: folder.count - common)
    + components[common...].map { String(decoding: $0, as: UTF8.self) })
    .joined(separator: "/")
}
