// One import for Swift users: everything but the command.

@_exported import Graph
@_exported import GraphFile
@_exported import Scheduler
@_exported import Tasks
