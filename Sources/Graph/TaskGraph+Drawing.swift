/// Pictures of a graph as text for other programs.
extension TaskGraph {
  /// For which program.
  public enum DrawingFormat: String, CaseIterable, Sendable {
    /// Graphviz.
    case dot
    /// Mermaid, which Markdown pages draw.
    case mermaid
  }

  /// Draws one box a stage, or with `everyTask` one a task.
  ///
  /// - Complexity: O(stages), or O(tasks + edges).
  public func drawing(_ format: DrawingFormat, everyTask: Bool = false) -> String {
    var boxes: [(id: String, label: String, stage: Stage)] = []
    var arrows: [(from: String, to: String)] = []
    if everyTask {
      for task in tasks {
        boxes.append(("t\(task)", key(of: task).description, stage(of: task)))
        arrows += inputs(of: task).map { ("t\($0)", "t\(task)") }
      }
    } else {
      for stage in stages {
        let count = stage.isBag ? " × \(stage.taskCount)" : ""
        boxes.append(("s\(stage.number)", "\(stage.name)\(count)\n\(stage.op.name)", stage))
        arrows += stage.inputs.map { ("s\($0)", "s\(stage.number)") }
      }
    }
    switch format {
    case .dot:
      let nodes = boxes.map { "  \($0.id) [label=\(jsonQuoted($0.label)) shape=\($0.stage.op.shape.dotShape)];" }
      let edges = arrows.map { "  \($0.from) -> \($0.to);" }
      return (["digraph graphrun {", "  rankdir=LR;"] + nodes + edges + ["}"]).joined(separator: "\n") + "\n"
    case .mermaid:
      let nodes = boxes.map { box in
        let label = box.label.replacing("\"", with: "#quot;").replacing("\n", with: "<br/>")
        let (open, close) = box.stage.op.shape.mermaidBrackets
        return "  \(box.id)\(open)\"\(label)\"\(close)"
      }
      let edges = arrows.map { "  \($0.from) --> \($0.to)" }
      return (["flowchart LR"] + nodes + edges).joined(separator: "\n") + "\n"
    }
  }
}

extension OpShape {
  fileprivate var dotShape: String {
    switch self {
    case .source: "cylinder"
    case .perPartition: "box"
    case .reduction: "invtrapezium"
    case .shuffle: "hexagon"
    case .regroup: "trapezium"
    case .join: "diamond"
    case .fit: "house"
    case .sink: "note"
    case .command: "component"
    }
  }

  fileprivate var mermaidBrackets: (String, String) {
    switch self {
    case .source: ("[(", ")]")
    case .perPartition: ("[", "]")
    case .reduction: ("[\\", "/]")
    case .shuffle: ("{{", "}}")
    case .regroup: ("[/", "\\]")
    case .join: ("{", "}")
    case .fit: ("([", "])")
    case .sink: (">", "]")
    case .command: ("[[", "]]")
    }
  }
}
