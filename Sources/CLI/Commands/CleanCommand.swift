import ArgumentParser
import Foundation
import Graph
import Scheduler

struct CleanCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "clean",
      abstract: "Remove a pipeline's state: its history, kept results and spill files. Output files stay.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) clean examples/arxiv/arxiv.yaml --dry-run
        """)
  }

  @Argument(help: "The DAG file whose state is removed. (default: .graphrun here)")
  var file: String?
  @OptionGroup var stateOptions: StateOptions
  @Flag(help: "Only say what would be removed.")
  var dryRun = false

  func run() throws {
    try reporting {
      let folder = try StateLocation.folder(state: stateOptions.state, file: file)
      guard FileManager.default.fileExists(atPath: folder.path) else {
        Output.line("there is nothing to remove: no \(Paths.shown(folder.path))")
        return
      }
      if let process = folder.runningProcess() {
        throw CommandFailure(
          .cannotRun, "process \(process) is running on \(folder.path); wait for it or stop it first")
      }
      // Only what graphrun made: a mistyped --state must not cost anyone a folder.
      let known: Set<String> = [
        "state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "lock", "spill", "results", "rejects", "logs",
        "persisted",
      ]
      let found = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      let foreign = found.filter { !known.contains($0) }
      guard foreign.isEmpty else {
        throw CommandFailure(
          .cannotRun,
          "\(folder.path) holds \"\(foreign.sorted()[0])\", which is no part of a state folder; nothing was removed")
      }
      let bytes = ByteCount(size(of: folder.path))
      if !dryRun { try FileManager.default.removeItem(atPath: folder.path) }
      Output.line("\(dryRun ? "would remove" : "removed") \(Paths.shown(folder.path)) (\(bytes))")
    }
  }

  private func size(of folder: String) -> Int {
    guard let files = FileManager.default.enumerator(atPath: folder) else { return 0 }
    var total = 0
    while files.nextObject() != nil { total += (files.fileAttributes?[.size] as? Int) ?? 0 }
    return total
  }
}
