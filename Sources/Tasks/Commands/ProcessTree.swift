import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process and all that descend from it, as the kernel tells in `/proc`; elsewhere only itself, without figures.
struct ProcessTree: Sendable {
  struct Member: Hashable, Sendable {
    let process: Int32
    /// When it began, in the kernel's ticks: tells it from another that got its number.
    let start: UInt64

    /// Whether it still runs.
    var isAlive: Bool { Member(process, runningOnly: true) == self }

    init?(_ process: Int32, runningOnly: Bool = false) {
      guard let text = ProcessTree.read("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
      // The name before may hold anything; what follows it is: state, parent, …, start as the twentieth.
      let fields = text[text.index(after: end)...].split(separator: " ")
      guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
      if runningOnly, fields[0] == "Z" || fields[0] == "X" { return nil }
      self.process = process
      self.start = start
    }
  }

  let root: Int32

  init(of process: Int32) { root = process }

  /// All of them, parents before children.
  var processes: [Int32] {
    var found = [root]
    var next = 0
    while next < found.count, found.count < 10_000 {
      found += ProcessTree.children(of: found[next])
      next += 1
    }
    return found
  }

  var members: [Member] { processes.compactMap { Member($0) } }

  /// Memory that all of them occupy; pages they share count once.
  var residentBytes: Int {
    let processes = processes
    guard processes.count > 1 else { return ProcessTree.resident(root) }
    return processes.reduce(0) { $0 + (ProcessTree.share($1) ?? ProcessTree.resident($1)) }
  }

  private static func resident(_ process: Int32) -> Int {
    let fields = read("/proc/\(process)/statm")?.split(separator: " ") ?? []
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
  }

  /// What a process occupies, of pages that it shares its part.
  private static func share(_ process: Int32) -> Int? {
    guard let text = read("/proc/\(process)/smaps_rollup"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Pss:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return kibibytes << 10
  }

  private static func children(of process: Int32) -> [Int32] {
    guard let tasks = opendir("/proc/\(process)/task") else { return [] }
    defer { closedir(tasks) }
    var children: [Int32] = []
    while let entry = readdir(tasks) {
      let thread = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { Int32(String(cString: $0)) }
      }
      guard let thread, let text = read("/proc/\(process)/task/\(thread)/children") else { continue }
      children += text.split(separator: " ").compactMap { Int32($0) }
    }
    return children
  }

  /// A small file of the kernel's; its first 4096 bytes.
  private static func read(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { place in
      #if canImport(Glibc)
        let count = Glibc.read(file, place.baseAddress, place.count)
      #else
        let count = Darwin.read(file, place.baseAddress, place.count)
      #endif
      return count > 0 ? String(decoding: place[..<count], as: UTF8.self) : nil
    }
  }
}
