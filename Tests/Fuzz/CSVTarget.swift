import Foundation
import Graph
import Tasks

extension FuzzTarget {
  /// Reads a CSV file as a whole and in blocks, which must not differ.
  ///
  /// The first byte chooses the size of the blocks and what becomes of bad records; the rest is the file.
  static let csv = FuzzTarget(name: "csv") { bytes in
    guard let first = bytes.first else { return }
    let path =
      FileManager.default.temporaryDirectory.path + "/graphrun-fuzz-\(ProcessInfo.processInfo.processIdentifier).csv"
    guard FileManager.default.createFile(atPath: path, contents: Data(bytes.dropFirst())) else {
      preconditionFailure("cannot write \(path)")
    }
    let onError = first & 1 == 0 ? "fail" : "skip"
    let whole = records(path, blocksize: "none", onError: onError)
    let parts = records(path, blocksize: "\(1 << (first >> 1 & 7))B", onError: onError)
    // A file that breaks the rules may be refused by one and not by the other, and what is set aside may differ.
    if onError == "fail", let whole, let parts { precondition(whole == parts, "blocks differ") }
  }

  /// The records as JSON, or `nil` where the file is refused.
  private static func records(_ path: String, blocksize: String, onError: String) -> String? {
    do {
      guard let definition = StandardOps.definitions.first(where: { $0.name == "csv.read" }),
        case .source(let make) = definition.maker
      else { preconditionFailure("there is no csv.read") }
      let arguments = try OpArguments(
        ["files": .strings([path]), "blocksize": .string(blocksize), "on_error": .string(onError)], for: definition)
      let source = try make(arguments)
      return try source.partitions().map { partition in
        let table = try Table.from(source.read(partition, context: FuzzContext()))
        let text = table.preview(limit: .max).json
        return table.count == 1 ? text : String(text.dropFirst().dropLast())
      }.filter { !$0.isEmpty }.joined(separator: ",")
    } catch {
      precondition(!"\(error)".isEmpty)
      return nil
    }
  }
}

/// A task without an engine.
private struct FuzzContext: TaskContext {
  let key = TaskKey(stage: "fuzz", role: .partition(0))
  let attempt = 1
  let logPath = "/dev/null"
  let memoryLimit = 1 << 30

  func inputKey(_ position: Int) -> TaskKey { key }
  func scratch() throws -> any ScratchStorage { throw TaskError(.failed, "there is no scratch") }
  func used(scratch bytes: Int) {}
  func checkCancellation() throws {}
  func reject(_ record: RejectedRecord) throws {}
  func writeFile(at path: String, _ body: (any ByteSink) throws -> Int) throws -> WrittenFile {
    throw TaskError(.failed, "nothing is written")
  }
  func publishFile(at path: String, _ body: (String) throws -> Void) throws -> WrittenFile {
    throw TaskError(.failed, "nothing is written")
  }
}
