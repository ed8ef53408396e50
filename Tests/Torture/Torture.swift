import ArgumentParser
import Foundation
import TortureSupport

/// The fault campaign: `make torture`.
@main
struct Torture: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "torture",
    abstract: "Kills graphrun at random moments, fills its disks, spoils its files, and checks what becomes of it.",
    discussion: """
      Random graphs of debug ops are run, killed and resumed until they are done; every result is compared with what \
      was worked out here. Then the scenarios, each once. What fails keeps its folder, and its line says how to repeat it.

      EXIT CODES
        0   nothing lost, nothing wrong
        1   something was
        2   the time was up before all kills were done

      EXAMPLE
        torture --program .build/release/graphrun --kills 500 --seed 1
        torture --program .build/release/graphrun --scenario bit-flip --scenario crash
      """)

  @Option(help: ArgumentHelp("The program under test.", valueName: "path"), completion: .file())
  var program = ".build/release/graphrun"

  @Option(help: ArgumentHelp("Makes the same campaign again. (default: another one each time)", valueName: "n"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("Kills before the campaign is over.", valueName: "n"))
  var kills = 500

  @Option(help: ArgumentHelp("Stop killing after so many minutes, even before all kills are done.", valueName: "n"))
  var minutes: Double?

  @Option(help: ArgumentHelp("Only this round of the kills.", valueName: "n"))
  var round: Int?

  @Option(
    help: ArgumentHelp(
      "Only this one; can be repeated: kills, \(Scenario.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "name"))
  var scenario: [String] = []

  @Option(
    help: ArgumentHelp("Where the rounds happen. (default: a new folder among the temporary ones)", valueName: "dir"))
  var folder: String?

  @Flag(help: "Keep all folders, not only those of what failed.")
  var keep = false

  private static let killsName = "kills"

  func validate() throws {
    for name in scenario where name != Torture.killsName && Scenario(rawValue: name) == nil {
      let names = ([Torture.killsName] + Scenario.allCases.map(\.rawValue)).joined(separator: ", ")
      throw ValidationError("There is no scenario \"\(name)\"; there are \(names).")
    }
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw ValidationError("There is no program at \(program); build it with \"make build\".")
    }
    if kills < 1 { throw ValidationError("--kills takes a number from 1 on, and got \(kills).") }
  }

  func run() throws {
    let interrupts = cleanUpWhenInterrupted()
    defer { for source in interrupts { source.cancel() } }
    let seed = seed ?? UInt64.random(in: 0..<1_000_000)
    let program = URL(fileURLWithPath: program).standardizedFileURL.path
    let folder =
      folder.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
      ?? "\(NSTemporaryDirectory())graphrun-torture-\(getpid())"
    print("torture · seed \(seed) · \(program) · \(folder)")
    let all = scenario.isEmpty && round == nil
    var table: [String] = []
    var failures: [String] = []
    var isIncomplete = false

    if all || round != nil || scenario.contains(Torture.killsName) {
      let report = try killing(program: program, folder: folder, seed: seed)
      table += report.table
      for finding in report.problems {
        failures += [
          "round \(finding.round): \(finding.problem)", "  \(finding.folder)",
          "  \(again(seed: seed, "--round \(finding.round)"))",
        ]
      }
      isIncomplete = round == nil && report.kills < kills
      if isIncomplete { failures.append("the time was up after \(report.kills) of \(kills) kills") }
    }
    for one in Scenario.allCases where all || scenario.contains(one.rawValue) {
      let outcome = one.run(program: program, folder: folder, seed: seed, keepsFolder: keep)
      print(outcome.line)
      table.append(outcome.line)
      for problem in outcome.problems { failures.append("\(one.rawValue): \(problem)") }
      if outcome.hasFailed {
        failures += ["  \(outcome.folder)", "  \(again(seed: seed, "--scenario \(one.rawValue)"))"]
      }
    }

    print("\n" + table.joined(separator: "\n"))
    guard failures.isEmpty else {
      print("\n" + failures.joined(separator: "\n"))
      throw ExitCode(isIncomplete && failures.count == 1 ? 2 : 1)
    }
    if !keep { try? FileManager.default.removeItem(atPath: folder) }
    print("\nnothing lost, nothing wrong")
  }

  private func again(seed: UInt64, _ what: String) -> String {
    "again: swift run -c release torture --program \(program) --seed \(seed) \(what)"
  }

  private func killing(program: String, folder: String, seed: UInt64) throws -> CampaignReport {
    var settings = KillCampaign.Settings(program: program, folder: folder, seed: seed)
    settings.kills = kills
    settings.seconds = minutes.map { $0 * 60 } ?? .infinity
    settings.round = round
    settings.keepsFolders = keep
    let line = ProgressLine()
    defer { line.end() }
    return try KillCampaign(settings) { line.show($0.line) }.run()
  }

  /// A campaign that is interrupted leaves no process and no mounted disk.
  private func cleanUpWhenInterrupted() -> [any DispatchSourceSignal] {
    let queue = DispatchQueue(label: "torture.signals")
    return [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        CleanUp.now()
        _exit(130)
      }
      source.resume()
      return source
    }
  }
}

/// One line that is drawn over on a terminal; elsewhere a new one every few seconds.
final class ProgressLine {
  private let isTerminal = isatty(STDOUT_FILENO) == 1
  private var shownAt: ContinuousClock.Instant?
  private var isOpen = false

  func show(_ text: String) {
    let now = ContinuousClock.now
    if let shownAt, now - shownAt < (isTerminal ? .milliseconds(100) : .seconds(5)) { return }
    shownAt = now
    if isTerminal {
      print("\r\u{1B}[K" + text, terminator: "")
      isOpen = true
    } else {
      print(text)
    }
    fflush(nil)
  }

  func end() {
    if isOpen { print("\r\u{1B}[K", terminator: "") }
    isOpen = false
  }
}
