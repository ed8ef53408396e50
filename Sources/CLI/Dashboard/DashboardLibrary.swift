import Dashboards
import Foundation
import Graph

/// Finds dashboards: the user's before the program's own.
struct DashboardLibrary: Sendable {
  struct Entry: Sendable {
    var name: String
    /// From the file; or, where it cannot be read, what is wrong with it.
    var description: String
    /// The file's path; `nil` for one that is built in.
    var path: String?
  }

  /// In the order they are looked through.
  let folders: [String]
  private let builtIn: [String: String]

  /// - Parameters:
  ///   - currentFolder: where the command was given.
  ///   - dagFolder: where the DAG file lies, if that is known.
  ///   - configFolder: the user's own, `~/.config/graphrun/dashboards`.
  init(
    currentFolder: String, dagFolder: String?, configFolder: String?,
    builtIn: [String: String] = BuiltInDashboards.texts
  ) {
    var folders: [String] = []
    for folder in [currentFolder + "/dashboards", dagFolder.map { $0 + "/dashboards" }, configFolder] {
      if let folder, !folders.contains(folder) { folders.append(folder) }
    }
    self.folders = folders
    self.builtIn = builtIn
  }

  static func configFolder(environment: [String: String]) -> String? {
    if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") { return folder + "/graphrun/dashboards" }
    return environment["HOME"].map { $0 + "/.config/graphrun/dashboards" }
  }

  /// - Parameter name: a name, or a path: with "/" in it or ".yaml" at its end.
  /// - Throws: `DashboardError`.
  func load(_ name: String) throws(DashboardError) -> Dashboard {
    if name.contains("/") || name.hasSuffix(".yaml") {
      let base = name.split(separator: "/").last.map(String.init) ?? name
      return try load(path: name, name: base.hasSuffix(".yaml") ? String(base.dropLast(5)) : base)
    }
    for folder in folders {
      let path = "\(folder)/\(name).yaml"
      if FileManager.default.fileExists(atPath: path) { return try load(path: path, name: name) }
    }
    if let text = builtIn[name] {
      return try DashboardReader.read(text, name: name, file: "built-in dashboard \(name)")
    }
    let all = entries()
    let near = nearestName(to: name, among: all.map(\.name)).map { "; did you mean \"\($0)\"?" } ?? ""
    let known = all.map { "\n  \($0.name.rightPadded(to: 12)) \($0.description)" }.joined()
    throw DashboardError(message: "there is no dashboard \"\(name)\"\(near)\nthere are:\(known)")
  }

  /// All there are, by name; of two with one name the one that is found first.
  func entries() -> [Entry] {
    var entries: [String: Entry] = [:]
    for folder in folders {
      let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      for file in files where file.hasSuffix(".yaml") && !file.hasPrefix(".") {
        let name = String(file.dropLast(5))
        guard entries[name] == nil else { continue }
        let path = "\(folder)/\(file)"
        do {
          let dashboard = try load(path: path, name: name)
          entries[name] = Entry(name: name, description: dashboard.description, path: path)
        } catch {
          entries[name] = Entry(name: name, description: "cannot be used: \(error)", path: path)
        }
      }
    }
    for (name, text) in builtIn where entries[name] == nil {
      let dashboard = try? DashboardReader.read(text, name: name, file: "built-in dashboard \(name)")
      entries[name] = Entry(name: name, description: dashboard?.description ?? "", path: nil)
    }
    return entries.values.sorted { $0.name < $1.name }
  }

  private func load(path: String, name: String) throws(DashboardError) -> Dashboard {
    guard let data = FileManager.default.contents(atPath: path) else {
      let why = FileManager.default.fileExists(atPath: path) ? "cannot be read" : "does not exist"
      throw DashboardError(file: path, message: "the dashboard file \(why)")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw DashboardError(file: path, message: "the dashboard file is not UTF-8 text")
    }
    return try DashboardReader.read(text, name: name, file: path)
  }
}

extension String {
  func rightPadded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - TextWidth.of(self)))
  }
}
