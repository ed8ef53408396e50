import ArgumentParser

/// The `graphrun` command.
@main
struct Graphrun: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "graphrun",
    abstract: "Runs graphs of data-preparation tasks within a memory bound, and resumes them.",
    discussion: """
      A DAG file names tasks and what they read from each other; graphrun runs them with bounded memory, \
      spills what does not fit, and writes every task's fate into one SQLite file.

      EXIT CODES
        0    everything is done
        1    a task failed
        2    the run could not start or go on
        64   wrong usage
        65   the DAG file is wrong
        130  interrupted

      EXAMPLE
        graphrun sample arxiv --items 2000 --output data
        graphrun run arxiv.yaml --set 'input=data/*.json' --memory 256MB
        graphrun status --watch
      """,
    version: version,
    subcommands: [
      RunCommand.self, ResumeCommand.self, StatusCommand.self, RunsCommand.self, PlanCommand.self, ExplainCommand.self,
      ResultCommand.self, LogsCommand.self, GraphCommand.self, OpsCommand.self, ValidateCommand.self,
      SampleCommand.self,
      CleanCommand.self,
      DoctorCommand.self,
    ])
}
