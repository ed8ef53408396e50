import Foundation

/// Folders for tests, and where the checkout lies.
public enum TestFiles {
  public static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  /// Runs `body` with an empty folder that is gone afterwards.
  public static func withFolder<T>(_ body: (String) throws -> T) throws -> T {
    let path = NSTemporaryDirectory() + "graphrun-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  /// The same for a body that waits.
  public static func withFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    let path = NSTemporaryDirectory() + "graphrun-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
  }

  /// The checkout's root: the nearest folder above this file with a Package.swift.
  public static let root: String = {
    var url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    while url.path != "/", !exists(url.appendingPathComponent("Package.swift").path) { url.deleteLastPathComponent() }
    return url.path
  }()

  /// Real inputs and golden outputs that lie beside some checkouts; `nil` elsewhere.
  public static let shared: String? = {
    let path =
      ProcessInfo.processInfo.environment["GRAPHRUN_SHARED"]
      ?? URL(fileURLWithPath: root).deletingLastPathComponent().appendingPathComponent("shared").path
    return exists(path + "/data/arxiv/raw") ? path : nil
  }()

  public static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  public static func write(_ text: String, to path: String) throws {
    let folder = (path as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  public static func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }
}
