import ArgumentParser
import Foundation
import Graph
import Scheduler
import Tasks

struct DoctorCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "doctor",
      abstract: "Say what is installed, what is missing, and how to get it.",
      discussion: """
        EXAMPLE
          \(HostProgram.name) doctor
        """)
  }

  func run() throws {
    try reporting {
      let checks = Doctor.checks()
      for line in PlainTable.lines(
        header: ["", "what", "found", "remedy"],
        rows: checks.map { [$0.state.rawValue, $0.name, $0.found, $0.remedy ?? ""] })
      {
        Output.line(line)
      }
      if checks.contains(where: { $0.state == .blocking }) { throw ExitCode.cannotRun }
    }
  }
}

enum Doctor {
  struct Check {
    enum State: String {
      case good = "ok"
      /// Needed to build graphrun; the program that says this runs without.
      case missing
      /// Only some things need it.
      case optional = "-"
      /// Nothing can run like this.
      case blocking = "BAD"
    }

    var state: State
    var name: String
    var found: String
    var remedy: String?
  }

  static func checks() -> [Check] {
    var checks = [Check(state: .good, name: "graphrun", found: GraphRunCommand.version)]
    checks.append(program("swift", "Swift 6.3, to build", needed: true, remedy: "https://www.swift.org/install"))
    checks.append(header("sqlite3.h", "SQLite, to build", remedy: "apt-get install libsqlite3-dev"))
    checks.append(header("simdjson.h", "simdjson, to build", remedy: "apt-get install libsimdjson-dev"))
    checks.append(header("xxhash.h", "xxHash, to build", remedy: "apt-get install libxxhash-dev"))
    checks.append(parquet())
    checks.append(
      program("python3", "Python 3, for benchmarks beside peers", needed: false, remedy: "apt-get install python3-venv")
    )
    checks.append(
      program(
        "dot", "Graphviz, to draw what \"graph --format dot\" prints", needed: false, remedy: "apt-get install graphviz"
      ))
    checks.append(
      Check(
        state: .good, name: "memory", found: "a run without --memory uses at most \(ProcessMemory.defaultLimit())"))
    checks.append(
      Check(state: .good, name: "cores", found: "\(ProcessInfo.processInfo.activeProcessorCount)"))
    let space = (try? FileManager.default.attributesOfFileSystem(forPath: Paths.current)[.systemFreeSize] as? Int) ?? 0
    checks.append(
      Check(
        state: space < 64 << 20 ? .blocking : .good, name: "disk here", found: "\(ByteCount(space)) free",
        remedy: space < 64 << 20 ? "spilling needs room: free some, or put the state elsewhere with --state" : nil))
    return checks
  }

  private static func parquet() -> Check {
    let name = "Arrow C++, for Parquet files"
    do {
      return Check(state: .good, name: name, found: try ParquetSupport.arrowVersion())
    } catch let error as TaskError {
      return Check(state: .optional, name: name, found: error.cause ?? "not found", remedy: error.message)
    } catch {
      return Check(state: .optional, name: name, found: "not found", remedy: "\(error)")
    }
  }

  private static func program(_ name: String, _ what: String, needed: Bool, remedy: String) -> Check {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let path = folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    return Check(
      state: path != nil ? .good : needed ? .missing : .optional, name: what, found: path ?? "not found",
      remedy: path == nil ? remedy : nil)
  }

  private static func header(_ name: String, _ what: String, remedy: String) -> Check {
    let path = ["/usr/include", "/usr/local/include"].map { "\($0)/\(name)" }.first {
      FileManager.default.isReadableFile(atPath: $0)
    }
    return Check(
      state: path != nil ? .good : .missing, name: what, found: path ?? "not found", remedy: path == nil ? remedy : nil)
  }
}
