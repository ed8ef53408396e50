import ArgumentParser
import Foundation
import Graph
import Tasks

struct SampleCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "sample",
      abstract: "Write made-up but realistic input of any size.",
      discussion: """
        The same options give the same bytes. Samples: arxiv (metadata of papers).

        EXAMPLE
          \(HostProgram.name) sample arxiv --items 20000 --files 8 --seed 1 --output data
        """)
  }

  @Argument(help: ArgumentHelp("Which sample: arxiv.", valueName: "name"))
  var name: String
  @Option(help: ArgumentHelp("How many records in all.", valueName: "n"))
  var items = 1000
  @Option(help: ArgumentHelp("Into how many files. (default: one for each 2,500 records)", valueName: "n"))
  var files: Int?
  @Option(help: ArgumentHelp("Another seed gives other records.", valueName: "n"))
  var seed: UInt64 = 1
  @Option(help: "keyed (one JSON object a file, keyed by id) or snapshot (one JSON object a line).")
  var layout: ArxivSample.Layout = .keyed
  @Option(help: ArgumentHelp("The folder to write to; made if it is not there.", valueName: "dir"))
  var output: String

  func validate() throws {
    if items < 0 { throw ValidationError("--items takes a number from 0 on, and got \(items).") }
    if let files, files < 1 || files > 1_000_000 {
      throw ValidationError("--files takes a number from 1 to 1,000,000, and got \(files).")
    }
  }

  func run() throws {
    try reporting {
      guard name == "arxiv" else {
        throw CommandFailure(.usage, "there is no sample \"\(name)\"; there is: arxiv")
      }
      let files = files ?? max(1, (items + 2499) / 2500)
      let terminal = Terminal.standardError()
      let start = Date()
      var lastShown = start
      let paths = try ArxivSample(seed: seed, items: items, files: files, layout: layout).write(
        to: Paths.absolute(output)
      ) {
        done in
        guard terminal.isTerminal, Date().timeIntervalSince(lastShown) > 0.2 else { return }
        lastShown = Date()
        Output.write("\r\(Format.count(done)) of \(Format.count(items)) records", to: STDERR_FILENO)
      }
      if terminal.isTerminal { Output.write("\r\u{1B}[K", to: STDERR_FILENO) }
      let bytes = paths.reduce(0) { sum, path in
        sum + ((try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0)
      }
      Output.line(
        "wrote \(Format.count(items)) records, \(ByteCount(bytes)) in \(Format.counted(paths.count, "file")) to \(Paths.shown(Paths.absolute(output)))/"
      )
    }
  }
}

extension ArxivSample.Layout: ExpressibleByArgument {}
