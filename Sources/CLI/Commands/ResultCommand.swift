import ArgumentParser
import Foundation
import Graph
import Scheduler

struct ResultCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "result",
      abstract: "Show a task's stored result: a reduction's value, the head of a table, a written file.",
      discussion: """
        EXAMPLES
          \(HostProgram.name) result totals --file examples/arxiv/arxiv.yaml --json
          \(HostProgram.name) result lengths --file examples/domains/domains.yaml --chart
          \(HostProgram.name) result best --file examples/arxiv/classify.yaml --chart --x recall --y precision --by curve
        """)
  }

  @OptionGroup var options: TaskOptions
  @Option(help: ArgumentHelp("How many records to show at most.", valueName: "n"))
  var rows = 20
  @Flag(help: "Print JSON: an object for one record, an array for several.")
  var json = false
  @Flag(
    help: "Draw a result of labels and numbers as bars, many numbered labels as a histogram, and --x and --y as lines.")
  var chart = false
  @Option(help: ArgumentHelp("With --chart, the column along the horizontal axis of lines.", valueName: "column"))
  var x: String?
  @Option(help: ArgumentHelp("With --chart, the column along the vertical axis of lines.", valueName: "column"))
  var y: String?
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "With --x and --y, a line for each value of this column; more than once for several.", valueName: "column"))
  var by: [String] = []

  func validate() throws {
    if (x == nil) != (y == nil) { throw ValidationError("--x and --y go together: the columns of the two axes.") }
    if !chart, x != nil { throw ValidationError("--x and --y say what --chart draws; give --chart too.") }
    if x == nil, !by.isEmpty { throw ValidationError("--by goes with --x and --y: the columns of the two axes.") }
    if chart, json { throw ValidationError("--chart and --json do not go together.") }
    if rows < 0 { throw ValidationError("--rows takes a number from 0 on, and got \(rows).") }
  }

  func run() throws {
    try reporting {
      let folder = try StateLocation.existing(state: options.stateOptions.state, file: options.file)
      let reader = try StateReader(folder)
      let key = try options.key()
      guard let last = try reader.lastRun(of: options.file.map(Paths.absolute)) else {
        throw CommandFailure(.cannotRun, "nothing of \(options.file ?? "any DAG file") has run yet in \(folder.path)")
      }
      guard let value = try stored(key, last, reader) else {
        throw try TaskOptions.missing(
          "no result of \(key) is stored: it has not been computed, or was dropped after its last use (\"keep: true\" keeps it)",
          of: key, last, reader)
      }
      let preview = value.preview(limit: chart ? .max : rows)
      if chart {
        let terminal = Terminal.standardOutput()
        let lines =
          if let x, let y {
            try ResultPlot(preview, x: x, y: y, by: by, rows: rows)
              .drawn(width: terminal.size.columns, glyphs: terminal.glyphs)
          } else {
            try ResultChart(preview, rows: rows).drawn(width: terminal.size.columns, glyphs: terminal.glyphs)
          }
        for line in lines { Output.line(line.rendered(colour: terminal.hasColour)) }
      } else if json {
        Output.line(preview.json)
      } else {
        for line in ResultText.lines(preview) { Output.line(line) }
      }
    }
  }

  private func stored(_ key: TaskKey, _ last: RunRecord, _ reader: StateReader) throws -> (any TaskValue)? {
    do {
      return try reader.result(of: key, file: last.file, registry: HostProgram.current.registry)
    } catch let error as TaskError where last.isOfProgram && error.code == .corruptValue {
      throw CommandFailure.ofProgram(last, "it alone can read the result of \(key)")
    }
  }
}

enum ResultText {
  private static let cellWidth = 60

  static func lines(_ preview: ValuePreview) -> [String] {
    if preview.rowCount == 1, let row = preview.rows.first {
      let width = preview.columns.map(TextWidth.of).max() ?? 0
      return zip(preview.columns, row).map { name, cell in
        name + String(repeating: " ", count: width - TextWidth.of(name) + 2) + cell
      }
    }
    let rows = preview.rows.map { $0.map { TextWidth.truncated($0, to: cellWidth) } }
    var lines = PlainTable.lines(header: preview.columns, rows: rows)
    if preview.rowCount > rows.count {
      lines.append(
        "  … \(Format.count(preview.rowCount - rows.count)) more of \(Format.count(preview.rowCount)) records")
    }
    return lines
  }
}
