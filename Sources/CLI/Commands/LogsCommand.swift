import ArgumentParser
import Foundation
import Graph
import Scheduler

struct LogsCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "logs",
      abstract: "Show what a command's program printed in its last attempt.",
      discussion: """
        Standard output and error, as the program wrote them. The file's path goes to standard error.

        EXAMPLE
          \(HostProgram.name) logs 'thumbnails[2]' --file examples/arxiv/arxiv.yaml --lines 20
        """)
  }

  @OptionGroup var options: TaskOptions
  @Option(help: ArgumentHelp("Show only the last lines. (default: all)", valueName: "n"))
  var lines: Int?

  func validate() throws {
    if let lines, lines < 0 { throw ValidationError("--lines takes a number from 0 on, and got \(lines).") }
  }

  func run() throws {
    try reporting {
      let folder = try StateLocation.existing(state: options.stateOptions.state, file: options.file)
      let reader = try StateReader(folder)
      let key = try options.key()
      guard let last = try reader.lastRun(of: options.file.map(Paths.absolute)) else {
        throw CommandFailure(.cannotRun, "nothing of \(options.file ?? "any DAG file") has run yet in \(folder.path)")
      }
      let path = reader.logPath(of: key, file: last.file)
      guard let file = FileHandle(forReadingAtPath: path) else {
        throw try TaskOptions.missing(
          "there is no log of \(key): it ran no program, or the program printed nothing", of: key, last, reader)
      }
      Output.error(Paths.shown(path))
      try show(file)
    }
  }

  /// Copies the file block by block: it may be larger than memory.
  private func show(_ file: FileHandle) throws {
    if let lines { try file.seek(toOffset: LogTail.start(of: lines, in: file)) }
    while let block = try file.read(upToCount: 1 << 20), !block.isEmpty { Output.write(block, to: STDOUT_FILENO) }
  }
}

/// Finds the last lines of a file without reading all of it.
enum LogTail {
  private static let blockBytes = 64 << 10

  /// Where the last `count` lines begin; a last line need not be closed.
  static func start(of count: Int, in file: FileHandle) throws -> UInt64 {
    let size = try file.seekToEnd()
    var end = size
    var left = count
    guard count > 0 else { return size }
    while end > 0 {
      let start = end > UInt64(blockBytes) ? end - UInt64(blockBytes) : 0
      try file.seek(toOffset: start)
      let block = [UInt8](try file.read(upToCount: Int(end - start)) ?? Data())
      for (offset, byte) in block.enumerated().reversed() where byte == UInt8(ascii: "\n") {
        // The end of the last line begins none.
        if start + UInt64(offset) + 1 == size { continue }
        left -= 1
        if left == 0 { return start + UInt64(offset) + 1 }
      }
      end = start
    }
    return 0
  }
}
