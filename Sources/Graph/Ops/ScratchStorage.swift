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
  /// Reads neighbouring pieces: their bytes one behind the other.
  /// - Throws: `TaskError` with code `.cannotRead` if one bit is not as it was written.
  func read(_ pieces: Range<Int>) throws -> Buffer
}
