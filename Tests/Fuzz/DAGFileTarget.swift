import Graph
import GraphFile
import Tasks

extension FuzzTarget {
  /// Reads a DAG file, checks it against the program's operations, and builds it with operations that touch no disk.
  ///
  /// The bytes are several files, one behind the other: a line `#file NAME` begins the next one, which the others may
  /// include by that name.
  static let dagFile = FuzzTarget(name: "dag-file") { bytes in
    let files = split(bytes)
    let read: (String) -> Result<[UInt8], UnreadableFile> = { path in
      files.first { "/data/" + $0.name == path }.map { .success($0.bytes) }
        ?? .failure(UnreadableFile(message: "there is no such file"))
    }
    for isCheck in [true, false] {
      do throws(GraphFileError) {
        let file = try DAGFile(bytes: files[0].bytes, path: "/data/" + files[0].name, reading: read)
        if isCheck {
          try file.check(registry: programOps, home: "/home/ada")
        } else {
          let pipeline = try file.build(registry: FuzzOps.registry, home: "/home/ada")
          check(pipeline.graph)
        }
      } catch {
        check(error, files)
      }
    }
  }

  private static let programOps: OpRegistry = {
    var registry = OpRegistry()
    StandardOps.register(into: &registry)
    return registry
  }()

  private static func split(_ bytes: UnsafeRawBufferPointer) -> [(name: String, bytes: [UInt8])] {
    var files: [(name: String, bytes: [UInt8])] = [("p.yaml", [])]
    let mark = Array("#file ".utf8)
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if line.starts(with: mark) {
        files.append((String(decoding: line.dropFirst(mark.count), as: UTF8.self), []))
      } else {
        files[files.count - 1].bytes += line
        files[files.count - 1].bytes.append(UInt8(ascii: "\n"))
      }
    }
    return files
  }

  /// An answer names a place inside the file it names, in one line.
  private static func check(_ error: GraphFileError, _ files: [(name: String, bytes: [UInt8])]) {
    precondition(!error.mistakes.isEmpty)
    for mistake in error.mistakes {
      precondition(!mistake.message.isEmpty && !mistake.message.contains("\n"), "\(mistake)")
      guard let line = mistake.line, let column = mistake.column else { continue }
      let file = files.first { mistake.file == "/data/" + $0.name }
      // Two files may have one name, and a path may be spelt in many ways.
      guard let file, files.count == 1 else { continue }
      let lines = 1 + file.bytes.count { $0 == 0x0A || $0 == 0x0D || $0 == 0x85 || $0 == 0xA8 || $0 == 0xA9 }
      precondition((1...lines).contains(line) && column >= 1 && column <= file.bytes.count + 1, "\(mistake)")
    }
  }

  private static func check(_ graph: TaskGraph) {
    for task in graph.tasks { precondition(graph.inputs(of: task).allSatisfy { $0 < task }) }
    precondition(Set(graph.stages.map(\.name)).count == graph.stages.count)
  }
}
