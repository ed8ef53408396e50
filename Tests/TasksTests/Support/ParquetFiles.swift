import Foundation
import Graph

@testable import Tasks

/// Parquet as it is built with the tests.
enum ParquetFiles {
  /// `make` builds with Arrow and says so; then a library that does not load is no reason to skip a test.
  static let isThere: Bool =
    ProcessInfo.processInfo.environment["GRAPHRUN_PARQUET"] == "yes" || (try? ArrowLibrary.load()) != nil
  static let absence = "built without Arrow C++: make test has it"

  /// Writes one table and returns the file's bytes.
  static func bytes(_ table: Table, _ values: [String: ParameterValue] = [:]) throws -> [UInt8] {
    let sink = MemorySink()
    let op = try Ops.sink("parquet.write", values.merging(["directory": .string("/tmp")]) { a, _ in a })
    let rows = try op.write(table, partition: Partition(index: 0, label: "x"), to: sink, context: TestContext())
    guard rows == table.count else { throw TaskError(.failed, "\(rows) records of \(table.count)") }
    return sink.bytes
  }

  /// All partitions behind one another, and their labels.
  static func read(
    _ paths: [String], _ values: [String: ParameterValue] = [:]
  ) throws -> (table: Table, labels: [String]) {
    let source = try Ops.source("parquet.read", values.merging(["files": .strings(paths)]) { a, _ in a })
    let partitions = try source.partitions()
    var whole: TableAppender?
    for partition in partitions {
      let table = try Table.from(source.read(partition, context: TestContext()))
      if whole == nil { whole = TableAppender(names: table.names, types: table.columns.map(\.type)) }
      try whole!.append(table)
    }
    return (whole!.finish(), partitions.map(\.label))
  }

  /// The message of the `ParameterError` that planning gives, or of the `TaskError` that reading gives.
  static func refusal(_ paths: [String], _ values: [String: ParameterValue] = [:]) -> String? {
    do {
      _ = try read(paths, values)
      return nil
    } catch {
      return "\(error)"
    }
  }
}
