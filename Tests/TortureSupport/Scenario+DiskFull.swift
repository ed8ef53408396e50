import Foundation

/// A small file system in memory. Gone, with all that is in it, when it goes out of use.
final class SmallDisk {
  let path: String
  private static let remount: UInt = 32  // MS_REMOUNT

  /// - Throws: `Scenario.Skip` where one may not mount.
  init(_ path: String, megabytes: Int) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
      throw Scenario.Skip("a small disk cannot be mounted (\(String(cString: strerror(errno)))): it needs root")
    }
    SmallDisk.mounted.append(path)
  }

  func resize(megabytes: Int) throws {
    guard mount("tmpfs", path, "tmpfs", SmallDisk.remount, "size=\(megabytes)m") == 0 else {
      throw ChildProcess.Failure(description: "\(path) cannot be enlarged: \(String(cString: strerror(errno)))")
    }
  }

  deinit {
    SmallDisk.unmount(path)
    SmallDisk.mounted.remove(path)
  }

  private static func unmount(_ path: String) {
    // Somebody may still look at it: it goes when they are through.
    if umount2(path, 0) != 0 { umount2(path, 2) }  // MNT_DETACH
  }

  private static let mounted = PathList()

  /// For a campaign that is interrupted itself.
  static func unmountAll() {
    for path in mounted.all { unmount(path) }
  }
}

extension Scenario {
  private static let enough = 1024

  /// The disk of the state folder, or of a folder in it, is too small for the run; then it is enlarged.
  ///
  /// The run may fail, in words that name the disk, or find another way; it may not hang, crash, or leave what cannot
  /// be resumed.
  static func diskFull(
    _ bench: Bench, below folder: String?, megabytes: Int, _ random: inout TortureRandom
  ) throws -> String {
    let keeps = folder == "results"
    let graph = holdingGraph(&random, keepsMixed: keeps)
    let disk = try SmallDisk(bench.state + (folder.map { "/" + $0 } ?? ""), megabytes: megabytes)
    try bench.write(graph)
    if !keeps {
      // That it has to spill more than the small disk holds is seen first, on a large one.
      try disk.resize(megabytes: enough)
      let run = try bench.run("run", bench.dagFile, "--memory", "40MB", "--workers", "2", "--json")
      guard bench.expect(run.isDone, "undisturbed: \(run.said)", kind: .lost) else { return "" }
      let spilled = try json(run)["spilled_bytes"] as? Int ?? 0
      guard bench.expect(spilled > 2 * megabytes << 20, "only \(spilled) bytes were spilled: this tests nothing") else {
        return ""
      }
      for path in Files.names(in: bench.state) where bench.state + "/" + path != disk.path {
        try FileManager.default.removeItem(atPath: bench.state + "/" + path)
      }
      for path in Files.names(in: disk.path) { try FileManager.default.removeItem(atPath: disk.path + "/" + path) }
      try disk.resize(megabytes: megabytes)
    }
    let full = try bench.run("run", bench.dagFile, "--memory", "40MB", "--workers", "2")
    var note = "managed without the disk"
    if !full.isDone {
      expectDiskNamed(full, bench)
      if let look = try bench.look() {
        bench.expect(look.integrity == "ok", "integrity check: \(look.integrity)", kind: .integrity)
      }
      // Still full: it says so again, and hurts nothing.
      expectDiskNamed(try bench.run("resume", bench.dagFile), bench, orRunMissing: true)
      try disk.resize(megabytes: enough)
      let hasRun = try bench.look()?.runs.isEmpty == false
      let resumed =
        hasRun
        ? try bench.run("resume", bench.dagFile)
        : try bench.run("run", bench.dagFile, "--memory", "40MB", "--workers", "2")
      bench.expect(resumed.isDone, "with room again: \(resumed.said)", kind: .lost)
      note = "failed clearly at \(megabytes) MB (\(full.ending)), then resumed"
    }
    try bench.expectClean()
    try bench.expectResults(of: graph)
    return note
  }

  private static func expectDiskNamed(
    _ outcome: ChildProcess.Outcome, _ bench: Bench, orRunMissing: Bool = false
  ) {
    if orRunMissing,
      outcome.isDone || outcome.said.contains("there is no run") || outcome.said.contains("nothing has run")
    {
      return
    }
    bench.expect(
      [.exited(1), .exited(2)].contains(outcome.ending), "a full disk must end in exit code 1 or 2: \(outcome.said)")
    let said = outcome.said.lowercased()
    bench.expect(
      said.contains("disk") && (said.contains("full") || said.contains("space")),
      "the full disk is not named: \(outcome.said)")
  }

  /// A user's output files go to a disk that is too small: none of them is half there.
  static func outputDiskFull(_ bench: Bench, _ random: inout TortureRandom) throws -> String {
    let disk = try SmallDisk(bench.folder + "/disk", megabytes: 2)
    let papers = try Papers(
      program: bench.program, folder: bench.folder + "/papers", items: 8000, files: 20,
      seed: UInt64.random(in: 0..<1000, using: &random))
    let output = disk.path + "/out"
    try bench.write(Papers.text(data: papers.folder + "/data", output: output))
    let full = try bench.finish(bench.start(bench.runArguments()))
    bench.expect(full.ending == .exited(1), "a full disk must end in exit code 1: \(full.said)")
    expectDiskNamed(full, bench)
    let whole = Files.contents(of: output)
    bench.expect(!whole.isEmpty && whole.count < papers.expected.count, "\(whole.count) files fit: this tests nothing")
    papers.checkFiles(bench, in: output)
    try disk.resize(megabytes: enough)
    let resumed = try bench.run("resume", bench.dagFile)
    bench.expect(resumed.isDone, "with room again: \(resumed.said)", kind: .lost)
    try papers.checkEnd(bench, in: output)
    try bench.expectClean()
    return "\(whole.count) of \(papers.expected.count) files whole when full, all after the resume"
  }

  static func json(_ outcome: ChildProcess.Outcome) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any] ?? [:]
  }
}
