import Synchronization

/// Paths that must be looked after if the campaign is interrupted.
final class PathList: Sendable {
  private let paths = Mutex<[String]>([])

  var all: [String] { paths.withLock { $0 } }
  func append(_ path: String) { paths.withLock { $0.append(path) } }
  func remove(_ path: String) { paths.withLock { $0.removeAll { $0 == path } } }
}

/// What an interrupted campaign does before it goes.
public enum CleanUp {
  /// Kills the children that still run and unmounts the small disks.
  public static func now() {
    ChildProcess.killAll()
    SmallDisk.unmountAll()
  }
}
