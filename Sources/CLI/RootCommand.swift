import ArgumentParser

/// The command's root: what `--help` says first, and the verbs.
struct RootCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    let program = HostProgram.current
    return CommandConfiguration(
      commandName: program.name,
      abstract: program.abstract,
      discussion: """
        A DAG file names tasks and what they read from each other; \(program.name) runs them with bounded memory, \
        spills what does not fit, and writes every task's fate into one SQLite file.

        EXIT CODES
          0    everything is done
          1    a task failed
          2    the run could not start or go on
          64   wrong usage
          65   the DAG file is wrong
          130  interrupted

        EXAMPLE
          \(program.name) sample arxiv --items 2000 --output data
          \(program.name) run arxiv.yaml --set 'input=data/*.json' --memory 256MB
          \(program.name) status --watch
        """,
      version: program.version,
      subcommands: [
        RunCommand.self, ResumeCommand.self, StatusCommand.self, RunsCommand.self, PlanCommand.self,
        ExplainCommand.self, ResultCommand.self, LogsCommand.self, GraphCommand.self, OpsCommand.self,
        ValidateCommand.self, SampleCommand.self, CleanCommand.self, DoctorCommand.self,
      ])
  }
}
