#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Memory from `malloc`, in huge pages where it is large and the kernel has them.
///
/// Large buffers are mapped anew each time, so that the process shrinks when they are freed, and each of their pages is
/// first faulted in: with pages of 4 KiB a fifth of a reader's time.
public enum LargeMemory {
  /// Of two huge pages: below, too little of a buffer is whole ones.
  private static let leastAdvised = 4 << 20
  private static let pageByteCount = sysconf(Int32(_SC_PAGESIZE))

  /// - Parameter byteCount: above 0.
  /// - Returns: what `free` frees; `nil` where the kernel refuses it.
  public static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    guard let memory = malloc(byteCount) else { return nil }
    if byteCount >= leastAdvised { advise(memory, byteCount) }
    return memory
  }

  /// - Parameters:
  ///   - memory: of `malloc`.
  ///   - byteCount: above 0.
  /// - Returns: the same bytes with other room, perhaps elsewhere; `nil` where the kernel refuses it, and then `memory` is
  ///   as it was.
  public static func reallocate(_ memory: UnsafeMutableRawPointer, to byteCount: Int) -> UnsafeMutableRawPointer? {
    guard let moved = realloc(memory, byteCount) else { return nil }
    if byteCount >= leastAdvised { advise(moved, byteCount) }
    return moved
  }

  /// All of the mapping, and no page more or less: the kernel cannot move one in two parts, and `realloc` would copy.
  private static func advise(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
    #if os(Linux)
      func rounded(_ count: Int, to unit: Int) -> Int { (count + unit - 1) & ~(unit - 1) }
      // As glibc maps it: 16 bytes in front in a mapping of their own, and the size of the next block behind.
      let start = Int(bitPattern: memory) & ~(pageByteCount - 1)
      let count = rounded(rounded(byteCount + 8, to: 16) + 8, to: pageByteCount)
      // Where the kernel has none, small pages do.
      madvise(UnsafeMutableRawPointer(bitPattern: start), count, MADV_HUGEPAGE)
    #endif
  }
}
