import Foundation
import TestSupport

/// The real program, run as a user runs it.
struct Program {
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
    /// The most memory the kernel saw, as far as looking every few milliseconds tells, in bytes.
    var peakResident: Int

    /// What was printed with `--json`.
    func json() throws -> [String: Any] {
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
    }
  }

  /// `GRAPHRUN_PROGRAM`, or the program that was built with the tests.
  static let path = ProcessInfo.processInfo.environment["GRAPHRUN_PROGRAM"] ?? built("graphrun")

  /// A program that was built with the tests.
  static func built(_ name: String) -> String { Products.folder + "/" + name }

  let process = Process()
  private let outputFile: String
  private let errorFile: String

  /// Starts the program in `folder`; its output goes to files there, so that no pipe can fill up.
  init(
    _ arguments: [String], in folder: String, environment: [String: String] = [:], wrapper: [String] = [],
    path: String = Program.path
  ) throws {
    let id = UUID().uuidString
    outputFile = "\(folder)/.out-\(id)"
    errorFile = "\(folder)/.err-\(id)"
    for file in [outputFile, errorFile] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
    let command = wrapper + [path] + arguments
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = FileHandle(forWritingAtPath: outputFile)
    process.standardError = FileHandle(forWritingAtPath: errorFile)
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  func wait() -> Outcome {
    var peak = 0
    while process.isRunning {
      peak = max(peak, Program.highWater(process.processIdentifier))
      usleep(2000)
    }
    process.waitUntilExit()
    func take(_ path: String) -> String {
      defer { try? FileManager.default.removeItem(atPath: path) }
      return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
    let status = process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
    return Outcome(status: status, output: take(outputFile), errors: take(errorFile), peakResident: peak)
  }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  static func run(
    _ arguments: String..., in folder: String, environment: [String: String] = [:], wrapper: [String] = [],
    path: String = Program.path
  ) throws -> Outcome {
    try Program(arguments, in: folder, environment: environment, wrapper: wrapper, path: path).wait()
  }

  private static func highWater(_ process: Int32) -> Int {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return kibibytes << 10
  }
}

/// A folder with a pipeline over made-up papers.
enum Pipelines {
  static let categories = [
    "Computer Science", "Mathematics", "Physics", "Quantitative Biology", "Quantitative Finance", "Statistics",
    "Economics",
    "Electrical Engineering and Systems Science",
  ]

  static var arxiv: String { TestFiles.root + "/examples/arxiv/arxiv.yaml" }
  static var twoPasses: String { TestFiles.root + "/examples/arxiv/two-passes.yaml" }

  /// Copies an example into `folder`, so that its state and output lie there.
  static func copy(_ example: String, to folder: String) throws -> String {
    let name = (example as NSString).lastPathComponent
    try FileManager.default.copyItem(atPath: example, toPath: folder + "/" + name)
    return folder + "/" + name
  }

  static func sample(_ items: Int, files: Int, seed: Int = 1, layout: String = "keyed", in folder: String) throws {
    let outcome = try Program.run(
      "sample", "arxiv", "--items", "\(items)", "--files", "\(files)", "--seed", "\(seed)", "--layout", layout,
      "--output",
      folder + "/data", in: folder)
    guard outcome.status == 0 else { throw Failure(outcome.errors) }
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ text: String) { description = text }
  }

  /// Every visible file below `folder` with its bytes.
  static func contents(of folder: String) -> [String: Data] {
    TestFiles.names(in: folder).filter { !$0.hasPrefix(".") }.reduce(into: [:]) {
      $0[$1] = FileManager.default.contents(atPath: folder + "/" + $1)
    }
  }

  /// One line of a paper in the layout keyed by id.
  static func paper(_ id: String, abstract: String? = "We show that $x_1$.", category: String = "Physics") -> String {
    let text = abstract.map { #""abstract": "\#($0)", "# } ?? ""
    return
      #""\#(id)": {"title": "T", \#(text)"categories": {"category-0": {"main_category": "\#(category)", "sub_category": "s"}}}"#
  }
}
