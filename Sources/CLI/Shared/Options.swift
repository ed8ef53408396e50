import ArgumentParser
import Foundation
import Graph
import GraphFile
import Scheduler

/// `--set` as typed.
struct SetOption: ExpressibleByArgument, Sendable {
  let name: String
  let text: String

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else { return nil }
    name = String(argument[..<equals])
    text = String(argument[argument.index(after: equals)...])
  }
}

extension ByteCount: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
  public var defaultValueDescription: String { description }
}

/// Options of commands that read a DAG file.
struct PipelineOptions: ParsableArguments {
  @Argument(help: "The DAG file.", completion: .file(extensions: ["yaml", "yml", "json"]))
  var file: String

  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Give a parameter another value; can be repeated.", valueName: "name=value"))
  var sets: [SetOption] = []

  @Option(help: ArgumentHelp("The state folder. (default: .graphrun beside the DAG file)", valueName: "dir"))
  var state: String?

  var overrides: [Override] { sets.map { Override($0.name, $0.text, folder: Paths.current) } }

  func pipeline() throws -> Pipeline {
    try DAGFile.load(path: file).build(registry: HostProgram.current.registry, overrides: overrides)
  }

  func stateFolder() throws -> StateFolder { try StateLocation.folder(state: state, file: file) }
}

/// Options of commands that work with a state folder.
struct StateOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The state folder. (default: .graphrun beside the DAG file)", valueName: "dir"))
  var state: String?
}

/// Options of commands that only look, for which a copied file is enough.
struct StatePathOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The state folder, or a copy of its state.sqlite. (default: .graphrun beside the DAG file)", valueName: "path"))
  var state: String?
}

enum StateLocation {
  /// - Throws: `CommandFailure` if `state` names a file.
  static func folder(state: String?, file: String?) throws -> StateFolder {
    if let state {
      let path = Paths.absolute(state)
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
        throw CommandFailure(
          .usage,
          "--state \(state) is a file, and this command needs the state folder; only status and runs read a copy")
      }
      return StateFolder(path)
    }
    if let file { return StateFolder.beside(Paths.absolute(file)) }
    return StateFolder(Paths.absolute(".graphrun"))
  }

  /// The folder a command looks at when the user may have named a DAG file, a folder or nothing.
  static func existing(state: String?, file: String?) throws -> StateFolder {
    let folder = try folder(state: state, file: file)
    guard !folder.exists else { return folder }
    if state == nil, file == nil {
      throw CommandFailure(
        .cannotRun, "there is no .graphrun folder here; name the DAG file, or the state folder with --state")
    }
    throw CommandFailure(.cannotRun, "nothing has run yet: there is no state in \(folder.path)")
  }
}

enum Paths {
  static var current: String { FileManager.default.currentDirectoryPath }

  static func absolute(_ path: String) -> String {
    let full = path.hasPrefix("/") ? path : current + "/" + path
    return URL(fileURLWithPath: full).standardizedFileURL.path
  }

  /// The path as a user here would write it.
  static func shown(_ path: String) -> String {
    let here = current + "/"
    return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  }
}

/// Words as a shell reads them.
enum Shell {
  static func quoted(_ word: String) -> String {
    let plain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=:,+@%".contains($0)) }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
