import Foundation
import Graph
import GraphFile
import Tasks
import TestSupport
import Testing

/// What operations show as their examples is what a DAG file may hold.
@Suite struct OpExampleTests {
  @Test(arguments: StandardOps.definitions.map(\.name)) func everyExampleIsWithoutMistakes(name: String) throws {
    var registry = OpRegistry()
    StandardOps.register(into: &registry)
    let definition = try #require(registry[name])
    var lines = definition.example.components(separatedBy: "\n").map { "  " + $0 }
    let from = lines.first { $0.contains("from:") }?.components(separatedBy: "from:")[1] ?? ""
    let inputs = from.components(separatedBy: CharacterSet(charactersIn: "[], {}\n")).filter { !$0.isEmpty }
    for (position, input) in inputs.enumerated() {
      let declared = try #require(
        definition.inputs.indices.contains(position) ? definition.inputs[position] : definition.inputs.last)
      if declared.takesFiles {
        lines.append("  \(input): {op: jsonl.write, from: records, with: {directory: out}}")
      } else if declared.form == .value {
        lines.append("  \(input): {op: bag.distinct, from: records, with: {column: a}}")
      } else {
        lines.append("  \(input): {op: jsonl.read, with: {files: x.jsonl}}")
      }
    }
    if !inputs.contains("records"), !lines[0].hasPrefix("  records:") {
      lines.append("  records: {op: jsonl.read, with: {files: x.jsonl}}")
    }
    try TestFiles.withFolder { folder in
      // Some look at the names of their files at once.
      try TestFiles.write("x", to: folder + "/logs/a.txt")
      try TestFiles.write("customer_id,page\n1,/a\n", to: folder + "/visits/a.csv")
      let text = "tasks:\n" + lines.joined(separator: "\n") + "\n"
      do {
        try DAGFile(text: text, path: folder + "/example.yaml").check(registry: registry)
      } catch let error as GraphFileError {
        // A Parquet file cannot be made here: that there is none must be all that is wrong.
        let isAboutFiles = name == "parquet.read" && error.mistakes.count == 1 && "\(error)".contains("\"files\"")
        if !isAboutFiles { Issue.record("\(error)\n\(text)") }
      }
    }
  }
}
