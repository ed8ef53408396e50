import ArgumentParser
import Foundation
import Graph
import GraphFile
import Scheduler

/// What ends a command early: lines for stderr and an exit code.
struct CommandFailure: Error {
  let lines: [String]
  let code: ExitCode

  init(_ code: ExitCode, _ lines: String...) {
    self.init(code, lines)
  }

  init(_ code: ExitCode, _ lines: [String]) {
    self.lines = lines
    self.code = code
  }
}

extension ExitCode {
  static let taskFailed = ExitCode(1)
  static let cannotRun = ExitCode(2)
  static let usage = ExitCode(64)
  static let badFile = ExitCode(65)
  static let interrupted = ExitCode(130)
}

/// Runs a command's work, prints what went wrong as lines a user can act on, and ends with the right code.
func reporting(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let code as ExitCode {
    throw code
  } catch {
    let failure = CommandFailure.describing(error)
    for (number, line) in failure.lines.enumerated() {
      Output.error((number == 0 ? "\(HostProgram.name): " : "") + line)
    }
    throw failure.code
  }
}

extension CommandFailure {
  /// What is asked of a run can only be had from the Swift program that made it.
  static func ofProgram(_ run: RunRecord, _ remedy: String) -> CommandFailure {
    CommandFailure(.cannotRun, "run \(run.id) belongs to the program \(Paths.shown(run.file)): \(remedy)")
  }

  static func describing(_ error: any Error) -> CommandFailure {
    switch error {
    case let failure as CommandFailure: failure
    case let error as GraphFileError:
      CommandFailure(error.code == .unknownOverride ? .usage : .badFile, error.description)
    case let error as SchedulerError: CommandFailure(.cannotRun, error.message)
    case let error as StatusError: CommandFailure(.cannotRun, "\(error)")
    case let error as DashboardError: CommandFailure(.usage, "\(error)")
    case let error as TaskError: CommandFailure(.taskFailed, error.description)
    case let error as ParameterError: CommandFailure(.usage, error.description)
    default: CommandFailure(.cannotRun, "\(error)")
    }
  }
}

/// Lines to the standard streams.
enum Output {
  static func line(_ text: String = "") { write(text + "\n", to: STDOUT_FILENO) }
  static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Writes all of it; a reader that has gone away ends the program quietly, as it does `cat`.
  static func write(_ text: String, to file: Int32) {
    var text = text
    text.withUTF8 { write(UnsafeRawBufferPointer($0), to: file) }
  }

  static func write(_ bytes: Data, to file: Int32) { bytes.withUnsafeBytes { write($0, to: file) } }

  private static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) {
    var rest = bytes
    while rest.count > 0 {
      let count = Foundation.write(file, rest.baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// One line, so that a program that reads lines can find it.
  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    line(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

extension Format {
  /// `1 task`, `12 tasks`, `1,000 files`.
  static func counted(_ number: Int, _ noun: String) -> String { "\(count(number)) \(noun)\(number == 1 ? "" : "s")" }
}
