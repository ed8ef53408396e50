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
        The same options give the same bytes. Samples: arxiv (metadata of papers, JSON), domains (names, one a line), \
        families (domain names by who made them up, a file each), visits (of customers to a web site, CSV; few have most).

        EXAMPLES
          \(HostProgram.name) sample arxiv --items 20000 --files 8 --seed 1 --output data
          \(HostProgram.name) sample domains --items 2200000 --output data
          \(HostProgram.name) sample visits --items 20000000 --customers 1000000 --output data
        """)
  }

  @Argument(help: ArgumentHelp("Which sample: arxiv, domains, families or visits.", valueName: "name"))
  var name: String
  @Option(help: ArgumentHelp("How many records in all.", valueName: "n"))
  var items = 1000
  @Option(
    help: ArgumentHelp(
      "Into how many files. (default: one for each 2,500 papers, 1,000,000 domains or 10,000,000 visits)",
      valueName: "n"))
  var files: Int?
  @Option(help: ArgumentHelp("Another seed gives other records.", valueName: "n"))
  var seed: UInt64 = 1
  @Option(help: "Papers: keyed (one JSON object a file, keyed by id) or snapshot (one JSON object a line).")
  var layout: ArxivSample.Layout = .keyed
  @Option(help: ArgumentHelp("Visits: how many customers there are.", valueName: "n"))
  var customers = 50_000
  @Option(help: ArgumentHelp("Visits: the exponent of Zipf's law; 0 makes all customers alike.", valueName: "x"))
  var skew = 1.05
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
      let recordsPerFile = ["arxiv": 2500, "domains": 1_000_000, "families": 1, "visits": 10_000_000]
      guard let eachFile = recordsPerFile[name] else {
        throw CommandFailure(.usage, "there is no sample \"\(name)\"; there are: arxiv, domains, families, visits")
      }
      if name == "families", files != nil {
        throw CommandFailure(.usage, "there is one file for each of the families; leave --files out")
      }
      let files = files ?? max(1, (items + eachFile - 1) / eachFile)
      let terminal = Terminal.standardError()
      let start = Date()
      var lastShown = start
      func show(_ done: Int) {
        guard terminal.isTerminal, Date().timeIntervalSince(lastShown) > 0.2 else { return }
        lastShown = Date()
        Output.write("\r\(Format.count(done)) of \(Format.count(items)) records", to: STDERR_FILENO)
      }
      let folder = Paths.absolute(output)
      let paths =
        switch name {
        case "arxiv":
          try ArxivSample(seed: seed, items: items, files: files, layout: layout).write(to: folder, progress: show)
        case "families": try FamiliesSample(seed: seed, items: items).write(to: folder, progress: show)
        case "domains": try DomainsSample(seed: seed, items: items, files: files).write(to: folder, progress: show)
        default:
          try VisitsSample(seed: seed, items: items, files: files, customers: customers, skew: skew)
            .write(to: folder, progress: show)
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
