#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The first place in `count` bytes from `base` on where `wanted`, which is not empty, stands whole.
///
/// glibc's `memmem` is an extension that Swift does not see; where the first byte is rare this is as fast.
/// - Complexity: O(count), and O(count · wanted) where most of `wanted` turns up again and again.
func firstOccurrence(of wanted: [UInt8], in base: UnsafeRawPointer, count: Int) -> Int? {
  var place = 0
  while count - place >= wanted.count {
    guard let found = memchr(base + place, Int32(wanted[0]), count - place - wanted.count + 1) else { return nil }
    place = UnsafeRawPointer(found) - base
    if memcmp(base + place, wanted, wanted.count) == 0 { return place }
    place += 1
  }
  return nil
}
