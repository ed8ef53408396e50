// One import for programs that have the command built in, with operations of their own.

@_exported import CLI
@_exported import GraphRun
