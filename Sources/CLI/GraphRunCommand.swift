import Graph
import Tasks

/// The `graphrun` command, for executables that have operations of their own.
///
///     import GraphRunCLI
///
///     GraphRunCommand.main { $0.register(MaskAddresses.definition) }
///
/// Such a program has all verbs of `graphrun`: it runs and resumes DAG files that name its own operations beside the
/// built-in ones, lists them with `ops`, and checks their parameters with the line of a mistake.
public enum GraphRunCommand {
  /// The version of graphrun itself.
  public static let version = "0.1.0"

  /// Runs the command that was typed. Returns where it went well, and ends the process with its exit code where not.
  ///
  /// - Parameters:
  ///   - name: what the program is called in help and in commands it prints; the name it was started by if left out.
  ///   - abstract: the first line of `--help`.
  ///   - version: what `--version` prints.
  ///   - arguments: without the program's name; those of the process if left out.
  ///   - register: adds operations, and the kinds of value that only they make, to the built-in ones.
  public static func main(
    name: String? = nil, abstract: String? = nil, version: String = GraphRunCommand.version,
    arguments: [String]? = nil, registering register: (inout OpRegistry) -> Void = { _ in }
  ) {
    var registry = HostProgram.standardOps
    register(&registry)
    let program = HostProgram(
      name: name ?? HostProgram.nameOfProcess, abstract: abstract ?? HostProgram.abstract,
      version: version, registry: registry)
    HostProgram.$current.withValue(program) { RootCommand.main(arguments) }
  }
}

/// The executable that the commands are part of: what they know beyond what is typed.
///
/// ArgumentParser makes the commands itself, from their types alone, and asks the types for their help: nothing can be
/// passed to either. So the program is a task-local value, bound while the command runs; nobody can change it.
struct HostProgram: Sendable {
  let name: String
  let abstract: String
  let version: String
  let registry: OpRegistry

  /// `graphrun` itself where nothing is bound, as in tests of single commands.
  @TaskLocal static var current = HostProgram(
    name: "graphrun", abstract: abstract, version: GraphRunCommand.version, registry: standardOps)

  static var name: String { current.name }

  /// A command line of this program's, as a user would type it.
  static func line(_ words: String...) -> String { line(words) }

  static func line(_ words: [String]) -> String { ([name] + words).map(Shell.quoted).joined(separator: " ") }
}

extension HostProgram {
  static let abstract = "Runs graphs of data-preparation tasks within a memory bound, and resumes them."

  static var standardOps: OpRegistry {
    var registry = OpRegistry()
    StandardOps.register(into: &registry)
    return registry
  }

  static var nameOfProcess: String {
    CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "graphrun"
  }
}
