/// The dashboards that come with the program; their texts lie beside this file and are built into it.
public enum BuiltInDashboards {
  /// YAML by name.
  public static let texts: [String: String] = [
    "progress": text(PackageResources.progress_yaml),
    "tasks": text(PackageResources.tasks_yaml),
    "memory": text(PackageResources.memory_yaml),
    "failures": text(PackageResources.failures_yaml),
  ]

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
