import Foundation
import GRDB
import TestSupport

/// What tests need from the machine beyond the program: small disks, lesser rights, a look into the state file.
enum Sandbox {
  @discardableResult
  static func shell(_ command: String) -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return -1 }
    process.waitUntilExit()
    return process.terminationStatus
  }

  static let canMount: Bool = {
    guard getuid() == 0 else { return false }
    let folder = NSTemporaryDirectory() + "graphrun-mount-\(getpid())"
    return shell(
      "mkdir -p '\(folder)' && mount -t tmpfs -o size=64k tmpfs '\(folder)' && umount '\(folder)' && rmdir '\(folder)'")
      == 0
  }()

  /// A command in front of another one that takes root's rights away.
  static let withoutRights: [String] =
    getuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []

  static let canDropRights = FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")

  static func sql(_ statement: String, on path: String) throws {
    try DatabaseQueue(path: path).write { try $0.execute(sql: statement) }
  }
}
