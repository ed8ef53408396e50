import CXXHash
import Graph

/// The 64 bytes behind every spilled value: what it is, whose it is, and the checksum of both.
///
/// ```
///  0  magic "GRSPILL1"
///  8  length of the value in bytes, little-endian
/// 16  the task's fingerprint
/// 32  length of the kind's name, then the name, up to 23 bytes
/// 56  XXH3-64 of the bytes above, seeded with XXH3-64 of the value and its padding
/// ```
///
/// It comes last so that a value is written in one pass, and so that a value read back begins at a page. Space is
/// used again: the fingerprint tells a value from another that took its place. Every bit of an extent is covered.
///
/// A seal is a view of bytes that somebody else keeps.
struct SpillSeal {
  static let byteCount = 64
  static let longestKind = 23
  private static let magic = UInt64(bigEndian: 0x4752_5350_494C_4C31)

  private let bytes: UnsafeRawPointer
  /// Bytes of the value before it.
  let length: Int

  /// Bytes that a value of `length` bytes takes with its padding and seal.
  static func recordBytes(_ length: Int) -> Int { padded(length) + byteCount }

  static func padded(_ length: Int) -> Int { (length + byteCount - 1) / byteCount * byteCount }

  /// Seals a value: writes the 64 bytes behind it.
  static func write(
    to place: UnsafeMutableRawPointer, kind: String, length: Int, fingerprint: Fingerprint, valueHash: UInt64
  ) {
    place.storeBytes(of: magic, as: UInt64.self)
    place.storeBytes(of: UInt64(length).littleEndian, toByteOffset: 8, as: UInt64.self)
    place.storeBytes(of: fingerprint.high.bigEndian, toByteOffset: 16, as: UInt64.self)
    place.storeBytes(of: fingerprint.low.bigEndian, toByteOffset: 24, as: UInt64.self)
    let name = UnsafeMutableRawBufferPointer(start: place + 32, count: 24)
    name.initializeMemory(as: UInt8.self, repeating: 0)
    name[0] = UInt8(kind.utf8.count)
    for (index, byte) in kind.utf8.enumerated() { name[index + 1] = byte }
    let checksum = XXH3_64bits_withSeed(place, 56, valueHash)
    place.storeBytes(of: checksum.littleEndian, toByteOffset: 56, as: UInt64.self)
  }

  /// A seal that is believed only as far as bounds go, until `isGenuine(valueHash:)` says so.
  /// - Returns: `nil` if it is none, or not that of an extent of `extentBytes`.
  init?(at bytes: UnsafeRawPointer, extentBytes: Int) {
    let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    guard bytes.loadUnaligned(as: UInt64.self) == SpillSeal.magic, length < 1 << 42,
      SpillSeal.recordBytes(Int(length)) == extentBytes,
      bytes.load(fromByteOffset: 32, as: UInt8.self) <= SpillSeal.longestKind
    else { return nil }
    self.bytes = bytes
    self.length = Int(length)
  }

  var kind: String {
    let count = Int(bytes.load(fromByteOffset: 32, as: UInt8.self))
    return String(decoding: UnsafeRawBufferPointer(start: bytes + 33, count: count), as: UTF8.self)
  }

  func belongs(to fingerprint: Fingerprint) -> Bool {
    bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self) == fingerprint.high.bigEndian
      && bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self) == fingerprint.low.bigEndian
  }

  /// Whether it is the seal that was made for a value of that hash.
  func isGenuine(valueHash: UInt64) -> Bool {
    let checksum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 56, as: UInt64.self))
    return XXH3_64bits_withSeed(bytes, 56, valueHash) == checksum
  }
}

/// XXH3-64 of bytes that come in pieces.
final class RunningHash {
  private let state: OpaquePointer

  init() {
    state = XXH3_createState()
    XXH3_64bits_reset(state)
  }

  deinit { XXH3_freeState(state) }

  func reset() { XXH3_64bits_reset(state) }
  func update(_ base: UnsafeRawPointer, _ count: Int) { XXH3_64bits_update(state, base, count) }
  var value: UInt64 { XXH3_64bits_digest(state) }
}
