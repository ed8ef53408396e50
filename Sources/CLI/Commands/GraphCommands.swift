import ArgumentParser
import Graph
import GraphFile

extension TaskGraph.DrawingFormat: ExpressibleByArgument {}

struct GraphCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "graph",
      abstract: "Draw the graph for Graphviz or Mermaid.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) graph examples/arxiv/arxiv.yaml --format dot | dot -Tsvg > arxiv.svg
        """)
  }

  @OptionGroup var pipeline: PipelineOptions
  @Option(help: "dot or mermaid.")
  var format: TaskGraph.DrawingFormat = .dot
  @Flag(name: .customLong("tasks"), help: "One box a task, not one an entry.")
  var everyTask = false

  func run() throws {
    try reporting {
      Output.write(try pipeline.pipeline().graph.drawing(format, everyTask: everyTask), to: 1)
    }
  }
}

struct ValidateCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "validate",
      abstract: "Check a DAG file and that its inputs are there. Runs nothing.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) validate examples/arxiv/arxiv.yaml
        """)
  }

  @OptionGroup var pipeline: PipelineOptions

  func run() throws {
    try reporting {
      let built = try pipeline.pipeline()
      let entries = built.entryCount
      let instances = built.lines.count + built.switchedOff.count
      var facts = [built.name, entries == 1 ? "1 entry" : "\(Format.count(entries)) entries"]
      if built.files.count > 1 { facts[1] += " in \(Format.count(built.files.count)) files" }
      if instances != entries { facts[1] += " (\(Format.count(instances)) with foreach and matrix)" }
      if !built.switchedOff.isEmpty { facts.append("\(Format.count(built.switchedOff.count)) switched off") }
      facts.append(Format.counted(built.graph.taskCount, "task"))
      Output.line("\(pipeline.file) is valid: \(facts.joined(separator: ", "))")
    }
  }
}

struct OpsCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "ops",
      abstract: "List the operations, or describe one.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) ops text.tokenize
        """)
  }

  @Argument(help: "An operation's name.")
  var name: String?
  @Flag(help: "Print the JSON Schema of DAG files, for editors.")
  var schema = false
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    try reporting {
      let registry = HostProgram.current.registry
      if schema {
        Output.line(jsonSchema(for: registry))
      } else if let name {
        guard let definition = registry[name] else {
          let near = alternatives(registry.suggestions(for: name).map { "\"\($0)\"" })
          throw CommandFailure(.usage, "there is no op \"\(name)\"" + (near.isEmpty ? "" : "; did you mean \(near)?"))
        }
        if json {
          try Output.json(OpDocument(definition))
        } else {
          for line in OpText.lines(definition) { Output.line(line) }
        }
      } else if json {
        try Output.json(registry.names.compactMap { registry[$0] }.map(OpDocument.init))
      } else {
        let rows = registry.names.compactMap { registry[$0] }.map { [$0.name, $0.shape.rawValue, $0.summary] }
        for line in PlainTable.lines(header: ["op", "shape", "what it does"], rows: rows) { Output.line(line) }
      }
    }
  }
}

struct OpDocument: Encodable {
  struct Parameter: Encodable {
    var name: String
    var type: String
    var required: Bool
    /// JSON text.
    var defaultValue: String?
    var summary: String
  }

  struct Input: Encodable {
    var name: String
    var form: String
    var optional: Bool
    var summary: String
  }

  var name: String
  var version: Int
  var shape: String
  var summary: String
  var inputs: [Input]
  var parameters: [Parameter]
  var output: String
  var example: String

  init(_ definition: OpDefinition) {
    name = definition.name
    version = definition.version
    shape = definition.shape.rawValue
    summary = definition.summary
    inputs = definition.inputs.map {
      Input(name: $0.name, form: $0.form.rawValue, optional: $0.isOptional, summary: $0.summary)
    }
    parameters = definition.parameters.map {
      Parameter(
        name: $0.name, type: $0.kind.description, required: $0.isRequired, defaultValue: $0.defaultValue?.json,
        summary: $0.summary)
    }
    output = definition.output
    example = definition.example
  }
}

enum OpText {
  static func lines(_ definition: OpDefinition) -> [String] {
    var lines = [
      "\(definition.name) (\(definition.shape.rawValue), version \(definition.version))", "  \(definition.summary)",
    ]
    if !definition.inputs.isEmpty {
      lines += ["", "from"]
      for input in definition.inputs {
        lines.append("  \(input)  \(input.summary)")
      }
    }
    if !definition.parameters.isEmpty {
      lines += ["", "with"]
      for parameter in definition.parameters {
        let rest = parameter.isRequired ? "required" : parameter.defaultValue.map { "default \($0.json)" } ?? "optional"
        lines.append("  \(parameter.name)  \(parameter.kind.description), \(rest)")
        lines.append("      \(parameter.summary)")
      }
    }
    lines += ["", "gives", "  \(definition.output)", "", "example"]
    lines += definition.example.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
    while lines.last?.allSatisfy({ $0 == " " }) == true { lines.removeLast() }
    return lines
  }
}
