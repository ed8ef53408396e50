import Foundation
import Testing

/// Bags against Dask itself; `make differential` does the same with thousands of chains.
@Suite struct BagDifferentialTests {
  @Test(.timeLimit(.minutes(10))) func randomChainsOfOperationsGiveWhatDaskGives() throws {
    let script = Products.repository + "/Tests/BagDifferential/differential"
    let runner = Products.folder + "/graphrun-bag-runner"
    let (status, output) = try run(script, ["--count", "250", "--seed", "7", "--runner", runner])
    // 2: Python or PyPI is not to be had.
    guard status != 2 else {
      print("skipped: Dask cannot be had here: \(output.suffix(300))")
      return
    }
    #expect(status == 0, "\(output.suffix(4000))")
    #expect(output.contains(" 0 differences"))
  }

  /// What a case gives by hand, as docs/bag-runner.md says.
  @Test func aCaseGoesInAndAResultComesOut() throws {
    let runner = Products.folder + "/graphrun-bag-runner"
    let sum = try run(
      runner, [], input: #"{"partitions": [[1, 2], [3]], "ops": [{"op": "map", "fn": "inc"}, {"op": "sum"}]}"#)
    #expect(sum.status == 0)
    #expect(sum.output.contains(#""value":9"#) || sum.output.contains(#""value": 9"#))
    let wrong = try run(runner, [], input: #"{"partitions": [[1]], "ops": [{"op": "mapp", "fn": "inc"}]}"#)
    #expect(wrong.status == 65)
    #expect(wrong.output.contains("map"))
  }

  private func run(_ program: String, _ arguments: [String], input: String = "") throws -> (
    status: Int32, output: String
  ) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let (inputs, outputs) = (Pipe(), Pipe())
    process.standardInput = inputs
    process.standardOutput = outputs
    process.standardError = outputs
    try process.run()
    inputs.fileHandleForWriting.write(Data(input.utf8))
    inputs.fileHandleForWriting.closeFile()
    let output = String(decoding: outputs.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, output)
  }
}

/// Where the tests themselves lie, and what was built with them.
enum Products {
  static let folder: String = {
    let tests =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: tests).deletingLastPathComponent().path
  }()

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
}
