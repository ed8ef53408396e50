import ArgumentParser
import Foundation
import GraphRun

/// Runs cases of bag operations given as JSON, for tests that compare `Bag` with Dask.
@main
struct BagRunner: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graphrun-bag-runner",
    abstract: "Run a case of bag operations, as JSON from standard input to standard output.",
    discussion: """
      A case: {"partitions": [[1, 2], [3]], "ops": [{"op": "map", "fn": "inc"}, {"op": "sum"}]}
      Its result: {"value": 9, "ordered": true}; of a bag, {"partitions": [[2, 3], [4]], "ordered": true}; of an error \
      that the data provokes, {"error": {"type": "ValueError", "message": …}}.
      What is no case: one line on standard error, exit code 65. docs/bag-runner.md has it all.
      """)

  @Flag(help: "Print every operation and every named function as one JSON document.")
  var list = false
  @Flag(help: "One case a line in, one result a line out; a line that is no case gives {\"malformed\": …}.")
  var batch = false
  @Option(help: "Memory that each case may take, as 256MB.", transform: byteCount)
  var memory: ByteCount?
  @Option(help: "Threads that run tasks.")
  var workers: Int?

  func validate() throws {
    if let workers, workers < 1 { throw ValidationError("--workers takes a number from 1 on, not \(workers)") }
  }

  func run() async throws {
    if list { return write(JSONWriter.bytes(Listing.document)) }
    let settings = RunSettings(memory: memory, workers: workers)
    if batch { return try await runBatch(settings) }
    let one: Case
    do {
      one = try Case.read([UInt8](FileHandle.standardInput.readToEnd() ?? Data()))
    } catch {
      throw Self.malformed("\(error)")
    }
    write(await one.outcome(settings).line)
  }

  private func runBatch(_ settings: RunSettings) async throws {
    var number = 0
    var firstProblem: String?
    while let line = readLine() {
      number += 1
      if line.allSatisfy(\.isWhitespace) { continue }
      do {
        write(await (try Case.read(Array(line.utf8))).outcome(settings).line)
      } catch {
        firstProblem = firstProblem ?? "line \(number): \(error)"
        write(Outcome.malformed("\(error)").line)
      }
    }
    if let firstProblem { throw Self.malformed(firstProblem) }
  }

  private func write(_ bytes: [UInt8]) { FileHandle.standardOutput.write(Data(bytes + [0x0A])) }

  /// One line on standard error; the exit code of `sysexits.h` for data that is not as it should be.
  private static func malformed(_ problem: String) -> ExitCode {
    let line = problem.replacing("\n", with: " ")
    FileHandle.standardError.write(Data("graphrun-bag-runner: \(line)\n".utf8))
    return ExitCode(65)
  }
}

@Sendable private func byteCount(_ text: String) throws -> ByteCount {
  guard let size = ByteCount(text) else { throw ValidationError("\"\(text)\" is no size; sizes are like 256MB") }
  return size
}
