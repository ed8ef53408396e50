import CMemory
import Foundation
import Graph

/// What the kernel says about this process's memory.
public enum ProcessMemory {
  /// Makes the allocator give large freed blocks back to the kernel. Call once, before threads start.
  ///
  /// A block of 128 KiB or more gets a map of its own; measured on glibc 2.36, what is freed then really
  /// leaves the process, where the default keeps nearly all of it.
  public static func tuneAllocator() { graphrun_tune_allocator(128 << 10) }

  /// Gives back what small freed blocks still hold.
  public static func releaseFreeMemory() { _ = graphrun_release_free_memory() }

  /// Bytes of the process that are in memory now.
  public static func resident() -> Int {
    guard let text = readSmallFile("/proc/self/statm") else { return 0 }
    let fields = text.split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
  }

  /// The most bytes that were in memory at any time.
  public static func peakResident() -> Int {
    // Not getrusage: its figure survives exec and may be the parent's.
    let status = readSmallFile("/proc/self/status", most: 4096) ?? ""
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }) else { return 0 }
    return (Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0) * 1024
  }

  /// Half of what this process may use: of the machine's memory, or of its control group's limit.
  public static func defaultLimit() -> ByteCount {
    var most = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
    for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      if let text = readSmallFile(path), let limit = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) {
        most = min(most, limit)
      }
    }
    return ByteCount(most / 2)
  }

  private static func readSmallFile(_ path: String, most: Int = 256) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: most)
    let count = read(file, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
