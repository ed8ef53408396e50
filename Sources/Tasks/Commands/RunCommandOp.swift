import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `command`: any program as a task.
struct RunCommandOp: CommandOp {
  private enum Run {
    /// For `/bin/sh`.
    case shell(CommandTemplate)
    case words([CommandTemplate])

    var templates: [CommandTemplate] {
      switch self {
      case .shell(let template): [template]
      case .words(let templates): templates
      }
    }
  }

  private let run: Run
  private let output: CommandTemplate?
  private let patterns: [String]?
  private let watch: [String]
  private let path: String
  /// What the program gets: graphrun's own, with what the command sets.
  private let environment: [String]
  private let folder: String
  let runsOnce: Bool

  init(_ arguments: OpArguments) throws {
    let params = arguments.map("params") ?? [:]
    if let text = arguments.string("run") {
      guard text.contains(where: { !$0.isWhitespace }) else { throw ParameterError("run", "the command is empty") }
      run = .shell(try CommandTemplate(text, use: .shell, of: "run", params: params))
    } else {
      let words = arguments.require(OpArguments.strings, "run")
      guard let program = words.first, !program.isEmpty else {
        throw ParameterError("run", "the list is empty; name a program and its arguments")
      }
      run = .words(try words.map { try CommandTemplate($0, use: .word, of: "run", params: params) })
    }
    output = try arguments.string("output").map {
      try CommandTemplate($0, use: .path, of: "output", params: params)
    }
    patterns = arguments.strings("files")
    watch = arguments.strings("watch") ?? []
    let given = arguments.map("environment") ?? [:]
    environment = RunCommandOp.environment(with: given)
    path = given["PATH"] ?? getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    for name in given.keys.sorted() where name.isEmpty || name.utf8.contains(where: { $0 == 0x3D || $0 == 0 }) {
      throw ParameterError("environment", "\"\(name)\" cannot be the name of a variable")
    }
    folder = arguments.require(OpArguments.string, "folder")
    runsOnce = arguments.require(OpArguments.boolean, "once")
    let isWritten = run.templates.contains { $0.placeholders.contains(.output) }
    if output == nil, isWritten {
      throw ParameterError("run", "it has {output}, but there is no \"output\": say where the file is to be")
    }
    if output != nil, !isWritten {
      throw ParameterError(
        "run",
        "it does not mention {output}: the program has to write there, and the file is renamed when it is complete"
      )
    }
  }

  private var placeholders: Set<CommandTemplate.Placeholder> {
    (run.templates + [output].compactMap { $0 }).reduce(into: []) { $0.formUnion($1.placeholders) }
  }

  var dependsOnIndex: Bool { placeholders.contains(.index) }

  func files() throws -> Partitions? { try patterns.map { Partitions(try FileListing.partitions(of: $0)) } }

  func watchedFiles() throws -> [FileIdentity] {
    guard !watch.isEmpty else { return [] }
    return try FileListing.partitions(of: watch, parameter: "watch").compactMap(\.file)
  }

  func outputPath(index: Int, inputs: [String]) throws -> String? {
    if inputs.isEmpty, !placeholders.isDisjoint(with: [.input, .inputs, .name, .stem]) {
      throw ParameterError(
        placeholders.isDisjoint(with: [.input, .inputs]) ? "output" : "run",
        "it speaks of an input, but there is no input file: give \"files\", or \"from\" with a task that writes files")
    }
    guard let path = output?.text(CommandTemplate.Values(inputs: inputs, index: index)) else { return nil }
    guard lastComponent(path).utf8.count <= 200 else {
      throw ParameterError("output", "\(path): the file's name is longer than 200 bytes")
    }
    return path
  }

  /// What a small program takes. `memory:` says it better, and what is measured counts.
  private static let expectedBytes = 8 << 20

  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: 256, scratch: RunCommandOp.expectedBytes)
  }

  func run(_ call: CommandCall, context: any TaskContext) throws -> any TaskValue {
    try checkUnchanged(call)
    guard let path = call.output else { return try execute(call, aside: nil, context: context) }
    return try context.publishFile(at: path) { aside in
      _ = try execute(call, aside: aside, context: context)
      try checkUnchanged(call)
    }
  }

  private func execute(_ call: CommandCall, aside: String?, context: any TaskContext) throws -> CommandOutcome {
    let values = CommandTemplate.Values(inputs: call.inputs.map(\.path), output: aside, index: call.index)
    let words: [String]
    let program: String
    switch run {
    case .shell(let template):
      words = ["sh", "-ec", template.text(values)]
      program = "/bin/sh"
    case .words(let templates):
      words = templates.flatMap { $0.isAllInputs ? values.inputs : [$0.text(values)] }
      program = try find(words[0])
    }
    let log = try CommandLog(context.logPath)
    let nothing = Launch.lifted(open("/dev/null", O_RDONLY | O_CLOEXEC))
    defer { close(nothing) }
    let running: RunningProgram
    do {
      running = try RunningProgram(
        Launch(
          program: program, arguments: words, environment: environment, folder: folder,
          files: [nothing, log.file, log.file]))
    } catch {
      throw describe(error, words[0])
    }
    let ending = try running.wait(context)
    guard ending.exitCode == 0 else { throw failure(ending, words[0], log, context) }
    log.removeIfEmpty()
    return CommandOutcome(exitCode: 0, seconds: ending.seconds, cpuSeconds: ending.cpuSeconds)
  }

  private static func environment(with given: [String: String]) -> [String] {
    var variables = given.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if given[String(text.prefix { $0 != "=" })] == nil { variables.append(text) }
      next += 1
    }
    return variables
  }

  // MARK: - Files

  /// What the program reads must be what the result is known by.
  private func checkUnchanged(_ call: CommandCall) throws {
    for file in call.inputs + call.watched {
      var info = stat()
      guard stat(file.path, &info) == 0 else {
        throw TaskError(
          .cannotRead, "the file cannot be read; put it back or make it readable, then resume", file: file.path,
          cause: systemMessage(errno))
      }
      guard Int(info.st_size) == file.byteCount, modificationTime(info) == file.modified else {
        throw TaskError(
          .cannotRead, "the file has changed since the run was planned; run again, so that it is planned as it is now",
          file: file.path)
      }
    }
  }

  /// Looks a program up as a shell does.
  private func find(_ name: String) throws -> String {
    if name.utf8.contains(UInt8(ascii: "/")) { return name }
    for entry in path.split(separator: ":") {
      let file = "\(entry)/\(name)"
      var info = stat()
      if access(file, X_OK) == 0, stat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG { return file }
    }
    throw TaskError(
      .failed, "there is no program \"\(name)\" in the folders of PATH; install it, or write where it is", cause: path)
  }

  // MARK: - What went wrong

  private func describe(_ failure: Launch.Failure, _ program: String) -> TaskError {
    let cause = systemMessage(failure.code)
    switch (failure.step, failure.code) {
    case (.folder, _):
      return TaskError(
        .failed, "its working folder cannot be entered; make it, or give another \"folder\"", file: folder, cause: cause
      )
    case (.program, ENOENT):
      return TaskError(
        .failed, "there is no program \(program), or none of the name in its first line; correct \"run\"", cause: cause)
    case (.program, EACCES):
      return TaskError(
        .failed, "\(program) is not executable; make it so (chmod +x), or name its interpreter", cause: cause)
    case (.program, ENOEXEC):
      return TaskError(
        .failed, "\(program) is no program, and has no first line such as #!/bin/sh; name its interpreter", cause: cause
      )
    case (.program, E2BIG):
      return TaskError(
        .failed, "its arguments are longer than the system allows; have it read names from a file", cause: cause)
    default: return TaskError(.failed, "\(program) cannot be started", cause: cause)
    }
  }

  private func failure(
    _ ending: RunningProgram.Ending, _ program: String, _ log: borrowing CommandLog, _ context: any TaskContext
  ) -> TaskError {
    var text: String
    if let code = ending.exitCode {
      text = "\(program) exited with \(code)"
      if case .shell = run, code == 127 { text += " (a program was not found)" }
    } else {
      text = "\(program) was killed by \(signalName(ending.signal))"
      if ending.signal == SIGKILL {
        text += "; if the machine ran out of memory, say with \"memory\" how much a task needs"
      }
    }
    if let lines = log.lastLines(5) { text += "; its last lines: \(lines)" } else { text += "; it printed nothing" }
    return TaskError(.failed, "\(text); see logs '\(context.key)'")
  }
}

extension RunCommandOp {
  static let definition = OpDefinition(
    name: "command", version: 1, summary: "runs any program, once for each input file or once",
    inputs: [
      OpInput(
        "inputs", .any, isOptional: true, isRepeated: true, takesFiles: true,
        summary: "sinks and commands, whose files it takes; it runs once for each partition of a bag")
    ],
    parameters: [
      OpParameter(
        "run", .command,
        summary: "a text for /bin/sh -e, or a list of a program and its arguments; {input} is the first input file, "
          + "{inputs} all, {output} the file to write, {name} the input's name, {stem} the same without its ending, "
          + "{index} the partition's number, {params.NAME} one of params"),
      OpParameter(
        "files", .files, isOptional: true, isIdentity: false,
        summary: "input files; it runs once for each of them, and {input} is that file"),
      OpParameter(
        "output", .path, isOptional: true,
        summary: "the file that each task writes, with {name}, {stem} or {index}; it appears when it is complete"),
      OpParameter("params", .map, isOptional: true, summary: "values for {params.NAME}"),
      OpParameter("environment", .map, isOptional: true, summary: "environment variables beside those of graphrun"),
      OpParameter(
        "folder", .path, default: .string("."), summary: "the working folder; the DAG file's folder unless given"),
      OpParameter(
        "watch", .files, isOptional: true, summary: "further files whose change makes it run again, such as the script"),
      OpParameter(
        "once", .boolean, default: .boolean(false), summary: "run once, with the files of all partitions as {inputs}"),
    ],
    output: "the output's path and size; without output, the exit code and the seconds it took",
    example: """
      thumbnails:
        op: command
        with:
          files: photos/*.jpg
          run: [convert, "{input}", -resize, "{params.size}", "{output}"]
          params: {size: 128x128}
          output: thumbs/{stem}.png
        timeout: 60
      """,
    maker: .command { try RunCommandOp($0) })
}
