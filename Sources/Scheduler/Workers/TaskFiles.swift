import Graph

/// Names of the files that belong to tasks.
enum TaskFiles {
  /// Where a task's rejects go: told apart by DAG file and input path, since two inputs may have one name. `nil` for a
  /// run that leaves nothing behind.
  static func rejects(of task: TaskID, _ plan: RunPlan, _ settings: Engine.Settings) -> String? {
    guard let folder = settings.folder else { return nil }
    let key = plan.graph.key(of: task)
    var source = key.description
    if case .partition(let index) = key.role,
      let file = plan.graph.stages[plan.graph.stageNumber(of: task)].partitions[Int(index)].file
    {
      source = file.path
    }
    let name = shortened(plan.label(of: task) ?? "\(key)")
    return "\(folder.rejects)/\(key.stage)/\(name)-\(FileNames.tag(settings.file + "\n" + source)).jsonl"
  }

  /// Where a task's programs write their messages.
  static func log(of task: TaskID, _ plan: RunPlan, _ settings: Engine.Settings) -> String {
    log(of: plan.graph.key(of: task), file: settings.file, folder: settings.folder?.logs ?? "")
  }

  /// - Parameters:
  ///   - file: the DAG file, absolute.
  ///   - folder: where logs lie.
  static func log(of key: TaskKey, file: String, folder: String) -> String {
    let name = key.description
    return "\(folder)/\(key.stage)/\(shortened(name))-\(FileNames.tag(file + "\n" + name)).log"
  }

  private static func shortened(_ name: String) -> String {
    String(name.replacing("/", with: "_").unicodeScalars.prefix(40).map(Character.init))
  }
}
