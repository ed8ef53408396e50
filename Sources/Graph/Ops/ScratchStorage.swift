#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes on disk that tasks of one run hand to others of the same run: what passes between the two halves of a shuffle.
///
/// They lie in few large files, count against the spill limit, and are gone with the last who holds an extent, or with
/// the run.
public protocol ScratchStorage: Sendable {
  /// Writes pieces one behind the other, each with a checksum of its own. Any thread may call.
  ///
  /// - Throws: `TaskError` with code `.diskFull` for a full disk or a reached limit.
  func write(_ pieces: [UnsafeRawBufferPointer]) throws -> any ScratchExtent
}

/// Where pieces lie that were written together.
public protocol ScratchExtent: AnyObject, Sendable {
  /// Bytes of each piece, in order.
  var pieceBytes: [Int] { get }
  /// Reads neighbouring pieces, one behind the other, to a place that has room for their bytes.
  /// - Throws: `TaskError` with code `.cannotRead` if one bit is not as it was written.
  func read(_ pieces: Range<Int>, into place: UnsafeMutableRawPointer) throws
}

extension ScratchExtent {
  /// Reads neighbouring pieces: their bytes one behind the other.
  /// - Throws: `TaskError` with code `.cannotRead` if one bit is not as it was written, `.outOfMemory` without room for it.
  public func read(_ pieces: Range<Int>) throws -> Buffer {
    let count = pieceBytes[pieces].reduce(0, +)
    guard let place = LargeMemory.allocate(max(count, 1)) else {
      throw TaskError(.outOfMemory, "no memory for \(ByteCount(count)) that were set aside")
    }
    let buffer = Buffer(adoptingHeap: place, count: count)
    try read(pieces, into: place)
    return buffer
  }
}
