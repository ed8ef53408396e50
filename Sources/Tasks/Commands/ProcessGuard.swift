import CProcess
import Graph
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// Killing the children of a program that was killed.
//
// The kernel can kill a process when its parent dies, but not that process's own children: `sh -c "a; b"` would be gone
// and `a` would run on. So a shell of a few hundred kilobytes waits on a pipe that only this process holds open. When
// this process is gone, however it ended, the pipe ends; the shell reads the process groups that still run from a file
// without a name, which it shares with us, and kills them. While we live it sleeps: starting and ending a program only
// costs us a write of eleven bytes.

/// Kills the programs that still run when this process is killed. There is one, for it is about this one process.
final class ProcessGuard: Sendable {
  /// `nil` where it could not be started: then only the programs themselves are killed, not their children.
  static let shared: ProcessGuard? = ProcessGuard()

  private static let script = """
    : kills what graphrun leaves behind
    while read -r line; do :; done
    while read -r group; do
      if [ "$group" -gt 1 ]; then kill -s KILL -- "-$group"; fi
    done <&3
    """

  /// Process groups as lines of eleven bytes; 0 where there is none.
  private let table: Int32
  /// Lines by whether they are in use.
  private let lines = Mutex<[Bool]>([])

  private init?() {
    var ends: [Int32] = [-1, -1]
    let file = graphrun_anonymous_file()
    let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard file >= 0, nothing >= 0, graphrun_pipe(&ends) == 0 else { return nil }
    // The pipe's other end is never closed: that it ends is the sign.
    let files = [ends[0], nothing, nothing, file].map { Launch.lifted($0) }
    table = files[3]
    let launch = Launch(
      program: "/bin/sh", arguments: ["sh", "-c", ProcessGuard.script], environment: ["PATH=/usr/bin:/bin"],
      folder: "/",
      files: files, diesWithParent: false)
    let started = try? launch.start()
    for file in files.prefix(3) { close(file) }
    guard let started else { return nil }
    if started.handle >= 0 { close(started.handle) }
  }

  /// - Returns: what to call `remove` with, before the group's number may be given to another.
  func add(group: Int32) -> Int {
    let line = lines.withLock { lines in
      let free = lines.firstIndex(of: false) ?? lines.count
      if free == lines.count { lines.append(true) } else { lines[free] = true }
      return free
    }
    write(group, line)
    return line
  }

  func remove(_ line: Int) {
    write(0, line)
    lines.withLock { $0[line] = false }
  }

  private func write(_ group: Int32, _ line: Int) {
    var digits: (UInt64, UInt32) = (0, 0)
    withUnsafeMutableBytes(of: &digits) { bytes in
      var rest = group
      for position in stride(from: 9, through: 0, by: -1) {
        bytes[position] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      }
      bytes[10] = UInt8(ascii: "\n")
      pwrite(table, bytes.baseAddress, 11, off_t(line * 11))
    }
  }
}
